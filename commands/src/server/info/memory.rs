//! INFO memory: what is used, by whom, and how well the allocator does.

use redis_core::db::DatabaseStats;
use redis_core::observe::info::Section;
use redis_core::observe::memory::{allocator_name, allocator_stats, system_bytes};
use redis_core::prelude::*;

use super::{Source, human};

/// Memory that holds no data of users.
pub(in crate::server) struct Overhead {
    /// What an empty server uses.
    pub(in crate::server) startup: usize,
    /// Buffers of connections.
    pub(in crate::server) clients: usize,
    /// The tables of each database that holds keys.
    pub(in crate::server) tables: Vec<(usize, usize)>,
}

impl Overhead {
    pub(in crate::server) fn of(server: &Server, databases: &[DatabaseStats]) -> Self {
        let tables = databases.iter().enumerate().filter(|(_, stats)| stats.keys > 0);
        Overhead {
            startup: server.memory.startup(),
            clients: server.clients.all().iter().map(|client| client.memory()).sum(),
            tables: tables.map(|(database, stats)| (database, stats.table_memory)).collect(),
        }
    }

    pub(in crate::server) fn total(&self) -> usize {
        self.startup + self.clients + self.tables.iter().map(|(_, bytes)| bytes).sum::<usize>()
    }
}

pub(in crate::server) fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

pub(in crate::server) fn ratio(a: usize, b: usize) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

/// The difference with its sign.
pub(in crate::server) fn signed(a: usize, b: usize) -> i128 {
    a as i128 - b as i128
}

/// Memory.
pub(super) fn memory(source: &Source<'_>, section: &mut Section<'_>) {
    let (server, meter) = (source.server, &source.server.memory);
    meter.refresh(source.now / 1000);
    let (used, resident, peak) = (meter.used(), meter.resident(), meter.peak());
    let overhead = Overhead::of(server, source.databases);
    let dataset = used.saturating_sub(overhead.total());
    let allocator = allocator_stats().unwrap_or_default();
    let maxmemory = server.config.maxmemory.get_usize();
    section
        .field("used_memory", used)
        .field("used_memory_human", human(used))
        .field("used_memory_rss", resident)
        .field("used_memory_rss_human", human(resident))
        .field("used_memory_peak", peak)
        .field("used_memory_peak_human", human(peak))
        .field("used_memory_peak_perc", format_args!("{:.2}%", percent(used, peak)))
        .field("used_memory_overhead", overhead.total())
        .field("used_memory_startup", overhead.startup)
        .field("used_memory_dataset", dataset)
        .field(
            "used_memory_dataset_perc",
            format_args!("{:.2}%", percent(dataset, used.saturating_sub(overhead.startup))),
        )
        .field("allocator_allocated", allocator.allocated)
        .field("allocator_active", allocator.active)
        .field("allocator_resident", allocator.resident)
        .field("allocator_muzzy", allocator.muzzy)
        .field("total_system_memory", system_bytes())
        .field("total_system_memory_human", human(system_bytes()))
        .field("used_memory_lua", 0)
        .field("used_memory_vm_eval", 0)
        .field("used_memory_lua_human", human(0))
        .field("used_memory_scripts_eval", 0)
        .field("number_of_cached_scripts", 0)
        .field("number_of_functions", 0)
        .field("number_of_libraries", 0)
        .field("used_memory_vm_functions", 0)
        .field("used_memory_vm_total", 0)
        .field("used_memory_vm_total_human", human(0))
        .field("used_memory_functions", 0)
        .field("used_memory_scripts", 0)
        .field("used_memory_scripts_human", human(0))
        .field("maxmemory", maxmemory)
        .field("maxmemory_human", human(maxmemory))
        .field("maxmemory_policy", redis_core::config::Named::name(server.config.maxmemory_policy.get()))
        .field("allocator_frag_ratio", format_args!("{:.2}", ratio(allocator.active, allocator.allocated)))
        .field("allocator_frag_bytes", signed(allocator.active, allocator.allocated))
        .field("allocator_rss_ratio", format_args!("{:.2}", ratio(allocator.resident, allocator.active)))
        .field("allocator_rss_bytes", signed(allocator.resident, allocator.active))
        .field("rss_overhead_ratio", format_args!("{:.2}", ratio(resident, allocator.resident)))
        .field("rss_overhead_bytes", signed(resident, allocator.resident))
        .field("mem_fragmentation_ratio", format_args!("{:.2}", ratio(resident, used)))
        .field("mem_fragmentation_bytes", signed(resident, used))
        .field("mem_not_counted_for_evict", 0)
        .field("mem_replication_backlog", 0)
        .field("mem_total_replication_buffers", 0)
        .field("mem_clients_slaves", 0)
        .field("mem_clients_normal", overhead.clients)
        .field("mem_cluster_links", 0)
        .field("mem_aof_buffer", server.aof.waiting(server.changes.end()))
        .field("mem_allocator", allocator_name())
        .field("mem_overhead_db_hashtable_rehashing", 0)
        .field("active_defrag_running", server.defrag.running())
        .field("lazyfree_pending_objects", server.store.lazyfree_pending())
        .field("lazyfreed_objects", server.store.lazyfreed());
}
