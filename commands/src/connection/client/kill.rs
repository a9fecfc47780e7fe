//! CLIENT KILL and CLIENT UNBLOCK: ending what other connections do.

use redis_core::clock::unix_millis;
use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, unblock};
use redis_core::prelude::*;
use redis_core::server::ClientShared;

use super::FAMILY;
use super::filter::{Filters, KillTarget, Use};

/// Terminates open connections.
#[command(
    "CLIENT KILL",
    since = "2.4.0",
    complexity = "O(N) where N is the number of client connections",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    history(
        "2.8.12" = "Takes filters: ID, TYPE, ADDR, SKIPME.",
        "3.2.0" = "TYPE knows `master`.",
        "5.0.0" = "TYPE knows `replica`, which is `slave`.",
        "6.2.0" = "Filters by LADDR.",
        "8.0.0" = "TYPE knows `primary`, and connections are filtered by MAXAGE.",
        "8.1.0" = "ID takes several IDs.",
        "9.0.0" = "Filters by NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA and IP, and by the negation of every filter but the ages."
    ),
    reply = OneOf(&[Status, Integer])
)]
fn client_kill(server: &Server, client: &mut Client, filter: KillTarget, reply: &mut Reply) -> Result<()> {
    match filter {
        KillTarget::Address(address) => {
            let of_address = |other: &&std::sync::Arc<ClientShared>| other.origin.address.as_bytes() == address;
            let all = server.clients.all();
            let victim = all.iter().find(of_address).ok_or(Error::new("ERR No such client"))?;
            kill(server, client, victim);
            reply.simple("OK");
        }
        KillTarget::Filters(words) => {
            let filters = Filters::parse(words, Use::Kill, server.config.databases.get())?;
            let now = unix_millis();
            let skip_me = filters.skip_me.unwrap_or(true);
            let mut killed = 0;
            for other in server.clients.all() {
                if filters.accept(&other, now) && !(skip_me && other.id == client.id()) {
                    kill(server, client, &other);
                    killed += 1;
                }
            }
            reply.integer(killed);
        }
    }
    Ok(())
}

/// Closes a connection: another one at once, the own one when it has the reply.
fn kill(server: &Server, client: &mut Client, victim: &ClientShared) {
    if victim.id == client.id() {
        client.close_after_reply();
    } else {
        server.clients.kill(victim);
    }
}

/// What a client that is unblocked is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Timeout,
    Error,
}

impl<'a> Argument<'a> for Reason {
    type Raw = Reason;
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::OneOf,
        &[
            ArgDoc::new(ArgKind::PureToken).named("timeout").token("TIMEOUT"),
            ArgDoc::new(ArgKind::PureToken).named("error").token("ERROR"),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Reason> {
        if cursor.left() > 1 {
            return Err(cursor.wrong_subcommand());
        }
        if cursor.take_token("TIMEOUT") {
            Ok(Reason::Timeout)
        } else if cursor.take_token("ERROR") {
            Ok(Reason::Error)
        } else {
            Err(Error::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"))
        }
    }

    fn value(raw: Reason, _: &Context) -> Result<Self> {
        Ok(raw)
    }
}

/// Unblocks a client blocked by a blocking command from a different connection.
#[command(
    "CLIENT UNBLOCK",
    since = "5.0.0",
    complexity = "O(log N) where N is the number of client connections",
    flags(ADMIN, NOSCRIPT, LOADING, STALE)
)]
fn client_unblock(call: &mut Call, client_id: i64, unblock_type: Option<Reason>) -> bool {
    static UNBLOCKED: Error = Error::new("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    let clients = &call.server().clients;
    let Some(client) = u64::try_from(client_id).ok().and_then(|id| clients.get(id)) else { return false };
    let error = (unblock_type == Some(Reason::Error)).then_some(&UNBLOCKED);
    unblock(call.worker, &client, error)
}
