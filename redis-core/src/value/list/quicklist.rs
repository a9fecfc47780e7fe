//! `Quicklist`: a long list, cut into nodes of bounded size.
//!
//! The nodes stand in a ring buffer of 24 bytes each. Redis links them; here, an index is found by adding up counts that
//! lie side by side, and a node in the middle comes and goes by moving handles, of which even a list of a million elements
//! has a few thousand.
//!
//! A node is filled up to what [`Fill`] allows. Where an element has to go into a full node, it goes to the neighbour if it
//! would stand at that end; otherwise the node is cut in two, and what is small afterwards is merged again, so that
//! insertions in the middle do not leave a trail of tiny nodes.

use std::collections::VecDeque;

use super::Side;
use super::fill::Fill;
use super::node::{Node, NodeRef};
use crate::relocate::Relocator;
use crate::value::listpack::{self, Element, Listpack, Needle};

/// A list as a sequence of nodes, none of them empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Quicklist {
    nodes: VecDeque<Node>,
    /// Elements in all nodes.
    len: usize,
    /// Bytes of the heap that the nodes hold.
    bytes: usize,
}

/// An element's node and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) index: usize,
}

/// How it is asked.
impl Quicklist {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.nodes.capacity() * size_of::<Node>() + self.bytes
    }

    pub(super) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, index: usize) -> Option<NodeRef<'_>> {
        self.nodes.get(index).map(Node::view)
    }

    /// Where the element number `index` is, found from the nearer end.
    pub(super) fn locate(&self, index: usize) -> Option<Place> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut before = 0;
            for (node, count) in self.nodes.iter().map(Node::count).enumerate() {
                if index < before + count {
                    return Some(Place { node, index: index - before });
                }
                before += count;
            }
        } else {
            let mut start = self.len;
            for (node, count) in self.nodes.iter().map(Node::count).enumerate().rev() {
                start -= count;
                if index >= start {
                    return Some(Place { node, index: index - start });
                }
            }
        }
        None
    }

    pub(super) fn get(&self, index: usize) -> Option<Element<'_>> {
        let place = self.locate(index)?;
        self.nodes[place.node].view().get(place.index)
    }

    /// The only node, taken out, if it is a listpack of at most one `share`th of the limit.
    pub(super) fn take_only(&mut self, fill: Fill, share: usize) -> Option<Listpack> {
        if self.nodes.len() != 1 {
            return None;
        }
        let Some(Node::Packed(listpack)) = self.nodes.front_mut() else {
            return None;
        };
        fill.has_share(listpack.byte_len(), listpack.len(), share).then(|| std::mem::take(listpack))
    }
}

#[cfg(test)]
impl Quicklist {
    /// Panics unless what is counted along the way is what counting finds.
    pub(super) fn check_counts(&self) {
        assert_eq!(self.len, self.nodes.iter().map(|node| node.view().len()).sum::<usize>());
        assert_eq!(self.bytes, self.nodes.iter().map(Node::memory).sum::<usize>());
        assert!(self.nodes.iter().all(|node| node.count() == node.view().len()));
    }
}

/// How it is changed.
impl Quicklist {
    fn insert_node(&mut self, at: usize, node: Node) {
        self.len += node.count();
        self.bytes += node.memory();
        self.nodes.insert(at, node);
    }

    fn remove_node(&mut self, at: usize) -> Option<Node> {
        let node = self.nodes.remove(at)?;
        self.len -= node.count();
        self.bytes -= node.memory();
        Some(node)
    }

    /// Changes a packed node, and removes it if nothing is left. A plain node stays as it is.
    fn edit(&mut self, at: usize, change: impl FnOnce(&mut Listpack)) {
        let Node::Packed(listpack) = &mut self.nodes[at] else { return };
        self.len -= listpack.len();
        self.bytes -= listpack.memory();
        change(listpack);
        self.len += listpack.len();
        self.bytes += listpack.memory();
        if listpack.is_empty() {
            self.remove_node(at);
        }
    }

    /// Adds a node at the end, as it is; for what comes from a file.
    pub(super) fn push_node(&mut self, node: Node) {
        self.insert_node(self.nodes.len(), node);
    }

    fn allows_another(&self, node: usize, len: usize, fill: Fill) -> bool {
        match self.nodes.get(node) {
            Some(Node::Packed(listpack)) => fill.allows_another(listpack.byte_len(), listpack.len(), len),
            _ => false,
        }
    }

    fn new_node(value: &[u8], fill: Fill) -> Node {
        if fill.is_large(value.len()) { Node::Plain(value.into()) } else { Node::of_element(value.into()) }
    }

