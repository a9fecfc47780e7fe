//! When the members of a collection end: the one index of deadlines, whatever the collection.
//!
//! A member knows its own deadline (its entry says it), and [`Deadlines`] has those of a collection in their order. So what
//! is due is found without a look at what is not, in logarithmic time for each, and the next deadline is known at any
//! moment. A member is named by the hash by which its table finds it, so that nothing is kept twice: a deadline
//! takes 16 bytes here, some 24 with the tree around it. Members without one are not here, and a collection of such
//! members holds a null pointer.
//!
//! Members with the same hash and the same deadline share a place; [`MemberTable`](super::member_table::MemberTable) keeps
//! it until the last of them is gone.

use std::collections::BTreeSet;

use crate::table::NO_DEADLINE;

/// About how many bytes of the tree an element takes: leaves of eleven, about two thirds full, and the nodes above.
const ELEMENT: usize = 24;
/// The least that the tree takes: its head and one leaf.
const TREE: usize = size_of::<Tree>() + 192;

type Tree = BTreeSet<(u64, u64)>;

/// Deadlines with the hashes of the members that end then, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines(Option<Box<Tree>>);

impl Deadlines {
    /// Whether no member ends by itself.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The first deadline and the hash of a member that ends then.
    pub(super) fn first(&self) -> Option<(u64, u64)> {
        self.0.as_ref()?.first().copied()
    }

    /// The first deadline; [`NO_DEADLINE`] if no member ends by itself.
    #[inline]
    pub(super) fn next(&self) -> u64 {
        if self.is_empty() { NO_DEADLINE } else { self.first().map_or(NO_DEADLINE, |(deadline, _)| deadline) }
    }

    /// How many bytes the index holds of the heap.
    pub(super) fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |tree| TREE.max(size_of::<Tree>() + tree.len() * ELEMENT))
    }

    /// Notes that a member of that hash ends then, if it does.
    #[inline]
    pub(super) fn insert(&mut self, deadline: u64, hash: u64) {
        if deadline != NO_DEADLINE {
            self.0.get_or_insert_default().insert((deadline, hash));
        }
    }

    /// Notes that no member of that hash ends then any more.
    #[inline]
    pub(super) fn remove(&mut self, deadline: u64, hash: u64) {
        if deadline != NO_DEADLINE
            && let Some(tree) = &mut self.0
        {
            tree.remove(&(deadline, hash));
            if tree.is_empty() {
                self.0 = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_is_first_and_nothing_is_left_of_nothing() {
        let mut deadlines = Deadlines::default();
        assert_eq!((size_of::<Deadlines>(), deadlines.memory(), deadlines.next()), (8, 0, NO_DEADLINE));
        deadlines.insert(NO_DEADLINE, 1);
        assert!(deadlines.is_empty());
        for (deadline, hash) in [(7, 1), (5, 9), (5, 2), (0, 3)] {
            deadlines.insert(deadline, hash);
        }
        assert!(deadlines.memory() >= TREE);
        let mut order = Vec::new();
        while let Some((deadline, hash)) = deadlines.first() {
            assert_eq!(deadlines.next(), deadline);
            deadlines.remove(deadline, hash);
            order.push((deadline, hash));
        }
        assert_eq!(order, [(0, 3), (5, 2), (5, 9), (7, 1)]);
        deadlines.remove(5, 2);
        assert_eq!((deadlines.is_empty(), deadlines.memory()), (true, 0));
    }
}
