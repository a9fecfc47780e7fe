//! From a member to its record: a hash index that costs four bytes for each member and never pauses to grow.
//!
//! There is one *head* for each member, a slot where a chain of records begins that goes on through their `next`. It is
//! linear hashing: with every insertion one head is added at the end, and of the heads there are, the next in turn has
//! its chain divided between itself and the new one. So the index grows with the set, one short chain at a
//! time, and shrinks in the same way backwards.
//!
//! The heads stand in pages, so that growing never copies more than a list of pages.

use super::records::{Records, Slot};
use crate::hash::hash;
use crate::prefetch::prefetch;
use crate::relocate::Relocator;

const PAGE: usize = 256;

/// How many heads before it is removed the first record of a head is fetched.
const AHEAD: usize = 4;

/// Chains of records, found by the hashes of their members.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    #[expect(clippy::vec_box, reason = "pages must not be copied when there are more of them")]
    pages: Vec<Box<[Slot; PAGE]>>,
    /// How many heads there are.
    heads: usize,
    /// How many records are in chains.
    len: usize,
}

impl Index {
    /// How many bytes the index holds of the heap.
    pub(super) fn memory(&self) -> usize {
        self.pages.capacity() * size_of::<usize>() + self.allocations() * size_of::<[Slot; PAGE]>()
    }

    /// About how many allocations there are.
    pub(super) fn allocations(&self) -> usize {
        self.pages.len()
    }

    /// Moves a page, if that is wanted.
    pub(super) fn relocate(&mut self, page: usize, relocator: &mut Relocator<'_>) {
        let page = &mut self.pages[page];
        if relocator.wants(page.as_ptr()) {
            *page = page.clone();
        }
    }

    /// The head of a hash. There must be heads.
    fn head_of(&self, hash: u64) -> usize {
        // The heads from a power of two on are taken from those before it, in turn; whose turn has not come keep all.
        let mask = self.heads.next_power_of_two() - 1;
        let head = hash as usize & mask;
        if head < self.heads { head } else { head & (mask >> 1) }
    }

    fn first(&self, head: usize) -> Option<Slot> {
        self.pages[head / PAGE][head % PAGE].some()
    }

    fn set_first(&mut self, head: usize, slot: Option<Slot>) {
        self.pages[head / PAGE][head % PAGE] = slot.unwrap_or(Slot::NONE);
    }

    /// Asks the processor to fetch the head of a hash.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        let head = self.head_of(hash);
        prefetch(std::ptr::from_ref(&self.pages[head / PAGE][head % PAGE]).cast());
    }

    /// The record of a member.
    pub(super) fn find(&self, records: &Records, hash: u64, member: &[u8]) -> Option<Slot> {
        if self.heads == 0 {
            return None;
        }
        let mut chain = self.first(self.head_of(hash));
        while let Some(slot) = chain
            && records.member(slot) != member
        {
            chain = records.next(slot);
        }
        chain
    }

    /// Enters a record whose member is known to be absent.
    pub(super) fn insert_new(&mut self, records: &mut Records, hash: u64, slot: Slot) {
        self.len += 1;
        if self.len > self.heads {
            self.add_head(records);
        }
        self.link(records, hash, slot);
    }

    fn link(&mut self, records: &mut Records, hash: u64, slot: Slot) {
        let head = self.head_of(hash);
        records.set_next(slot, self.first(head));
        self.set_first(head, Some(slot));
    }

    /// Takes a record out.
    pub(super) fn remove(&mut self, records: &mut Records, hash: u64, slot: Slot) {
        self.redirect(records, hash, slot, records.next(slot));
        self.len -= 1;
        while self.heads > 2 * self.len {
            self.remove_head(records);
        }
    }

    /// Lets what referred to a record refer to another slot.
    pub(super) fn redirect(&mut self, records: &mut Records, hash: u64, from: Slot, to: Option<Slot>) {
        let head = self.head_of(hash);
        let mut chain = self.first(head);
        if chain == Some(from) {
            return self.set_first(head, to);
        }
        while let Some(slot) = chain {
            chain = records.next(slot);
            if chain == Some(from) {
                return records.set_next(slot, to);
            }
        }
        unreachable!("every record is in the chain of its hash");
    }

    fn add_head(&mut self, records: &mut Records) {
        if self.heads.is_multiple_of(PAGE) {
            self.pages.push(Box::new([Slot::NONE; PAGE]));
        }
        let new = self.heads;
        self.heads += 1;
        if new > 0 {
            let divided = buddy(new);
            let mut chain = self.first(divided);
            self.set_first(divided, None);
            while let Some(slot) = chain {
                chain = records.next(slot);
                self.link(records, hash(records.member(slot)), slot);
            }
        }
    }

    fn remove_head(&mut self, records: &mut Records) {
        self.heads -= 1;
        // A set that shrinks mostly goes on shrinking.
        if let Some(soon) = self.heads.checked_sub(AHEAD).and_then(|head| self.first(head)) {
            records.prefetch(soon);
        }
        let chain = self.first(self.heads);
        if let Some(first) = chain {
            let joined = buddy(self.heads);
            let mut last = first;
            while let Some(next) = records.next(last) {
                last = next;
            }
            records.set_next(last, self.first(joined));
            self.set_first(joined, Some(first));
            self.set_first(self.heads, None);
        }
        if self.heads.is_multiple_of(PAGE) {
            self.pages.pop();
        }
    }
}

/// The head whose chain is divided when this one, which is not the first, is added.
fn buddy(head: usize) -> usize {
    head - (1 << head.ilog2())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rng::below;

    /// Checks that exactly these members are found, and that the heads are in proportion.
    fn check(index: &Index, records: &Records, model: &BTreeMap<u64, Slot>) {
        assert_eq!(index.len, model.len());
        assert!((index.len..=2 * index.len).contains(&index.heads), "{} heads of {}", index.heads, index.len);
        assert_eq!(index.pages.len(), index.heads.div_ceil(PAGE));
        for number in 0..2_000_u64 {
            let member = number.to_le_bytes();
            assert_eq!(index.find(records, hash(&member), &member), model.get(&number).copied());
        }
        let chained: usize = (0..index.heads)
            .map(|head| std::iter::successors(index.first(head), |slot| records.next(*slot)).count())
            .sum();
        assert_eq!(chained, model.len());
    }

    #[test]
    fn the_index_does_what_a_map_does() {
        let (mut index, mut records, mut model) = (Index::default(), Records::default(), BTreeMap::new());
        check(&index, &records, &model);
        for step in 0..12_000 {
            let number = below(2_000) as u64;
            let member = number.to_le_bytes();
            let hashed = hash(&member);
            let grows = below(100) < if step < 6_000 { 80 } else { 10 };
            match model.get(&number).copied() {
                None if grows => {
                    let slot = records.insert(&member, 0.0);
                    index.insert_new(&mut records, hashed, slot);
                    model.insert(number, slot);
                }
                Some(slot) if !grows => {
                    index.remove(&mut records, hashed, slot);
                    model.remove(&number);
                    records.remove(slot, |records, from, to| {
                        index.redirect(records, hash(records.member(from)), from, Some(to));
                        *model.values_mut().find(|slot| **slot == from).expect("it is there") = to;
                    });
                }
                _ => {}
            }
            if step % 500 == 0 {
                check(&index, &records, &model);
            }
        }
        for (number, slot) in model.clone() {
            index.remove(&mut records, hash(&number.to_le_bytes()), slot);
        }
        check(&index, &records, &BTreeMap::new());
    }
}
