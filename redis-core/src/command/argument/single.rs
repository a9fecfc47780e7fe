//! Types that stand for one argument: texts and numbers.

use super::time::{Millis, Seconds, Timeout, UnixMillis, UnixSeconds, absolute, relative};
use super::{Argument, Context, Cursor, Shape};
use crate::command::docs::{ArgDoc, ArgKind};
use crate::error::{Error, Result};
use crate::num::{self, LongDouble};

/// Types that stand for one argument and are converted by a function.
macro_rules! single {
    ($($ty:ty, $kind:ident, $name:literal, $convert:expr;)*) => {$(
        impl<'a> Argument<'a> for $ty {
            type Raw = &'a [u8];
            const SHAPE: Shape = Shape::exactly(1);
            const DOC: ArgDoc = ArgDoc::new(ArgKind::$kind).named($name);

            #[inline]
            fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
                cursor.next()
            }

            #[inline]
            fn value(raw: &'a [u8], context: &Context) -> Result<Self> {
                let convert: fn(&'a [u8], &Context) -> Result<Self> = $convert;
                convert(raw, context)
            }
        }
    )*};
}

single! {
    &'a [u8], String, "", |raw, _| Ok(raw);
    Vec<u8>, String, "", |raw, _| Ok(raw.to_vec());
    String, String, "", |raw, _| String::from_utf8(raw.to_vec()).map_err(|_| {
        Error::new("ERR value is not valid UTF-8")
    });
    i64, Integer, "", |raw, _| integer(raw);
    i32, Integer, "", |raw, _| i32::try_from(integer(raw)?).map_err(|_| {
        Error::new("ERR value is out of range, value must between -2147483648 and 2147483647")
    });
    u64, Integer, "", |raw, _| num::parse_u64(raw).ok_or(Error::NOT_INTEGER);
    f64, Double, "", |raw, _| num::parse_f64(raw).ok_or(Error::NOT_FLOAT);
    LongDouble, Double, "", |raw, _| LongDouble::parse(raw).ok_or(Error::NOT_FLOAT);
    Count, Integer, "", |raw, _| match num::parse_i64(raw) {
        Some(n) if n >= 0 => Ok(Count(n)),
        _ => Err(Error::NOT_POSITIVE),
    };
    Pattern<'a>, Pattern, "", |raw, _| Ok(Pattern(raw));
    ScanCursor, Integer, "cursor", |raw, _| ScanCursor::parse(raw).ok_or(Error::INVALID_CURSOR);
    Timeout, Double, "", |raw, _| Timeout::parse(raw);
    Seconds, Integer, "seconds", |raw, context| relative(raw, 1000, context).map(Seconds);
    Millis, Integer, "milliseconds", |raw, context| relative(raw, 1, context).map(Millis);
    UnixSeconds, UnixTime, "unix-time-seconds", |raw, context| absolute(raw, 1000, context).map(UnixSeconds);
    UnixMillis, UnixTime, "unix-time-milliseconds", |raw, context| absolute(raw, 1, context).map(UnixMillis);
}

/// Bytes that neither logs nor monitors may show, such as a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl<'a> Argument<'a> for Secret {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::String);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next_secret()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        Ok(Secret(raw.to_vec()))
    }
}

/// Parses a 64-bit integer as Redis does.
///
/// # Errors
/// [`Error::NOT_INTEGER`]
pub fn integer(raw: &[u8]) -> Result<i64> {
    num::parse_i64(raw).ok_or(Error::NOT_INTEGER)
}

/// A number that must not be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub i64);

impl Count {
    /// The number as a length; what does not fit is as good as unlimited.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A glob pattern.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a>(pub &'a [u8]);

/// The cursor of a SCAN-like command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanCursor(pub u64);

impl ScanCursor {
    /// Reads what C's `strtoul` accepts without blanks: leading zeros and signs count, and no digit at all is zero.
    fn parse(raw: &[u8]) -> Option<Self> {
        let (negative, digits) = match raw {
            [] => return Some(ScanCursor(0)),
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        if digits.is_empty() {
            return None;
        }
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        })?;
        Some(ScanCursor(if negative { number.wrapping_neg() } else { number }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_unsigned_numbers_of_c() {
        let read = |text: &str| ScanCursor::parse(text.as_bytes()).map(|cursor| cursor.0);
        for (text, cursor) in [("", 0), ("0", 0), ("007", 7), ("+7", 7), ("-1", u64::MAX)] {
            assert_eq!(read(text), Some(cursor), "{text:?}");
        }
        for text in ["x", "7x", " 7", "+", "-", "18446744073709551616"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
