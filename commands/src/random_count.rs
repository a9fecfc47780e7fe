//! What HRANDFIELD, SRANDMEMBER and ZRANDMEMBER have in common: elements that may repeat as often as somebody likes; and for
//! two of them, a number and a word that asks for more than the names.

use std::marker::PhantomData;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;

/// The most elements that are written before it is seen how large the reply has become.
const BETWEEN_LOOKS: usize = 1024;

/// So many bytes are enough between two looks.
const PORTION: usize = 1 << 20;

/// The largest reply of elements that repeat, where no limit is configured: a number is sent quickly, and the memory of the
/// machine shall not be what ends the reply.
const REPLY_MAX: usize = 1 << 30;

/// Writes `number` elements that may repeat: `write` writes some of them. Stops when the reply is too large to be sent.
pub(crate) fn repeat(number: usize, reply: &mut Reply, write: impl FnMut(&mut Reply, usize)) -> Result<()> {
    repeat_within(REPLY_MAX, number, reply, write)
}

fn repeat_within(
    most: usize,
    number: usize,
    reply: &mut Reply,
    mut write: impl FnMut(&mut Reply, usize),
) -> Result<()> {
    let begin = reply.len();
    let (mut left, mut some) = (number, 1);
    while left > 0 && !reply.is_too_large() {
        let before = reply.len();
        if before - begin > most {
            return Err(Error::OUT_OF_RANGE);
        }
        some = some.min(left);
        write(reply, some);
        left -= some;
        some = if reply.len() - before < PORTION { (2 * some).min(BETWEEN_LOOKS) } else { some.div_ceil(2) };
    }
    Ok(())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_replies_end() {
        let write =
            |size: usize| move |reply: &mut Reply, some: usize| (0..some).for_each(|_| reply.bulk(&vec![b'x'; size]));
        let mut reply = Reply::new(2);
        assert_eq!(repeat(3000, &mut reply, write(1)), Ok(()));
        assert_eq!(reply.len(), 3000 * "$1\r\nx\r\n".len());
        // Neither small elements nor large ones go far beyond what is enough.
        for size in [1, PORTION] {
            let mut reply = Reply::new(2);
            assert_eq!(repeat_within(10 * PORTION, usize::MAX, &mut reply, write(size)), Err(Error::OUT_OF_RANGE));
            assert!(reply.len() < 16 * PORTION, "{}", reply.len());
        }
        let mut reply = Reply::new(2);
        reply.set_limit(1000);
        assert_eq!(repeat(usize::MAX, &mut reply, write(1)), Ok(()), "the connection is closed instead");
    }
}
