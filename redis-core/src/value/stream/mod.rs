//! Streams: entries of fields and values, ordered by id, and groups of consumers who share them out.
//!
//! An entry is cheap because entries stand in nodes of a hundred, each node one listpack whose entries repeat neither the
//! names of their fields nor most of their ids (`node.rs` has the layout, which is that of Redis's dumps). Redis keeps
//! its nodes in a radix tree by the id of the first entry; here it is a B-tree. There is one node to a hundred entries,
//! so its price does not count, and the order is all that is asked of it.
//!
//! A stream remembers more than it holds: its last id, so that ids never repeat, how many entries it ever got, and the
//! greatest id deleted. That is why a stream without entries is not removed, unlike other collections, and why the
//! *lag* of a group, the entries it has still to read, can mostly be told without counting them:
//! it is the difference of two counters, unless an entry was deleted in between.
//!
//! | module | |
//! |---|---|
//! | [`id`] | ids, and how clients may write them |
//! | `node` | up to a hundred entries in a listpack |
//! | `entries` | the nodes, and what is remembered: adding, deleting, trimming, ranges |
//! | `group` | consumer groups: consumers, and what is pending |

mod entries;
mod group;
pub mod id;
mod node;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

pub use entries::{AppendError, Entries, Trim};
pub use group::{Consumer, Group, Nack};
pub use id::{NewId, StreamId};
pub use node::StreamEntry;

use super::{Kind, Object, Value, tight};

/// Consumer groups by name.
pub type Groups = BTreeMap<Box<[u8]>, Group>;

/// A stream. Its two halves are open so that one can be read while the other is changed.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// What was added to it.
    pub entries: Entries,
    /// Its consumer groups by name.
    pub groups: Groups,
}

/// What becomes of what groups remember of an entry that is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// It stays.
    #[default]
    KeepRef,
    /// It goes.
    DelRef,
    /// It is why the entry stays: one that is pending in a group, or that a group has still to read, is not deleted.
    Acked,
}

/// Bytes that claim to be part of a stream and are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a stream")
    }
}

impl std::error::Error for Malformed {}

impl Stream {
    /// A stream without entries and groups.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes the stream holds of the heap.
    pub fn memory(&self) -> usize {
        const GROUP: usize = size_of::<Box<[u8]>>() + size_of::<Group>();
        let names: usize = self.groups.keys().map(|name| tight::size_class(name.len())).sum();
        let groups: usize = self.groups.values().map(Group::memory).sum();
        size_of::<Self>() + self.entries.memory() + names + groups + map_memory(self.groups.len(), GROUP)
    }

    /// About how many allocations there are to free.
    pub fn free_effort(&self) -> usize {
        let pending: usize = self.groups.values().map(|group| 1 + group.pending_len()).sum();
        self.entries.nodes().len() + pending
    }

