//! Point-in-time copies of the keyspace, taken while commands run: no fork, no second copy of the data.
//!
//! A snapshot is an *epoch*. It begins under all locks, which takes no longer than to look at each shard once. From
//! then on an entry is either of the new epoch (made since, or already copied) or of an older one, and has to be copied
//! before it changes. Two parties copy:
//!
//! - The [`Sweeper`], on a thread of its own, walks the tables from one home bucket to the next in slices of some
//!   microseconds, each under the lock of one shard. Locks are given back *fairly*: whoever waits comes first.
//! - Whoever is about to change an entry that the sweep has not reached copies it first. [`Keys`] is the one place where
//!   entries are lent for writing and taken out, so nobody can forget to. An entry that leaves whole (a deletion,
//!   FLUSHDB) is not copied but handed over, and freed when it has been written.
//!
//! Both append *records* to a [`Portion`]; what a record looks like is the caller's choice. Compression, checksum and
//! writing happen with no lock held. The order of the records is that in which keys were met, so a portion says which
//! database each run of records belongs to.
//!
//! What is known of a sweep stands in [`Keys`], beside the table: a write looks at memory that it touches anyway, and
//! SWAPDB, which exchanges `Keys`, needs no thought. Its cursor is that of SCAN, which survives splits and merges.
//!
//! Epochs are numbers of one byte, 1 to 255, and 0 stands for none. Marks of a sweep that was given up remain, so a
//! number must not come again while they do: after the last number a sweep without records wipes them.

mod portion;
mod sweeper;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;

pub use portion::Portion;
pub use sweeper::{Slice, Sweeper};

use super::entry::Entry;
use super::shard::Keys;
use crate::rdb::Writer;

/// Appends the record of an entry.
pub type RecordEntry = Box<dyn Fn(&mut Writer, &Entry) + Send + Sync>;

/// The epochs of a store.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    /// The epoch of the last snapshot that has begun.
    last: u8,
    /// One is being taken.
    running: bool,
}

/// What is known to the keys of one database in one shard while they are being copied.
pub(crate) struct Sweep {
    /// Their database when the snapshot began, whatever SWAPDB has done since.
    database: usize,
    epoch: u8,
    /// How far the sweeper has come.
    cursor: u64,
    outbox: Arc<Outbox>,
}

/// What changes have brought, on its way to the sweeper.
struct Outbox {
    /// None if nothing is to be recorded: marks are wiped.
    record: Option<RecordEntry>,
    /// Nobody knows of the sweep any more. Set under all locks.
    cancelled: AtomicBool,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    /// Copies of what has changed.
    portion: Portion,
    /// Entries that have left, with their database.
    entries: Vec<(usize, Entry)>,
    /// Whole databases that have been emptied.
    keys: Vec<Keys>,
}

impl Sweep {
    /// Whether an entry is yet to be copied.
    #[inline]
    fn owes(&self, entry: &Entry) -> bool {
        entry.epoch() != self.epoch
    }

    /// The mark of what need not be copied.
    #[inline]
    pub(super) fn epoch(&self) -> u8 {
        self.epoch
    }

    /// Copies an entry that is about to change.
    #[cold]
    #[inline(never)]
    pub(super) fn preserve(&self, entry: &Entry) {
        if !self.owes(entry) {
            return;
        }
        entry.set_epoch(self.epoch);
        if let Some(record) = &self.outbox.record {
            self.outbox.waiting.lock().portion.append(self.database, record, entry);
        }
    }

    /// Takes over an entry that leaves, if it is yet to be copied; gives it back if not.
    #[cold]
    #[inline(never)]
    pub(super) fn take_over(&self, entry: Entry) -> Option<Entry> {
        if self.outbox.record.is_none() || !self.owes(&entry) {
            return Some(entry);
        }
        self.outbox.waiting.lock().entries.push((self.database, entry));
        None
    }

    /// Copies entries of `table`, each if it is yet to be copied, until `enough` says so after one home bucket. Answers
    /// whether all are done.
    pub(super) fn advance(
        &mut self,
        table: &crate::table::Table<Entry>,
        portion: &mut Portion,
        mut enough: impl FnMut(&Portion) -> bool,
    ) -> bool {
        let (epoch, database, record) = (self.epoch, self.database, self.outbox.record.as_ref());
        loop {
            self.cursor = table.scan(self.cursor, &mut |entry| {
                if entry.epoch() != epoch {
                    entry.set_epoch(epoch);
                    if let Some(record) = record {
                        portion.append(database, record, entry);
                    }
                }
            });
            if self.cursor == 0 {
                return true;
            }
            if enough(portion) {
                return false;
            }
        }
    }
}

/// Hands keys that leave all at once to their sweep, if they have one; gives them back if not.
pub(super) fn take_over_all(keys: Keys) -> Option<Keys> {
    match &keys.sweep {
        None => Some(keys),
        Some(sweep) => {
            let outbox = sweep.outbox.clone();
            outbox.waiting.lock().keys.push(keys);
            None
        }
    }
}
