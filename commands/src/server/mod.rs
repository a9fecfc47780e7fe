//! Server commands: how the server is set up, how it is doing, and what it can do.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

mod append_only;
mod command;
mod config;
mod databases;
mod debug;
mod info;
mod latency;
mod lolwut;
mod memory;
mod monitor;
mod shutdown;
mod slowlog;
mod snapshots;

family!("server");

/// The words behind a command's name, at least `MIN` of them, where COMMAND DOCS shows none.
struct Undocumented<'a, const MIN: u16>(Vec<&'a [u8]>);

impl<'a, const MIN: u16> Argument<'a> for Undocumented<'a, MIN> {
    type Raw = Vec<&'a [u8]>;
    const SHAPE: Shape = Shape::at_least(MIN);
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, &[]);

    fn shape(cursor: &mut Cursor<'a>) -> Result<Self::Raw> {
        (0..cursor.left()).map(|_| cursor.next()).collect()
    }

    fn value(raw: Self::Raw, _: &Context) -> Result<Self> {
        Ok(Undocumented(raw))
    }
}

/// Returns the server's clock.
#[command(since = "2.6.0", complexity = "O(1)", flags(LOADING, STALE, FAST), tips(NONDETERMINISTIC_OUTPUT))]
fn time() -> (Bulk, Bulk) {
    // Not the time of the command, which stands still in a transaction: whoever asks twice wants to see it pass.
    let micros = redis_core::clock::unix_micros();
    let text = |number: u64| Bulk(number.to_string().into_bytes());
    (text(micros / 1_000_000), text(micros % 1_000_000))
}
