//! From start to shutdown.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, Ordering};

use parking_lot::RwLock;
use tokio::sync::Notify;

/// When a server started, where it listens, and whether it is to stop.
#[derive(Debug)]
pub struct Lifecycle {
    /// Start, in milliseconds since 1970.
    pub started: u64,
    /// Forty random hexadecimal digits.
    pub run_id: String,
    /// The TCP port in use, once it listens.
    pub port: AtomicU16,
    /// The addresses in use, for INFO: name, address, port.
    pub listeners: RwLock<Vec<(&'static str, String, u16)>>,
    stopping: AtomicBool,
    failed: AtomicBool,
    stop: Notify,
    /// What a signal has led to: one of the next three.
    shutdown: AtomicU8,
}

/// Nobody has asked for a shutdown by a signal.
const NONE: u8 = 0;
/// A signal has, and it can be called off still.
const SCHEDULED: u8 = 1;
/// It is being done.
const BEGUN: u8 = 2;

impl Lifecycle {
    pub(super) fn new(now: u64) -> Self {
        let run_id = (0..40).map(|_| char::from(b"0123456789abcdef"[crate::rng::below(16)])).collect();
        Lifecycle {
            started: now,
            run_id,
            port: AtomicU16::new(0),
            listeners: RwLock::default(),
            stopping: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            stop: Notify::new(),
            shutdown: AtomicU8::new(NONE),
        }
    }

    /// Notes that a signal asks for a shutdown. Answers whether it is the first.
    pub fn schedule_shutdown(&self) -> bool {
        self.shutdown_goes(NONE, SCHEDULED)
    }

    /// Whether a shutdown is to be done that has not begun.
    pub fn is_shutdown_scheduled(&self) -> bool {
        self.shutdown.load(Ordering::Acquire) == SCHEDULED
    }

    /// Begins the shutdown that a signal has asked for; `false` if it has been called off.
    pub fn begin_shutdown(&self) -> bool {
        self.shutdown_goes(SCHEDULED, BEGUN)
    }

    /// Calls off the shutdown that a signal has asked for; `false` if there is none, or if it has begun.
    pub fn abort_shutdown(&self) -> bool {
        self.shutdown_goes(SCHEDULED, NONE)
    }

    /// The shutdown that had begun is over, one way or the other.
    pub fn end_shutdown(&self) {
        self.shutdown.store(NONE, Ordering::Release);
    }

    fn shutdown_goes(&self, from: u8, to: u8) -> bool {
        self.shutdown.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Asks the server to stop.
    pub fn request_stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stop.notify_waiters();
    }

    /// Stops the server because it cannot keep what it has promised.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.request_stop();
    }

    /// Whether it stops for such a reason.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Whether the server has been asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Returns once the server has been asked to stop.
    pub async fn stopped(&self) {
        loop {
            let stop = self.stop.notified();
            if self.is_stopping() {
                return;
            }
            stop.await;
        }
    }
}
