//! CLIENT LIST and CLIENT INFO: connections as lines of text.

use redis_core::clock::unix_millis;
use redis_core::prelude::*;

use super::FAMILY;
use super::line::describe;

/// Returns information about the connection.
#[command(
    "CLIENT INFO",
    since = "6.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE),
    tips(NONDETERMINISTIC_OUTPUT)
)]
fn client_info(client: &Client, reply: &mut Reply) {
    let mut line = Vec::new();
    describe(&client.shared, unix_millis(), &mut line);
    line.push(b'\n');
    reply.verbatim("txt", &line);
}

/// Lists open connections.
#[command(
    "CLIENT LIST",
    since = "2.4.0",
    complexity = "O(N) where N is the number of client connections",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(NONDETERMINISTIC_OUTPUT)
)]
fn client_list(server: &Server, reply: &mut Reply, _filters: Rest<&[u8]>) {
    let now = unix_millis();
    let mut lines = Vec::new();
    for client in server.clients.all() {
        describe(&client, now, &mut lines);
        lines.push(b'\n');
    }
    reply.verbatim("txt", &lines);
}
