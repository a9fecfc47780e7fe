//! The data set that a server begins with: the append only file, if that is written, else the snapshot.
//!
//! It is loaded by a thread of its own while the others already serve: they answer that they are loading, or tell how far it
//! is.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::aof;
use super::rdb::{self, LoadOptions};
use crate::command::Registry;
use crate::db::{Duplicate, Keyspace};
use crate::server::Server;

/// Why a server cannot begin with its data.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The snapshot cannot be loaded.
    #[error(transparent)]
    Snapshot(#[from] rdb::LoadError),
    /// The append only file cannot be loaded, or not be gone on with.
    #[error(transparent)]
    AppendOnly(#[from] aof::BeginError),
}

impl LoadError {
    /// Whether nothing is wrong, but the server has been asked to stop.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        use aof::{BeginError, LoadError::Base, LoadError::Stopped};
        matches!(
            self,
            Self::Snapshot(rdb::LoadError::Stopped)
                | Self::AppendOnly(BeginError::Load(Stopped | Base(rdb::LoadError::Stopped)))
        )
    }
}

/// Begins to load, if there is anything to load. [`Server::loading`] is active from now on until all is there; then `ready`
/// is called. A server whose data cannot be loaded is asked to stop: why, the thread answers.
///
/// # Errors
/// If there can be no thread.
pub(crate) fn begin(
    server: &Arc<Server>,
    registry: &'static Registry,
    ready: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<Result<(), LoadError>>> {
    let path = rdb::path(server);
    let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    server.loading.begin(size);
    let server = server.clone();
    std::thread::Builder::new().name("loader".into()).spawn(move || {
        let started = Instant::now();
        let append_only = server.config.appendonly.get();
        let result = if append_only {
            aof::begin(&server, registry).map_err(LoadError::from)
        } else {
            load_snapshot(&server).map_err(LoadError::from)
        };
        server.loading.end();
        match &result {
            Ok(there) => {
                if *there {
                    let file = if append_only { "append only file" } else { "disk" };
                    tracing::info!("DB loaded from {file}: {:.3} seconds", started.elapsed().as_secs_f64());
                }
                ready();
            }
            Err(error) if error.is_stop() => {}
            Err(error) => {
                // Of the append only file, whoever waits for this thread tells.
                if !append_only {
                    tracing::warn!("Error loading the data: {error}");
                    tracing::warn!("Terminating server after rdb file reading failure.");
                }
                server.lifecycle.request_stop();
            }
        }
        result.map(drop)
    })
}

/// Loads the snapshot; answers whether there is one.
fn load_snapshot(server: &Arc<Server>) -> Result<bool, rdb::LoadError> {
    let mut keyspace = Keyspace::new(server.store.clone(), server.settings());
    let options = LoadOptions { duplicate: Duplicate::Refuse, drop_expired: true, keep_locks: false };
    match rdb::load(&mut keyspace, server, &rdb::path(server), options) {
        Ok(_) => Ok(true),
        Err(rdb::LoadError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
