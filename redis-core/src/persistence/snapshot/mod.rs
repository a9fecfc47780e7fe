//! Snapshots taken while commands run: started, worked off by a thread, and called off.
//!
//! [`db::snapshot`](crate::db::snapshot) copies the keys; here is where the copies go. An [`Order`] says what a snapshot
//! is for and into which [`Sink`] it goes. [`start`] is called under all locks, and what happens in it happens at one
//! moment: the keys are marked, and the order's `at_epoch` runs. Everything else is the thread's work: it
//! compresses, writes, flushes, and tells the order's `done`.

mod points;
mod sink;
mod thread;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::sync_channel;

pub use points::tick;
pub use sink::{RdbFile, Sink};

use super::rdb::{self, SaveError};
use super::unique_name;
use crate::db::Keyspace;
use crate::db::snapshot::RecordEntry;
use crate::server::{Purpose, Server};

/// How a snapshot ended.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It was called off (FLUSHALL, SHUTDOWN).
    #[error("the snapshot was called off")]
    Cancelled,
    /// Its destination failed.
    #[error("cannot write {destination}: {source}")]
    Sink {
        /// What it is.
        destination: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a snapshot is not begun.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// One is being taken.
    #[error("a snapshot is being taken already")]
    Busy,
    /// There is no thread for it.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Opens what a snapshot is written to.
pub type OpenSink = Box<dyn FnOnce() -> io::Result<Box<dyn Sink>> + Send>;

/// Called when a snapshot is over: that of a rewrite before the next one can begin, which must not meet what it leaves to
/// be done; any other when the next one can, which is what the person who waits for it may want.
pub type Done = Box<dyn FnOnce(&Result<(), SnapshotError>) + Send>;

/// A snapshot to be taken.
pub struct Order<'a> {
    /// What for.
    pub purpose: Purpose,
    /// Whether long strings are compressed.
    pub compress: bool,
    /// What is written of a key.
    pub record: RecordEntry,
    /// What errors call the destination.
    pub destination: String,
    /// Opens the destination, on the snapshot's thread. If that fails, the snapshot does.
    pub open: OpenSink,
    /// Called at the very moment whose data are saved, while all locks are held.
    pub at_epoch: Box<dyn FnOnce() + 'a>,
    /// Called at the end, on the snapshot's thread.
    pub done: Done,
}

impl<'a> Order<'a> {
    /// A snapshot file at `path`, which appears there when it is complete; `temporary` is its name until then. `aof_base`
    /// is whether it is to be the base of an append only file.
    #[must_use]
    pub fn file(server: &Arc<Server>, purpose: Purpose, path: &Path, temporary: String, aof_base: bool) -> Self {
        let usage = rdb::usage_kept(server);
        let (server, path) = (server.clone(), path.to_owned());
        Order {
            purpose,
            compress: server.config.rdbcompression.get(),
            record: Box::new(move |writer, entry, progress| entry.record(usage.as_ref()).write_part(writer, progress)),
            destination: path.display().to_string(),
            open: Box::new(move || Ok(Box::new(RdbFile::create(&server, &path, &temporary, aof_base)?))),
            at_epoch: Box::new(|| ()),
            done: Box::new(|_| ()),
        }
    }

    /// The same, with something to be done at the very moment whose data are saved, while all locks are held.
    #[must_use]
    pub fn at_epoch(mut self, at_epoch: impl FnOnce() + 'a) -> Self {
        self.at_epoch = Box::new(at_epoch);
        self
    }

    /// The same, with something to be done when it is over.
    #[must_use]
    pub fn done(mut self, done: impl FnOnce(&Result<(), SnapshotError>) + Send + 'static) -> Self {
        self.done = Box::new(done);
        self
    }
}

/// Begins a snapshot of all keys as they are now. The caller holds all locks.
///
/// # Errors
/// If one is being taken, or no thread can be had.
pub fn start(server: &Arc<Server>, keyspace: &mut Keyspace, order: Order<'_>) -> Result<(), StartError> {
    let Order { purpose, compress, record, destination, open, at_epoch, done } = order;
    let ticket = server.snapshots.begin(purpose, server.changes.dirty()).ok_or(StartError::Busy)?;
    // The thread comes first: what has begun could not be undone under the locks.
    let (sender, receiver) = sync_channel::<thread::Work>(1);
    let work = move || {
        if let Ok(work) = receiver.recv() {
            work.run();
        }
    };
    let begun = std::thread::Builder::new().name("snapshot".into()).spawn(work).map_err(StartError::Thread);
    let begun = begun.and_then(|thread| {
        let sweeper = keyspace.begin_snapshot(record, compress).ok_or(StartError::Busy)?;
        Ok((thread, sweeper))
    });
    let (thread, sweeper) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            server.snapshots.cancel(&[purpose]);
            return Err(error);
        }
    };
    let total: usize = sweeper.sizes().iter().map(|(keys, _)| keys).sum();
    server.snapshots.keys_total.store(total as u64, Relaxed);
    server.snapshots.keep_thread(thread);
    at_epoch();
    // The thread waits for it.
    let server = server.clone();
    let _ = sender.send(thread::Work { server, ticket, purpose, sweeper, compress, destination, open, done });
    Ok(())
}

/// Begins a snapshot that becomes the file from which the server starts. The caller holds all locks.
///
/// # Errors
/// As [`start`].
pub fn start_saving(server: &Arc<Server>, keyspace: &mut Keyspace) -> Result<(), StartError> {
    let temporary = unique_name("bg", "rdb");
    let order = Order::file(server, Purpose::Save, &rdb::path(server), temporary, false);
    start(server, keyspace, order)?;
    tracing::info!("Background saving started");
    Ok(())
}

/// Writes the file from which the server starts at once. The caller holds all locks; nobody is served meanwhile.
///
/// # Errors
/// If the file cannot be written; the former one is still there then.
pub fn save_at_once(server: &Server, keyspace: &Keyspace) -> Result<(), SaveError> {
    let result = rdb::save(keyspace, server, &rdb::path(server));
    match &result {
        Ok(()) => {
            tracing::info!("DB saved on disk");
            server.changes.saved(server.changes.dirty());
            server.snapshots.saved_at_once();
        }
        Err(error) => tracing::warn!("Write error while saving DB to the disk: {error}"),
    }
    result
}

/// Calls off a snapshot whose data are about to go (FLUSHALL). The caller holds all locks, and the next snapshot may begin at
/// once.
pub fn cancel_saving(server: &Server, keyspace: &mut Keyspace) {
    if server.snapshots.cancel(&[Purpose::Save]) {
        keyspace.cancel_snapshot();
    }
}

/// Calls off whatever is being taken and waits until its files are gone.
pub fn stop(server: &Server) {
    server.snapshots.refuse_backups();
    server.snapshots.cancel(&[Purpose::Save, Purpose::Backup, Purpose::Rewrite]);
    server.snapshots.join_thread();
}
