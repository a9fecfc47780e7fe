//! What a connection says about itself: its name, and the library that it uses.

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
