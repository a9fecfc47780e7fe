#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0")]
fn get(db: &Db, key: Key) {}

fn main() {}
