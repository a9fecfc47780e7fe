//! The entries of the tables behind large sets and hashes: a handle of one word, one allocation each.
//!
//! A table of a million members pays for every byte of overhead a million times. A `Box<[u8]>` is two words, a pair of
//! them four and two allocations. Here the handle is a thin pointer, and the length stands in the allocation:
//!
//! ```text
//! block    [length: 1, 3 or 9 bytes][payload]
//! member   the payload is the member
//! field    the payload is [flag and length of the field: 1 or 9 bytes][deadline: 8 bytes, or absent][field][value]
//! ```
//!
//! So a member of 15 bytes takes 16 of the heap. All unsafe code of the value types is in this file: `Block`, which
//! owns such an allocation and shows it as a slice, and [`as_str`]. What is built on `Block` is ordinary safe code.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::slice;

use super::str::Str;
use crate::table::{NO_DEADLINE, TableEntry};

/// Views a text as a string value.
pub(super) fn as_str(text: &[u8]) -> &Str {
    // SAFETY: `Str` is a transparent wrapper of `[u8]`, so the pointers have the same metadata and the pointees the same
    // layout and validity; the lifetime is that of `text`.
    unsafe { &*(std::ptr::from_ref(text) as *const Str) }
}

/// First bytes of a block that announce a length in the two or the eight bytes that follow. Smaller first bytes are the
/// length.
const LENGTH_IN_2: u8 = 0xFE;
const LENGTH_IN_8: u8 = 0xFF;

/// An owned run of bytes behind a pointer of one word.
///
/// Invariant: the pointer is that of a live allocation made by `from_parts` with the layout that `layout` computes from
/// its head, all of it initialised; nothing writes the head after that.
struct Block(NonNull<u8>);

// SAFETY: a block owns its bytes exclusively, like a `Box<[u8]>`, and has no interior mutability.
unsafe impl Send for Block {}
// SAFETY: as above: a shared block only gives shared slices.
unsafe impl Sync for Block {}

impl Block {
    /// A block whose payload is the parts, one after another.
    fn from_parts(parts: [&[u8]; 4]) -> Self {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let mut head = [0; 9];
        let head: &[u8] = match len {
            0..0xFE => {
                head[0] = len as u8;
                &head[..1]
            }
            0xFE..=0xFFFF => {
                head[0] = LENGTH_IN_2;
                head[1..3].copy_from_slice(&(len as u16).to_le_bytes());
                &head[..3]
            }
            _ => {
                head[0] = LENGTH_IN_8;
                head[1..].copy_from_slice(&(len as u64).to_le_bytes());
                &head
            }
        };
        let layout = Self::layout(head.len() + len);
        // SAFETY: the layout is not of size zero, as the head has at least one byte.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let mut at = 0;
        let [first, second, third, fourth] = parts;
        for part in [head, first, second, third, fourth] {
            // SAFETY: the parts' lengths add up to the size of the fresh allocation, so each is written within it, and
            // none of them can overlap it.
            unsafe { start.add(at).copy_from_nonoverlapping(NonNull::from(part).cast(), part.len()) };
            at += part.len();
        }
        Self(start)
    }

    fn layout(size: usize) -> Layout {
        Layout::array::<u8>(size).expect("the parts lie in memory, so their sum is far below what a layout may have")
    }

