//! Statistics of a server: of each command, and of the server as a whole.
//!
//! Every worker counts for itself in a [`WorkerStats`]; [`Stats`] knows all of them and adds up when asked. Workers
//! stay in the list after they end, so sums never go back.
//!
//! `CONFIG RESETSTAT` does not touch the workers' numbers. A worker adds with a load and a store, so a zero written
//! by another thread in between would be lost and the old number would come back. Instead the sums of that moment
//! are kept, and subtracted from then on.

use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};

use super::counters::{Counter, Counters, Totals};
use super::errors::ErrorStats;
use super::histogram::{Distribution, Histogram};
use super::rates::{RateMeter, Rates};

/// What one worker has counted of one command.
#[derive(Debug, Default)]
pub struct CommandStats {
    calls: Counter,
    nanos: Counter,
    rejected: Counter,
    failed: Counter,
    latency: OnceLock<Box<Histogram>>,
}

impl CommandStats {
    /// Counts an execution. `track_latency` is the directive `latency-tracking`.
    #[inline(always)]
    pub fn called(&self, nanos: u64, track_latency: bool) {
        self.calls.add(1);
        self.nanos.add(nanos);
        if track_latency {
            self.latency.get_or_init(Box::default).record(nanos);
        }
    }

    /// Counts a command that was refused before it ran.
    pub fn rejected(&self) {
        self.rejected.add(1);
    }

    /// Counts a command that ran and replied with an error.
    pub fn failed(&self) {
        self.failed.add(1);
    }

    fn add_to(&self, totals: &mut CommandTotals) {
        totals.calls += self.calls.get();
        totals.nanos += self.nanos.get();
        totals.rejected += self.rejected.get();
        totals.failed += self.failed.get();
    }
}

/// The sums of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandTotals {
    /// Executions.
    pub calls: u64,
    /// Time spent in them.
    pub nanos: u64,
    /// Refusals before execution: arity, permissions, memory.
    pub rejected: u64,
    /// Executions that ended with an error.
    pub failed: u64,
}

impl CommandTotals {
    /// Whether there is nothing to report.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Microseconds spent, as `INFO` prints them.
    pub fn micros(&self) -> u64 {
        self.nanos / 1_000
    }

    /// Mean microseconds of a call.
    pub fn micros_per_call(&self) -> f64 {
        if self.calls == 0 {
            return 0.0;
        }
        self.nanos as f64 / 1_000.0 / self.calls as f64
    }

    fn since(self, earlier: &Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            nanos: self.nanos.saturating_sub(earlier.nanos),
            rejected: self.rejected.saturating_sub(earlier.rejected),
            failed: self.failed.saturating_sub(earlier.failed),
        }
    }
}

/// The statistics of one worker thread, the only one that may write to them.
#[derive(Debug)]
#[repr(align(64))]
pub struct WorkerStats {
    /// The server-wide counters.
    pub counters: Counters,
    commands: Box<[CommandStats]>,
}

impl WorkerStats {
    fn new(commands: usize) -> Self {
        Self { counters: Counters::default(), commands: (0..commands).map(|_| CommandStats::default()).collect() }
    }

    /// The statistics of a command by its id.
    ///
    /// # Panics
    /// If there is no such command.
    #[inline]
    pub fn command(&self, id: usize) -> &CommandStats {
        &self.commands[id]
    }
}

/// The sums at the last `CONFIG RESETSTAT`.
#[derive(Debug, Default)]
struct Baseline {
    totals: Totals,
    commands: Vec<(CommandTotals, Distribution)>,
}

/// All statistics of a server.
#[derive(Debug)]
pub struct Stats {
    commands: usize,
    workers: RwLock<Vec<Arc<WorkerStats>>>,
    /// For threads that are no workers; to be counted with [`Counter::add_shared`].
    pub shared: Counters,
    /// Error replies by code.
    pub errors: ErrorStats,
    rates: RateMeter,
    baseline: Mutex<Baseline>,
}

impl Stats {
    /// Statistics for `commands` commands, whose ids are below that number.
    pub fn new(commands: usize) -> Self {
        Self {
            commands,
            workers: RwLock::default(),
            shared: Counters::default(),
            errors: ErrorStats::new(),
            rates: RateMeter::new(),
            baseline: Mutex::default(),
        }
    }

    /// Makes a place for one more thread to count in.
    pub fn register(&self) -> Arc<WorkerStats> {
        let worker = Arc::new(WorkerStats::new(self.commands));
        self.workers.write().push(worker.clone());
        worker
    }

    /// The counters since the start or the last reset.
    pub fn totals(&self) -> Totals {
        let baseline = self.baseline.lock();
        self.totals_ever().since(&baseline.totals)
    }

