//! MONITOR: the requests of all connections, as they run.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::prelude::*;

use super::FAMILY;

/// Listens for all requests received by the server in real time.
#[command(since = "1.0.0", complexity = "O(1)", flags(ADMIN, NOSCRIPT, LOADING, STALE))]
fn monitor(server: &Server, client: &mut Client) -> Result<Okay> {
    if client.in_exec {
        return Err(Error::new("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    client.monitor = true;
    client.shared.is.monitor.store(true, Relaxed);
    server.monitors.add(&client.shared);
    Ok(Okay)
}
