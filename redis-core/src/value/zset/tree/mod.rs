//! The order of a large sorted set: a counted B+tree.
//!
//! The tree is a sequence of [`Key`]s that is addressed by rank. It knows nothing about scores and members: whoever inserts
//! says at which rank, having found it with [`Tree::place`]. Every inner node knows how many keys are below each
//! of its children, which makes ranks cheap, and the first key of each, which is what is compared on the way down.
//!
//! ```text
//! inner    [first key of each child][number of keys below each child][children]
//! leaf     [key]...
//! ```
//!
//! A leaf has 760 bytes, to fit an allocator's class of 768, and its scores stand together, so that a search compares
//! numbers in a few cache lines and looks at a member only where scores are equal.
//!
//! # Occupancy
//!
//! All changes of shape are one operation: [`Node::share`] moves keys between neighbours until the left one has as many
//! as it should. A full node first shares with a neighbour that has room, and is split only if there is none: that is
//! what keeps leaves about five sixths full under random insertions. Insertions at either end of the
//! sequence, as with timestamps, leave full nodes behind. A node that falls below a quarter is joined with
//! a neighbour, or shares with it.

mod node;
mod run;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::records::Slot;
use crate::relocate::Relocator;
use node::{End, Inner, Node, SPARSE};
use run::{CAPACITY, Run};

pub(super) use run::Key;

/// A sequence of keys.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Node,
    len: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: Node::Leaf(Box::default()), len: 0 }
    }
}

impl Tree {
    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many bytes the tree holds of the heap.
    pub(super) fn memory(&self) -> usize {
        self.root.memory()
    }

    /// About how many allocations there are.
    pub(super) fn allocations(&self) -> usize {
        1 + self.len / (CAPACITY / 2)
    }

    /// How many keys have slots that `before` holds for, which must be a first part of the sequence.
    pub(super) fn partition_point(&self, mut before: impl FnMut(Slot) -> bool) -> usize {
        self.search(|run| run.partition_point_by_slot(0..run.len(), &mut before))
    }

    /// How many keys have scores that `before` holds for, which must be a first part of the sequence.
    pub(super) fn partition_point_by_score(&self, mut before: impl FnMut(f64) -> bool) -> usize {
        self.search(|run| run.partition_point_by_score(|score| before(*score)))
    }

    /// How many keys have a lower score than this, or this score and a slot that `before` holds for.
    pub(super) fn place(&self, score: f64, mut before: impl FnMut(Slot) -> bool) -> usize {
        self.search(|run| {
            let start = run.partition_point_by_score(|other| *other < score);
            if start == run.len() || run.get(start).score != score {
                return start;
            }
            let end = run.partition_point_by_score(|other| *other <= score);
            run.partition_point_by_slot(start..end, &mut before)
        })
    }

