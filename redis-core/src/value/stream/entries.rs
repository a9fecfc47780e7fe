//! The entries of a stream, in nodes, and what is remembered about those that are gone.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use super::node::{Choice, Node, StreamEntry};
use super::{Malformed, NewId, StreamId, map_memory};
use crate::relocate::Relocator;
use crate::value::Limits;
use crate::value::listpack::{self, Listpack};

/// A node in the ordered map: its master id and the listpack's pointer and length.
const NODE_PLACE: usize = size_of::<StreamId>() + size_of::<Node>();

/// The entries of a stream.
///
/// Entries are added behind all others and removed anywhere. What was removed last, and how many were ever added, is kept
/// for the sake of the groups, which would know how far behind they are.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// By master id. None is without an entry that is not deleted.
    nodes: BTreeMap<StreamId, Node>,
    len: u64,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

/// Why an entry cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The last id is the greatest there is.
    Exhausted,
    /// The id is not above the last one.
    NotAbove,
    /// Its fields and values have more than a gigabyte.
    TooLarge,
}

/// How far a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// To so many entries.
    MaxLen(u64),
    /// To the entries from this id on.
    MinId(StreamId),
}

impl Trim {
    /// How many entries should go of a stream of `len`, if that is limited; otherwise it may be all `count` of a node.
    fn surplus(self, len: u64, count: u64) -> u64 {
        match self {
            Trim::MaxLen(max) => len.saturating_sub(max),
            Trim::MinId(_) => count,
        }
    }

    /// Whether all entries of a node should go.
    fn takes(self, surplus: u64, master: StreamId, node: &Node) -> bool {
        match self {
            Trim::MaxLen(_) => node.count() <= surplus,
            Trim::MinId(id) => node.last_id(master) < id,
        }
    }

    /// What becomes of the entries of a node, one after the other, if `surplus` of them should go.
    fn choice(self, surplus: u64, mut may_go: impl FnMut(StreamId) -> bool) -> impl FnMut(StreamId) -> Choice {
        let mut left = surplus;
        move |entry| {
            let stays = match self {
                Trim::MaxLen(_) => left == 0,
                Trim::MinId(id) => entry >= id,
            };
            if stays {
                return Choice::Stop;
            }
            if !may_go(entry) {
                return Choice::Keep;
            }
            left = left.saturating_sub(1);
            Choice::Delete
        }
    }
}

/// What is there.
impl Entries {
    /// One step of the walk that moves what is wanted elsewhere; answers where to go on, 0 at the end.
    pub(in crate::value) fn relocate(&mut self, place: u64, relocator: &mut Relocator<'_>) -> u64 {
        /// How many nodes are a step. To begin one takes a walk to its first node.
        const NODES: usize = 512;
        self.nodes.values_mut().skip(place as usize).take(NODES).for_each(|node| node.relocate(relocator));
        let next = place + NODES as u64;
        if next < self.nodes.len() as u64 { next } else { 0 }
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The greatest id that there ever was; `0-0` at first.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The greatest id among the entries that were deleted (not trimmed); `0-0` if none was.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// How many entries were ever added.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// The id of the first entry; `0-0` if there is none.
    pub fn first_id(&self) -> StreamId {
        self.first().map_or(StreamId::MIN, |entry| entry.id)
    }

    /// The first entry.
    pub fn first(&self) -> Option<StreamEntry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The last entry.
    pub fn last(&self) -> Option<StreamEntry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next_back()
    }

    /// The entry with this id.
    pub fn get(&self, id: StreamId) -> Option<StreamEntry<'_>> {
        self.range(id, id).next()
    }

    /// Whether there is an entry with this id.
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// The entries with ids from `from` to `to`, both included, from either end. None if `from` is above `to`.
    pub fn range(&self, from: StreamId, to: StreamId) -> impl DoubleEndedIterator<Item = StreamEntry<'_>> + Clone {
        let start = self.node_of(from).unwrap_or(from);
        let nodes = self.nodes.range(start..=to.max(start));
        nodes.flat_map(move |(master, node)| node.range(*master, from, to))
    }

    /// The node in which an entry with this id would be.
    fn node_of(&self, id: StreamId) -> Option<StreamId> {
        self.nodes.range(..=id).next_back().map(|(master, _)| *master)
    }

    /// How many bytes are held of the heap.
    pub fn memory(&self) -> usize {
        let listpacks: usize = self.nodes.values().map(|node| node.listpack().memory()).sum();
        listpacks + map_memory(self.nodes.len(), NODE_PLACE)
    }
}

