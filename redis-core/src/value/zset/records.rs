//! Where the members of a large sorted set live: records side by side in chunks, named by a number of four bytes.
//!
//! Both the index and the tree refer to every member, so what they hold of it should be short. A pointer has eight bytes,
//! and an allocation for each member would add what allocators round up. Here a member is a record in a chunk of
//! records of the same size, and its [`Slot`] says which:
//!
//! ```text
//! record   [score: 8 bytes][next: 4 bytes][length: 1 byte, or 0xFF and 8 bytes][member][up to the stride]
//! chunk    up to 256 records, about 16 KiB, of one stride: multiples of 8 up to 128, then four to each doubling
//! ```
//!
//! So a member of 16 bytes takes 32, and one of 36 bytes 56. A record larger than 16 KiB has a chunk for itself.
//!
//! # Holes
//!
//! The records of one stride, a *class*, stand in a row: all chunks but the last are full. When one is removed, it leaves a
//! *hole*, and the next record that is added goes there, so that a queue which is filled at one end and emptied at the other
//! stays where it is. Holes are chained in both directions through their own bytes, and told from records by a score that
//! is no number:
//!
//! ```text
//! hole     [all ones: 8 bytes][next: 4 bytes][previous: 4 bytes][up to the stride]
//! ```
//!
//! There are never more than three holes for a record in a class, so memory is always in proportion to what is there: a
//! removal that would leave more moves the last record of the class into a hole, and whoever refers to that one is told.
//! In a row of records that have chunks for themselves there are no holes at all, as they may be large.
//!
//! A record only ever moves towards the front of its class. Thus there is a simple cursor for ZSCAN: the classes are gone
//! through downwards, and each from its last place to its first, so that a record that has not been visited stays ahead.
//!
//! The `next` of a record belongs to the index, which chains records.

use crate::prefetch::prefetch;
use crate::relocate::Relocator;
use crate::value::tight;

/// The number of a record: its chunk, and its place in the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

const PLACE_BITS: u32 = 8;

impl Slot {
    /// What is no slot, as there are never so many chunks.
    pub(super) const NONE: Self = Self(u32::MAX);

    fn new(chunk: u32, place: usize) -> Self {
        Self(chunk << PLACE_BITS | place as u32)
    }

    fn chunk(self) -> usize {
        (self.0 >> PLACE_BITS) as usize
    }

    fn place(self) -> usize {
        (self.0 & ((1 << PLACE_BITS) - 1)) as usize
    }

    /// The slot, unless it is none.
    #[inline]
    pub(super) fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }

    /// A slot for tests that have no records.
    #[cfg(test)]
    pub(super) fn numbered(number: u32) -> Self {
        Self(number)
    }
}

const NEXT: usize = 8;
const LENGTH: usize = 12;
const SHORT_MEMBER: usize = 13;
const LONG_MEMBER: usize = 21;

/// Where a hole has the slot of the one before it.
const PREVIOUS: usize = LENGTH;
const HOLE_END: usize = PREVIOUS + 4;

/// What a hole has for a score.
const HOLE: [u8; NEXT] = [0xFF; NEXT];

/// The length byte that says that the length is in the eight bytes that follow.
const LONG: u8 = 0xFF;

/// How many holes there may be for each record of a class. To move a record is the dearest part of a removal: with one hole
/// for each, removing all members of a large set in order took 6 % longer.
const HOLES_PER_RECORD: usize = 3;

const CHUNK_BYTES: usize = 16 * 1024;

/// In a cursor, the bits for a place in a class; the number of the class stands above them.
const CURSOR_BITS: u32 = 40;

/// The number and the stride of the class for records of `size` bytes.
fn class_of(size: usize) -> (u8, usize) {
    if size <= 128 {
        let number = size.div_ceil(8);
        return (number as u8, number * 8);
    }
    let stride = tight::size_class(size);
    let doubling = (size - 1).ilog2() - 7;
    let quarter = (stride >> (doubling + 5)) as u32 - 4;
    ((16 + 4 * doubling + quarter) as u8, stride)
}

