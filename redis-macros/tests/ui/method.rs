#![allow(unused)]

use redis_core::prelude::*;

family!("test");

struct Commands;

impl Commands {
    /// Does something.
    #[command(since = "1.0.0", complexity = "O(1)")]
    fn get(&self, key: Key) {}
}

fn main() {}
