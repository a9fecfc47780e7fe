#![allow(unused)]

use redis_core::prelude::*;

#[derive(Clone)]
struct Pair<T>(T, T);

#[data_type(name = "acme-pair", version = 1)]
impl<T: Into<i64>> DataType for Pair<T> {
    fn save(&self, rdb: &mut RdbWriter) {}

    fn load(rdb: &mut RdbReader, _version: u16) -> Result<Self, RdbError> {
        Err(RdbError::Malformed("a pair"))
    }
}

fn main() {}
