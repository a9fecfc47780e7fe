//! A run of keys: what a leaf is, and what an inner node has of its children.

use std::ops::Range;

use crate::value::zset::records::Slot;

/// How many keys a leaf may have, and how many children an inner node.
pub(super) const CAPACITY: usize = 63;

/// An element of the sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::value::zset) struct Key {
    pub(in crate::value::zset) score: f64,
    pub(in crate::value::zset) slot: Slot,
}

/// Up to [`CAPACITY`] keys.
#[derive(Clone, Debug)]
pub(super) struct Run {
    len: u16,
    slots: [Slot; CAPACITY],
    scores: [f64; CAPACITY],
}

impl Default for Run {
    fn default() -> Self {
        Self::new()
    }
}

impl Run {
    pub(super) fn new() -> Self {
        Self { len: 0, slots: [Slot::NONE; CAPACITY], scores: [0.0; CAPACITY] }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Key {
        Key { score: self.scores[at], slot: self.slots[at] }
    }

    pub(super) fn set(&mut self, at: usize, key: Key) {
        self.slots[at] = key.slot;
        self.scores[at] = key.score;
    }

    pub(super) fn insert(&mut self, at: usize, key: Key) {
        let len = self.len();
        self.slots.copy_within(at..len, at + 1);
        self.scores.copy_within(at..len, at + 1);
        self.len += 1;
        self.set(at, key);
    }

    pub(super) fn remove(&mut self, at: usize) -> Key {
        let key = self.get(at);
        let len = self.len();
        self.slots.copy_within(at + 1..len, at);
        self.scores.copy_within(at + 1..len, at);
        self.len -= 1;
        key
    }

    /// How many keys have scores that `before` holds for.
    #[inline]
    pub(super) fn partition_point_by_score(&self, before: impl FnMut(&f64) -> bool) -> usize {
        self.scores[..self.len()].partition_point(before)
    }

    /// How many of the slots at these places `before` holds for, and all before them.
    #[inline]
    pub(super) fn partition_point_by_slot(&self, places: Range<usize>, mut before: impl FnMut(Slot) -> bool) -> usize {
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
    pub(super) fn share(&mut self, right: &mut Self, len: usize) {
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
