//! Values as they are written.

use super::format::{SET_WITH_DEADLINES, ZSET_WITH_DEADLINES};
use super::{Type, Writer, data_type, module_id};
use crate::table::NO_DEADLINE;
use crate::value::list::NodeRef;
use crate::value::stream::{Group, StreamId};
use crate::value::{Element, Hash, List, Object, ObjectRef, Set, Str, Stream, TextBuffer, ZSet};

/// How a node of a list that is one long element is marked.
pub(super) const NODE_PLAIN: u64 = 1;
/// How a node of a list that is a listpack is marked.
pub(super) const NODE_PACKED: u64 = 2;

/// A value that is to be written: a string is no [`Object`].
#[derive(Debug)]
pub enum ValueRef<'a> {
    /// A string.
    Str(&'a Str),
    /// Any other value.
    Object(ObjectRef<'a>),
}

impl<'a> From<&'a Object> for ValueRef<'a> {
    fn from(object: &'a Object) -> Self {
        Self::Object(object.into())
    }
}

impl ValueRef<'_> {
    /// In which form the value is written.
    #[must_use]
    pub fn form(&self) -> Type {
        let object = match self {
            Self::Str(_) => return Type::Str,
            Self::Object(object) => &**object,
        };
        match object {
            Object::List(_) => Type::ListQuicklist2,
            Object::Set(_) | Object::ZSet(_) if object.next_deadline() != NO_DEADLINE => Type::Module2,
            Object::Set(set) if set.as_intset().is_some() => Type::SetIntset,
            Object::Set(_) => Type::Set,
            Object::Hash(hash) if hash.as_listpack().is_some() => Type::HashListpack,
            Object::Hash(hash) if hash.next_deadline() != NO_DEADLINE => Type::Hash2,
            Object::Hash(_) => Type::Hash,
            Object::ZSet(set) if set.as_listpack().is_some() => Type::ZSetListpack,
            Object::ZSet(_) => Type::ZSet2,
            Object::Stream(_) => Type::StreamListpacks2,
            Object::Custom(_) => Type::Module2,
        }
    }
}

/// How far a value has been written that is written in parts. It must not change in between.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    begun: bool,
    /// A part ends when the writer holds so many bytes.
    limit: usize,
    /// Where to go on; what that is, is up to the kind of value.
    place: u64,
    /// The node of a stream that was written last.
    node: StreamId,
}

impl Progress {
    /// Nothing is written yet. A part ends with the element behind which the writer holds `limit` bytes or more.
    #[must_use]
    pub fn up_to(limit: usize) -> Self {
        Progress { begun: false, limit, place: 0, node: StreamId::MIN }
    }

    /// The whole value is to be one part.
    #[must_use]
    pub fn whole() -> Self {
        Self::up_to(usize::MAX)
    }