/// All records of one stride.
#[derive(Clone, Debug)]
struct Class {
    number: u8,
    stride: usize,
    /// How many records fill a chunk.
    capacity: usize,
    /// How many places there are, with records or holes.
    len: usize,
    holes: usize,
    first_hole: Option<Slot>,
    /// The chunks, all but the last full.
    chunks: Vec<u32>,
}

impl Class {
    fn new(number: u8, stride: usize) -> Self {
        let capacity = (CHUNK_BYTES / stride).clamp(1, 1 << PLACE_BITS);
        Self { number, stride, capacity, len: 0, holes: 0, first_hole: None, chunks: Vec::new() }
    }

    /// Whether there are more holes than there should be.
    fn is_sparse(&self) -> bool {
        let records = self.len - self.holes;
        self.holes > if self.capacity == 1 { 0 } else { HOLES_PER_RECORD * records }
    }

    fn slot(&self, nth: usize) -> Slot {
        Slot::new(self.chunks[nth / self.capacity], nth % self.capacity)
    }
}

#[derive(Clone, Debug)]
struct Chunk {
    bytes: Vec<u8>,
    stride: u32,
    class: u8,
}

/// The members of a sorted set with their scores.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    chunks: Vec<Chunk>,
    /// Ascending by number.
    classes: Vec<Class>,
    /// The numbers of chunks that are not in use.
    free: Vec<u32>,
}

impl Records {
    /// How many chunks there are, those that are not in use included.
    pub(super) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// Moves a chunk, if that is wanted.
    pub(super) fn relocate(&mut self, chunk: usize, relocator: &mut Relocator<'_>) {
        relocator.vec(&mut self.chunks[chunk].bytes);
    }

