//! Double precision floats: scores, increments, timeouts.
//!
//! **Reading** follows C's `strtod` with the conditions Redis adds: the whole text must be used, no blanks, no NaN,
//! and a number that is too large or too small to be told from infinity or zero is refused rather than rounded.
//! Hexadecimal floats (`0x1.8p3`) are numbers to Redis 7.0 and no longer to Valkey 9; taking them harms nobody.
//!
//! **Printing** has three layouts, all of which clients have learned to expect: integers without fraction, short
//! decimals in full, all else with an exponent. Redis up to 7.0 prints 17 significant digits in replies
//! (`0.10000000000000001`); Valkey 9 and later Redis print the shortest digits that read back as the same number
//! (`0.1`), and so do we. Valkey's digit generator misses the shortest or the nearest form for about one in 250
//! random bit patterns (`8409999999999999000000` for `8.41e+21`); that is an accident of its algorithm and is not
//! followed.

use rustc_apfloat::ieee::Double;
use rustc_apfloat::{Float, Round, Status, StatusAnd};

/// Whole numbers up to this magnitude (2^62) print as integers.
const MAX_INTEGER: f64 = 4_611_686_018_427_387_904.0;

/// Reads a double as `ZADD` or `INCRBYFLOAT` accept it; `inf` and `infinity` are numbers, NaN is not.
///
/// ```
/// use redis_core::num::parse_f64;
/// assert_eq!(parse_f64(b"1e3"), Some(1000.0));
/// assert_eq!(parse_f64(b"-inf"), Some(f64::NEG_INFINITY));
/// assert_eq!(parse_f64(b"nan"), None);
/// assert_eq!(parse_f64(b"1e400"), None);
/// ```
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let text = str::from_utf8(text).ok()?;
    if let Some(hex) = parse_hex::<Double>(text) {
        return hex.map(|value| f64::from_bits(value.to_bits() as u64));
    }
    let value: f64 = text.parse().ok()?;
    if value.is_nan() || value.is_infinite() && !is_spelled_infinity(text) || value == 0.0 && has_nonzero_digit(text) {
        return None;
    }
    Some(value)
}

/// Reads a double as the bounds of a range are read: as C's `strtod` does with nothing left over. Blanks may stand
/// before the number, no text at all is zero, what is too large is infinite, and a zero byte ends the text.
///
/// ```
/// use redis_core::num::strtod;
/// assert_eq!(strtod(b" 1.5"), Some(1.5));
/// assert_eq!(strtod(b""), Some(0.0));
/// assert_eq!(strtod(b"1e400"), Some(f64::INFINITY));
/// assert_eq!(strtod(b"2\0x"), Some(2.0));
/// assert_eq!(strtod(b"nan"), None);
/// ```
pub fn strtod(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let number = text.trim_ascii_start();
    let rounded = || str::from_utf8(number).ok()?.parse().ok().filter(|value: &f64| !value.is_nan());
    parse_f64(number).or_else(rounded)
}

/// Appends `value` as replies show it.
///
/// ```
/// use redis_core::num::format_f64;
/// let text = |value| { let mut out = Vec::new(); format_f64(value, &mut out); String::from_utf8(out).unwrap() };
/// assert_eq!(text(3.0), "3");
/// assert_eq!(text(0.1), "0.1");
/// assert_eq!(text(1e20), "1e+20");
/// assert_eq!(text(f64::NEG_INFINITY), "-inf");
/// ```
pub fn format_f64(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let magnitude = value.abs();
    if magnitude.is_infinite() {
        out.extend_from_slice(b"inf");
    } else if magnitude <= MAX_INTEGER && magnitude.trunc() == magnitude {
        out.extend_from_slice(itoa::Buffer::new().format(magnitude as u64).as_bytes());
    } else {
        format_shortest(magnitude, out);
    }
}

/// The digits of a positive number, as `digits * 10^exponent` without trailing zeros, laid out as Valkey does.
fn format_shortest(magnitude: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let (digits, len, exponent) = decimal_digits(buffer.format_finite(magnitude).as_bytes());
    let digits = &digits[..len];
    let count = len as i32;
    // The power of ten of the first digit decides between plain and scientific layout.
    let leading = exponent + count - 1;

    if exponent >= 0 && leading < count + 7 {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', exponent as usize));
    } else if exponent < 0 && (exponent > -7 || leading.abs() < 4) {
        match usize::try_from(count + exponent) {
            Ok(whole) if whole > 0 => {
                out.extend_from_slice(&digits[..whole]);
                out.push(b'.');
                out.extend_from_slice(&digits[whole..]);
            }
            _ => {
                out.extend_from_slice(b"0.");
                out.extend(std::iter::repeat_n(b'0', (count + exponent).unsigned_abs() as usize));
                out.extend_from_slice(digits);
            }
        }
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if leading < 0 { b"e-" } else { b"e+" });
        out.extend_from_slice(itoa::Buffer::new().format(leading.unsigned_abs()).as_bytes());
    }
}

