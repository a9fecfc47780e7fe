//! Choosing keys to give up when memory runs out.
//!
//! To keep all keys in the order in which they should go would cost memory and time on every access. As Redis does, a few
//! keys are looked at instead, and the best to give up go into a small pool which stays from one eviction to the next:
//! so the choice gets better than the few keys of one look allow. The pool holds names, not entries: whatever became of
//! a key meanwhile, it is looked up again before it goes.

use super::Keyspace;
use super::entry::Entry;
use super::store::ShardSet;
use crate::hash::hash;
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
    /// Those that were used least of late, be it before they were given up the last time; of several, those that were not
    /// used for the longest time.
    TinyLfu,
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
        let hash = hash(entry.key());
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
            self.lock(&ShardSet::only(shard));
            if self.sample(shard, policy, samples, pool) {
                break;
            }
        }
        while let Some(Candidate { database, hash, name, .. }) = pool.0.pop() {
            self.lock(&ShardSet::only(self.store().shard_of(hash)));
            if self.evict(database, hash, name, policy.expiring_only) {
                return true;
            }
        }
        false
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
            Order::TinyLfu => {
                let uses = self.frequencies.as_ref().map_or(0, |sketch| sketch.estimate(hash(entry.key())));
                // Idle times have 24 bits.
                (u64::from(u8::MAX) - uses) << 24 | self.clock().idle_seconds(entry.access())
            }
            Order::Deadline => NO_DEADLINE - entry.expires_at(),
            Order::Random => rng::next_u64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{AccessClock, EventClasses, Settings, Store, Ttl};
    use crate::value::Limits;

    /// Keys that fit.
    const CAPACITY: usize = 1_000;
    /// Keys that are asked for.
    const KEYS: usize = 20_000;
    const REQUESTS: usize = 80_000;
    /// A key's use of a memory limit, from which the size of the sketch follows.
    const BYTES_PER_KEY: usize = 256;

    /// Numbers that are the same each time (SplitMix64).
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn unit(&mut self) -> f64 {
            (self.next() >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// Requests by Zipf's law; and after each run of them, if wanted, a scan of keys that nobody asks for again.
    fn trace(exponent: f64, scans: bool) -> Vec<u64> {
        let mut weights: Vec<f64> = (1..=KEYS).map(|rank| (rank as f64).powf(-exponent)).collect();
        let mut sum = 0.0;
        for weight in &mut weights {
            sum += *weight;
            *weight = sum;
        }
        let mut numbers = Numbers(7);
        let mut scanned = KEYS as u64;
        let mut requests = Vec::new();
        for n in 1..=REQUESTS {
            let wanted = numbers.unit() * sum;
            requests.push(weights.partition_point(|weight| *weight < wanted) as u64);
            if scans && n % 10_000 == 0 {
                requests.extend(scanned..scanned + 3 * CAPACITY as u64);
                scanned += 3 * CAPACITY as u64;
            }
        }
        requests
    }

    /// The share of requests for the keys of Zipf's law that find their key, in the second half of the trace.
    fn hit_ratio(policy: EvictionPolicy, requests: &[u64]) -> f64 {
        rng::seed(1);
        let frequency = policy.order == Order::Frequency;
        let clock = AccessClock { frequency, changes_only: false, log_factor: 10, decay_minutes: 1, seconds: 0 };
        let settings = Settings { limits: Limits::default(), notify: EventClasses::default(), clock, expire: true };
        let store = Store::new(1, 1);
        let mut keyspace = Keyspace::new(store.clone(), settings);
        let limit = (policy.order == Order::TinyLfu).then_some(CAPACITY * BYTES_PER_KEY);
        keyspace.count_uses(store.frequencies(limit));
        let mut pool = EvictionPool::default();
        let (mut hits, mut asked) = (0_u32, 0_u32);
        for (n, request) in requests.iter().enumerate() {
            keyspace.lock_all();
            // A thousand requests a second.
            keyspace.begin(0, 1_700_000_000_000 + n as u64, true);
            let key = keyspace.key(&request.to_le_bytes());
            let hit = keyspace.read(key).is_some();
            if n > requests.len() / 2 && *request < KEYS as u64 {
                hits += u32::from(hit);
                asked += 1;
            }
            if !hit {
                while keyspace.size(0) >= CAPACITY {
                    assert!(keyspace.evict_one(policy, 5, &mut pool));
                    keyspace.lock_all();
                }
                keyspace.begin(0, 1_700_000_000_000 + n as u64, true);
                let key = keyspace.key(&request.to_le_bytes());
                keyspace.set(key, b"value", Ttl::Clear);
            }
            keyspace.finish(|| false);
            keyspace.take_changes();
        }
        f64::from(hits) / f64::from(asked)
    }

    fn hit_ratios(exponent: f64, scans: bool) -> [f64; 3] {
        let requests = trace(exponent, scans);
        let ratios = [Order::TinyLfu, Order::Frequency, Order::Recency]
            .map(|order| hit_ratio(EvictionPolicy { order, expiring_only: false }, &requests));
        let [tiny, lfu, lru] = ratios.map(|ratio| 100.0 * ratio);
        println!("Zipf {exponent}, scans {scans}: tinylfu {tiny:.1} %, lfu {lfu:.1} %, lru {lru:.1} %");
        ratios
    }

    #[test]
    fn tinylfu_finds_more_than_the_others_and_still_does_when_there_are_scans() {
        for exponent in [0.8, 1.0] {
            let [tiny, lfu, lru] = hit_ratios(exponent, false);
            assert!(tiny > lfu && tiny > lru, "{exponent}");
            let [scanned, lfu, lru] = hit_ratios(exponent, true);
            assert!(scanned > lfu + 0.005 && scanned > lru + 0.01, "{exponent}");
            assert!(scanned > tiny - 0.02, "{exponent}");
        }
    }
}
