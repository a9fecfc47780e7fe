//! `Listpack`: a sequence of short elements in one run of bytes.
//!
//! The elements look exactly as in Redis's listpack, because that is what DUMP and RDB files carry (`entry.rs`). There, a
//! header of the total length (four bytes, little-endian) and the number of elements (two bytes; 65535 says "count
//! them") stands before them and one end byte behind; here, the handle knows both, so the *frame* is only made for a
//! dump. What makes foreign bytes acceptable is in `validate.rs`.
//!
//! An element is named by its *offset*, the place of its first byte. Any edit makes the offsets behind it void. Every
//! `Listpack` was either built here or validated, so a well-placed offset always decodes; a bad one panics and reads
//! nothing it should not.

mod entry;
mod iter;
mod validate;

pub use entry::{Element, Needle, TextBuffer};
pub use iter::Iter;

pub(super) use entry::decimal_len;

use std::ops::Range;

use super::tight::Buffer;
use crate::relocate::Relocator;
use entry::{END, Encoded, back_length_size, body_size, decode, read_back_length};

/// The header of a dump.
const HEADER: usize = 6;

/// What a dump has beside the elements: the header and the end byte.
pub(super) const FRAME: usize = HEADER + 1;

/// The element count of a dump that says that there are too many for two bytes.
const UNCOUNTED: u16 = u16::MAX;

/// Beyond this total length nothing is added to a listpack: containers turn to another encoding long before.
pub const SAFETY_LIMIT: usize = 1 << 30;

/// A sequence of elements in Redis's listpack format.
#[derive(Clone)]
pub struct Listpack {
    /// The entries of the elements, one behind the other, and how many they are.
    entries: Buffer<u32>,
}

/// What a listpack is made of and how it is asked.
impl Listpack {
    /// An empty listpack.
    pub const fn new() -> Self {
        Self { entries: Buffer::new(0) }
    }

    /// The listpack of entries that are well formed, with their number.
    pub(super) const fn from_buffer(entries: Buffer<u32>) -> Self {
        Self { entries }
    }

    /// A listpack from the bytes of a dump, if they are one in every detail.
    pub fn from_dump(bytes: &[u8]) -> Option<Self> {
        let (entries, count) = validate::entries_of(bytes)?;
        Some(Self { entries: Buffer::copied(entries, count) })
    }

    /// The bytes of a dump.
    pub fn to_dump(&self) -> Vec<u8> {
        let mut dump = Vec::with_capacity(self.byte_len());
        let total = u32::try_from(self.byte_len()).expect("no container lets a listpack grow to four gigabytes");
        dump.extend_from_slice(&total.to_le_bytes());
        dump.extend_from_slice(&u16::try_from(self.entries.note).unwrap_or(UNCOUNTED).to_le_bytes());
        dump.extend_from_slice(&self.entries);
        dump.push(END);
        dump
    }

    /// The entries of the elements, as an entry of the keyspace holds them.
    pub(super) fn entries(&self) -> &[u8] {
        &self.entries
    }

    pub(super) fn relocate(&mut self, relocator: &mut Relocator<'_>) {
        self.entries.relocate(relocator);
    }

    /// How many bytes a dump of it has, which is what limits of listpacks speak of.
    #[inline]
    pub fn byte_len(&self) -> usize {
        self.entries.len() + FRAME
    }

