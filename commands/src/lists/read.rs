//! Looking at elements.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;
use redis_core::value::Element;

use super::{FAMILY, span};

/// Returns the length of a list.
#[command(since = "1.0.0", complexity = "O(1)", flags(FAST))]
fn llen(db: &Db, #[key(RO)] key: Key) -> Result<usize> {
    Ok(db.get::<List>(key)?.map_or(0, List::len))
}

/// Returns an element from a list by its index.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1)."
)]
fn lindex<'d>(db: &'d Db, key: Key, index: Lazy<i64>) -> Result<Option<Element<'d>>> {
    // Without a list, any index will do.
    match db.get::<List>(key)? {
        Some(list) => Ok(list.get(index.get()?)),
        None => Ok(None),
    }
}

/// Returns a range of elements from a list.
#[command(
    since = "1.0.0",
    complexity = "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
    reply = Array(&Bulk)
)]
fn lrange(db: &Db, key: Key, start: i64, stop: i64, reply: &mut Reply) -> Result<()> {
    let Some(list) = db.get::<List>(key)? else {
        reply.array(0);
        return Ok(());
    };
    let (first, count) = span(start, stop, list.len());
    reply.array(count);
    list.iter_from(first).take(count).for_each(|element| element.write(reply));
    Ok(())
}

/// Returns the index of matching elements in a list.
#[command(
    since = "6.0.6",
    complexity = "O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.",
    reply = OneOf(&[Integer, Array(&Integer), Null])
)]
fn lpos(db: &Db, key: Key, element: &[u8], options: PositionOptions, reply: &mut Reply) -> Result<()> {
    let list = db.get::<List>(key)?;
    let (Rank(rank), max_compared) = (options.rank.unwrap_or(Rank(1)), options.maxlen.map_or(0, |AtLeastZero(n)| n));
    let positions = |count| list.map_or_else(Vec::new, |list| list.positions(element, rank, count, max_compared));
    match options.count {
        Some(AtLeastZero(count)) => positions(count).write(reply),
        None => positions(1).first().copied().write(reply),
    }
    Ok(())
}

/// Which matches LPOS looks for. The options are read one by one, so that of several mistakes the first is reported.
#[derive(Clone, Copy, Debug, Options)]
struct PositionOptions {
    /// The match to begin with, negative from the end.
    rank: Option<Rank>,
    /// How many matches; 0 is all of them.
    #[arg(name = "num-matches", error = "ERR COUNT can't be negative")]
    count: Option<AtLeastZero>,
    /// How many elements to compare; 0 is all of them.
    #[arg(name = "len", error = "ERR MAXLEN can't be negative")]
    maxlen: Option<AtLeastZero>,
}

/// The number of a match: 1 is the first, -1 the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rank(i64);

impl<'a> Argument<'a> for Rank {
    type Raw = Rank;
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer).named("rank");

    fn shape(cursor: &mut Cursor<'a>) -> Result<Rank> {
        match integer(cursor.next()?)? {
            0 => Err(Error::new(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
            )),
            rank => Ok(Rank(rank)),
        }
    }

    fn value(rank: Rank, _: &Context) -> Result<Self> {
        Ok(rank)
    }
}

/// A number that is not negative, read in the first pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AtLeastZero(usize);

impl<'a> Argument<'a> for AtLeastZero {
    type Raw = AtLeastZero;
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

    fn shape(cursor: &mut Cursor<'a>) -> Result<AtLeastZero> {
        let number = integer(cursor.next()?)?;
        usize::try_from(number).map(AtLeastZero).map_err(|_| Error::NOT_POSITIVE)
    }

    fn value(number: AtLeastZero, _: &Context) -> Result<Self> {
        Ok(number)
    }
}