    pub(super) fn push(&mut self, side: Side, value: &[u8], fill: Fill) {
        let last = match side {
            Side::Front => 0,
            Side::Back => self.nodes.len().saturating_sub(1),
        };
        if self.allows_another(last, value.len(), fill) {
            self.push_in_node(last, side, value);
        } else {
            let at = match side {
                Side::Front => 0,
                Side::Back => self.nodes.len(),
            };
            self.insert_node(at, Self::new_node(value, fill));
        }
    }

    /// One step of the walk that moves what is wanted elsewhere; answers where to go on, 0 at the end.
    pub(super) fn relocate(&mut self, place: u64, relocator: &mut Relocator<'_>) -> u64 {
        match self.nodes.get_mut(place as usize) {
            Some(Node::Packed(listpack)) => listpack.relocate(relocator),
            Some(Node::Plain(element)) => relocator.text(element),
            None => return 0,
        }
        place + 1
    }

    /// Removes the element at an end and returns what `read` makes of it.
    pub(super) fn pop_with<R>(&mut self, side: Side, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let at = match side {
            Side::Front => 0,
            Side::Back => self.nodes.len().checked_sub(1)?,
        };
        let mut result = None;
        match self.nodes.get(at)? {
            Node::Plain(element) => {
                result = Some(read(Element::Bytes(element)));
                self.remove_node(at);
            }
            Node::Packed(_) => self.edit(at, |listpack| result = pop_from_listpack(listpack, side, read)),
        }
        result
    }

    /// Puts an element beside number `index`, at the end if there is none.
    ///
    /// Before and after are not the same even where the element lands at the same number, as a full node hands over only
    /// to the neighbour on that side. Which nodes there are shows: a list of one node may become a listpack again.
    pub(super) fn insert(&mut self, index: usize, after: bool, value: &[u8], fill: Fill) {
        let Some(place) = self.locate(index) else {
            return self.push(Side::Back, value, fill);
        };
        let at_edge = if after { place.index + 1 == self.nodes[place.node].count() } else { place.index == 0 };
        if self.allows_another(place.node, value.len(), fill) {
            self.edit(place.node, |listpack| match listpack.seek(place.index as i64) {
                Some(offset) if after => listpack.insert_after(offset, value),
                Some(offset) => listpack.insert_before(offset, value),
                None => unreachable!("the node was found by its count"),
            });
        } else if at_edge {
            self.insert_between(place.node + usize::from(after), after, value, fill);
        } else {
            let at = self.split(Place { index: place.index + usize::from(after), ..place });
            if fill.is_large(value.len()) {
                self.insert_node(at, Self::new_node(value, fill));
            } else {
                let (node, side) = if after { (at, Side::Front) } else { (at - 1, Side::Back) };
                self.push_in_node(node, side, value);
                self.merge_around(at - usize::from(after), fill);
            }
        }
    }

    /// Puts an element between two nodes: into the one further on in the given direction, or into a node of its own, which
    /// then is number `at`.
    fn insert_between(&mut self, at: usize, after: bool, value: &[u8], fill: Fill) {
        let (neighbour, side) = if after { (Some(at), Side::Front) } else { (at.checked_sub(1), Side::Back) };
        match neighbour {
            Some(node) if self.allows_another(node, value.len(), fill) => self.push_in_node(node, side, value),
            _ => self.insert_node(at, Self::new_node(value, fill)),
        }
    }

    fn push_in_node(&mut self, at: usize, side: Side, value: &[u8]) {
        self.edit(at, |listpack| match side {
            Side::Front => listpack.push_front(value),
            Side::Back => listpack.push_back(value),
        });
    }

    /// Puts an element in the place of another. In a listpack it stays whatever the node's limit says, unless it is large
    /// itself.
    pub(super) fn set(&mut self, index: usize, value: &[u8], fill: Fill) {
        let Some(place) = self.locate(index) else {
            return;
        };
        match &self.nodes[place.node] {
            Node::Packed(_) if !fill.is_large(value.len()) => self.edit(place.node, |listpack| {
                let offset = listpack.seek(place.index as i64).expect("the node was found by its count");
                listpack.replace(offset, value);
            }),
            Node::Packed(listpack) if listpack.len() > 1 => {
                let at = self.split(place);
                self.remove_range(index, 1);
                self.insert_node(at, Self::new_node(value, fill));
                if place.index > 0 {
                    self.merge_around(at, fill);
                }
            }
            _ => {
                self.remove_node(place.node);
                self.insert_between(place.node, true, value, fill);
            }
        }
    }

    /// Cuts a node so that the element at `place` begins one. Returns that node's number.
    fn split(&mut self, place: Place) -> usize {
        if place.index == 0 {
            return place.node;
        }
        let mut tail = Listpack::new();
        self.edit(place.node, |listpack| {
            tail = listpack.split_off(place.index);
        });
        self.insert_node(place.node + 1, Node::Packed(tail));
        place.node + 1
    }