/// Adding and removing.
impl Entries {
    /// The id that a new entry would get at the time `now` (unix milliseconds).
    ///
    /// # Errors
    /// [`AppendError::Exhausted`] and [`AppendError::NotAbove`].
    pub fn new_id(&self, wanted: NewId, now: u64) -> Result<StreamId, AppendError> {
        let last = self.last_id;
        let next = last.next().ok_or(AppendError::Exhausted)?;
        let id = match wanted {
            NewId::Auto => next.max(StreamId::new(now, 0)),
            NewId::InMillis(ms) if ms == last.ms => StreamId::new(ms, last.seq.saturating_add(1)),
            NewId::InMillis(ms) => StreamId::new(ms, 0),
            NewId::Exact(id) => id,
        };
        if id > last { Ok(id) } else { Err(AppendError::NotAbove) }
    }

    /// Adds an entry with an id that [`Self::new_id`] allowed.
    ///
    /// # Errors
    /// [`AppendError::NotAbove`] and [`AppendError::TooLarge`]; nothing changes.
    pub fn append(&mut self, id: StreamId, fields: &[(&[u8], &[u8])], limits: &Limits) -> Result<(), AppendError> {
        let size = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if id <= self.last_id {
            return Err(AppendError::NotAbove);
        }
        if size > listpack::SAFETY_LIMIT {
            return Err(AppendError::TooLarge);
        }
        match self.nodes.last_entry() {
            Some(mut last) if has_room(last.get(), size, limits) => {
                let master = *last.key();
                last.get_mut().append(master, id, fields);
            }
            _ => {
                let mut node = Node::new(fields);
                node.append(id, id, fields);
                self.nodes.insert(id, node);
            }
        }
        self.len += 1;
        self.last_id = id;
        self.entries_added = self.entries_added.saturating_add(1);
        Ok(())
    }

    /// Deletes an entry, for which the stream remembers it. False if there is none with this id.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(master) = self.node_of(id) else { return false };
        let choose = |entry: StreamId| match entry.cmp(&id) {
            Ordering::Less => Choice::Keep,
            Ordering::Equal => Choice::Delete,
            Ordering::Greater => Choice::Stop,
        };
        let deleted = self.shorten(master, |node| node.delete(master, choose));
        if deleted > 0 {
            self.max_deleted_id = self.max_deleted_id.max(id);
        }
        deleted > 0
    }

    /// Removes entries of a node in some way, and the node with the last of them. Returns how many.
    fn shorten(&mut self, master: StreamId, remove: impl FnOnce(&mut Node) -> u64) -> u64 {
        let Some(node) = self.nodes.get_mut(&master) else { return 0 };
        let deleted = remove(node);
        if node.count() == 0 {
            self.nodes.remove(&master);
        }
        self.len -= deleted;
        deleted
    }

    /// Removes entries from the front until the stream is as short as it should be. If `approximate`, only whole nodes go;
    /// if `limit` is not 0, no more than so many entries. Returns how many went. They leave no trace in [`Self::max_deleted_id`].
    pub fn trim(&mut self, to: Trim, approximate: bool, limit: u64) -> u64 {
        let mut removed = 0;
        while let Some(node) = self.nodes.first_entry() {
            let (master, count) = (*node.key(), node.get().count());
            let surplus = to.surplus(self.len, count);
            if surplus == 0 || (limit != 0 && removed + count > limit) {
                break;
            }
            if to.takes(surplus, master, node.get()) {
                node.remove();
                self.len -= count;
                removed += count;
                continue;
            }
            if !approximate {
                let choose = to.choice(surplus, |_| true);
                // In the last node, what is removed counts until the node is full, as in Redis. The others get no more entries.
                let is_last = self.nodes.len() == 1;
                removed += self.shorten(master, |node| match is_last {
                    true => node.delete(master, choose),
                    false => node.cut(master, choose),
                });
            }
            break;
        }
        removed
    }

    /// Trims likewise, but asks about each entry that would go: one that may not go stays, and the next goes in its place. If
    /// `approximate`, only nodes are looked at all of whose entries would go; `limit` is how many entries are looked at.
    pub fn trim_if(
        &mut self,
        to: Trim,
        approximate: bool,
        limit: u64,
        mut may_go: impl FnMut(StreamId) -> bool,
    ) -> u64 {
        let (mut removed, mut seen) = (0, 0);
        let mut next = self.nodes.first_key_value().map(|(master, _)| *master);
        while let Some(master) = next
            && let Some(node) = self.nodes.get(&master)
        {
            seen += node.count();
            let surplus = to.surplus(self.len, node.count());
            if surplus == 0 || (limit != 0 && seen > limit) || (approximate && !to.takes(surplus, master, node)) {
                break;
            }
            next = self.nodes.range((Bound::Excluded(master), Bound::Unbounded)).next().map(|(master, _)| *master);
            removed += self.shorten(master, |node| node.delete(master, to.choice(surplus, &mut may_go)));
        }
        removed
    }

    /// Says what the last id is and, if told, the other things that are remembered. That the last id is not below an
    /// entry is for the caller to see to.
    pub fn set_id(&mut self, last_id: StreamId, entries_added: Option<u64>, max_deleted_id: Option<StreamId>) {
        self.last_id = last_id;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
    }
}

