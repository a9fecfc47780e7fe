//! A connection's own state: what only its task touches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::clients::ClientShared;
use super::queue::Queue;
use crate::pubsub::{Subscriber, SubscriptionKind, Subscriptions};

/// What CLIENT REPLY says about replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// They are sent.
    #[default]
    On,
    /// They are not.
    Off,
    /// That of the command at hand is not, nor that of the next one.
    SkipNext,
    /// That of the command at hand is not.
    Skip,
}

/// An open MULTI.
#[derive(Debug, Default)]
pub struct Transaction {
    /// What EXEC will run.
    pub queue: Queue,
    /// A command was refused while queueing: EXEC will refuse too.
    pub aborted: bool,
    /// One of the commands writes.
    pub writes: bool,
    /// One of the commands may need more memory.
    pub takes_memory: bool,
}

impl Transaction {
    /// Begins anew, with the room of the queue.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        *self = Self { queue: std::mem::take(&mut self.queue), ..Self::default() };
    }
}

/// A key that WATCH looks after.
#[derive(Debug)]
pub struct Watched {
    /// Its database.
    pub database: usize,
    /// Its hash.
    pub hash: u64,
    /// Its name.
    pub name: Box<[u8]>,
}

/// About what the shard of a watched key keeps beside the name: its place in the table of watched keys, and who watches.
const WATCH: usize = 128;

impl Watched {
    /// About how much memory the watch occupies, here and in the shard of the key.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + WATCH + 2 * self.name.len()
    }
}

/// A connection, or a caller inside the process.
#[derive(Debug)]
pub struct Client {
    /// What others see of it.
    pub shared: Arc<ClientShared>,
    /// Selected database.
    pub database: usize,
    /// Protocol version: 2 or 3.
    pub protocol: u8,
    /// Whether it has authenticated, or need not.
    pub authenticated: bool,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// The command at hand answers with messages, which are sent whatever CLIENT REPLY says.
    pub reply_pushes: bool,
    /// Arguments of the request at hand that neither logs nor monitors may show, by index.
    pub hidden: Vec<usize>,
    /// An open MULTI.
    pub transaction: Option<Box<Transaction>>,
    /// EXEC is running its queue: nothing may block.
    pub in_exec: bool,
    /// The command at hand has waited for a key, and runs again because something happened to it.
    pub resumed: bool,
    /// Keys under WATCH.
    pub watched: Vec<Watched>,
    /// Raised when a watched key changes.
    pub touched: Arc<AtomicBool>,
    /// How pub/sub reaches it.
    pub subscriber: Arc<Subscriber>,
    /// What it has subscribed to.
    pub subscriptions: Subscriptions,
    /// CLIENT CACHING: how many commands it is still good for.
    pub caching: u8,
    /// The offset in the change log behind what it has changed last.
    pub written: u64,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// It runs MONITOR.
    pub monitor: bool,
    /// Close once the reply is sent.
    pub close: bool,
}

impl Client {
    /// A new connection.
    #[must_use]
    pub fn new(shared: Arc<ClientShared>, authenticated: bool) -> Self {
        let subscriber = Arc::new(Subscriber::new(shared.id, shared.mailbox.clone()));
        Client {
            shared,
            database: 0,
            protocol: 2,
            authenticated,
            reply_mode: ReplyMode::On,
            reply_pushes: false,
            hidden: Vec::new(),
            transaction: None,
            in_exec: false,
            resumed: false,
            watched: Vec::new(),
            touched: Arc::default(),
            subscriber,
            subscriptions: Subscriptions::new(),
            caching: 0,
            written: 0,
            no_touch: false,
            monitor: false,
            close: false,
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.shared.id
    }

    /// Selects a database, which must exist.
    pub fn select(&mut self, database: usize) {
        self.database = database;
        self.shared.database.store(database, Relaxed);
    }

    /// Closes the connection once the reply of the command at hand is sent.
    pub fn close_after_reply(&mut self) {
        self.close = true;
        self.shared.is.closing.store(true, Relaxed);
    }

    /// Tells others how much the connection listens to.
    pub fn note_subscriptions(&self) {
        for kind in SubscriptionKind::ALL {
            self.shared.subscriptions[kind as usize].store(self.subscriptions.len(kind), Relaxed);
        }
        self.shared.subscription_memory.store(self.subscriptions.memory(), Relaxed);
        self.shared.is.subscriber.store(!self.subscriptions.is_empty(), Relaxed);
    }

    /// Chooses the protocol of replies and messages from now on: 2 or 3.
    pub fn set_protocol(&mut self, protocol: u8) {
        self.protocol = protocol;
        self.shared.protocol.store(protocol, Relaxed);
        self.subscriber.set_protocol(protocol);
    }
}
