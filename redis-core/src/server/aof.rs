//! The append only file as commands and connections see it: how far it has come, how it is doing, and what is asked of
//! it.
//!
//! The work is done by one thread (`persistence/aof`), which owns the files. What others want of it they put into its
//! queue ([`Order`]); what they want to know stands here.
//!
//! Two offsets of the change log say how far it is. Up to *acknowledged*, replies may be sent: under `appendfsync always`
//! that is what is on the disk, else what has been written. Up to *synced*, everything is on the disk.
//!
//! What is between the acknowledged offset and the end of the log is in memory. When that is more than [`MOST_WAITING`],
//! clients that go on changing the data wait until what they have changed so far is acknowledged, so that a slow disk
//! slows them down and does not fill the memory.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::{Context, Poll, Waker};
use std::thread::Thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How many bytes of the log may wait for the disk before clients wait too. Each of them may add one batch of requests.
pub const MOST_WAITING: u64 = 64 << 20;

/// What is asked of the thread, and where it answers when that is done, or why it cannot be.
#[derive(Debug)]
pub struct Order {
    /// What is to be done.
    pub what: Demand,
    /// Where the answer goes.
    pub answer: SyncSender<Result<(), String>>,
}

/// What can be asked of the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Make sure that no other server writes the files: before they are loaded.
    Claim {
        /// For how long to wait for another server that does.
        patience: Duration,
    },
    /// Go on with the files that were just loaded, or begin them: at the start.
    Open,
    /// Cease to write them.
    Stop,
    /// Remove all data and load them from the files. Clients are refused meanwhile.
    Reload,
    /// Delete the files that are not needed any more.
    DeleteHistory,
    /// Write everything, flush it to the disk, and end.
    Quit,
}

/// The state of the append only file.
#[derive(Debug, Default)]
pub struct Aof {
    /// Changes are written, or will be as soon as the data of the beginning are.
    enabled: AtomicBool,
    /// Replies wait for the disk.
    holds_replies: AtomicBool,
    acknowledged: AtomicU64,
    synced: AtomicU64,
    waiting: Mutex<Vec<Waiting>>,
    moved: Condvar,
    failing: AtomicBool,
    /// What was wrong with the last write.
    error: Mutex<String>,
    orders: Mutex<Orders>,
    /// Bytes of all files.
    pub size: AtomicU64,
    /// Bytes of all files when they were last rewritten, or loaded.
    pub base_size: AtomicU64,
    /// How often writing went on although the disk was late.
    pub delayed: AtomicU64,
    /// The rewriting of the files.
    pub rewrite: Rewrite,
}

/// The rewriting of the files: that which goes on, and the last one.
#[derive(Debug)]
pub struct Rewrite {
    /// One goes on.
    pub active: AtomicBool,
    /// One begins when nothing is in its way any more.
    pub scheduled: AtomicBool,
    /// When the one that goes on began, in milliseconds since 1970.
    pub started: AtomicU64,
    /// How long the last one took, in seconds; -1 if there was none.
    pub last_seconds: AtomicI64,
    /// The last one failed.
    pub failed: AtomicBool,
    /// How many have begun.
    pub count: AtomicU64,
    /// How many have failed since the last that did not.
    pub failures: AtomicU64,
}

