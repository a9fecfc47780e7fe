//! CLIENT REPLY: whether a connection wants to hear anything.

use redis_core::prelude::*;
use redis_core::server::ReplyMode;

use super::FAMILY;

#[derive(Options)]
enum Action {
    On,
    Off,
    Skip,
}

/// Instructs the server whether to reply to commands.
#[command("CLIENT REPLY", since = "3.2.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY, NO_MULTI))]
fn client_reply(client: &mut Client, action: Action) -> Okay {
    client.reply_mode = match (action, client.reply_mode) {
        (Action::On, _) => ReplyMode::On,
        (Action::Off, _) | (Action::Skip, ReplyMode::Off) => ReplyMode::Off,
        (Action::Skip, _) => ReplyMode::SkipNext,
    };
    // Whether this is heard is decided by the new mode.
    Okay
}
