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
    ),
    reply = Map(&Bulk, &OneOf(&[Bulk, Integer, Array(&Any)]))
)]
fn hello(server: &Server, client: &mut Client, arguments: Option<Arguments>, reply: &mut Reply) -> Result<()> {
    let greeting = arguments.map(|Arguments(words)| Greeting::read(words)).transpose()?;
    if let Some(Greeting { credentials: Some((user, password)), .. }) = greeting {
        authenticate(server, client, user, password)?;
    }
    if !client.authenticated && server.config.requirepass.is_set() {
        return Err(NOT_AUTHENTICATED);
    }
    if let Some(greeting) = greeting {
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

/// What a connection says when it greets.
struct Greeting<'a> {
    protocol: u8,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> Greeting<'a> {
    /// Errors come in the order of the arguments, those of values of earlier ones before the syntax of later ones.
    fn read(mut words: Cursor<'a>) -> Result<Self> {
        let version =
            integer(words.next()?).map_err(|_| Error::new("ERR Protocol version is not an integer or out of range"))?;
        let protocol = match version {
            2 => 2,
            3 => 3,
            _ => return Err(Error::new("NOPROTO unsupported protocol version")),
        };
        let mut greeting = Greeting { protocol, credentials: None, name: None };
        while let Some(option) = words.peek() {
            if words.left() > 2 && words.take_token("AUTH") {
                greeting.credentials = Some((words.next_secret()?, words.next_secret()?));
            } else if words.left() > 1 && words.take_token("SETNAME") {
                let name = words.next()?;
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

/// The arguments, which the handler reads.
struct Arguments<'a>(Cursor<'a>);

impl<'a> Argument<'a> for Arguments<'a> {
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

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(Arguments(raw))
    }
}
