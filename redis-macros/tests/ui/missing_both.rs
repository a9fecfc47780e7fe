#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command]
fn get(db: &Db, key: Key) {}

fn main() {}
