//! The nodes of the tree, and how neighbours share what they have.

use super::run::{CAPACITY, Key, Run};

/// What removals must leave in a node. Only a node at either end of the tree may have less, because of [`EDGE`].
pub(super) const SPARSE: usize = CAPACITY / 4;

/// Two neighbours are joined if they have together no more than this.
const JOINED: usize = CAPACITY * 3 / 4;

/// A neighbour with no more than this has room to share.
const ROOMY: usize = CAPACITY - CAPACITY / 8;

/// What is split off from a full node when keys are added at the end.
pub(super) const EDGE: usize = 2;

#[derive(Clone, Debug, Default)]
pub(super) struct Inner {
    /// The first key below each child.
    pub(super) firsts: Run,
    /// How many keys are below each child.
    pub(super) counts: Vec<u32>,
    pub(super) children: Vec<Node>,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf(Box<Run>),
    Inner(Box<Inner>),
}

impl Node {
    /// How many keys a leaf, how many children an inner node has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaf(run) => run.len(),
            Self::Inner(inner) => inner.firsts.len(),
        }
    }

    /// How many keys are in or below the node.
    fn count(&self) -> u32 {
        match self {
            Self::Leaf(run) => run.len() as u32,
            Self::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    pub(super) fn first(&self) -> Key {
        match self {
            Self::Leaf(run) => run.get(0),
            Self::Inner(inner) => inner.firsts.get(0),
        }
    }

    /// A node of the same level with nothing in it.
    fn empty_sibling(&self) -> Self {
        match self {
            Self::Leaf(_) => Self::Leaf(Box::default()),
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

    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Leaf(_) => size_of::<Run>(),
            Self::Inner(inner) => {
                size_of::<Inner>()
                    + inner.counts.capacity() * size_of::<u32>()
                    + inner.children.capacity() * size_of::<Self>()
                    + match &inner.children[..] {
                        // Leaves are all alike. There are many of them, and who asks must not wait for a look at each.
                        leaves @ [Self::Leaf(_), ..] => size_of::<Run>() * leaves.len(),
                        inner => inner.iter().map(Self::memory).sum(),
                    }
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
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The child with the key of this rank, and the rank there.
    pub(super) fn child_with(&self, mut rank: usize) -> (usize, usize) {
        for (index, &count) in self.counts.iter().enumerate() {
            if rank < count as usize {
                return (index, rank);
            }
            rank -= count as usize;
        }
        panic!("a rank beyond the last");
    }

    /// The child where a key is put that shall have this rank, and the rank there.
    pub(super) fn child_for(&self, rank: usize) -> (usize, usize) {
        // At a border the child before it is better: it keeps its first key.
        match rank.checked_sub(1) {
            Some(previous) => {
                let (child, rest) = self.child_with(previous);
                (child, rest + 1)
            }
            None => (0, 0),
        }
    }

    pub(super) fn insert_child(&mut self, at: usize, child: Node) {
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
    pub(super) fn note(&mut self, at: usize) {
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
    pub(super) fn make_room(&mut self, full: usize, end: End) {
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
    pub(super) fn relieve(&mut self, sparse: usize) {
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
pub(super) enum End {
    First,
    Last,
    Neither,
}
