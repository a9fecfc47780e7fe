//! OBJECT: how a value is stored and how often it is used.

use redis_core::db::Entry;
use redis_core::prelude::*;

use super::FAMILY;

container!("OBJECT", since = "2.2.3", help_since = "6.2.0", help_acl(KEYSPACE), "How values are stored and used.");

/// What Redis says of a small number, which it keeps but once for all its keys.
const SHARED: i64 = i32::MAX as i64;

/// Returns the name of the encoding of a key's value.
#[command("OBJECT ENCODING", since = "2.2.3", complexity = "O(1)", acl(KEYSPACE), tips(NONDETERMINISTIC_OUTPUT))]
fn object_encoding(db: &Db, #[key(RO)] key: Key) -> Option<&'static str> {
    db.inspect(key).map(|entry| match entry.object() {
        Some(object) => object.encoding(),
        None => entry.encoding().name(),
    })
}

/// Returns how often a key is used, on a logarithmic scale, under an LFU policy.
#[command("OBJECT FREQ", since = "4.0.0", complexity = "O(1)", acl(KEYSPACE), tips(NONDETERMINISTIC_OUTPUT))]
fn object_freq(db: &Db, #[key(RO)] key: Key) -> Result<Option<i64>> {
    const NOT_COUNTED: Error = Error::new(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
    let Some(entry) = db.inspect(key) else { return Ok(None) };
    if !db.clock().frequency {
        return Err(NOT_COUNTED);
    }
    Ok(Some(db.clock().counter(entry.access()).into()))
}

/// Returns for how many seconds a key has not been used.
#[command("OBJECT IDLETIME", since = "2.2.3", complexity = "O(1)", acl(KEYSPACE), tips(NONDETERMINISTIC_OUTPUT))]
fn object_idletime(db: &Db, #[key(RO)] key: Key) -> Result<Option<u64>> {
    const NOT_TIMED: Error = Error::new(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
    let Some(entry) = db.inspect(key) else { return Ok(None) };
    if db.clock().frequency {
        return Err(NOT_TIMED);
    }
    Ok(Some(db.clock().idle_seconds(entry.access())))
}

/// Returns how many references a key's value has.
///
/// Nothing is shared here, but clients may know Redis's small numbers by their count.
#[command("OBJECT REFCOUNT", since = "2.2.3", complexity = "O(1)", acl(KEYSPACE), tips(NONDETERMINISTIC_OUTPUT))]
fn object_refcount(db: &Db, server: &Server, #[key(RO)] key: Key) -> Option<i64> {
    db.inspect(key).map(|entry| if is_shared(entry, server) { SHARED } else { 1 })
}

/// Whether Redis would share this number: not if an eviction policy needs to know when each key was used.
fn is_shared(entry: &Entry, server: &Server) -> bool {
    let small = entry.kind() == Kind::Str
        && entry.encoding() == redis_core::value::StrEncoding::Int
        && matches!(Str::new(entry.string_bytes()).to_i64(), Some(0..10_000));
    let policy = server.config.maxmemory_policy.get();
    small && (server.config.maxmemory.get() == 0 || !(policy.is_lru() || policy.is_lfu()))
}
