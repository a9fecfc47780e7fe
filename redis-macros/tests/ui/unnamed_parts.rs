#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn mset(db: &mut Db, data: Many<(Key, &[u8])>) {}

fn main() {}
