//! What a connection may switch for itself.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::prelude::*;
use redis_core::server::ReplyMode;

use super::FAMILY;

#[derive(Options)]
enum Switch {
    On,
    Off,
}

impl Switch {
    fn is_on(&self) -> bool {
        matches!(self, Switch::On)
    }
}

#[derive(Options)]
enum Action {
    On,
    Off,
    Skip,
}

/// Instructs the server whether to reply to commands.
#[command(
    "CLIENT REPLY",
    since = "3.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY, NO_MULTI),
    extra = arity
)]
fn client_reply(client: &mut Client, action: Action) -> Okay {
    client.reply_mode = match (action, client.reply_mode) {
        (Action::On, _) => ReplyMode::On,
        (Action::Off, _) | (Action::Skip, ReplyMode::Off) => ReplyMode::Off,
        (Action::Skip, _) => ReplyMode::SkipNext,
    };
    // Whether this is heard is decided by the new mode.
    Okay
}

/// Sets the client eviction mode of the connection.
#[command(
    "CLIENT NO-EVICT",
    since = "7.0.0",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE, ALLOW_BUSY),
    extra = arity
)]
fn client_no_evict(client: &mut Client, enabled: Switch) -> Okay {
    client.shared.is.no_evict.store(enabled.is_on(), Relaxed);
    Okay
}

/// Controls whether commands sent by the client affect the LRU/LFU of accessed keys.
#[command(
    "CLIENT NO-TOUCH",
    since = "7.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY),
    extra = arity
)]
fn client_no_touch(client: &mut Client, enabled: Switch) -> Okay {
    client.no_touch = enabled.is_on();
    client.shared.is.no_touch.store(client.no_touch, Relaxed);
    Okay
}

/// Indicates the capabilities of the client that go beyond its protocol.
#[command("CLIENT CAPA", since = "8.0.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY))]
fn client_capa(client: &mut Client, #[arg(name = "capability")] capabilities: Many<&[u8]>) -> Okay {
    // Unknown ones are those of other versions: no mistake.
    if capabilities.iter().any(|name| name.eq_ignore_ascii_case(b"redirect")) {
        client.shared.capabilities.fetch_or(1, Relaxed);
    }
    Okay
}

/// Marks the connection as one that brings data from another server, while the server imports.
#[command(
    "CLIENT IMPORT-SOURCE",
    since = "8.1.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE),
    extra = arity
)]
fn client_import_source(_client: &mut Client, enabled: Switch) -> Result<Okay> {
    match enabled {
        Switch::On => Err(Error::new("ERR Server is not in import mode")),
        Switch::Off => Ok(Okay),
    }
}
