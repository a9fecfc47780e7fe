//! Times: how long a key lives, until when, and how long a client waits.

use std::time::Duration;

use super::{Context, integer};
use crate::db::Deadline;
use crate::error::{Error, Result};
use crate::num;

/// A time to live in seconds, as the deadline it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Deadline);

/// A time to live in milliseconds, as the deadline it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Millis(pub Deadline);

/// A deadline in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixSeconds(pub Deadline);

/// A deadline in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixMillis(pub Deadline);

/// A time to live must be positive and its end representable.
pub(super) fn relative(raw: &[u8], unit: i64, context: &Context) -> Result<Deadline> {
    let amount = integer(raw)?;
    positive(amount, unit)
        .and_then(|millis| millis.checked_add(i64::try_from(context.now).ok()?))
        .map(|at| Deadline::at(at.unsigned_abs()))
        .ok_or_else(|| context.invalid_expire())
}

/// A deadline must be positive; it may have passed.
pub(super) fn absolute(raw: &[u8], unit: i64, context: &Context) -> Result<Deadline> {
    let amount = integer(raw)?;
    positive(amount, unit).map(|at| Deadline::at(at.unsigned_abs())).ok_or_else(|| context.invalid_expire())
}

fn positive(amount: i64, unit: i64) -> Option<i64> {
    (amount > 0).then(|| amount.checked_mul(unit)).flatten()
}

/// How long a blocking command waits; zero is for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timeout(pub Option<Duration>);

impl Timeout {
    pub(super) fn parse(raw: &[u8]) -> Result<Self> {
        const NOT_FLOAT: Error = Error::new("ERR timeout is not a float or out of range");
        let seconds = num::parse_f64(raw).or_else(|| saturating(raw)).ok_or(NOT_FLOAT)?;
        let millis = (seconds * 1000.0).ceil();
        // Redis 7.0 converts what is too large for 64 bits into the most negative number, and later versions call it
        // out of range; both refuse it.
        if millis < 0.0 || millis >= i64::MAX as f64 {
            return Err(Error::new("ERR timeout is negative"));
        }
        Ok(Timeout((millis > 0.0).then(|| Duration::from_millis(millis as u64))))
    }

    /// Reads a timeout in whole milliseconds, as WAIT and XREAD take it.
    ///
    /// # Errors
    /// If it is no integer, or negative.
    pub fn from_millis(raw: &[u8]) -> Result<Self> {
        let millis = num::parse_i64(raw).ok_or(Error::new("ERR timeout is not an integer or out of range"))?;
        let millis = u64::try_from(millis).map_err(|_| Error::new("ERR timeout is negative"))?;
        Ok(Timeout((millis > 0).then(|| Duration::from_millis(millis))))
    }
}

/// A number that only the larger float accepts with which Redis reads timeouts: infinite, or next to nothing.
#[cold]
fn saturating(raw: &[u8]) -> Option<f64> {
    num::LongDouble::parse(raw)?;
    str::from_utf8(raw).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_rounded_up_to_milliseconds_and_zero_is_none() {
        let millis = |text: &str| Timeout::parse(text.as_bytes()).map(|timeout| timeout.0.map(|time| time.as_millis()));
        assert_eq!(millis("0"), Ok(None));
        assert_eq!(millis("1.5"), Ok(Some(1500)));
        assert_eq!(millis("0.0001"), Ok(Some(1)));
        for (text, error) in [("x", "not a float"), ("", "not a float"), ("-1", "negative"), ("1e300", "negative")] {
            assert!(millis(text).is_err_and(|refused| refused.text().contains(error)), "{text:?}");
        }
    }

    #[test]
    fn deadlines_fit_64_bits() {
        let context = Context { command: "set", now: 1_000 };
        assert_eq!(relative(b"2", 1000, &context), Ok(Deadline::at(3_000)));
        assert_eq!(absolute(b"2", 1000, &context), Ok(Deadline::at(2_000)));
        for text in ["0", "-1", "9223372036854775807"] {
            assert_eq!(relative(text.as_bytes(), 1000, &context), Err(context.invalid_expire()), "{text}");
        }
        assert_eq!(relative(b"x", 1, &context), Err(Error::NOT_INTEGER));
    }
}
