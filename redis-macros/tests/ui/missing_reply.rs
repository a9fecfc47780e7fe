#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn get(db: &Db, key: Key, reply: &mut Reply) -> Result<()> {
    Ok(())
}

fn main() {}
