#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "one", complexity = "O(1)")]
fn get(db: &Db, key: Key) {}

fn main() {}
