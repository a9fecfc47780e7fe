//! Whole databases: how large they are, emptying and exchanging them.

use redis_core::persistence::snapshot;
use redis_core::prelude::*;

use super::FAMILY;

/// Returns the number of keys in the database.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(FAST),
    acl(KEYSPACE),
    tips(REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_AGG_SUM)
)]
fn dbsize(mut walk: Walk) -> usize {
    walk.size()
}

/// Whether the memory of what is flushed is given back before the reply.
#[derive(Clone, Copy, Options)]
enum FlushType {
    /// After the reply, by another thread.
    #[arg(since = "4.0.0")]
    Async,
    /// Before the reply.
    #[arg(since = "6.2.0")]
    Sync,
}

fn in_background(server: &Server, flush_type: Option<FlushType>) -> bool {
    match flush_type {
        Some(FlushType::Async) => true,
        Some(FlushType::Sync) => false,
        None => server.config.lazyfree_lazy_user_flush.get(),
    }
}

/// Removes all keys from the current database.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys in the selected database",
    acl(KEYSPACE, DANGEROUS),
    tips(REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_ALL_SUCCEEDED),
    history(
        "4.0.0" = "Added the `ASYNC` flushing mode modifier.",
        "6.2.0" = "Added the `SYNC` flushing mode modifier.",
    )
)]
fn flushdb(keyspace: &mut Keyspace, server: &Server, flush_type: Option<FlushType>) -> Okay {
    let background = in_background(server, flush_type);
    if keyspace.flush(keyspace.index(), background) == 0 {
        // Who follows the data may have keys that are not here.
        keyspace.changed_all();
    }
    Okay
}

/// Removes all keys from all databases.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the total number of keys in all databases",
    acl(KEYSPACE, DANGEROUS),
    tips(REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_ALL_SUCCEEDED),
    history(
        "4.0.0" = "Added the `ASYNC` flushing mode modifier.",
        "6.2.0" = "Added the `SYNC` flushing mode modifier.",
    )
)]
fn flushall(keyspace: &mut Keyspace, server: &Server, flush_type: Option<FlushType>) -> Okay {
    let background = in_background(server, flush_type);
    snapshot::cancel_saving(server, keyspace);
    for database in 0..keyspace.databases() {
        keyspace.flush(database, background);
    }
    if !server.config.save.get().is_empty() {
        // Otherwise the next start would bring back what has just been removed. What goes wrong is in the log.
        let _ = snapshot::save_at_once(server, keyspace);
    }
    keyspace.changed_all();
    Okay
}

/// Swaps two databases.
#[command(
    since = "4.0.0",
    complexity = "O(N) where N is the count of clients watching or blocking on keys from both databases.",
    flags(FAST),
    acl(KEYSPACE, DANGEROUS)
)]
fn swapdb(
    keyspace: &mut Keyspace,
    #[arg(error = "ERR invalid first DB index")] index1: i32,
    #[arg(error = "ERR invalid second DB index")] index2: i32,
) -> Result<Okay> {
    let databases = keyspace.databases();
    let database = |index: i32| usize::try_from(index).ok().filter(|index| *index < databases);
    let (Some(a), Some(b)) = (database(index1), database(index2)) else {
        return Err(Error::DB_OUT_OF_RANGE);
    };
    keyspace.swap(a, b);
    Ok(Okay)
}
