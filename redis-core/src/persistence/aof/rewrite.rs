//! A new base, and what becomes of the files that it replaces.
//!
//! The base is the data as they are at one moment, and the increment that follows it begins at that very moment. When the
//! base is complete the list of files is replaced, and what it does not name any more is deleted. Until then
//! the former files and the new increment are the data set, so whatever goes wrong, nothing is lost.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::commands::{CommandFile, append_entry};
use super::increment::Increment;
use super::manifest::Manifest;
use super::thread::{Files, plain};
use crate::clock;
use crate::db::Keyspace;
use crate::persistence::snapshot::{self, Order, RdbFile, Sink};
use crate::persistence::unique_name;
use crate::server::{Purpose, Server};

/// So many automatic rewrites may fail before the next one has to wait.
const FAILURES: u64 = 3;

/// For how long the locks are waited for before it is looked whether somebody waits for this thread.
const LOCK_PATIENCE: Duration = Duration::from_millis(20);

/// The longest wait.
const LONGEST_WAIT: u64 = 60;

/// A rewrite that goes on.
#[derive(Debug)]
pub(super) struct Rewriting {
    /// How many of the increments are in the new base.
    replaced: usize,
    /// The base is a snapshot.
    snapshot: bool,
    /// With it begins the writing of the file: where its increment is until then.
    temporary: Option<PathBuf>,
    number: u64,
}

/// How the writing of a base ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Which rewrite it was.
    number: u64,
    result: Result<(), String>,
}

impl Files {
    /// Begins a rewrite if one has been asked for, or if the files have grown enough.
    pub(super) fn consider_rewrite(&mut self) {
        if self.rewriting.is_some() || self.server.is_saving() {
            return;
        }
        let rewrite = &self.server.aof.rewrite;
        if rewrite.scheduled.load(Relaxed) || self.has_grown() {
            rewrite.scheduled.store(false, Relaxed);
            if let Err(error) = self.begin_rewrite() {
                tracing::warn!("Can't rewrite append only file in background: {error}");
                self.rewrite_failed();
            }
        }
    }

    fn has_grown(&self) -> bool {
        let config = &self.server.config;
        let percentage = config.auto_aof_rewrite_percentage.get().unsigned_abs();
        if self.feed.is_none() || percentage == 0 || self.rewrite_not_before.is_some_and(|time| Instant::now() < time) {
            return false;
        }
        let aof = &self.server.aof;
        let (size, base) = (aof.size.load(Relaxed), aof.base_size.load(Relaxed).max(1));
        let growth = (u128::from(size) * 100 / u128::from(base)).saturating_sub(100);
        let due = size > config.auto_aof_rewrite_min_size.get() && growth >= u128::from(percentage);
        if due {
            tracing::info!("Starting automatic rewriting of AOF on {growth}% growth");
        }
        due
    }

    fn begin_rewrite(&mut self) -> Result<(), String> {
        if self.feed.is_none() {
            self.claim(Duration::ZERO).map_err(|error| error.to_string())?;
            let manifest = Manifest::load(&self.paths.directory, &self.paths.filename);
            self.manifest = manifest.map_err(|error| error.to_string())?.unwrap_or_default();
        }
        let starts = self.feed.is_none() && self.server.config.appendonly.get();
        let replaced = self.manifest.increments.len();
        let snapshot = self.server.config.aof_use_rdb_preamble.get();
        let (filename, directory) = (self.paths.filename.clone(), self.paths.directory.clone());
        let base = self.manifest.clone().replace_base(&filename, snapshot, replaced).name.clone();
        let base = directory.join(base);
        let open = |path: &Path| {
            let increment = Increment::open(path);
            increment.map_err(|error| format!("Can't open the append-only file {}: {}", path.display(), plain(&error)))
        };
        let mut temporary = None;
        let mut increment = None;
        if starts {
            let path = directory.join(format!("temp-{filename}.incr"));
            // What an earlier attempt has left.
            let _ = std::fs::remove_file(&path);
            increment = Some(open(&path)?);
            temporary = Some(path);
        } else if self.feed.is_some() {
            let part = self.manifest.add_increment(&filename).clone();
            match open(&self.paths.part(&part)) {
                Ok(opened) => self.next = Some(opened),
                Err(error) => {
                    self.forget_last_increment();
                    return Err(error);
                }
            }
            tracing::info!("Creating AOF incr file {} on background rewrite", part.name);
        }
        let rewrite = &self.server.aof.rewrite;
        rewrite.active.store(true, Relaxed);
        rewrite.started.store(clock::unix_millis(), Relaxed);
        let number = rewrite.count.fetch_add(1, Relaxed);
        self.rewriting = Some(Rewriting { replaced, snapshot, temporary, number });
        tracing::info!("Background append only file rewriting started by pid {}", std::process::id());
        let mut keyspace = Keyspace::new(self.server.store.clone(), self.server.settings());
        while !keyspace.try_lock_all(LOCK_PATIENCE) {
            // Whoever holds the locks may be waiting for this thread.
            self.obey_orders();
            if self.rewriting.is_none() {
                return Ok(());
            }
        }
        // Nothing changes before the locks are given back.
        if let Some(increment) = increment {
            self.follow();
            self.set_increment(increment);
        } else if let Some(feed) = &self.feed {
            feed.cut();
        }
        let (ended, server) = (self.rewritten.0.clone(), self.server.clone());
        let order = base_order(&self.server, &base, snapshot).done(move |result| {
            let result = result.as_ref().copied().map_err(ToString::to_string);
            // The thread of the files may have ended.
            let _ = ended.send(Ended { number, result });
            server.aof.wake();
        });
        let began = snapshot::start(&self.server, &mut keyspace, order);
        keyspace.unlock();
        if let Err(error) = began {
            self.finish_rewrite(Ended { number, result: Err(error.to_string()) });
        }
        Ok(())
    }

