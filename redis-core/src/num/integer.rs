//! Integers: exactly one text for each number.
//!
//! Redis accepts an integer only in the form in which it would print it: no `+`, no leading zero, no `-0`, no blanks.
//! That strictness is what makes the `int` encoding possible: a string may be stored as a number only if printing the
//! number gives the same bytes again. `str::parse` is laxer, so the reader is our own.

/// The longest magnitude a `u64` can have, in digits.
const MAX_DIGITS: usize = 20;

/// Reads a signed 64-bit integer written in its one canonical form.
///
/// ```
/// use redis_core::num::parse_i64;
/// assert_eq!(parse_i64(b"-42"), Some(-42));
/// assert_eq!(parse_i64(b"042"), None);
/// assert_eq!(parse_i64(b"+42"), None);
/// ```
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match *text {
        [b'0'] => Some(0),
        [b'-', ref digits @ ..] => 0i64.checked_sub_unsigned(magnitude(digits)?),
        ref digits => i64::try_from(magnitude(digits)?).ok(),
    }
}

/// Reads an unsigned 64-bit integer written in its one canonical form.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match *text {
        [b'0'] => Some(0),
        ref digits => magnitude(digits),
    }
}

/// Appends the decimal text of `value`.
#[inline]
pub fn format_i64(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A number of at least one digit that does not begin with zero.
#[inline]
fn magnitude(digits: &[u8]) -> Option<u64> {
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > MAX_DIGITS {
        return None;
    }
    // Only the twentieth digit can overflow, so all before it are added without a check.
    let (unchecked, last) = digits.split_at(digits.len().min(MAX_DIGITS - 1));
    let mut value = 0u64;
    for &byte in unchecked {
        value = value.wrapping_mul(10).wrapping_add(digit(byte)?);
    }
    match last.first() {
        None => Some(value),
        Some(&byte) => value.checked_mul(10)?.checked_add(digit(byte)?),
    }
}

#[inline]
fn digit(byte: u8) -> Option<u64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_integers_are_read() {
        for value in [0, 1, -1, 9, 10, -10, 12345678, 123456789, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            let text = value.to_string();
            assert_eq!(parse_i64(text.as_bytes()), Some(value), "{text}");
            let mut out = Vec::new();
            format_i64(value, &mut out);
            assert_eq!(out, text.as_bytes());
        }
        let mut power = 1i64;
        for _ in 0..18 {
            for near in [power - 1, power, power + 1, -power, 1 - power] {
                assert_eq!(parse_i64(near.to_string().as_bytes()), Some(near));
            }
            power *= 10;
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let refused = [
            "",
            "-",
            "+",
            "+1",
            "01",
            "-0",
            "00",
            "-01",
            " 1",
            "1 ",
            "1\n",
            "1.0",
            "1e3",
            "0x1",
            "--1",
            "1-",
            "a",
            "1a",
            "/",
            ":",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "99999999999999999999",
            "123456789012345678901",
        ];
        for text in refused {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_i64(b"1\0"), None);
    }

    #[test]
    fn unsigned_integers_have_their_own_range() {
        assert_eq!(parse_u64(b"0"), Some(0));
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"9999999999999999999"), Some(9_999_999_999_999_999_999));
        for text in ["18446744073709551616", "99999999999999999999", "-1", "-0", "00", "", "1 "] {
            assert_eq!(parse_u64(text.as_bytes()), None, "{text:?}");
        }
    }
}
