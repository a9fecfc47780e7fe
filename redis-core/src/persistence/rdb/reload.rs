//! Saving the data set and loading it again, by which it is tested that this changes nothing.

use super::{LoadError, LoadOptions, SaveError, load, path, save};
use crate::db::{Duplicate, Keyspace};
use crate::server::Server;

/// How it is done.
#[derive(Clone, Copy, Debug)]
pub struct ReloadOptions {
    /// Whether the data are saved first; otherwise the file must be there.
    pub save: bool,
    /// Whether all keys are removed before.
    pub flush: bool,
    /// What becomes of keys that are there nevertheless.
    pub duplicate: Duplicate,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The data are as they were.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// Of the data there is only what stands before the mistake.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Saves all keys, removes and loads them. The caller holds all locks.
///
/// # Errors
/// If that fails, one way or the other.
pub fn reload(keyspace: &mut Keyspace, server: &Server, options: ReloadOptions) -> Result<(), ReloadError> {
    let path = path(server);
    if options.save {
        save(keyspace, server, &path)?;
    }
    if options.flush {
        keyspace.empty();
    }
    server.loading.begin(std::fs::metadata(&path).map_or(0, |metadata| metadata.len()));
    let options = LoadOptions { duplicate: options.duplicate, drop_expired: true, keep_locks: true };
    let result = load(keyspace, server, &path, options);
    server.loading.end();
    result?;
    Ok(())
}
