//! The thread that owns the files.
//!
//! It sleeps until something comes: an order, or a change. Changes are taken out of the log all at once, written, and
//! flushed as `appendfsync` says. Under `everysec` and `no` it then lets a millisecond's worth gather, so that
//! a busy server pays for a thousand writes a second and not for one per change.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::commands::timestamp_line;
use super::increment::Increment;
use super::load;
use super::manifest::Manifest;
use super::paths::{ClaimError, Paths};
use super::rewrite::{self, Rewriting};
use crate::clock;
use crate::command::Registry;
use crate::config::Config;
use crate::db::Keyspace;
use crate::server::{Demand, Feed, Order, Server, Taken};

/// For how long changes gather under `everysec` and `no`.
const GATHER: Duration = Duration::from_millis(1);

/// When a write that failed is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// How often a failure is told in the log.
const TELL: Duration = Duration::from_secs(30);

/// How often the thread looks whether a rewrite that waits can begin.
const LOOK: Duration = Duration::from_millis(100);

/// A buffer that has grown beyond this is not kept.
const KEEP: usize = 4 << 20;

/// Starts the thread of a server, and has it follow `appendonly`. It takes orders until [`Demand::Quit`].
pub(crate) fn spawn(server: &Arc<Server>, registry: &'static Registry) -> io::Result<()> {
    let weak = Arc::downgrade(server);
    let follow = move |_: &Config| weak.upgrade().map_or(Ok(()), |server| switch(&server));
    server.config.on_change(&["appendonly"], Box::new(follow));
    let weak = Arc::downgrade(server);
    let tidy = move |config: &Config| match weak.upgrade() {
        Some(server) if !config.aof_disable_auto_gc.get() => server.aof.demand(Demand::DeleteHistory),
        _ => Ok(()),
    };
    server.config.on_change(&["aof-disable-auto-gc"], Box::new(tidy));
    let thread = Files::new(server.clone(), registry);
    let spawned = std::thread::Builder::new().name("aof".into()).spawn(move || thread.run())?;
    server.aof.set_thread(Some(spawned.thread().clone()));
    Ok(())
}

/// Begins to write the files, or ceases, as `appendonly` says now. They begin with a rewrite, which needs all locks, so it
/// is not waited for: the caller may hold some.
fn switch(server: &Server) -> Result<(), String> {
    if !server.config.appendonly.get() {
        return server.aof.demand(Demand::Stop);
    }
    // The locks are held, so nobody shall wait long.
    if let Err(error) = server.aof.demand(Demand::Claim { patience: Duration::ZERO }) {
        tracing::warn!("{error}");
        return Err("Unable to turn on AOF. Check server logs.".into());
    }
    // If one goes on, it is not with the increment that begins now: another one follows.
    if !server.aof.schedule_rewrite(!server.is_saving()) {
        server.aof.rewrite.scheduled.store(true, Relaxed);
        server.aof.wake();
    }
    Ok(())
}

/// The files of a server, and what is on its way to them.
pub(super) struct Files {
    pub(super) server: Arc<Server>,
    registry: &'static Registry,
    pub(super) paths: Paths,
    pub(super) manifest: Manifest,
    pub(super) feed: Option<Feed>,
    increment: Option<Increment>,
    /// What takes over at the cut that a rewrite makes.
    pub(super) next: Option<Increment>,
    pub(super) rewriting: Option<Rewriting>,
    pub(super) rewritten: (Sender<rewrite::Ended>, Receiver<rewrite::Ended>),
    /// Taken out of the log and not written yet, from `buffer_at` on.
    buffer: Vec<u8>,
    buffer_at: usize,
    /// How much of the buffer is of before the cut.
    cut: Option<usize>,
    /// The offset behind the buffer.
    taken: u64,
    /// The offset behind what is in the file, and behind what is on the disk.
    written: u64,
    synced: u64,
    last_sync: Instant,
    /// A write failed: when to try again, and when to tell of it again.
    retry: Option<Instant>,
    told: Option<Instant>,
    /// A flush failed. The system may have dropped what it could not flush, and the next flush succeeds all the same.
    doubtful: bool,
    /// Second of the last `#TS:`.
    timestamp: u64,
    /// When the next automatic rewrite may begin after one that failed.
    pub(super) rewrite_not_before: Option<Instant>,
    /// There will be no more orders.
    is_over: bool,
}

