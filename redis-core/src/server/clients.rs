//! What other connections may know of a connection, and the list of all of them.
//!
//! A connection's own state ([`Client`](super::Client)) belongs to its task alone. What CLIENT LIST shows and CLIENT
//! KILL, PUBLISH or an unblocking command must reach lives here instead, in atomics that the owner stores and others
//! load, and behind small locks for what changes rarely. Others refer to a connection by its id, never by a pointer
//! into its task.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};

use parking_lot::{Mutex, RwLock};

use super::blocked::Blocked;
use super::client::Client;
use super::tracking::Tracking;
use crate::observe::memory::MemoryGauge;
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
    /// The memory of their names and of the watch itself.
    pub watched_memory: AtomicUsize,
    /// Channels, patterns, shard channels subscribed to.
    pub subscriptions: [AtomicUsize; 3],
    /// The memory of the subscriptions.
    pub subscription_memory: AtomicUsize,
    /// Bytes read that are no whole argument yet; while requests run, those of the requests.
    pub input: AtomicUsize,
    /// Bytes read before them that belong to the same request.
    pub input_decoded: AtomicUsize,
    /// The memory that the connection keeps for input; requests that came whole are run from where its thread reads.
    pub input_memory: AtomicUsize,
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
    /// What the gauge of all connections has counted for this one, mail aside.
    counted: AtomicUsize,
    /// What it occupies although it has been told to close to make room.
    leaving: AtomicUsize,
}

/// About what the task of a connection, its registration with the runtime and its addresses occupy.
const TASK: usize = 1200;

/// No command yet.
pub const NO_COMMAND: u16 = u16::MAX;

