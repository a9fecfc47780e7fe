#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
async fn fetch(caller: Caller, #[key(RO)] key: Key) -> usize {
    let names = std::rc::Rc::new(Vec::<String>::new());
    caller.read(key, |db, key| db.exists(key)).await;
    names.len()
}

fn main() {}
