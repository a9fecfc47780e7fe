//! When fields expire: setting it, asking for it, taking it back.
//!
//! As with keys, times to live are kept and logged as points in time, in milliseconds. To give a field a deadline that
//! has passed is to remove it.

use redis_core::prelude::*;
use redis_core::table::NO_DEADLINE;

use super::FAMILY;
use super::arguments::{AskedFields, BeforeFields, Fields};
use super::fields::HDEL;
use crate::expire_condition::ExpireCondition;

/// What is answered for a field that does not exist.
const NO_FIELD: i64 = -2;
/// What is answered for a field that does not expire, by those that ask about it.
const NEVER: i64 = -1;

/// Sets the time to live of fields of a hash, in seconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hexpire(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    seconds: i64,
    condition: BeforeFields<ExpireCondition>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(seconds, 1000, db.now(), context)?;
    expire_fields(db, key, deadline, condition.0, fields, log, reply)
}

/// Sets the time to live of fields of a hash, in milliseconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hpexpire(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    milliseconds: i64,
    #[arg(since = "9.0.0")] condition: BeforeFields<ExpireCondition>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(milliseconds, 1, db.now(), context)?;
    expire_fields(db, key, deadline, condition.0, fields, log, reply)
}

/// Sets when fields of a hash expire, as a Unix time in seconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hexpireat(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    #[arg(name = "unix-time-seconds")] time: i64,
    #[arg(since = "9.0.0")] condition: BeforeFields<ExpireCondition>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(time, 1000, 0, context)?;
    expire_fields(db, key, deadline, condition.0, fields, log, reply)
}

/// Sets when fields of a hash expire, as a Unix time in milliseconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
pub(super) fn hpexpireat(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    #[arg(name = "unix-time-milliseconds")] time: i64,
    #[arg(since = "9.0.0")] condition: BeforeFields<ExpireCondition>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(time, 1, 0, context)?;
    expire_fields(db, key, deadline, condition.0, fields, log, reply)
}

/// The point in time, in milliseconds since 1970, that lies an amount of some unit after another.
pub(super) fn deadline(amount: i64, unit: i64, from: u64, context: &Context) -> Result<u64> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let end = amount.checked_mul(unit).filter(|millis| *millis >= 0).and_then(|millis| millis.checked_add(from));
    end.map(i64::unsigned_abs).ok_or_else(|| context.invalid_expire())
}

/// Whether a field with this deadline is removed rather than kept.
pub(super) fn is_past(db: &Db, deadline: u64) -> bool {
    deadline <= db.now() && db.removes_expired()
}

/// Answers for each field 1 if it has the deadline now, 2 if it was removed because that has passed, 0 if the condition
/// did not hold.
fn expire_fields(
    db: &mut Db,
    key: Key,
    deadline: u64,
    condition: ExpireCondition,
    fields: Fields<'_>,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let (now, past) = (db.now(), is_past(db, deadline));
    let mut hash = db.get_mut::<Hash>(key)?;
    let mut changed = Vec::new();
    reply.array(fields.len());
    for field in fields.iter() {
        let current = hash.as_ref().and_then(|hash| hash.deadline(field, now));
        let (Some(hash), Some(current)) = (hash.as_mut(), current) else {
            reply.integer(NO_FIELD);
            continue;
        };
        if !condition.allows(Deadline::at(current), deadline.cast_signed()) {
            reply.integer(0);
            continue;
        }
        changed.push(field);
        if past {
            hash.remove(field, now);
            reply.integer(2);
        } else {
            hash.set_deadline(field, deadline, now);
            reply.integer(1);
        }
    }
    announce(db, key, Expired { deadline, past }, &changed, log);
    Ok(())
}

/// What happened to fields that were given a deadline.
#[derive(Clone, Copy)]
pub(super) struct Expired {
    pub(super) deadline: u64,
    /// They were removed, because it has passed.
    pub(super) past: bool,
}

