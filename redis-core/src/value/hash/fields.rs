//! The table behind a large hash.

use crate::hash::hash;
use crate::value::member::Field;
use crate::value::member::Mortal;
use crate::value::member_table::MemberTable;

/// The fields of a hash in a table.
pub(super) type Fields = MemberTable<Field>;

impl MemberTable<Field> {
    /// Sets a field. Returns whether there was no live one.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], deadline: u64, now: u64) -> bool {
        let hash = hash(field);
        let existing = self.edit_hashed(hash, field, |found| {
            let expired = found.ends_at() <= now;
            found.set(value, deadline);
            expired
        });
        existing.unwrap_or_else(|| {
            self.insert_new(hash, Field::new(field, value, deadline));
            true
        })
    }
}
