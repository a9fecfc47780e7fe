//! BGREWRITEAOF.

use redis_core::prelude::*;

use super::FAMILY;

/// Asynchronously rewrites the append-only file to disk.
#[command(since = "1.0.0", complexity = "O(1)", flags(ADMIN, NOSCRIPT, NO_ASYNC_LOADING), reply = Status)]
fn bgrewriteaof(server: &Server, client: &Client, reply: &mut Reply) -> Result<()> {
    // A rewrite takes all locks, so it cannot begin within a transaction; and one snapshot is taken at a time.
    let waits = client.in_exec || server.is_saving();
    if !server.aof.schedule_rewrite(!waits) {
        return Err(Error::new("ERR Background append only file rewriting already in progress"));
    }
    let what = if waits { "scheduled" } else { "started" };
    reply.simple(&format!("Background append only file rewriting {what}"));
    Ok(())
}
