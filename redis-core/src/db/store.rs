//! The data of a server: its shards and their locks, and the handle through which a worker holds some of them.
//!
//! A guard with a lifetime would appear in the signature of every handler, so the handle [`Held`] keeps a counted
//! reference to the store and remembers which locks it has taken. Locks are taken in ascending order, by the
//! dispatcher only. This module is one of the few with `unsafe`: it turns "I hold the lock of shard i" into `&Shard`
//! and `&mut Shard`, after checking that it is so.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parking_lot::lock_api::GuardNoSend;

use super::frequency::FrequencySketch;
use super::reclaim::Reclaim;
use super::shard::Shard;
use super::snapshot::Epochs;

/// The most shards a store can have.
pub const MAX_SHARDS: usize = 256;

/// One shard with its lock, on cache lines of its own.
#[repr(align(128))]
struct Slot {
    lock: Mutex<()>,
    shard: UnsafeCell<Shard>,
}

/// All shards of a server.
pub struct Store {
    slots: Box<[Slot]>,
    databases: usize,
    pub(crate) reclaim: Reclaim,
    /// Whether somebody wants to know the names of keys that change.
    pub(crate) names_wanted: AtomicBool,
    /// What snapshots have been taken.
    pub(super) epochs: Mutex<Epochs>,
    /// Where uses of keys are counted, if they are.
    frequencies: Mutex<Option<Arc<FrequencySketch>>>,
}

// SAFETY: a slot's shard is reached through `Held` only, which holds the slot's lock.
unsafe impl Sync for Store {}

impl Store {
    /// An empty store.
    ///
    /// # Panics
    /// If `shards` is not a power of two or above [`MAX_SHARDS`].
    #[must_use]
    pub fn new(shards: usize, databases: usize) -> Arc<Self> {
        assert!(shards.is_power_of_two() && shards <= MAX_SHARDS, "the number of shards is a power of two");
        let slot = || Slot { lock: Mutex::new(()), shard: UnsafeCell::new(Shard::new(databases)) };
        let slots = (0..shards).map(|_| slot()).collect();
        Arc::new(Store {
            slots,
            databases,
            reclaim: Reclaim::default(),
            names_wanted: AtomicBool::new(false),
            epochs: Mutex::default(),
            frequencies: Mutex::default(),
        })
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.slots.len()
    }

    /// How many logical databases there are.
    #[must_use]
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// Objects that wait to be freed in the background.
    #[must_use]
    pub fn lazyfree_pending(&self) -> usize {
        self.reclaim.pending()
    }

    /// Bytes of what waits to be freed in the background, as far as they are known.
    #[must_use]
    pub fn lazyfree_pending_bytes(&self) -> usize {
        self.reclaim.pending_bytes()
    }

    /// Objects that have been freed in the background since the start or the last reset.
    #[must_use]
    pub fn lazyfreed(&self) -> usize {
        self.reclaim.freed()
    }

    /// Begins to count freed objects anew.
    pub fn reset_lazyfreed(&self) {
        self.reclaim.reset_freed();
    }

    /// Where uses of keys are to be counted below a limit of memory; none if they are not to be.
    pub(crate) fn frequencies(&self, limit: Option<usize>) -> Option<Arc<FrequencySketch>> {
        let mut current = self.frequencies.lock();
        match limit {
            None => *current = None,
            Some(limit) if current.as_ref().is_some_and(|sketch| sketch.fits(limit)) => {}
            Some(limit) => *current = Some(Arc::new(FrequencySketch::for_limit(limit))),
        }
        current.clone()
    }

    /// Says whether the names of keys that change are wanted: [`Changes::touched`](super::Changes::touched).
    pub fn want_names(&self, wanted: bool) {
        self.names_wanted.store(wanted, Ordering::Relaxed);
    }

    /// The shard of a key, by its hash. The table uses the other bits.
    #[must_use]
    #[inline]
    pub fn shard_of(&self, hash: u64) -> usize {
        (hash >> 16) as usize & (self.slots.len() - 1)
    }
}

/// A set of shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet([u64; MAX_SHARDS / 64]);

impl ShardSet {
    /// Those below `n`.
    #[must_use]
    pub fn all(n: usize) -> Self {
        let mut set = ShardSet::default();
        (0..n).for_each(|shard| set.insert(shard));
        set
    }

    /// One alone.
    #[must_use]
    pub fn only(shard: usize) -> Self {
        let mut set = ShardSet::default();
        set.insert(shard);
        set
    }

    /// Adds a shard.
    #[inline]
    pub fn insert(&mut self, shard: usize) {
        self.0[shard / 64] |= 1 << (shard % 64);
    }

    /// Whether a shard is in it.
    #[must_use]
    #[inline]
    pub fn has(&self, shard: usize) -> bool {
        self.0[shard / 64] >> (shard % 64) & 1 == 1
    }

    /// Whether all of `other` are in it.
    #[must_use]
    #[inline]
    pub fn has_all(&self, other: &ShardSet) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own & other == *other)
    }

    /// Whether there is none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Visits the shards in ascending order. A plain loop: every batch locks and unlocks with it.
    #[inline]
    pub fn for_each(self, mut visit: impl FnMut(usize)) {
        for (place, mut word) in self.0.into_iter().enumerate() {
            while word != 0 {
                visit(place * 64 + word.trailing_zeros() as usize);
                word &= word - 1;
            }
        }
    }
}

/// The shards that one worker holds right now.
pub(crate) struct Held {
    store: Arc<Store>,
    held: ShardSet,
    /// Shards that were waited for in vain, and until when they are not waited for again.
    late: Option<(ShardSet, Instant)>,
}

/// For so long a shard is not waited for again that was waited for in vain.
const RESPITE: Duration = Duration::from_millis(4);

