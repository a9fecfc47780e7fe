//! XINFO: what a stream, its groups and their consumers are made of.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;
use redis_core::value::stream::{Consumer, Entries, Group, StreamEntry, StreamId};

use super::{FAMILY, limit, no_group_at_key, write_entries, write_entry};

container!("XINFO", since = "5.0.0", "What a stream, its groups and their consumers are made of.");

/// Returns information about a stream.
#[command(
    "XINFO STREAM",
    since = "5.0.0",
    complexity = "O(1)",
    history(
        "6.0.0" = "Added the `FULL` modifier.",
        "7.0.0" = "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields",
        "7.2.0" = "Added the `active-time` field, and changed the meaning of `seen-time`."
    ),
    reply = Map(&Bulk, &OneOf(&[Integer, Bulk, Null, Array(&Any)]))
)]
fn xinfo_stream(db: &Db, key: Key, detail: Late<Detail>, reply: &mut Reply) -> Result<()> {
    let stream = db.get::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    match detail.get()? {
        Detail::Summary => write_summary(stream, reply),
        Detail::Full(count) => write_full(stream, count, reply),
    }
    Ok(())
}

/// Returns a list of the consumer groups of a stream.
#[command(
    "XINFO GROUPS",
    since = "5.0.0",
    complexity = "O(1)",
    history("7.0.0" = "Added the `entries-read` and `lag` fields"),
    reply = Array(&Map(&Bulk, &OneOf(&[Bulk, Integer, Null])))
)]
fn xinfo_groups(db: &Db, key: Key, reply: &mut Reply) -> Result<()> {
    let stream = db.get::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    reply.array(stream.groups.len());
    for (name, group) in &stream.groups {
        reply.map(6);
        field(reply, "name", |reply| reply.bulk(name));
        field(reply, "consumers", |reply| reply.integer(group.consumers().len() as i64));
        field(reply, "pending", |reply| reply.integer(group.pending_len() as i64));
        write_position(stream, group, reply);
    }
    Ok(())
}

/// Returns a list of the consumers in a consumer group.
#[command(
    "XINFO CONSUMERS",
    since = "5.0.0",
    complexity = "O(1)",
    tips(NONDETERMINISTIC_OUTPUT),
    history("7.2.0" = "Added the `inactive` field, and changed the meaning of `idle`."),
    reply = Array(&Map(&Bulk, &OneOf(&[Bulk, Integer])))
)]
fn xinfo_consumers(db: &Db, key: Key, group: &[u8], reply: &mut Reply) -> Result<()> {
    let stream = db.get::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    let group = stream.groups.get(group).ok_or_else(|| no_group_at_key(db, key, group))?;
    let since = |time: u64| db.now().saturating_sub(time) as i64;
    reply.array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        reply.map(4);
        field(reply, "name", |reply| reply.bulk(name));
        field(reply, "pending", |reply| reply.integer(consumer.pending_len() as i64));
        field(reply, "idle", |reply| reply.integer(since(consumer.seen_time)));
        field(reply, "inactive", |reply| reply.integer(consumer.active_time.map_or(-1, since)));
    }
    Ok(())
}

/// How much XINFO STREAM tells.
enum Detail {
    Summary,
    /// Everything, but of each list only so many.
    Full(usize),
}

