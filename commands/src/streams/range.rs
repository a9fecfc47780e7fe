//! Entries by their ids, in either direction.

use redis_core::prelude::*;
use redis_core::value::stream::StreamEntry;

use super::id::{Ascending, Descending};
use super::{ENTRY, FAMILY, write_entries};

/// Returns the number of messages in a stream.
#[command(since = "5.0.0", complexity = "O(1)", flags(FAST))]
fn xlen(db: &Db, #[key(RO)] key: Key) -> Result<u64> {
    Ok(db.get::<Stream>(key)?.map_or(0, |stream| stream.entries.len()))
}

/// Returns the messages from a stream within a range of IDs.
#[command(
    since = "5.0.0",
    complexity = "O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
    history("6.2.0" = "Added exclusive ranges."),
    reply = OneOf(&[Array(&ENTRY), Null])
)]
fn xrange(db: &Db, key: Key, interval: Ascending, options: RangeOptions, reply: &mut Reply) -> Result<()> {
    let stream = db.get::<Stream>(key)?;
    let range = stream.map(|stream| stream.entries.range(interval.0.from, interval.0.to));
    options.write(range, reply);
    Ok(())
}

/// Returns the messages from a stream within a range of IDs in reverse order.
#[command(
    since = "5.0.0",
    complexity = "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
    history("6.2.0" = "Added exclusive ranges."),
    reply = OneOf(&[Array(&ENTRY), Null])
)]
fn xrevrange(db: &Db, key: Key, interval: Descending, options: RangeOptions, reply: &mut Reply) -> Result<()> {
    let stream = db.get::<Stream>(key)?;
    let range = stream.map(|stream| stream.entries.range(interval.0.from, interval.0.to).rev());
    options.write(range, reply);
    Ok(())
}

/// How much of a range is returned.
#[derive(Clone, Copy, Options)]
struct RangeOptions {
    /// At most so many entries; none, if it is not positive.
    count: Option<Early<i64>>,
}

impl RangeOptions {
    /// Writes the first entries of a range of a stream, if there is one. Asked for none, Redis answers with a null array.
    fn write<'e>(self, range: Option<impl Iterator<Item = StreamEntry<'e>>>, reply: &mut Reply) {
        let count = self.count.map_or(usize::MAX, |Early(count)| usize::try_from(count).unwrap_or(0));
        match range {
            None => reply.array(0),
            Some(_) if count == 0 => reply.nil_array(),
            Some(range) => drop(write_entries(range.take(count), reply)),
        }
    }
}