    /// The sums of one command since the start or the last reset.
    pub fn command(&self, id: usize) -> CommandTotals {
        let baseline = self.baseline.lock();
        let ever = self.command_ever(id);
        match baseline.commands.get(id) {
            Some((earlier, _)) => ever.since(earlier),
            None => ever,
        }
    }

    /// The latencies of one command since the start or the last reset; none if it was not called.
    pub fn latency(&self, id: usize) -> Option<Distribution> {
        let baseline = self.baseline.lock();
        let mut latency = self.latency_ever(id);
        if let Some((_, earlier)) = baseline.commands.get(id) {
            latency.subtract(earlier);
        }
        (latency.count() != 0).then_some(latency)
    }

    /// Takes a sample of the rates; to be called about every 100 ms.
    pub fn tick(&self, now_ms: u64) {
        self.rates.tick(now_ms, &self.totals_ever());
    }

    /// The current rates.
    pub fn rates(&self) -> Rates {
        self.rates.rates()
    }

    /// `CONFIG RESETSTAT`.
    pub fn reset(&self) {
        let mut baseline = self.baseline.lock();
        baseline.totals = self.totals_ever();
        baseline.commands = (0..self.commands).map(|id| (self.command_ever(id), self.latency_ever(id))).collect();
        self.errors.reset();
        self.rates.reset();
    }

    fn totals_ever(&self) -> Totals {
        let mut totals = Totals::default();
        self.shared.add_to(&mut totals);
        for worker in self.workers.read().iter() {
            worker.counters.add_to(&mut totals);
        }
        totals
    }

    fn command_ever(&self, id: usize) -> CommandTotals {
        let mut totals = CommandTotals::default();
        for worker in self.workers.read().iter() {
            worker.command(id).add_to(&mut totals);
        }
        totals
    }

    fn latency_ever(&self, id: usize) -> Distribution {
        let mut latency = Distribution::new();
        for worker in self.workers.read().iter() {
            if let Some(histogram) = worker.command(id).latency.get() {
                histogram.add_to(&mut latency);
            }
        }
        latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_add_up() {
        let stats = Stats::new(3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let worker = stats.register();
                    for _ in 0..1_000 {
                        worker.command(1).called(2_500, true);
                        worker.counters.commands_processed.add(1);
                        stats.shared.connections_received.add_shared(1);
                    }
                    worker.command(2).rejected();
                    worker.command(1).failed();
                });
            }
        });
        let get = stats.command(1);
        assert_eq!(get, CommandTotals { calls: 4_000, nanos: 10_000_000, rejected: 0, failed: 4 });
        assert_eq!((get.micros(), get.micros_per_call()), (10_000, 2.5));
        assert_eq!(stats.command(2).rejected, 4);
        assert!(stats.command(0).is_zero());
        assert_eq!(stats.totals().commands_processed, 4_000);
        assert_eq!(stats.totals().connections_received, 4_000);
        assert_eq!(stats.latency(1).map(|d| d.count()), Some(4_000));
        assert_eq!(stats.latency(2), None);
    }

    #[test]
    fn reset_starts_from_zero() {
        let stats = Stats::new(1);
        let worker = stats.register();
        worker.command(0).called(1_000, true);
        worker.counters.keyspace_hits.add(7);
        stats.errors.count(b"ERR", false);
        stats.reset();
        assert!(stats.command(0).is_zero());
        assert_eq!(stats.totals(), Totals::default());
        assert_eq!(stats.latency(0), None);
        assert!(stats.errors.list().is_empty());
        worker.command(0).called(3_000, true);
        worker.counters.keyspace_hits.add(2);
        assert_eq!(stats.command(0).nanos, 3_000);
        assert_eq!(stats.totals().keyspace_hits, 2);
        let latency = stats.latency(0).unwrap();
        assert_eq!(latency.cumulative_micros(), [(4, 1)]);
    }

    #[test]
    fn latency_can_be_left_out() {
        let stats = Stats::new(1);
        stats.register().command(0).called(1_000, false);
        assert_eq!(stats.command(0).calls, 1);
        assert_eq!(stats.latency(0), None);
    }

    #[test]
    fn rates_survive_a_reset() {
        let stats = Stats::new(0);
        let worker = stats.register();
        for tick in 0..20 {
            worker.counters.commands_processed.add(10);
            stats.tick(1_000 + tick * 100);
        }
        assert_eq!(stats.rates().ops, 100);
        stats.reset();
        for tick in 20..40 {
            worker.counters.commands_processed.add(10);
            stats.tick(1_000 + tick * 100);
        }
        assert_eq!(stats.rates().ops, 100);
    }
}
