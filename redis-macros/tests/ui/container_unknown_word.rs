#![allow(unused)]

use redis_core::prelude::*;

family!("test");

container!("CONFIG", since = "2.0.0", "A container for configuration.", help_flag(STALE));

fn main() {}
