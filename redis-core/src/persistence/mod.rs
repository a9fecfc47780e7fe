//! Data that outlive the server: what writes files and what reads them.
//!
//! How values and keys become bytes is known to [`rdb`](crate::rdb); here is what drives it. How far something has come is
//! kept in [`server`](crate::server), where commands see it.
//!
//! | module | |
//! |---|---|
//! | [`rdb`] | snapshot files: written at once, loaded |
//! | [`snapshot`] | snapshots taken while commands run |
//! | [`aof`] | the append only file: written, rewritten, loaded |
//! | `progress` | how far loading has come, in the log |
//! | `startup` | what a server begins with, loaded while it already answers |
//! | `shutdown` | the last save, and the end |
//! | `directory_lock` | a directory that is one server's |
//! | `replacement` | a file that takes the place of another when it is complete |

pub mod aof;
mod directory_lock;
mod progress;
pub mod rdb;
mod replacement;
mod shutdown;
pub mod snapshot;
mod startup;

pub use directory_lock::DirectoryLock;
pub use replacement::Replacement;
use replacement::{sync_directory, unique_name};
pub use shutdown::shutdown;
pub use startup::LoadError;
pub(crate) use startup::begin as begin_loading;
