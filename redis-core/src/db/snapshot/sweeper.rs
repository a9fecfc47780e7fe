//! `Sweeper`: whoever takes a snapshot, one slice after another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Epochs, Keys, Orphan, Outbox, Portion, RecordEntry, Sweep, Waiting};
use crate::db::store::Held;
use crate::db::{Keyspace, ShardSet, Store};

/// How much is done under one hold of a lock. At least one home bucket is gone through.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// How long the lock is held.
    pub time: Duration,
    /// How many bytes are copied. What takes more is copied in parts.
    pub bytes: usize,
    /// How many keys are copied.
    pub keys: u64,
}

impl Slice {
    /// What commands that wait for the lock do not notice.
    pub const SHORT: Slice = Slice { time: Duration::from_micros(50), bytes: 64 * 1024, keys: u64::MAX };
    /// As little as possible.
    pub const LEAST: Slice = Slice { time: Duration::ZERO, bytes: 0, keys: 1 };
}

/// A snapshot that is being taken. Dropped before its end, it is given up.
pub struct Sweeper {
    held: Held,
    epoch: u8,
    outbox: Arc<Outbox>,
    /// Databases of shards that are not done, those that were emptied included.
    left: usize,
    /// Where to go on: shard and database, as one number.
    place: usize,
    /// The last record that was given out is not complete, so nothing but the rest of it can come next.
    open: bool,
    /// Entries that have left their databases.
    orphans: VecDeque<Orphan>,
    /// Databases that have been emptied.
    emptied: Vec<Keys>,
    sizes: Vec<(usize, usize)>,
}

impl Sweeper {
    /// Begins a snapshot under all locks, unless one is being taken.
    pub(in crate::db) fn begin(keyspace: &mut Keyspace, record: RecordEntry, compress: bool) -> Option<Self> {
        let held = keyspace.held_mut();
        let store = held.store().clone();
        let mut epochs = store.epochs.lock();
        if epochs.running.is_some() {
            return None;
        }
        epochs.last += 1;
        let sweeper = Self::mark(store.clone(), held, epochs.last, Some(record), compress);
        epochs.running = Some(sweeper.outbox.clone());
        Some(sweeper)
    }

    /// Gives all keys a sweep. All locks are held.
    fn mark(store: Arc<Store>, held: &mut Held, epoch: u8, record: Option<RecordEntry>, compress: bool) -> Self {
        let waiting = Waiting {
            rest: Portion::new(compress),
            portion: Portion::new(compress),
            orphans: Vec::new(),
            keys: Vec::new(),
        };
        let outbox = Arc::new(Outbox { record, cancelled: AtomicBool::new(false), waiting: Mutex::new(waiting) });
        let mut sizes = vec![(0, 0); store.databases()];
        let mut left = 0;
        for shard in 0..store.shards() {
            for (database, slot) in held.shard_mut(shard).databases.iter_mut().enumerate() {
                let keys = &mut slot.keys;
                if keys.table().is_empty() {
                    continue;
                }
                sizes[database].0 += keys.table().len();
                sizes[database].1 += keys.expiring;
                keys.sweep = Some(Box::new(Sweep { database, epoch, cursor: 0, open: None, outbox: outbox.clone() }));
                left += 1;
            }
        }
        Sweeper {
            held: Held::new(store),
            epoch,
            outbox,
            left,
            place: 0,
            open: false,
            orphans: VecDeque::new(),
            emptied: Vec::new(),
            sizes,
        }
    }

    /// Calls off the snapshot that is being taken, if there is one: its sweeper has nothing more to tell, and another one
    /// may begin. All locks are held.
    pub(in crate::db) fn cancel(keyspace: &mut Keyspace) {
        let held = keyspace.held_mut();
        let store = held.store().clone();
        let mut epochs = store.epochs.lock();
        let Some(outbox) = epochs.running.clone() else { return };
        outbox.cancelled.store(true, Relaxed);
        // After the last epoch the marks are wiped first.
        if epochs.last != u8::MAX {
            epochs.running = None;
        }
        for shard in 0..store.shards() {
            for slot in &mut held.shard_mut(shard).databases {
                drop(slot.keys.sweep.take_if(|sweep| Arc::ptr_eq(&sweep.outbox, &outbox)));
            }
        }
    }

    /// How many keys each database had at the beginning, and how many of them had a deadline.
    #[must_use]
    pub fn sizes(&self) -> &[(usize, usize)] {
        &self.sizes
    }

    /// Exchanges `portion` for the next records. False if there are no more: the snapshot is complete.
    ///
    /// Takes no lock of a shard for longer than `slice` says.
    pub fn next(&mut self, portion: &mut Portion, slice: Slice) -> bool {
        portion.clear();
        self.collect(portion);
        if !portion.is_empty() {
            return true;
        }
        let begun = Instant::now();
        let enough = |portion: &Portion| {
            portion.len() >= slice.bytes || portion.keys() >= slice.keys || begun.elapsed() >= slice.time
        };
        if self.write_orphans(portion, slice, enough) || self.write_emptied(portion, slice, enough) {
            return true;
        }
        if self.left > 0 {
            self.advance(portion, slice, enough);
            return true;
        }
        false
    }

