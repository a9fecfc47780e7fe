//! Extended precision for INCRBYFLOAT and HINCRBYFLOAT.
//!
//! Redis adds floats in C's `long double` and stores the sum with 17 decimals, trailing zeros cut off. On the x86
//! machines where nearly all of those values were written, that is the 80-bit x87 format with its 64 bits of
//! significand: in double precision `3.0 + 0.0000000000000005` would come out otherwise, and a counter moved here
//! from Redis would drift away from its twin. Rust has no such type, so the sums are done in software.
//!
//! Numbers of everyday size never reach the big-number code: a decimal of up to 19 digits is one exact 128-bit
//! division, and 17 decimals of any number below 2^64 fit in 128 bits.

use std::cmp::Ordering;
use std::ops::{Add, Neg, Sub};

use rustc_apfloat::ieee::{Double, X87DoubleExtended};
use rustc_apfloat::{Float, FloatConvert};

use super::float::{parse_hex, parse_magnitude};

/// Redis copies the text into a buffer of this size first, and refuses what does not fit.
const MAX_TEXT: usize = 5 * 1024;

/// Decimals that are kept of a sum.
const DECIMALS: u32 = 17;

/// The explicit integer bit that a normal number's significand begins with.
const INTEGER_BIT: u64 = 1 << 63;

/// What an exponent field of the format counts from, for a significand read as an integer.
const EXPONENT_BIAS: i32 = 16_383 + 63;

/// A number in the 80-bit extended format of x86 processors.
///
/// ```
/// use redis_core::num::LongDouble;
/// let sum = LongDouble::parse(b"3.0").unwrap() + LongDouble::parse(b"0.0000000000000005").unwrap();
/// let mut text = Vec::new();
/// sum.format(&mut text);
/// assert_eq!(text, b"3.0000000000000005");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads a float by the rules of [`parse_f64`](super::parse_f64), with the larger range and precision of the
    /// format.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() >= MAX_TEXT {
            return None;
        }
        parse_short_decimal(text).or_else(|| parse_any(str::from_utf8(text).ok()?))
    }

    /// The largest number that is not infinite.
    pub fn largest() -> LongDouble {
        LongDouble(X87DoubleExtended::largest())
    }

    /// Whether this is a number proper, neither infinite nor NaN. Sums that are not must not be stored.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Appends the number with as many decimals as it needs, 17 at most, and never an exponent.
    pub fn format(self, out: &mut Vec<u8>) {
        if self.0.is_nan() {
            return out.extend_from_slice(b"nan");
        }
        let start = out.len();
        if self.0.is_negative() {
            out.push(b'-');
        }
        if self.0.is_infinite() {
            return out.extend_from_slice(b"inf");
        }
        let (significand, exponent) = self.parts();
        if exponent > 0 {
            return format_large(significand, exponent, out);
        }
        let (whole, decimals) = split_decimals(significand, exponent.unsigned_abs());
        if whole == 0 && decimals == 0 {
            // Also what is left of a tiny negative number has no sign.
            out.truncate(start);
        }
        let mut buffer = itoa::Buffer::new();
        out.extend_from_slice(buffer.format(whole).as_bytes());
        if decimals != 0 {
            out.push(b'.');
            let digits = buffer.format(decimals);
            out.extend(std::iter::repeat_n(b'0', DECIMALS as usize - digits.len()));
            out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
        }
    }

    /// The magnitude of a finite number as `significand * 2^exponent`.
    fn parts(self) -> (u64, i32) {
        let bits = self.0.to_bits();
        let field = ((bits >> 64) & 0x7fff) as i32;
        // Denormal numbers share the smallest exponent.
        (bits as u64, field.max(1) - EXPONENT_BIAS)
    }

    /// The number `significand * 2^exponent` for a significand that begins with the integer bit and a moderate
    /// exponent.
    fn from_parts(negative: bool, significand: u64, exponent: i32) -> LongDouble {
        debug_assert!(significand & INTEGER_BIT != 0);
        let field = (exponent + EXPONENT_BIAS) as u128;
        let sign = u128::from(negative) << 79;
        LongDouble(X87DoubleExtended::from_bits(sign | field << 64 | u128::from(significand)))
    }
}

impl Add for LongDouble {
    type Output = LongDouble;

    fn add(self, other: LongDouble) -> LongDouble {
        LongDouble((self.0 + other.0).value)
    }
}

impl Sub for LongDouble {
    type Output = LongDouble;

    fn sub(self, other: LongDouble) -> LongDouble {
        LongDouble((self.0 - other.0).value)
    }
}

impl Neg for LongDouble {
    type Output = LongDouble;

    fn neg(self) -> LongDouble {
        LongDouble(-self.0)
    }
}

