//! The stock command families.
//!
//! Each is one module behind one Cargo feature. Linking this crate is enough: the commands register themselves.
//!
//! ```
//! use redis_commands as _;
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "bitmaps")]
mod bitmaps;
#[cfg(feature = "connection")]
mod connection;
#[cfg(any(feature = "hashes", feature = "sets", feature = "sorted_sets", feature = "keys"))]
mod expire_condition;
#[cfg(feature = "geo")]
mod geo;
#[cfg(feature = "hashes")]
mod hashes;
#[cfg(feature = "hyperloglog")]
mod hyperloglog;
#[cfg(feature = "keys")]
mod keys;
#[cfg(any(feature = "keys", feature = "sorted_sets"))]
mod limit;
#[cfg(feature = "lists")]
mod lists;
#[cfg(any(feature = "hashes", feature = "sets", feature = "sorted_sets"))]
#[allow(dead_code, unused_imports, reason = "no family needs all of it")]
mod member_expiry;
#[cfg(any(feature = "lists", feature = "sorted_sets"))]
mod multi_pop;
#[cfg(feature = "pubsub")]
mod pubsub;
#[cfg(any(feature = "sets", feature = "hashes", feature = "sorted_sets"))]
#[allow(dead_code, reason = "no family needs all of it")]
mod random_count;
#[cfg(any(feature = "sets", feature = "hashes", feature = "sorted_sets", feature = "keys"))]
#[allow(dead_code, reason = "no family needs all of it")]
mod scan_options;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "sets")]
mod sets;
#[cfg(feature = "sorted_sets")]
mod sorted_sets;
#[cfg(feature = "streams")]
mod streams;
#[cfg(feature = "strings")]
mod strings;
#[cfg(test)]
mod tests;
#[cfg(feature = "transactions")]
mod transactions;
#[cfg(any(feature = "hashes", feature = "sets", feature = "sorted_sets", feature = "keys"))]
mod unix_time;
