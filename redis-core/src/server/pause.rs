//! CLIENT PAUSE: holding up commands for a while.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What is held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseMode {
    /// Commands that may change the data.
    Write,
    /// All commands.
    All,
}

/// The pause of a server, if there is one.
#[derive(Debug, Default)]
pub struct Pause {
    active: AtomicBool,
    current: Mutex<Option<(PauseMode, u64)>>,
    ended: Notify,
}

impl Pause {
    /// Begins a pause, or lengthens and strengthens the one there is.
    pub fn begin(&self, mode: PauseMode, until: u64) {
        let mut current = self.current.lock();
        let (mode, until) = current.map_or((mode, until), |(old, end)| (old.max(mode), end.max(until)));
        *current = Some((mode, until));
        self.active.store(true, Ordering::Release);
        // Those who sleep until the former end look again.
        self.ended.notify_waiters();
    }

    /// Ends the pause.
    pub fn end(&self) {
        *self.current.lock() = None;
        self.active.store(false, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// The pause in force: what it holds up and when it ends, in milliseconds since 1970.
    #[inline]
    pub fn current(&self, now: u64) -> Option<(PauseMode, u64)> {
        if !self.active.load(Ordering::Acquire) {
            return None;
        }
        let mut current = self.current.lock();
        if current.is_some_and(|(_, until)| until <= now) {
            *current = None;
            self.active.store(false, Ordering::Release);
        }
        *current
    }

    /// Waits until the pause may be over.
    pub async fn wait(&self) {
        let ended = self.ended.notified();
        let Some((_, until)) = self.current(crate::clock::unix_millis()) else { return };
        let left = until.saturating_sub(crate::clock::unix_millis()) + 1;
        let _ = tokio::time::timeout(std::time::Duration::from_millis(left), ended).await;
    }
}
