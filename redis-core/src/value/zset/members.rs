//! The members of a large sorted set, in a sorted vector.

use std::ops::Range;

use super::compare;

/// The members of a large sorted set.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    sorted: Vec<(f64, Box<[u8]>)>,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.sorted.iter().map(|(_, member)| 24 + member.len()).sum::<usize>()
    }

    pub(super) fn free_effort(&self) -> usize {
        self.len()
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let rank = self.sorted.iter().position(|entry| *entry.1 == *member)?;
        Some((rank, self.sorted[rank].0))
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.rank(member).map(|(_, score)| score)
    }

    pub(super) fn partition_point(&self, mut before: impl FnMut(&[u8], f64) -> bool) -> usize {
        self.sorted.partition_point(|(score, member)| before(member, *score))
    }

    pub(super) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter { entries: self.sorted[ranks].iter() }
    }

    pub(super) fn scan(&self, _: u64, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        self.sorted.iter().for_each(|(score, member)| visit(member, *score));
        0
    }

    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = match self.rank(member) {
            Some((_, old)) if old == score => return Some(old),
            Some((rank, old)) => {
                self.sorted.remove(rank);
                Some(old)
            }
            None => None,
        };
        let rank = self.partition_point(|other, other_score| compare((other_score, other), (score, member)).is_lt());
        self.sorted.insert(rank, (score, member.into()));
        old
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (rank, score) = self.rank(member)?;
        self.sorted.remove(rank);
        Some(score)
    }

    pub(super) fn remove_range(&mut self, ranks: Range<usize>) {
        self.sorted.drain(ranks);
    }
}

/// Members with their scores.
#[derive(Clone)]
pub(super) struct Iter<'a> {
    entries: std::slice::Iter<'a, (f64, Box<[u8]>)>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(score, member)| (&**member, *score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entries.next_back().map(|(score, member)| (&**member, *score))
    }
}
