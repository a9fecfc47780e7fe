#![allow(unused)]

use redis_core::prelude::*;

family!("test");

#[derive(Options)]
struct SetOptions {
    #[arg(conflict = "ERR twice")]
    nx: bool,
}

fn main() {}
