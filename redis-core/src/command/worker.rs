//! A worker: the thread's handle to the data, and what running commands needs beside it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::eviction::{self, Eviction};
use super::propagation::{Propagation, Told};
use super::registry::Registry;
use crate::clock::Watch;
use crate::db::{Changes, Keyspace, ShardSet};
use crate::error::Error;
use crate::observe::{Thresholds, WorkerStats};
use crate::server::{Effects, Server, Stale, Transaction};

/// What a thread needs to run commands of one server.
pub struct Worker {
    /// The data.
    pub keyspace: Keyspace,
    /// Everything else.
    pub runner: Runner,
}

/// A worker without its data, so that both can be lent at the same time.
pub struct Runner {
    /// The server.
    pub server: Arc<Server>,
    /// The commands of this process.
    pub registry: &'static Registry,
    /// This worker's counters.
    pub stats: Arc<WorkerStats>,
    /// The configuration that the keyspace's settings were copied from.
    pub(crate) generation: u64,
    /// Keys that have changed while clients wait for them.
    pub(crate) ready: VecDeque<(usize, u64, Box<[u8]>)>,
    /// Keys that have changed, if clients track some.
    pub(crate) stale: Vec<Stale>,
    /// All keys are gone.
    pub(crate) flushed: bool,
    /// The time in microseconds since 1970, read at the end of each command, which is the beginning of the next.
    pub(crate) clock: u64,
    /// Where it is read.
    pub(super) watch: Watch,
    /// From where on commands are worth a line in the logs of what is slow or large.
    pub(super) thresholds: Thresholds,
    /// What makes room when `maxmemory` is used up.
    pub(super) eviction: Eviction,
    /// For what the running command says about its effects.
    told: Option<Box<Told>>,
    /// What happened at one time and is not in the log yet.
    pub(super) effects: Effects,
    /// An empty transaction for the next MULTI; kept for its buffers.
    pub(super) spare_transaction: Option<Box<Transaction>>,
    /// Why changes are refused, if they are, as of the beginning of the batch.
    pub(super) write_refusal: Option<Error>,
    /// How long a command waits for its locks while the thread has others to serve; none is as long as it takes.
    pub(crate) patience: Option<Duration>,
    /// The worker runs what a log tells, which is not logged again.
    pub(crate) replays: bool,
}

impl Worker {
    /// A worker for `server`.
    #[must_use]
    pub fn new(server: Arc<Server>, registry: &'static Registry) -> Self {
        let mut keyspace = Keyspace::new(server.store.clone(), server.settings());
        server.configure(&mut keyspace);
        let stats = server.stats.register();
        let generation = server.config.generation();
        let ready = VecDeque::new();
        let watch = Watch::new();
        let thresholds = server.thresholds();
        let eviction = Eviction::new(&server.config);
        let runner = Runner {
            server,
            registry,
            stats,
            generation,
            ready,
            stale: Vec::new(),
            flushed: false,
            clock: watch.unix_micros(),
            watch,
            thresholds,
            eviction,
            told: None,
            effects: Effects::default(),
            spare_transaction: None,
            write_refusal: None,
            patience: None,
            replays: false,
        };
        Worker { keyspace, runner }
    }

    /// A worker that runs again what a log tells: nothing is refused or expires, nothing is logged, and nobody is
    /// served or told.
    #[must_use]
    pub(crate) fn replaying(server: Arc<Server>, registry: &'static Registry) -> Self {
        let mut worker = Worker::new(server, registry);
        worker.runner.replays = true;
        worker.keyspace.settings_mut().expire = false;
        worker
    }

    /// Begins a batch: the clock is read and the configuration looked at. Where data are in one shard only, its lock is
    /// taken for all of the batch, if it is to be had.
    #[inline]
    pub fn begin(&mut self) {
        self.runner.clock = self.runner.watch.set();
        self.runner.refresh(&mut self.keyspace);
        if self.keyspace.store().shards() == 1 {
            self.keyspace.try_lock_all(Duration::ZERO);
        }
    }

