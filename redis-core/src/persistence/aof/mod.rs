//! The append only file: every change is written, so that nothing that was acknowledged is lost.
//!
//! The data set is a list of files ([`Manifest`]) in a directory, as Redis 7 has it: a *base*, which is a snapshot (or
//! commands), and *increments* of the change log since. A rewrite makes a new base of the data as they are and begins a new
//! increment at the very same moment; when the base is complete, the list is replaced and what it replaces is deleted.
//!
//! | module | |
//! |---|---|
//! | `manifest`, `paths` | the list of the files, and where they are |
//! | `thread` | the thread that owns the files, and what it is asked for |
//! | `increment` | the file that is being written: bytes and the disk |
//! | `rewrite` | a new base |
//! | `commands` | a base in the form of commands |
//! | `load` | from the files into the store |
//! | `check` | `redis-server check-aof` |
//!
//! # What is promised
//!
//! `appendfsync always`: no reply leaves the server before every change that is known to whoever gets it is on the disk.
//! The thread takes what has gathered in the log, writes it and flushes it at once; meanwhile other clients' changes gather
//! for the next time, so many clients share one flush. That holds for everything that is sent to anybody, also for
//! messages: a client may read a value before it is on the disk, but is not told it.
//!
//! `everysec`, `no`: replies do not wait. What comes is written within a few milliseconds, and flushed once a
//! second, or when the system likes.
//!
//! When the disk does not take what is written: under `always` the server ends, because it can neither acknowledge
//! what clients have asked for nor take it back. Otherwise the bytes are kept and tried again, the half-written rest is cut
//! off, and commands that would change something are refused until it works. When it takes it too slowly, clients that
//! change the data wait for it ([`MOST_WAITING`](crate::server::MOST_WAITING)).

mod check;
mod commands;
mod increment;
mod load;
mod manifest;
mod paths;
mod rewrite;
mod thread;

use std::sync::Arc;
use std::time::Duration;

pub use check::{Repair, check};
pub use load::{LoadError, Loaded};
pub use manifest::{Manifest, ManifestError, Part};
pub(crate) use thread::spawn;

use crate::command::Registry;
use crate::db::Keyspace;
use crate::server::{Demand, Server};

/// For how long another server may write the files that this one is to start with: it may have been killed just now.
const PATIENCE: Duration = Duration::from_secs(2);

/// Loads the data set that the files hold, and goes on writing them; or begins them, if there are none. For the start.
///
/// # Errors
/// If the files are not in order, or cannot be written.
pub(crate) fn begin(server: &Arc<Server>, registry: &'static Registry) -> Result<bool, BeginError> {
    // Before anything is read: what another server is writing at the moment would look as if it just ended.
    server.aof.demand(Demand::Claim { patience: PATIENCE }).map_err(BeginError::Open)?;
    let loaded = load::load(server, registry)?;
    let Loaded { size, base_size } = loaded.unwrap_or_default();
    server.aof.set_sizes(size, base_size);
    server.aof.demand(Demand::Open).map_err(BeginError::Open)?;
    Ok(loaded.is_some())
}

/// Why the append only file cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// What is there cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It cannot be written.
    #[error("{0}")]
    Open(String),
}

/// Removes all data and loads them from the files, by which it is tested that these hold everything. The caller holds all
/// locks, which are given back meanwhile: nobody else is served all the same.
///
/// # Errors
/// If the files cannot be loaded. What is in memory then is not what the files say, so the server must not go on.
pub fn reload(keyspace: &mut Keyspace, server: &Server) -> Result<(), String> {
    server.loading.begin(0);
    keyspace.unlock();
    let result = server.aof.demand(Demand::Reload);
    server.loading.end();
    keyspace.lock_all();
    result
}

/// Writes everything and ends the thread. Comes when nobody changes the data any more.
pub(crate) fn end(server: &Server) {
    // An error is in the log.
    let _ = server.aof.demand(Demand::Quit);
}
