//! A Redis server with one command more.

use redis_commands as _; // links every stock family
use redis_core::prelude::*;

family!("acme");

/// Adds to a counter, but never lifts it above a limit.
#[command("ACME.INCRCAP", since = "0.1.0", complexity = "O(1)", flags(FAST, DENYOOM))]
fn incr_capped(db: &mut Db, key: Key, amount: i64, limit: i64) -> Result<i64> {
    let value = db.integer(key)?.saturating_add(amount).min(limit);
    db.set_integer(key, value);
    db.changed(key, "acme.incrcap");
    Ok(value)
}

fn main() -> std::process::ExitCode {
    Server::from_args().run()
}

#[cfg(test)]
mod tests;
