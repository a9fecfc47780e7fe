//! The change log: one ordered stream of effects.
//!
//! Effects are appended while the locks of the change are still held, so the order of the log is the order of the
//! changes to each key. Its readers are functions that are called in place; while there is none, nothing is built.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::args::Args;

/// Called with the database and the effect.
pub type Reader = Box<dyn Fn(usize, Args<'_>) + Send + Sync>;

/// The stream of effects of a server.
#[derive(Default)]
pub struct ChangeLog {
    active: AtomicBool,
    dirty: AtomicU64,
    readers: Mutex<Vec<Reader>>,
}

impl ChangeLog {
    /// Calls `reader` with every effect from now on.
    pub fn follow(&self, reader: Reader) {
        self.readers.lock().push(reader);
        self.active.store(true, Ordering::Release);
    }

    /// Whether anybody follows.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Appends an effect.
    pub fn append(&self, database: usize, effect: Args<'_>) {
        self.readers.lock().iter().for_each(|reader| reader(database, effect));
    }

    /// Counts changes, whether or not anybody follows.
    #[inline]
    pub fn count(&self, changes: u64) {
        self.dirty.fetch_add(changes, Ordering::Relaxed);
    }

    /// Changes since the last save.
    pub fn dirty(&self) -> u64 {
        self.dirty.load(Ordering::Relaxed)
    }
}
