//! What other connections may know of a connection, and the list of all of them.
//!
//! A connection's own state ([`Client`](super::Client)) belongs to its task alone. What CLIENT LIST shows and CLIENT
//! KILL, PUBLISH or an unblocking command must reach lives here instead, in atomics that the owner stores and others
//! load, and behind small locks for what changes rarely. Others refer to a connection by its id, never by a pointer
//! into its task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};

use parking_lot::{Mutex, RwLock};

use super::blocked::Blocked;
use super::tracking::Tracking;
use crate::pubsub::{CloseReason, Mailbox};

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `ip:port` of the other side, or the socket's path with `:0`.
    pub address: String,
    /// `ip:port` of this side.
    pub local_address: String,
    /// File descriptor, for CLIENT LIST.
    pub fd: i32,
    /// Over a unix socket.
    pub unix: bool,
}

impl Origin {
    /// Whether it comes from the same host.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let address = || self.address.parse::<std::net::SocketAddr>();
        self.unix || address().is_ok_and(|address| address.ip().to_canonical().is_loopback())
    }

    /// A caller inside this process.
    #[must_use]
    pub fn in_process() -> Self {
        Origin { address: "in-process:0".into(), local_address: "in-process:0".into(), fd: -1, unix: true }
    }
}

/// Conditions of a connection, as CLIENT LIST's flags show them.
#[derive(Debug, Default)]
pub struct Conditions {
    /// `O`: runs MONITOR.
    pub monitor: AtomicBool,
    /// `x`: inside MULTI.
    pub multi: AtomicBool,
    /// `b`: blocked.
    pub blocked: AtomicBool,
    /// `d`: a watched key has changed.
    pub dirty: AtomicBool,
    /// `c`: closes after its reply.
    pub closing: AtomicBool,
    /// `P`: subscribed.
    pub subscriber: AtomicBool,
    /// `U`: over a unix socket.
    pub unix: AtomicBool,
    /// `e`: not to be evicted.
    pub no_evict: AtomicBool,
    /// `T`: does not refresh the keys' access clocks.
    pub no_touch: AtomicBool,
}

/// The program library that a client says it uses; empty until it does.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Its name.
    pub name: Box<[u8]>,
    /// Its version.
    pub version: Box<[u8]>,
}

/// A connection as others see it.
#[derive(Debug)]
pub struct ClientShared {
    /// Its number, never used again.
    pub id: u64,
    /// Where it comes from.
    pub origin: Origin,
    /// When it came, in milliseconds since 1970.
    pub created: u64,
    /// What others hand to it.
    pub mailbox: Arc<Mailbox>,
    /// CLIENT SETNAME.
    pub name: RwLock<Box<[u8]>>,
    /// CLIENT SETINFO.
    pub library: RwLock<Library>,
    /// The user it authenticated as.
    pub user: RwLock<Arc<str>>,
    /// Conditions.
    pub is: Conditions,
    /// The command it waits in, if it is blocked.
    pub blocked: Mutex<Option<Arc<Blocked>>>,
    /// Selected database.
    pub database: AtomicUsize,
    /// Protocol version.
    pub protocol: AtomicU8,
    /// Number of the last command; [`NO_COMMAND`] before the first.
    pub last_command: AtomicU16,
    /// When it last sent something, in milliseconds since 1970.
    pub last_active: AtomicU64,
    /// Commands queued by MULTI, -1 outside.
    pub queued: AtomicI64,
    /// Bytes of the queued commands.
    pub queued_bytes: AtomicUsize,
    /// Number of watched keys.
    pub watched: AtomicUsize,
    /// Channels, patterns, shard channels subscribed to.
    pub subscriptions: [AtomicUsize; 3],
    /// Bytes read that are no whole request yet.
    pub input: AtomicUsize,
    /// Room behind them.
    pub input_free: AtomicUsize,
    /// Reply bytes that the socket has not taken yet.
    pub output: AtomicUsize,
    /// The memory that they occupy.
    pub output_memory: AtomicUsize,
    /// Bytes read, ever.
    pub bytes_in: AtomicU64,
    /// Bytes written, ever.
    pub bytes_out: AtomicU64,
    /// Commands run, ever.
    pub commands: AtomicU64,
    /// CLIENT TRACKING, if it is on.
    pub tracking: RwLock<Option<Arc<Tracking>>>,
    /// CLIENT CAPA, as bits: 1 is `redirect`.
    pub capabilities: AtomicU32,
}

