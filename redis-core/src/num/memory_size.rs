//! Amounts of memory, as the configuration takes them and as INFO shows them to people.

use std::fmt;

const KIB: u64 = 1 << 10;

/// A text that is no amount of memory, or one too large to count in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemorySizeError;

impl fmt::Display for MemorySizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("argument must be a memory value")
    }
}

impl std::error::Error for MemorySizeError {}

/// Reads an amount of memory: digits and, in either case, nothing, `b`, `k`, `kb`, `m`, `mb`, `g` or `gb`.
///
/// A single letter counts in thousands, with `b` in 1024s. No digits at all mean zero, as `CONFIG SET maxmemory ""`
/// has it. An amount over 64 bits is an error, where Redis lets it wrap to some small limit.
///
/// ```
/// use redis_core::num::parse_memory_size;
/// assert_eq!(parse_memory_size(b"64k"), Ok(64_000));
/// assert_eq!(parse_memory_size(b"64KB"), Ok(65_536));
/// assert!(parse_memory_size(b"1.5gb").is_err());
/// ```
pub fn parse_memory_size(text: &[u8]) -> Result<u64, MemorySizeError> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1_000,
        b"kb" => KIB,
        b"m" => 1_000_000,
        b"mb" => KIB.pow(2),
        b"g" => 1_000_000_000,
        b"gb" => KIB.pow(3),
        _ => return Err(MemorySizeError),
    };
    let amount = digits.iter().try_fold(0u64, |sum, byte| sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')));
    amount.and_then(|amount| amount.checked_mul(unit)).ok_or(MemorySizeError)
}

/// Prints an amount with two decimals in the largest fitting unit of 1024s: `512B`, `1.50M`.
pub fn format_memory_size(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    let power = bytes.checked_ilog2().unwrap_or(0) / 10;
    // Past the last unit Redis falls back to plain bytes.
    match (power as usize).checked_sub(1).and_then(|index| UNITS.get(index)) {
        Some(unit) => format!("{:.2}{unit}", bytes as f64 / KIB.pow(power) as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_in_either_case() {
        let cases: [(&str, u64); 14] = [
            ("100", 100),
            ("1b", 1),
            ("1k", 1_000),
            ("1K", 1_000),
            ("1kb", 1 << 10),
            ("1kB", 1 << 10),
            ("2m", 2_000_000),
            ("2MB", 2 << 20),
            ("3g", 3_000_000_000),
            ("3Gb", 3 << 30),
            ("01", 1),
            ("", 0),
            ("k", 0),
            ("18446744073709551615", u64::MAX),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_memory_size(text.as_bytes()), Ok(bytes), "{text:?}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let refused = [
            "-1",
            "+1",
            "1.5mb",
            " 1",
            "1 ",
            "1 k",
            "1t",
            "1kk",
            "1mbx",
            "1%",
            "0x10",
            "18446744073709551616",
            "17179869184gb",
        ];
        for text in refused {
            assert_eq!(parse_memory_size(text.as_bytes()), Err(MemorySizeError), "{text:?}");
        }
    }

    #[test]
    fn amounts_are_printed_for_people() {
        let cases = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1536 * 1024, "1.50M"),
            (873_216, "852.75K"),
            (1 << 30, "1.00G"),
            (1 << 40, "1.00T"),
            (1 << 50, "1.00P"),
            (1 << 60, "1152921504606846976B"),
        ];
        for (bytes, text) in cases {
            assert_eq!(format_memory_size(bytes), text);
        }
    }
}
