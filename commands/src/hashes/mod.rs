//! Hash commands, and the lifetimes of a hash's fields.

mod arguments;
mod expiry;
mod fields;

mod numbers;
mod random;
mod scan;
mod with_expiry;

use redis_core::prelude::*;

family!("hash", acl = HASH);

/// Fields that a command is about to overwrite although their time is over: they are gone before it sets them anew, and
/// followers are told so first.
#[derive(Default)]
struct Overwritten(Vec<Box<[u8]>>);

impl Overwritten {
    /// To be called before a field is set.
    #[inline]
    fn note(&mut self, hash: &Hash, field: &[u8], now: u64) {
        if hash.has_expired(field, now) {
            self.0.push(field.into());
        }
    }

    /// To be called before the change is announced.
    fn announce(self, db: &mut Db, key: Key) {
        if !self.0.is_empty() {
            db.members_expired(key, Kind::Hash, self.0);
        }
    }
}
