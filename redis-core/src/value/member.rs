//! The entries of the tables behind large sets and hashes: a handle of one word, one allocation each.
//!
//! A table of a million members pays for every byte of overhead a million times. A `Box<[u8]>` is two words, a pair of
//! them four and two allocations. Here the handle is a thin pointer, and the length stands in the allocation:
//!
//! ```text
//! block    [mark and deadline: 9 bytes, or absent][length: 1, 3 or 9 bytes][payload]
//! member   the payload is the member
//! field    the payload is [length of the field: 1 or 9 bytes][field][value]
//! ```
//!
//! So a member of 15 bytes takes 16 of the heap, and nine more if it ends by itself. All unsafe code of the value types is
//! in this file: `Block`, which owns such an allocation and shows it as a slice, and [`as_str`]. What is built on `Block`
//! is ordinary safe code.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::slice;

use super::str::Str;
use crate::relocate::Relocator;
use crate::table::{NO_DEADLINE, TableEntry};

/// Views a text as a string value.
pub(super) fn as_str(text: &[u8]) -> &Str {
    // SAFETY: `Str` is a transparent wrapper of `[u8]`, so the pointers have the same metadata and the pointees the same
    // layout and validity; the lifetime is that of `text`.
    unsafe { &*(std::ptr::from_ref(text) as *const Str) }
}

/// The first byte of a block that has a deadline, which follows before the length.
const HAS_DEADLINE: u8 = 0xFD;
/// First bytes of a length that announce it in the two or the eight bytes that follow. Smaller first bytes are the
/// length.
const LENGTH_IN_2: u8 = 0xFE;
const LENGTH_IN_8: u8 = 0xFF;

/// How many bytes mark and deadline take.
const DEADLINE_WIDTH: usize = 9;

/// An owned run of bytes behind a pointer of one word, which may know when it ends.
///
/// Invariant: the pointer is that of a live allocation made by `from_parts` with the layout that `layout` computes from
/// its head, all of it initialised; nothing writes the head after that but the eight bytes of a deadline that is there.
struct Block(NonNull<u8>);

// SAFETY: a block owns its bytes exclusively, like a `Box<[u8]>`, and has no interior mutability.
unsafe impl Send for Block {}
// SAFETY: as above: a shared block only gives shared slices.
unsafe impl Sync for Block {}