    /// Gives up keys if more memory is used than `maxmemory` allows. Not while data are loaded: what a log tells next may be
    /// about a key that was given up.
    #[inline]
    pub(crate) fn make_room(&mut self) {
        if self.runner.eviction.has_limit() && !self.runner.server.loading.is_active() {
            eviction::make_room(&mut self.keyspace, &mut self.runner);
        }
    }

    /// Ends a batch: all locks are given back.
    #[inline]
    pub fn end(&mut self) {
        self.keyspace.unlock();
    }
}

impl Runner {
    /// Takes locks. False if somebody else holds one of them for so long that others should be served first: then none is
    /// held.
    #[inline]
    pub(crate) fn lock(&self, keyspace: &mut Keyspace, wanted: &ShardSet) -> bool {
        match self.patience {
            Some(patience) => keyspace.try_lock(wanted, patience),
            None => {
                keyspace.lock(wanted);
                true
            }
        }
    }

    /// Whether effects are to be logged.
    #[inline]
    pub(crate) fn logs(&self) -> bool {
        self.server.changes.is_active() && !self.replays
    }

    /// What the next command may say about its effects. While nobody follows, there are no buffers to move.
    #[inline]
    pub(super) fn begin_log(&mut self) -> Propagation {
        if self.logs() {
            Propagation::with_buffers(self.told.take().unwrap_or_default())
        } else {
            Propagation::new(false)
        }
    }

    /// Keeps the buffers for the next command.
    #[inline]
    pub(super) fn end_log(&mut self, log: Propagation) {
        if let Some(told) = log.into_buffers() {
            self.told = Some(told);
        }
    }

    /// Whether something has gathered that is to be logged.
    pub(super) fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Puts what has gathered into the log, in one piece. Comes before the locks of the changes are given back.
    #[inline]
    pub(super) fn log_effects(&mut self) {
        self.server.changes.append_all(&mut self.effects);
    }

    /// Logs what is gone although no command asked for it, each by itself.
    pub(crate) fn log_vanished(&self, changes: &Changes) {
        if self.logs() {
            for vanished in &changes.vanished {
                self.server.changes.append(vanished.database, vanished.effect().as_args());
            }
        }
    }

    /// Tells the clients that keep copies which keys have changed. `client` is the connection whose command did it.
    #[inline]
    pub fn invalidate(&mut self, client: Option<u64>) {
        if self.has_invalidations() {
            self.send_invalidations(client);
        }
    }

    /// Whether clients that keep copies are to be told of something.
    #[inline]
    pub(crate) fn has_invalidations(&self) -> bool {
        self.flushed || !self.stale.is_empty()
    }

    #[cold]
    fn send_invalidations(&mut self, client: Option<u64>) {
        let server = &self.server;
        let limits = server.pubsub.output_limits();
        if std::mem::take(&mut self.flushed) && !server.tracking.is_idle() {
            server.tracking.invalidate_all(&server.clients, limits);
        }
        if !self.stale.is_empty() {
            server.tracking.invalidate(&server.clients, &self.stale, client, limits);
            self.stale.clear();
        }
    }

    /// Whether writes are held up (CLIENT PAUSE): then the data stay as they are, and nothing expires or is evicted.
    pub(super) fn is_paused(&self) -> bool {
        self.server.pause.current(self.clock / 1000).is_some()
    }

    /// Copies the settings of the keyspace anew if the configuration has changed.
    #[inline]
    pub(super) fn refresh(&mut self, keyspace: &mut Keyspace) {
        let generation = self.server.config.generation();
        if generation != self.generation {
            self.generation = generation;
            self.server.configure(keyspace);
            keyspace.settings_mut().expire &= !self.replays;
            self.thresholds = self.server.thresholds();
            self.eviction.configure(&self.server.config);
        }
        self.write_refusal = if self.replays { None } else { self.server.write_refusal() };
    }
}