/// Takes a shortest decimal text of any layout apart into significant digits, their number, and a power of ten.
fn decimal_digits(text: &[u8]) -> ([u8; 20], usize, i32) {
    // Seventeen digits always suffice for a double; zeros around them do not count.
    let mut digits = [b'0'; 20];
    let (mut len, mut zeros, mut exponent) = (0, 0, 0i32);
    let mut in_fraction = false;
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'.' => in_fraction = true,
            b'e' => {
                exponent += str::from_utf8(rest.as_slice()).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
                break;
            }
            _ => {
                exponent -= i32::from(in_fraction);
                if byte == b'0' {
                    zeros += usize::from(len > 0);
                } else {
                    len += zeros;
                    zeros = 0;
                    digits[len] = byte;
                    len += 1;
                }
            }
        }
    }
    (digits, len, exponent + zeros as i32)
}

/// Reads a hexadecimal float. `None`: the text does not begin like one; `Some(None)`: it does and is wrong.
pub(super) fn parse_hex<F: Float>(text: &str) -> Option<Option<F>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"))?;
    let negative = text.starts_with('-');
    // The exponent is optional to C and required by the library.
    let exponent = if digits.contains(['p', 'P']) { "" } else { "p0" };
    let magnitude = parse_magnitude::<F>(&format!("0x{digits}{exponent}"));
    Some(magnitude.map(|value| if negative { -value } else { value }))
}

/// Reads a well-formed number without sign, unless it is too large or too small for the format.
pub(super) fn parse_magnitude<F: Float>(text: &str) -> Option<F> {
    let StatusAnd { status, value } = F::from_str_r(text, Round::NearestTiesToEven).ok()?;
    let lost = value.is_infinite() || value.is_zero() && status.contains(Status::INEXACT);
    (!lost).then_some(value)
}

/// Whether a text that was read as infinity says so, and is not just too large a number.
fn is_spelled_infinity(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_digit())
}

/// Whether a decimal number that was read as zero is not zero.
fn has_nonzero_digit(text: &str) -> bool {
    let significand = text.split(['e', 'E']).next().unwrap_or(text);
    significand.contains(|c| matches!(c, '1'..='9'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        format_f64(value, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn what_strtod_takes_is_taken() {
        let cases = [
            ("1", 1.0),
            ("+1", 1.0),
            ("01", 1.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("1e5", 1e5),
            ("1E+5", 1e5),
            ("1.e3", 1e3),
            ("0e999", 0.0),
            ("0e99999999999999999999", 0.0),
            ("0x10", 16.0),
            ("0X1P-2", 0.25),
            ("-0x1.8p1", -3.0),
            ("0x.8", 0.5),
            ("0x0p99999", 0.0),
            ("0x1p-1074", 5e-324),
            ("inf", f64::INFINITY),
            ("+Inf", f64::INFINITY),
            ("-INFINITY", f64::NEG_INFINITY),
            ("4e-320", 4e-320),
            ("3e-324", 5e-324),
            ("1.7976931348623157e308", f64::MAX),
        ];
        for (text, value) in cases {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text:?}");
        }
        assert!(parse_f64(b"-0").is_some_and(|zero| zero == 0.0 && zero.is_sign_negative()));
    }

    #[test]
    fn the_rest_is_refused() {
        let refused = [
            "",
            " 1",
            "1 ",
            "1\n",
            "\t1",
            ".",
            "+",
            "-",
            "1e",
            "1e+",
            "e5",
            ".e1",
            "++1",
            "+-1",
            "1_0",
            "1,5",
            "1.5.5",
            "1d5",
            "1f",
            "0x",
            "0x1p",
            "0xg",
            "0x-1",
            "0x1p1024",
            "0x1p-1100",
            "nan",
            "NaN",
            "-nan",
            "nan(1)",
            "infi",
            "infinit",
            "in",
            "inf ",
            "1\0",
            "1e400",
            "-1e400",
            "1e-400",
            "2e-324",
            "1.7976931348623159e308",
        ];
        for text in refused {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_f64(b"1\xff"), None);
    }

    #[test]
    fn layouts_are_those_of_the_real_server() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (-1.0, "-1"),
            (100_000.0, "100000"),
            (1e17, "100000000000000000"),
            (4_611_686_018_427_387_904.0, "4611686018427387904"),
            (9_223_372_036_854_775_808.0, "9223372036854776000"),
            (12_345_678_901_234_567_890.0, "12345678901234567000"),
            (123_456_789_012_345_678_901_234.0, "123456789012345690000000"),
            (1e19, "1e+19"),
            (1.5e21, "1.5e+21"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (0.1, "0.1"),
            (123_456_789.5, "123456789.5"),
            (4_503_599_627_370_495.5, "4503599627370495.5"),
            (0.0001, "0.0001"),
            (0.00012345678, "1.2345678e-4"),
            (0.0012345678901, "0.0012345678901"),
            (0.000001, "0.000001"),
            (0.000012, "0.000012"),
            (0.0000123, "1.23e-5"),
            (1e-7, "1e-7"),
            (-1.5e-8, "-1.5e-8"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(state ^ (state >> 29));
            if value.is_finite() {
                assert_eq!(parse_f64(text(value).as_bytes()), Some(value));
            }
        }
    }
}
