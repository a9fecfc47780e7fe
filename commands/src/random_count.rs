//! What HRANDFIELD and ZRANDMEMBER have in common: a number, and a word that asks for more than the names.

use std::marker::PhantomData;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;

/// How many elements are written before it is seen whether the reply has become too large to be sent.
pub(crate) const BETWEEN_LOOKS: usize = 1024;

/// The word that may stand behind the number.
pub(crate) trait Word {
    /// As it is written.
    const TOKEN: &'static str;
    /// As COMMAND DOCS calls it.
    const NAME: &'static str;
}

/// How many elements to return, and whether with what belongs to them. A negative number is for elements that may repeat.
pub(crate) struct RandomCount<W> {
    count: i64,
    /// Whether the word is there.
    pub(crate) with: bool,
    word: PhantomData<W>,
}

impl<W> RandomCount<W> {
    /// Whether elements may repeat.
    pub(crate) fn repeats(&self) -> bool {
        self.count < 0
    }

    /// How many elements are asked for.
    pub(crate) fn number(&self) -> usize {
        usize::try_from(self.count.unsigned_abs()).unwrap_or(usize::MAX)
    }
}

impl<'a, W: Word> Argument<'a> for RandomCount<W> {
    type Raw = RandomCount<W>;
    const SHAPE: Shape = Shape::at_least(1).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Block,
        &[
            ArgDoc::new(ArgKind::Integer).named("count"),
            ArgDoc::new(ArgKind::PureToken).named(W::NAME).token(W::TOKEN).optional(),
        ],
    );

    /// The number is read first, so that a wrong one is told before a wrong word behind it.
    fn shape(cursor: &mut Cursor<'a>) -> Result<RandomCount<W>> {
        let count = integer(cursor.next()?)?;
        if count == i64::MIN {
            return Err(Error::new(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        let with = match cursor.left() {
            0 => false,
            1 if cursor.take_token(W::TOKEN) => true,
            _ => return Err(Error::SYNTAX),
        };
        // The reply has twice as many elements.
        if with && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
            return Err(Error::OUT_OF_RANGE);
        }
        Ok(RandomCount { count, with, word: PhantomData })
    }

    fn value(count: RandomCount<W>, _: &Context) -> Result<Self> {
        Ok(count)
    }
}
