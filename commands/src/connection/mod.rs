//! Connection commands: greeting, authenticating, choosing a database, leaving.

mod auth;
mod client;
mod hello;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

family!("connection", acl = CONNECTION);

/// Returns the given string.
#[command(since = "1.0.0", complexity = "O(1)", flags(LOADING, STALE, FAST))]
fn echo<'a>(_server: &Server, message: &'a [u8]) -> &'a [u8] {
    message
}

/// Returns the server's liveliness response.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(FAST, SUBSCRIBER, HEALTH),
    tips(REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_ALL_SUCCEEDED),
    reply = OneOf(&[Status, Bulk, Tuple(&[Bulk, Bulk])])
)]
fn ping(client: &Client, message: Option<&[u8]>, reply: &mut Reply) {
    // A subscriber that speaks RESP2 takes every reply for a message, so this one looks like a message.
    if client.protocol == 2 && !client.subscriptions.is_empty() {
        reply.array(2);
        reply.bulk(b"pong");
        reply.bulk(message.unwrap_or_default());
        return;
    }
    match message {
        Some(message) => reply.bulk(message),
        None => reply.simple("PONG"),
    }
}

/// Changes the selected database.
#[command(since = "1.0.0", complexity = "O(1)", flags(LOADING, STALE, FAST, ALLOW_BUSY))]
fn select(server: &Server, client: &mut Client, index: i64) -> Result<Okay> {
    // Database numbers are 32 bits wide, and what does not fit has an error of its own.
    i32::try_from(index)
        .map_err(|_| Error::new("ERR value is out of range, value must between -2147483648 and 2147483647"))?;
    let databases = server.config.databases.get();
    if !(0..databases).contains(&index) {
        return Err(Error::DB_OUT_OF_RANGE);
    }
    client.select(index as usize);
    Ok(Okay)
}

/// Closes the connection.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY, SUBSCRIBER, IMMEDIATE)
)]
fn quit(client: &mut Client, _arguments: Anything) -> Okay {
    client.close_after_reply();
    Okay
}

/// Arguments that mean nothing and are not documented.
struct Anything;

impl<'a> Argument<'a> for Anything {
    type Raw = ();
    const SHAPE: Shape = Shape::at_least(0);
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, &[]);

    fn shape(cursor: &mut Cursor<'a>) -> Result<()> {
        cursor.split(cursor.left()).map(drop)
    }

    fn value((): (), _: &Context) -> Result<Self> {
        Ok(Anything)
    }
}

/// Resets the connection.
#[command(
    since = "6.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY, SUBSCRIBER, IMMEDIATE)
)]
fn reset(call: &mut Call) -> Simple {
    call.reset_connection();
    Simple("RESET")
}