    /// The next part ends with the element behind which the writer holds `limit` bytes or more.
    pub fn go_on_up_to(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether something has been written.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether this is the first part. From now on it is not.
    pub(super) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    fn is_enough(&self, writer: &Writer) -> bool {
        writer.as_bytes().len() >= self.limit
    }
}

/// Writes a value without its type byte, which is that of [`ValueRef::form`]. Fields of a hash, and members of a set or a
/// sorted set, that end before `now` are left out.
pub fn save_object(writer: &mut Writer, value: &ValueRef<'_>, now: u64) {
    let complete = save_part(writer, value, now, &mut Progress::whole());
    debug_assert!(complete, "there is no limit");
}

/// As [`save_object`], in parts: answers whether the value is complete. Only what has many elements comes in parts; a part
/// has at least one element, and no one element is cut.
pub fn save_part(writer: &mut Writer, value: &ValueRef<'_>, now: u64, progress: &mut Progress) -> bool {
    let object = match value {
        ValueRef::Str(text) => {
            writer.string(text.as_bytes());
            return true;
        }
        ValueRef::Object(object) => &**object,
    };
    match object {
        Object::List(list) => return save_list(writer, list, progress),
        Object::Set(set) if set.next_deadline() != NO_DEADLINE => {
            let members = || set.iter_with_deadlines().map(|(member, deadline)| (member, None, deadline));
            save_with_deadlines(writer, SET_WITH_DEADLINES, members, now);
        }
        Object::Set(set) => return save_set(writer, set, progress),
        Object::Hash(hash) => return save_hash(writer, hash, now, progress),
        Object::ZSet(set) if set.next_deadline() != NO_DEADLINE => {
            let members = || set.iter_with_deadlines().map(|(member, score, deadline)| (member, Some(score), deadline));
            save_with_deadlines(writer, ZSET_WITH_DEADLINES, members, now);
        }
        Object::ZSet(set) => return save_zset(writer, set, progress),
        Object::Stream(stream) => return save_stream(writer, stream, progress),
        Object::Custom(value) => data_type::save(writer, value),
    }
    true
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

fn save_list(writer: &mut Writer, list: &List, progress: &mut Progress) -> bool {
    if progress.begin() {
        writer.count(list.node_count());
    }
    for node in list.nodes_from(progress.place as usize) {
        match node {
            NodeRef::Plain(element) => {
                writer.length(NODE_PLAIN);
                writer.string(element);
            }
            NodeRef::Packed(listpack) => {
                writer.length(NODE_PACKED);
                writer.string(&listpack.to_dump());
            }
        }
        progress.place += 1;
        if progress.is_enough(writer) {
            return progress.place == list.node_count() as u64;
        }
    }
    true
}

fn save_set(writer: &mut Writer, set: &Set, progress: &mut Progress) -> bool {
    if let Some(intset) = set.as_intset() {
        writer.string(&intset.to_dump());
        return true;
    }
    if progress.begin() {
        writer.count(set.len());
    }
    loop {
        progress.place = set.scan(progress.place, &mut |member| writer.element(member));
        if progress.place == 0 || progress.is_enough(writer) {
            return progress.place == 0;
        }
    }
}

fn save_hash(writer: &mut Writer, hash: &Hash, now: u64, progress: &mut Progress) -> bool {
    if let Some(listpack) = hash.as_listpack() {
        writer.string(&listpack.to_dump());
        return true;
    }
    let with_deadlines = hash.next_deadline() != NO_DEADLINE;
    if progress.begin() {
        writer.count(hash.live_len(now));
    }
    loop {
        progress.place = hash.scan_with_deadlines(progress.place, now, &mut |field, value, deadline| {
            writer.element(field);
            writer.element(value);
            if with_deadlines {
                let millis = if deadline == NO_DEADLINE { None } else { i64::try_from(deadline).ok() };
                writer.millis(millis.unwrap_or(-1));
            }
        });
        if progress.place == 0 || progress.is_enough(writer) {
            return progress.place == 0;
        }
    }
}

fn save_zset(writer: &mut Writer, set: &ZSet, progress: &mut Progress) -> bool {
    if let Some(listpack) = set.as_listpack() {
        writer.string(&listpack.to_dump());
        return true;
    }
    if progress.begin() {
        writer.count(set.len());
    }
    // From the greatest, so that whoever reads them into a skip list always inserts at its front.
    let left = set.len() - progress.place as usize;
    for (member, score) in set.range(0..left).rev() {
        writer.element(member);
        writer.double(score);
        progress.place += 1;
        if progress.is_enough(writer) {
            return progress.place == set.len() as u64;
        }
    }
    true
}

/// How the number of entries that a group has read is written if it is not known.
pub(super) const UNKNOWN_COUNT: u64 = u64::MAX;

/// The nodes may come in parts, the groups come with the last of them.
fn save_stream(writer: &mut Writer, stream: &Stream, progress: &mut Progress) -> bool {
    let entries = &stream.entries;
    let first = progress.begin();
    if first {
        writer.count(entries.nodes().len());
    }
    for (first_id, listpack) in entries.nodes_behind((!first).then_some(progress.node)) {
        writer.string(&first_id.to_bytes());
        writer.string(&listpack.to_dump());
        progress.node = first_id;
        if progress.is_enough(writer) {
            return false;
        }
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
    true
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
