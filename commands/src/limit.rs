//! `LIMIT offset count`, as SORT and the ranges of sorted sets have it.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;

/// How many elements to leave out at the beginning, and how many to answer then; all if that is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) offset: i64,
    pub(crate) count: i64,
}

impl Limit {
    /// The count as a length; all is more than there can be.
    pub(crate) fn most(self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }
}

impl<'a> Argument<'a> for Limit {
    type Raw = Limit;
    const SHAPE: Shape = Shape::exactly(2);
    const DOC: ArgDoc = {
        const PARTS: &[ArgDoc] =
            &[ArgDoc::new(ArgKind::Integer).named("offset"), ArgDoc::new(ArgKind::Integer).named("count")];
        ArgDoc::of(ArgKind::Block, PARTS)
    };

    /// Both numbers are looked at if both are there, and before any option behind them.
    fn shape(cursor: &mut Cursor<'a>) -> Result<Limit> {
        let mut both = cursor.split(2)?;
        let offset = integer(both.next()?)?;
        let count = integer(both.next()?)?;
        Ok(Limit { offset, count })
    }

    fn value(limit: Limit, _: &Context) -> Result<Self> {
        Ok(limit)
    }
}
