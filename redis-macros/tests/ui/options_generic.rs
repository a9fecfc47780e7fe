#![allow(unused)]

use redis_core::prelude::*;

family!("test");

#[derive(Options)]
struct SetOptions<T> {
    expiry: Option<T>,
}

fn main() {}
