#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn lpop(db: &mut Db, key: Key, #[arg(error = "count is wrong")] count: i64) {}

fn main() {}
