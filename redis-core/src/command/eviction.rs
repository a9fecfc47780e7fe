//! Making room: what happens before a command where `maxmemory` is used up.
//!
//! Keys are given up one by one until the limit holds again. That may take a while when a limit has just been lowered
//! or a large key was brought in, so a command is held up for a limited time only; the next ones go on with the work.
//! Where nothing may be given up, commands that need memory are refused.

use std::time::{Duration, Instant};

use super::dispatch::tell;
use super::worker::Runner;
use crate::config::Config;
use crate::db::{EvictionPolicy, EvictionPool, Keyspace};
use crate::observe::memory::Balance;

/// The clock is read each time so many keys are gone.
const BETWEEN_LOOKS: usize = 16;

/// What a worker knows about the limit.
#[derive(Debug)]
pub(super) struct Eviction {
    /// Bytes; 0 for none.
    limit: usize,
    policy: Option<EvictionPolicy>,
    samples: usize,
    /// How long a command may be held up; none for as long as it takes.
    patience: Option<Duration>,
    pool: EvictionPool,
    balance: Balance,
    /// The limit does not hold, and nothing may go.
    failed: bool,
}

impl Eviction {
    pub(super) fn new(config: &Config) -> Self {
        let mut eviction = Eviction {
            limit: 0,
            policy: None,
            samples: 0,
            patience: None,
            pool: EvictionPool::default(),
            balance: Balance::default(),
            failed: false,
        };
        eviction.configure(config);
        eviction
    }

    /// Copies what the configuration says.
    pub(super) fn configure(&mut self, config: &Config) {
        let policy = config.maxmemory_policy.get().eviction();
        if policy != self.policy {
            self.pool.clear();
        }
        self.policy = policy;
        self.limit = config.maxmemory.get_usize();
        self.samples = config.maxmemory_samples.get_usize();
        self.patience = patience(config.maxmemory_eviction_tenacity.get());
        self.failed &= self.limit > 0;
    }

    /// Whether there is a limit at all.
    #[inline]
    pub(super) fn has_limit(&self) -> bool {
        self.limit > 0
    }

    /// Whether the limit does not hold, and nothing may go.
    #[inline]
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }
}

/// How long a command may be held up by a tenacity of 0 to 100: up to half a millisecond as it grows to 10, and 15 % more
/// with each step from there on; none for the last, which knows no end.
fn patience(tenacity: i64) -> Option<Duration> {
    match tenacity {
        ..=10 => Some(Duration::from_micros(50 * tenacity.unsigned_abs())),
        11..100 => Some(Duration::from_micros((500.0 * 1.15_f64.powi(tenacity as i32 - 10)) as u64)),
        _ => None,
    }
}

/// Gives up keys until `maxmemory` holds, for a while.
#[cold]
pub(super) fn make_room(keyspace: &mut Keyspace, runner: &mut Runner) {
    let now = runner.clock;
    let exceeded = runner.excess() > 0;
    if exceeded && !runner.is_paused() {
        runner.eviction.failed = !evict(keyspace, runner);
        // Whoever keeps copies is told before the command has its reply.
        runner.invalidate(None);
    } else {
        runner.eviction.failed = false;
    }
    let exceeded = exceeded && runner.excess() > 0;
    let over = runner.server.memory.note_exceeded(exceeded, now);
    if over > 0 {
        runner.stats.counters.eviction_exceeded_micros.add(over);
    }
}

/// False if the limit does not hold and nothing more may go.
fn evict(keyspace: &mut Keyspace, runner: &mut Runner) -> bool {
    let Some(policy) = runner.eviction.policy else { return false };
    let started = Instant::now();
    let out_of_time = |patience: Option<Duration>| patience.is_some_and(|patience| started.elapsed() > patience);
    let millis = runner.clock / 1000;
    keyspace.begin(0, millis, false);
    let mut held = true;
    let mut evicted = 0_usize;
    while runner.excess() > 0 {
        let deleting = Instant::now();
        if keyspace.evict_one(policy, runner.eviction.samples, &mut runner.eviction.pool) {
            let changes = keyspace.take_changes();
            runner.log_vanished(&changes);
            tell(runner, changes);
            record(runner, "eviction-del", deleting);
            evicted += 1;
            if evicted.is_multiple_of(BETWEEN_LOOKS) && out_of_time(runner.eviction.patience) {
                break;
            }
        } else if runner.server.store.lazyfree_pending() > 0 && !out_of_time(runner.eviction.patience) {
            // What is being freed may be enough.
            std::thread::sleep(Duration::from_micros(100));
        } else {
            held = false;
            break;
        }
    }
    record(runner, "eviction-cycle", started);
    held
}

fn record(runner: &Runner, event: &'static str, since: Instant) {
    let latency = &runner.server.latency;
    if latency.is_enabled() {
        let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        latency.record(event, millis, runner.clock / 1_000_000);
    }
}

impl Runner {
    /// By how many bytes the limit is exceeded. What waits to be freed counts as free, and so does what connections occupy
    /// that are about to close.
    fn excess(&mut self) -> usize {
        let used = self.server.memory.used_now(self.clock / 1000, &mut self.eviction.balance);
        let leaving = self.server.store.lazyfree_pending_bytes() + self.server.clients.leaving_memory();
        used.saturating_sub(leaving).saturating_sub(self.eviction.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_tenacity() {
        let micros = |tenacity| patience(tenacity).map(|patience| patience.as_micros());
        assert_eq!([0, 5, 10, 11].map(micros), [Some(0), Some(250), Some(500), Some(575)]);
        assert!(micros(99) > Some(60_000_000));
        assert_eq!(micros(100), None);
    }
}
