//! INFO persistence: what of the data is on the disk, and what is under way.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::observe::info::Section;
use redis_core::server::Purpose;

use super::Source;

/// A snapshot takes no copy of the memory, so what tells of copies is zero.
pub(super) fn persistence(source: &Source<'_>, section: &mut Section<'_>) {
    let server = source.server;
    let snapshots = &server.snapshots;
    let report = snapshots.report();
    let total = snapshots.keys_total.load(Relaxed);
    let done = if report.current.is_some() { snapshots.keys_done.load(Relaxed) } else { 0 };
    let percent = if total == 0 { 0.0 } else { (done as f64 * 100.0 / total as f64).min(100.0) };
    let saving = report.current.filter(|current| current.purpose != Purpose::Rewrite);
    let so_far = saving.map(|current| source.now.saturating_sub(current.started) / 1000);
    let seconds = |seconds: Option<u64>| seconds.map_or(-1, |seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
    let (loading, aof) = (&server.loading, &server.aof);
    let rewrite = &aof.rewrite;
    section
        .field("loading", u8::from(loading.is_active()))
        .field("async_loading", 0)
        .field("current_cow_peak", 0)
        .field("current_cow_size", 0)
        .field("current_cow_size_age", 0)
        .field("current_fork_perc", format_args!("{percent:.2}"))
        .field("current_save_keys_processed", done)
        .field("current_save_keys_total", total)
        .field("rdb_changes_since_last_save", server.changes.dirty())
        .field("rdb_bgsave_in_progress", u8::from(saving.is_some()))
        .field("rdb_last_save_time", report.last_save)
        .field("rdb_last_bgsave_status", if report.last_ok { "ok" } else { "err" })
        .field("rdb_last_bgsave_time_sec", seconds(report.last_seconds))
        .field("rdb_current_bgsave_time_sec", seconds(so_far))
        .field("rdb_saves", report.saves)
        .field("rdb_last_cow_size", 0)
        .field("rdb_last_load_keys_expired", loading.keys_expired.load(Relaxed))
        .field("rdb_last_load_keys_loaded", loading.keys_loaded.load(Relaxed))
        .field("aof_enabled", u8::from(server.config.appendonly.get()))
        .field("aof_rewrite_in_progress", u8::from(rewrite.active.load(Relaxed)))
        .field("aof_rewrite_scheduled", u8::from(rewrite.scheduled.load(Relaxed)))
        .field("aof_last_rewrite_time_sec", rewrite.last_seconds.load(Relaxed))
        .field("aof_current_rewrite_time_sec", rewrite.seconds_so_far(source.now))
        .field("aof_last_bgrewrite_status", if rewrite.failed.load(Relaxed) { "err" } else { "ok" })
        .field("aof_rewrites", rewrite.count.load(Relaxed))
        .field("aof_rewrites_consecutive_failures", rewrite.failures.load(Relaxed))
        .field("aof_last_write_status", if aof.is_failing() { "err" } else { "ok" })
        .field("aof_last_cow_size", 0)
        .field("module_fork_in_progress", 0)
        .field("module_fork_last_cow_size", 0);
    if server.config.appendonly.get() {
        section
            .field("aof_current_size", aof.size.load(Relaxed))
            .field("aof_base_size", aof.base_size.load(Relaxed))
            .field("aof_pending_rewrite", 0)
            .field("aof_buffer_length", aof.waiting(server.changes.end()))
            .field("aof_pending_bio_fsync", 0)
            .field("aof_delayed_fsync", aof.delayed.load(Relaxed));
    }
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