impl Files {
    fn new(server: Arc<Server>, registry: &'static Registry) -> Self {
        let paths = Paths::of(&server);
        Files {
            server,
            registry,
            paths,
            manifest: Manifest::default(),
            feed: None,
            increment: None,
            next: None,
            rewriting: None,
            rewritten: channel(),
            buffer: Vec::new(),
            buffer_at: 0,
            cut: None,
            taken: 0,
            written: 0,
            synced: 0,
            last_sync: Instant::now(),
            retry: None,
            told: None,
            doubtful: false,
            timestamp: 0,
            rewrite_not_before: None,
            is_over: false,
        }
    }

    fn run(mut self) {
        loop {
            self.obey_orders();
            if self.is_over {
                return;
            }
            if let Ok(ended) = self.rewritten.1.try_recv() {
                self.finish_rewrite(ended);
            }
            let busy = self.work();
            self.consider_rewrite();
            self.rest(busy);
        }
    }

    pub(super) fn obey_orders(&mut self) {
        while let Some(Order { what, answer }) = self.server.aof.next_order() {
            let result = self.obey(what);
            // Who asked may have given up.
            let _ = answer.send(result);
        }
    }

    fn obey(&mut self, what: Demand) -> Result<(), String> {
        match what {
            Demand::Claim { patience } => self.claim(patience).map_err(|error| error.to_string()),
            Demand::Open => self.open(),
            Demand::Stop => {
                self.server.aof.rewrite.scheduled.store(false, Relaxed);
                self.stop()
            }
            Demand::Reload => self.reload(),
            Demand::DeleteHistory => {
                self.delete_history();
                Ok(())
            }
            Demand::Quit => {
                self.abandon_rewrite();
                let result = if self.feed.is_some() {
                    tracing::info!("Calling fsync() on the AOF file.");
                    self.stop()
                } else {
                    Ok(())
                };
                self.server.aof.set_thread(None);
                self.is_over = true;
                result
            }
        }
    }

    /// Finds the place of the files, and that no other server writes there: one that does may be about to end.
    pub(super) fn claim(&mut self, patience: Duration) -> Result<(), ClaimError> {
        self.paths = Paths::of(&self.server);
        let began = Instant::now();
        loop {
            match self.paths.claim() {
                Err(ClaimError::Taken { .. }) if began.elapsed() < patience => std::thread::sleep(GATHER),
                result => return result,
            }
        }
    }

    /// Goes on with the files that were loaded, or begins them.
    fn open(&mut self) -> Result<(), String> {
        let Paths { directory, filename, .. } = self.paths.clone();
        let manifest = Manifest::load(&directory, &filename).map_err(|error| error.to_string())?;
        self.manifest = manifest.unwrap_or_default();
        self.delete_history();
        if self.manifest.is_empty() {
            self.write_first_base()?;
        }
        let begins = self.manifest.increments.is_empty();
        if begins {
            self.manifest.add_increment(&filename);
        }
        let Some(part) = self.manifest.increments.last().cloned() else { return Err("no increment".into()) };
        let path = self.paths.part(&part);
        let increment = Increment::open(&path)
            .map_err(|error| format!("Can't open the append-only file {}: {error}", part.name))?;
        self.store_manifest()?;
        tracing::info!("{} AOF incr file {} on server start", if begins { "Creating" } else { "Opening" }, part.name);
        self.increment = Some(increment);
        self.follow();
        Ok(())
    }

    /// Begins to take what is in the log from now on. Between the state of the data that the files hold and this moment,
    /// nothing may change.
    pub(super) fn follow(&mut self) {
        let feed = self.server.changes.follow(std::thread::current());
        let begin = self.server.changes.end();
        (self.taken, self.written, self.synced) = (begin, begin, begin);
        self.feed = Some(feed);
        self.timestamp = 0;
        self.server.aof.advance(begin, begin);
        self.server.aof.set_enabled(true);
        self.hold_replies();
    }

    fn hold_replies(&self) {
        let aof = &self.server.aof;
        aof.set_holds_replies(aof.is_enabled() && self.server.config.appendfsync.get() == "always");
    }

