//! What a range is between: two ranks, two scores, or two members.
//!
//! A range of any kind becomes a range of ranks as soon as the sorted set is known. For scores and members that takes two
//! searches: how many members come before the range, and how many before its end.

use std::ops::Range;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num;
use redis_core::prelude::*;
use redis_core::value::{Element, TextBuffer};

use crate::limit::Limit;

/// The largest sorted set in which a lexical range is found by a walk.
const SMALL: usize = 128;

/// A range of any kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span<'a> {
    /// From one rank to another, both included, and negative from the end.
    Ranks(i64, i64),
    /// Between two scores.
    Scores(ScoreBound, ScoreBound),
    /// Between two members.
    Members(LexBound<'a>, LexBound<'a>),
}

impl Span<'_> {
    /// The ranks of the members within the range. Ranks are counted from the end if the range is `reversed`.
    pub(super) fn ranks(self, zset: &ZSet, reversed: bool) -> Range<usize> {
        let len = zset.len();
        match self {
            Span::Ranks(start, stop) => {
                let Range { start, end } = between(start, stop, len);
                if reversed { len - end..len - start } else { start..end }
            }
            Span::Scores(min, max) => {
                let start = zset.partition_point_by_score(|score| !min.is_below(score));
                let end = zset.partition_point_by_score(|score| max.is_above(score));
                start..end.max(start)
            }
            Span::Members(min, max) => members_between(zset, min, max, reversed),
        }
    }
}

/// The ranks from `start` to `stop`, both included and negative from the end, in a sorted set of `len` members.
fn between(start: i64, stop: i64, len: usize) -> Range<usize> {
    let signed = i64::try_from(len).unwrap_or(i64::MAX);
    let from_front = |rank: i64| if rank < 0 { rank.saturating_add(signed) } else { rank };
    let (start, stop) = (from_front(start).max(0), from_front(stop).min(signed - 1));
    if start > stop {
        return 0..0;
    }
    // Both lie within the sorted set now.
    start.unsigned_abs() as usize..stop.unsigned_abs() as usize + 1
}

/// The ranks of the members between two members.
///
/// This means something only where all scores are equal. Where they are not, Redis answers what its search happens to
/// find; in a small sorted set that is what a walk finds from the end at which the answer begins, and so it is here.
fn members_between(zset: &ZSet, min: LexBound<'_>, max: LexBound<'_>, reversed: bool) -> Range<usize> {
    let begun = |member: Element<'_>| min.is_below(member.text(&mut TextBuffer::new()));
    let not_ended = |member: Element<'_>| max.is_above(member.text(&mut TextBuffer::new()));
    let ends = zset.at(0).zip(zset.at(zset.len().saturating_sub(1)));
    let is_apart = ends.is_none_or(|((first, _), (last, _))| !not_ended(first) || !begun(last));
    if is_apart || min.excludes_all_below(max) {
        return 0..0;
    }
    if zset.len() > SMALL {
        let start = zset.partition_point(|member, _| !begun(member));
        let end = zset.partition_point(|member, _| not_ended(member));
        return start..end.max(start);
    }
    if reversed {
        let end = zset.len() - zset.iter().rev().take_while(|(member, _)| !not_ended(*member)).count();
        let within = zset.range(0..end).rev().take_while(|(member, _)| begun(*member)).count();
        return end - within..end;
    }
    let start = zset.iter().take_while(|(member, _)| !begun(*member)).count();
    let within = zset.range(start..zset.len()).take_while(|(member, _)| not_ended(*member)).count();
    start..start + within
}

/// The part of a range of ranks that LIMIT leaves, counted from its end if it is `reversed`. An offset below zero leaves
/// nothing.
pub(super) fn limited(ranks: Range<usize>, limit: Option<Limit>, reversed: bool) -> Range<usize> {
    let Some(limit) = limit else { return ranks };
    let offset = usize::try_from(limit.offset).unwrap_or(usize::MAX).min(ranks.len());
    let count = limit.most().min(ranks.len() - offset);
    if reversed {
        let end = ranks.end - offset;
        end - count..end
    } else {
        let start = ranks.start + offset;
        start..start + count
    }
}

