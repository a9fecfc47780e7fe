//! The id of an entry: a time in milliseconds and a sequence number within it.
//!
//! Ids order a stream, so they compare as pairs. Their text is `ms-seq`. What a client may write instead is as lax as in
//! Redis: it reads each half with C's `strtoull` where it is no plain number, and so accepts blanks and a sign in front,
//! leading zeros, and negative numbers that wrap around, as long as they are not the plain text of one (`-5`).

use std::fmt;
use std::ops::Deref;

use crate::num::parse_i64;

/// The longest text that is looked at; Redis copies an id into a buffer of 128 bytes, the final zero included.
const TEXT_MAX: usize = 127;

/// The id of an entry of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Unix time in milliseconds, unless whoever added the entry chose otherwise.
    pub ms: u64,
    /// Tells entries of one millisecond apart.
    pub seq: u64,
}

impl StreamId {
    /// `0-0`, which no entry has.
    pub const MIN: Self = Self::new(0, 0);

    /// The greatest id there is.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// The id `ms-seq`.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// Reads `ms-seq`, or `ms` alone, which is completed by `missing_seq`: 0 where a range begins, the greatest number where it ends.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        match halves(text)? {
            (ms, None) => Some(Self::new(number(ms)?, missing_seq)),
            (ms, Some(seq)) => Some(Self::new(number(ms)?, number(seq)?)),
        }
    }

    /// The id right above this one.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self::new(self.ms.checked_add(1)?, 0)),
        }
    }

    /// The id right below this one.
    pub fn prev(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self::new(self.ms.checked_sub(1)?, u64::MAX)),
        }
    }

    /// The id as dumps have it: both numbers, big-endian.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id that [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self::new((both >> 64) as u64, both as u64)
    }

    /// The id's text, without an allocation.
    pub fn to_text(self) -> IdText {
        let mut text = IdText { bytes: [0; IdText::LONGEST], len: 0 };
        text.push(itoa::Buffer::new().format(self.ms));
        text.push("-");
        text.push(itoa::Buffer::new().format(self.seq));
        text
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// The text of an id.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; Self::LONGEST],
    len: u8,
}

impl IdText {
    /// Two numbers of twenty digits, and a dash.
    const LONGEST: usize = 41;

    fn push(&mut self, part: &str) {
        let start = usize::from(self.len);
        self.bytes[start..start + part.len()].copy_from_slice(part.as_bytes());
        self.len += part.len() as u8;
    }
}

impl Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The id that is wanted for a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// `*`: of the present time, and above all others in any case.
    Auto,
    /// `ms-*`: the next one of this millisecond.
    InMillis(u64),
    /// This one.
    Exact(StreamId),
}

impl NewId {
    /// Reads `*`, `ms-*`, `ms` (which is `ms-0`) or `ms-seq`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"*" => Some(Self::Auto),
            _ => match halves(text)? {
                (ms, Some(b"*")) => Some(Self::InMillis(number(ms)?)),
                _ => StreamId::parse(text, 0).map(Self::Exact),
            },
        }
    }
}

/// What stands before the first dash, and behind it if there is one. A zero byte ends the text, as it does in C.
fn halves(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let text = text.split(|&byte| byte == 0).next()?;
    let mut halves = text.splitn(2, |&byte| byte == b'-');
    Some((halves.next()?, halves.next()))
}

/// Half of an id.
fn number(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let (negative, digits) = match &text[blanks..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<StreamId> {
        StreamId::parse(text.as_bytes(), 7)
    }

    #[test]
    fn ids_are_read_as_laxly_as_in_redis() {
        let accepted = [
            ("1-2", StreamId::new(1, 2)),
            ("13", StreamId::new(13, 7)),
            ("+2-3", StreamId::new(2, 3)),
            ("007-1", StreamId::new(7, 1)),
            (" \x0b8-1", StreamId::new(8, 1)),
            ("9-+5", StreamId::new(9, 5)),
            ("10--01", StreamId::new(10, u64::MAX)),
            ("1--18446744073709551615", StreamId::new(1, 1)),
            ("18446744073709551615-18446744073709551615", StreamId::MAX),
            ("5-1\0-9", StreamId::new(5, 1)),
        ];
        for (text, id) in accepted {
            assert_eq!(parse(text), Some(id), "{text:?}");
        }
        let long = "0".repeat(128);
        let refused = ["", "-", "+", "-5", "12-", "11--1", "1-1-1", "0x1", "1 ", "(1", "*", "1-*", "\0", &long];
        for text in refused.into_iter().chain(["18446744073709551616-0", "1-99999999999999999999"]) {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn new_ids_may_leave_numbers_out() {
        let read = |text: &str| NewId::parse(text.as_bytes());
        assert_eq!(read("*"), Some(NewId::Auto));
        assert_eq!(read("+7-*"), Some(NewId::InMillis(7)));
        assert_eq!(read("7"), Some(NewId::Exact(StreamId::new(7, 0))));
        assert_eq!(read("7-1"), Some(NewId::Exact(StreamId::new(7, 1))));
        for text in ["**", "8-**", "*-1", "*-*", "-*", ""] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn neighbours_and_forms() {
        let id = StreamId::new(5, u64::MAX);
        assert_eq!(id.next(), Some(StreamId::new(6, 0)));
        assert_eq!(id.next().and_then(StreamId::prev), Some(id));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
        assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.to_bytes()[7..9], [5, 0xFF]);
        for id in [StreamId::MIN, id, StreamId::MAX] {
            assert_eq!(&*id.to_text(), id.to_string().as_bytes());
        }
    }
}