    /// Goes on with the file that a rewrite has opened, when the one before it is complete and on the disk. Only then may
    /// the list of files name it: whoever loads them takes a torn end for what it is in the last one only.
    pub(super) fn go_on_with_next(&mut self) {
        let Some(next) = self.next.take() else { return };
        // Once the base is in place, the list names it, and the one before it is history.
        let is_listed = self.manifest.increments.len() < 2;
        let listed = if is_listed { Ok(()) } else { self.store_manifest() };
        match listed {
            Ok(()) => self.set_increment(next),
            Err(error) => {
                tracing::warn!("{error}");
                self.forget_last_increment();
                self.abandon_rewrite();
                self.rewrite_failed();
            }
        }
    }

    fn forget_last_increment(&mut self) {
        self.manifest.increments.pop();
        self.manifest.increment_sequence -= 1;
    }

    /// Replaces the list of files when a base is complete.
    pub(super) fn finish_rewrite(&mut self, Ended { number, result }: Ended) {
        // One that was given up may still end.
        let Some(rewriting) = self.rewriting.take_if(|rewriting| rewriting.number == number) else { return };
        let rewrite = &self.server.aof.rewrite;
        let spent = clock::unix_millis().saturating_sub(rewrite.started.load(Relaxed)) / 1000;
        rewrite.last_seconds.store(i64::try_from(spent).unwrap_or(i64::MAX), Relaxed);
        match &result {
            Ok(()) => tracing::info!("Background AOF rewrite terminated with success"),
            Err(error) => tracing::warn!("Background AOF rewrite terminated with error: {error}"),
        }
        let starts = rewriting.temporary.is_some();
        let result = result.and_then(|()| self.put_base_in_place(&rewriting));
        match result {
            Ok(()) => {
                tracing::info!("Background AOF rewrite finished successfully");
                let rewrite = &self.server.aof.rewrite;
                rewrite.failed.store(false, Relaxed);
                rewrite.failures.store(0, Relaxed);
                self.rewrite_not_before = None;
                self.delete_history();
                self.server.aof.rewrite.active.store(false, Relaxed);
            }
            Err(error) => {
                tracing::warn!("{error}");
                self.rewrite_failed();
                if starts {
                    // The data of the beginning are missing, so there is nothing that changes could be added to.
                    self.cease();
                    if let Some(path) = &rewriting.temporary {
                        let _ = std::fs::remove_file(path);
                    }
                    self.server.aof.rewrite.scheduled.store(true, Relaxed);
                }
            }
        }
    }

