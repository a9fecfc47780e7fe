//! The keyspace one shard at a time: the handle of commands that look at all keys, but not at all of them at once.
//!
//! Where there are several shards, KEYS would hold up every other thread for as long as it takes if it ran under all
//! locks. A [`Walk`] takes the lock of one shard, looks at a thousand entries, and gives it back, to whoever waits for it,
//! before it goes on. It has no way to an entry of which it does not hold the lock.
//!
//! What others change meanwhile may be seen or not, but nothing is seen twice: a table's cursor is a place among hashes, so
//! a key has its turn once, wherever it is by then. With one shard, and in a transaction, all locks are held all the time.

use super::stats::Totals;
use super::store::ShardSet;
use super::{DatabaseStats, Entry, Keyspace};
use crate::hash::hash;
use crate::rng::{below, next_u64};
use crate::table::Table;

/// All keys of the selected database, for reading, one shard at a time.
pub struct Walk<'k> {
    keyspace: &'k mut Keyspace,
    /// All locks are held, and not given back.
    whole: bool,
    /// Where [`Walk::advance`] goes on.
    place: Place,
}

/// How many entries are looked at under one hold of a lock: what commands that wait for it do not notice, and enough that to
/// hand it over costs little beside it.
const SLICE: usize = 1000;

/// A place among all keys: a shard, and a position in its table.
#[derive(Clone, Copy, Default)]
struct Place {
    shard: usize,
    position: u64,
}

impl Place {
    /// The cursor of SCAN holds the position in its low bits and the shard above them.
    const POSITION_BITS: u32 = 48;

    fn of_cursor(cursor: u64) -> Self {
        Place { shard: (cursor >> Self::POSITION_BITS) as usize, position: cursor & ((1 << Self::POSITION_BITS) - 1) }
    }

    fn cursor(self) -> u64 {
        (self.shard as u64) << Self::POSITION_BITS | self.position
    }
}

impl<'k> Walk<'k> {
    /// A walk from the beginning.
    #[must_use]
    pub fn new(keyspace: &'k mut Keyspace) -> Self {
        let whole = keyspace.held().has_all();
        Walk { keyspace, whole, place: Place::default() }
    }

    /// Visits the next live entries, a thousand or so at most. Answers whether there may be more.
    ///
    /// An entry that is there from the first call to the last is visited exactly once; one that comes or goes meanwhile,
    /// at most once. Nothing is locked between two calls, so what takes its time is best done there.
    pub fn advance(&mut self, mut visit: impl FnMut(&Entry)) -> bool {
        self.step(usize::MAX, |keyspace, entry| {
            if keyspace.is_live(entry) {
                visit(entry);
            }
        })
    }

    /// Looks at the next entries, about `count`, and visits those that are `wanted`. Answers the cursor to go on with: 0
    /// begins and ends. What is wanted and expired is removed after the call instead.
    ///
    /// The promise is that of [`Walk::advance`], from the call that begins to the one that ends.
    pub fn scan(
        &mut self,
        cursor: u64,
        count: usize,
        wanted: impl Fn(&Entry) -> bool,
        mut visit: impl FnMut(&Entry),
    ) -> u64 {
        self.place = Place::of_cursor(cursor);
        let mut left = count;
        // Empty buckets are cheap but not free: the number of steps is bounded as well.
        for _ in 0..count.saturating_mul(10) {
            let more = self.step(left, |keyspace, entry| {
                left = left.saturating_sub(1);
                match (wanted(entry), keyspace.is_live(entry)) {
                    (true, true) => visit(entry),
                    (true, false) => keyspace.note_expired(entry),
                    (false, _) => {}
                }
            });
            if !more {
                return 0;
            }
            if left == 0 {
                break;
            }
        }
        self.place.cursor()
    }

    /// Whether there is a key of that name.
    pub fn contains(&mut self, name: &[u8]) -> bool {
        let shard = self.keyspace.store().shard_of(hash(name));
        self.under_lock(shard, |keyspace| keyspace.find(name).is_some())
    }

    /// Number of keys, expired ones that nobody has removed yet included.
    pub fn size(&mut self) -> usize {
        self.sizes().iter().sum()
    }

    /// The name of a key, each with the same chance. Those whose time is over are passed by, and removed after the call.
    pub fn random(&mut self) -> Option<Box<[u8]>> {
        /// Tries that find an expired key, or one that has just gone, before the live ones are gone through.
        const TRIES: usize = 100;

        let sizes = self.sizes();
        let total: usize = sizes.iter().sum();
        if total == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let mut nth = below(total);
            let holds_nth = |len: &usize| {
                let holds = nth < *len;
                nth = nth.wrapping_sub(*len);
                holds
            };
            let shard = sizes.iter().position(holds_nth)?;
            let found = self.under_lock(shard, |keyspace| {
                let entry = table(keyspace, shard).random(next_u64)?;
                if keyspace.is_live(entry) {
                    return Some(entry.key().into());
                }
                keyspace.note_expired(entry);
                None
            });
            if found.is_some() {
                return found;
            }
        }
        let (mut chosen, mut live) = (None, 0);
        let mut choose = |entry: &Entry| {
            live += 1;
            if below(live) == 0 {
                chosen = Some(entry.key().into());
            }
        };
        while self.advance(&mut choose) {}
        chosen
    }

    /// What INFO says about each database.
    pub fn stats(&mut self) -> Vec<DatabaseStats> {
        let mut all = vec![Totals::default(); self.keyspace.databases()];
        for shard in 0..self.shards() {
            self.under_lock(shard, |keyspace| {
                all.iter_mut().zip(keyspace.databases_of(shard)).for_each(|(totals, database)| totals.add(database));
            });
        }
        let now = self.keyspace.now();
        all.into_iter().map(|totals| totals.stats(now)).collect()
    }

    fn shards(&self) -> usize {
        self.keyspace.store().shards()
    }

    /// How many keys there are in each shard.
    fn sizes(&mut self) -> Vec<usize> {
        (0..self.shards()).map(|shard| self.under_lock(shard, |keyspace| table(keyspace, shard).len())).collect()
    }

    /// Visits the next entries of a shard, expired ones included: about `count`, or a slice of them. Answers whether there may
    /// be more.
    fn step(&mut self, count: usize, mut visit: impl FnMut(&Keyspace, &Entry)) -> bool {
        let Place { shard, position } = self.place;
        if shard >= self.shards() {
            return false;
        }
        let next = self.under_lock(shard, |keyspace| {
            let (table, count) = (table(keyspace, shard), count.min(SLICE));
            let (mut next, mut visited) = (position, 0);
            loop {
                next = table.scan_about(next, count - visited, &mut |entry| {
                    visited += 1;
                    visit(keyspace, entry);
                });
                if next == 0 || visited >= count {
                    return next;
                }
            }
        });
        self.place = Place { shard: shard + usize::from(next == 0), position: next };
        self.place.shard < self.shards()
    }

    /// Looks at the data under the lock of a shard.
    fn under_lock<R>(&mut self, shard: usize, look: impl FnOnce(&Keyspace) -> R) -> R {
        self.keyspace.held_mut().lock(&ShardSet::only(shard));
        let seen = look(self.keyspace);
        if !self.whole {
            self.keyspace.held_mut().unlock_fairly();
        }
        seen
    }
}

/// The keys of the selected database in a shard.
fn table(keyspace: &Keyspace, shard: usize) -> &Table<Entry> {
    keyspace.databases_of(shard)[keyspace.index()].keys.table()
}
