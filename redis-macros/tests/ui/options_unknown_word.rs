#![allow(unused)]

use redis_core::prelude::*;

family!("test");

#[derive(Options)]
#[options(chek = check)]
struct SetOptions {
    nx: bool,
    xx: bool,
}

fn check(raw: &SetOptionsRaw<'_>) -> Result<()> {
    if raw.nx && raw.xx { Err(Error::SYNTAX) } else { Ok(()) }
}

fn main() {}
