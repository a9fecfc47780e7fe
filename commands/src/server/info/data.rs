//! INFO keyspace, replication: the data, and where else they are.

use redis_core::db::DatabaseStats;
use redis_core::observe::info::Section;

use super::Source;

/// Databases that hold keys.
pub(super) fn keyspace(source: &Source<'_>, section: &mut Section<'_>) {
    for (database, stats) in source.databases.iter().enumerate() {
        let DatabaseStats { keys, expiring, average_ttl, volatile, .. } = stats;
        if *keys > 0 {
            let value = format_args!(
                "keys={keys},expires={expiring},avg_ttl={average_ttl},keys_with_volatile_items={volatile}"
            );
            section.field(format_args!("db{database}"), value);
        }
    }
}

/// The server is on its own: a primary that nobody follows.
pub(super) fn replication(source: &Source<'_>, section: &mut Section<'_>) {
    section
        .field("role", "master")
        .field("connected_slaves", 0)
        .field("master_failover_state", "no-failover")
        .field("master_replid", &source.server.lifecycle.run_id)
        .field("master_replid2", "0".repeat(40))
        .field("master_repl_offset", 0)
        .field("second_repl_offset", -1)
        .field("repl_backlog_active", 0)
        .field("repl_backlog_size", 0)
        .field("repl_backlog_first_byte_offset", 0)
        .field("repl_backlog_histlen", 0);
}
