//! XACK and XPENDING: what was delivered, and is or is not acknowledged.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;
use redis_core::value::stream::{Group, StreamId};

use super::id::{self, Interval};
use super::{FAMILY, no_group};

/// Returns the number of messages that were successfully acknowledged by the consumer group member of a stream.
#[command(since = "5.0.0", complexity = "O(1) for each message ID processed.", flags(FAST))]
fn xack(db: &mut Db, #[key(RW, UPDATE)] key: Key, group: &[u8], #[arg(name = "id")] ids: Many<&[u8]>) -> Result<usize> {
    let stream = db.get_mut::<Stream>(key)?;
    let Some(group) = stream.and_then(|stream| super::group_mut(stream, group)) else { return Ok(0) };
    let ids = ids.iter().map(|id| id::exact(id)).collect::<Result<Vec<_>>>()?;
    let acknowledged = ids.into_iter().filter(|id| group.ack(*id)).count();
    db.changed_aside(acknowledged as u64);
    Ok(acknowledged)
}

/// What XPENDING says of a group as a whole: how many entries, the first and the last of them, and who has them.
const SUMMARY: Schema = {
    use Schema::{Array, Bulk, Integer, Null, OneOf, Tuple};
    const ID: Schema = OneOf(&[Bulk, Null]);
    const CONSUMERS: Schema = OneOf(&[Array(&Tuple(&[Bulk, Bulk])), Null]);
    Tuple(&[Integer, ID, ID, CONSUMERS])
};

/// Returns the information and entries from a stream consumer group's pending entries list.
#[command(
    since = "5.0.0",
    complexity = "O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.",
    tips(NONDETERMINISTIC_OUTPUT),
    history("6.2.0" = "Added the `IDLE` option and exclusive range intervals."),
    reply = OneOf(&[SUMMARY, Array(&Tuple(&[Bulk, Bulk, Integer, Integer]))])
)]
fn xpending(db: &Db, key: Key, group: &[u8], filters: Option<Filters>, reply: &mut Reply) -> Result<()> {
    let stream = db.get::<Stream>(key)?;
    let found = stream.and_then(|stream| stream.groups.get(group)).ok_or_else(|| no_group(db, key, group, ""))?;
    match filters {
        None => write_summary(found, reply),
        Some(filters) => filters.write(found, db.now(), reply),
    }
    Ok(())
}

/// Writes how many entries are pending, the first and the last, and how many for each consumer that has any.
fn write_summary(group: &Group, reply: &mut Reply) {
    reply.array(4);
    reply.integer(group.pending_len() as i64);
    let mut all = group.pending(StreamId::MIN, StreamId::MAX).map(|(id, _)| id);
    let Some(first) = all.next() else {
        reply.nil();
        reply.nil();
        return reply.nil_array();
    };
    reply.bulk(&first.to_text());
    reply.bulk(&all.next_back().unwrap_or(first).to_text());
    let mark = reply.begin_array();
    let mut busy = 0;
    for (name, consumer) in group.consumers().filter(|(_, consumer)| consumer.pending_len() > 0) {
        reply.array(2);
        reply.bulk(name);
        reply.bulk_integer(consumer.pending_len() as i64);
        busy += 1;
    }
    reply.finish_array(mark, busy);
}

/// Which pending entries are listed.
///
/// The number of arguments decides what they are, and Redis looks at the count before it looks at the ids.
pub(super) struct Filters<'a> {
    /// For how many milliseconds they must have been pending.
    min_idle: u64,
    interval: Interval,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl Filters<'_> {
    /// Writes the entries, each with its consumer, for how long it has been pending, and how often it was delivered.
    fn write(&self, group: &Group, now: u64, reply: &mut Reply) {
        let Interval { from, to } = self.interval;
        let mark = reply.begin_array();
        let mut written = 0;
        let mut write = |(id, nack): (StreamId, &redis_core::value::stream::Nack)| {
            reply.array(4);
            reply.bulk(&id.to_text());
            reply.bulk(nack.consumer());
            reply.integer(now.saturating_sub(nack.delivery_time) as i64);
            reply.integer(nack.delivery_count as i64);
            written += 1;
        };
        let is_idle = |(_, nack): &(StreamId, &redis_core::value::stream::Nack)| {
            now.saturating_sub(nack.delivery_time) >= self.min_idle
        };
        match self.consumer {
            None => group.pending(from, to).filter(is_idle).take(self.count).for_each(&mut write),
            Some(name) => group.pending_of(name, from, to).filter(is_idle).take(self.count).for_each(&mut write),
        }
        reply.finish_array(mark, written);
    }
}

impl<'a> Argument<'a> for Filters<'a> {
    type Raw = Filters<'a>;
    const SHAPE: Shape = Shape::at_least(3).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Block,
        &[
            ArgDoc::new(ArgKind::Integer).named("min-idle-time").token("IDLE").since("6.2.0").optional(),
            ArgDoc::new(ArgKind::String).named("start"),
            ArgDoc::new(ArgKind::String).named("end"),
            ArgDoc::new(ArgKind::Integer).named("count"),
            ArgDoc::new(ArgKind::String).named("consumer").optional(),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Filters<'a>> {
        if !(3..=6).contains(&cursor.left()) {
            return Err(Error::SYNTAX);
        }
        let mut min_idle = 0;
        if cursor.take_token("IDLE") {
            min_idle = u64::try_from(integer(cursor.next()?)?).unwrap_or(0);
        }
        let (start, end) = (cursor.next()?, cursor.next()?);
        let count = usize::try_from(integer(cursor.next()?)?).unwrap_or(0);
        let interval = Interval::parse(start, end)?;
        let consumer = cursor.peek();
        // Without IDLE there is room for an argument that nobody reads.
        cursor.split(cursor.left())?;
        Ok(Filters { min_idle, interval, count, consumer })
    }

    fn value(read: Filters<'a>, _: &Context) -> Result<Self> {
        Ok(read)
    }
}
