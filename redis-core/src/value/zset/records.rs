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
//! # No gaps
//!
//! The records of one stride, a *class*, stand in a row: all chunks but the last are full. When one is removed, the last of
//! its class takes its place, and whoever refers to that one must be told ([`Records::substitute`]). Thus
//! memory is always in proportion to what is there, and there is a simple cursor for ZSCAN: the classes are gone through
//! downwards, and each from its last record to its first. A record only ever moves towards the front of its class, so one
//! that has not been visited stays ahead.
//!
//! `next` belongs to the index, which chains records.

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

/// The length byte that says that the length is in the eight bytes that follow.
const LONG: u8 = 0xFF;

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
    /// How many records there are.
    len: usize,
    /// The chunks, all but the last full.
    chunks: Vec<u32>,
}

impl Class {
    fn new(number: u8, stride: usize) -> Self {
        let capacity = (CHUNK_BYTES / stride).clamp(1, 1 << PLACE_BITS);
        Self { number, stride, capacity, len: 0, chunks: Vec::new() }
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

    /// Adds a record.
    pub(super) fn push(&mut self, member: &[u8], score: f64) -> Slot {
        let long = member.len() >= usize::from(LONG);
        let size = if long { LONG_MEMBER } else { SHORT_MEMBER } + member.len();
        let (number, stride) = class_of(size);
        let class = match self.classes.binary_search_by_key(&number, |class| class.number) {
            Ok(index) => &mut self.classes[index],
            Err(index) => {
                self.classes.insert(index, Class::new(number, stride));
                &mut self.classes[index]
            }
        };
        if class.len == class.chunks.len() * class.capacity {
            let chunk = Chunk { bytes: Vec::new(), stride: stride as u32, class: number };
            class.chunks.push(place_chunk(&mut self.chunks, &mut self.free, chunk));
        }
        let slot = class.slot(class.len);
        class.len += 1;

        let full = class.capacity * stride;
        let bytes = &mut self.chunks[slot.chunk()].bytes;
        let after = bytes.len() + stride;
        if after > bytes.capacity() {
            bytes.reserve_exact(tight::size_class(after).min(full) - bytes.len());
        }
        bytes.extend_from_slice(&score.to_le_bytes());
        bytes.extend_from_slice(&Slot::NONE.0.to_le_bytes());
        if long {
            bytes.push(LONG);
            bytes.extend_from_slice(&(member.len() as u64).to_le_bytes());
        } else {
            bytes.push(member.len() as u8);
        }
        bytes.extend_from_slice(member);
        bytes.resize(after, 0);
        slot
    }

    fn class(&self, slot: Slot) -> usize {
        let number = self.chunks[slot.chunk()].class;
        self.classes.binary_search_by_key(&number, |class| class.number).expect("every chunk has a class")
    }

    /// The record that takes the place of this one when it is removed; `None` if none has to.
    pub(super) fn substitute(&self, slot: Slot) -> Option<Slot> {
        let class = &self.classes[self.class(slot)];
        Some(class.slot(class.len - 1)).filter(|last| *last != slot)
    }

    /// Removes a record. Its [substitute](Self::substitute) has this slot from now on.
    pub(super) fn remove(&mut self, slot: Slot) {
        let index = self.class(slot);
        let class = &mut self.classes[index];
        class.len -= 1;
        let last = class.slot(class.len);
        let stride = class.stride;
        if class.capacity == 1 {
            // It may be large, and there is nothing else in its chunk.
            let moved = std::mem::take(&mut self.chunks[last.chunk()].bytes);
            if last != slot {
                self.chunks[slot.chunk()].bytes = moved;
            }
        } else if last.chunk() == slot.chunk() {
            let bytes = &mut self.chunks[slot.chunk()].bytes;
            bytes.copy_within(last.place() * stride.., slot.place() * stride);
            bytes.truncate(last.place() * stride);
        } else {
            let [from, to] = self
                .chunks
                .get_disjoint_mut([last.chunk(), slot.chunk()])
                .expect("the chunks are different, and slots are in chunks that exist");
            let at = slot.place() * stride;
            to.bytes[at..at + stride].copy_from_slice(&from.bytes[last.place() * stride..]);
            from.bytes.truncate(last.place() * stride);
        }
        let chunk = last.chunk();
        let bytes = &mut self.chunks[chunk].bytes;
        if bytes.is_empty() {
            *bytes = Vec::new();
            class.chunks.pop();
            self.free.push(chunk as u32);
        } else if bytes.len() * 2 < bytes.capacity() {
            bytes.shrink_to(tight::size_class(bytes.len()));
        }
    }

    /// The record that a cursor says and the cursor of the next one; 0 begins, and 0 returned ends. `None` if there is
    /// nothing left.
    pub(super) fn scan(&self, cursor: u64) -> Option<(Slot, u64)> {
        // The cursor is the class to go on with, and how many of its records have not been visited.
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
        let (class, ahead) = classes.next()?;
        let at_end = ahead == 1 && classes.next().is_none();
        let next = u64::from(class.number) << CURSOR_BITS | (ahead - 1) as u64;
        Some((class.slot(ahead - 1), if at_end { 0 } else { next }))
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

    #[test]
    fn the_last_of_a_class_fills_a_gap() {
        let mut records = Records::default();
        let mut model: Vec<(Slot, Vec<u8>, f64)> = Vec::new();
        for step in 0..30_000 {
            if below(100) < if step < 15_000 { 70 } else { 30 } || model.is_empty() {
                let len = [3, 16, 17, 100, 254, 255, 300, 20_000][below(if step % 64 == 0 { 8 } else { 7 })];
                let member = vec![step as u8; len];
                let slot = records.push(&member, step as f64);
                assert_eq!(records.next(slot), None);
                records.set_next(slot, Some(slot));
                model.push((slot, member, step as f64));
            } else {
                let (slot, ..) = model.swap_remove(below(model.len()));
                if let Some(substitute) = records.substitute(slot) {
                    let moved = model.iter_mut().find(|(other, ..)| *other == substitute).expect("it is there");
                    moved.0 = slot;
                    records.set_next(substitute, Some(slot));
                }
                records.remove(slot);
            }
            if step % 1_000 == 999 {
                for (slot, member, score) in &model {
                    assert_eq!((records.member(*slot), records.score(*slot)), (&member[..], *score));
                    assert_eq!(records.next(*slot), Some(*slot));
                }
            }
        }
        for (slot, ..) in model.drain(..).rev().collect::<Vec<_>>() {
            let slot = records.substitute(slot).unwrap_or(slot);
            records.remove(slot);
        }
        assert!(records.chunks.iter().all(|chunk| chunk.bytes.capacity() == 0));
        assert_eq!(records.scan(0), None);
    }
}
