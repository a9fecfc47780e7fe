//! Data that outlive the server: what writes files and what reads them.
//!
//! How values and keys become bytes is known to [`rdb`](crate::rdb); here is what drives it. How far something has come is
//! kept in [`server`](crate::server), where commands see it.
//!
//! | module | |
//! |---|---|
//! | [`rdb`] | snapshot files: written at once, loaded |
//! | `replacement` | a file that takes the place of another when it is complete |

pub mod rdb;
mod replacement;

pub use replacement::Replacement;
