#![allow(unused)]

use redis_core::prelude::*;

struct Bucket(i64);

#[data_type(name = "acme-bckt", version = 1)]
impl DataType for Bucket {
    fn save(&self, rdb: &mut RdbWriter) {
        rdb.signed(self.0);
    }

    fn load(rdb: &mut RdbReader, _version: u16) -> Result<Self, RdbError> {
        Ok(Self(rdb.signed()?))
    }
}

fn main() {}
