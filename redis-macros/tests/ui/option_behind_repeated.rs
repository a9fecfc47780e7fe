#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn mget(db: &Db, keys: Keys, count: Option<i64>) {}

fn main() {}