/// A score at which a range begins or ends; `(` before it leaves that score itself out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ScoreBound {
    score: f64,
    exclusive: bool,
}

impl ScoreBound {
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        const NOT_FLOAT: Error = Error::new("ERR min or max is not a float");
        let (exclusive, number) = match text {
            [b'(', number @ ..] => (true, number),
            number => (false, number),
        };
        Ok(ScoreBound { score: num::strtod(number).ok_or(NOT_FLOAT)?, exclusive })
    }

    /// Whether a range that begins here has begun at `score`.
    fn is_below(self, score: f64) -> bool {
        if self.exclusive { score > self.score } else { score >= self.score }
    }

    /// Whether a range that ends here has not yet ended at `score`.
    fn is_above(self, score: f64) -> bool {
        if self.exclusive { score < self.score } else { score <= self.score }
    }
}

impl<'a> Argument<'a> for ScoreBound {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Double);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        Self::parse(raw)
    }
}

/// A member at which a lexical range begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LexBound<'a> {
    /// `-`: before all members.
    First,
    /// `[member` and `(member`: there, or only next to it.
    At(&'a [u8], Edge),
    /// `+`: behind all members.
    Last,
}

/// Whether a bound belongs to the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edge {
    Included,
    Excluded,
}

impl<'a> LexBound<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self> {
        match text {
            b"-" => Ok(LexBound::First),
            b"+" => Ok(LexBound::Last),
            [b'[', member @ ..] => Ok(LexBound::At(member, Edge::Included)),
            [b'(', member @ ..] => Ok(LexBound::At(member, Edge::Excluded)),
            _ => Err(Error::new("ERR min or max not valid string range item")),
        }
    }

    /// Whether a range that begins here has begun at `member`.
    fn is_below(self, member: &[u8]) -> bool {
        match self {
            LexBound::First => true,
            LexBound::At(bound, Edge::Included) => member >= bound,
            LexBound::At(bound, Edge::Excluded) => member > bound,
            LexBound::Last => false,
        }
    }

    /// Whether a range that ends here has not yet ended at `member`.
    fn is_above(self, member: &[u8]) -> bool {
        match self {
            LexBound::First => false,
            LexBound::At(bound, Edge::Included) => member <= bound,
            LexBound::At(bound, Edge::Excluded) => member < bound,
            LexBound::Last => true,
        }
    }

    /// Whether nothing can be between this bound and `max`.
    fn excludes_all_below(self, max: LexBound<'_>) -> bool {
        match (self, max) {
            (LexBound::At(min, first), LexBound::At(max, last)) => {
                min > max || min == max && (first, last) != (Edge::Included, Edge::Included)
            }
            (LexBound::Last, _) | (_, LexBound::First) => true,
            _ => false,
        }
    }
}

impl<'a> Argument<'a> for LexBound<'a> {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::String);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        Self::parse(raw)
    }
}

#[cfg(test)]
mod tests {
    use redis_core::value::Limits;

    use super::*;

    fn zset(members: &[(&str, f64)]) -> ZSet {
        let mut zset = ZSet::new();
        for (member, score) in members {
            zset.insert(member.as_bytes(), *score, &Limits::default());
        }
        zset
    }

    fn score(text: &str) -> ScoreBound {
        ScoreBound::parse(text.as_bytes()).unwrap()
    }

    fn lex(text: &str) -> LexBound<'_> {
        LexBound::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn ranks_are_cut_to_the_sorted_set() {
        let zset = zset(&[("a", 1.0), ("b", 2.0), ("c", 3.0)]);
        for (start, stop, ranks, reversed) in [
            (0, -1, 0..3, 0..3),
            (0, 0, 0..1, 2..3),
            (1, 9, 1..3, 0..2),
            (-2, -2, 1..2, 1..2),
            (-9, 0, 0..1, 2..3),
            (i64::MIN, i64::MAX, 0..3, 0..3),
        ] {
            assert_eq!(Span::Ranks(start, stop).ranks(&zset, false), ranks, "{start} to {stop}");
            assert_eq!(Span::Ranks(start, stop).ranks(&zset, true), reversed, "{start} to {stop}, reversed");
        }
        for (start, stop) in [(2, 1), (3, 9), (0, -4), (i64::MAX, i64::MIN)] {
            assert!(Span::Ranks(start, stop).ranks(&zset, false).is_empty(), "{start} to {stop}");
            assert!(Span::Ranks(start, stop).ranks(&zset, true).is_empty(), "{start} to {stop}, reversed");
        }
    }

