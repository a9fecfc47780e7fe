//! `List`: one listpack while it is small, a quicklist of listpacks when it is not.
//!
//! | encoding | while |
//! |---|---|
//! | `listpack` | it fits in one node: `list-max-listpack-size` |
//! | `quicklist` | otherwise; back when it shrinks to one node and half of that |
//!
//! Redis before 7.2 has quicklists only and says `quicklist` of every list; the single listpack, its name and the way
//! back are those of Redis 7.2 and Valkey.

mod fill;
mod iter;
mod node;
mod quicklist;
#[cfg(test)]
mod tests;

pub use iter::Iter;
pub use node::NodeRef;

use super::listpack::{Element, Listpack, Needle};
use super::{Kind, Limits, Object, Value};
use crate::relocate::Relocator;
use fill::Fill;
use node::Node;
use quicklist::{Place, Quicklist, pop_from_listpack, remove_in_listpack};

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The head: LEFT in commands.
    Front,
    /// The tail: RIGHT in commands.
    Back,
}

/// A sequence of texts.
#[derive(Clone, Debug)]
pub struct List {
    repr: Repr,
}

#[derive(Clone, Debug)]
enum Repr {
    Packed(Listpack),
    Quick(Box<Quicklist>),
}

/// What a list is made of and how it is asked.
impl List {
    /// An empty list.
    pub fn new() -> Self {
        Self { repr: Repr::Packed(Listpack::new()) }
    }

    /// The list of a listpack that another list was.
    #[inline]
    pub(super) fn of_listpack(listpack: Listpack) -> Self {
        Self { repr: Repr::Packed(listpack) }
    }

    /// The list as a listpack, if that is its encoding.
    pub(super) fn as_listpack(&self) -> Option<&Listpack> {
        match &self.repr {
            Repr::Packed(listpack) => Some(listpack),
            Repr::Quick(_) => None,
        }
    }

    /// What it is made of: one listpack, or nodes of a quicklist.
    pub fn encoding(&self) -> &'static str {
        match self.repr {
            Repr::Packed(_) => "listpack",
            Repr::Quick(_) => "quicklist",
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Packed(listpack) => listpack.len(),
            Repr::Quick(quicklist) => quicklist.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the list holds of the heap.
    pub fn memory(&self) -> usize {
        match &self.repr {
            Repr::Packed(listpack) => listpack.memory(),
            Repr::Quick(quicklist) => quicklist.memory(),
        }
    }

    /// About how many allocations there are to free.
    pub fn free_effort(&self) -> usize {
        self.node_count()
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        match &self.repr {
            Repr::Packed(_) => 1,
            Repr::Quick(quicklist) => quicklist.node_count(),
        }
    }

    fn node(&self, index: usize) -> Option<NodeRef<'_>> {
        match &self.repr {
            Repr::Packed(listpack) => (index == 0).then_some(NodeRef::Packed(listpack)),
            Repr::Quick(quicklist) => quicklist.node(index),
        }
    }

    /// The nodes from the one of that number on; for dumps.
    pub fn nodes_from(&self, first: usize) -> impl Iterator<Item = NodeRef<'_>> {
        (first..self.node_count()).filter_map(|index| self.node(index))
    }

    fn locate(&self, index: usize) -> Option<Place> {
        match &self.repr {
            Repr::Packed(listpack) => (index < listpack.len()).then_some(Place { node: 0, index }),
            Repr::Quick(quicklist) => quicklist.locate(index),
        }
    }

    /// The number of the element that a command means by `index`, where -1 is the last; it may be past the end.
    fn resolve(&self, index: i64) -> Option<usize> {
        match index {
            0.. => usize::try_from(index).ok(),
            _ => self.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
        }
    }

    /// The element number `index`; negative numbers count from the end, -1 being the last.
    pub fn get(&self, index: i64) -> Option<Element<'_>> {
        match &self.repr {
            Repr::Packed(listpack) => listpack.get(index),
            Repr::Quick(quicklist) => quicklist.get(self.resolve(index)?),
        }
    }

    /// The element at an end.
    pub fn peek(&self, side: Side) -> Option<Element<'_>> {
        self.get(match side {
            Side::Front => 0,
            Side::Back => -1,
        })
    }

    /// The elements from the first to the last.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// The elements from number `index` on.
    pub fn iter_from(&self, index: usize) -> Iter<'_> {
        Iter::new(self, index, false)
    }

    /// The elements from the last to the first.
    pub fn iter_back(&self) -> Iter<'_> {
        self.iter_back_from(self.len().saturating_sub(1))
    }

    /// The elements from number `index` back to the first.
    pub fn iter_back_from(&self, index: usize) -> Iter<'_> {
        Iter::new(self, index, true)
    }

    /// The numbers of the elements with this text, as LPOS asks for them: beginning with the match number `rank` (negative:
    /// from the end), at most `count` of them, comparing at most `max_compared` elements. For the latter two, 0 is any number.
    pub fn positions(&self, text: &[u8], rank: i64, count: usize, max_compared: usize) -> Vec<usize> {
        let needle = Needle::new(text);
        let unlimited = |limit: usize| if limit == 0 { usize::MAX } else { limit };
        let skipped = usize::try_from(rank.unsigned_abs().saturating_sub(1)).unwrap_or(usize::MAX);
        let backward = rank < 0;
        let elements = if backward { self.iter_back() } else { self.iter() };
        let matches = elements.enumerate().take(unlimited(max_compared)).filter(|(_, element)| needle.is(*element));
        let wanted = matches.skip(skipped).take(unlimited(count));
        let last = self.len().saturating_sub(1);
        wanted.map(|(walked, _)| if backward { last - walked } else { walked }).collect()
    }
}

