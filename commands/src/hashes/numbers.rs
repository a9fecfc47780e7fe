//! Fields whose values are numbers.

use redis_core::num::LongDouble;
use redis_core::prelude::*;
use redis_core::table::NO_DEADLINE;
use redis_core::value::TextBuffer;

use super::fields::HSET;
use super::with_expiry::HSETEX;
use super::{FAMILY, Overwritten};

/// Increments the integer value of a field of a hash by a number.
///
/// A field that does not exist counts as zero.
#[command(since = "2.0.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn hincrby(db: &mut Db, key: Key, field: &[u8], increment: i64, log: &mut Propagation) -> Result<i64> {
    let now = db.expiry_time();
    let hash = db.get_or_insert::<Hash>(key)?;
    let current = match hash.get(field, now) {
        Some(value) => value.to_i64().ok_or(Error::new("ERR hash value is not an integer"))?,
        None => 0,
    };
    let sum = current.checked_add(increment).ok_or(Error::OVERFLOW)?;
    let mut buffer = TextBuffer::new();
    let text = buffer.format(sum).as_bytes();
    let deadline = set(db, key, field, text)?;
    db.changed(key, "hincrby");
    if deadline != NO_DEADLINE {
        log_with_deadline(db, key, field, text, deadline, log);
    }
    Ok(sum)
}

/// Increments the floating point value of a field of a hash by a number.
///
/// A field that does not exist counts as zero. The sum is stored with up to 17 decimals and never with an exponent.
#[command(since = "2.6.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn hincrbyfloat(db: &mut Db, key: Key, field: &[u8], increment: LongDouble, log: &mut Propagation) -> Result<Bulk> {
    if !increment.is_finite() {
        return Err(Error::new("ERR value is NaN or Infinity"));
    }
    let now = db.expiry_time();
    let hash = db.get_or_insert::<Hash>(key)?;
    let sum = match hash.get(field, now) {
        Some(value) => {
            let current = LongDouble::parse(value.text(&mut TextBuffer::new()));
            current.ok_or(Error::new("ERR hash value is not a float"))? + increment
        }
        None => increment,
    };
    if !sum.is_finite() {
        return Err(Error::FLOAT_OVERFLOW);
    }
    let mut text = Vec::new();
    sum.format(&mut text);
    let deadline = set(db, key, field, &text)?;
    db.changed(key, "hincrbyfloat");
    // Not every platform adds alike, so the sum is what is logged.
    if deadline == NO_DEADLINE {
        log.rewrite(HSET, |effect| effect.key(db, key).arg(field).arg(&text));
    } else {
        log_with_deadline(db, key, field, &text, deadline, log);
    }
    Ok(Bulk(text))
}

/// Sets a field, which keeps its deadline. Answers that deadline.
fn set(db: &mut Db, key: Key, field: &[u8], value: &[u8]) -> Result<u64> {
    let (now, limits) = (db.expiry_time(), db.limits());
    let hash = db.get_or_insert::<Hash>(key)?;
    let deadline = hash.deadline(field, now).unwrap_or(NO_DEADLINE);
    let mut overwritten = Overwritten::default();
    overwritten.note(hash, field, now);
    hash.set_with_deadline(field, value, deadline, now, &limits);
    overwritten.announce(db, key);
    Ok(deadline)
}

/// A copy of the data must not add to a field that has expired there and not here, so it is told the sum.
fn log_with_deadline(db: &Db, key: Key, field: &[u8], value: &[u8], deadline: u64, log: &mut Propagation) {
    log.rewrite(HSETEX, |effect| {
        effect.key(db, key).arg("PXAT").number(deadline).arg("FIELDS").number(1).arg(field).arg(value)
    });
}
