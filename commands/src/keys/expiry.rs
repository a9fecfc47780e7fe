//! When keys expire: setting it, asking for it, taking it back.
//!
//! Times to live are kept as points in time, in milliseconds, and that is how every change is logged: whoever replays a
//! log later must not begin to count anew.

use redis_core::prelude::*;

use super::FAMILY;
use super::presence::{DEL, UNLINK};
use crate::expire_condition::ExpireCondition;
use crate::unix_time::UnixTime;

/// Has a key expire in a number of seconds.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(FAST),
    acl(KEYSPACE),
    history("7.0.0" = "Takes a condition: `NX`, `XX`, `GT`, `LT`.")
)]
fn expire(
    db: &mut Db,
    server: &Server,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    seconds: i64,
    #[arg(since = "7.0.0")] condition: ExpireCondition,
    log: &mut Propagation,
) -> Result<bool> {
    let deadline = end(seconds, 1000, db.now(), context)?;
    Ok(expire_at(db, server, key, deadline, condition, log))
}

/// Has a key expire in a number of milliseconds.
#[command(
    since = "2.6.0",
    complexity = "O(1)",
    flags(FAST),
    acl(KEYSPACE),
    history("7.0.0" = "Takes a condition: `NX`, `XX`, `GT`, `LT`.")
)]
fn pexpire(
    db: &mut Db,
    server: &Server,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    milliseconds: i64,
    #[arg(since = "7.0.0")] condition: ExpireCondition,
    log: &mut Propagation,
) -> Result<bool> {
    let deadline = end(milliseconds, 1, db.now(), context)?;
    Ok(expire_at(db, server, key, deadline, condition, log))
}

/// Has a key expire at a Unix time in seconds.
#[command(
    since = "1.2.0",
    complexity = "O(1)",
    flags(FAST),
    acl(KEYSPACE),
    history("7.0.0" = "Takes a condition: `NX`, `XX`, `GT`, `LT`.")
)]
fn expireat(
    db: &mut Db,
    server: &Server,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    #[arg(name = "unix-time-seconds")] time: UnixTime,
    #[arg(since = "7.0.0")] condition: ExpireCondition,
    log: &mut Propagation,
) -> Result<bool> {
    let deadline = end(time.0, 1000, 0, context)?;
    Ok(expire_at(db, server, key, deadline, condition, log))
}

/// Has a key expire at a Unix time in milliseconds.
#[command(
    since = "2.6.0",
    complexity = "O(1)",
    flags(FAST),
    acl(KEYSPACE),
    history("7.0.0" = "Takes a condition: `NX`, `XX`, `GT`, `LT`.")
)]
fn pexpireat(
    db: &mut Db,
    server: &Server,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    #[arg(name = "unix-time-milliseconds")] time: UnixTime,
    #[arg(since = "7.0.0")] condition: ExpireCondition,
    log: &mut Propagation,
) -> Result<bool> {
    let deadline = end(time.0, 1, 0, context)?;
    Ok(expire_at(db, server, key, deadline, condition, log))
}

/// Has a key not expire any more.
#[command(since = "2.2.0", complexity = "O(1)", flags(FAST), acl(KEYSPACE))]
fn persist(db: &mut Db, #[key(RW, UPDATE)] key: Key) -> bool {
    let Some(entry) = db.peek(key) else { return false };
    db.touch(key, entry);
    if db.deadline(key).is_none_or(Deadline::is_never) {
        return false;
    }
    db.expire(key, Deadline::NEVER);
    db.changed(key, "persist");
    true
}

/// Returns how many seconds a key has left.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(FAST),
    acl(KEYSPACE),
    tips(NONDETERMINISTIC_OUTPUT),
    history("2.8.0" = "A missing key is told by -2.")
)]
fn ttl(db: &Db, key: Key) -> i64 {
    answer(db, key, |deadline| rounded(deadline.saturating_sub(db.now())))
}

/// Returns how many milliseconds a key has left.
#[command(
    since = "2.6.0",
    complexity = "O(1)",
    flags(FAST),
    acl(KEYSPACE),
    tips(NONDETERMINISTIC_OUTPUT),
    history("2.8.0" = "A missing key is told by -2.")
)]
fn pttl(db: &Db, key: Key) -> i64 {
    answer(db, key, |deadline| deadline.saturating_sub(db.now()))
}

/// Returns when a key expires, as a Unix time in seconds.
#[command(since = "7.0.0", complexity = "O(1)", flags(FAST), acl(KEYSPACE))]
fn expiretime(db: &Db, key: Key) -> i64 {
    answer(db, key, rounded)
}

/// Returns when a key expires, as a Unix time in milliseconds.
#[command(since = "7.0.0", complexity = "O(1)", flags(FAST), acl(KEYSPACE))]
fn pexpiretime(db: &Db, key: Key) -> i64 {
    answer(db, key, |deadline| deadline)
}

/// What is shown of a key's deadline; -1 if it has none, -2 if there is no such key.
fn answer(db: &Db, key: Key, show: impl Fn(u64) -> u64) -> i64 {
    match db.read_untouched(key).map(|entry| Deadline::at(entry.expires_at()).some()) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline)) => i64::try_from(show(deadline)).unwrap_or(i64::MAX),
    }
}

/// Milliseconds as seconds.
fn rounded(millis: u64) -> u64 {
    millis.saturating_add(500) / 1000
}

/// The point in time at which a key shall end, which may lie before 1970, in milliseconds.
fn end(amount: i64, unit: i64, from: u64, context: &Context) -> Result<i64> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    amount.checked_mul(unit).and_then(|millis| millis.checked_add(from)).ok_or_else(|| context.invalid_expire())
}

fn expire_at(
    db: &mut Db,
    server: &Server,
    key: Key,
    millis: i64,
    condition: ExpireCondition,
    log: &mut Propagation,
) -> bool {
    let Some(entry) = db.peek(key) else { return false };
    db.touch(key, entry);
    if !condition.allows(Deadline::at(entry.expires_at()), millis) {
        return false;
    }
    let deadline = u64::try_from(millis).unwrap_or(0);
    if deadline <= db.now() && db.removes_expired() {
        db.remove(key);
        db.changed(key, "del");
        let name = if server.config.lazyfree_lazy_expire.get() { UNLINK } else { DEL };
        log.rewrite(name, |effect| effect.key(db, key));
    } else {
        db.expire(key, Deadline::at(deadline));
        db.changed(key, "expire");
        log.rewrite(PEXPIREAT, |effect| effect.key(db, key).number(deadline));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_stay_within_their_range() {
        let context = Context { command: "pexpire", now: 0 };
        assert_eq!(end(1, 1000, 5, &context), Ok(1005));
        assert_eq!(end(i64::MIN, 1, 5, &context), Ok(i64::MIN + 5));
        let error = end(i64::MAX, 1, 5, &context).unwrap_err();
        assert_eq!(error.text(), "ERR invalid expire time in 'pexpire' command");
        assert!(end(i64::MIN, 1000, 5, &context).is_err());
        assert_eq!(rounded(1499), 1);
        assert_eq!(rounded(1500), 2);
    }
}