/// How a list is changed.
impl List {
    /// Adds a node at the end, as a file brings it: a listpack of elements.
    pub fn append_listpack(&mut self, listpack: Listpack) {
        match &mut self.repr {
            _ if listpack.is_empty() => {}
            Repr::Packed(own) if own.is_empty() => *own = listpack,
            _ => self.become_quicklist().push_node(Node::Packed(listpack)),
        }
    }

    /// Adds a node at the end, as a file brings it: one element that is too long for a listpack.
    pub fn append_plain(&mut self, element: Vec<u8>) {
        self.become_quicklist().push_node(Node::Plain(element.into_boxed_slice()));
    }

    /// Chooses the encoding anew, when a list has been put together by nodes.
    pub fn settle(&mut self, limits: &Limits) {
        self.grow(0, 0, limits);
        self.become_listpack(1, limits);
    }

    /// Prepares for `count` more elements of `bytes` in total: a list that they would not fit becomes a quicklist.
    fn grow(&mut self, count: usize, bytes: usize, limits: &Limits) {
        if let Repr::Packed(listpack) = &self.repr
            && Fill::new(limits).is_exceeded_by(listpack.byte_len() + bytes, listpack.len() + count)
        {
            self.become_quicklist();
        }
    }

    /// Goes back to a listpack if elements that went have left half of what would make it a quicklist again: so an
    /// element that comes and goes does not convert the list every time.
    fn shrink(&mut self, limits: &Limits) {
        self.become_listpack(2, limits);
    }

    /// One step of the walk that moves what is wanted elsewhere; answers where to go on, 0 at the end.
    pub(super) fn relocate(&mut self, place: u64, relocator: &mut Relocator<'_>) -> u64 {
        match &mut self.repr {
            Repr::Packed(listpack) => {
                listpack.relocate(relocator);
                0
            }
            Repr::Quick(quicklist) => quicklist.relocate(place, relocator),
        }
    }

    fn become_listpack(&mut self, share: usize, limits: &Limits) {
        if let Repr::Quick(quicklist) = &mut self.repr
            && let Some(listpack) = quicklist.take_only(Fill::new(limits), share)
        {
            self.repr = Repr::Packed(listpack);
        }
    }

    fn become_quicklist(&mut self) -> &mut Quicklist {
        if let Repr::Packed(listpack) = &mut self.repr {
            let mut quicklist = Box::<Quicklist>::default();
            let listpack = std::mem::take(listpack);
            if !listpack.is_empty() {
                quicklist.push_node(Node::Packed(listpack));
            }
            self.repr = Repr::Quick(quicklist);
        }
        match &mut self.repr {
            Repr::Quick(quicklist) => quicklist,
            Repr::Packed(_) => unreachable!("it was made a quicklist above"),
        }
    }

    /// Adds an element at an end.
    pub fn push(&mut self, side: Side, value: &[u8], limits: &Limits) {
        self.push_all(side, &[value], limits);
    }

    /// Adds elements at an end, one after another, so that those pushed to the front stand in reverse. Whether they fit a
    /// listpack is decided for all of them together.
    pub fn push_all(&mut self, side: Side, values: &[&[u8]], limits: &Limits) {
        self.grow(values.len(), values.iter().map(|value| value.len()).sum(), limits);
        for value in values {
            match (&mut self.repr, side) {
                (Repr::Packed(listpack), Side::Front) => listpack.push_front(*value),
                (Repr::Packed(listpack), Side::Back) => listpack.push_back(*value),
                (Repr::Quick(quicklist), _) => quicklist.push(side, value, Fill::new(limits)),
            }
        }
    }

