#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn mset(db: &mut Db, key: Key, (from, to): (i64, i64)) {}

fn main() {}
