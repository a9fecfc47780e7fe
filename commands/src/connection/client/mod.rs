//! CLIENT: what a connection may know and change of itself and of others.

mod filter;
mod kill;
mod line;
mod list;
pub(super) mod name;
mod pause;
mod settings;
mod tracking;

use redis_core::prelude::*;

use super::FAMILY;

container!(
    "CLIENT",
    since = "2.4.0",
    "A container for client connection commands.",
    help_since = "5.0.0",
    help_acl(CONNECTION)
);

/// Returns the unique client ID of the connection.
#[command("CLIENT ID", since = "5.0.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY))]
fn client_id(client: &Client) -> u64 {
    client.id()
}