    /// Removes the element at an end and returns what `read` makes of it.
    pub fn pop_with<R>(&mut self, side: Side, limits: &Limits, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let result = match &mut self.repr {
            Repr::Packed(listpack) => pop_from_listpack(listpack, side, read),
            Repr::Quick(quicklist) => quicklist.pop_with(side, read),
        };
        self.shrink(limits);
        result
    }

    /// Removes the element at an end and returns it.
    pub fn pop(&mut self, side: Side, limits: &Limits) -> Option<Vec<u8>> {
        self.pop_with(side, limits, |element| element.to_vec())
    }

    /// Puts an element before the one that is number `index` now; at the end if there is none.
    pub fn insert(&mut self, index: usize, value: &[u8], limits: &Limits) {
        self.grow(1, value.len(), limits);
        self.insert_at(index, false, value, limits);
    }

    fn insert_at(&mut self, index: usize, after: bool, value: &[u8], limits: &Limits) {
        match &mut self.repr {
            Repr::Packed(listpack) => match listpack.seek(index as i64) {
                Some(offset) if after => listpack.insert_after(offset, value),
                Some(offset) => listpack.insert_before(offset, value),
                None => listpack.push_back(value),
            },
            Repr::Quick(quicklist) => quicklist.insert(index, after, value, Fill::new(limits)),
        }
    }

    /// Puts an element before or after the first one with the text `pivot`. Returns whether there is one.
    pub fn insert_beside(&mut self, pivot: &[u8], after: bool, value: &[u8], limits: &Limits) -> bool {
        // Before it is known whether there is such an element, as Redis does.
        self.grow(1, value.len(), limits);
        let found = self.positions(pivot, 1, 1, 0).first().copied();
        if let Some(index) = found {
            self.insert_at(index, after, value, limits);
        }
        found.is_some()
    }

    /// Puts an element in the place of number `index`, negative from the end. Returns whether there is such an element.
    pub fn set(&mut self, index: i64, value: &[u8], limits: &Limits) -> bool {
        // As if it were one more element, and before it is known whether there is an old one, as Redis does.
        self.grow(1, value.len(), limits);
        let Some(index) = self.resolve(index).filter(|&index| index < self.len()) else {
            return false;
        };
        match &mut self.repr {
            Repr::Packed(listpack) => {
                if let Some(offset) = listpack.seek(index as i64) {
                    listpack.replace(offset, value);
                }
            }
            Repr::Quick(quicklist) => {
                quicklist.set(index, value, Fill::new(limits));
                self.shrink(limits);
            }
        }
        true
    }

    /// Removes elements with this text: all of them if `count` is 0, else so many from the front, or from the back if
    /// it is negative. Returns how many.
    pub fn remove(&mut self, text: &[u8], count: i64, limits: &Limits) -> usize {
        let limit = match count {
            0 => usize::MAX,
            _ => usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
        };
        let from = if count < 0 { Side::Back } else { Side::Front };
        let needle = Needle::new(text);
        let removed = match &mut self.repr {
            Repr::Packed(listpack) => remove_in_listpack(listpack, needle, limit, from),
            Repr::Quick(quicklist) => quicklist.remove(needle, limit, from),
        };
        if removed > 0 {
            self.shrink(limits);
        }
        removed
    }

    /// Removes up to `count` elements from number `start` on.
    pub fn remove_range(&mut self, start: usize, count: usize, limits: &Limits) {
        match &mut self.repr {
            Repr::Packed(listpack) => listpack.remove_range(start as i64, count),
            Repr::Quick(quicklist) => quicklist.remove_range(start, count),
        }
        self.shrink(limits);
    }

    /// Keeps `count` elements from number `start` on and removes all others.
    pub fn trim(&mut self, start: usize, count: usize, limits: &Limits) {
        let end = start.saturating_add(count).min(self.len());
        match &mut self.repr {
            Repr::Packed(listpack) => {
                listpack.remove_range(end as i64, usize::MAX);
                listpack.remove_range(0, start);
            }
            Repr::Quick(quicklist) => {
                quicklist.remove_range(end, usize::MAX);
                quicklist.remove_range(0, start);
            }
        }
        self.shrink(limits);
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl Value for List {
    const KIND: Kind = Kind::List;

    fn from_object(object: &Object) -> Option<&Self> {
        match object {
            Object::List(list) => Some(list),
            _ => None,
        }
    }

    fn from_object_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::List(list) => Some(list),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::List(self)
    }
}
