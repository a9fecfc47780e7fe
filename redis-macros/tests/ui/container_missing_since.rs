#![allow(unused)]

use redis_core::prelude::*;

family!("test");

container!("CONFIG", "A container for configuration.");

fn main() {}