    /// How many bytes the records hold of the heap.
    pub(super) fn memory(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.capacity()).sum::<usize>()
            + self.chunks.capacity() * size_of::<Chunk>()
            + self.classes.capacity() * size_of::<Class>()
            + self.classes.iter().map(|class| class.chunks.capacity() * size_of::<u32>()).sum::<usize>()
            + self.free.capacity() * size_of::<u32>()
    }

    /// About how many allocations there are.
    pub(super) fn allocations(&self) -> usize {
        self.chunks.len()
    }

    #[inline]
    fn record(&self, slot: Slot) -> &[u8] {
        let chunk = &self.chunks[slot.chunk()];
        &chunk.bytes[slot.place() * chunk.stride as usize..]
    }

    #[inline]
    fn record_mut(&mut self, slot: Slot) -> &mut [u8] {
        let chunk = &mut self.chunks[slot.chunk()];
        &mut chunk.bytes[slot.place() * chunk.stride as usize..]
    }

    /// Asks the processor to fetch a record: where it starts, and its next line, into which most members reach.
    #[inline]
    pub(super) fn prefetch(&self, slot: Slot) {
        let start = self.record(slot).as_ptr();
        prefetch(start);
        prefetch(start.wrapping_add(32));
    }

    #[inline]
    pub(super) fn member(&self, slot: Slot) -> &[u8] {
        let record = self.record(slot);
        match record[LENGTH] {
            LONG => {
                let len = u64::from_le_bytes(bytes_at(record, LENGTH + 1));
                &record[LONG_MEMBER..LONG_MEMBER + len as usize]
            }
            len => &record[SHORT_MEMBER..SHORT_MEMBER + usize::from(len)],
        }
    }

    #[inline]
    pub(super) fn score(&self, slot: Slot) -> f64 {
        f64::from_le_bytes(bytes_at(self.record(slot), 0))
    }

    pub(super) fn set_score(&mut self, slot: Slot, score: f64) {
        self.record_mut(slot)[..NEXT].copy_from_slice(&score.to_le_bytes());
    }

    #[inline]
    pub(super) fn next(&self, slot: Slot) -> Option<Slot> {
        Slot(u32::from_le_bytes(bytes_at(self.record(slot), NEXT))).some()
    }

    pub(super) fn set_next(&mut self, slot: Slot, next: Option<Slot>) {
        self.record_mut(slot)[NEXT..LENGTH].copy_from_slice(&next.unwrap_or(Slot::NONE).0.to_le_bytes());
    }

    fn is_hole(&self, slot: Slot) -> bool {
        self.record(slot).starts_with(&HOLE)
    }

    fn previous(&self, hole: Slot) -> Option<Slot> {
        Slot(u32::from_le_bytes(bytes_at(self.record(hole), PREVIOUS))).some()
    }

    fn set_previous(&mut self, hole: Slot, previous: Option<Slot>) {
        let previous = previous.unwrap_or(Slot::NONE);
        self.record_mut(hole)[PREVIOUS..HOLE_END].copy_from_slice(&previous.0.to_le_bytes());
    }

    /// Makes a hole of a place.
    fn link_hole(&mut self, class: usize, hole: Slot) {
        let class = &mut self.classes[class];
        class.holes += 1;
        let next = class.first_hole.replace(hole);
        self.record_mut(hole)[..NEXT].copy_from_slice(&HOLE);
        self.set_next(hole, next);
        self.set_previous(hole, None);
        if let Some(next) = next {
            self.set_previous(next, Some(hole));
        }
    }

    /// Takes a hole out of the chain, for its place to be filled or dropped.
    fn unlink_hole(&mut self, class: usize, hole: Slot) {
        let (next, previous) = (self.next(hole), self.previous(hole));
        let class = &mut self.classes[class];
        class.holes -= 1;
        match previous {
            Some(previous) => self.set_next(previous, next),
            None => class.first_hole = next,
        }
        if let Some(next) = next {
            self.set_previous(next, previous);
        }
    }

    /// Adds a record.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Slot {
        let long = member.len() >= usize::from(LONG);
        let start = if long { LONG_MEMBER } else { SHORT_MEMBER };
        let (number, stride) = class_of(start + member.len());
        let class = self.classes.binary_search_by_key(&number, |class| class.number).unwrap_or_else(|index| {
            self.classes.insert(index, Class::new(number, stride));
            index
        });
        let slot = match self.classes[class].first_hole {
            Some(hole) => {
                self.unlink_hole(class, hole);
                hole
            }
            None => self.add_place(class),
        };
        let record = self.record_mut(slot);
        record[..NEXT].copy_from_slice(&score.to_le_bytes());
        record[NEXT..LENGTH].copy_from_slice(&Slot::NONE.0.to_le_bytes());
        if long {
            record[LENGTH] = LONG;
            record[LENGTH + 1..start].copy_from_slice(&(member.len() as u64).to_le_bytes());
        } else {
            record[LENGTH] = member.len() as u8;
        }
        record[start..start + member.len()].copy_from_slice(member);
        slot
    }

    /// Adds a place at the end of a class.
    fn add_place(&mut self, class: usize) -> Slot {
        let class = &mut self.classes[class];
        let stride = class.stride;
        if class.len == class.chunks.len() * class.capacity {
            let chunk = Chunk { bytes: Vec::new(), stride: stride as u32, class: class.number };
            class.chunks.push(place_chunk(&mut self.chunks, &mut self.free, chunk));
        }
        let slot = class.slot(class.len);
        class.len += 1;
        let bytes = &mut self.chunks[slot.chunk()].bytes;
        let after = bytes.len() + stride;
        if after > bytes.capacity() {
            bytes.reserve_exact(tight::size_class(after).min(class.capacity * stride) - bytes.len());
        }
        bytes.resize(after, 0);
        slot
    }

    /// Drops the last place of a class.
    fn drop_place(&mut self, class: usize) {
        let class = &mut self.classes[class];
        class.len -= 1;
        let last = class.slot(class.len);
        let bytes = &mut self.chunks[last.chunk()].bytes;
        bytes.truncate(last.place() * class.stride);
        if bytes.is_empty() {
            *bytes = Vec::new();
            class.chunks.pop();
            self.free.push(last.chunk() as u32);
        } else if bytes.len() * 2 < bytes.capacity() {
            bytes.shrink_to(tight::size_class(bytes.len()));
        }
    }

    fn class(&self, slot: Slot) -> usize {
        let number = self.chunks[slot.chunk()].class;
        self.classes.binary_search_by_key(&number, |class| class.number).expect("every chunk has a class")
    }

    /// Removes a record. If another has to move for that, `moves` is told from where to where before it does.
    pub(super) fn remove(&mut self, slot: Slot, mut moves: impl FnMut(&mut Self, Slot, Slot)) {
        let index = self.class(slot);
        self.link_hole(index, slot);
        // A removal turns a record into a hole, and one of these steps takes a hole away: it never takes more than four.
        while self.classes[index].is_sparse() {
            let class = &self.classes[index];
            let last = class.slot(class.len - 1);
            match class.first_hole {
                Some(hole) if !self.is_hole(last) => {
                    self.unlink_hole(index, hole);
                    moves(self, last, hole);
                    self.fill(index, hole, last);
                }
                _ => self.unlink_hole(index, last),
            }
            self.drop_place(index);
        }
    }

    /// Puts the last record of a class into a hole that is out of the chain.
    fn fill(&mut self, class: usize, hole: Slot, last: Slot) {
        let &Class { stride, capacity, .. } = &self.classes[class];
        let (to, from) = (hole.place() * stride, last.place() * stride);
        match self.chunks.get_disjoint_mut([hole.chunk(), last.chunk()]) {
            Ok([hole, last]) if capacity == 1 => std::mem::swap(hole, last),
            Ok([hole, last]) => hole.bytes[to..to + stride].copy_from_slice(&last.bytes[from..]),
            Err(_) => self.chunks[hole.chunk()].bytes.copy_within(from.., to),
        }
    }

    /// The record at the place that a cursor says, if it is no hole, and the cursor of the next place; 0 begins, and 0
    /// returned ends.
    pub(super) fn scan(&self, cursor: u64) -> (Option<Slot>, u64) {
        // The cursor is the class to go on with, and how many of its places have not been visited.
        let (number, ahead) = match cursor {
            0 => (u64::MAX, 0),
            _ => (cursor >> CURSOR_BITS, cursor & ((1 << CURSOR_BITS) - 1)),
        };
        let mut classes = self.classes.iter().rev().filter_map(|class| {
            let ahead = match u64::from(class.number) {
                own if own == number => class.len.min(ahead as usize),
                own if own < number => class.len,
                _ => 0,
            };
            (ahead > 0).then_some((class, ahead))
        });
        let Some((class, ahead)) = classes.next() else { return (None, 0) };
        let at_end = ahead == 1 && classes.next().is_none();
        let next = u64::from(class.number) << CURSOR_BITS | (ahead - 1) as u64;
        let slot = class.slot(ahead - 1);
        ((!self.is_hole(slot)).then_some(slot), if at_end { 0 } else { next })
    }
}

