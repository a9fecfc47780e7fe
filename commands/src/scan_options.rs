//! What SCAN, SSCAN, HSCAN and ZSCAN have in common: MATCH and COUNT.
//!
//! These commands read their options one by one, so that `COUNT x NONSENSE` is no integer rather than a syntax error, and
//! those that scan one key do not read them at all when it is missing. Handlers hence take a `Late<ScanOptions>`, or a
//! `Late<_>` of a type of their own whose fields [`ScanCount`] and `Pattern` are, if they know more options.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::glob;
use redis_core::prelude::*;

/// How much work one call does, unless it says how much.
const DEFAULT_COUNT: usize = 10;

/// The options that all of them know.
#[derive(Clone, Copy, Debug, Default, Options)]
pub(crate) struct ScanOptions<'a> {
    /// Answer only what matches.
    #[arg(token = "MATCH")]
    pub(crate) pattern: Option<Pattern<'a>>,
    /// About how much to look at.
    pub(crate) count: Option<ScanCount>,
}

impl ScanOptions<'_> {
    /// Whether an element is wanted.
    pub(crate) fn wants(&self, element: &[u8]) -> bool {
        matches(self.pattern, element)
    }

    /// How many elements to look at.
    pub(crate) fn count(&self) -> usize {
        ScanCount::or_default(self.count)
    }
}

/// Whether an element matches the pattern, if there is one.
pub(crate) fn matches(pattern: Option<Pattern<'_>>, element: &[u8]) -> bool {
    pattern.is_none_or(|Pattern(pattern)| pattern == b"*" || glob::matches(pattern, element))
}

/// The number behind COUNT: at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanCount(pub(crate) usize);

impl ScanCount {
    /// The count, or what it is when none is given.
    pub(crate) fn or_default(count: Option<ScanCount>) -> usize {
        count.map_or(DEFAULT_COUNT, |ScanCount(count)| count)
    }
}

impl<'a> Argument<'a> for ScanCount {
    type Raw = ScanCount;
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer).named("count");

    /// The number is read in the first pass, before the options behind it.
    fn shape(cursor: &mut Cursor<'a>) -> Result<ScanCount> {
        let count = redis_core::command::integer(cursor.next()?)?;
        if count < 1 {
            return Err(Error::SYNTAX);
        }
        Ok(ScanCount(usize::try_from(count).unwrap_or(usize::MAX)))
    }

    fn value(count: ScanCount, _: &Context) -> Result<Self> {
        Ok(count)
    }
}

/// Goes on from `cursor` until about `count` elements were visited, and answers where to go on next time. `step` visits
/// some elements and answers the next cursor and their number. Ten empty steps for each element asked for are enough.
pub(crate) fn scan_about(count: usize, mut cursor: u64, mut step: impl FnMut(u64) -> (u64, usize)) -> u64 {
    let mut visited = 0;
    for _ in 0..count.saturating_mul(10) {
        let (next, some) = step(cursor);
        cursor = next;
        visited += some;
        if cursor == 0 || visited >= count {
            break;
        }
    }
    cursor
}