impl PartialEq for LongDouble {
    fn eq(&self, other: &LongDouble) -> bool {
        self.0 == other.0
    }
}

impl PartialOrd for LongDouble {
    fn partial_cmp(&self, other: &LongDouble) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

impl From<f64> for LongDouble {
    fn from(value: f64) -> LongDouble {
        let double = Double::from_bits(u128::from(value.to_bits()));
        LongDouble(double.convert(&mut false).value)
    }
}

/// Reads plain decimals whose digits fit in 64 bits: the digits as an integer, divided by a power of ten that fits
/// too.
fn parse_short_decimal(text: &[u8]) -> Option<LongDouble> {
    const MAX_DIGITS: usize = 19;
    let (negative, unsigned) = match *text {
        [b'-', ref rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mut digits, mut value, mut decimals) = (0, 0u64, None);
    for &byte in unsigned {
        match byte {
            b'0'..=b'9' if digits < MAX_DIGITS => {
                value = value * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' if decimals.is_none() => decimals = Some(digits),
            _ => return None,
        }
    }
    if value == 0 {
        // Zero has a sign but no significand; it is left to the general reader.
        return None;
    }
    let decimals = decimals.map_or(0, |before| digits - before);
    Some(divide(negative, value, 10u64.pow(decimals as u32)))
}

/// The nearest number to `dividend / divisor`, ties to even. Neither may be zero.
fn divide(negative: bool, dividend: u64, divisor: u64) -> LongDouble {
    let (up, down) = (dividend.leading_zeros(), divisor.leading_zeros());
    // With both shifted to 64 significant bits the quotient has 64 or 65 of them.
    let (numerator, denominator) = (u128::from(dividend << up) << 64, u128::from(divisor << down));
    let (quotient, remainder) = (numerator / denominator, numerator % denominator);
    let exponent = down as i32 - up as i32 - 64;
    let (kept, exponent, against_half) = match u64::try_from(quotient) {
        Ok(quotient) => (quotient, exponent, (2 * remainder).cmp(&denominator)),
        Err(_) => {
            // The bit that falls off is a half; the remainder tells whether there is more.
            let lost = (quotient & 1) * 2 + u128::from(remainder != 0);
            ((quotient >> 1) as u64, exponent + 1, lost.cmp(&2))
        }
    };
    let round_up = against_half.is_gt() || against_half.is_eq() && kept & 1 == 1;
    match kept.checked_add(u64::from(round_up)) {
        Some(significand) => LongDouble::from_parts(negative, significand, exponent),
        None => LongDouble::from_parts(negative, INTEGER_BIT, exponent + 1),
    }
}

/// Reads everything that counts as a float. The library takes more than that (`nan`, `1e`), so the form is checked
/// here.
fn parse_any(text: &str) -> Option<LongDouble> {
    if let Some(hex) = parse_hex::<X87DoubleExtended>(text) {
        return hex.map(LongDouble);
    }
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let with_sign = |value: X87DoubleExtended| LongDouble(if negative { -value } else { value });
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return Some(with_sign(X87DoubleExtended::INFINITY));
    }
    if !is_decimal(unsigned.as_bytes()) {
        return None;
    }
    parse_magnitude(unsigned).map(with_sign)
}

/// Whether a text without sign is `digits[.digits][e[sign]digits]` with a digit in front of the exponent.
fn is_decimal(text: &[u8]) -> bool {
    let (significand, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = match significand.iter().position(|&byte| byte == b'.') {
        Some(at) => (&significand[..at], &significand[at + 1..]),
        None => (significand, &[][..]),
    };
    let all_digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let exponent_fits = exponent.is_none_or(|text| {
        let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
        !digits.is_empty() && all_digits(digits)
    });
    whole.len() + fraction.len() > 0 && all_digits(whole) && all_digits(fraction) && exponent_fits
}

/// The whole part of `significand / 2^shift` and its first 17 decimals as an integer, rounded to even.
fn split_decimals(significand: u64, shift: u32) -> (u64, u64) {
    const SCALE: u64 = 10u64.pow(DECIMALS);
    if shift >= 128 {
        // Less than 2^-64 in all: no decimal is left.
        return (0, 0);
    }
    let whole = significand.checked_shr(shift).unwrap_or(0);
    let fraction = match shift {
        0..64 => significand & ((1 << shift) - 1),
        _ => significand,
    };
    let scaled = u128::from(fraction) * u128::from(SCALE);
    let (mut decimals, rest) = ((scaled >> shift) as u64, scaled & ((1 << shift) - 1));
    if shift > 0 {
        let half = 1 << (shift - 1);
        decimals += u64::from(rest > half || rest == half && decimals & 1 == 1);
    }
    // A carry cannot overflow: a number with a fraction at all has a whole part below 2^63.
    (whole + decimals / SCALE, decimals % SCALE)
}

/// Appends `significand * 2^exponent`, which is whole and may have up to 4933 digits.
fn format_large(significand: u64, exponent: i32, out: &mut Vec<u8>) {
    const CHUNK: u64 = 1_000_000_000;
    let shift = exponent.unsigned_abs();
    // Limbs of 32 bits, the lowest first.
    let mut limbs = vec![0u32; (shift / 32) as usize];
    let mut high = u128::from(significand) << (shift % 32);
    while high != 0 {
        limbs.push(high as u32);
        high >>= 32;
    }
    let mut chunks = Vec::new();
    while !limbs.is_empty() {
        let mut remainder = 0;
        for limb in limbs.iter_mut().rev() {
            let value = remainder << 32 | u64::from(*limb);
            *limb = (value / CHUNK) as u32;
            remainder = value % CHUNK;
        }
        chunks.push(remainder);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let mut buffer = itoa::Buffer::new();
    for (index, &chunk) in chunks.iter().rev().enumerate() {
        let digits = buffer.format(chunk);
        if index > 0 {
            out.extend(std::iter::repeat_n(b'0', 9 - digits.len()));
        }
        out.extend_from_slice(digits.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: LongDouble) -> String {
        let mut out = Vec::new();
        value.format(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn parse(text: &str) -> LongDouble {
        LongDouble::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text:?}"))
    }

    #[test]
    fn sums_are_those_of_the_real_server() {
        let cases = [
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3.0", "1.000000000000000005", "4.00000000000000001"),
            ("0", "-0", "0"),
            ("-0", "0", "0"),
            ("0", "-5e-18", "0"),
            ("0", "0.1", "0.1"),
            ("1e-5", "0", "0.00001"),
            ("123456789012345678901234567890", "0", "123456789012345678899921813504"),
            ("0x1p3", "0", "8"),
            ("0x.8", "-1", "-0.5"),
            ("1e17", "0.0625", "100000000000000000.0625"),
            ("18446744073709551615", "1", "18446744073709551616"),
        ];
        for (a, b, sum) in cases {
            assert_eq!(text(parse(a) + parse(b)), sum, "{a} + {b}");
        }
        assert!(text(parse("1e400")).starts_with("100000000000000000002818806839475865145864534"));
        assert!(text(parse("-1e309")).starts_with("-999999999999999999986349424581256454766307763"));
        assert_eq!(text(parse("1.1e4932")).len(), 4933);
    }

    #[test]
    fn infinities_are_read_and_noticed() {
        for text in ["inf", "-Inf", "+infinity", "INFINITY"] {
            assert!(!parse(text).is_finite());
        }
        assert!(!(parse("inf") + parse("-inf")).is_finite());
        assert!(!(parse("1.1e4932") + parse("1.1e4932")).is_finite());
        assert!(parse("1.1e4932").is_finite());
        assert_eq!(text(parse("-inf")), "-inf");
    }

    #[test]
    fn what_is_no_float_is_refused() {
        let refused = [
            "",
            " 1",
            "1 ",
            ".",
            "+",
            "-",
            "1e",
            "1e+",
            "e5",
            ".e1",
            "++1",
            "--1",
            "1_0",
            "1.5.5",
            "nan",
            "NaN",
            "-nan",
            "snan",
            "infi",
            "0x",
            "0x1p",
            "1e99999999999999999999",
            "1e5000",
            "1e-5000",
            "0x1p20000",
        ];
        for text in refused {
            assert!(LongDouble::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(LongDouble::parse(&b"1".repeat(MAX_TEXT)).is_none());
        assert!(LongDouble::parse(&[b"1.".to_vec(), b"0".repeat(MAX_TEXT - 3)].concat()).is_some());
    }

    #[test]
    fn the_short_way_and_the_long_way_agree() {
        let mut state = 88_172_645_463_325_252u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..50_000 {
            let digits = (next() % 10u64.pow(1 + (next() % 19) as u32)).to_string();
            let dot = next() as usize % (digits.len() + 1);
            let sign = if next() % 2 == 0 { "-" } else { "" };
            let text = format!("{sign}{}.{}", &digits[..dot], &digits[dot..]);
            if let Some(short) = parse_short_decimal(text.as_bytes()) {
                let long = parse_any(&text).expect("a decimal");
                assert_eq!(short.0.to_bits(), long.0.to_bits(), "{text}");
            }
        }
    }

    #[test]
    fn doubles_convert_exactly() {
        assert_eq!(text(LongDouble::from(-2.5)), "-2.5");
        assert_eq!(text(LongDouble::from(0.1)), "0.10000000000000001");
        assert_eq!(text(LongDouble::from(1e22)), "10000000000000000000000");
        assert!(!LongDouble::from(f64::INFINITY).is_finite());
    }
}
