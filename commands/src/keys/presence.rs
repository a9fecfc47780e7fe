//! Whether keys are there, what they hold, and taking them away.

use redis_core::db::Entry;
use redis_core::prelude::*;

use super::FAMILY;

/// Removes keys with their values.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys. Large values are freed in the background.",
    acl(KEYSPACE),
    tips(REQUEST_POLICY_MULTI_SHARD, RESPONSE_POLICY_AGG_SUM)
)]
fn del(db: &mut Db, #[key(RM, DELETE)] keys: Keys) -> usize {
    remove_all(db, keys)
}

/// Removes keys and leaves freeing their values to the background.
#[command(
    since = "4.0.0",
    complexity = "O(1) for each key. Large values are freed in the background.",
    flags(FAST),
    acl(KEYSPACE),
    tips(REQUEST_POLICY_MULTI_SHARD, RESPONSE_POLICY_AGG_SUM)
)]
fn unlink(db: &mut Db, #[key(RM, DELETE)] keys: Keys) -> usize {
    remove_all(db, keys)
}

fn remove_all(db: &mut Db, keys: Keys) -> usize {
    keys.iter()
        .filter(|key| {
            let removed = db.remove(*key);
            if removed {
                db.changed(*key, "del");
            }
            removed
        })
        .count()
}

/// Counts those of the given keys that exist.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys.",
    flags(FAST),
    acl(KEYSPACE),
    tips(REQUEST_POLICY_MULTI_SHARD, RESPONSE_POLICY_AGG_SUM),
    history("3.0.3" = "Takes several keys.")
)]
fn exists(db: &Db, #[key(RO)] keys: Keys) -> usize {
    keys.iter().filter(|key| db.read_untouched(*key).is_some()).count()
}

/// Marks keys as used now, and counts those that exist.
#[command(
    since = "3.2.1",
    complexity = "O(N) where N is the number of keys.",
    flags(FAST),
    acl(KEYSPACE),
    tips(REQUEST_POLICY_MULTI_SHARD, RESPONSE_POLICY_AGG_SUM)
)]
fn touch(db: &Db, #[key(RO)] keys: Keys) -> usize {
    let found = keys.iter().filter_map(|key| Some((key, db.read_untouched(key)?)));
    // This command is what a client under CLIENT NO-TOUCH has left to mark a key as used.
    found.inspect(|(key, entry)| db.touch_always(*key, entry)).count()
}

/// Returns the type of the value that a key holds.
#[command("TYPE", since = "1.0.0", complexity = "O(1)", flags(FAST), acl(KEYSPACE))]
fn type_of(db: &Db, #[key(RO)] key: Key) -> Simple {
    Simple(db.read_untouched(key).map_or("none", Entry::type_name))
}
