//! What follows from a change of the configuration while the server runs.
//!
//! Most settings are read where they matter, each time. Those that others keep a copy of are handed on here, at the start
//! and after every CONFIG SET that changes them.

use std::sync::Arc;

use super::Server;
use crate::config::ClientClass;
use crate::observe::log;
use crate::pubsub::OutputLimits;

/// Hands the settings on, now and whenever they change.
pub(super) fn configuration(server: &Arc<Server>) {
    let log_level = |server: &Server| log::set_level(server.config.loglevel.get());
    on_change(server, "loglevel", log_level);
    follow(server, "latency-monitor-threshold", |server| {
        server.latency.set_threshold(server.config.latency_monitor_threshold.get().unsigned_abs());
    });
    follow(server, "client-output-buffer-limit", |server| {
        let limit = server.config.client_output_buffer_limit.get(ClientClass::Pubsub);
        let bytes = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        server.pubsub.set_output_limits(OutputLimits { hard: bytes(limit.hard), soft: bytes(limit.soft) });
    });
}

/// Applies a setting now and whenever it changes.
fn follow(server: &Arc<Server>, name: &'static str, apply: fn(&Server)) {
    apply(server);
    on_change(server, name, apply);
}

fn on_change(server: &Arc<Server>, name: &'static str, apply: fn(&Server)) {
    // The configuration is part of the server: what it keeps must not keep the server alive.
    let weak = Arc::downgrade(server);
    let hook = move |_: &crate::config::Config| {
        if let Some(server) = weak.upgrade() {
            apply(&server);
        }
        Ok(())
    };
    server.config.on_change(&[name], Box::new(hook));
}
