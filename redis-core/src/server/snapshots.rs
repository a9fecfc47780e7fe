//! What is known of the snapshots of the data: the one that is being taken, and how the last ones went.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use crate::clock;

/// What a snapshot is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The file that the server starts from (BGSAVE, save points).
    Save,
    /// A file of its own (BACKUP).
    Backup,
    /// The base of the append only file (BGREWRITEAOF).
    Rewrite,
}

/// How many seconds pass after a failure before the next attempt that nobody asked for.
const RETRY_SECONDS: u64 = 5;

/// The snapshots of a server. One is taken at a time.
pub struct Snapshots {
    state: Mutex<State>,
    /// Told of every end of a snapshot, and of every cancellation.
    over: Condvar,
    /// The thread that takes one, or took the last one.
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Backups that wait for their turn.
    backups: Mutex<VecDeque<Backup>>,
    /// The last snapshot for [`Purpose::Save`] failed.
    failed: AtomicBool,
    /// Keys that are done of the snapshot that is being taken, or of the last one.
    pub keys_done: AtomicU64,
    /// Keys that it had at its beginning.
    pub keys_total: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// What is being taken.
    current: Option<Current>,
    /// Its number, or that of the last one.
    number: u64,
    /// A snapshot is to be taken as soon as that is possible.
    scheduled: bool,
    /// When the last one was completed, in seconds since 1970.
    last_save: u64,
    /// When the last one was begun, in seconds since 1970.
    last_attempt: u64,
    /// How many seconds the last one took.
    last_seconds: Option<u64>,
    saves: u64,
}

/// A snapshot that is being taken.
#[derive(Clone, Copy, Debug)]
pub struct Current {
    /// What for.
    pub purpose: Purpose,
    /// When it began, in milliseconds since 1970.
    pub started: u64,
    /// How many changes there had been since the last save when it began.
    pub dirty: u64,
}

/// What INFO tells.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotReport {
    /// What is being taken.
    pub current: Option<Current>,
    /// When the last one for [`Purpose::Save`] was completed, in seconds since 1970; the start, if there was none.
    pub last_save: u64,
    /// Whether the last one succeeded.
    pub last_ok: bool,
    /// How many seconds the last one took.
    pub last_seconds: Option<u64>,
    /// How many were begun.
    pub saves: u64,
}

/// A copy of the data that somebody wants in a file of its own.
pub struct Backup {
    /// The file, which must not be there yet.
    pub path: PathBuf,
    /// Is told how it went, with the reason if it went wrong. If it is dropped before, nothing will come of it.
    pub done: Box<dyn FnOnce(Result<(), String>) + Send>,
}

/// The right to take a snapshot. It must be given back with [`Snapshots::end`].
#[derive(Debug)]
pub struct Ticket {
    number: u64,
}

/// How a snapshot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is complete.
    Done,
    /// Something went wrong.
    Failed,
    /// It had been called off.
    Cancelled,
}

impl Snapshots {
    pub(super) fn new(now_millis: u64) -> Self {
        let state = State {
            current: None,
            number: 0,
            scheduled: false,
            last_save: now_millis / 1000,
            last_attempt: 0,
            last_seconds: None,
            saves: 0,
        };
        Snapshots {
            state: Mutex::new(state),
            over: Condvar::new(),
            thread: Mutex::new(None),
            backups: Mutex::default(),
            failed: AtomicBool::new(false),
            keys_done: AtomicU64::new(0),
            keys_total: AtomicU64::new(0),
        }
    }

    /// What is being taken, if anything.
    #[must_use]
    pub fn current(&self) -> Option<Current> {
        self.state.lock().current
    }

    /// Begins one. `dirty` is how many changes there have been since the last save. None if one is being taken.
    #[must_use]
    pub fn begin(&self, purpose: Purpose, dirty: u64) -> Option<Ticket> {
        let mut state = self.state.lock();
        if state.current.is_some() {
            return None;
        }
        let started = clock::unix_millis();
        state.current = Some(Current { purpose, started, dirty });
        state.number += 1;
        if purpose == Purpose::Save {
            state.scheduled = false;
            state.saves += 1;
            state.last_attempt = started / 1000;
        }
        self.keys_done.store(0, Relaxed);
        Some(Ticket { number: state.number })
    }

    /// Whether a snapshot has been called off.
    #[must_use]
    pub fn is_cancelled(&self, ticket: &Ticket) -> bool {
        let state = self.state.lock();
        state.number != ticket.number || state.current.is_none()
    }

    /// Ends one. Answers how, as it may have been called off in the meantime. If the server's own file is written,
    /// `saved` is told how many changes are safe in it, before anybody sees the end.
    pub fn end(&self, ticket: &Ticket, ok: bool, saved: impl FnOnce(u64)) -> End {
        let mut state = self.state.lock();
        let current = if state.number == ticket.number { state.current.take() } else { None };
        let Some(current) = current else { return End::Cancelled };
        if current.purpose == Purpose::Save {
            let now = clock::unix_millis();
            state.last_seconds = Some(now.saturating_sub(current.started) / 1000);
            self.note_result(&mut state, ok);
            if ok {
                saved(current.dirty);
            }
        }
        self.over.notify_all();
        if ok { End::Done } else { End::Failed }
    }

    fn note_result(&self, state: &mut State, ok: bool) {
        self.failed.store(!ok, Relaxed);
        if ok {
            state.last_save = clock::unix_millis() / 1000;
        }
    }

