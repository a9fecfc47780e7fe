//! Point-in-time copies of the keyspace, taken while commands run: no fork, no second copy of the data.
//!
//! A snapshot is an *epoch*. It begins under all locks, which takes no longer than to look at each shard once. From
//! then on an entry is either of the new epoch (made since, or already copied) or of an older one, and has to be copied
//! before it changes. Two parties copy:
//!
//! - The [`Sweeper`], on a thread of its own, walks the tables from one home bucket to the next in slices of some
//!   microseconds, each under the lock of one shard. Locks are given back *fairly*: whoever waits comes first.
//! - Whoever is about to change an entry that the sweep has not reached copies it first. `Keys` is the one place where
//!   entries are lent for writing and taken out, so nobody can forget to. An entry that leaves whole (a deletion,
//!   FLUSHDB) is not copied but handed over, and freed when it has been written.
//!
//! Both append *records* to a [`Portion`]; what a record looks like is the caller's choice. Compression, checksum and
//! writing happen with no lock held. A large collection is copied in parts of one slice each; who changes it in the
//! middle of that copies the rest of it. The order of the records is that in which keys were met, so a portion says which
//! database each run of records belongs to.
//!
//! What is known of a sweep stands in `Keys`, beside the table: a write looks at memory that it touches anyway, and
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
use crate::rdb::{Progress, Writer};
use crate::table::Table;

/// Appends the record of an entry, or a part of it, and answers whether it is complete. An entry does not change before it
/// is.
pub type RecordEntry = Box<dyn Fn(&mut Writer, &Entry, &mut Progress) -> bool + Send + Sync>;

/// The epochs of a store.
#[derive(Default)]
pub(super) struct Epochs {
    /// The epoch of the last snapshot that has begun.
    last: u8,
    /// The one that is being taken.
    running: Option<Arc<Outbox>>,
}

/// What is known to the keys of one database in one shard while they are being copied.
pub(crate) struct Sweep {
    /// Their database when the snapshot began, whatever SWAPDB has done since.
    database: usize,
    epoch: u8,
    /// How far the sweeper has come.
    cursor: u64,
    /// The entry that the sweeper is in the middle of.
    open: Option<Open>,
    outbox: Arc<Outbox>,
}

/// An entry of which a part has been copied. Nothing else is written until it is complete.
struct Open {
    key: Box<[u8]>,
    progress: Progress,
}

/// An entry that has left its database before it was copied.
struct Orphan {
    database: usize,
    entry: Entry,
    progress: Progress,
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
    /// The rest of the entry that the sweeper was in the middle of when it changed.
    rest: Portion,
    /// Copies of what has changed.
    portion: Portion,
    /// Entries that have left.
    orphans: Vec<Orphan>,
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

    /// Copies an entry that is about to change, or the rest of it.
    #[cold]
    #[inline(never)]
    pub(super) fn preserve(&mut self, entry: &Entry) {
        if !self.owes(entry) {
            return;
        }
        entry.set_epoch(self.epoch);
        let Some(record) = &self.outbox.record else { return };
        let mut waiting = self.outbox.waiting.lock();
        match self.open.take_if(|open| *open.key == *entry.key()) {
            None => waiting.portion.append(self.database, record, entry, &mut Progress::whole()),
            Some(mut open) => {
                open.progress.go_on_up_to(usize::MAX);
                waiting.rest.append(self.database, record, entry, &mut open.progress)
            }
        };
    }

    /// Takes over an entry that leaves, if it is yet to be copied; gives it back if not.
    #[cold]
    #[inline(never)]
    pub(super) fn take_over(&mut self, entry: Entry) -> Option<Entry> {
        if self.outbox.record.is_none() || !self.owes(&entry) {
            return Some(entry);
        }
        let open = self.open.take_if(|open| *open.key == *entry.key());
        let progress = open.map_or_else(Progress::whole, |open| open.progress);
        self.outbox.waiting.lock().orphans.push(Orphan { database: self.database, entry, progress });
        None
    }

    /// Copies entries of `table`, each if it is yet to be copied, until `enough` says so, which is asked after each home
    /// bucket. Answers whether all are done. An entry that takes `part` bytes and more is copied in parts.
    pub(super) fn advance(
        &mut self,
        table: &Table<Entry>,
        portion: &mut Portion,
        part: usize,
        mut enough: impl FnMut(&Portion) -> bool,
    ) -> bool {
        let Self { database, epoch, cursor, open, outbox } = self;
        let (epoch, database, record) = (*epoch, *database, outbox.record.as_ref());
        if let Some(Open { key, progress }) = open {
            // Whoever changes it or takes it out closes it, so it is there.
            if let (Some(record), Some(entry)) = (record, table.find(crate::hash::hash(key), key)) {
                progress.go_on_up_to(portion.len() + part);
                if !portion.append(database, record, entry, progress) {
                    return false;
                }
                entry.set_epoch(epoch);
            }
            *open = None;
        }
        loop {
            let next = table.scan(*cursor, &mut |entry| {
                if entry.epoch() == epoch || open.is_some() {
                    return;
                }
                if let Some(record) = record {
                    let mut progress = Progress::up_to(portion.len() + part);
                    if !portion.append(database, record, entry, &mut progress) {
                        *open = Some(Open { key: entry.key().into(), progress });
                        return;
                    }
                }
                entry.set_epoch(epoch);
            });
            if open.is_some() {
                // Its neighbours are looked at when it is done.
                return false;
            }
            *cursor = next;
            if next == 0 {
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