impl Block {
    /// A block whose payload is the parts, one after another, and that ends at `deadline`.
    fn from_parts(deadline: u64, parts: [&[u8]; 3]) -> Self {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let mut mark = [HAS_DEADLINE; DEADLINE_WIDTH];
        mark[1..].copy_from_slice(&deadline.to_le_bytes());
        let mark = if deadline == NO_DEADLINE { &mark[..0] } else { &mark[..] };
        let mut head = [0; 9];
        let head: &[u8] = match len {
            0..0xFD => {
                head[0] = len as u8;
                &head[..1]
            }
            0xFD..=0xFFFF => {
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
        let layout = Self::layout(mark.len() + head.len() + len);
        // SAFETY: the layout is not of size zero, as the head has at least one byte.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let mut at = 0;
        let [first, second, third] = parts;
        for part in [mark, head, first, second, third] {
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

    #[inline]
    fn has_deadline(&self) -> bool {
        // SAFETY: by the invariant the head is there and initialised, and it has at least one byte.
        unsafe { self.0.read() == HAS_DEADLINE }
    }

    /// When it ends; [`NO_DEADLINE`] if it does not.
    #[inline]
    fn deadline(&self) -> u64 {
        if !self.has_deadline() {
            return NO_DEADLINE;
        }
        // SAFETY: by the invariant the mark is followed by eight initialised bytes of the allocation.
        u64::from_le_bytes(unsafe { self.0.add(1).cast().read() })
    }

    /// Gives it another deadline in place of the one it has; false if either is none, as then the sizes differ.
    fn replace_deadline(&mut self, deadline: u64) -> bool {
        let possible = self.has_deadline() && deadline != NO_DEADLINE;
        if possible {
            // SAFETY: by the invariant the mark is followed by eight bytes for the deadline, and the block is borrowed
            // exclusively.
            unsafe { self.0.add(1).cast().write(deadline.to_le_bytes()) };
        }
        possible
    }

    /// The lengths of what stands before the payload and of the payload.
    #[inline]
    fn lengths(&self) -> (usize, usize) {
        let mark = if self.has_deadline() { DEADLINE_WIDTH } else { 0 };
        // SAFETY: by the invariant the head is there and initialised behind the deadline, if there is one: one byte, and
        // those which that byte announces.
        unsafe {
            let head = self.0.add(mark);
            match head.read() {
                LENGTH_IN_2 => (mark + 3, usize::from(u16::from_le_bytes(head.add(1).cast().read()))),
                LENGTH_IN_8 => (mark + 9, u64::from_le_bytes(head.add(1).cast().read()) as usize),
                short => (mark + 1, usize::from(short)),
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

    /// The same payload with that deadline.
    fn with_deadline(&self, deadline: u64) -> Self {
        Self::from_parts(deadline, [self.bytes(), b"", b""])
    }

    fn relocate(&mut self, relocator: &mut Relocator<'_>) {
        if relocator.wants(self.0.as_ptr()) {
            *self = self.clone();
        }
    }

    /// How many bytes are allocated.
    fn size(&self) -> usize {
        let (head, len) = self.lengths();
        head + len
    }
}

impl Clone for Block {
    fn clone(&self) -> Self {
        self.with_deadline(self.deadline())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let layout = Self::layout(self.size());
        // SAFETY: by the invariant the allocation is live and was made with this layout; nobody uses it after the drop.
        unsafe { dealloc(self.0.as_ptr(), layout) }
    }
}

/// An entry that may end by itself. (Not by [`TableEntry::deadline`]: when members end is known to
/// [`Deadlines`](super::deadlines::Deadlines).)
pub(super) trait Mortal: TableEntry {
    /// When it ends; [`NO_DEADLINE`] if it does not.
    fn ends_at(&self) -> u64;

    /// Puts another deadline in place of the old one, or none.
    fn set_end(&mut self, deadline: u64);

    /// How many bytes it holds of the heap.
    fn size(&self) -> usize;

    /// Moves it to another allocation, if that is wanted.
    fn relocate(&mut self, relocator: &mut Relocator<'_>);
}

/// A member of a set.
#[derive(Clone)]
pub(super) struct Member(Block);

impl Member {
    pub(super) fn new(member: &[u8], deadline: u64) -> Self {
        Self(Block::from_parts(deadline, [member, b"", b""]))
    }
}

impl TableEntry for Member {
    #[inline]
    fn key(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// The length byte of a field that says that the length is in the eight bytes that follow.
const LONG_FIELD: u8 = 0xFF;

/// A field of a hash with its value.
#[derive(Clone)]
pub(super) struct Field(Block);

impl Field {
    pub(super) fn new(field: &[u8], value: &[u8], deadline: u64) -> Self {
        let mut head = [0; 9];
        let head: &[u8] = if field.len() < usize::from(LONG_FIELD) {
            head[0] = field.len() as u8;
            &head[..1]
        } else {
            head[0] = LONG_FIELD;
            head[1..].copy_from_slice(&(field.len() as u64).to_le_bytes());
            &head
        };
        Self(Block::from_parts(deadline, [head, field, value]))
    }

    /// Where the field begins and where the value does.
    #[inline]
    fn places(bytes: &[u8]) -> (usize, usize) {
        match bytes[0] {
            LONG_FIELD => {
                let len = bytes[1..].first_chunk().expect("the first byte announces eight more");
                (9, 9 + u64::from_le_bytes(*len) as usize)
            }
            short => (1, 1 + usize::from(short)),
        }
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        let bytes = self.0.bytes();
        &bytes[Self::places(bytes).1..]
    }

    /// Puts another value and deadline in place of the old ones; within the same allocation if they take as much room.
    pub(super) fn set(&mut self, value: &[u8], deadline: u64) {
        let same_deadline = self.0.deadline() == deadline || self.0.replace_deadline(deadline);
        let bytes = self.0.bytes_mut();
        let at = Self::places(bytes).1;
        if same_deadline && bytes.len() - at == value.len() {
            bytes[at..].copy_from_slice(value);
        } else {
            *self = Self::new(self.key(), value, deadline);
        }
    }
}

impl TableEntry for Field {
    #[inline]
    fn key(&self) -> &[u8] {
        let bytes = self.0.bytes();
        let (start, end) = Self::places(bytes);
        &bytes[start..end]
    }
}

macro_rules! mortal {
    ($($entry:ident),*) => {$(
        impl Mortal for $entry {
            #[inline]
            fn ends_at(&self) -> u64 {
                self.0.deadline()
            }

            fn set_end(&mut self, deadline: u64) {
                if self.0.deadline() != deadline && !self.0.replace_deadline(deadline) {
                    self.0 = self.0.with_deadline(deadline);
                }
            }

            #[inline]
            fn size(&self) -> usize {
                self.0.size()
            }

            fn relocate(&mut self, relocator: &mut Relocator<'_>) {
                self.0.relocate(relocator);
            }
        }
    )*};
}

mortal!(Member, Field);

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: [usize; 11] = [0, 1, 15, 127, 251, 252, 253, 254, 255, 65_535, 65_536];

    #[test]
    fn handles_are_one_word() {
        assert_eq!(size_of::<Option<Member>>(), size_of::<usize>());
        assert_eq!(size_of::<Option<Field>>(), size_of::<usize>());
        assert_eq!(Member::new(&[0; 15], NO_DEADLINE).size(), 16);
        assert_eq!(Member::new(&[0; 15], 1).size(), 25);
        assert_eq!(Field::new(b"field", b"value", NO_DEADLINE).size(), 12);
        assert_eq!(Field::new(b"field", b"value", 1).size(), 21);
    }

    #[test]
    fn members_of_every_length() {
        for len in LENGTHS {
            let text = vec![b'm'; len];
            let mut member = Member::new(&text, NO_DEADLINE);
            for deadline in [NO_DEADLINE, 7, 8, u64::MAX - 1, 0, NO_DEADLINE] {
                member.set_end(deadline);
                assert!(member.key() == text && member.ends_at() == deadline);
                let copy = member.clone();
                member = Member::new(&text, deadline);
                assert!(copy.key() == text && copy.ends_at() == deadline && copy.size() == member.size());
            }
        }
    }

    #[test]
    fn fields_of_every_length() {
        for len in LENGTHS {
            for value_len in LENGTHS {
                let (key, value) = (vec![b'f'; len], vec![b'v'; value_len]);
                let mut field = Field::new(&key, &value, NO_DEADLINE);
                let check = |field: &Field, value: &[u8], deadline| {
                    assert!(field.key() == key && field.value() == value && field.ends_at() == deadline);
                };
                check(&field, &value, NO_DEADLINE);
                field.set_end(NO_DEADLINE);
                field.set_end(7);
                check(&field, &value, 7);
                field.set_end(8);
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
