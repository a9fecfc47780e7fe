//! Transactions: commands that run together, and only if nothing they depend on has changed.

use redis_core::prelude::*;

family!("transactions", acl = TRANSACTION);

/// Begins a transaction: the commands that follow are queued.
#[command(since = "1.2.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, NO_MULTI, IMMEDIATE))]
fn multi(call: &mut Call) -> Result<Okay> {
    call.begin_transaction()?;
    Ok(Okay)
}

/// Runs the queued commands, unless a watched key has changed.
#[command(
    since = "1.2.0",
    complexity = "That of the queued commands together.",
    flags(NOSCRIPT, LOADING, STALE, SKIP_COMMANDLOG, IMMEDIATE, CLOSES_MULTI),
    reply = OneOf(&[Array(&Any), Null])
)]
fn exec(call: &mut Call) -> Result<()> {
    call.run_transaction()
}

/// Gives up a transaction and what was queued.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of queued commands.",
    flags(NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, IMMEDIATE)
)]
fn discard(call: &mut Call) -> Result<Okay> {
    call.discard_transaction()?;
    Ok(Okay)
}

/// Watches keys: a transaction runs only if none of them has changed by then.
#[command(
    since = "2.2.0",
    complexity = "O(1) for every key.",
    flags(NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, NO_MULTI, IMMEDIATE)
)]
fn watch(call: &mut Call, #[key(RO)] keys: Keys) -> Result<Okay> {
    keys.iter().try_for_each(|key| call.watch(key))?;
    Ok(Okay)
}

/// Watches no key any more.
#[command(since = "2.2.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY))]
fn unwatch(call: &mut Call) -> Okay {
    call.unwatch();
    Okay
}
