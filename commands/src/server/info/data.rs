//! INFO keyspace, persistence, replication: the data, and where else they are.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::observe::info::Section;

use super::Source;

/// Databases that hold keys.
pub(super) fn keyspace(source: &Source<'_>, section: &mut Section<'_>) {
    for database in 0..source.keyspace.databases() {
        let stats = source.keyspace.stats(database);
        if stats.keys > 0 {
            let redis_core::db::DatabaseStats { keys, expiring, average_ttl, volatile } = stats;
            let value = format_args!(
                "keys={keys},expires={expiring},avg_ttl={average_ttl},keys_with_volatile_items={volatile}"
            );
            section.field(format_args!("db{database}"), value);
        }
    }
}

/// The data are in memory only.
pub(super) fn persistence(source: &Source<'_>, section: &mut Section<'_>) {
    let loading = &source.server.loading;
    section
        .field("loading", u8::from(loading.is_active()))
        .field("async_loading", 0)
        .field("current_cow_peak", 0)
        .field("current_cow_size", 0)
        .field("current_cow_size_age", 0)
        .field("current_fork_perc", "0.00")
        .field("current_save_keys_processed", 0)
        .field("current_save_keys_total", 0)
        .field("rdb_changes_since_last_save", source.server.changes.dirty())
        .field("rdb_bgsave_in_progress", 0)
        .field("rdb_last_save_time", source.server.lifecycle.started / 1000)
        .field("rdb_last_bgsave_status", "ok")
        .field("rdb_last_bgsave_time_sec", -1)
        .field("rdb_current_bgsave_time_sec", -1)
        .field("rdb_saves", 0)
        .field("rdb_last_cow_size", 0)
        .field("rdb_last_load_keys_expired", loading.keys_expired.load(Relaxed))
        .field("rdb_last_load_keys_loaded", loading.keys_loaded.load(Relaxed))
        .field("aof_enabled", 0)
        .field("aof_rewrite_in_progress", 0)
        .field("aof_rewrite_scheduled", 0)
        .field("aof_last_rewrite_time_sec", -1)
        .field("aof_current_rewrite_time_sec", -1)
        .field("aof_last_bgrewrite_status", "ok")
        .field("aof_rewrites", 0)
        .field("aof_rewrites_consecutive_failures", 0)
        .field("aof_last_write_status", "ok")
        .field("aof_last_cow_size", 0)
        .field("module_fork_in_progress", 0)
        .field("module_fork_last_cow_size", 0);
    if loading.is_active() {
        section
            .field("loading_start_time", loading.started.load(Relaxed) / 1000)
            .field("loading_total_bytes", loading.total_bytes.load(Relaxed))
            .field("loading_rdb_used_mem", loading.used_memory.load(Relaxed))
            .field("loading_loaded_bytes", loading.loaded_bytes.load(Relaxed))
            .field("loading_loaded_perc", format_args!("{:.2}", loading.percent()))
            .field("loading_eta_seconds", loading.seconds_left().unwrap_or(1));
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
