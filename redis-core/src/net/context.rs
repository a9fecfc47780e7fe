//! What all connections of a worker thread share: the worker and its buffers.

use std::cell::RefCell;
use std::time::Duration;

use super::batch::Item;
use crate::command::{LendWorker, Worker};
use crate::db::Key;
use crate::resp::{Reply, Span};

/// Bytes that one read may bring.
const READ_BUFFER: usize = 64 * 1024;

/// How many empty buffers are kept, and how large they are at most.
const SPARES: usize = 64;
const SPARE_BYTES: usize = 16 * 1024;

/// The state of a worker thread.
pub(super) struct Thread {
    pub(super) worker: Worker,
    pub(super) buffer: Box<[u8]>,
    pub(super) reply: Reply,
    pub(super) spans: Vec<Span>,
    pub(super) keys: Vec<Key>,
    pub(super) batch: Vec<Item>,
    /// Empty buffers for replies that are put off.
    pub(super) spare: Vec<Vec<u8>>,
    /// How many connections have run requests since the thread last waited for events.
    pub(super) served: usize,
    /// Whether there were several the last time, so that there are probably several now.
    pub(super) crowded: bool,
}

impl Thread {
    /// Keeps a buffer for the next reply that is put off.
    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= SPARE_BYTES && self.spare.len() < SPARES {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

thread_local! {
    static THREAD: RefCell<Option<Thread>> = const { RefCell::new(None) };
}

/// How long a connection keeps its thread waiting for the locks of a command. Locks are held for some ten microseconds, but
/// for a command that looks at a million members, and a lock that is wanted goes round within a millisecond.
const PATIENCE: Duration = Duration::from_millis(1);

/// Makes the calling thread a worker thread until the guard is dropped.
pub(super) fn enter(mut worker: Worker) -> Entered {
    // Who has the only shard to himself need not look at the time.
    worker.runner.patience = (worker.keyspace.store().shards() > 1).then_some(PATIENCE);
    let thread = Thread {
        worker,
        buffer: vec![0; READ_BUFFER].into(),
        reply: Reply::new(2),
        spans: Vec::new(),
        keys: Vec::new(),
        batch: Vec::new(),
        spare: Vec::new(),
        served: 0,
        crowded: false,
    };
    THREAD.set(Some(thread));
    Entered
}

/// Notes that the thread is about to wait for events, if it is a worker thread.
pub(super) fn note_park() {
    THREAD.with_borrow_mut(|thread| {
        if let Some(thread) = thread {
            thread.crowded = std::mem::take(&mut thread.served) > 1;
        }
    });
}

/// Undoes [`enter`].
pub(super) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        THREAD.set(None);
    }
}

/// Lends the thread's state. Must not be called inside itself.
pub(super) fn with_thread<R>(body: impl FnOnce(&mut Thread) -> R) -> R {
    THREAD.with_borrow_mut(|thread| body(thread.as_mut().expect("connections live on worker threads only")))
}

/// Lends the worker of the thread on which it is asked to.
pub(super) struct ThisThread;

impl LendWorker for ThisThread {
    fn lend(&self, body: &mut dyn FnMut(&mut Worker)) {
        with_thread(|thread| body(&mut thread.worker));
    }
}