    /// How many entries a group has still to read; `None` if that is not known. Negative if the group was told that it has read more
    /// than there are.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let added = self.entries.entries_added();
        if added == 0 {
            return Some(0);
        }
        let counted = group.entries_read.filter(|_| !self.entries.has_gap_from(group.last_id));
        let read = counted.or_else(|| self.entries.added_up_to(group.last_id))?;
        Some(added.wrapping_sub(read).cast_signed())
    }

    /// Delivers new entries, as XREADGROUP with `>` does: visits up to `count` entries behind the last id of a group, and
    /// moves that id. Unless `no_ack`, each is now pending for the consumer, even if it was for another (who got it before
    /// the group was set back), who is active by that at the time `now` (unix milliseconds), and is made if there is none.
    ///
    /// Returns how many entries were visited; `None` if there is no such group.
    pub fn deliver(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        count: usize,
        no_ack: bool,
        now: u64,
        visit: &mut dyn FnMut(StreamEntry<'_>),
    ) -> Option<usize> {
        let group = self.groups.get_mut(group)?;
        let Some(from) = group.last_id.next() else { return Some(0) };
        let mut visited = 0;
        for entry in self.entries.range(from, StreamId::MAX).take(count) {
            let id = entry.id;
            group.entries_read = match group.entries_read {
                Some(read) if !self.entries.has_gap_from(id) => Some(read.saturating_add(1)),
                _ => self.entries.added_up_to(id),
            };
            group.last_id = id;
            if !no_ack {
                group.assign(id, consumer, now, 1);
            }
            visited += 1;
            visit(entry);
        }
        if let Some(consumer) = group.consumer_mut(consumer)
            && visited > 0
            && !no_ack
        {
            consumer.active_time = Some(now);
        }
        Some(visited)
    }

    /// Delivers pending entries once more, as XREADGROUP with an id does: visits up to `count` of those that are pending for a consumer,
    /// with ids above `after`. One that was deleted meanwhile is visited without its fields, and is not counted as delivered again.
    ///
    /// Returns how many were visited, none if there is no such consumer; `None` if there is no such group.
    pub fn redeliver(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        after: StreamId,
        count: usize,
        now: u64,
        visit: &mut dyn FnMut(StreamId, Option<StreamEntry<'_>>),
    ) -> Option<usize> {
        let group = self.groups.get_mut(group)?;
        let Some(from) = after.next() else { return Some(0) };
        let ids: Vec<_> = group.pending_of(consumer, from, StreamId::MAX).map(|(id, _)| id).take(count).collect();
        for &id in &ids {
            let entry = self.entries.get(id);
            if entry.is_some() {
                group.deliver_again(id, now);
            }
            visit(id, entry);
        }
        Some(ids.len())
    }

    /// Removes entries from the front until the stream is as short as it should be, with regard to the groups: see
    /// [`Entries::trim`] for what `approximate` and `limit` mean. Returns how many went.
    pub fn trim(&mut self, to: Trim, approximate: bool, limit: u64, references: References) -> u64 {
        let Self { entries, groups } = self;
        match references {
            References::Acked if !groups.is_empty() => {
                entries.trim_if(to, approximate, limit, |id| !is_referenced(groups, id))
            }
            References::DelRef if !groups.is_empty() => entries.trim_if(to, approximate, limit, |id| {
                forget(groups, id);
                true
            }),
            _ => entries.trim(to, approximate, limit),
        }
    }

    /// Whether a group has still to do with an entry: it is pending there, or the group has not come to it yet.
    pub fn is_referenced(&self, id: StreamId) -> bool {
        is_referenced(&self.groups, id)
    }

    /// Ends that an entry is pending in any group. Returns whether it was.
    pub fn forget(&mut self, id: StreamId) -> bool {
        forget(&mut self.groups, id)
    }
}

/// Whether one of the groups has still to do with an entry.
fn is_referenced(groups: &Groups, id: StreamId) -> bool {
    groups.values().any(|group| id > group.last_id || group.nack(id).is_some())
}

/// Ends that an entry is pending in any of the groups. Returns whether it was.
fn forget(groups: &mut Groups, id: StreamId) -> bool {
    let forgotten = groups.values_mut().map(|group| group.ack(id)).filter(|forgotten| *forgotten).count();
    forgotten > 0
}

/// About how many bytes a B-tree map or set holds of the heap, with entries of `place` bytes: its leaves have eleven places,
/// and six are in use where keys were added in their order.
fn map_memory(len: usize, place: usize) -> usize {
    const PLACES: usize = 11;
    const IN_USE: usize = 6;
    const LINKS: usize = 16;
    let leaves = match len {
        0 => 0,
        1..=PLACES => 1,
        _ => len.div_ceil(IN_USE),
    };
    leaves * tight::size_class(PLACES * place + LINKS)
}

impl Value for Stream {
    const KIND: Kind = Kind::Stream;

    fn from_object(object: &Object) -> Option<&Self> {
        match object {
            Object::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    fn from_object_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::Stream(Box::new(self))
    }
}
