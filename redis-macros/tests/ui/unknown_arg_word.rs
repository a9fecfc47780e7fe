#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn lpop(db: &mut Db, key: Key, #[arg(sinse = "6.2.0")] count: Option<i64>) {}

fn main() {}