    /// How many bytes it holds of the heap.
    pub fn memory(&self) -> usize {
        self.entries.memory()
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.note as usize
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `added` more bytes of elements leave the listpack within what a listpack may be.
    pub fn has_room_for(&self, added: usize) -> bool {
        self.byte_len().saturating_add(added) <= SAFETY_LIMIT
    }

    /// Notes that elements have come or gone. There are never too many for the counter: each takes two bytes.
    fn change_count(&mut self, removed: usize, added: usize) {
        self.entries.note = (self.len() - removed + added) as u32;
    }

    /// The offset behind the last element, which is where one is appended.
    #[inline]
    fn end(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    fn body_size_at(&self, offset: usize) -> usize {
        body_size(&self.entries[offset..]).expect("an offset is that of an entry, and every entry is well formed")
    }

    /// The offset behind the entry at `offset`.
    #[inline]
    fn behind(&self, offset: usize) -> usize {
        let body = self.body_size_at(offset);
        offset + body + back_length_size(body)
    }

    /// The offset of the entry that ends where `offset` begins.
    #[inline]
    fn before(&self, offset: usize) -> usize {
        let body = read_back_length(&self.entries[..offset]).expect("every entry ends with its length");
        offset - body - back_length_size(body)
    }

    /// The offset of the first element.
    pub fn first(&self) -> Option<usize> {
        (!self.is_empty()).then_some(0)
    }

    /// The offset of the last element.
    pub fn last(&self) -> Option<usize> {
        (!self.is_empty()).then(|| self.before(self.end()))
    }

    /// The offset of the element after the one at `offset`.
    pub fn next(&self, offset: usize) -> Option<usize> {
        let next = self.behind(offset);
        (next < self.end()).then_some(next)
    }

    /// The offset of the element before the one at `offset`.
    pub fn prev(&self, offset: usize) -> Option<usize> {
        (offset > 0).then(|| self.before(offset))
    }

    /// The element at `offset`.
    #[inline]
    pub fn at(&self, offset: usize) -> Element<'_> {
        decode(&self.entries[offset..offset + self.body_size_at(offset)])
    }

    /// The offset of the element number `index`; negative numbers count from the end, -1 being the last. Walks from the
    /// nearer end.
    pub fn seek(&self, index: i64) -> Option<usize> {
        let (mut steps, mut forward) = match index {
            0.. => (index as u64, true),
            _ => (index.unsigned_abs() - 1, false),
        };
        let len = self.len() as u64;
        if steps >= len {
            return None;
        }
        if steps > len / 2 {
            (steps, forward) = (len - 1 - steps, !forward);
        }
        let mut offset = if forward { self.first()? } else { self.last()? };
        for _ in 0..steps {
            offset = if forward { self.next(offset)? } else { self.prev(offset)? };
        }
        Some(offset)
    }

    /// The element number `index`, negative from the end.
    pub fn get(&self, index: i64) -> Option<Element<'_>> {
        self.seek(index).map(|offset| self.at(offset))
    }

