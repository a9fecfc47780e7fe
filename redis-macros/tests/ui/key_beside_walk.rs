#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
fn count(walk: Walk, #[key(RO)] key: Key) {}

/// Does something else.
#[command(since = "1.0.0", complexity = "O(1)")]
fn tally(walk: &mut Walk) {}

fn main() {}
