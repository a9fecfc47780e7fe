//! BITCOUNT and BITPOS: the ones of a part of a string, and its first one or zero.

use std::ops::Range;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

use super::{FAMILY, bits};

/// What the positions of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl<'a> Argument<'a> for Unit {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::OneOf,
        &[
            ArgDoc::new(ArgKind::PureToken).named("byte").token("BYTE"),
            ArgDoc::new(ArgKind::PureToken).named("bit").token("BIT"),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        match raw.to_ascii_lowercase().as_slice() {
            b"byte" => Ok(Unit::Byte),
            b"bit" => Ok(Unit::Bit),
            _ => Err(Error::SYNTAX),
        }
    }
}

/// A part of a string. The two commands read its numbers and its unit in different orders.
#[derive(Clone, Copy, Options)]
#[options(sequence)]
struct BitRange<'a> {
    start: Lazy<'a, i64>,
    #[arg(name = "end-unit-block")]
    end: Option<RangeEnd<'a>>,
}

/// Where a [`BitRange`] ends.
#[derive(Clone, Copy, Options)]
#[options(sequence)]
struct RangeEnd<'a> {
    end: Lazy<'a, i64>,
    #[arg(since = "7.0.0")]
    unit: Option<Lazy<'a, Unit>>,
}

impl RangeEnd<'_> {
    /// The unit; bytes, if none is said.
    fn unit(&self) -> Result<Unit> {
        self.unit.map_or(Ok(Unit::Byte), |unit| unit.get())
    }
}

/// Counts the ones in a string.
///
/// A range counts bytes, or bits if it says so; negative positions count from the end.
#[command(
    since = "2.6.0",
    complexity = "O(N) where N is the length of the string.",
    history("7.0.0" = "Added the unit of the range: `BYTE` or `BIT`.", "8.0.0" = "The end may be left out.")
)]
fn bitcount(db: &Db, key: Key, range: Late<Option<BitRange>>) -> Result<usize> {
    // Without a key nothing else is looked at.
    let Some(text) = db.get::<Str>(key)? else { return Ok(0) };
    let bytes = text.as_bytes();
    let Some(BitRange { start, end }) = range.get()? else { return Ok(bits::count(bytes, 0..bytes.len() * 8)) };
    let start = start.get()?;
    let Some(range_end) = end else { return Ok(bits::count(bytes, bits_of(bytes, start, -1, Unit::Byte))) };
    let end = range_end.end.get()?;
    // Negative positions in the wrong order are nothing, even where both would count as the beginning.
    if start < 0 && end < 0 && start > end {
        return Ok(0);
    }
    Ok(bits::count(bytes, bits_of(bytes, start, end, range_end.unit()?)))
}

/// Finds the first bit in a string that is one, or zero.
///
/// Answers -1 if there is none. Behind the string there are zeros, unless an end is given.
#[command(
    since = "2.8.7",
    complexity = "O(N) where N is the length of the string.",
    history("7.0.0" = "Added the unit of the range: `BYTE` or `BIT`.")
)]
fn bitpos(db: &Db, key: Key, bit: i64, range: Late<Option<BitRange>>) -> Result<i64> {
    let wanted = match bit {
        0 => false,
        1 => true,
        _ => return Err(Error::new("ERR The bit argument must be 1 or 0.")),
    };
    // Without a key nothing else is looked at: there are zeros everywhere.
    let Some(text) = db.get::<Str>(key)? else { return Ok(if wanted { -1 } else { 0 }) };
    let bytes = text.as_bytes();
    let (within, has_end) = match range.get()? {
        None => (0..bytes.len() * 8, false),
        Some(BitRange { start, end: None }) => (bits_of(bytes, start.get()?, -1, Unit::Byte), false),
        Some(BitRange { start, end: Some(range_end) }) => {
            let (start, unit) = (start.get()?, range_end.unit()?);
            (bits_of(bytes, start, range_end.end.get()?, unit), true)
        }
    };
    let goes_on = !wanted && !has_end && !within.is_empty();
    let found = bits::find(bytes, wanted, within).or_else(|| goes_on.then_some(bytes.len() * 8));
    Ok(found.map_or(-1, |position| i64::try_from(position).unwrap_or(i64::MAX)))
}

/// The bits between two positions, both included, which may be negative and are clamped; empty if there are none.
fn bits_of(bytes: &[u8], start: i64, end: i64, unit: Unit) -> Range<usize> {
    let width = match unit {
        Unit::Byte => 8,
        Unit::Bit => 1,
    };
    let len = i64::try_from(bytes.len() * 8 / width).unwrap_or(i64::MAX);
    let position = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (start, end) = (position(start), position(end).min(len - 1));
    if start > end { 0..0 } else { start as usize * width..(end as usize + 1) * width }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clamped_at_either_end() {
        let bytes = b"hello";
        assert_eq!(bits_of(bytes, 0, -1, Unit::Byte), 0..40);
        assert_eq!(bits_of(bytes, 1, 1, Unit::Byte), 8..16);
        assert_eq!(bits_of(bytes, -3, -2, Unit::Bit), 37..39);
        assert_eq!(bits_of(bytes, -100, -50, Unit::Byte), 0..8);
        assert_eq!(bits_of(bytes, i64::MIN, i64::MAX, Unit::Bit), 0..40);
        assert_eq!(bits_of(bytes, 40, i64::MAX, Unit::Bit), 0..0);
        assert_eq!(bits_of(bytes, i64::MAX, i64::MIN, Unit::Byte), 0..0);
        assert_eq!(bits_of(b"", 0, -1, Unit::Byte), 0..0);
    }
}
