//! The keyspace: shards, entries, and the handle through which a command reaches its keys.
//!
//! [`Db`] is what a handler gets. It reaches the keys that the command declared, in the selected database, under locks
//! that the dispatcher holds. [`Keyspace`] is the same for commands that touch anything; it holds all locks. [`Walk`] goes
//! through everything and holds one lock at a time. Reading
//! takes `&self` and never changes the data (a key whose time is over is not seen, and is queued to be removed after
//! the call); writing takes `&mut self` and is announced by [`Db::changed`], the one call from which everything
//! follows: the dirty count, WATCH, notifications, blocked clients, removal of emptied collections.

mod access_clock;
mod changes;
mod deadline;
mod defrag;
mod entry;
mod event;
mod eviction;
mod frequency;
mod key;
mod keyspace;
mod lent;
mod load;
mod read;
mod reclaim;
mod shard;
pub mod snapshot;
mod stats;
mod store;
mod walk;
mod write;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

pub use access_clock::AccessClock;
pub use changes::{Changes, Touched, Vanished};
pub use deadline::{Deadline, Ttl};
pub(crate) use defrag::Defragmenter;
pub use entry::Entry;
pub use event::{Event, EventClasses};
pub(crate) use eviction::EvictionPool;
pub use eviction::{EvictionPolicy, Order};
use frequency::FrequencySketch;
pub use key::Key;
pub use keyspace::Keyspace;
pub(crate) use lent::Lent;
pub use load::Duplicate;
pub use read::Stored;
use shard::Database;
pub use stats::DatabaseStats;
pub(crate) use store::Held;
pub use store::{MAX_SHARDS, ShardSet, Store};
pub use walk::Walk;

use crate::value::{Limits, ObjectArena};

/// How the data are treated: what the configuration says, copied at the start of a call.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Thresholds of the compact encodings.
    pub limits: Limits,
    /// Events that anybody wants.
    pub notify: EventClasses,
    /// How access is remembered.
    pub clock: AccessClock,
    /// Whether deadlines are enforced by removal. Off while a data set is loaded, or where another server decides.
    pub expire: bool,
}

/// The keys that the running command declared, in the selected database.
pub struct Db {
    held: Held,
    lent: Lent,
    minted: Vec<Box<[u8]>>,
    index: usize,
    now: u64,
    settings: Settings,
    /// Whether reads refresh the access clock (CLIENT NO-TOUCH).
    touch: bool,
    /// The keys, each with its database, whose collections were lent for writing: they may have been emptied or have a
    /// new deadline, and their entries are open.
    opened: Vec<(usize, Key)>,
    /// Where collections stand that were lent for reading and are packed.
    arena: ObjectArena,
    hits: Cell<u64>,
    misses: Cell<u64>,
    /// What reading has found, to be seen to after the call: the database, the key, and what is the matter with it.
    noted: RefCell<Vec<(usize, Found, Matter)>>,
    changes: Changes,
    /// Where uses of keys are counted, under the policies that ask for that.
    frequencies: Option<Arc<FrequencySketch>>,
}

/// A key that reading came across: declared, or found in the keyspace by its name.
enum Found {
    Key(Key),
    Name(Box<[u8]>),
}

/// What is the matter with a key.
enum Matter {
    /// It is there, and its time is over.
    Expired,
    /// It was asked for and is not there.
    Missed,
}

/// Keys that the command minted itself have their names beside the request's arguments.
const MINTED: u32 = 1 << 31;

#[inline]
fn name_of<'d>(lent: &'d Lent, minted: &'d [Box<[u8]>], key: Key) -> &'d [u8] {
    if key.index & MINTED == 0 {
        lent.get(key.index as usize)
    } else {
        minted.get((key.index & !MINTED) as usize).map_or(&[], |name| name)
    }
}

impl Db {
    fn new(store: Arc<Store>, settings: Settings) -> Self {
        Db {
            held: Held::new(store),
            lent: Lent::default(),
            minted: Vec::new(),
            index: 0,
            now: 0,
            settings,
            touch: true,
            opened: Vec::new(),
            arena: ObjectArena::default(),
            hits: Cell::new(0),
            misses: Cell::new(0),
            noted: RefCell::default(),
            changes: Changes::default(),
            frequencies: None,
        }
    }

    /// The name of a key.
    #[must_use]
    #[inline]
    pub fn name(&self, key: Key) -> &[u8] {
        name_of(&self.lent, &self.minted, key)
    }

    /// A key of any name. Only commands that hold all locks may ask for one.
    fn mint(&mut self, name: Box<[u8]>) -> Key {
        let index = MINTED | u32::try_from(self.minted.len()).unwrap_or(!MINTED);
        let hash = crate::hash::hash(&name);
        self.minted.push(name);
        Key { hash, index }
    }

    /// The time of the command: milliseconds since 1970. It stands still while a command or a transaction runs.
    #[must_use]
    #[inline]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The time up to which fields of hashes are over: that of the command, or the beginning of time where nothing is
    /// removed because it expires. While a log is replayed, for one, a field that is over by now still was there when the
    /// command that is replayed changed it.
    #[must_use]
    #[inline]
    pub fn expiry_time(&self) -> u64 {
        if self.settings.expire { self.now } else { 0 }
    }

    /// The number of the selected database.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many databases there are.
    #[must_use]
    pub fn databases(&self) -> usize {
        self.held.store().databases()
    }

    /// The thresholds of the compact encodings.
    #[must_use]
    #[inline]
    pub fn limits(&self) -> Limits {
        self.settings.limits
    }

    /// How access is remembered.
    #[must_use]
    pub fn clock(&self) -> AccessClock {
        self.settings.clock
    }

    /// Whether a key is removed once its time is over.
    #[must_use]
    pub fn removes_expired(&self) -> bool {
        self.settings.expire
    }

    /// Runs `body` with another database selected: keys are declared by name, and a name lives in the same shard
    /// whatever the database.
    pub fn in_database<R>(&mut self, index: usize, body: impl FnOnce(&mut Db) -> R) -> R {
        let former = std::mem::replace(&mut self.index, index);
        let result = body(self);
        self.index = former;
        result
    }

    #[inline]
    fn database(&self, hash: u64) -> &Database {
        let shard = self.held.store().shard_of(hash);
        &self.held.shard(shard).databases[self.index]
    }

    #[inline]
    fn database_mut(&mut self, hash: u64) -> &mut Database {
        let shard = self.held.store().shard_of(hash);
        &mut self.held.shard_mut(shard).databases[self.index]
    }

    /// Counts a use of a key, if anybody asks how often keys are used.
    #[inline]
    fn count_use(&self, hash: u64) {
        if let Some(frequencies) = &self.frequencies {
            frequencies.count(hash);
        }
    }

    /// What the call did, and a clean slate.
    pub(crate) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Whether the call did nothing that anybody needs to be told.
    #[inline]
    pub(crate) fn is_unchanged(&self) -> bool {
        self.changes.is_quiet()
    }

    /// How many changes the call made.
    pub(crate) fn dirty(&self) -> u64 {
        self.changes.dirty
    }

    /// The same, and none from here on.
    #[inline]
    pub(crate) fn take_dirty(&mut self) -> u64 {
        std::mem::take(&mut self.changes.dirty)
    }

    pub(crate) fn take_hits_and_misses(&mut self) -> (u64, u64) {
        (self.hits.take(), self.misses.take())
    }
}