    #[test]
    fn scores_bound_ranges() {
        let zset = zset(&[("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", f64::INFINITY)]);
        for (min, max, ranks) in [
            ("-inf", "+inf", 0..4),
            ("-inf", "(inf", 0..3),
            ("1", "2", 0..3),
            ("(1", "2", 1..3),
            ("1", "(2", 0..1),
            ("(1", "(2", 1..1),
            ("2", "1", 1..1),
            ("", "1e999", 0..4),
        ] {
            assert_eq!(Span::Scores(score(min), score(max)).ranks(&zset, false), ranks, "{min} to {max}");
        }
        for wrong in ["(", "((1", "nan", "1x", " "] {
            // Nothing is zero, and so is nothing behind the parenthesis.
            assert_eq!(ScoreBound::parse(wrong.as_bytes()).is_ok(), wrong == "(", "{wrong:?}");
        }
    }

    #[test]
    fn members_bound_ranges() {
        let zset = zset(&[("a", 0.0), ("b", 0.0), ("c", 0.0), ("d", 0.0)]);
        for (min, max, ranks) in [
            ("-", "+", 0..4),
            ("[b", "+", 1..4),
            ("(b", "[c", 2..3),
            ("-", "(c", 0..2),
            ("[bb", "[cc", 2..3),
            ("[", "[a", 0..1),
        ] {
            let span = Span::Members(lex(min), lex(max));
            assert_eq!(span.ranks(&zset, false), ranks, "{min} to {max}");
            assert_eq!(span.ranks(&zset, true), ranks, "{min} to {max}, reversed");
        }
        for (min, max) in [("+", "-"), ("[c", "[b"), ("(b", "[b"), ("[b", "(b"), ("[x", "+"), ("-", "(a"), ("+", "+")] {
            let span = Span::Members(lex(min), lex(max));
            assert!(span.ranks(&zset, false).is_empty(), "{min} to {max}");
            assert!(span.ranks(&zset, true).is_empty(), "{min} to {max}, reversed");
        }
        for wrong in ["", "a", "-a", "+a", "]a"] {
            assert!(LexBound::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn large_sorted_sets_answer_as_small_ones() {
        let members: Vec<String> = (0..2 * SMALL).map(|i| format!("m{i:04}")).collect();
        let zset = zset(&members.iter().map(|member| (member.as_str(), 1.0)).collect::<Vec<_>>());
        for (min, max, ranks) in [
            ("-", "+", 0..256),
            ("[m0007", "(m0010", 7..10),
            ("(m0254", "+", 255..256),
            ("-", "[m", 0..0),
            ("[n", "+", 0..0),
        ] {
            let span = Span::Members(lex(min), lex(max));
            assert_eq!(span.ranks(&zset, false), ranks, "{min} to {max}");
            assert_eq!(span.ranks(&zset, true), ranks, "{min} to {max}, reversed");
        }
    }

    #[test]
    fn limits_cut_from_the_side_that_comes_first() {
        let cut = |offset, count, reversed| limited(10..20, Some(Limit { offset, count }), reversed);
        assert_eq!(cut(0, -1, false), 10..20);
        assert_eq!(cut(2, 3, false), 12..15);
        assert_eq!(cut(2, 3, true), 15..18);
        assert_eq!(cut(8, 100, true), 10..12);
        assert!(
            cut(0, 0, false).is_empty() && cut(-1, 5, false).is_empty() && cut(i64::MAX, i64::MAX, true).is_empty()
        );
        assert_eq!(limited(1..3, None, true), 1..3);
    }
}