impl Default for Rewrite {
    fn default() -> Self {
        Rewrite {
            active: AtomicBool::new(false),
            scheduled: AtomicBool::new(false),
            started: AtomicU64::new(0),
            last_seconds: AtomicI64::new(-1),
            failed: AtomicBool::new(false),
            count: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }
}

impl Rewrite {
    /// For how many seconds one has gone on; -1 if none does. `now` is in milliseconds since 1970.
    #[must_use]
    pub fn seconds_so_far(&self, now: u64) -> i64 {
        let millis = now.saturating_sub(self.started.load(Relaxed));
        if self.active.load(Relaxed) { i64::try_from(millis / 1000).unwrap_or(i64::MAX) } else { -1 }
    }
}

#[derive(Debug, Default)]
struct Orders {
    queue: VecDeque<Order>,
    thread: Option<Thread>,
}

/// Somebody who waits for an offset.
#[derive(Debug)]
struct Waiting {
    offset: u64,
    /// To be on the disk, whatever replies may do.
    synced: bool,
    waker: Waker,
}

impl Aof {
    /// Whether changes are written.
    #[inline]
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Acquire)
    }

    /// Says whether changes are written.
    pub fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, Release);
    }

    /// Whether replies have to wait for the disk. `appendfsync always` asks for it.
    #[inline]
    #[must_use]
    pub fn holds_replies(&self) -> bool {
        self.holds_replies.load(Acquire)
    }

    /// Says whether replies have to wait for the disk.
    pub fn set_holds_replies(&self, holds: bool) {
        self.holds_replies.store(holds, Release);
    }

    /// Whether replies may be sent that tell of changes up to `offset`.
    #[inline]
    #[must_use]
    pub fn is_acknowledged(&self, offset: u64) -> bool {
        self.acknowledged.load(Acquire) >= offset
    }

    /// How many bytes of a log that ends at `end` are not acknowledged.
    #[inline]
    #[must_use]
    pub fn waiting(&self, end: u64) -> u64 {
        if self.is_enabled() { end.saturating_sub(self.acknowledged.load(Acquire)) } else { 0 }
    }

    /// Whether the disk does not follow a log that ends at `end`, so that who changes the data has to wait. Not while
    /// nothing can be written at all: then changes are refused, and whoever asks for them shall learn it.
    #[inline]
    #[must_use]
    pub fn is_behind(&self, end: u64) -> bool {
        self.waiting(end) > MOST_WAITING && !self.is_failing()
    }

    /// Whether everything up to `offset` is on the disk.
    #[must_use]
    pub fn is_synced(&self, offset: u64) -> bool {
        self.synced.load(Acquire) >= offset
    }

    /// Ready when replies up to `offset` may be sent.
    pub fn poll_acknowledged(&self, offset: u64, context: &Context<'_>) -> Poll<()> {
        self.poll(offset, false, context)
    }

    /// Waits until everything up to `offset` is on the disk, or until `limit` is over.
    pub async fn wait_synced(&self, offset: u64, limit: Option<Duration>) {
        let synced = std::future::poll_fn(|context| self.poll(offset, true, context));
        match limit {
            // Who asks afterwards learns how far it is.
            Some(limit) => drop(tokio::time::timeout(limit, synced).await),
            None => synced.await,
        }
    }

    fn poll(&self, offset: u64, synced: bool, context: &Context<'_>) -> Poll<()> {
        let has_come = || if synced { self.is_synced(offset) } else { self.is_acknowledged(offset) };
        if has_come() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.lock();
        // It may have come before the lock did.
        if has_come() {
            return Poll::Ready(());
        }
        waiting.push(Waiting { offset, synced, waker: context.waker().clone() });
        Poll::Pending
    }

    /// Stops the calling thread until replies up to `offset` may be sent, or `give_up` says so.
    pub fn wait_acknowledged(&self, offset: u64, give_up: impl Fn() -> bool) {
        let mut waiting = self.waiting.lock();
        while !self.is_acknowledged(offset) && !give_up() {
            self.moved.wait_for(&mut waiting, Duration::from_millis(100));
        }
    }

    /// Says how far it is, and wakes those who waited for it.
    pub fn advance(&self, acknowledged: u64, synced: u64) {
        self.acknowledged.store(acknowledged, Release);
        self.synced.store(synced, Release);
        let mut waiting = self.waiting.lock();
        if !waiting.is_empty() {
            let come = |it: &mut Waiting| if it.synced { synced >= it.offset } else { acknowledged >= it.offset };
            waiting.extract_if(.., come).for_each(|it| it.waker.wake());
        }
        self.moved.notify_all();
    }

    /// Whether nothing can be written at the moment: commands that change the data are refused.
    #[inline]
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Acquire)
    }

    /// What was wrong when something could not be written last.
    #[must_use]
    pub fn error(&self) -> String {
        self.error.lock().clone()
    }

    /// Says why nothing can be written, or that it can be again. Those who wait may not have to any longer.
    pub fn set_error(&self, error: Option<String>) {
        let failing = error.is_some();
        if let Some(error) = error {
            *self.error.lock() = error;
        }
        if self.failing.swap(failing, AcqRel) != failing {
            self.waiting.lock().drain(..).for_each(|it| it.waker.wake());
        }
    }

    /// Asks the thread for something, and waits until it is done. The caller holds no lock that the thread could want.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub fn demand(&self, what: Demand) -> Result<(), String> {
        let (answer, answered) = sync_channel(1);
        {
            let mut orders = self.orders.lock();
            let Some(thread) = orders.thread.clone() else { return Err("the server is stopping".into()) };
            orders.queue.push_back(Order { what, answer });
            thread.unpark();
        }
        answered.recv().unwrap_or_else(|_| Err("the server is stopping".into()))
    }

    /// Has the thread look around: something was scheduled.
    pub fn wake(&self) {
        if let Some(thread) = &self.orders.lock().thread {
            thread.unpark();
        }
    }

    /// The thread that takes orders; none if there will be no more. What it has been asked for by then is forgotten.
    pub fn set_thread(&self, thread: Option<Thread>) {
        let mut orders = self.orders.lock();
        orders.thread = thread;
        orders.queue.clear();
    }

    /// The next thing asked for.
    #[must_use]
    pub fn next_order(&self) -> Option<Order> {
        self.orders.lock().queue.pop_front()
    }

    /// Says how large the files are, and how large they were when they were last rewritten.
    pub fn set_sizes(&self, size: u64, base_size: u64) {
        self.size.store(size, Relaxed);
        self.base_size.store(base_size, Relaxed);
    }

    /// Asks for the files to be rewritten: at once, which counts as going on from now, or as soon as nothing is in the
    /// way. False if it goes on already.
    pub fn schedule_rewrite(&self, at_once: bool) -> bool {
        if self.rewrite.active.load(Acquire) || at_once && self.rewrite.active.swap(true, AcqRel) {
            return false;
        }
        self.rewrite.scheduled.store(true, Release);
        self.wake();
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn those_who_wait_are_woken_when_their_offset_has_come() {
        let (aof, count) = (Aof::default(), Arc::new(Count::default()));
        let waker = Waker::from(count.clone());
        let context = Context::from_waker(&waker);
        assert!(aof.poll_acknowledged(0, &context).is_ready());
        assert!(aof.poll_acknowledged(10, &context).is_pending());
        assert!(aof.poll(5, true, &context).is_pending());
        aof.advance(9, 4);
        assert_eq!(count.0.load(Relaxed), 0);
        aof.advance(10, 4);
        assert_eq!(count.0.load(Relaxed), 1);
        assert!(aof.poll_acknowledged(10, &context).is_ready() && !aof.is_synced(5));
        aof.advance(10, 10);
        assert_eq!(count.0.load(Relaxed), 2);
    }

    #[test]
    fn a_log_that_grows_faster_than_the_files_is_behind() {
        let aof = Aof::default();
        aof.advance(100, 0);
        assert!(!aof.is_behind(100 + MOST_WAITING + 1), "there are no files");
        aof.set_enabled(true);
        assert!(!aof.is_behind(100 + MOST_WAITING) && aof.is_behind(100 + MOST_WAITING + 1));
        assert_eq!(aof.waiting(130), 30);
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        assert!(aof.poll_acknowledged(200, &Context::from_waker(&waker)).is_pending());
        aof.set_error(Some("No space left on device".into()));
        assert_eq!(count.0.load(Relaxed), 1, "woken to learn that nothing is written");
        assert!(!aof.is_behind(100 + MOST_WAITING + 1));
    }

    #[test]
    fn nobody_is_asked_when_there_is_no_thread() {
        assert!(Aof::default().demand(Demand::Reload).is_err());
    }
}
