#![allow(unused)]

use redis_core::prelude::*;

family!("test");

#[derive(Options)]
enum By {
    Radius(f64, f64),
}

fn main() {}