    /// Calls off what is being taken for one of these purposes. It has no result, and the next one may begin at once.
    /// Answers whether there was one.
    pub fn cancel(&self, purposes: &[Purpose]) -> bool {
        let mut state = self.state.lock();
        let hit = state.current.is_some_and(|current| purposes.contains(&current.purpose));
        if hit {
            state.current = None;
            self.over.notify_all();
        }
        hit
    }

    /// Notes a snapshot that was written at once (SAVE). One that could not be has been refused to whoever asked for it,
    /// and so is no reason to refuse writes.
    pub fn saved_at_once(&self) {
        let mut state = self.state.lock();
        state.scheduled = false;
        state.saves += 1;
        self.note_result(&mut state, true);
    }

    /// Remembers the thread that takes one, in place of the last one's.
    pub fn keep_thread(&self, thread: JoinHandle<()>) {
        *self.thread.lock() = Some(thread);
    }

    /// Waits until no thread takes one any more.
    pub fn join_thread(&self) {
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // A thread that panicked has reported it.
            let _ = thread.join();
        }
    }

    /// Waits for some time, or until the snapshot is called off.
    pub fn rest(&self, ticket: &Ticket, time: std::time::Duration) {
        let until = std::time::Instant::now() + time;
        let mut state = self.state.lock();
        while state.number == ticket.number && state.current.is_some() {
            if self.over.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }

    /// Has a backup taken as soon as that is possible.
    pub fn request_backup(&self, backup: Backup) {
        self.backups.lock().push_back(backup);
    }

    /// The backup whose turn it is.
    pub fn next_backup(&self) -> Option<Backup> {
        self.backups.lock().pop_front()
    }

    /// Forgets the backups that wait.
    pub fn refuse_backups(&self) {
        self.backups.lock().clear();
    }

    /// Has one taken as soon as that is possible (BGSAVE SCHEDULE).
    pub fn schedule(&self) {
        self.state.lock().scheduled = true;
    }

    /// Takes that back. Answers whether there was anything to take back.
    pub fn unschedule(&self) -> bool {
        std::mem::take(&mut self.state.lock().scheduled)
    }

    /// Whether one was asked for that can be begun now.
    #[must_use]
    pub fn is_due(&self, now_seconds: u64) -> bool {
        let state = self.state.lock();
        state.scheduled && state.current.is_none() && self.may_try(&state, now_seconds)
    }

    /// Whether the last attempt went well, or is long enough ago.
    #[must_use]
    pub fn may_retry(&self, now_seconds: u64) -> bool {
        self.may_try(&self.state.lock(), now_seconds)
    }

    fn may_try(&self, state: &State, now_seconds: u64) -> bool {
        !self.has_failed() || now_seconds.saturating_sub(state.last_attempt) > RETRY_SECONDS
    }

    /// Whether the last one for [`Purpose::Save`] failed.
    #[inline]
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// How the last ones went.
    #[must_use]
    pub fn report(&self) -> SnapshotReport {
        let state = self.state.lock();
        SnapshotReport {
            current: state.current,
            last_save: state.last_save,
            last_ok: !self.has_failed(),
            last_seconds: state.last_seconds,
            saves: state.saves,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_saved(changes: u64) {
        panic!("{changes} changes are not safe");
    }

    #[test]
    fn one_at_a_time() {
        let snapshots = Snapshots::new(1_000_000);
        let ticket = snapshots.begin(Purpose::Save, 7).expect("the first");
        assert!(snapshots.begin(Purpose::Rewrite, 0).is_none());
        snapshots.schedule();
        assert!(!snapshots.is_due(0));
        let mut saved = 0;
        assert_eq!(snapshots.end(&ticket, true, |changes| saved = changes), End::Done);
        assert_eq!(saved, 7);
        assert!(snapshots.is_due(0));
        let report = snapshots.report();
        assert!(report.last_ok && report.saves == 1 && report.current.is_none() && report.last_save > 1000);
    }

    #[test]
    fn what_is_called_off_has_no_result() {
        let snapshots = Snapshots::new(1_000_000);
        let first = snapshots.begin(Purpose::Save, 0).expect("the first");
        assert!(!snapshots.cancel(&[Purpose::Rewrite]));
        assert!(snapshots.cancel(&[Purpose::Rewrite, Purpose::Save]) && snapshots.is_cancelled(&first));
        let second = snapshots.begin(Purpose::Save, 0).expect("the second");
        assert!(snapshots.is_cancelled(&first) && !snapshots.is_cancelled(&second));
        assert_eq!(snapshots.end(&first, false, nothing_saved), End::Cancelled);
        assert!(!snapshots.has_failed());
        assert_eq!(snapshots.end(&second, true, drop), End::Done);
    }

    #[test]
    fn a_failure_is_not_tried_again_at_once() {
        let snapshots = Snapshots::new(0);
        let now = clock::unix_millis() / 1000;
        let ticket = snapshots.begin(Purpose::Save, 0).expect("the first");
        assert_eq!(snapshots.end(&ticket, false, nothing_saved), End::Failed);
        assert!(snapshots.has_failed() && !snapshots.may_retry(now) && snapshots.may_retry(now + 10));
        snapshots.saved_at_once();
        assert!(snapshots.may_retry(now));
        let backup = snapshots.begin(Purpose::Backup, 0).expect("the second");
        assert_eq!(snapshots.end(&backup, false, nothing_saved), End::Failed);
        assert!(!snapshots.has_failed(), "a backup says nothing about the server's own file");
    }
}
