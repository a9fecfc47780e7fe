//! Ids as arguments.
//!
//! Redis reads most of them before it looks at anything else, and one after the other; hence they are read in the first
//! pass over the arguments.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;
use redis_core::value::stream::StreamId;

/// What is no id.
pub(super) const INVALID: Error = Error::new("ERR Invalid stream ID specified as stream command argument");

/// Reads `ms-seq` or `ms`, but neither `-` nor `+`.
pub(super) fn exact(text: &[u8]) -> Result<StreamId> {
    StreamId::parse(text, 0).filter(|_| !matches!(text, b"-" | b"+")).ok_or(INVALID)
}

/// Reads an id, `-` for the least, or `+` for the greatest; `missing_seq` completes a lone `ms`.
pub(super) fn or_end(text: &[u8], missing_seq: u64) -> Result<StreamId> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        text => StreamId::parse(text, missing_seq).ok_or(INVALID),
    }
}

/// Reads where a range begins: an id, `-`, `+`, or `(` and the id before.
pub(super) fn start(text: &[u8]) -> Result<StreamId> {
    const NOTHING_BEHIND: Error = Error::new("ERR invalid start ID for the interval");
    match text {
        [b'(', text @ ..] => exact(text)?.next().ok_or(NOTHING_BEHIND),
        text => or_end(text, 0),
    }
}

/// Reads where a range ends: an id, `-`, `+`, or `(` and the id behind.
pub(super) fn end(text: &[u8]) -> Result<StreamId> {
    const NOTHING_BEFORE: Error = Error::new("ERR invalid end ID for the interval");
    match text {
        [b'(', b'-' | b'+'] => Err(INVALID),
        [b'(', text @ ..] => StreamId::parse(text, u64::MAX).ok_or(INVALID)?.prev().ok_or(NOTHING_BEFORE),
        text => or_end(text, u64::MAX),
    }
}

/// Where a range begins, read in the first pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start(pub(super) StreamId);

/// The ids between a start and an end, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: StreamId,
    pub(super) to: StreamId,
}

impl Interval {
    /// Reads both ends, the start first, wherever it stands.
    pub(super) fn parse(start_text: &[u8], end_text: &[u8]) -> Result<Self> {
        Ok(Interval { from: start(start_text)?, to: end(end_text)? })
    }
}

/// An interval whose start comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ascending(pub(super) Interval);

/// An interval whose end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descending(pub(super) Interval);

const ID: ArgDoc = ArgDoc::new(ArgKind::String);

/// Types that the first pass reads in one go.
macro_rules! read_at_once {
    ($($ty:ident, $shape:expr, $doc:expr, |$cursor:ident| $read:expr;)*) => {$(
        impl<'a> Argument<'a> for $ty {
            type Raw = $ty;
            const SHAPE: Shape = $shape;
            const DOC: ArgDoc = $doc;

            fn shape($cursor: &mut Cursor<'a>) -> Result<$ty> {
                $read
            }

            fn value(read: $ty, _: &Context) -> Result<Self> {
                Ok(read)
            }
        }
    )*};
}

read_at_once! {
    Start, Shape::exactly(1), ID, |cursor| start(cursor.next()?).map(Start);
    Ascending, Shape::exactly(2), ArgDoc::of(ArgKind::Inline, &[ID.named("start"), ID.named("end")]), |cursor| {
        let (start, end) = (cursor.next()?, cursor.next()?);
        Interval::parse(start, end).map(Ascending)
    };
    Descending, Shape::exactly(2), ArgDoc::of(ArgKind::Inline, &[ID.named("end"), ID.named("start")]), |cursor| {
        let (end, start) = (cursor.next()?, cursor.next()?);
        Interval::parse(start, end).map(Descending)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_ranges_are_completed_and_moved() {
        let id = |ms, seq| Ok(StreamId::new(ms, seq));
        for (text, from, to) in [
            ("-", id(0, 0), id(0, 0)),
            ("+", Ok(StreamId::MAX), Ok(StreamId::MAX)),
            ("5", id(5, 0), id(5, u64::MAX)),
            ("5-3", id(5, 3), id(5, 3)),
            ("(5", id(5, 1), id(5, u64::MAX - 1)),
            ("(5-0", id(5, 1), id(4, u64::MAX)),
            ("(-", Err(INVALID), Err(INVALID)),
            ("(", Err(INVALID), Err(INVALID)),
            ("x", Err(INVALID), Err(INVALID)),
        ] {
            assert_eq!(start(text.as_bytes()), from, "{text}");
            assert_eq!(end(text.as_bytes()), to, "{text}");
        }
        assert!(end(b"(0-0").is_err_and(|error| error.text().contains("invalid end")));
        assert!(start(b"(18446744073709551615-18446744073709551615").is_err());
    }

    #[test]
    fn an_exact_id_is_no_end() {
        assert_eq!(exact(b"-"), Err(INVALID));
        assert_eq!(exact(b"+"), Err(INVALID));
        assert_eq!(exact(b"7"), Ok(StreamId::new(7, 0)));
    }
}