impl ClientShared {
    fn new(id: u64, origin: Origin, now: u64, gauge: Arc<MemoryGauge>) -> Self {
        let is = Conditions::default();
        is.unix.store(origin.unix && origin.fd >= 0, Relaxed);
        ClientShared {
            id,
            origin,
            created: now,
            mailbox: Arc::new(Mailbox::counted_by(gauge)),
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
            watched_memory: AtomicUsize::new(0),
            subscriptions: Default::default(),
            subscription_memory: AtomicUsize::new(0),
            input: AtomicUsize::new(0),
            input_decoded: AtomicUsize::new(0),
            input_memory: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
            output_memory: AtomicUsize::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            tracking: RwLock::default(),
            capabilities: AtomicU32::new(0),
            counted: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
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

    /// Bytes of the arguments of the command that it waits in, or of one that has not come to its end. Those of a command
    /// that runs are part of the input.
    #[must_use]
    pub fn argument_memory(&self) -> usize {
        self.waiting_memory() + self.input_decoded.load(Relaxed)
    }

    /// The memory of the command that it waits in.
    fn waiting_memory(&self) -> usize {
        self.blocked.lock().as_ref().map_or(0, |blocked| blocked.args.memory())
    }

    /// Room for more input behind that which is kept.
    #[must_use]
    pub fn input_free(&self) -> usize {
        let used = self.input.load(Relaxed) + self.input_decoded.load(Relaxed);
        self.input_memory.load(Relaxed).saturating_sub(used)
    }

    /// Bytes that wait to be sent, messages of others included.
    #[must_use]
    pub fn pending_output(&self) -> usize {
        self.output.load(Relaxed) + self.mailbox.pending()
    }

    /// The memory that it occupies.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.own_memory() + self.mailbox.pending()
    }

    /// The memory that it occupies, without what others have left for it.
    fn own_memory(&self) -> usize {
        let parts = [
            &self.input_memory,
            &self.output_memory,
            &self.queued_bytes,
            &self.watched_memory,
            &self.subscription_memory,
        ];
        let parts: usize = parts.iter().map(|part| part.load(Relaxed)).sum();
        let prefixes = self.tracking.read().as_ref().map_or(0, |tracking| tracking.memory());
        let task = if self.origin.fd >= 0 { TASK } else { 0 };
        let fixed = size_of::<Self>() + size_of::<Client>() + size_of::<Mailbox>() + task;
        fixed + self.name.read().len() + parts + prefixes + self.waiting_memory()
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
    /// What all of them occupy, against `maxmemory-clients`.
    gauge: Arc<MemoryGauge>,
    /// The limit cannot be kept: who is left must not be closed.
    exhausted: AtomicBool,
    /// See [`Clients::leaving_memory`].
    leaving: AtomicUsize,
}

/// The order in which connections are closed for their memory has steps of powers of two; this is the lowest.
const SMALLEST_STEP: u32 = 15;

impl Clients {
    /// Adds a connection.
    pub fn add(&self, origin: Origin, now: u64) -> Arc<ClientShared> {
        let id = self.last_id.fetch_add(1, Relaxed) + 1;
        let client = Arc::new(ClientShared::new(id, origin, now, self.gauge.clone()));
        self.list.write().insert(id, client.clone());
        client
    }

    /// Removes a connection.
    pub fn remove(&self, id: u64) {
        let removed = self.list.write().remove(&id);
        if let Some(client) = removed {
            self.gauge.change(client.counted.load(Relaxed) + client.mailbox.pending(), 0);
        }
    }

    /// Sets how much memory all connections may occupy together; 0 for no limit.
    pub fn limit_memory(&self, limit: usize) {
        self.gauge.set_limit(limit);
        self.count_memory();
    }

    /// Notes that what a connection occupies may have changed. Answers whether all together occupy more than they may.
    #[inline]
    pub fn note_memory(&self, client: &ClientShared) -> bool {
        if self.gauge.limit() == 0 {
            return false;
        }
        let now = client.own_memory();
        self.gauge.change(client.counted.swap(now, Relaxed), now);
        self.gauge.is_exceeded() && !self.exhausted.load(Relaxed)
    }

    /// Counts anew what all connections occupy. Answers whether that is more than they may.
    pub fn count_memory(&self) -> bool {
        if self.gauge.limit() == 0 {
            return false;
        }
        let count = |client: &Arc<ClientShared>| {
            let own = client.own_memory();
            client.counted.store(own, Relaxed);
            own + client.mailbox.pending()
        };
        self.gauge.set_used(self.list.read().values().map(count).sum());
        self.exhausted.store(false, Relaxed);
        self.gauge.is_exceeded()
    }

    /// Closes connections until the others occupy no more than they may. Those go first that occupy most, by powers of
    /// two, and of those the oldest. Answers how many.
    #[cold]
    pub fn evict(&self) -> u64 {
        if !self.count_memory() {
            return 0;
        }
        let mut candidates = self.all();
        candidates.retain(|client| client.origin.fd >= 0 && !client.is.no_evict.load(Relaxed));
        candidates.sort_by_cached_key(|client| Reverse(client.memory().max(1).ilog2().max(SMALLEST_STEP - 1)));
        let mut evicted = 0;
        for client in candidates {
            if !self.gauge.is_exceeded() {
                return evicted;
            }
            if client.mailbox.request_close(CloseReason::Evicted) {
                let bytes = client.memory();
                tracing::info!("Evicting client {}, which occupies {bytes} bytes", client.id);
                client.leaving.store(bytes, Relaxed);
                self.leaving.fetch_add(bytes, Relaxed);
                evicted += 1;
            }
            self.remove(client.id);
        }
        if self.gauge.is_exceeded() {
            self.exhausted.store(true, Relaxed);
            tracing::debug!("Over client maxmemory after evicting all evictable clients");
        }
        evicted
    }

    /// What connections occupy that have been told to close to make room and have yet to do it. It counts as free, lest
    /// keys go for it.
    #[must_use]
    pub fn leaving_memory(&self) -> usize {
        self.leaving.load(Relaxed)
    }

    /// Notes that a connection has gone.
    pub fn left(&self, client: &ClientShared) {
        self.remove(client.id);
        self.leaving.fetch_sub(client.leaving.swap(0, Relaxed), Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> Origin {
        Origin { fd: 7, ..Origin::in_process() }
    }

    #[test]
    fn the_largest_go_first_by_powers_of_two() {
        let clients = Clients::default();
        let with = |bytes: usize| {
            let client = clients.add(socket(), 0);
            client.input_memory.store(bytes, Relaxed);
            assert!(!clients.note_memory(&client));
            client
        };
        let [small, large, larger, control] = [20_000, 140_000, 200_000, 1_000_000].map(with);
        control.is.no_evict.store(true, Relaxed);
        clients.limit_memory(2_000_000);
        assert_eq!(clients.evict(), 0);
        let closed = |client: &ClientShared| client.mailbox.close_requested();
        // Both are of one step, and the older of them is enough.
        clients.limit_memory(1_300_000);
        assert_eq!(clients.evict(), 1);
        assert_eq!([&small, &large, &larger].map(|client| closed(client)), [None, Some(CloseReason::Evicted), None]);
        assert!(clients.get(large.id).is_none());
        // What others have left counts, too.
        assert!(!clients.note_memory(&small));
        small.mailbox.push(&vec![b'm'; 300_000].into());
        assert!(clients.note_memory(&small));
        assert_eq!(clients.evict(), 1);
        assert_eq!([&small, &larger].map(|client| closed(client)), [Some(CloseReason::Evicted), None]);
        // When only those are left that must stay, nobody looks again for a while.
        clients.limit_memory(1);
        assert_eq!(clients.evict(), 1);
        assert_eq!(closed(&control), None);
        assert!(!clients.note_memory(&control));
        assert!(clients.count_memory());
        clients.limit_memory(0);
        assert!(!clients.count_memory());
        assert_eq!(clients.evict(), 0);
    }

    #[test]
    fn everything_that_grows_is_counted() {
        let clients = Clients::default();
        let client = clients.add(socket(), 0);
        let before = client.memory();
        for part in [&client.input_memory, &client.watched_memory, &client.subscription_memory, &client.queued_bytes] {
            part.store(1000, Relaxed);
        }
        *client.name.write() = vec![b'n'; 1000].into();
        let prefixes = vec![vec![b'p'; 1000].into()];
        *client.tracking.write() = Some(Arc::new(Tracking { prefixes, ..Tracking::default() }));
        client.mailbox.push(&vec![b'm'; 1000].into());
        assert!((8000..9000).contains(&(client.memory() - before)), "{}", client.memory() - before);
    }
}
