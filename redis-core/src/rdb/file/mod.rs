//! Snapshot files: the keys of all databases, one behind the other.
//!
//! ```text
//! REDIS0010  or  VALKEY080                    what this is, and the version
//! 250 name value                              facts about the file, as many as there are
//! 245 library                                 libraries of functions
//! 254 number  251 keys expiring               a database, and how many keys it has
//!   252 milliseconds                          when the next key expires, if it does
//!   248 seconds  or  249 counter              how it was used, if that is kept
//!   type  key  value                          the key
//! 255  checksum                               the end; eight bytes, low byte first, zero if there is none
//! ```
//!
//! The checksum is that of everything before it ([`Crc64`](super::Crc64)). [`Record`] is one key with all that stands
//! before it, [`FileWriter`] writes the whole file, and [`FileReader`] reads one of any version.

mod reader;
mod record;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{FileError, FileReader, Item, KeyItem, ReadOptions, Reason, ValueItem};
pub use record::{Record, Usage};
pub use writer::FileWriter;
