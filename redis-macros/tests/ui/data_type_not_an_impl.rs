#![allow(unused)]

use redis_core::prelude::*;

#[data_type(name = "acme-bckt", version = 1)]
struct Bucket(i64);

#[data_type(name = "acme-bckt", version = 1)]
impl Bucket {}

#[data_type(name = "acme-bckt", version = 1)]
impl Clone for Bucket {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

fn main() {}
