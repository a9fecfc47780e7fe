//! What follows from a change of the configuration while the server runs.
//!
//! Most settings are read where they matter, each time. Those that others keep a copy of are handed on here, at the start
//! and after every CONFIG SET that changes them.

use std::sync::Arc;

use super::oom_score::OomScore;
use super::{Server, defrag};
use crate::config::{ClientClass, Config};
use crate::observe::log;
use crate::pubsub::OutputLimits;

/// Hands the settings on, now and whenever they change.
pub(super) fn configuration(server: &Arc<Server>) {
    // The log is the process's; it has its level before there is a server.
    on_change(server, "loglevel", |server| log::set_level(server.config.loglevel.get()));
    follow(server, "latency-monitor-threshold", |server| {
        server.latency.set_threshold(server.config.latency_monitor_threshold.get().unsigned_abs());
    });
    // Those who send messages look at these limits; connections look at the configuration themselves.
    follow(server, "client-output-buffer-limit", |server| {
        let limits = |class| {
            let limit = server.config.client_output_buffer_limit.get(class);
            let bytes = |limit| usize::try_from(limit).unwrap_or(usize::MAX);
            OutputLimits { hard: bytes(limit.hard), soft: bytes(limit.soft) }
        };
        server.pubsub.set_output_limits(limits(ClientClass::Pubsub));
        server.monitors.set_output_limits(limits(ClientClass::Normal));
    });
    on_change(server, "appendfsync", |server| server.aof.wake());
    follow(server, "tracking-table-max-keys", |server| {
        server.tracking.set_max_keys(server.config.tracking_table_max_keys.get_usize());
        server.tracking.shrink(&server.clients, server.pubsub.output_limits());
    });
    for name in ["maxmemory", "maxmemory-clients"] {
        follow(server, name, |server| {
            let limit = server.config.maxmemory_clients.get_of(server.config.maxmemory.get());
            server.clients.limit_memory(usize::try_from(limit).unwrap_or(usize::MAX));
            server.evict_clients();
        });
    }
    if let Err(reason) = defrag::check(&server.config) {
        tracing::warn!("{reason}");
    }
    server.config.on_change(&["activedefrag"], Box::new(defrag::check));
    // A start goes on without: what is wrong is in the log.
    let oom_score = OomScore::default();
    let _ = oom_score.apply(&server.config);
    let apply = move |config: &Config| oom_score.apply(config);
    server.config.on_change(&["oom-score-adj", "oom-score-adj-values"], Box::new(apply));
}

/// Applies a setting now and whenever it changes.
fn follow(server: &Arc<Server>, name: &'static str, apply: fn(&Server)) {
    apply(server);
    on_change(server, name, apply);
}

fn on_change(server: &Arc<Server>, name: &'static str, apply: fn(&Server)) {
    // The configuration is part of the server: what it keeps must not keep the server alive.
    let weak = Arc::downgrade(server);
    let hook = move |_: &Config| {
        if let Some(server) = weak.upgrade() {
            apply(&server);
        }
        Ok(())
    };
    server.config.on_change(&[name], Box::new(hook));
}