    pub(super) fn store_manifest(&self) -> Result<(), String> {
        let Paths { directory, filename, .. } = &self.paths;
        self.manifest.store(directory, filename).map_err(|error| {
            let path = directory.join(Manifest::name(filename));
            format!("Error trying to write the AOF manifest file {}: {}", path.display(), plain(&error))
        })
    }

    /// Makes `increment` the file that is written.
    pub(super) fn set_increment(&mut self, increment: Increment) {
        self.increment = Some(increment);
    }

    /// Writes and flushes what there is, and ceases to follow the log.
    fn stop(&mut self) -> Result<(), String> {
        self.abandon_rewrite();
        let result = self.flush().and_then(|()| self.sync_now());
        self.cease();
        result
    }

    /// Ceases to follow the log. What is still on its way is lost.
    pub(super) fn cease(&mut self) {
        if let Some(feed) = self.feed.take() {
            self.server.changes.unfollow(&feed);
        }
        (self.increment, self.next, self.cut) = (None, None, None);
        self.buffer = Vec::new();
        self.buffer_at = 0;
        let aof = &self.server.aof;
        aof.set_enabled(false);
        aof.set_holds_replies(false);
        aof.set_error(None);
        // Who is about to wait shall not.
        aof.advance(u64::MAX, self.synced);
    }

    /// Writes what is in the log by now.
    fn flush(&mut self) -> Result<(), String> {
        if self.feed.is_none() {
            return Ok(());
        }
        self.retry = None;
        // What was left over from the last time goes first.
        self.work();
        self.work();
        if self.pending() == 0 {
            Ok(())
        } else {
            Err(format!("Error writing to the AOF file: {}", self.server.aof.error()))
        }
    }

    /// Removes all data and loads them from the files. Nobody changes either meanwhile: clients are refused, and the
    /// files are this thread's.
    fn reload(&mut self) -> Result<(), String> {
        self.flush()?;
        let mut keyspace = Keyspace::new(self.server.store.clone(), self.server.settings());
        keyspace.lock_all();
        keyspace.empty();
        keyspace.unlock();
        load::load(&self.server, self.registry).map(drop).map_err(|error| error.to_string())
    }

    fn pending(&self) -> usize {
        self.buffer.len() - self.buffer_at
    }

    /// Takes what has come, writes it, and flushes it if it is time. Answers whether anything had come.
    fn work(&mut self) -> bool {
        let Some(feed) = &self.feed else { return false };
        if self.retry.is_some_and(|retry| Instant::now() < retry) {
            return false;
        }
        self.retry = None;
        if self.pending() == 0 && self.cut.is_none() {
            self.buffer.clear();
            self.buffer_at = 0;
            if self.buffer.capacity() > KEEP {
                self.buffer = Vec::new();
            }
            let before = self.taken;
            let Taken { end, cut } = feed.take(&mut self.buffer);
            self.taken = end;
            self.cut = cut.map(|cut| usize::try_from(cut - before).unwrap_or(0));
        }
        let busy = self.pending() > 0;
        if busy && self.cut.is_none() {
            self.note_time();
        }
        self.write();
        self.sync_if_due();
        if self.retry.is_none() && self.server.aof.is_failing() {
            self.recover();
        }
        busy
    }

    /// What is to be done when the disk takes everything again.
    fn recover(&mut self) {
        tracing::warn!("AOF write error looks solved, Redis can write again.");
        self.told = None;
        self.server.aof.set_error(None);
        if std::mem::take(&mut self.doubtful) {
            // What is in memory is certain.
            self.server.aof.schedule_rewrite(false);
        }
    }

    /// Writes when it is, if that is wanted and the second is another one.
    fn note_time(&mut self) {
        let now = clock::unix_millis() / 1000;
        if !self.server.config.aof_timestamp_enabled.get() || now == self.timestamp || self.buffer_at > 0 {
            return;
        }
        let Some(increment) = &mut self.increment else { return };
        let line = timestamp_line(now);
        // The next write will say what is wrong.
        if increment.write(line.as_bytes()).is_ok() {
            self.timestamp = now;
            self.server.aof.size.fetch_add(line.len() as u64, Relaxed);
        }
    }

    /// Writes what has been taken: up to the cut, if there is one, to the file that it ends, and the rest to the next one.
    fn write(&mut self) {
        if let Some(cut) = self.cut {
            if !self.write_to(cut) || self.sync_now().is_err() {
                return;
            }
            self.cut = None;
            self.go_on_with_next();
        }
        self.write_to(self.buffer.len());
    }