    /// How many keys come before a place, given how many keys of a run do.
    fn search(&self, mut before: impl FnMut(&Run) -> usize) -> usize {
        let mut passed = 0;
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(run) => return passed + before(run),
                Node::Inner(inner) => {
                    let Some(child) = before(&inner.firsts).checked_sub(1) else {
                        return passed;
                    };
                    passed += inner.counts[..child].iter().map(|count| *count as usize).sum::<usize>();
                    node = &inner.children[child];
                }
            }
        }
    }

    /// The leaf with the key of this rank, which exists, and the place there.
    fn leaf(&self, mut rank: usize) -> (&Run, usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(run) => return (run, rank),
                Node::Inner(inner) => {
                    let (child, rest) = inner.child_with(rank);
                    (node, rank) = (&inner.children[child], rest);
                }
            }
        }
    }

    /// Moves the leaf with the key of this rank, and what is above it, if that is wanted. Answers how many keys there are
    /// from that rank to the end of the leaf, 0 if the rank is beyond the last.
    pub(super) fn relocate(&mut self, mut rank: usize, relocator: &mut Relocator<'_>) -> usize {
        if rank >= self.len {
            return 0;
        }
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Leaf(run) => {
                    relocator.boxed(run);
                    return run.len() - rank;
                }
                Node::Inner(inner) => {
                    relocator.boxed(inner);
                    relocator.vec(&mut inner.counts);
                    relocator.vec(&mut inner.children);
                    let (child, rest) = inner.child_with(rank);
                    (node, rank) = (&mut inner.children[child], rest);
                }
            }
        }
    }

    /// The keys of these ranks, which exist.
    pub(super) fn range(&self, ranks: Range<usize>) -> Keys<'_> {
        let run = match &self.root {
            Node::Leaf(run) => run,
            Node::Inner(inner) => &inner.firsts,
        };
        Keys { tree: self, ranks, front: (run, 0..0), back: (run, 0..0) }
    }

    /// Puts a key before the one of this rank, or at the end.
    pub(super) fn insert(&mut self, mut rank: usize, key: Key) {
        let end = match rank {
            _ if rank == self.len => End::Last,
            0 => End::First,
            _ => End::Neither,
        };
        if self.root.len() == CAPACITY {
            let old = std::mem::replace(&mut self.root, Node::Inner(Box::new(Inner::new())));
            if let Node::Inner(root) = &mut self.root {
                root.insert_child(0, old);
            }
        }
        self.len += 1;
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Leaf(run) => return run.insert(rank, key),
                Node::Inner(inner) => {
                    let (mut child, mut rest) = inner.child_for(rank);
                    if inner.children[child].len() == CAPACITY {
                        inner.make_room(child, end);
                        (child, rest) = inner.child_for(rank);
                    }
                    inner.counts[child] += 1;
                    if rest == 0 {
                        inner.firsts.set(child, key);
                    }
                    (node, rank) = (&mut inner.children[child], rest);
                }
            }
        }
    }

    /// Replaces the key of this rank, which exists.
    pub(super) fn set(&mut self, mut rank: usize, key: Key) {
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Leaf(run) => return run.set(rank, key),
                Node::Inner(inner) => {
                    let (child, rest) = inner.child_with(rank);
                    if rest == 0 {
                        inner.firsts.set(child, key);
                    }
                    (node, rank) = (&mut inner.children[child], rest);
                }
            }
        }
    }

    /// Removes the key of this rank, which exists.
    pub(super) fn remove(&mut self, rank: usize) -> Key {
        fn remove(node: &mut Node, rank: usize) -> Key {
            match node {
                Node::Leaf(run) => run.remove(rank),
                Node::Inner(inner) => {
                    let (child, rest) = inner.child_with(rank);
                    let below = &mut inner.children[child];
                    let key = remove(below, rest);
                    inner.counts[child] -= 1;
                    if below.len() < SPARSE {
                        inner.relieve(child);
                    } else if rest == 0 {
                        inner.firsts.set(child, below.first());
                    }
                    key
                }
            }
        }
        let key = remove(&mut self.root, rank);
        self.len -= 1;
        if let Node::Inner(inner) = &mut self.root
            && inner.children.len() == 1
            && let Some(only) = inner.children.pop()
        {
            self.root = only;
        }
        key
    }
}

/// Keys in order, from either end. Leaves are found by rank, one descent for each.
#[derive(Clone)]
pub(super) struct Keys<'a> {
    tree: &'a Tree,
    /// What is left.
    ranks: Range<usize>,
    /// A leaf, and what of it lies ahead of `ranks.start`.
    front: (&'a Run, Range<usize>),
    /// A leaf, and what of it lies before `ranks.end`.
    back: (&'a Run, Range<usize>),
}

impl Iterator for Keys<'_> {
    type Item = Key;

    #[inline]
    fn next(&mut self) -> Option<Key> {
        let rank = self.ranks.next()?;
        let (run, places) = &mut self.front;
        let place = places.next().unwrap_or_else(|| {
            let (leaf, place) = self.tree.leaf(rank);
            (*run, *places) = (leaf, place + 1..leaf.len());
            place
        });
        Some(run.get(place))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Keys<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Key> {
        let rank = self.ranks.next_back()?;
        let (run, places) = &mut self.back;
        let place = places.next_back().unwrap_or_else(|| {
            let (leaf, place) = self.tree.leaf(rank);
            (*run, *places) = (leaf, 0..place);
            place
        });
        Some(run.get(place))
    }
}
