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

use std::ops::Range;

use super::records::Slot;

/// How many keys a leaf may have, and how many children an inner node.
const CAPACITY: usize = 63;

/// What removals must leave in a node. Only a node at either end of the tree may have less, because of [`EDGE`].
const SPARSE: usize = CAPACITY / 4;

/// Two neighbours are joined if they have together no more than this.
const JOINED: usize = CAPACITY * 3 / 4;

/// A neighbour with no more than this has room to share.
const ROOMY: usize = CAPACITY - CAPACITY / 8;

/// What is split off from a full node when keys are added at the end.
const EDGE: usize = 2;

/// An element of the sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) score: f64,
    pub(super) slot: Slot,
}

/// Up to [`CAPACITY`] keys.
#[derive(Clone, Debug)]
struct Run {
    len: u16,
    slots: [Slot; CAPACITY],
    scores: [f64; CAPACITY],
}

impl Run {
    fn new() -> Self {
        Self { len: 0, slots: [Slot::NONE; CAPACITY], scores: [0.0; CAPACITY] }
    }

    fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn get(&self, at: usize) -> Key {
        Key { score: self.scores[at], slot: self.slots[at] }
    }

    fn set(&mut self, at: usize, key: Key) {
        self.slots[at] = key.slot;
        self.scores[at] = key.score;
    }

    fn insert(&mut self, at: usize, key: Key) {
        let len = self.len();
        self.slots.copy_within(at..len, at + 1);
        self.scores.copy_within(at..len, at + 1);
        self.len += 1;
        self.set(at, key);
    }

    fn remove(&mut self, at: usize) -> Key {
        let key = self.get(at);
        let len = self.len();
        self.slots.copy_within(at + 1..len, at);
        self.scores.copy_within(at + 1..len, at);
        self.len -= 1;
        key
    }

    /// How many keys have scores that `before` holds for.
    #[inline]
    fn partition_point_by_score(&self, before: impl FnMut(&f64) -> bool) -> usize {
        self.scores[..self.len()].partition_point(before)
    }

