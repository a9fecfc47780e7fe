//! The state that all workers and connections of a server share.
//!
//! There is no global server: a process may run several, each dropped cleanly. Nothing here knows commands; what a
//! connection is in the middle of is kept as numbers and arguments.

mod aof;
mod blocked;
mod change_log;
mod client;
mod clients;
pub(crate) mod defrag;
mod follow;
mod libraries;
mod lifecycle;
mod loading;
mod monitors;
mod oom_score;
mod outgoing;
mod pause;
mod queue;
mod snapshots;
mod tracking;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use aof::{Aof, Demand, MOST_WAITING, Order};
pub use blocked::Blocked;
pub use change_log::{ChangeLog, Effects, Feed, Taken};
pub use client::{Client, ReplyMode, Transaction, Watched};
pub use clients::{ClientShared, Clients, Conditions, Library, NO_COMMAND, Origin};
pub use defrag::Defrag;
pub use libraries::Libraries;
pub use lifecycle::Lifecycle;
pub use loading::LoadStatus;
pub use monitors::{Monitors, quote};
pub use outgoing::{Outgoing, Spare};
pub use pause::{Pause, PauseMode};
pub use queue::{Queue, Queued};
pub use snapshots::{Backup, Current, End, Purpose, SnapshotReport, Snapshots, Ticket};
pub use tracking::{Choice, Stale, Tracking, TrackingTable};

use crate::clock;
use crate::config::Config;
use crate::db::{AccessClock, Keyspace, Settings, Store};
use crate::error::Error;
use crate::observe::{CommandLogs, LatencyMonitor, MemoryMeter, Stats, Thresholds};
use crate::pubsub::PubSub;

/// A running server, as its commands and connections share it.
pub struct Server {
    /// Its configuration.
    pub config: Config,
    /// Its data.
    pub store: Arc<Store>,
    /// Counters.
    pub stats: Stats,
    /// Channels and their subscribers.
    pub pubsub: PubSub,
    /// Connections.
    pub clients: Clients,
    /// SLOWLOG and COMMANDLOG.
    pub logs: CommandLogs,
    /// LATENCY.
    pub latency: LatencyMonitor,
    /// Memory in use.
    pub memory: MemoryMeter,
    /// MONITOR.
    pub monitors: Monitors,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// CLIENT TRACKING.
    pub tracking: TrackingTable,
    /// Connections to other servers.
    pub outgoing: Outgoing,
    /// Effects of commands.
    pub changes: ChangeLog,
    /// The append only file.
    pub aof: Aof,
    /// Start and stop.
    pub lifecycle: Lifecycle,
    /// Libraries of functions.
    pub libraries: Libraries,
    /// The loading of the data set.
    pub loading: LoadStatus,
    /// Snapshots of the data.
    pub snapshots: Snapshots,
    /// `activedefrag`.
    pub defrag: Defrag,
    /// Whether keys expire without being asked for (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: AtomicBool,
    /// Whether nobody compares the checksums of what is loaded and restored (DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    pub skip_checksums: AtomicBool,
    /// Whether periodic work rests (DEBUG PAUSE-CRON).
    pub cron_paused: AtomicBool,
    /// Whether threads keep their reply buffers however large they have grown (DEBUG REPLYBUFFER).
    pub keep_reply_buffers: AtomicBool,
}

impl Server {
    /// A server with an empty data set, for programs with `commands` commands. Nothing runs yet.
    #[must_use]
    pub fn new(config: Config, commands: usize, shards: usize) -> Arc<Self> {
        let now = clock::unix_millis();
        let databases = usize::try_from(config.databases.get()).unwrap_or(16);
        let server = Arc::new(Server {
            config,
            store: Store::new(shards, databases),
            stats: Stats::new(commands),
            pubsub: PubSub::new(),
            clients: Clients::default(),
            logs: CommandLogs::new(),
            latency: LatencyMonitor::new(),
            memory: MemoryMeter::new(),
            monitors: Monitors::default(),
            pause: Pause::default(),
            tracking: TrackingTable::default(),
            outgoing: Outgoing::default(),
            changes: ChangeLog::default(),
            aof: Aof::default(),
            defrag: Defrag::default(),
            lifecycle: Lifecycle::new(now),
            libraries: Libraries::default(),
            loading: LoadStatus::default(),
            snapshots: Snapshots::new(now),
            active_expire: AtomicBool::new(true),
            skip_checksums: AtomicBool::new(false),
            cron_paused: AtomicBool::new(false),
            keep_reply_buffers: AtomicBool::new(false),
        });
        follow::configuration(&server);
        server
    }

    /// Switches tracking on for a connection, or to other options.
    pub fn start_tracking(&self, client: &ClientShared, tracking: Tracking) {
        self.tracking.start(client, tracking);
        self.store.want_names(true);
    }

    /// Switches tracking off for a connection.
    pub fn stop_tracking(&self, client: &ClientShared) {
        self.tracking.stop(client);
        self.store.want_names(!self.tracking.is_idle());
    }

    /// Closes the connections that occupy most, if all together occupy more than `maxmemory-clients` allows.
    pub fn evict_clients(&self) {
        let evicted = self.clients.evict();
        if evicted > 0 {
            self.stats.shared.evicted_clients.add_shared(evicted);
        }
    }

    /// Whether a snapshot or a new base of the append only file is being written.
    #[must_use]
    pub fn is_saving(&self) -> bool {
        self.snapshots.current().is_some()
    }

    /// Why changes are refused now, if they are: they could not be made to last.
    #[inline]
    #[must_use]
    pub fn write_refusal(&self) -> Option<Error> {
        if self.snapshots.has_failed()
            && self.config.stop_writes_on_bgsave_error.get()
            && !self.config.save.get().is_empty()
        {
            return Some(Error::CANNOT_SAVE);
        }
        self.aof
            .is_failing()
            .then(|| Error::from(format!("MISCONF Errors writing to the AOF file: {}", self.aof.error())))
    }

    /// From where on commands are logged, as configured now.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        Thresholds::new(
            self.config.slowlog_log_slower_than.get(),
            self.config.commandlog_reply_larger_than.get(),
            self.config.commandlog_request_larger_than.get(),
            self.config.latency_tracking.get(),
        )
    }

    /// How the data are to be treated, as configured now.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let policy = self.config.maxmemory_policy.get();
        Settings {
            limits: self.config.limits(),
            notify: self.config.notify_keyspace_events.get(),
            clock: AccessClock {
                frequency: policy.is_lfu(),
                changes_only: policy.is_lrm(),
                log_factor: u32::try_from(self.config.lfu_log_factor.get()).unwrap_or(10),
                decay_minutes: u32::try_from(self.config.lfu_decay_time.get()).unwrap_or(1),
                seconds: 0,
            },
            expire: true,
        }
    }
}

impl Server {
    /// Has a keyspace treat the data as configured now.
    pub(crate) fn configure(&self, keyspace: &mut Keyspace) {
        *keyspace.settings_mut() = self.settings();
        let counts = self.config.maxmemory_policy.get().is_tinylfu() && self.config.maxmemory.get() > 0;
        keyspace.count_uses(self.store.frequencies(counts.then(|| self.config.maxmemory.get_usize())));
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("run_id", &self.lifecycle.run_id).finish_non_exhaustive()
    }
}