    /// Goes on with entries that have left. Answers whether there were any whose turn it is.
    fn write_orphans(&mut self, portion: &mut Portion, slice: Slice, enough: impl Fn(&Portion) -> bool) -> bool {
        let Some(record) = &self.outbox.record else { return false };
        if self.open {
            let begun = self.orphans.iter().position(|orphan| orphan.progress.has_begun());
            let Some(orphan) = begun.and_then(|at| self.orphans.remove(at)) else { return false };
            self.orphans.push_front(orphan);
        }
        while let Some(Orphan { database, entry, progress }) = self.orphans.front_mut() {
            progress.go_on_up_to(portion.len() + slice.bytes);
            self.open = !portion.append(*database, record, entry, progress);
            if !self.open {
                self.orphans.pop_front();
            }
            if self.open || enough(portion) {
                break;
            }
        }
        !portion.is_empty()
    }

    /// Goes on with a database that has been emptied. Answers whether there was one whose turn it is.
    fn write_emptied(&mut self, portion: &mut Portion, slice: Slice, enough: impl Fn(&Portion) -> bool) -> bool {
        let its_turn = |keys: &Keys| !self.open || keys.sweep.as_ref().is_some_and(|sweep| sweep.open.is_some());
        let Some(at) = self.emptied.iter().position(its_turn) else { return false };
        let keys = &mut self.emptied[at];
        let done = keys.sweep(portion, slice.bytes, enough);
        self.open = keys.sweep.as_ref().is_some_and(|sweep| sweep.open.is_some());
        if done {
            let keys = self.emptied.swap_remove(at);
            let (objects, bytes) = (keys.table().len(), keys.table().memory());
            self.held.store().reclaim.free(keys.into_table(), objects, bytes);
            self.left -= 1;
        }
        true
    }

    /// Goes on with the keys whose turn it is.
    fn advance(&mut self, portion: &mut Portion, slice: Slice, enough: impl Fn(&Portion) -> bool) {
        let (shards, databases) = (self.held.store().shards(), self.held.store().databases());
        let shard = self.place / databases;
        self.held.lock(&ShardSet::only(shard));
        if self.outbox.cancelled.load(Relaxed) {
            self.left = 0;
            self.held.unlock();
            return;
        }
        if self.open {
            // SWAPDB may have moved the keys with the open entry. If they are nowhere, or nothing is open any more,
            // somebody has seen to the rest, and it is on its way.
            let all = &self.held.shard(shard).databases;
            let is_open = |sweep: &Sweep| sweep.open.is_some();
            let at = all.iter().position(|slot| slot.keys.sweep.as_deref().is_some_and(is_open));
            let Some(at) = at else { return self.held.unlock_fairly() };
            self.place = shard * databases + at;
        }
        let keys = &mut self.held.shard_mut(shard).databases[self.place % databases].keys;
        let done = keys.sweep(portion, slice.bytes, enough);
        self.open = keys.sweep.as_ref().is_some_and(|sweep| sweep.open.is_some());
        if done {
            self.left -= usize::from(keys.sweep.take().is_some());
            // SWAPDB may move keys to where the sweeper has been: then it goes round again.
            self.place = (self.place + 1) % (shards * databases);
        }
        self.held.unlock_fairly();
    }

    /// Takes in what changes have brought.
    fn collect(&mut self, portion: &mut Portion) {
        let mut waiting = self.outbox.waiting.lock();
        if !self.open {
            std::mem::swap(&mut waiting.portion, portion);
        } else if !waiting.rest.is_empty() {
            std::mem::swap(&mut waiting.rest, portion);
            self.open = false;
        }
        self.orphans.extend(waiting.orphans.drain(..));
        self.emptied.append(&mut waiting.keys);
    }

    /// Takes all marks out of the tables, after the last epoch.
    fn wipe(store: &Arc<Store>) {
        let mut held = Held::new(store.clone());
        held.lock(&ShardSet::all(store.shards()));
        let mut sweeper = Self::mark(store.clone(), &mut held, 0, None, false);
        drop(held);
        let mut portion = Portion::new(false);
        while sweeper.next(&mut portion, Slice::SHORT) {}
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let store = self.held.store().clone();
        for shard in 0..if self.left > 0 { store.shards() } else { 0 } {
            self.held.lock(&ShardSet::only(shard));
            for database in &mut self.held.shard_mut(shard).databases {
                let own = |sweep: &mut Box<Sweep>| Arc::ptr_eq(&sweep.outbox, &self.outbox);
                drop(database.keys.sweep.take_if(own));
            }
            self.held.unlock_fairly();
        }
        // Databases that were emptied and not collected refer to the outbox that they stand in, and would stay for ever.
        let emptied = std::mem::take(&mut self.outbox.waiting.lock().keys);
        drop(emptied);
        match self.epoch {
            // What wiped the marks.
            0 => {}
            u8::MAX => {
                Self::wipe(&store);
                *store.epochs.lock() = Epochs::default();
            }
            _ => {
                // If it was called off, the next one may have begun.
                store.epochs.lock().running.take_if(|running| Arc::ptr_eq(running, &self.outbox));
            }
        }
    }
}
