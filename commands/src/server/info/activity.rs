//! INFO clients, stats: who is connected, and what has been done for them.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::observe::info::Section;
use redis_core::server::PauseMode;

use super::Source;

/// Connections.
pub(super) fn clients(source: &Source<'_>, section: &mut Section<'_>) {
    let server = source.server;
    let clients = &server.clients;
    let all = clients.all();
    let most = |bytes: fn(&redis_core::server::ClientShared) -> usize| all.iter().map(|c| bytes(c)).max().unwrap_or(0);
    let pause = server.pause.current(source.now);
    section
        .field("connected_clients", clients.connected.load(Relaxed))
        .field("cluster_connections", 0)
        .field("maxclients", server.config.maxclients.get())
        .field("client_recent_max_input_buffer", most(|client| client.input.load(Relaxed)))
        .field("client_recent_max_output_buffer", most(|client| client.output.load(Relaxed)))
        .field("blocked_clients", clients.blocked.load(Relaxed))
        .field("tracking_clients", server.tracking.clients())
        .field("pubsub_clients", server.pubsub.client_count())
        .field("watching_clients", clients.watching.load(Relaxed))
        .field("clients_in_timeout_table", clients.blocked_with_timeout.load(Relaxed))
        .field("total_watched_keys", clients.watched_keys.load(Relaxed))
        .field("total_blocking_keys", source.databases.iter().map(|database| database.awaited).sum::<usize>())
        .field("total_blocking_keys_on_nokey", 0)
        .field("paused_reason", if pause.is_some() { "client_pause" } else { "none" })
        .field(
            "paused_actions",
            match pause {
                None => "none",
                Some((PauseMode::Write, _)) => "write",
                Some((PauseMode::All, _)) => "all",
            },
        )
        .field("paused_timeout_milliseconds", pause.map_or(0, |(_, until)| until.saturating_sub(source.now)));
}

/// Counters.
pub(super) fn stats(source: &Source<'_>, section: &mut Section<'_>) {
    let server = source.server;
    let (totals, rates) = (server.stats.totals(), server.stats.rates());
    let over_limit = server.memory.exceeded_for(source.now * 1000);
    let (tracked_keys, tracked_items, tracked_prefixes) = server.tracking.totals();
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    section
        .field("total_connections_received", totals.connections_received)
        .field("total_commands_processed", totals.commands_processed)
        .field("instantaneous_ops_per_sec", rates.ops)
        .field("total_net_input_bytes", totals.net_input_bytes)
        .field("total_net_output_bytes", totals.net_output_bytes)
        .field("total_net_repl_input_bytes", totals.net_repl_input_bytes)
        .field("total_net_repl_output_bytes", totals.net_repl_output_bytes)
        .field("instantaneous_input_kbps", kilobytes(rates.input_bytes))
        .field("instantaneous_output_kbps", kilobytes(rates.output_bytes))
        .field("instantaneous_input_repl_kbps", kilobytes(rates.input_repl_bytes))
        .field("instantaneous_output_repl_kbps", kilobytes(rates.output_repl_bytes))
        .field("rejected_connections", totals.rejected_connections)
        .field("sync_full", totals.sync_full)
        .field("sync_partial_ok", totals.sync_partial_ok)
        .field("sync_partial_err", totals.sync_partial_err)
        .field("expired_keys", totals.expired_keys)
        .field("expired_fields", totals.expired_fields)
        .field("expired_subkeys", totals.expired_fields + totals.expired_members)
        .field("expired_stale_perc", "0.00")
        .field("expired_time_cap_reached_count", totals.expired_time_cap_reached)
        .field("expire_cycle_cpu_milliseconds", totals.expire_cycle_nanos / 1_000_000)
        .field("evicted_keys", totals.evicted_keys)
        .field("evicted_clients", totals.evicted_clients)
        .field("evicted_scripts", totals.evicted_scripts)
        .field("total_eviction_exceeded_time", (totals.eviction_exceeded_micros + over_limit) / 1000)
        .field("current_eviction_exceeded_time", over_limit / 1000)
        .field("keyspace_hits", totals.keyspace_hits)
        .field("keyspace_misses", totals.keyspace_misses)
        .field("pubsub_channels", server.pubsub.channel_count())
        .field("pubsub_patterns", server.pubsub.pattern_count())
        .field("pubsubshard_channels", server.pubsub.shard_channel_count())
        .field("latest_fork_usec", 0)
        .field("total_forks", 0)
        .field("migrate_cached_sockets", server.outgoing.len())
        .field("slave_expires_tracked_keys", 0)
        .field("active_defrag_hits", totals.defrag_moved)
        .field("active_defrag_misses", totals.defrag_left)
        .field("active_defrag_key_hits", totals.defrag_keys_moved)
        .field("active_defrag_key_misses", totals.defrag_keys_left)
        .field("total_active_defrag_time", totals.defrag_micros / 1000)
        .field("current_active_defrag_time", server.defrag.current_millis())
        .field("tracking_total_keys", tracked_keys)
        .field("tracking_total_items", tracked_items)
        .field("tracking_total_prefixes", tracked_prefixes)
        .field("unexpected_error_replies", totals.unexpected_error_replies)
        .field("total_error_replies", server.stats.errors.total())
        .field("dump_payload_sanitizations", totals.dump_payload_sanitizations)
        .field("total_reads_processed", totals.reads_processed)
        .field("total_writes_processed", totals.writes_processed)
        .field("client_query_buffer_limit_disconnections", totals.query_buffer_limit_disconnections)
        .field("client_output_buffer_limit_disconnections", totals.output_buffer_limit_disconnections)
        .field("acl_access_denied_auth", totals.acl_denied_auth)
        .field("acl_access_denied_cmd", totals.acl_denied_commands)
        .field("acl_access_denied_key", totals.acl_denied_keys)
        .field("acl_access_denied_channel", totals.acl_denied_channels);
}
