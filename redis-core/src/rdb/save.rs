//! Values as they are written.

use super::format::{SET_WITH_DEADLINES, ZSET_WITH_DEADLINES};
use super::{Type, Writer, data_type, module_id};
use crate::table::NO_DEADLINE;
use crate::value::list::NodeRef;
use crate::value::stream::{Group, StreamId};
use crate::value::{Element, Hash, List, Object, Set, Str, Stream, TextBuffer, ZSet};

/// How a node of a list that is one long element is marked.
pub(super) const NODE_PLAIN: u64 = 1;
/// How a node of a list that is a listpack is marked.
pub(super) const NODE_PACKED: u64 = 2;

/// A value that is to be written: a string is no [`Object`].
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    Str(&'a Str),
    /// Any other value.
    Object(&'a Object),
}

impl ValueRef<'_> {
    /// In which form the value is written.
    #[must_use]
    pub fn form(self) -> Type {
        match self {
            Self::Str(_) => Type::Str,
            Self::Object(Object::List(_)) => Type::ListQuicklist2,
            Self::Object(object @ (Object::Set(_) | Object::ZSet(_))) if object.next_deadline() != NO_DEADLINE => {
                Type::Module2
            }
            Self::Object(Object::Set(set)) if set.as_intset().is_some() => Type::SetIntset,
            Self::Object(Object::Set(_)) => Type::Set,
            Self::Object(Object::Hash(hash)) if hash.as_listpack().is_some() => Type::HashListpack,
            Self::Object(Object::Hash(hash)) if hash.next_deadline() != NO_DEADLINE => Type::Hash2,
            Self::Object(Object::Hash(_)) => Type::Hash,
            Self::Object(Object::ZSet(set)) if set.as_listpack().is_some() => Type::ZSetListpack,
            Self::Object(Object::ZSet(_)) => Type::ZSet2,
            Self::Object(Object::Stream(_)) => Type::StreamListpacks2,
            Self::Object(Object::Custom(_)) => Type::Module2,
        }
    }
}

/// Writes a value without its type byte, which is that of [`ValueRef::form`]. Fields of a hash, and members of a set or a
/// sorted set, that end before `now` are left out.
pub fn save_object(writer: &mut Writer, value: ValueRef<'_>, now: u64) {
    match value {
        ValueRef::Str(text) => writer.string(text.as_bytes()),
        ValueRef::Object(Object::List(list)) => save_list(writer, list),
        ValueRef::Object(Object::Set(set)) if set.next_deadline() != NO_DEADLINE => {
            let members = || set.iter_with_deadlines().map(|(member, deadline)| (member, None, deadline));
            save_with_deadlines(writer, SET_WITH_DEADLINES, members, now);
        }
        ValueRef::Object(Object::Set(set)) => save_set(writer, set),
        ValueRef::Object(Object::Hash(hash)) => save_hash(writer, hash, now),
        ValueRef::Object(Object::ZSet(set)) if set.next_deadline() != NO_DEADLINE => {
            let members = || set.iter_with_deadlines().map(|(member, score, deadline)| (member, Some(score), deadline));
            save_with_deadlines(writer, ZSET_WITH_DEADLINES, members, now);
        }
        ValueRef::Object(Object::ZSet(set)) => save_zset(writer, set),
        ValueRef::Object(Object::Stream(stream)) => save_stream(writer, stream),
        ValueRef::Object(Object::Custom(value)) => data_type::save(writer, value),
    }
}

/// Members with deadlines are in nobody's form but ours: fields of a module's value, so that a server that does not know
/// them says which type it lacks, and a tool passes over them. First their number; then each member, its score if it
/// has one, and its deadline, in milliseconds since 1970, 0 for none.
fn save_with_deadlines<'a, I: Iterator<Item = (Element<'a>, Option<f64>, u64)>>(
    writer: &mut Writer,
    name: &str,
    members: impl Fn() -> I,
    now: u64,
) {
    writer.length(module_id(name, 0).expect("it is the name of a type"));
    let live = || members().filter(|(.., deadline)| *deadline > now);
    writer.unsigned_field(live().count() as u64);
    for (member, score, deadline) in live() {
        writer.string_field(member.text(&mut TextBuffer::new()));
        score.into_iter().for_each(|score| writer.double_field(score));
        writer.unsigned_field(if deadline == NO_DEADLINE { 0 } else { deadline.max(1) });
    }
    writer.end_of_fields();
}