    fn put_base_in_place(&mut self, rewriting: &Rewriting) -> Result<(), String> {
        let filename = self.paths.filename.clone();
        let mut manifest = self.manifest.clone();
        let base = manifest.replace_base(&filename, rewriting.snapshot, rewriting.replaced).clone();
        if let Some(temporary) = &rewriting.temporary {
            let path = self.paths.directory.join(&manifest.add_increment(&filename).name);
            std::fs::rename(temporary, &path).map_err(|error| {
                format!("Error trying to rename the temporary AOF incr file into {}: {}", path.display(), plain(&error))
            })?;
        }
        let former = std::mem::replace(&mut self.manifest, manifest);
        if let Err(error) = self.store_manifest() {
            self.manifest = former;
            return Err(error);
        }
        let len = |path: PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
        let base = len(self.paths.part(&base));
        let increments: u64 = self.manifest.increments.iter().map(|part| len(self.paths.part(part))).sum();
        self.server.aof.set_sizes(base + increments, base + increments);
        Ok(())
    }

    pub(super) fn rewrite_failed(&mut self) {
        let rewrite = &self.server.aof.rewrite;
        rewrite.active.store(false, Relaxed);
        rewrite.failed.store(true, Relaxed);
        let failures = rewrite.failures.fetch_add(1, Relaxed) + 1;
        if failures >= FAILURES {
            let minutes = 1_u64.checked_shl((failures - FAILURES) as u32).map_or(LONGEST_WAIT, |m| m.min(LONGEST_WAIT));
            self.rewrite_not_before = Some(Instant::now() + Duration::from_secs(60 * minutes));
            tracing::warn!(
                "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {minutes} minutes"
            );
        }
    }

    /// Gives up a rewrite that goes on, or that was asked for and has not begun. The increment that it has begun stays.
    pub(super) fn abandon_rewrite(&mut self) {
        if self.server.aof.rewrite.active.swap(false, Relaxed) {
            tracing::info!("Killing running AOF rewrite child: {}", std::process::id());
        }
        if let Some(rewriting) = self.rewriting.take() {
            self.server.snapshots.cancel(&[Purpose::Rewrite]);
            if let Some(path) = &rewriting.temporary {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// The base of a server that starts without any files, and so without data.
    pub(super) fn write_first_base(&mut self) -> Result<(), String> {
        let snapshot = self.server.config.aof_use_rdb_preamble.get();
        let filename = self.paths.filename.clone();
        let base = self.manifest.replace_base(&filename, snapshot, 0).clone();
        let path = self.paths.part(&base);
        write_empty_base(&self.server, &path, snapshot)
            .map_err(|error| format!("Can't write the AOF base file {}: {}", base.name, plain(&error)))?;
        tracing::info!("Creating AOF base file {} on server start", base.name);
        Ok(())
    }

    /// Deletes what is not needed any more.
    pub(super) fn delete_history(&mut self) {
        if self.manifest.history.is_empty() || self.server.config.aof_disable_auto_gc.get() {
            return;
        }
        let history = std::mem::take(&mut self.manifest.history);
        for part in &history {
            tracing::info!("Removing the history file {} in the background", part.name);
            match std::fs::remove_file(self.paths.part(part)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!("Can't remove the history file {}: {}", part.name, plain(&error));
                }
                _ => {}
            }
        }
        if let Err(error) = self.store_manifest() {
            tracing::warn!("{error}");
        }
    }
}

/// What the snapshot of a new base is.
fn base_order(server: &Arc<Server>, path: &Path, snapshot: bool) -> Order<'static> {
    let temporary = unique_name("rewriteaof-bg", "aof");
    if snapshot {
        return Order::file(server, Purpose::Rewrite, path, temporary, true);
    }
    let (path, compress) = (path.to_owned(), server.config.rdbcompression.get());
    let timestamp = server.config.aof_timestamp_enabled.get();
    Order {
        purpose: Purpose::Rewrite,
        compress: false,
        record: Box::new(move |writer, entry, _| {
            append_entry(writer, entry, compress);
            true
        }),
        destination: path.display().to_string(),
        open: Box::new(move || Ok(Box::new(CommandFile::create(&path, &temporary, timestamp)?))),
        at_epoch: Box::new(|| ()),
        done: Box::new(|_| ()),
    }
}

/// Writes an empty base.
fn write_empty_base(server: &Server, path: &Path, snapshot: bool) -> io::Result<()> {
    let temporary = unique_name("rewriteaof-bg", "aof");
    if !snapshot {
        let timestamp = server.config.aof_timestamp_enabled.get();
        return Box::new(CommandFile::create(path, &temporary, timestamp)?).finish();
    }
    Box::new(RdbFile::create(server, path, &temporary, true)?).finish()
}