/// No command yet.
pub const NO_COMMAND: u16 = u16::MAX;

impl ClientShared {
    fn new(id: u64, origin: Origin, now: u64) -> Self {
        let is = Conditions::default();
        is.unix.store(origin.unix && origin.fd >= 0, Relaxed);
        ClientShared {
            id,
            origin,
            created: now,
            mailbox: Arc::default(),
            name: RwLock::default(),
            library: RwLock::default(),
            user: RwLock::new("default".into()),
            is,
            blocked: Mutex::default(),
            database: AtomicUsize::new(0),
            protocol: AtomicU8::new(2),
            last_command: AtomicU16::new(NO_COMMAND),
            last_active: AtomicU64::new(now),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicUsize::new(0),
            watched: AtomicUsize::new(0),
            subscriptions: Default::default(),
            input: AtomicUsize::new(0),
            input_free: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
            output_memory: AtomicUsize::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            tracking: RwLock::default(),
            capabilities: AtomicU32::new(0),
        }
    }

    /// The letters of CLIENT LIST's `flags`.
    #[must_use]
    pub fn flags(&self) -> String {
        let is = &self.is;
        let letters = [
            ('O', &is.monitor),
            ('P', &is.subscriber),
            ('x', &is.multi),
            ('b', &is.blocked),
            ('d', &is.dirty),
            ('c', &is.closing),
            ('U', &is.unix),
            ('e', &is.no_evict),
            ('T', &is.no_touch),
        ];
        let mut set: String = letters.iter().filter(|(_, flag)| flag.load(Relaxed)).map(|(letter, _)| letter).collect();
        if let Some(tracking) = &*self.tracking.read() {
            set.push('t');
            set.extend(tracking.broken.load(Relaxed).then_some('R'));
            set.extend(tracking.broadcast.then_some('B'));
        }
        if set.is_empty() { "N".into() } else { set }
    }

    /// Bytes of the arguments of the command that it waits in. Those of a command that runs are part of the input.
    #[must_use]
    pub fn argument_memory(&self) -> usize {
        self.blocked.lock().as_ref().map_or(0, |blocked| blocked.args.memory())
    }

    /// Bytes that wait to be sent, messages of others included.
    #[must_use]
    pub fn pending_output(&self) -> usize {
        self.output.load(Relaxed) + self.mailbox.pending()
    }

    /// The memory that it occupies.
    #[must_use]
    pub fn memory(&self) -> usize {
        let parts = [&self.input, &self.input_free, &self.output_memory, &self.queued_bytes];
        let buffers: usize = parts.iter().map(|part| part.load(Relaxed)).sum();
        size_of_val(self) + buffers + self.mailbox.pending() + self.argument_memory()
    }

    /// The name set by CLIENT SETNAME, or nothing.
    #[must_use]
    pub fn name(&self) -> Box<[u8]> {
        self.name.read().clone()
    }
}

/// All connections of a server, by id.
#[derive(Debug, Default)]
pub struct Clients {
    list: RwLock<BTreeMap<u64, Arc<ClientShared>>>,
    last_id: AtomicU64,
    /// Connections that are blocked in a command.
    pub blocked: AtomicUsize,
    /// Blocked connections that have a timeout.
    pub blocked_with_timeout: AtomicUsize,
    /// Connections that watch keys.
    pub watching: AtomicUsize,
    /// Keys that are watched, summed over connections.
    pub watched_keys: AtomicUsize,
    /// Connections over a socket.
    pub connected: AtomicUsize,
}

impl Clients {
    /// Adds a connection.
    pub fn add(&self, origin: Origin, now: u64) -> Arc<ClientShared> {
        let id = self.last_id.fetch_add(1, Relaxed) + 1;
        let client = Arc::new(ClientShared::new(id, origin, now));
        self.list.write().insert(id, client.clone());
        client
    }

    /// Removes a connection.
    pub fn remove(&self, id: u64) {
        self.list.write().remove(&id);
    }

    /// Closes a connection, whatever it does. From now on it is in no list, although its task has yet to notice.
    pub fn kill(&self, client: &ClientShared) {
        // A caller inside the process has nothing that could be closed.
        if client.origin.fd >= 0 {
            client.mailbox.request_close(CloseReason::Killed);
            self.remove(client.id);
        }
    }

    /// The connection with that id.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Arc<ClientShared>> {
        self.list.read().get(&id).cloned()
    }

    /// All connections, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<ClientShared>> {
        self.list.read().values().cloned().collect()
    }

    /// How many connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.read().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
