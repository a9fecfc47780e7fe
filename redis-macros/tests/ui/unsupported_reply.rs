#![allow(unused)]

use redis_core::prelude::*;

family!("test");

struct Color;

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn color(db: &Db, key: Key) -> Result<Color> {
    Ok(Color)
}

fn main() {}
