//! What other connections hand to a connection.
//!
//! A connection is served by one task on one worker thread, and nobody else writes to its socket. Whatever another
//! connection wants it to see (a published message, a tracking invalidation, the order to close) is left in its
//! mailbox, from any thread, and the owner picks it up between two requests or when it is woken.
//!
//! A message is a [`Bytes`]: encoded once by the sender, shared by every recipient that speaks the same protocol. Only
//! small ones are copied, as to share them takes longer and hardly less memory ([`Mail`]).
//!
//! The owner looks at its mailbox after every batch of requests, although nearly always nothing is there; that look
//! is [`Mailbox::is_idle`], two relaxed loads of one cache line and no lock. Relaxed is enough because a sender who
//! finds the mailbox empty wakes the owner *after* the bytes are visible, and waking a task orders what came before
//! it.
//!
//! Only the message that ends the empty state wakes: until the owner has drained, it is known to be on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::observe::memory::MemoryGauge;

/// Why a connection is asked to close itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum CloseReason {
    /// `CLIENT KILL`, or an administrator's equivalent.
    Killed = 1,
    /// More output is pending than `client-output-buffer-limit` allows.
    OutputBufferLimit,
    /// More input is kept than `client-query-buffer-limit` allows.
    QueryBufferLimit,
    /// It speaks HTTP.
    CrossProtocol,
    /// `maxmemory-clients` is exceeded and this connection holds the most.
    Evicted,
    /// Its user was deleted, disabled, or lost the right to a channel it is subscribed to.
    PermissionLost,
    /// The connection was idle for longer than `timeout`.
    Idle,
    /// The server is shutting down.
    Shutdown,
}

impl CloseReason {
    fn from_code(code: u8) -> Option<Self> {
        let reasons = [
            Self::Killed,
            Self::OutputBufferLimit,
            Self::QueryBufferLimit,
            Self::CrossProtocol,
            Self::Evicted,
            Self::PermissionLost,
            Self::Idle,
            Self::Shutdown,
        ];
        reasons.into_iter().find(|reason| *reason as u8 == code)
    }
}

/// How much may wait for a reader; zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// The connection is closed when there is more.
    pub hard: usize,
    /// Its owner looks at the clock when there is more.
    pub soft: usize,
}

/// Limits that can be changed while messages are sent.
#[derive(Debug, Default)]
pub struct AtomicLimits {
    hard: AtomicUsize,
    soft: AtomicUsize,
}

impl AtomicLimits {
    /// Replaces them.
    pub fn set(&self, limits: OutputLimits) {
        self.hard.store(limits.hard, Relaxed);
        self.soft.store(limits.soft, Relaxed);
    }

    /// Those in force.
    pub fn get(&self) -> OutputLimits {
        OutputLimits { hard: self.hard.load(Relaxed), soft: self.soft.load(Relaxed) }
    }
}

/// The mailbox of one connection: many senders, one owner.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// Bytes waiting, written under the lock and read without it.
    pending: AtomicUsize,
    /// Bytes that the owner has taken and its socket has not.
    backlog: AtomicUsize,
    /// A [`CloseReason`], or zero.
    close: AtomicU8,
    /// Where waiting bytes are counted.
    gauge: Arc<MemoryGauge>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    mail: Mail,
    waker: Option<Waker>,
}

/// A message of this size is copied for each of its receivers.
const SMALL: usize = 256;

/// What is reserved for small messages: they are soon sent, and who gets one mostly gets several.
const ROOM: usize = 1024;

/// So many bytes of small messages stand in one piece at most, or one more than that.
const PIECE: usize = 16 * 1024;

/// What was left for a connection, oldest first.
#[derive(Debug, Default)]
pub struct Mail {
    /// Larger messages, and small ones that came before them.
    pieces: Vec<Bytes>,
    /// The small messages since then, one behind the other.
    small: Vec<u8>,
}

impl Mail {
    fn push(&mut self, message: &Bytes) {
        if message.len() > SMALL || self.small.len() >= PIECE {
            if !self.small.is_empty() {
                self.pieces.push(Bytes::from(std::mem::take(&mut self.small)));
            }
            self.pieces.push(message.clone());
        } else {
            if self.small.capacity() == 0 {
                self.small.reserve(ROOM);
            }
            self.small.extend_from_slice(message);
        }
    }

