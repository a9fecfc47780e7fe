#![allow(unused)]

use redis_core::prelude::*;

family!("test");

struct Color;

#[derive(Options)]
struct PaintOptions {
    color: Option<Color>,
}

fn main() {}