impl Held {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Held { store, held: ShardSet::default(), late: None }
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Holds at least the given shards afterwards. What is held and suffices is kept; otherwise everything is given
    /// back first, so that locks are always taken in ascending order.
    #[inline]
    pub(crate) fn lock(&mut self, wanted: &ShardSet) {
        if self.held.has_all(wanted) {
            return;
        }
        self.unlock();
        wanted.for_each(|shard| {
            // The guard's work is done by `held`, which remembers what to give back.
            std::mem::forget(self.store.slots[shard].lock.lock());
            self.held.insert(shard);
        });
    }

    /// As [`Held::lock`], unless it takes longer than `patience` to get one of the locks: then none is held. Such a lock is
    /// not waited for again for a while, so that a thread that serves many clients does not spend its time on those who
    /// want it.
    #[inline]
    pub(crate) fn try_lock(&mut self, wanted: &ShardSet, patience: Duration) -> bool {
        if self.held.has_all(wanted) {
            return true;
        }
        self.unlock();
        let mut complete = true;
        wanted.for_each(|shard| {
            if complete && self.try_lock_one(shard, patience) {
                self.held.insert(shard);
            } else {
                complete = false;
            }
        });
        if !complete {
            self.unlock();
        }
        complete
    }

    #[inline]
    fn try_lock_one(&mut self, shard: usize, patience: Duration) -> bool {
        let taken = self.store.slots[shard].lock.try_lock().map(std::mem::forget).is_some();
        taken || self.wait_for(shard, patience)
    }

    #[cold]
    fn wait_for(&mut self, shard: usize, patience: Duration) -> bool {
        let mut late = match self.late {
            Some((late, until)) if Instant::now() < until => late,
            _ => ShardSet::default(),
        };
        if late.has(shard) {
            return false;
        }
        let taken = self.store.slots[shard].lock.try_lock_for(patience).map(std::mem::forget).is_some();
        if !taken {
            late.insert(shard);
            self.late = Some((late, Instant::now() + RESPITE));
        }
        taken
    }

    /// Whether a shard is held.
    #[inline]
    pub(super) fn has(&self, shard: usize) -> bool {
        self.held.has(shard)
    }

    /// Whether all shards are held.
    pub(super) fn has_all(&self) -> bool {
        self.held.has_all(&ShardSet::all(self.store.shards()))
    }

    /// Holds all shards, unless it takes longer than `patience` to get one of them: then none.
    pub(crate) fn try_lock_all(&mut self, patience: Duration) -> bool {
        self.unlock();
        for shard in 0..self.store.shards() {
            let taken = self.store.slots[shard].lock.try_lock_for(patience).map(std::mem::forget).is_some();
            if !taken {
                self.unlock();
                return false;
            }
            self.held.insert(shard);
        }
        true
    }

    /// Gives all back.
    #[inline]
    pub(crate) fn unlock(&mut self) {
        std::mem::take(&mut self.held).for_each(|shard| {
            // SAFETY: `held` says that this handle took the lock; taking the set first gives it back once only.
            unsafe { self.store.slots[shard].lock.force_unlock(GuardNoSend::new()) };
        });
    }

    /// Gives all back, each to the one who has waited for it, if anybody has. Without that, who gives a lock back and
    /// takes it again at once may have it for long, as the one who waits needs some time to wake up.
    pub(super) fn unlock_fairly(&mut self) {
        std::mem::take(&mut self.held).for_each(|shard| {
            // SAFETY: as in `unlock`.
            unsafe { self.store.slots[shard].lock.force_unlock_fair(GuardNoSend::new()) };
        });
    }

    /// Shows a shard for a moment, if it is held or nobody holds it: for what may be left undone, as nobody is waited for.
    #[inline(always)]
    pub(super) fn glance(&self, index: usize, look: impl FnOnce(&Shard)) {
        if self.has(index) { look(self.shard(index)) } else { self.glance_at_free(index, look) }
    }

    fn glance_at_free(&self, index: usize, look: impl FnOnce(&Shard)) {
        let slot = &self.store.slots[index];
        if let Some(_lock) = slot.lock.try_lock() {
            // SAFETY: the lock is held until `look` has returned.
            look(unsafe { &*slot.shard.get() });
        }
    }

    #[inline]
    pub(crate) fn shard(&self, index: usize) -> &Shard {
        assert!(self.held.has(index), "a shard is used under its lock");
        // SAFETY: this handle holds the lock, so no other handle reaches the shard, and `&self` excludes `shard_mut`.
        unsafe { &*self.store.slots[index].shard.get() }
    }

    #[inline]
    pub(crate) fn shard_mut(&mut self, index: usize) -> &mut Shard {
        assert!(self.held.has(index), "a shard is used under its lock");
        // SAFETY: this handle holds the lock, and `&mut self` makes this the only reference made from it.
        unsafe { &mut *self.store.slots[index].shard.get() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glance_is_had_of_what_nobody_else_holds() {
        let store = Store::new(4, 1);
        let (mut own, mut other) = (Held::new(store.clone()), Held::new(store));
        own.lock(&ShardSet::only(1));
        other.lock(&ShardSet::only(2));
        let seen = |held: &Held| {
            let mut seen = ShardSet::default();
            (0..4).for_each(|shard| held.glance(shard, |_| seen.insert(shard)));
            seen
        };
        let of = |shards: [usize; 3]| {
            let mut set = ShardSet::default();
            shards.into_iter().for_each(|shard| set.insert(shard));
            set
        };
        // Again, as a glance leaves no lock behind.
        for _ in 0..2 {
            assert_eq!((seen(&own), seen(&other)), (of([0, 1, 3]), of([0, 2, 3])));
        }
    }
}
