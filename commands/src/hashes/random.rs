//! Random fields.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;
use redis_core::value::Element;

use super::FAMILY;

/// How many fields are written before it is seen whether the reply has become too large to be sent.
const BETWEEN_LOOKS: usize = 1024;

/// Returns one or more random fields of a hash.
///
/// A positive count asks for different fields, a negative one for fields that may repeat.
#[command(
    since = "6.2.0",
    complexity = "O(N) where N is the number of fields returned.",
    tips(NONDETERMINISTIC_OUTPUT)
)]
fn hrandfield(db: &Db, key: Key, options: Option<RandomCount>, reply: &mut Reply) -> Result<()> {
    let now = db.now();
    let hash = db.get::<Hash>(key)?;
    let Some(RandomCount { count, with_values }) = options else {
        hash.and_then(|hash| hash.random(now)).map(|(field, _)| field).write(reply);
        return Ok(());
    };
    let live = hash.map_or(0, |hash| hash.live_len(now));
    let Some(hash) = hash.filter(|_| live > 0 && count != 0) else {
        reply.array(0);
        return Ok(());
    };
    let number = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let number = if count > 0 { number.min(live) } else { number };
    let in_pairs = with_values && reply.protocol() >= 3;
    reply.array(if with_values && !in_pairs { number * 2 } else { number });
    let write = |reply: &mut Reply, field: Element<'_>, value: Element<'_>| {
        if in_pairs {
            reply.array(2);
        }
        field.write(reply);
        if with_values {
            value.write(reply);
        }
    };
    if count > 0 {
        hash.sample(number, now, &mut |field, value| write(reply, field, value));
        return Ok(());
    }
    let mut left = number;
    while left > 0 && !reply.is_too_large() {
        let some = left.min(BETWEEN_LOOKS);
        hash.sample_with_repeats(some, now, &mut |field, value| write(reply, field, value));
        left -= some;
    }
    Ok(())
}

/// How many fields HRANDFIELD shall return, and whether with their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RandomCount {
    count: i64,
    with_values: bool,
}

impl<'a> Argument<'a> for RandomCount {
    type Raw = RandomCount;
    const SHAPE: Shape = Shape::at_least(1).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Block,
        &[
            ArgDoc::new(ArgKind::Integer).named("count"),
            ArgDoc::new(ArgKind::PureToken).named("withvalues").token("WITHVALUES").optional(),
        ],
    );

    /// The number is read first, so that a wrong one is told before a wrong word behind it.
    fn shape(cursor: &mut Cursor<'a>) -> Result<RandomCount> {
        let count = integer(cursor.next()?)?;
        if count == i64::MIN {
            return Err(Error::new(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        let with_values = match cursor.left() {
            0 => false,
            1 if cursor.take_token("WITHVALUES") => true,
            _ => return Err(Error::SYNTAX),
        };
        // The reply has twice as many elements.
        if with_values && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
            return Err(Error::OUT_OF_RANGE);
        }
        Ok(RandomCount { count, with_values })
    }

    fn value(count: RandomCount, _: &Context) -> Result<Self> {
        Ok(count)
    }
}
