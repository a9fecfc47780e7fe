#![allow(unused)]

use redis_core::prelude::*;

family!("test");

struct Color;

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn paint(db: &Db, key: Key) -> Result<bool> {
    Ok(db.get::<Color>(key)?.is_some())
}

fn main() {}