    /// Joins the two nodes before `center`, the two behind it, and then `center` itself with either side, as far as they fit
    /// together.
    fn merge_around(&mut self, center: usize, fill: Fill) {
        let mut center = center;
        if center >= 2 && self.merge_with_next(center - 2, fill) {
            center -= 1;
        }
        self.merge_with_next(center + 1, fill);
        if center >= 1 && self.merge_with_next(center - 1, fill) {
            center -= 1;
        }
        self.merge_with_next(center, fill);
    }

    fn merge_with_next(&mut self, at: usize, fill: Fill) -> bool {
        let (Some(Node::Packed(listpack)), Some(Node::Packed(next))) = (self.nodes.get(at), self.nodes.get(at + 1))
        else {
            return false;
        };
        // Together they have one frame.
        let size = listpack.byte_len() + next.byte_len() - listpack::FRAME;
        if fill.is_exceeded_by(size, listpack.len() + next.len()) {
            return false;
        }
        if let Some(Node::Packed(next)) = self.remove_node(at + 1) {
            self.edit(at, |listpack| listpack.append(&next));
        }
        true
    }

    /// Removes `count` elements from number `start` on.
    pub(super) fn remove_range(&mut self, start: usize, count: usize) {
        let mut left = count.min(self.len.saturating_sub(start));
        let Some(mut place) = self.locate(start) else {
            return;
        };
        while left > 0 {
            let there = self.nodes[place.node].count();
            let removed = left.min(there - place.index);
            if removed == there {
                // The whole nodes of a long range go together, so that those behind them move once.
                place.node = self.remove_nodes(place.node, &mut left);
            } else {
                self.edit(place.node, |listpack| listpack.remove_range(place.index as i64, removed));
                left -= removed;
                place.node += 1;
            }
            place.index = 0;
        }
    }

    /// Removes the nodes from `from` on that have no more than `left` elements, which it counts down.
    fn remove_nodes(&mut self, from: usize, left: &mut usize) -> usize {
        let mut to = from;
        while let Some(count) = self.nodes.get(to).map(Node::count)
            && count <= *left
        {
            *left -= count;
            to += 1;
        }
        for node in self.nodes.drain(from..to) {
            self.len -= node.count();
            self.bytes -= node.memory();
        }
        from
    }

    /// Removes up to `limit` elements with this text, from the front or from the back. Returns how many.
    pub(super) fn remove(&mut self, needle: Needle<'_>, limit: usize, from: Side) -> usize {
        let mut removed = 0;
        let mut visited = 0;
        let nodes = self.nodes.len();
        let mut at = 0;
        while removed < limit && visited < nodes {
            visited += 1;
            let node = match from {
                Side::Front => at,
                Side::Back => nodes - visited,
            };
            let before = self.nodes.len();
            removed += self.remove_in_node(node, needle, limit - removed, from);
            at += 1 - (before - self.nodes.len());
        }
        removed
    }

    fn remove_in_node(&mut self, at: usize, needle: Needle<'_>, limit: usize, from: Side) -> usize {
        if let Node::Plain(element) = &self.nodes[at] {
            let found = needle.is(Element::Bytes(element));
            if found {
                self.remove_node(at);
            }
            return usize::from(found);
        }
        let mut removed = 0;
        self.edit(at, |listpack| {
            removed = remove_in_listpack(listpack, needle, limit, from);
        });
        removed
    }
}

/// Removes the element at an end and returns what `read` makes of it.
pub(super) fn pop_from_listpack<R>(
    listpack: &mut Listpack,
    side: Side,
    read: impl FnOnce(Element<'_>) -> R,
) -> Option<R> {
    let offset = match side {
        Side::Front => listpack.first()?,
        Side::Back => listpack.last()?,
    };
    let result = read(listpack.at(offset));
    listpack.remove(offset);
    Some(result)
}

/// Removes up to `limit` elements with this text, from the front or from the back. Returns how many.
pub(super) fn remove_in_listpack(listpack: &mut Listpack, needle: Needle<'_>, limit: usize, from: Side) -> usize {
    let mut removed = 0;
    let mut next = match from {
        Side::Front => listpack.first(),
        Side::Back => listpack.last(),
    };
    while removed < limit
        && let Some(offset) = next
    {
        let found = needle.is(listpack.at(offset));
        next = match from {
            Side::Front if found => listpack.remove(offset),
            Side::Front => listpack.next(offset),
            Side::Back => {
                let prev = listpack.prev(offset);
                if found {
                    listpack.remove(offset);
                }
                prev
            }
        };
        removed += usize::from(found);
    }
    removed
}