    /// Writes the buffer up to `end`. False if that fails.
    fn write_to(&mut self, end: usize) -> bool {
        let Some(increment) = &mut self.increment else { return false };
        let bytes = &self.buffer[self.buffer_at.min(end)..end];
        let len = bytes.len();
        if len == 0 {
            return true;
        }
        match increment.write(bytes) {
            Ok(()) => {
                self.buffer_at = end;
                self.written = self.taken - (self.buffer.len() - end) as u64;
                self.server.aof.size.fetch_add(len as u64, Relaxed);
                true
            }
            Err(error) => {
                self.buffer_at += error.written;
                self.server.aof.size.fetch_add(error.written as u64, Relaxed);
                if let Some(cut) = error.cut {
                    tracing::warn!(
                        "Could not remove short write from the append-only file.  Redis may refuse to load the AOF the \
                         next time it starts.  ftruncate: {cut}"
                    );
                }
                self.fail("Error writing to the AOF file", &error.source, "Can't recover from AOF write error");
                false
            }
        }
    }

    /// What is to be done when the disk does not take something.
    fn fail(&mut self, what: &str, error: &io::Error, fatal: &str) {
        let text = plain(error);
        let now = Instant::now();
        if self.told.is_none_or(|told| now.duration_since(told) > TELL) {
            tracing::warn!("{what}: {text}");
            self.told = Some(now);
        }
        self.retry = Some(now + RETRY);
        self.server.aof.set_error(Some(text));
        if self.server.aof.holds_replies() {
            // Clients have been promised that what is acknowledged is on the disk. Those that wait now are not
            // answered any more.
            tracing::warn!("{fatal} when the AOF fsync policy is 'always'. Exiting...");
            self.server.lifecycle.fail();
        }
    }

    fn sync_if_due(&mut self) {
        let policy = self.server.config.appendfsync.get();
        self.hold_replies();
        let unsynced = self.increment.as_ref().is_some_and(Increment::is_unsynced);
        if !unsynced {
            self.synced = self.written;
        } else {
            // A snapshot may be in greater need of the disk.
            let spared = self.server.config.no_appendfsync_on_rewrite.get() && self.server.is_saving();
            let due = match policy {
                "always" => true,
                "everysec" => self.last_sync.elapsed() >= Duration::from_secs(1),
                _ => false,
            };
            if due && !spared {
                // It says itself what is wrong.
                let _ = self.sync_now();
            }
            if spared || policy != "always" {
                self.server.aof.advance(self.written, self.synced);
                return;
            }
        }
        self.server.aof.advance(self.synced, self.synced);
    }

    /// Flushes what was written to the disk.
    fn sync_now(&mut self) -> Result<(), String> {
        let Some(increment) = &mut self.increment else { return Ok(()) };
        if increment.is_unsynced()
            && let Err(error) = increment.sync()
        {
            self.doubtful = true;
            self.fail("Fail to fsync the AOF file", &error, "Can't persist AOF for fsync error");
            return Err(format!("Fail to fsync the AOF file: {}", plain(&error)));
        }
        self.last_sync = Instant::now();
        self.synced = self.written;
        Ok(())
    }

    /// Sleeps until there is something to do.
    fn rest(&mut self, busy: bool) {
        let aof = &self.server.aof;
        let look = aof.rewrite.scheduled.load(Acquire) || self.rewrite_not_before.is_some();
        let mut most = look.then_some(LOOK);
        let mut at_most = |time: Duration| most = Some(most.map_or(time, |most: Duration| most.min(time)));
        if let Some(feed) = &self.feed {
            let always = self.server.config.appendfsync.get() == "always";
            if let Some(retry) = self.retry {
                at_most(retry.saturating_duration_since(Instant::now()));
            } else if self.pending() > 0 {
                return;
            } else if busy && !always {
                at_most(GATHER);
            } else if !feed.sleep() {
                return;
            }
            if self.increment.as_ref().is_some_and(Increment::is_unsynced) {
                at_most(Duration::from_secs(1).saturating_sub(self.last_sync.elapsed()).max(GATHER));
            }
        }
        match most {
            Some(time) => std::thread::park_timeout(time),
            None => std::thread::park(),
        }
    }
}

/// What the system says, without the number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