    /// All bytes, in pieces that may hold several messages.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| &piece[..]).chain((!self.small.is_empty()).then_some(&self.small[..]))
    }
}

impl Mailbox {
    /// An empty mailbox whose owner has not registered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A mailbox whose messages `gauge` counts.
    pub fn counted_by(gauge: Arc<MemoryGauge>) -> Self {
        Self { gauge, ..Self::default() }
    }

    /// Leaves a message for the owner, and returns how many bytes are waiting now.
    ///
    /// The caller compares the result with the limit of the owner's class and asks the owner to close when it is
    /// passed. Once a close was requested nothing more is stored, so that a reader who has stopped reading cannot
    /// make the server grow until its owner runs.
    pub fn push(&self, message: &Bytes) -> usize {
        if message.is_empty() || self.close.load(Relaxed) != 0 {
            return self.pending();
        }
        let mut inner = self.inner.lock();
        let before = self.pending.load(Relaxed);
        let after = before + message.len();
        inner.mail.push(message);
        self.pending.store(after, Relaxed);
        self.gauge.change(before, after);
        let waker = if before == 0 { inner.waker.clone() } else { None };
        drop(inner);
        // Waking a task of another thread is a system call: not under the lock.
        if let Some(waker) = waker {
            waker.wake();
        }
        after
    }

    /// Wakes the owner without leaving anything: something else that it looks after has changed.
    pub fn wake(&self) {
        let waker = self.inner.lock().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Leaves a message for the owner, who is told when more waits than `limits` allow, what its socket has not taken
    /// included.
    pub fn push_within(&self, message: &Bytes, limits: OutputLimits) {
        let len = message.len();
        let waiting = self.push(message) + self.backlog.load(Relaxed);
        if limits.hard != 0 && waiting > limits.hard {
            self.request_close(CloseReason::OutputBufferLimit);
        } else if limits.soft != 0 && waiting > limits.soft && waiting - len.min(waiting) <= limits.soft {
            // The owner sleeps until its socket takes more; now it has to watch the time, too.
            self.wake();
        }
    }

    /// For the owner: how many bytes it has taken that its socket has not.
    pub fn note_backlog(&self, bytes: usize) {
        self.backlog.store(bytes, Relaxed);
    }

    /// Bytes waiting for the owner.
    #[inline]
    pub fn pending(&self) -> usize {
        self.pending.load(Relaxed)
    }

    /// Whether no message waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.pending() == 0
    }

