#![allow(unused)]

use redis_core::prelude::*;

family!("test");

/// Does something.
#[command(since = "1.0.0", complexity = "O(1)")]
async fn fetch(client: &mut Client, server: &Server, reply: &mut Reply, log: &mut Propagation) -> Okay { Okay }

fn main() {}
