#![allow(unused)]

use redis_core::prelude::*;

family!("test", acl = STRINGS);

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn get(db: &Db, key: Key) {}

fn main() {}