    /// The lengths of head and payload.
    #[inline]
    fn lengths(&self) -> (usize, usize) {
        // SAFETY: by the invariant the head is there and initialised: one byte, and those which that byte announces.
        unsafe {
            match self.0.read() {
                LENGTH_IN_2 => (3, usize::from(u16::from_le_bytes(self.0.add(1).cast().read()))),
                LENGTH_IN_8 => (9, u64::from_le_bytes(self.0.add(1).cast().read()) as usize),
                short => (1, usize::from(short)),
            }
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        let (head, len) = self.lengths();
        // SAFETY: by the invariant `len` initialised bytes follow the head; they are borrowed as long as the block is.
        unsafe { slice::from_raw_parts(self.0.add(head).as_ptr(), len) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        let (head, len) = self.lengths();
        // SAFETY: as in `bytes`, and the block is borrowed exclusively; the head is outside of the slice.
        unsafe { slice::from_raw_parts_mut(self.0.add(head).as_ptr(), len) }
    }

    /// How many bytes are allocated.
    fn size(&self) -> usize {
        let (head, len) = self.lengths();
        head + len
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let layout = Self::layout(self.size());
        // SAFETY: by the invariant the allocation is live and was made with this layout; nobody uses it after the drop.
        unsafe { dealloc(self.0.as_ptr(), layout) }
    }
}

/// A member of a set.
pub(super) struct Member(Block);

impl Member {
    pub(super) fn new(member: &[u8]) -> Self {
        Self(Block::from_parts([member, b"", b"", b""]))
    }

    /// How many bytes it holds of the heap.
    pub(super) fn size(&self) -> usize {
        self.0.size()
    }
}

impl TableEntry for Member {
    #[inline]
    fn key(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl Clone for Member {
    fn clone(&self) -> Self {
        Self::new(self.key())
    }
}

/// The bit of a field's first byte that says that a deadline follows.
const HAS_DEADLINE: u8 = 0x80;
/// The other bits, when the length of the field is in the eight bytes that follow.
const LONG_FIELD: u8 = 0x7F;

/// A field of a hash with its value and, if it has one, its deadline.
pub(super) struct Field(Block);

impl Field {
    pub(super) fn new(field: &[u8], value: &[u8], deadline: u64) -> Self {
        let flag = if deadline == NO_DEADLINE { 0 } else { HAS_DEADLINE };
        let mut head = [0; 9];
        let head: &[u8] = if field.len() < usize::from(LONG_FIELD) {
            head[0] = flag | field.len() as u8;
            &head[..1]
        } else {
            head[0] = flag | LONG_FIELD;
            head[1..].copy_from_slice(&(field.len() as u64).to_le_bytes());
            &head
        };
        let deadline = deadline.to_le_bytes();
        let deadline = if flag == 0 { &deadline[..0] } else { &deadline[..] };
        Self(Block::from_parts([head, deadline, field, value]))
    }

    /// Where deadline and field begin and where the value does.
    #[inline]
    fn places(bytes: &[u8]) -> (Option<usize>, usize, usize) {
        let (len, at) = match bytes[0] & !HAS_DEADLINE {
            LONG_FIELD => (u64_at(bytes, 1) as usize, 9),
            short => (usize::from(short), 1),
        };
        match bytes[0] & HAS_DEADLINE {
            0 => (None, at, at + len),
            _ => (Some(at), at + 8, at + 8 + len),
        }
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        let bytes = self.0.bytes();
        &bytes[Self::places(bytes).2..]
    }

    /// Puts another value and deadline in place of the old ones; within the same allocation if they take as much room.
    pub(super) fn set(&mut self, value: &[u8], deadline: u64) {
        let bytes = self.0.bytes_mut();
        let (old_deadline, _, at) = Self::places(bytes);
        if bytes.len() - at == value.len() && old_deadline.is_some() == (deadline != NO_DEADLINE) {
            bytes[at..].copy_from_slice(value);
            if let Some(at) = old_deadline {
                bytes[at..at + 8].copy_from_slice(&deadline.to_le_bytes());
            }
        } else {
            *self = Self::new(self.key(), value, deadline);
        }
    }

    /// Puts another deadline in place of the old one, or none.
    pub(super) fn set_deadline(&mut self, deadline: u64) {
        let bytes = self.0.bytes_mut();
        match Self::places(bytes).0 {
            Some(at) if deadline != NO_DEADLINE => bytes[at..at + 8].copy_from_slice(&deadline.to_le_bytes()),
            None if deadline == NO_DEADLINE => {}
            _ => *self = Self::new(self.key(), self.value(), deadline),
        }
    }

    /// How many bytes it holds of the heap.
    pub(super) fn size(&self) -> usize {
        self.0.size()
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes[at..].first_chunk().expect("the flags announce eight bytes");
    u64::from_le_bytes(*bytes)
}

impl TableEntry for Field {
    #[inline]
    fn key(&self) -> &[u8] {
        let bytes = self.0.bytes();
        let (_, start, end) = Self::places(bytes);
        &bytes[start..end]
    }

    #[inline]
    fn deadline(&self) -> u64 {
        let bytes = self.0.bytes();
        Self::places(bytes).0.map_or(NO_DEADLINE, |at| u64_at(bytes, at))
    }
}

impl Clone for Field {
    fn clone(&self) -> Self {
        Self(Block::from_parts([self.0.bytes(), b"", b"", b""]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: [usize; 10] = [0, 1, 15, 126, 127, 128, 253, 254, 65_535, 65_536];

    #[test]
    fn handles_are_one_word() {
        assert_eq!(size_of::<Option<Member>>(), size_of::<usize>());
        assert_eq!(size_of::<Option<Field>>(), size_of::<usize>());
        assert_eq!(Member::new(&[0; 15]).size(), 16);
        assert_eq!(Field::new(b"field", b"value", NO_DEADLINE).size(), 12);
        assert_eq!(Field::new(b"field", b"value", 1).size(), 20);
    }

    #[test]
    fn members_of_every_length() {
        for len in LENGTHS {
            let text = vec![b'm'; len];
            let member = Member::new(&text);
            assert_eq!(member.key(), text);
            assert_eq!(member.deadline(), NO_DEADLINE);
            let copy = member.clone();
            drop(member);
            assert_eq!(copy.key(), text);
        }
    }

    #[test]
    fn fields_of_every_length() {
        for len in LENGTHS {
            for value_len in LENGTHS {
                let (key, value) = (vec![b'f'; len], vec![b'v'; value_len]);
                let mut field = Field::new(&key, &value, NO_DEADLINE);
                let check = |field: &Field, value: &[u8], deadline| {
                    assert!(field.key() == key && field.value() == value && field.deadline() == deadline);
                };
                check(&field, &value, NO_DEADLINE);
                field.set_deadline(NO_DEADLINE);
                field.set_deadline(7);
                check(&field, &value, 7);
                field.set_deadline(8);
                check(&field.clone(), &value, 8);
                field.set(&value, 9);
                check(&field, &value, 9);
                field.set(b"other", 10);
                check(&field, b"other", 10);
                field.set(b"xyzzy", NO_DEADLINE);
                check(&field, b"xyzzy", NO_DEADLINE);
                field.set(b"plugh", NO_DEADLINE);
                check(&field, b"plugh", NO_DEADLINE);
            }
        }
    }
}