/// Announces and logs that fields were given a deadline.
pub(super) fn announce(
    db: &mut Db,
    key: Key,
    Expired { deadline, past }: Expired,
    fields: &[&[u8]],
    log: &mut Propagation,
) {
    if fields.is_empty() {
        return;
    }
    if past {
        db.count_expired_members(Kind::Hash, fields.len());
        db.changed_by(key, "hexpired", fields.len() as u64);
        log.rewrite(HDEL, |effect| fields.iter().fold(effect.key(db, key), |effect, field| effect.arg(field)));
    } else {
        db.changed_by(key, "hexpire", fields.len() as u64);
        log.rewrite(HPEXPIREAT, |effect| {
            let effect = effect.key(db, key).number(deadline).arg("FIELDS").number(fields.len());
            fields.iter().fold(effect, |effect, field| effect.arg(field))
        });
    }
}

/// Removes the expiration times of fields of a hash.
///
/// Answers for each field 1 if it had one, -1 if it had none, -2 if there is no such field.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
pub(super) fn hpersist(db: &mut Db, #[key(RW, UPDATE)] key: Key, fields: Fields, reply: &mut Reply) -> Result<()> {
    let now = db.now();
    let mut hash = db.get_mut::<Hash>(key)?;
    reply.array(fields.len());
    let mut changed = 0;
    for field in fields.iter() {
        reply.integer(match hash.as_mut().and_then(|hash| hash.persist(field, now)) {
            None => NO_FIELD,
            Some(false) => NEVER,
            Some(true) => {
                changed += 1;
                1
            }
        });
    }
    if changed > 0 {
        db.changed_by(key, "hpersist", changed);
    }
    Ok(())
}

/// Returns the times to live of fields of a hash, in seconds.
///
/// It is -1 for a field that does not expire and -2 for one that does not exist, here and in the commands alike.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn httl(db: &Db, key: Key, fields: AskedFields, reply: &mut Reply) -> Result<()> {
    answer(db, key, fields, reply, |deadline| rounded(deadline.saturating_sub(db.now())))
}

/// Returns the times to live of fields of a hash, in milliseconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hpttl(db: &Db, key: Key, fields: AskedFields, reply: &mut Reply) -> Result<()> {
    answer(db, key, fields, reply, |deadline| deadline.saturating_sub(db.now()))
}

/// Returns when fields of a hash expire, as Unix times in seconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hexpiretime(db: &Db, key: Key, fields: AskedFields, reply: &mut Reply) -> Result<()> {
    answer(db, key, fields, reply, rounded)
}

/// Returns when fields of a hash expire, as Unix times in milliseconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hpexpiretime(db: &Db, key: Key, fields: AskedFields, reply: &mut Reply) -> Result<()> {
    answer(db, key, fields, reply, |deadline| deadline)
}

fn answer(
    db: &Db,
    key: Key,
    AskedFields(fields): AskedFields<'_>,
    reply: &mut Reply,
    show: impl Fn(u64) -> u64,
) -> Result<()> {
    let hash = db.get::<Hash>(key)?;
    reply.array(fields.len());
    for field in fields.iter() {
        reply.integer(match hash.and_then(|hash| hash.deadline(field, db.now())) {
            None => NO_FIELD,
            Some(NO_DEADLINE) => NEVER,
            Some(deadline) => i64::try_from(show(deadline)).unwrap_or(i64::MAX),
        });
    }
    Ok(())
}

/// Milliseconds as seconds.
fn rounded(millis: u64) -> u64 {
    millis.saturating_add(500) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_stay_within_their_range() {
        let context = Context { command: "hexpire", now: 0 };
        assert_eq!(deadline(1, 1000, 5, &context), Ok(1005));
        assert_eq!(deadline(0, 1000, 5, &context), Ok(5));
        assert_eq!(deadline(i64::MAX, 1, 0, &context), Ok(i64::MAX as u64));
        for (amount, unit, from) in [(-1, 1, 5), (i64::MIN, 1000, 5), (i64::MAX, 1, 5), (i64::MAX / 999, 1000, 0)] {
            let error = deadline(amount, unit, from, &context).unwrap_err();
            assert_eq!(error.text(), "ERR invalid expire time in 'hexpire' command");
        }
    }
}
