//! Keys as they come from a file: nobody is told of them one by one.

use super::{AccessClock, Entry, Keyspace};
use crate::rdb::file::Usage;

/// How many lookups ahead of the insertion the processor is told which memory it will need.
const AHEAD: usize = 8;

/// What becomes of a key that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicate {
    /// It is a mistake.
    Refuse,
    /// The one that comes replaces it.
    Replace,
}

impl Keyspace {
    /// Puts keys into a database, each with the hash of its name. All locks are taken, and kept if `keep` says so. When a
    /// key is there already and must not be, it is answered, and those behind it are dropped.
    pub(crate) fn load(
        &mut self,
        database: usize,
        entries: Vec<(u64, Entry)>,
        duplicate: Duplicate,
        keep: bool,
    ) -> Result<(), Entry> {
        self.lock_all();
        let former = self.index;
        self.index = database;
        let result = self.load_locked(entries, duplicate);
        self.index = former;
        if !keep {
            self.unlock();
        }
        result
    }

    /// Removes all keys of all databases, to make room for others: that is no change.
    pub(crate) fn empty(&mut self) {
        let dirty = self.changes.dirty;
        for database in 0..self.databases() {
            self.flush(database, false);
        }
        self.changes.dirty = dirty;
    }

    fn load_locked(&mut self, entries: Vec<(u64, Entry)>, duplicate: Duplicate) -> Result<(), Entry> {
        let hashes: Vec<u64> = entries.iter().map(|(hash, _)| *hash).collect();
        hashes.iter().take(AHEAD).for_each(|hash| self.prefetch(*hash));
        for (place, (hash, entry)) in entries.into_iter().enumerate() {
            if let Some(ahead) = hashes.get(place + AHEAD) {
                self.prefetch(*ahead);
            }
            let keys = &mut self.database_mut(hash).keys;
            if keys.table().find(hash, entry.key()).is_some() {
                if duplicate == Duplicate::Refuse {
                    return Err(entry);
                }
                drop(keys.remove(hash, entry.key()));
            }
            keys.insert(hash, entry);
        }
        Ok(())
    }

    /// Asks the processor to fetch where an entry is going to be put.
    fn prefetch(&self, hash: u64) {
        self.database(hash).keys.table().prefetch_bucket(hash);
    }
}

impl AccessClock {
    /// The bits of a key that comes from a file which tells how it was used, if it tells what is remembered here.
    #[must_use]
    pub fn restored(&self, usage: Option<Usage>) -> u32 {
        match usage {
            Some(Usage::Idle(seconds)) if !self.frequency => self.idle_since(seconds),
            Some(Usage::Frequency(counter)) if self.frequency => self.with_counter(counter),
            _ => self.fresh(),
        }
    }
}
