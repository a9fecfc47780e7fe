//! XREADGROUP: reading as a consumer of a group.
//!
//! With the id `>` a consumer gets entries that nobody in the group has had, and they are pending for it until it
//! acknowledges them; it may wait for them. With any other id it gets what is pending for it already, which is answered
//! at once, even if it is nothing. So reading writes, and what is logged is who has which entry and how far the group
//! has come. A consumer comes into being when it first gets an answer.

use redis_core::prelude::*;
use redis_core::value::stream::StreamId;

use super::claim::log_pending;
use super::groups::{XGROUP_CREATECONSUMER, log_position};
use super::id;
use super::read::{Entries, Streams};
use super::read_options::{GroupReading, Reader, Reading, Source};
use super::{FAMILY, limit, write_entry};

/// Returns new or historical messages from a stream for a consumer in a group. Blocks until a message is available otherwise.
#[command(
    since = "5.0.0",
    complexity = "For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data."
)]
fn xreadgroup(
    db: &mut Db,
    client: &Client,
    reading: GroupReading,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Entries>> {
    let GroupReading { reader, reading } = reading;
    let wanted = reading.sources.iter().map(|source| {
        check_group(db, source.key, reader.group, client.resumed)?;
        Wanted::parse(source.after)
    });
    let wanted = wanted.collect::<Result<Vec<_>>>()?;
    let mut streams = Streams::begin(reply);
    for (Source { key, .. }, wanted) in reading.sources.iter().zip(wanted) {
        if is_ready(db, *key, reader, wanted)? {
            streams.add(db.name(*key), reply);
            let ids = read(db, *key, reader, &reading, wanted, reply, log)?;
            log_pending(db, *key, reader.group, &ids, log);
        }
    }
    if streams.finish(reply) {
        return Ok(Wait::Ready(Entries));
    }
    match reading.block {
        Some(timeout) => Ok(Wait::For(reading.sources.iter().map(|source| source.key).collect(), timeout)),
        None => {
            reply.nil_array();
            Ok(Wait::Ready(Entries))
        }
    }
}

/// What a consumer wants of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// `>`: what nobody in the group has had.
    New,
    /// What is pending for it with ids above this one.
    History(StreamId),
}

impl Wanted {
    fn parse(text: &[u8]) -> Result<Self> {
        const MEANINGLESS: Error = Error::new(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
        );
        match text {
            b">" => Ok(Wanted::New),
            b"$" => Err(MEANINGLESS),
            text => match id::exact(text)? {
                // Redis cannot tell it from the other.
                StreamId::MAX => Ok(Wanted::New),
                after => Ok(Wanted::History(after)),
            },
        }
    }
}

/// As an error if there is no such group. Who has waited for it is told so in other words.
fn check_group(db: &Db, key: Key, group: &[u8], resumed: bool) -> Result<()> {
    const STREAM_GONE: Error = Error::new("UNBLOCKED the stream key no longer exists");
    const GROUP_GONE: Error = Error::new("NOGROUP the consumer group this client was blocked on no longer exists");
    match db.get::<Stream>(key) {
        Ok(Some(stream)) if stream.groups.contains_key(group) => Ok(()),
        Ok(Some(_)) if resumed => Err(GROUP_GONE),
        _ if resumed => Err(STREAM_GONE),
        Err(wrong_type) => Err(wrong_type),
        Ok(_) => Err(super::no_group(db, key, group, " in XREADGROUP with GROUP option")),
    }
}

/// Whether there is an answer for a consumer: it may be that it has nothing pending, but not that there is nothing new.
/// Asking is noted in any case.
fn is_ready(db: &mut Db, key: Key, reader: Reader<'_>, wanted: Wanted) -> Result<bool> {
    let now = db.now();
    let Some(Stream { entries, groups }) = db.get_mut::<Stream>(key)? else { return Ok(false) };
    let Some(group) = groups.get_mut(reader.group) else { return Ok(false) };
    if let Some(consumer) = group.consumer_mut(reader.consumer) {
        consumer.seen_time = now;
    }
    Ok(match wanted {
        Wanted::New => entries.last().is_some_and(|last| last.id > group.last_id),
        Wanted::History(_) => true,
    })
}

/// Writes the entries of one stream, which are now the consumer's, and logs all but that. Answers their ids, if it has to
/// be logged that they are pending.
fn read(
    db: &mut Db,
    key: Key,
    Reader { group, consumer }: Reader<'_>,
    reading: &Reading<'_>,
    wanted: Wanted,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Vec<StreamId>> {
    let (now, count) = (db.now(), limit(reading.count));
    let is_logged = log.is_active() && !(reading.no_ack && wanted == Wanted::New);
    let Some(stream) = db.get_mut::<Stream>(key)? else { return Ok(Vec::new()) };
    let created = super::group_mut(stream, group).is_some_and(|group| group.create_consumer(consumer, now));
    let mark = reply.begin_array();
    let mut ids = Vec::new();
    let visited = match wanted {
        Wanted::New => stream.deliver(group, consumer, count, reading.no_ack, now, &mut |entry| {
            ids.extend(is_logged.then_some(entry.id));
            write_entry(&entry, reply);
        }),
        Wanted::History(after) => stream.redeliver(group, consumer, after, count, now, &mut |id, entry| {
            ids.extend((is_logged && entry.is_some()).then_some(id));
            match entry {
                Some(entry) => write_entry(&entry, reply),
                None => write_deleted(id, reply),
            }
        }),
    };
    let visited = visited.unwrap_or(0);
    reply.finish_array(mark, visited);
    // Whatever was done, the request itself is not to be logged.
    if !log.is_rewritten() {
        log.nothing();
    }
    if created {
        db.notify(key, "xgroup-createconsumer");
        log.add(XGROUP_CREATECONSUMER, |effect| effect.key(db, key).arg(group).arg(consumer));
    }
    db.changed_aside(visited as u64 + u64::from(created));
    if wanted == Wanted::New {
        log_position(db, key, group, log);
    }
    Ok(ids)
}

/// Writes that an entry is pending, but was deleted.
fn write_deleted(id: StreamId, reply: &mut Reply) {
    reply.array(2);
    reply.bulk(&id.to_text());
    reply.nil_array();
}
