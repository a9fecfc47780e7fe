#![allow(unused)]

use redis_core::prelude::*;

family!("test");

#[derive(Options)]
struct SortOptions {
    store: Option<Key>,
}

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn sort(db: &mut Db, key: Key, options: SortOptions) {}

fn main() {}