    /// The elements, from either end.
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(&self.entries)
    }

    /// The elements from the one at `offset` on.
    pub fn iter_from(&self, offset: usize) -> Iter<'_> {
        Iter::new(&self.entries[offset..])
    }

    /// The offset at which the elements of `rest` begin, which have the listpack's end.
    pub(super) fn offset_of(&self, rest: &Iter<'_>) -> usize {
        self.end() - rest.byte_len()
    }

    /// The elements up to the one at `offset`, which is included: to be walked backwards.
    pub fn iter_through(&self, offset: usize) -> Iter<'_> {
        Iter::new(&self.entries[..self.behind(offset)])
    }

    /// The elements with these numbers, which need not all exist.
    pub fn iter_range(&self, numbers: Range<usize>) -> Iter<'_> {
        let offset = |number| self.seek(number as i64).unwrap_or(self.end());
        let (start, end) = (offset(numbers.start), offset(numbers.end));
        Iter::new(&self.entries[start.min(end)..end])
    }

    /// The first offset, from `from` on, of the element with text `text`, comparing one and then passing over `skip`: 1
    /// looks at the fields of a hash and not at its values.
    pub fn find(&self, text: &[u8], from: usize, skip: usize) -> Option<usize> {
        let needle = Needle::new(text);
        let bytes = &*self.entries;
        let mut offset = from;
        let mut to_pass = 0;
        while offset < bytes.len() {
            let body = self.body_size_at(offset);
            if to_pass == 0 {
                if needle.is(decode(&bytes[offset..offset + body])) {
                    return Some(offset);
                }
                to_pass = skip;
            } else {
                to_pass -= 1;
            }
            offset += body + back_length_size(body);
        }
        None
    }

    /// Adds an element at the end.
    pub fn push_back<'e>(&mut self, element: impl Into<Element<'e>>) {
        self.put(self.end(), 0, element.into());
    }

    /// Adds several elements at the end, making room for all of them at once.
    pub fn push_all_back<'e>(&mut self, elements: impl Iterator<Item = Element<'e>> + Clone) {
        let (added, size) =
            elements.clone().fold((0, 0), |(added, size), element| (added + 1, size + Encoded::new(element).size));
        let end = self.end();
        self.entries.splice(end, 0, size);
        let mut room = &mut self.entries[end..];
        for element in elements {
            let encoded = Encoded::new(element);
            let (entry, behind) = room.split_at_mut(encoded.size);
            encoded.write(entry);
            room = behind;
        }
        self.change_count(0, added);
    }

    /// Adds an element at the front.
    pub fn push_front<'e>(&mut self, element: impl Into<Element<'e>>) {
        self.put(0, 0, element.into());
    }

    /// Adds an element before the one at `offset`, which then is the new element's.
    pub fn insert_before<'e>(&mut self, offset: usize, element: impl Into<Element<'e>>) {
        self.put(offset, 0, element.into());
    }

    /// Adds an element after the one at `offset`.
    pub fn insert_after<'e>(&mut self, offset: usize, element: impl Into<Element<'e>>) {
        self.put(self.behind(offset), 0, element.into());
    }

    /// Puts another element in the place of the one at `offset`.
    pub fn replace<'e>(&mut self, offset: usize, element: impl Into<Element<'e>>) {
        let old = self.behind(offset) - offset;
        self.put(offset, old, element.into());
    }

    /// Writes an entry over the `old` bytes (one entry, or none) at `offset`.
    fn put(&mut self, offset: usize, old: usize, element: Element<'_>) {
        let encoded = Encoded::new(element);
        self.entries.splice(offset, old, encoded.size);
        encoded.write(&mut self.entries[offset..offset + encoded.size]);
        self.change_count(0, usize::from(old == 0));
    }

    /// Removes the element at `offset`. Returns the offset of the one after it, which is the same, if there is one.
    pub fn remove(&mut self, offset: usize) -> Option<usize> {
        self.remove_many(offset, 1)
    }

    /// Removes up to `count` elements from `offset` on. Returns the offset of what then stands there, if anything does.
    pub fn remove_many(&mut self, offset: usize, count: usize) -> Option<usize> {
        let end = self.end();
        let mut behind = offset;
        let mut removed = 0;
        while removed < count && behind < end {
            behind = self.behind(behind);
            removed += 1;
        }
        self.cut(offset, behind, removed);
        (offset < self.end()).then_some(offset)
    }

    /// Removes up to `count` elements from number `index` (negative from the end) on.
    pub fn remove_range(&mut self, index: i64, count: usize) {
        if count > 0
            && let Some(offset) = self.seek(index)
        {
            self.remove_many(offset, count);
        }
    }

    fn cut(&mut self, from: usize, to: usize, removed: usize) {
        self.entries.splice(from, to - from, 0);
        self.change_count(removed, 0);
    }

    /// Keeps the elements before number `index` and returns the others.
    pub fn split_off(&mut self, index: usize) -> Self {
        let mut tail = Self::new();
        let Some(offset) = self.seek(index as i64) else {
            return tail;
        };
        let moved = self.len() - index;
        tail.extend_encoded(&self.entries[offset..], moved);
        self.cut(offset, self.end(), moved);
        tail
    }

    /// Adds all the elements of another listpack.
    pub fn append(&mut self, other: &Self) {
        self.extend_encoded(&other.entries, other.len());
    }

    fn extend_encoded(&mut self, entries: &[u8], added: usize) {
        self.entries.extend_from_slice(entries);
        self.change_count(0, added);
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'e> FromIterator<Element<'e>> for Listpack {
    fn from_iter<I: IntoIterator<Item = Element<'e>>>(elements: I) -> Self {
        let mut listpack = Self::new();
        elements.into_iter().for_each(|element| listpack.push_back(element));
        listpack
    }
}

#[cfg(test)]
mod tests;