impl<'a> Argument<'a> for Detail {
    type Raw = Detail;
    const SHAPE: Shape = Shape::at_least(0).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Block,
        &[
            ArgDoc::new(ArgKind::PureToken).named("full").token("FULL"),
            ArgDoc::new(ArgKind::Integer).named("count").token("COUNT").optional(),
        ],
    )
    .named("full-block")
    .optional();

    fn shape(cursor: &mut Cursor<'a>) -> Result<Detail> {
        /// How many of each list are shown if nobody says.
        const SHOWN: i64 = 10;
        if cursor.left() == 0 {
            return Ok(Detail::Summary);
        }
        let mut count = SHOWN;
        let is_full = cursor.take_token("FULL");
        if is_full && cursor.left() == 2 && cursor.take_token("COUNT") {
            count = integer(cursor.next()?)?;
        }
        if !is_full || cursor.left() > 0 {
            return Err(cursor.wrong_subcommand());
        }
        Ok(Detail::Full(limit(if count < 0 { SHOWN } else { count })))
    }

    fn value(read: Detail, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

fn field(reply: &mut Reply, name: &str, write: impl FnOnce(&mut Reply)) {
    reply.bulk(name.as_bytes());
    write(reply);
}

fn write_summary(stream: &Stream, reply: &mut Reply) {
    reply.map(10);
    write_counters(&stream.entries, reply);
    field(reply, "groups", |reply| reply.integer(stream.groups.len() as i64));
    field(reply, "first-entry", |reply| write_optional(stream.entries.first(), reply));
    field(reply, "last-entry", |reply| write_optional(stream.entries.last(), reply));
}

fn write_full(stream: &Stream, count: usize, reply: &mut Reply) {
    reply.map(9);
    write_counters(&stream.entries, reply);
    field(reply, "entries", |reply| {
        write_entries(stream.entries.range(StreamId::MIN, StreamId::MAX).take(count), reply);
    });
    field(reply, "groups", |reply| {
        reply.array(stream.groups.len());
        for (name, group) in &stream.groups {
            write_group(stream, name, group, count, reply);
        }
    });
}

/// Writes the seven fields that are in both replies.
fn write_counters(entries: &Entries, reply: &mut Reply) {
    field(reply, "length", |reply| entries.len().write(reply));
    field(reply, "radix-tree-keys", |reply| entries.nodes().len().write(reply));
    field(reply, "radix-tree-nodes", |reply| radix_nodes(entries).write(reply));
    field(reply, "last-generated-id", |reply| reply.bulk(&entries.last_id().to_text()));
    field(reply, "max-deleted-entry-id", |reply| reply.bulk(&entries.max_deleted_id().to_text()));
    field(reply, "entries-added", |reply| entries.entries_added().write(reply));
    field(reply, "recorded-first-entry-id", |reply| reply.bulk(&entries.first_id().to_text()));
}

/// Writes three fields: how far a group has come, and how far it has to go.
fn write_position(stream: &Stream, group: &Group, reply: &mut Reply) {
    field(reply, "last-delivered-id", |reply| reply.bulk(&group.last_id.to_text()));
    field(reply, "entries-read", |reply| group.entries_read.write(reply));
    field(reply, "lag", |reply| stream.lag(group).write(reply));
}

fn write_group(stream: &Stream, name: &[u8], group: &Group, count: usize, reply: &mut Reply) {
    reply.map(7);
    field(reply, "name", |reply| reply.bulk(name));
    write_position(stream, group, reply);
    field(reply, "pel-count", |reply| group.pending_len().write(reply));
    field(reply, "pending", |reply| {
        reply.array(group.pending_len().min(count));
        for (id, nack) in group.pending(StreamId::MIN, StreamId::MAX).take(count) {
            reply.array(4);
            reply.bulk(&id.to_text());
            reply.bulk(nack.consumer());
            nack.delivery_time.write(reply);
            nack.delivery_count.write(reply);
        }
    });
    field(reply, "consumers", |reply| {
        reply.array(group.consumers().len());
        for (name, consumer) in group.consumers() {
            write_consumer(group, name, consumer, count, reply);
        }
    });
}

fn write_consumer(group: &Group, name: &[u8], consumer: &Consumer, count: usize, reply: &mut Reply) {
    reply.map(5);
    field(reply, "name", |reply| reply.bulk(name));
    field(reply, "seen-time", |reply| consumer.seen_time.write(reply));
    field(reply, "active-time", |reply| consumer.active_time.map_or(-1, u64::cast_signed).write(reply));
    field(reply, "pel-count", |reply| consumer.pending_len().write(reply));
    field(reply, "pending", |reply| {
        reply.array(consumer.pending_len().min(count));
        for (id, nack) in group.pending_of(name, StreamId::MIN, StreamId::MAX).take(count) {
            reply.array(3);
            reply.bulk(&id.to_text());
            nack.delivery_time.write(reply);
            nack.delivery_count.write(reply);
        }
    });
}

fn write_optional(entry: Option<StreamEntry<'_>>, reply: &mut Reply) {
    match entry {
        Some(entry) => write_entry(&entry, reply),
        None => reply.nil(),
    }
}

/// How many nodes Redis's radix tree would have for the nodes of the stream; its keys are their first ids, 16 bytes each.
///
/// A tree without keys is one node, and a single key makes two: its bytes, and the end. Each further key branches off
/// somewhere. There is a node for the bytes that all keys share up to a branch, one for the branch, and one for the bytes
/// from the branch to the next one or to the end.
fn radix_nodes(entries: &Entries) -> usize {
    let keys: Vec<[u8; KEY]> = entries.nodes().map(|(id, _)| id.to_bytes()).collect();
    subtree(&keys, 0)
}

const KEY: usize = 16;

/// How many nodes stand for keys that agree in their first `depth` bytes.
fn subtree(keys: &[[u8; KEY]], depth: usize) -> usize {
    let ([first, ..], [.., last]) = (keys, keys) else { return 1 };
    if depth == KEY {
        return 1;
    }
    // The keys are in order, so what the outermost share all of them do.
    let shared = first[depth..].iter().zip(&last[depth..]).take_while(|(a, b)| a == b).count();
    if shared > 0 {
        return 1 + subtree(keys, depth + shared);
    }
    let branches = keys.chunk_by(|a, b| a[depth] == b[depth]);
    1 + branches.map(|branch| subtree(branch, depth + 1)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_a_radix_tree_are_counted() {
        let count = |keys: &[u128]| subtree(&keys.iter().map(|key| key.to_be_bytes()).collect::<Vec<_>>(), 0);
        assert_eq!(count(&[]), 1);
        assert_eq!(count(&[7]), 2);
        // Fifteen bytes, a branch, two ends.
        assert_eq!(count(&[7, 8]), 4);
        // Fourteen bytes, a branch, and on each side a byte and its end.
        assert_eq!(count(&[7, 0x107]), 6);
    }
}
