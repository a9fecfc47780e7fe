#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexty = "O(1)")]
fn get(db: &Db, key: Key) {}

fn main() {}
