#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)", reply = Any)]
fn exec(call: &mut Call<'_>, reply: &mut Reply) {}

fn main() {}
