#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)", flags(NOSCRIPT, WRITE, NO_MULTI))]
async fn fetch(caller: Caller, key: Key) -> Okay { Okay }

fn main() {}
