#![allow(unused)]

use redis_core::prelude::*;

family!("test");

#[derive(Options)]
union SetOptions {
    nx: bool,
}

fn main() {}
