//! The members of a large sorted set: records, an index that finds them by name, and a tree that has them in order.
//!
//! A member costs, in a set of a million: its record (29 bytes for one of 16 bytes, rounded to 32), four bytes of the index,
//! and about fifteen of the tree, where its score stands a second time next to the number of its record. A
//! skip list takes 80 and more. There are few allocations and all of them small: nothing pauses to grow, and
//! freeing is quick. Where members were removed, up to three quarters of the records' places may be free for the next ones.

use std::ops::Range;

use super::index::Index;
use super::records::{Records, Slot};
use super::tree::{Key, Keys, Tree};
use crate::hash::hash;
use crate::relocate::Relocator;

/// The members of a large sorted set.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    records: Records,
    index: Index,
    tree: Tree,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    /// How many bytes it holds of the heap.
    pub(super) fn memory(&self) -> usize {
        self.records.memory() + self.index.memory() + self.tree.memory()
    }

    pub(super) fn free_effort(&self) -> usize {
        self.records.allocations() + self.index.allocations() + self.tree.allocations()
    }

    /// One step of the walk that moves what is wanted elsewhere: first through the records, then through the index, then
    /// through the tree. Answers where to go on, 0 at the end.
    pub(super) fn relocate(&mut self, place: u64, relocator: &mut Relocator<'_>) -> u64 {
        let (chunks, pages) = (self.records.chunk_count(), self.index.allocations());
        let at = place as usize;
        if at < chunks {
            self.records.relocate(at, relocator);
            return place + 1;
        }
        if at < chunks + pages {
            self.index.relocate(at - chunks, relocator);
            return place + 1;
        }
        match self.tree.relocate(at - chunks - pages, relocator) {
            0 => 0,
            passed => place + passed as u64,
        }
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        let slot = self.index.find(&self.records, hash(member), member)?;
        Some(self.records.score(slot))
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.place(score, member), score))
    }

    /// How many members come before this one, which need not be there.
    fn place(&self, score: f64, member: &[u8]) -> usize {
        self.tree.place(score, |slot| self.records.member(slot) < member)
    }

    pub(super) fn partition_point(&self, mut before: impl FnMut(&[u8], f64) -> bool) -> usize {
        self.tree.partition_point(|slot| before(self.records.member(slot), self.records.score(slot)))
    }

    pub(super) fn partition_point_by_score(&self, before: impl FnMut(f64) -> bool) -> usize {
        self.tree.partition_point_by_score(before)
    }

    /// The members of ranks that exist.
    pub(super) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter { records: &self.records, keys: self.tree.range(ranks) }
    }

    pub(super) fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        let (found, next) = self.records.scan(cursor);
        if let Some(slot) = found {
            visit(self.records.member(slot), self.records.score(slot));
        }
        next
    }

    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        self.update(member, |_| Some(score))
    }

    pub(super) fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Option<f64> {
        let hash = hash(member);
        let found = self.index.find(&self.records, hash, member);
        let old = found.map(|slot| self.records.score(slot));
        if let Some(score) = decide(old) {
            match found {
                Some(slot) => self.set_score(slot, member, score),
                None => {
                    let rank = self.place(score, member);
                    let slot = self.records.insert(member, score);
                    self.index.insert_new(&mut self.records, hash, slot);
                    self.tree.insert(rank, Key { score, slot });
                }
            }
        }
        old
    }

    /// Gives a member that is there another score.
    fn set_score(&mut self, slot: Slot, member: &[u8], score: f64) {
        let old = self.records.score(slot);
        if old != score {
            let rank = self.place(old, member);
            // It counts itself if it moves towards the end.
            let new_rank = self.place(score, member) - usize::from(old < score);
            self.records.set_score(slot, score);
            let key = Key { score, slot };
            if new_rank == rank {
                self.tree.set(rank, key);
            } else {
                self.tree.remove(rank);
                self.tree.insert(new_rank, key);
            }
        }
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = hash(member);
        let slot = self.index.find(&self.records, hash, member)?;
        let score = self.records.score(slot);
        self.tree.remove(self.place(score, member));
        self.forget(slot, hash);
        Some(score)
    }

    pub(super) fn remove_range(&mut self, ranks: Range<usize>) {
        if ranks.len() == self.len() {
            *self = Self::default();
            return;
        }
        for _ in ranks.clone() {
            let Key { slot, .. } = self.tree.remove(ranks.start);
            self.forget(slot, hash(self.records.member(slot)));
            let left = self.tree.range(0..self.len());
            match ranks.start {
                0 => self.look_ahead(left),
                start if start == self.len() => self.look_ahead(left.rev()),
                _ => {}
            }
        }
    }

    /// Asks the processor for what the next removals will need, when members are removed in order from either end: most of
    /// such a removal is waiting for memory otherwise. `keys` are those that are left, from that end.
    fn look_ahead(&self, mut keys: impl Iterator<Item = Key>) {
        if let (Some(next), Some(later)) = (keys.nth(1), keys.next()) {
            // Its record was asked for at the last removal.
            self.index.prefetch(hash(self.records.member(next.slot)));
            self.records.prefetch(later.slot);
        }
    }

    /// Removes what the tree no longer has, given its hash.
    fn forget(&mut self, slot: Slot, hash_of_it: u64) {
        let Self { records, index, tree } = self;
        index.remove(records, hash_of_it, slot);
        records.remove(slot, |records, from, to| {
            let (member, score) = (records.member(from), records.score(from));
            let rank = tree.place(score, |slot| records.member(slot) < member);
            tree.set(rank, Key { score, slot: to });
            index.redirect(records, hash(member), from, Some(to));
        });
    }
}

/// Members with their scores, in order, from either end.
#[derive(Clone)]
pub(super) struct Iter<'a> {
    records: &'a Records,
    keys: Keys<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.keys.next().map(|key| (self.records.member(key.slot), key.score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.keys.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.keys.next_back().map(|key| (self.records.member(key.slot), key.score))
    }
}
