//! Transactions: commands that run together, and only if nothing they depend on has changed.

use redis_core::prelude::*;

family!("transactions", acl = TRANSACTION);

/// Starts a transaction.
#[command(since = "1.2.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, NO_MULTI, IMMEDIATE))]
fn multi(call: &mut Call) -> Result<Okay> {
    call.begin_transaction()?;
    Ok(Okay)
}

/// Executes all commands in a transaction.
#[command(
    since = "1.2.0",
    complexity = "Depends on commands in the transaction",
    flags(NOSCRIPT, LOADING, STALE, SKIP_COMMANDLOG, IMMEDIATE, CLOSES_MULTI)
)]
fn exec(call: &mut Call) -> Result<()> {
    call.run_transaction()
}

/// Discards a transaction.
#[command(
    since = "2.0.0",
    complexity = "O(N), when N is the number of queued commands",
    flags(NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, IMMEDIATE)
)]
fn discard(call: &mut Call) -> Result<Okay> {
    call.discard_transaction()?;
    Ok(Okay)
}

/// Monitors changes to keys to determine the execution of a transaction.
#[command(
    since = "2.2.0",
    complexity = "O(1) for every key.",
    flags(NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, NO_MULTI, IMMEDIATE)
)]
fn watch(call: &mut Call, #[key(RO)] keys: Keys) -> Result<Okay> {
    keys.iter().try_for_each(|key| call.watch(key))?;
    Ok(Okay)
}

/// Forgets about watched keys of a transaction.
#[command(since = "2.2.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY))]
fn unwatch(call: &mut Call) -> Okay {
    call.unwatch();
    Okay
}
