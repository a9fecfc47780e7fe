#![allow(unused)]

use redis_core::prelude::*;

family!("test");

#[derive(Options)]
struct SetOptions(bool, Option<i64>);

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn set(db: &mut Db, key: Key, value: &[u8], options: SetOptions) {}

fn main() {}