    /// Whether neither a message nor a request to close waits.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.is_empty() && self.close.load(Relaxed) == 0
    }

    /// Takes all messages out. Their buffers go with them: most connections receive rarely, and an idle one should hold none.
    pub fn take(&self) -> Mail {
        if self.is_empty() {
            return Mail::default();
        }
        let mut inner = self.inner.lock();
        let mail = std::mem::take(&mut inner.mail);
        let bytes = self.pending.swap(0, Relaxed);
        self.gauge.change(bytes, 0);
        mail
    }

    /// Asks the owner to close the connection. The first reason stays; returns whether this was the first.
    pub fn request_close(&self, reason: CloseReason) -> bool {
        let first = self.close.compare_exchange(0, reason as u8, Relaxed, Relaxed).is_ok();
        if first {
            self.wake();
        }
        first
    }

    /// Why the owner should close the connection, if it should.
    #[inline]
    pub fn close_requested(&self) -> Option<CloseReason> {
        CloseReason::from_code(self.close.load(Relaxed))
    }

    /// Makes `waker` the one to wake from now on. The owner must look at the mailbox once *after* registering.
    ///
    /// A task whose waker does not change (a spawned tokio task) needs this only once.
    pub fn register(&self, waker: &Waker) {
        let mut inner = self.inner.lock();
        match &mut inner.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Forgets the owner: what is pushed from now on wakes nobody.
    pub fn unregister(&self) {
        self.inner.lock().waker = None;
    }

    /// Ready when a message or a request to close waits; otherwise the task of `context` is woken for the next one.
    ///
    /// For `std::future::poll_fn(|context| mailbox.poll_ready(context))`.
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_idle() {
            return Poll::Ready(());
        }
        self.register(context.waker());
        // Again, since a message may have come before the waker was in place.
        if self.is_idle() { Poll::Pending } else { Poll::Ready(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn bell() -> (Arc<Bell>, Waker) {
        let bell = Arc::new(Bell::default());
        (bell.clone(), Waker::from(bell))
    }

    #[test]
    fn keeps_order_and_counts_bytes() {
        let mailbox = Mailbox::new();
        assert!(mailbox.is_idle());
        // Small ones side by side, larger ones shared, and never much in one piece.
        let messages: Vec<_> =
            (0..1_000).map(|n| Bytes::from(vec![n as u8; [3, SMALL, SMALL + 1, 5, 100][n % 5 * (n / 800)]])).collect();
        let lengths = messages.iter().scan(0, |sum, message| {
            *sum += message.len();
            Some(*sum)
        });
        assert!(messages.iter().map(|message| mailbox.push(message)).eq(lengths));
        let mail = mailbox.take();
        assert_eq!(mail.pieces().collect::<Vec<_>>().concat(), messages.concat());
        assert!(mail.pieces().all(|piece| piece.len() <= PIECE + SMALL));
        assert_eq!(mail.pieces().filter(|piece| messages.iter().any(|own| own.as_ptr() == piece.as_ptr())).count(), 40);
        assert!(mailbox.is_idle());
        assert_eq!(mailbox.take().pieces().count(), 0);
    }

    #[test]
    fn wakes_only_when_it_was_empty() {
        let (bell, waker) = bell();
        let mailbox = Mailbox::new();
        mailbox.push(&Bytes::from_static(b"before anyone listens"));
        drop(mailbox.take());
        mailbox.register(&waker);
        for _ in 0..3 {
            mailbox.push(&Bytes::from_static(b"x"));
        }
        assert_eq!(bell.0.load(Relaxed), 1);
        drop(mailbox.take());
        mailbox.push(&Bytes::from_static(b"x"));
        assert_eq!(bell.0.load(Relaxed), 2);
        mailbox.push(&Bytes::new());
        mailbox.unregister();
        drop(mailbox.take());
        mailbox.push(&Bytes::from_static(b"x"));
        assert_eq!(bell.0.load(Relaxed), 2);
    }

    #[test]
    fn close_wakes_and_stops_intake() {
        let (bell, waker) = bell();
        let mailbox = Mailbox::new();
        mailbox.register(&waker);
        mailbox.push(&Bytes::from_static(b"kept"));
        assert!(mailbox.request_close(CloseReason::OutputBufferLimit));
        assert!(!mailbox.request_close(CloseReason::Killed));
        assert_eq!(mailbox.close_requested(), Some(CloseReason::OutputBufferLimit));
        assert_eq!(bell.0.load(Relaxed), 2);
        assert_eq!(mailbox.push(&Bytes::from_static(b"dropped")), 4);
        assert!(!mailbox.is_idle());
    }

    #[test]
    fn polling_registers() {
        let (bell, waker) = bell();
        let mut context = Context::from_waker(&waker);
        let mailbox = Mailbox::new();
        assert!(mailbox.poll_ready(&mut context).is_pending());
        mailbox.push(&Bytes::from_static(b"x"));
        assert_eq!(bell.0.load(Relaxed), 1);
        assert!(mailbox.poll_ready(&mut context).is_ready());
    }

    #[test]
    fn many_senders_lose_nothing() {
        let mailbox = Mailbox::new();
        let mut seen = 0;
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..5_000 {
                            mailbox.push(&Bytes::from_static(b"m"));
                        }
                    })
                })
                .collect();
            while seen < 20_000 {
                seen += mailbox.take().pieces().map(<[u8]>::len).sum::<usize>();
            }
            for sender in senders {
                sender.join().unwrap();
            }
        });
        assert_eq!(seen, 20_000);
        assert!(mailbox.is_empty());
    }
}
