//! Snapshot files: written at once under all locks, loaded, checked.

mod check;
mod load;
mod reload;
mod save;

use std::path::PathBuf;

pub use check::check;
pub use load::{LoadError, LoadOptions, LoadSummary, load};
pub use reload::{ReloadError, ReloadOptions, reload};
pub use save::{SaveError, facts, save, temporary_name, usage_kept};

use crate::server::Server;

/// The path of the server's snapshot, as configured now.
#[must_use]
pub fn path(server: &Server) -> PathBuf {
    server.config.dir.get().join(&*server.config.dbfilename.get())
}
