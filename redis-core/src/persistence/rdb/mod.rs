//! Snapshot files: written at once under all locks, and loaded.

mod save;

use std::path::PathBuf;

use crate::server::Server;

pub use save::{SaveError, facts, save, usage_kept};

/// The path of the server's snapshot, as configured now.
#[must_use]
pub fn path(server: &Server) -> PathBuf {
    server.config.dir.get().join(&*server.config.dbfilename.get())
}
