//! Choosing keys to give up when memory runs out.
//!
//! To keep all keys in the order in which they should go would cost memory and time on every access. As Redis does, a few
//! keys are looked at instead, and the best to give up go into a small pool which stays from one eviction to the next:
//! so the choice gets better than the few keys of one look allow. The pool holds names, not entries: whatever became of
//! a key meanwhile, it is looked up again before it goes.

use super::Keyspace;
use super::entry::Entry;
use super::store::ShardSet;
use crate::rng;
use crate::table::NO_DEADLINE;

/// How many keys a pool remembers.
const POOL: usize = 16;

/// Which keys go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those that were not used, or not changed, for the longest time: what the access clock shows.
    Recency,
    /// Those that are used least.
    Frequency,
    /// Those that expire soonest.
    Deadline,
    /// Any.
    Random,
}

/// Which keys may go, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictionPolicy {
    /// The order.
    pub order: Order,
    /// Only keys that expire may go.
    pub expiring_only: bool,
}

/// A key that may go.
#[derive(Debug)]
struct Candidate {
    /// The greatest goes first.
    rank: u64,
    database: usize,
    hash: u64,
    name: Box<[u8]>,
}

/// The best keys to give up that have been seen, the very best last.
#[derive(Debug, Default)]
pub(crate) struct EvictionPool(Vec<Candidate>);

impl EvictionPool {
    /// Forgets all: they were chosen by another order.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn consider(&mut self, rank: u64, database: usize, entry: &Entry) {
        let place = self.0.partition_point(|candidate| candidate.rank < rank);
        if self.0.len() == POOL && place == 0 {
            return;
        }
        let known = |candidate: &Candidate| candidate.database == database && *candidate.name == *entry.key();
        if self.0.iter().any(known) {
            return;
        }
        let hash = crate::hash::hash(entry.key());
        self.0.insert(place, Candidate { rank, database, hash, name: entry.key().into() });
        if self.0.len() > POOL {
            self.0.remove(0);
        }
    }
}

impl Keyspace {
    /// Gives up one key, after a look at `samples` keys of each database in a shard. False if there is none that may go.
    ///
    /// Takes the locks that it needs, one shard at a time; those held before may be gone.
    pub(crate) fn evict_one(&mut self, policy: EvictionPolicy, samples: usize, pool: &mut EvictionPool) -> bool {
        let shards = self.store().shards();
        let first = rng::below(shards);
        for shard in (first..shards).chain(0..first) {
            self.lock_shard(shard);
            if self.sample(shard, policy, samples, pool) {
                break;
            }
        }
        while let Some(Candidate { database, hash, name, .. }) = pool.0.pop() {
            self.lock_shard(self.store().shard_of(hash));
            if self.evict(database, hash, name, policy.expiring_only) {
                return true;
            }
        }
        false
    }

    fn lock_shard(&mut self, shard: usize) {
        let mut wanted = ShardSet::default();
        wanted.insert(shard);
        self.lock(&wanted);
    }

    /// Looks at some keys of each database in a shard. False if there is none that may go.
    fn sample(&self, shard: usize, policy: EvictionPolicy, samples: usize, pool: &mut EvictionPool) -> bool {
        let mut found = false;
        for (index, database) in self.databases_of(shard).iter().enumerate() {
            let keys = &database.keys;
            let mut consider = |entry: &Entry| pool.consider(self.rank(policy.order, entry), index, entry);
            if !policy.expiring_only {
                found |= !keys.table().is_empty();
                (0..samples).filter_map(|_| keys.table().random(rng::next_u64)).for_each(consider);
            } else if keys.expiring > 0 {
                found = true;
                let mut left = samples.min(keys.expiring);
                keys.table().sample_with_deadline(rng::next_u64, &mut |entry| {
                    // What has a deadline may be something in the value, and not the key.
                    if entry.expires_at() != NO_DEADLINE {
                        consider(entry);
                        left -= 1;
                    }
                    left > 0
                });
            }
        }
        found
    }

    /// What speaks for giving a key up.
    fn rank(&self, order: Order, entry: &Entry) -> u64 {
        match order {
            Order::Recency => self.clock().idle_seconds(entry.access()),
            Order::Frequency => u64::from(u8::MAX - self.clock().counter(entry.access())),
            Order::Deadline => NO_DEADLINE - entry.expires_at(),
            Order::Random => rng::next_u64(),
        }
    }
}
