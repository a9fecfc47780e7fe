//! What a connection says about itself: its name, and the library that it uses.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

use super::FAMILY;

/// Names are shown in lines of words, so they hold none of what separates words or lines.
fn is_one_word(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_graphic)
}

/// Refuses what cannot be the name of a connection.
pub(in crate::connection) fn check_name(name: &[u8]) -> Result<()> {
    if is_one_word(name) {
        Ok(())
    } else {
        Err(Error::new("ERR Client names cannot contain spaces, newlines or special characters."))
    }
}

/// Returns the name of the connection.
#[command("CLIENT GETNAME", since = "2.6.9", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY))]
fn client_getname(client: &Client) -> Option<Bulk> {
    let name = client.shared.name();
    (!name.is_empty()).then(|| Bulk(name.into()))
}

/// Sets the connection name.
#[command(
    "CLIENT SETNAME",
    since = "2.6.9",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn client_setname(client: &mut Client, connection_name: &[u8]) -> Result<Okay> {
    check_name(connection_name)?;
    *client.shared.name.write() = connection_name.into();
    Ok(Okay)
}

/// What CLIENT SETINFO can set.
#[derive(Clone, Copy)]
enum Attribute<'a> {
    Name(&'a [u8]),
    Version(&'a [u8]),
}

impl<'a> Argument<'a> for Attribute<'a> {
    type Raw = (&'a [u8], &'a [u8]);
    const SHAPE: Shape = Shape::exactly(2);
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::OneOf,
        &[
            ArgDoc::new(ArgKind::String).named("libname").token("LIB-NAME"),
            ArgDoc::new(ArgKind::String).named("libver").token("LIB-VER"),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Self::Raw> {
        Ok((cursor.next()?, cursor.next()?))
    }

    fn value((name, value): Self::Raw, _: &Context) -> Result<Self> {
        let attribute: fn(&'a [u8]) -> Self = match name.to_ascii_uppercase().as_slice() {
            b"LIB-NAME" => Attribute::Name,
            b"LIB-VER" => Attribute::Version,
            _ => {
                let name = String::from_utf8_lossy(name);
                return Err(Error::from(format!("ERR Unrecognized option '{name}'")));
            }
        };
        if !is_one_word(value) {
            let name = String::from_utf8_lossy(name);
            return Err(Error::from(format!("ERR {name} cannot contain spaces, newlines or special characters.")));
        }
        Ok(attribute(value))
    }
}

/// Sets information specific to the client or connection.
#[command(
    "CLIENT SETINFO",
    since = "7.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn client_setinfo(client: &mut Client, attr: Attribute) -> Okay {
    let mut library = client.shared.library.write();
    match attr {
        Attribute::Name(name) => library.name = name.into(),
        Attribute::Version(version) => library.version = version.into(),
    }
    Okay
}
