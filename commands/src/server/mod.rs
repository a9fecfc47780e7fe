//! Server commands: how the server is set up, how it is doing, and what it can do.

use redis_core::prelude::*;

mod command;
mod config;
mod databases;
mod debug;
mod info;

family!("server");

/// Returns the server's clock.
#[command(since = "2.6.0", complexity = "O(1)", flags(LOADING, STALE, FAST), tips(NONDETERMINISTIC_OUTPUT))]
fn time() -> (Bulk, Bulk) {
    // Not the time of the command, which stands still in a transaction: whoever asks twice wants to see it pass.
    let micros = redis_core::clock::unix_micros();
    let text = |number: u64| Bulk(number.to_string().into_bytes());
    (text(micros / 1_000_000), text(micros % 1_000_000))
}
