//! INCREX: a counter with limits and an expiration time, in one step.
//!
//! A result that leaves the limits, or what its type can hold, is not stored, and then nothing else happens either; or
//! with SATURATE the nearest limit is stored, even if that is in the other direction. The reply has the value and by how
//! much it has changed, so that a client can tell what has happened.

use redis_core::num::{self, LongDouble};
use redis_core::prelude::*;

use super::count::store_float;
use super::set::SET;
use super::{FAMILY, delete};

/// What is added; 1 if nothing is said.
#[derive(Clone, Copy, Options)]
enum Increment {
    #[arg(name = "float", error = "ERR Increment is not a valid float")]
    ByFloat(LongDouble),
    #[arg(name = "integer", error = "ERR Increment is not an integer or out of range")]
    ByInt(i64),
}

/// What happens to the deadline.
#[derive(Clone, Copy, Options)]
enum Expiration {
    /// Expires after seconds.
    Ex(Seconds),
    /// Expires after milliseconds.
    Px(Millis),
    /// Expires at a time in seconds.
    ExAt(UnixSeconds),
    /// Expires at a time in milliseconds.
    PxAt(UnixMillis),
    /// Never expires.
    Persist,
}

/// The options of INCREX.
#[derive(Clone, Copy, Options)]
#[options(once, check = enx_goes_with_a_time)]
struct IncrexOptions<'a> {
    increment: Option<Increment>,
    saturate: bool,
    #[arg(name = "lowerbound", token = "LBOUND")]
    lower: Option<&'a [u8]>,
    #[arg(name = "upperbound", token = "UBOUND")]
    upper: Option<&'a [u8]>,
    expiration: Option<Expiration>,
    enx: bool,
}

fn enx_goes_with_a_time(raw: &IncrexOptionsRaw<'_>) -> Result<()> {
    match raw.expiration {
        _ if !raw.enx => Ok(()),
        None => Err(Error::new("ERR ENX flag requires an expiration")),
        Some(ExpirationRaw::Persist) => Err(Error::SYNTAX),
        Some(_) => Ok(()),
    }
}

/// Adds to the number at a key within limits, and sets its expiration time.
///
/// A key that does not exist counts as zero. Answers the number and what was added to it.
#[command(
    since = "8.8.0",
    complexity = "O(1)",
    flags(DENYOOM, FAST),
    reply = OneOf(&[Tuple(&[Integer, Integer]), Tuple(&[Double, Double])])
)]
fn increx(
    db: &mut Db,
    #[key(RW, ACCESS, UPDATE)] key: Key,
    options: IncrexOptions,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    match options.increment.unwrap_or(Increment::ByInt(1)) {
        Increment::ByInt(increment) => add_integer(db, key, increment, &options, log, reply),
        Increment::ByFloat(increment) => add_float(db, key, increment, &options, log, reply),
    }
}

fn add_integer(
    db: &mut Db,
    key: Key,
    increment: i64,
    options: &IncrexOptions<'_>,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    const NO_LOWER: Error = Error::new("ERR LBOUND is not an integer or out of range");
    const NO_UPPER: Error = Error::new("ERR UBOUND is not an integer or out of range");
    let bound = |text, error| num::parse_i64(text).ok_or(error);
    let lower = options.lower.map_or(Ok(i64::MIN), |text| bound(text, NO_LOWER))?;
    let upper = options.upper.map_or(Ok(i64::MAX), |text| bound(text, NO_UPPER))?;
    check_order(lower, upper)?;
    let former = db.integer(key)?;
    let sum = i128::from(former) + i128::from(increment);
    let value = sum.clamp(i128::from(lower), i128::from(upper)) as i64;
    if i128::from(value) != sum && !options.saturate {
        (former, 0_i64).write(reply);
        return Ok(());
    }
    let applied = value.checked_sub(former).ok_or(Error::new("ERR applied increment would overflow"))?;
    let store = |db: &mut Db| {
        db.set_integer(key, value);
        db.changed(key, "incrby");
    };
    finish(db, key, options, store, value.to_string().as_bytes(), log);
    (value, applied).write(reply);
    Ok(())
}

fn add_float(
    db: &mut Db,
    key: Key,
    increment: LongDouble,
    options: &IncrexOptions<'_>,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    const NO_LOWER: Error = Error::new("ERR LBOUND is not a valid float");
    const NO_UPPER: Error = Error::new("ERR UBOUND is not a valid float");
    if !increment.is_finite() {
        return Err(Error::new("ERR BYFLOAT increment cannot be Infinity"));
    }
    let bound = |text, error| LongDouble::parse(text).ok_or(error);
    let lower = options.lower.map_or(Ok(-LongDouble::largest()), |text| bound(text, NO_LOWER))?;
    let upper = options.upper.map_or(Ok(LongDouble::largest()), |text| bound(text, NO_UPPER))?;
    check_order(lower, upper)?;
    let former = db.peek_as::<Str>(key)?.map_or(&b"0"[..], Str::as_bytes);
    let former = LongDouble::parse(former).ok_or(Error::NOT_FLOAT)?;
    if !former.is_finite() {
        return Err(Error::new("ERR value cannot be Infinity"));
    }
    let sum = former + increment;
    let fits = sum.is_finite() && lower <= sum && sum <= upper;
    if !fits && !options.saturate {
        (former, LongDouble::from(0.0)).write(reply);
        return Ok(());
    }
    let value = if sum < lower {
        lower
    } else if sum > upper {
        upper
    } else {
        sum
    };
    // What is said to have been added must be a number; then so is the value.
    let applied = if fits { increment } else { value - former };
    if !applied.is_finite() {
        return Err(Error::new("ERR applied increment would be Infinity"));
    }
    let mut text = Vec::new();
    value.format(&mut text);
    finish(db, key, options, |db| store_float(db, key, &text), &text, log);
    (value, applied).write(reply);
    Ok(())
}

fn check_order<T: PartialOrd>(lower: T, upper: T) -> Result<()> {
    if lower > upper { Err(Error::new("ERR LBOUND can't be greater than UBOUND")) } else { Ok(()) }
}

/// Stores the number, whose text is given too, and sees to the deadline.
fn finish(
    db: &mut Db,
    key: Key,
    options: &IncrexOptions<'_>,
    store: impl FnOnce(&mut Db),
    text: &[u8],
    log: &mut Propagation,
) {
    let expires = db.deadline(key).is_some_and(|deadline| !deadline.is_never());
    let ttl = match options.expiration {
        _ if options.enx && expires => Ttl::Keep,
        None => Ttl::Keep,
        Some(Expiration::Persist) => Ttl::Clear,
        Some(
            Expiration::Ex(Seconds(deadline))
            | Expiration::Px(Millis(deadline))
            | Expiration::ExAt(UnixSeconds(deadline))
            | Expiration::PxAt(UnixMillis(deadline)),
        ) => Ttl::At(deadline),
    };
    if let Ttl::At(deadline) = ttl
        && deadline.millis() <= db.now()
    {
        // Its time is over already. If it was not there, nothing has happened.
        if db.exists(key) {
            delete(db, key, log);
        }
        return;
    }
    store(db);
    match ttl {
        Ttl::Clear if expires => {
            db.expire(key, Deadline::NEVER);
            db.notify(key, "persist");
        }
        Ttl::Clear | Ttl::Keep => {}
        Ttl::At(deadline) => {
            db.expire(key, deadline);
            db.notify(key, "expire");
        }
    }
    log.rewrite(SET, |effect| effect.key(db, key).arg(text).options(&ttl));
}
