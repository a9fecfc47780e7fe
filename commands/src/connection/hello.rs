//! HELLO: the greeting of a connection, in which it may choose its protocol, authenticate and take a name.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;

use super::FAMILY;
use super::auth::authenticate;
use super::client::name::check_name;

const NOT_AUTHENTICATED: Error = Error::new(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
);

/// Handshakes with the server.
#[command(
    since = "6.0.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY),
    history(
        "6.2.0" = "The protocol version may be left out, to learn about the connection without changing it.",
        "8.1.0" = "Shows the availability zone."
    )
)]
fn hello(call: &mut Call, arguments: Option<Greeting>) -> Result<()> {
    if let Some(Greeting { credentials: Some((user, password)), .. }) = arguments {
        [user, password].into_iter().for_each(|secret| call.redact(secret));
        authenticate(call.server, call.client, user, password)?;
    }
    let Call { client, reply, .. } = call;
    if !client.authenticated {
        return Err(NOT_AUTHENTICATED);
    }
    if let Some(greeting) = arguments {
        if let Some(name) = greeting.name {
            *client.shared.name.write() = name.into();
        }
        client.set_protocol(greeting.protocol);
        reply.set_protocol(greeting.protocol);
    }
    reply.map(7);
    for word in ["server", "redis", "version", redis_core::VERSION] {
        reply.bulk(word.as_bytes());
    }
    reply.bulk(b"proto");
    reply.integer(client.protocol.into());
    reply.bulk(b"id");
    reply.integer(i64::try_from(client.id()).unwrap_or(i64::MAX));
    for word in ["mode", "standalone", "role", "master"] {
        reply.bulk(word.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}

/// What a connection says when it greets. Errors come in the order of the arguments, the values of earlier ones before
/// the syntax of later ones, so all is done in the value pass.
#[derive(Clone, Copy)]
struct Greeting<'a> {
    protocol: u8,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> Argument<'a> for Greeting<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(1);
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Block,
        &[
            ArgDoc::new(ArgKind::Integer).named("protover"),
            ArgDoc::of(
                ArgKind::Block,
                &[ArgDoc::new(ArgKind::String).named("username"), ArgDoc::new(ArgKind::String).named("password")],
            )
            .named("auth")
            .token("AUTH")
            .optional(),
            ArgDoc::new(ArgKind::String).named("clientname").token("SETNAME").optional(),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        cursor.split(cursor.left())
    }

    fn value(mut raw: Cursor<'a>, _: &Context) -> Result<Self> {
        let version =
            integer(raw.next()?).map_err(|_| Error::new("ERR Protocol version is not an integer or out of range"))?;
        let protocol = match version {
            2 => 2,
            3 => 3,
            _ => return Err(Error::new("NOPROTO unsupported protocol version")),
        };
        let mut greeting = Greeting { protocol, credentials: None, name: None };
        while let Some(option) = raw.peek() {
            if raw.left() > 2 && raw.take_token("AUTH") {
                greeting.credentials = Some((raw.next()?, raw.next()?));
            } else if raw.left() > 1 && raw.take_token("SETNAME") {
                let name = raw.next()?;
                check_name(name)?;
                greeting.name = Some(name);
            } else {
                let option = String::from_utf8_lossy(option);
                return Err(Error::from(format!("ERR Syntax error in HELLO option '{option}'")));
            }
        }
        Ok(greeting)
    }
}
