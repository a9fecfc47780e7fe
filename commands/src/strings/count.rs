//! Strings that are numbers: INCR and its kin.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num::LongDouble;
use redis_core::prelude::*;
use redis_core::value::{EMBSTR_MAX, StrEncoding};

use super::FAMILY;
use super::set::SET;

/// Increments the integer value of a key by one.
///
/// A key that does not exist counts as zero.
#[command(since = "1.0.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn incr(db: &mut Db, key: Key) -> Result<i64> {
    add(db, key, 1)
}

/// Decrements the integer value of a key by one.
///
/// A key that does not exist counts as zero.
#[command(since = "1.0.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn decr(db: &mut Db, key: Key) -> Result<i64> {
    add(db, key, -1)
}

/// Increments the integer value of a key by a number.
///
/// A key that does not exist counts as zero.
#[command(since = "1.0.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn incrby(db: &mut Db, key: Key, increment: i64) -> Result<i64> {
    add(db, key, increment)
}

/// Decrements the integer value of a key by a number.
///
/// A key that does not exist counts as zero.
#[command(since = "1.0.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn decrby(db: &mut Db, key: Key, decrement: i64) -> Result<i64> {
    let increment = decrement.checked_neg().ok_or(Error::new("ERR decrement would overflow"))?;
    add(db, key, increment)
}

#[inline]
fn add(db: &mut Db, key: Key, amount: i64) -> Result<i64> {
    let sum = db.update_integer(key, |value| value.checked_add(amount).ok_or(Error::OVERFLOW))?;
    db.changed(key, "incrby");
    Ok(sum)
}

/// A number that is added to another without loss of what can be seen of it.
#[derive(Clone, Copy)]
struct Increment(LongDouble);

impl<'a> Argument<'a> for Increment {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Double);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        LongDouble::parse(raw).map(Increment).ok_or(Error::NOT_FLOAT)
    }
}

/// Increments the floating point value of a key by a number.
///
/// A key that does not exist counts as zero. The sum is stored with up to 17 decimals and never with an exponent.
#[command(since = "2.6.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn incrbyfloat(db: &mut Db, key: Key, increment: Lazy<Increment>, log: &mut Propagation) -> Result<Bulk> {
    let current = db.peek_as::<Str>(key)?.map_or(&b"0"[..], Str::as_bytes);
    let current = LongDouble::parse(current).ok_or(Error::NOT_FLOAT)?;
    let sum = current + increment.get()?.0;
    if !sum.is_finite() {
        return Err(Error::FLOAT_OVERFLOW);
    }
    let mut text = Vec::new();
    sum.format(&mut text);
    store_float(db, key, &text);
    // Not every platform adds alike, so the sum is what is logged.
    log.rewrite(SET, |effect| effect.key(db, key).arg(&text).options(&Ttl::Keep));
    Ok(Bulk(text))
}

/// Stores the text of a sum of floats.
///
/// Even a whole number is text here, as in Redis; the next INCR makes an integer of it.
pub(super) fn store_float(db: &mut Db, key: Key, text: &[u8]) {
    let encoding = if text.len() <= EMBSTR_MAX { StrEncoding::Embstr } else { StrEncoding::Raw };
    db.set_encoded(key, text, encoding, Ttl::Keep);
    db.changed(key, "incrbyfloat");
}
