//! Freeing what takes long, away from the commands.
//!
//! Deleting a list of ten million elements means ten million deallocations. Whatever is dear to free is handed to a
//! thread of the store that does nothing else; it starts with the first such value.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Values cheaper to free than this many allocations are freed at once.
pub(crate) const CHEAP: usize = 64;

/// How many objects it counts as, how many bytes it holds, and what it is.
type Garbage = (usize, usize, Box<dyn Send>);

/// The way to the freeing thread, and how much is on it.
#[derive(Default)]
pub(crate) struct Reclaim {
    thread: OnceLock<Mutex<Sender<Garbage>>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    pending: AtomicUsize,
    /// Bytes of what is pending, as far as they are known.
    bytes: AtomicUsize,
    freed: AtomicUsize,
}

impl Reclaim {
    /// Frees `value`, which counts as `objects` objects and holds about that many bytes, on the freeing thread.
    pub(crate) fn free<T: Send + 'static>(&self, value: T, objects: usize, bytes: usize) {
        self.counts.pending.fetch_add(objects, Ordering::Relaxed);
        self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        let thread = self.thread.get_or_init(|| Mutex::new(Self::start(self.counts.clone())));
        let thread = thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(unsent) = thread.send((objects, bytes, Box::new(value))) {
            // The thread is gone (it could not be started): free here rather than never.
            drop(unsent);
            self.counts.pending.fetch_sub(objects, Ordering::Relaxed);
            self.counts.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    fn start(counts: Arc<Counts>) -> Sender<Garbage> {
        let (sender, receiver) = channel::<Garbage>();
        let work = move || {
            // Ends when the store, and with it the sender, is dropped.
            for (objects, bytes, value) in receiver {
                drop(value);
                counts.freed.fetch_add(objects, Ordering::Relaxed);
                counts.bytes.fetch_sub(bytes, Ordering::Relaxed);
                counts.pending.fetch_sub(objects, Ordering::Relaxed);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("lazyfree".into()).spawn(work) {
            tracing::warn!("cannot start the freeing thread, values are freed in place: {error}");
        }
        sender
    }

    /// Objects that wait to be freed.
    pub(crate) fn pending(&self) -> usize {
        self.counts.pending.load(Ordering::Relaxed)
    }

    /// Bytes of what waits to be freed.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.counts.bytes.load(Ordering::Relaxed)
    }

    /// Objects freed so far.
    pub(crate) fn freed(&self) -> usize {
        self.counts.freed.load(Ordering::Relaxed)
    }

    pub(crate) fn reset_freed(&self) {
        self.counts.freed.store(0, Ordering::Relaxed);
    }
}
