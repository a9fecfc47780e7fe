//! Streams, in three forms that differ in what they remember.
//!
//! The first knows how many entries there are, and the last id. The second adds what lags are reckoned with; the third
//! when each consumer was last active.

use std::collections::BTreeMap;

use super::read_listpack;
use crate::rdb::save::UNKNOWN_COUNT;
use crate::rdb::{Error, Reader, Type};
use crate::value::Stream;
use crate::value::stream::{Entries, Group, Malformed, StreamId};

/// What an id takes at least, as two lengths or as bytes; so does everything that has one.
const ID_MIN: usize = 2;

impl From<Malformed> for Error {
    fn from(_: Malformed) -> Self {
        Error::Malformed("a stream breaks its rules")
    }
}

/// Nodes, counters and groups.
pub(super) fn stream(reader: &mut Reader<'_>, form: Type) -> Result<Stream, Error> {
    let mut stream = Stream::new();
    let entries = &mut stream.entries;
    for _ in 0..reader.count(ID_MIN)? {
        let id = reader.string()?;
        let id = <[u8; 16]>::try_from(&*id).map_err(|_| Malformed)?;
        entries.load_node(StreamId::from_bytes(id), read_listpack(reader)?)?;
    }
    counters(reader, form, entries)?;
    for _ in 0..reader.count(ID_MIN)? {
        let name = reader.string()?;
        let group = group(reader, form, &stream.entries)?;
        if stream.groups.insert((*name).into(), group).is_some() {
            return Err(Error::Duplicate);
        }
    }
    Ok(stream)
}

fn counters(reader: &mut Reader<'_>, form: Type, entries: &mut Entries) -> Result<(), Error> {
    let len = reader.length()?;
    let last_id = id(reader)?;
    let (mut max_deleted_id, mut entries_added) = (StreamId::MIN, len);
    if form != Type::StreamListpacks {
        // The first id follows from the entries.
        id(reader)?;
        max_deleted_id = id(reader)?;
        entries_added = reader.length()?;
    }
    Ok(entries.load_counters(len, last_id, max_deleted_id, entries_added)?)
}

fn id(reader: &mut Reader<'_>) -> Result<StreamId, Error> {
    Ok(StreamId::new(reader.length()?, reader.length()?))
}

fn raw_id(reader: &mut Reader<'_>) -> Result<StreamId, Error> {
    reader.array().map(StreamId::from_bytes)
}

/// A point in time; before 1970 is none.
fn time(reader: &mut Reader<'_>) -> Result<u64, Error> {
    Ok(u64::try_from(reader.millis()?).map_err(|_| Malformed)?)
}

fn group(reader: &mut Reader<'_>, form: Type, entries: &Entries) -> Result<Group, Error> {
    let last_id = id(reader)?;
    let entries_read = match form {
        Type::StreamListpacks => entries.added_up_to(last_id),
        _ => Some(reader.length()?).filter(|read| *read != UNKNOWN_COUNT),
    };
    let mut group = Group::new(last_id, entries_read);
    // When and how often each entry was delivered; whose it is follows with the consumers.
    let mut pending = BTreeMap::new();
    for _ in 0..reader.count(size_of::<StreamId>())? {
        let id = raw_id(reader)?;
        if pending.insert(id, (time(reader)?, reader.length()?)).is_some() {
            return Err(Error::Duplicate);
        }
    }
    for _ in 0..reader.count(1)? {
        consumer(reader, form, &mut group, &mut pending)?;
    }
    // What is nobody's could never be acknowledged.
    if pending.is_empty() { Ok(group) } else { Err(Malformed.into()) }
}

fn consumer(
    reader: &mut Reader<'_>,
    form: Type,
    group: &mut Group,
    pending: &mut BTreeMap<StreamId, (u64, u64)>,
) -> Result<(), Error> {
    let name = reader.string()?;
    let seen_time = time(reader)?;
    let active_time = match form {
        Type::StreamListpacks3 => Some(reader.millis()?).filter(|millis| *millis != -1),
        // Forms that do not tell hold those for active who were seen.
        _ => i64::try_from(seen_time).ok(),
    };
    let active_time = active_time.map(u64::try_from).transpose().map_err(|_| Malformed)?;
    if !group.create_consumer(&name, seen_time) {
        return Err(Error::Duplicate);
    }
    for _ in 0..reader.count(size_of::<StreamId>())? {
        let id = raw_id(reader)?;
        let (delivery_time, delivery_count) = pending.remove(&id).ok_or(Malformed)?;
        group.assign(id, &name, delivery_time, delivery_count);
    }
    if let Some(consumer) = group.consumer_mut(&name) {
        (consumer.seen_time, consumer.active_time) = (seen_time, active_time);
    }
    Ok(())
}