/// Whether a node takes an entry with so many bytes of fields and values.
fn has_room(node: &Node, size: usize, limits: &Limits) -> bool {
    let bytes = match limits.stream_node_max_bytes {
        0 => listpack::SAFETY_LIMIT,
        bytes => bytes.min(listpack::SAFETY_LIMIT),
    };
    let entries = match limits.stream_node_max_entries {
        0 => u64::MAX,
        entries => entries as u64,
    };
    node.listpack().byte_len() + size < bytes && node.slots() < entries
}

/// What groups want to know.
impl Entries {
    /// Whether something was deleted between the first entry and the last, so that counters do not tell how many there are.
    fn has_gaps(&self) -> bool {
        self.max_deleted_id != StreamId::MIN && !self.is_empty() && self.first_id() <= self.max_deleted_id
    }

    /// Whether there is such a gap behind `id`, or where it was.
    pub fn has_gap_from(&self, id: StreamId) -> bool {
        id <= self.max_deleted_id && self.has_gaps()
    }

    /// How many entries were added up to and with `id`, as far as that can be known without looking at what lies between:
    /// at both ends of a stream from which nothing was deleted, and beyond its front.
    pub fn added_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if id == self.last_id || (self.is_empty() && id < self.last_id) {
            return Some(self.entries_added);
        }
        let first = self.first_id();
        if id > self.last_id || id > first || self.has_gaps() {
            return None;
        }
        let before = self.entries_added.saturating_sub(self.len);
        Some(if id == first { before.saturating_add(1) } else { before })
    }
}

/// For dumps, and for those who look inside.
impl Entries {
    /// The nodes by their master ids, as dumps have them.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (StreamId, &Listpack)> {
        self.nodes.iter().map(|(master, node)| (*master, node.listpack()))
    }

    /// Those of the nodes that come behind one; all if there is none.
    pub fn nodes_behind(&self, node: Option<StreamId>) -> impl Iterator<Item = (StreamId, &Listpack)> {
        let from = node.map_or(Bound::Unbounded, Bound::Excluded);
        self.nodes.range((from, Bound::Unbounded)).map(|(master, node)| (*master, node.listpack()))
    }

    /// Adds a node that a dump brings behind the others. One in which everything is deleted is checked and dropped.
    ///
    /// # Errors
    /// [`Malformed`] if the listpack is no node in every detail, or not above the nodes before.
    pub fn load_node(&mut self, master: StreamId, listpack: Listpack) -> Result<(), Malformed> {
        let (node, last) = Node::from_foreign(master, listpack)?;
        let in_order = self.nodes.is_empty() || master > self.last_id;
        if !in_order {
            return Err(Malformed);
        }
        self.last_id = last;
        self.len += node.count();
        if node.count() > 0 {
            self.nodes.insert(master, node);
        }
        Ok(())
    }

    /// Takes over what a dump says about the whole, after its nodes.
    ///
    /// # Errors
    /// [`Malformed`] if the nodes do not have `len` entries, or one has an id above `last_id`.
    pub fn load_counters(
        &mut self,
        len: u64,
        last_id: StreamId,
        max_deleted_id: StreamId,
        entries_added: u64,
    ) -> Result<(), Malformed> {
        if len != self.len || last_id < self.last_id {
            return Err(Malformed);
        }
        self.set_id(last_id, Some(entries_added), Some(max_deleted_id));
        Ok(())
    }
}