fn bytes_at<const N: usize>(record: &[u8], at: usize) -> [u8; N] {
    *record[at..].first_chunk().expect("a record has all its fields")
}

/// Puts a chunk among the chunks, and returns its number.
fn place_chunk(chunks: &mut Vec<Chunk>, free: &mut Vec<u32>, chunk: Chunk) -> u32 {
    if let Some(number) = free.pop() {
        chunks[number as usize] = chunk;
        return number;
    }
    let number = chunks.len();
    assert!(number < (Slot::NONE.0 >> PLACE_BITS) as usize, "so many chunks are 64 GiB at least");
    chunks.push(chunk);
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::below;

    #[test]
    fn classes_are_numbered_in_order() {
        let mut last = class_of(SHORT_MEMBER);
        assert_eq!(last, (2, 16));
        for size in SHORT_MEMBER + 1..100_000 {
            let class = class_of(size);
            assert!(class == last || class.0 == last.0 + 1 && class.1 > last.1, "{size}");
            assert!(class.1 >= size && class.1.is_multiple_of(8), "{size}");
            last = class;
        }
        assert_eq!(class_of(1 << 40), (16 + 4 * 32 + 4, 1 << 40));
    }

    impl Records {
        /// Checks that records and holes are what they should be, and that there is nothing else.
        fn check(&self, model: &[(Slot, Vec<u8>, f64)]) {
            for (slot, member, score) in model {
                assert_eq!((self.member(*slot), self.score(*slot)), (&member[..], *score));
                assert_eq!(self.next(*slot), Some(*slot));
            }
            for class in &self.classes {
                assert_eq!(class.chunks.len(), class.len.div_ceil(class.capacity));
                let most = if class.capacity == 1 { 0 } else { class.len * 3 / 4 };
                assert!(class.holes <= most, "{} holes of {}", class.holes, class.len);
                let own = (0..class.len).filter(|nth| self.is_hole(class.slot(*nth))).count();
                let chained: Vec<_> = std::iter::successors(class.first_hole, |hole| self.next(*hole)).collect();
                assert_eq!((own, chained.len()), (class.holes, class.holes));
                let before = std::iter::once(None).chain(chained.iter().copied().map(Some));
                assert!(chained.iter().zip(before).all(|(hole, before)| self.previous(*hole) == before));
            }
            let [places, holes] = [|class: &Class| class.len, |class: &Class| class.holes]
                .map(|count| self.classes.iter().map(count).sum::<usize>());
            assert_eq!(places - holes, model.len());
            let used = self.classes.iter().map(|class| class.len * class.stride).sum::<usize>();
            assert_eq!(self.chunks.iter().map(|chunk| chunk.bytes.len()).sum::<usize>(), used);
            assert!(self.chunks.iter().filter(|chunk| chunk.bytes.is_empty()).count() == self.free.len());
        }

        /// Removes a record of the model, and tells it what moves. Returns how many do.
        fn remove_of(&mut self, model: &mut Vec<(Slot, Vec<u8>, f64)>, at: usize) -> usize {
            let (slot, ..) = model.swap_remove(at);
            let mut moved = 0;
            self.remove(slot, |records, from, to| {
                let entry = model.iter_mut().find(|(other, ..)| *other == from).expect("it is there");
                assert_eq!((records.member(from), records.class(from)), (&entry.1[..], records.class(to)));
                let nth = |slot: Slot| {
                    let class = &records.classes[records.class(slot)];
                    (0..class.len).find(|nth| class.slot(*nth) == slot)
                };
                assert!(nth(to) < nth(from), "towards the front");
                entry.0 = to;
                records.set_next(from, Some(to));
                moved += 1;
            });
            moved
        }
    }

    #[test]
    fn holes_are_filled_and_never_too_many() {
        let mut records = Records::default();
        let mut model: Vec<(Slot, Vec<u8>, f64)> = Vec::new();
        let (mut moved, mut filled) = (0, 0);
        for step in 0..30_000 {
            // It grows, stays, and shrinks.
            if below(100) < [70, 50, 30][step / 10_000] || model.is_empty() {
                let len = [3, 16, 17, 100, 254, 255, 300, 20_000][below(if step % 64 == 0 { 8 } else { 7 })];
                let member = vec![step as u8; len];
                let holes: usize = records.classes.iter().map(|class| class.holes).sum();
                let slot = records.insert(&member, step as f64);
                filled += holes - records.classes.iter().map(|class| class.holes).sum::<usize>();
                assert_eq!(records.next(slot), None);
                records.set_next(slot, Some(slot));
                model.push((slot, member, step as f64));
            } else {
                let at = below(model.len());
                moved += records.remove_of(&mut model, at);
            }
            if step % 500 == 499 {
                records.check(&model);
                records.clone().check(&model);
            }
        }
        assert!(moved > 100 && filled > 1_000, "{moved} moved, {filled} holes filled");
        while !model.is_empty() {
            let at = below(model.len());
            records.remove_of(&mut model, at);
        }
        records.check(&model);
        assert!(records.chunks.iter().all(|chunk| chunk.bytes.capacity() == 0));
        assert_eq!(records.scan(0), (None, 0));
    }

    #[test]
    fn a_queue_stays_where_it_is() {
        let mut records = Records::default();
        let add = |records: &mut Records, number: u64| records.insert(&number.to_le_bytes(), 0.0);
        let mut queue: std::collections::VecDeque<_> = (0..1_000).map(|number| add(&mut records, number)).collect();
        let memory = records.memory();
        for number in 1_000..5_000 {
            let first = queue.pop_front().expect("there are a thousand");
            records.remove(first, |_, from, to| panic!("{from:?} moves to {to:?}"));
            queue.push_back(add(&mut records, number));
            assert_eq!(records.memory(), memory);
        }
        assert!(queue.iter().zip(4_000_u64..).all(|(slot, number)| records.member(*slot) == number.to_le_bytes()));
    }
}