fn save_list(writer: &mut Writer, list: &List) {
    writer.count(list.node_count());
    for node in list.nodes() {
        match node {
            NodeRef::Plain(element) => {
                writer.length(NODE_PLAIN);
                writer.string(element);
            }
            NodeRef::Packed(listpack) => {
                writer.length(NODE_PACKED);
                writer.string(listpack.as_bytes());
            }
        }
    }
}

fn save_set(writer: &mut Writer, set: &Set) {
    if let Some(intset) = set.as_intset() {
        return writer.string(intset.as_bytes());
    }
    writer.count(set.len());
    set.iter().for_each(|member| writer.element(member));
}

fn save_hash(writer: &mut Writer, hash: &Hash, now: u64) {
    if let Some(listpack) = hash.as_listpack() {
        return writer.string(listpack.as_bytes());
    }
    let with_deadlines = hash.next_deadline() != NO_DEADLINE;
    writer.count(hash.live_len(now));
    for (field, value, deadline) in hash.iter_with_deadlines().filter(|(.., deadline)| *deadline > now) {
        writer.element(field);
        writer.element(value);
        if with_deadlines {
            let millis = if deadline == NO_DEADLINE { None } else { i64::try_from(deadline).ok() };
            writer.millis(millis.unwrap_or(-1));
        }
    }
}

fn save_zset(writer: &mut Writer, set: &ZSet) {
    if let Some(listpack) = set.as_listpack() {
        return writer.string(listpack.as_bytes());
    }
    writer.count(set.len());
    // From the greatest, so that whoever reads them into a skip list always inserts at its front.
    for (member, score) in set.iter().rev() {
        writer.element(member);
        writer.double(score);
    }
}

/// How the number of entries that a group has read is written if it is not known.
pub(super) const UNKNOWN_COUNT: u64 = u64::MAX;

fn save_stream(writer: &mut Writer, stream: &Stream) {
    let entries = &stream.entries;
    writer.count(entries.nodes().len());
    for (first_id, listpack) in entries.nodes() {
        writer.string(&first_id.to_bytes());
        writer.string(listpack.as_bytes());
    }
    writer.length(entries.len());
    save_id(writer, entries.last_id());
    save_id(writer, entries.first_id());
    save_id(writer, entries.max_deleted_id());
    writer.length(entries.entries_added());
    writer.count(stream.groups.len());
    for (name, group) in &stream.groups {
        writer.string(name);
        save_group(writer, group);
    }
}

fn save_id(writer: &mut Writer, id: StreamId) {
    writer.length(id.ms);
    writer.length(id.seq);
}

/// What is pending stands there twice: with its times for the group, by its ids alone for each consumer.
fn save_group(writer: &mut Writer, group: &Group) {
    save_id(writer, group.last_id);
    writer.length(group.entries_read.unwrap_or(UNKNOWN_COUNT));
    writer.count(group.pending_len());
    for (id, nack) in group.pending(StreamId::MIN, StreamId::MAX) {
        writer.raw(&id.to_bytes());
        save_time(writer, nack.delivery_time);
        writer.length(nack.delivery_count);
    }
    writer.count(group.consumers().len());
    for (name, consumer) in group.consumers() {
        writer.string(name);
        save_time(writer, consumer.seen_time);
        writer.count(consumer.pending_len());
        for (id, _) in group.pending_of(name, StreamId::MIN, StreamId::MAX) {
            writer.raw(&id.to_bytes());
        }
    }
}

fn save_time(writer: &mut Writer, millis: u64) {
    writer.millis(i64::try_from(millis).unwrap_or(i64::MAX));
}
