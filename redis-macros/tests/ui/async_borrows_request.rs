#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
async fn fetch(caller: Caller, url: &[u8], pattern: Pattern, headers: Rest<(&[u8], i64)>) -> Okay { Okay }

/// Does something else.
#[command("FETCHALL", since = "1.0.0", complexity = "O(1)")]
async fn fetch_all(caller: Caller, keys: Keys) -> Okay { Okay }

fn main() {}
