//! XREAD: entries behind an id, of one or more streams, or the wait for them.
//!
//! Whoever waits runs again when one of the streams changes, and is answered with whatever all of them have by then. `$`
//! stands for the end of a stream when the wait began, so what it stood for is remembered.

use redis_core::prelude::*;
use redis_core::resp::Mark;
use redis_core::value::stream::StreamId;

use super::id;
use super::read_options::{PlainReading, Source};
use super::{FAMILY, limit, write_entries};

/// Returns messages from multiple streams with IDs greater than the ones requested. Blocks until a message is available otherwise.
#[command(
    since = "5.0.0",
    complexity = "For each stream mentioned: O(N) with N being the number of elements being returned, it means that XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option is used, XADD will pay O(M) time in order to serve the M clients blocked on the stream getting new data."
)]
fn xread(db: &Db, reading: PlainReading, reply: &mut Reply) -> Result<Wait<Entries>> {
    let PlainReading(reading) = reading;
    let sources = reading.sources.iter().map(|source| Ok((source, after(db, source)?)));
    let sources = sources.collect::<Result<Vec<_>>>()?;
    let mut streams = Streams::begin(reply);
    for (source, after) in &sources {
        let Some(from) = after.next() else { continue };
        let Some(stream) = db.peek_as::<Stream>(source.key)? else { continue };
        if stream.entries.last().is_some_and(|last| last.id >= from) {
            streams.add(db.name(source.key), reply);
            write_entries(stream.entries.range(from, StreamId::MAX).take(limit(reading.count)), reply);
        }
    }
    if streams.finish(reply) {
        return Ok(Wait::Ready(Entries));
    }
    let Some(timeout) = reading.block else {
        reply.nil_array();
        return Ok(Wait::Ready(Entries));
    };
    let mut keys: WaitKeys = reading.sources.iter().map(|source| source.key).collect();
    for (source, after) in sources.iter().filter(|(source, _)| source.after == b"$") {
        keys.remember(source.index, &*after.to_text());
    }
    Ok(Wait::For(keys, timeout))
}

/// Behind which id the entries of a stream are wanted.
fn after(db: &Db, source: &Source<'_>) -> Result<StreamId> {
    const NEEDS_GROUP: Error = Error::new(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
    );
    let entries = db.get::<Stream>(source.key)?.map(|stream| &stream.entries);
    match source.after {
        b"$" => Ok(entries.map_or(StreamId::MIN, |entries| entries.last_id())),
        // The last entry, whatever its id.
        b"+" => {
            let last = entries.and_then(|entries| entries.last());
            Ok(last.and_then(|last| last.id.prev()).unwrap_or(StreamId::MAX))
        }
        b">" => Err(NEEDS_GROUP),
        text => id::exact(text),
    }
}

/// The entries are in the reply already. Without any, the reply is a null array.
pub(super) struct Entries;

impl IntoReply for Entries {
    const SCHEMA: Schema = {
        use Schema::{Array, Bulk, Map, Null, OneOf, Tuple};
        // One that a consumer was given and that is deleted by now has no fields.
        const ENTRIES: Schema = Array(&Tuple(&[Bulk, OneOf(&[Array(&Bulk), Null])]));
        OneOf(&[Map(&Bulk, &ENTRIES), Array(&Tuple(&[Bulk, ENTRIES]))])
    };

    fn write(self, _: &mut Reply) {}

    fn write_nil(reply: &mut Reply) {
        reply.nil_array();
    }
}

/// The reply under construction: a map from streams to their entries, for which RESP2 has a list of pairs.
pub(super) struct Streams {
    start: usize,
    mark: Mark,
    count: usize,
}

impl Streams {
    pub(super) fn begin(reply: &mut Reply) -> Self {
        let start = reply.len();
        let mark = if reply.protocol() == 2 { reply.begin_array() } else { reply.begin_map() };
        Streams { start, mark, count: 0 }
    }

    /// Begins a stream, whose entries must follow.
    pub(super) fn add(&mut self, name: &[u8], reply: &mut Reply) {
        if reply.protocol() == 2 {
            reply.array(2);
        }
        reply.bulk(name);
        self.count += 1;
    }

    /// Ends the reply, or takes it back if it has no stream: then the answer is false.
    pub(super) fn finish(self, reply: &mut Reply) -> bool {
        match (self.count, reply.protocol()) {
            (0, _) => reply.truncate(self.start),
            (count, 2) => reply.finish_array(self.mark, count),
            (count, _) => reply.finish_map(self.mark, count),
        }
        self.count > 0
    }
}
