//! The data set that a server begins with.
//!
//! It is loaded by a thread of its own while the others already serve: they answer that they are loading, or tell how far it
//! is.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::rdb::{self, LoadError, LoadOptions};
use crate::db::{Duplicate, Keyspace};
use crate::server::Server;

/// Begins to load, if there is anything to load. [`Server::loading`] is active from now on until all is there; then `ready`
/// is called. A server whose data cannot be loaded is asked to stop: why, the thread answers.
///
/// # Errors
/// If there can be no thread.
pub(crate) fn begin(
    server: &Arc<Server>,
    ready: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<Result<(), LoadError>>> {
    let path = rdb::path(server);
    let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    server.loading.begin(size);
    let server = server.clone();
    std::thread::Builder::new().name("loader".into()).spawn(move || {
        let started = Instant::now();
        let result = load_all(&server);
        server.loading.end();
        match &result {
            Ok(there) => {
                if *there {
                    tracing::info!("DB loaded from disk: {:.3} seconds", started.elapsed().as_secs_f64());
                }
                ready();
            }
            Err(LoadError::Stopped) => {}
            Err(error) => {
                tracing::warn!("Error loading the data: {error}");
                tracing::warn!("Terminating server after rdb file reading failure.");
                server.lifecycle.request_stop();
            }
        }
        result.map(drop)
    })
}

/// Loads what there is; answers whether there is anything.
fn load_all(server: &Arc<Server>) -> Result<bool, LoadError> {
    let mut keyspace = Keyspace::new(server.store.clone(), server.settings());
    let options = LoadOptions { duplicate: Duplicate::Refuse, drop_expired: true, keep_locks: false };
    match rdb::load(&mut keyspace, server, &rdb::path(server), options) {
        Ok(_) => Ok(true),
        Err(LoadError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
