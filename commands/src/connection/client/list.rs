//! CLIENT LIST and CLIENT INFO: connections as lines of text.

use redis_core::clock::unix_millis;
use redis_core::prelude::*;

use super::FAMILY;
use super::filter::{Filters, ListFilters, Use};
use super::line::describe;

/// Returns information about the connection.
#[command(
    "CLIENT INFO",
    since = "6.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE),
    tips(NONDETERMINISTIC_OUTPUT),
    reply = Verbatim
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
    tips(NONDETERMINISTIC_OUTPUT),
    history(
        "2.8.12" = "Every connection has a unique `id`.",
        "5.0.0" = "Filters by TYPE.",
        "6.0.0" = "Shows the `user`.",
        "6.2.0" = "Filters by ID, and shows `argv-mem`, `tot-mem`, `laddr` and `redir`.",
        "7.0.0" = "Shows `resp`, `multi-mem`, `rbs` and `rbp`.",
        "7.0.3" = "Shows `ssub`.",
        "8.0.0" = "Shows what the connection has sent and received: `tot-net-in`, `tot-net-out` and `tot-cmds`.",
        "8.1.0" = "Filters by USER, ADDR, LADDR, SKIPME and MAXAGE.",
        "9.0.0" = "Filters by NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA and IP, and by the negation of every filter but the ages."
    ),
    reply = Verbatim
)]
fn client_list(server: &Server, client: &Client, filters: ListFilters, reply: &mut Reply) -> Result<()> {
    let filters = Filters::parse(filters.0, Use::List, server.config.databases.get())?;
    let now = unix_millis();
    let skip_me = filters.skip_me.unwrap_or(false);
    let mut lines = Vec::new();
    for other in server.clients.all() {
        if filters.accept(&other, now) && !(skip_me && other.id == client.id()) {
            describe(&other, now, &mut lines);
            lines.push(b'\n');
        }
    }
    reply.verbatim("txt", &lines);
    Ok(())
}