    /// How many of the slots at these places `before` holds for, and all before them.
    #[inline]
    fn partition_point_by_slot(&self, places: Range<usize>, mut before: impl FnMut(Slot) -> bool) -> usize {
        // Unlike the library's search this one branches: it waits for a record at every step, and a processor that guesses
        // the way right half of the time has fetched the next one by then.
        let Range { start: mut low, end: mut high } = places;
        while low < high {
            let middle = (low + high) / 2;
            if before(self.slots[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Moves keys between this and the next run until this one has `len`.
    fn share(&mut self, right: &mut Self, len: usize) {
        let (own, other) = (self.len(), right.len());
        if own > len {
            let moved = own - len;
            right.slots.copy_within(..other, moved);
            right.scores.copy_within(..other, moved);
            right.slots[..moved].copy_from_slice(&self.slots[len..own]);
            right.scores[..moved].copy_from_slice(&self.scores[len..own]);
        } else {
            let moved = len - own;
            self.slots[own..len].copy_from_slice(&right.slots[..moved]);
            self.scores[own..len].copy_from_slice(&right.scores[..moved]);
            right.slots.copy_within(moved..other, 0);
            right.scores.copy_within(moved..other, 0);
        }
        self.len = len as u16;
        right.len = (own + other - len) as u16;
    }
}

#[derive(Clone, Debug)]
struct Inner {
    /// The first key below each child.
    firsts: Run,
    /// How many keys are below each child.
    counts: Vec<u32>,
    children: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Box<Run>),
    Inner(Box<Inner>),
}

impl Node {
    /// How many keys a leaf, how many children an inner node has.
    fn len(&self) -> usize {
        match self {
            Self::Leaf(run) => run.len(),
            Self::Inner(inner) => inner.firsts.len(),
        }
    }

    /// How many keys are in or below the node.
    fn count(&self) -> u32 {
        match self {
            Self::Leaf(run) => u32::from(run.len),
            Self::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    fn first(&self) -> Key {
        match self {
            Self::Leaf(run) => run.get(0),
            Self::Inner(inner) => inner.firsts.get(0),
        }
    }

    /// A node of the same level with nothing in it.
    fn empty_sibling(&self) -> Self {
        match self {
            Self::Leaf(_) => Self::Leaf(Box::new(Run::new())),
            Self::Inner(_) => Self::Inner(Box::new(Inner::new())),
        }
    }

    /// Moves keys or children between this and the next node until this one has `len`.
    fn share(&mut self, right: &mut Self, len: usize) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.share(right, len),
            (Self::Inner(left), Self::Inner(right)) => {
                left.firsts.share(&mut right.firsts, len);
                share_vec(&mut left.counts, &mut right.counts, len);
                share_vec(&mut left.children, &mut right.children, len);
            }
            _ => unreachable!("all leaves are at the same depth"),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Leaf(_) => size_of::<Run>(),
            Self::Inner(inner) => {
                size_of::<Inner>()
                    + inner.counts.capacity() * size_of::<u32>()
                    + inner.children.capacity() * size_of::<Self>()
                    + inner.children.iter().map(Self::memory).sum::<usize>()
            }
        }
    }
}

fn share_vec<T>(left: &mut Vec<T>, right: &mut Vec<T>, len: usize) {
    if left.len() > len {
        right.splice(..0, left.drain(len..));
    } else {
        let moved = len - left.len();
        left.extend(right.drain(..moved));
    }
}

impl Inner {
    fn new() -> Self {
        Self { firsts: Run::new(), counts: Vec::new(), children: Vec::new() }
    }

    /// The child with the key of this rank, and the rank there.
    fn child_with(&self, mut rank: usize) -> (usize, usize) {
        for (index, &count) in self.counts.iter().enumerate() {
            if rank < count as usize {
                return (index, rank);
            }
            rank -= count as usize;
        }
        panic!("a rank beyond the last");
    }

    /// The child where a key is put that shall have this rank, and the rank there.
    fn child_for(&self, rank: usize) -> (usize, usize) {
        // At a border the child before it is better: it keeps its first key.
        match rank.checked_sub(1) {
            Some(previous) => {
                let (child, rest) = self.child_with(previous);
                (child, rest + 1)
            }
            None => (0, 0),
        }
    }

    fn insert_child(&mut self, at: usize, child: Node) {
        self.firsts.insert(at, child.first());
        self.counts.insert(at, child.count());
        self.children.insert(at, child);
    }

    fn remove_child(&mut self, at: usize) {
        self.firsts.remove(at);
        self.counts.remove(at);
        self.children.remove(at);
    }

    /// Notes again what a child has.
    fn note(&mut self, at: usize) {
        self.firsts.set(at, self.children[at].first());
        self.counts[at] = self.children[at].count();
    }

    /// Lets the child `left` and the next one share so that `left` has `len`.
    fn share(&mut self, left: usize, len: usize) {
        let [one, other] = &mut self.children[left..left + 2] else {
            unreachable!("two elements make a slice of two");
        };
        one.share(other, len);
    }

    /// Makes room in a child that is full, for a key that comes at the given end of the whole sequence or anywhere.
    fn make_room(&mut self, full: usize, end: End) {
        let has_room = |neighbour: usize| self.children.get(neighbour).is_some_and(|child| child.len() <= ROOMY);
        let left = match full.checked_sub(1) {
            Some(left) if end == End::Neither && has_room(left) => Some(left),
            _ if end == End::Neither && has_room(full + 1) => Some(full),
            _ => None,
        };
        if let Some(left) = left {
            let len = self.children[left].len() + self.children[left + 1].len();
            self.share(left, len / 2);
            self.note(left);
            self.note(left + 1);
            return;
        }
        let kept = match end {
            End::First => EDGE,
            End::Last => CAPACITY - EDGE,
            End::Neither => CAPACITY / 2,
        };
        let mut right = self.children[full].empty_sibling();
        self.children[full].share(&mut right, kept);
        self.note(full);
        self.insert_child(full + 1, right);
    }

    /// Joins a child that has become sparse with a neighbour, or lets it share.
    fn relieve(&mut self, sparse: usize) {
        let left = if sparse + 1 < self.children.len() { sparse } else { sparse - 1 };
        let len = self.children[left].len() + self.children[left + 1].len();
        if len <= JOINED {
            self.share(left, len);
            self.remove_child(left + 1);
        } else {
            self.share(left, len / 2);
            self.note(left + 1);
        }
        self.note(left);
    }
}

/// Where a key is inserted in the whole sequence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
    Neither,
}

/// A sequence of keys.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Node,
    len: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: Node::Leaf(Box::new(Run::new())), len: 0 }
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
            if start == run.len() || run.scores[start] != score {
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
                    let key = remove(&mut inner.children[child], rest);
                    inner.counts[child] -= 1;
                    if inner.children[child].len() < SPARSE {
                        inner.relieve(child);
                    } else if rest == 0 {
                        inner.note(child);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::below;

    impl Node {
        /// Checks all that must be true below, and appends the keys. Returns the depth.
        fn check(&self, at_end: [bool; 2], is_root: bool, keys: &mut Vec<Key>) -> usize {
            assert!(self.len() <= CAPACITY);
            let least = if is_root {
                0
            } else if at_end.contains(&true) {
                EDGE
            } else {
                SPARSE
            };
            assert!(self.len() >= least, "{} keys or children", self.len());
            match self {
                Self::Leaf(run) => {
                    keys.extend((0..run.len()).map(|at| run.get(at)));
                    1
                }
                Self::Inner(inner) => {
                    let len = inner.firsts.len();
                    assert!(len >= 2);
                    assert_eq!((inner.counts.len(), inner.children.len()), (len, len));
                    let depths: Vec<_> = (0..len)
                        .map(|at| {
                            let before = keys.len();
                            let child = &inner.children[at];
                            let at_end = [at_end[0] && at == 0, at_end[1] && at == len - 1];
                            let depth = child.check(at_end, false, keys);
                            assert_eq!(inner.counts[at] as usize, keys.len() - before);
                            assert_eq!(inner.firsts.get(at), keys[before]);
                            depth
                        })
                        .collect();
                    assert!(depths.iter().all(|depth| *depth == depths[0]));
                    1 + depths[0]
                }
            }
        }
    }

    fn key(number: usize) -> Key {
        Key { score: number as f64, slot: Slot::numbered(number as u32) }
    }

    fn check(tree: &Tree, model: &[Key]) {
        let mut keys = Vec::new();
        tree.root.check([true; 2], true, &mut keys);
        assert_eq!(keys, model);
        assert_eq!(tree.len(), model.len());
        assert!(tree.range(0..model.len()).eq(model.iter().copied()));
        assert!(tree.range(0..model.len()).rev().eq(model.iter().rev().copied()));
    }

    /// Keys per place for keys in the leaves.
    fn occupancy(tree: &Tree) -> f64 {
        fn leaves(node: &Node) -> usize {
            match node {
                Node::Leaf(_) => 1,
                Node::Inner(inner) => inner.children.iter().map(leaves).sum(),
            }
        }
        tree.len() as f64 / (leaves(&tree.root) * CAPACITY) as f64
    }

    #[test]
    fn a_leaf_fits_its_class() {
        assert_eq!(size_of::<Run>(), 760);
    }

    #[test]
    fn the_tree_does_what_a_vector_does() {
        for growth in [55, 70, 95] {
            let (mut tree, mut model) = (Tree::default(), Vec::new());
            // It grows, and shrinks to nothing.
            for step in 0..12_000 {
                let grows = below(100) < if step < 6_000 { growth } else { 100 - growth };
                if grows {
                    let rank = match step % 3 {
                        0 => below(model.len() + 1),
                        1 => model.len(),
                        _ => below(model.len() + 1).min(below(20)),
                    };
                    tree.insert(rank, key(step));
                    model.insert(rank, key(step));
                } else if !model.is_empty() {
                    let rank = if step % 2 == 0 { 0 } else { below(model.len()) };
                    assert_eq!(tree.remove(rank), model.remove(rank));
                }
                if !model.is_empty() && step % 5 == 0 {
                    let rank = below(model.len());
                    tree.set(rank, key(step));
                    model[rank] = key(step);
                }
                if step % 100 == 0 {
                    check(&tree, &model);
                }
            }
            while !model.is_empty() {
                let rank = below(model.len());
                assert_eq!(tree.remove(rank), model.remove(rank));
            }
            check(&tree, &model);
        }
    }

    #[test]
    fn sorted_keys_are_found_by_halves() {
        let mut tree = Tree::default();
        (0..10_000).for_each(|number| tree.insert(number, key(2 * number)));
        for number in [0_usize, 1, 2, 63, 64, 5_000, 19_997, 19_998, 19_999, 30_000] {
            let expected = number.div_ceil(2).min(10_000);
            assert_eq!(tree.partition_point_by_score(|score| score < number as f64), expected);
        }
        let (mut keys, mut both) = (tree.range(100..9_900), Vec::new());
        while let (Some(first), Some(last)) = (keys.next(), keys.next_back()) {
            both.push(last.score - first.score);
        }
        assert_eq!((both.len(), both[0], both[4_899]), (4_900, 19_598.0, 2.0));
    }

    #[test]
    fn leaves_are_well_filled() {
        let (mut ascending, mut descending, mut random) = (Tree::default(), Tree::default(), Tree::default());
        for number in 0..50_000 {
            ascending.insert(number, key(number));
            descending.insert(0, key(number));
            random.insert(below(number + 1), key(number));
        }
        let occupancies = [&ascending, &descending, &random].map(occupancy);
        assert!(occupancies[0] > 0.95 && occupancies[1] > 0.95 && occupancies[2] > 0.8, "{occupancies:?}");
    }
}
