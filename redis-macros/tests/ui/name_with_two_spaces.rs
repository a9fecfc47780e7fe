#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command("CLIENT NO EVICT", since = "1.0.0", complexity = "O(1)")]
fn get(db: &Db, key: Key) {}

fn main() {}
