//! Connection commands.

use redis_core::prelude::*;

family!("connection", acl = CONNECTION);

/// Returns the given string.
#[command(since = "1.0.0", complexity = "O(1)", flags(LOADING, STALE, FAST))]
fn echo<'a>(_server: &Server, message: &'a [u8]) -> &'a [u8] {
    message
}
