#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(complexity = "O(1)")]
fn get(db: &Db, key: Key) {}

fn main() {}
