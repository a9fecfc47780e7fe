//! [`Buffer`]: bytes that grow, in a handle of two words; and the size classes of the allocator.
//!
//! A `Vec` takes three words, and one of them is too many: the handle stands in the entry of a key and in every node of a
//! list. So the length has four bytes, and the capacity none, as it follows from the length: it is the size class that an
//! allocator would round the request up to. That is no waste, and turns most insertions into a move of bytes without a
//! call to the allocator. The other four bytes are a note of the owner's.
//!
//! A small collection has its bytes in the entry of its key, and is only *lent* a buffer that shows them. Such a buffer
//! frees nothing, and whoever changes it changes a copy of its own. One of the few modules with `unsafe`.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::relocate::Relocator;

/// The bytes that jemalloc sets aside for an allocation: multiples of 16 up to 128, then four classes to each doubling.
pub(crate) const fn size_class(size: usize) -> usize {
    match size {
        0..=8 => 8,
        9..=128 => size.next_multiple_of(16),
        _ => {
            let step = (size - 1).ilog2() - 2;
            size.next_multiple_of(1 << step)
        }
    }
}

/// In the length: the bytes are somebody else's.
const LENT: u32 = 1 << 31;

/// How many bytes a buffer has at most.
pub(super) const LEN_MAX: usize = LENT as usize - 1;

/// Bytes that grow, to less than two gigabytes, and what their owner notes of them.
pub(super) struct Buffer<Note = ()> {
    start: NonNull<u8>,
    /// The length, and whether the bytes are lent. Those that are not lent stand in an allocation of the length's size
    /// class; none, if there are no bytes.
    len: u32,
    pub(super) note: Note,
}

// SAFETY: an owned buffer is a `Vec<u8>`, a lent one a `&[u8]`; both may go to another thread.
unsafe impl<Note: Send> Send for Buffer<Note> {}
// SAFETY: `&Buffer` gives `&[u8]` and `&Note`, nothing else.
unsafe impl<Note: Sync> Sync for Buffer<Note> {}

impl<Note> Buffer<Note> {
    /// No bytes, and no allocation.
    pub(super) const fn new(note: Note) -> Self {
        Self { start: NonNull::dangling(), len: 0, note }
    }

    /// A buffer with a copy of `bytes`.
    pub(super) fn copied(bytes: &[u8], note: Note) -> Self {
        // SAFETY: the bytes are borrowed until the buffer has its own.
        let mut buffer = unsafe { Self::lent(bytes, note) };
        buffer.own();
        buffer
    }

    /// A buffer that shows `bytes`, which somebody else owns.
    ///
    /// # Safety
    ///
    /// The bytes stay where they are, and nobody changes them, for as long as the buffer is not changed or dropped.
    ///
    /// # Panics
    ///
    /// If there are two gigabytes of them.
    #[inline]
    pub(super) unsafe fn lent(bytes: &[u8], note: Note) -> Self {
        assert!(bytes.len() <= LEN_MAX, "so much is not lent");
        Self { start: NonNull::from(bytes).cast(), len: bytes.len() as u32 | LENT, note }
    }

    /// How many bytes it holds of the heap.
    pub(super) fn memory(&self) -> usize {
        if self.is_lent() { 0 } else { capacity_for(self.len()) }
    }

    #[inline]
    const fn is_lent(&self) -> bool {
        self.len & LENT != 0
    }

    /// Replaces the `old` bytes at `at` by a gap of `new` bytes, whose content is unspecified, and moves what lies behind
    /// them.
    ///
    /// # Panics
    ///
    /// If there are no `old` bytes at `at`, or two gigabytes afterwards.
    pub(super) fn splice(&mut self, at: usize, old: usize, new: usize) {
        let len = self.len();
        let behind = len.checked_sub(at + old).expect("what is replaced is there");
        let after = at + new + behind;
        assert!(after <= LEN_MAX, "no buffer grows to two gigabytes");
        if after > len {
            self.reallocate(len, after);
        } else {
            self.own();
        }
        // SAFETY: both ranges are inside the allocation, which has room for the bytes that are there and for those that
        // will be. The first is initialised; what the gap adds behind the old end is zeroed.
        unsafe {
            let gap = self.start.add(at);
            gap.add(old).copy_to(gap.add(new), behind);
            if at + new > len {
                self.start.add(len).write_bytes(0, at + new - len);
            }
        }
        if after < len {
            self.reallocate(after, after);
        }
        self.len = after as u32;
    }

    /// Moves the bytes to another allocation, if that is wanted and they are the buffer's own.
    pub(super) fn relocate(&mut self, relocator: &mut Relocator<'_>)
    where
        Note: Copy,
    {
        if self.memory() > 0 && relocator.wants(self.start.as_ptr()) {
            *self = self.clone();
        }
    }

    /// Adds bytes at the end.
    pub(super) fn extend_from_slice(&mut self, bytes: &[u8]) {
        let (len, after) = (self.len(), self.len() + bytes.len());
        assert!(after <= LEN_MAX, "no buffer grows to two gigabytes");
        self.reallocate(len, after);
        // SAFETY: there is room for so many bytes, and nobody else has the allocation.
        unsafe { self.start.add(len).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        self.len = after as u32;
    }

    /// Makes the bytes the buffer's own.
    #[inline]
    fn own(&mut self) {
        if self.is_lent() {
            self.reallocate(self.len(), self.len());
        }
    }

    /// Keeps the first `kept` bytes in an allocation for `len` of them, which is the buffer's own. The length stays as it
    /// is, so the caller says it next, before the buffer is used; but it is lent no longer.
    #[inline]
    fn reallocate(&mut self, kept: usize, len: usize) {
        let (old, new) = (self.memory(), capacity_for(len));
        if old != new || self.is_lent() {
            self.move_to(old, new, kept);
        }
        self.len &= !LENT;
    }

    /// Moves `kept` bytes from an allocation of `old` bytes, or from where they are lent, to one of `new` bytes.
    fn move_to(&mut self, old: usize, new: usize, kept: usize) {
        // SAFETY: what has `old` bytes was allocated here with the layout that follows from them. Both are allocations
        // of no zero bytes where they are used as such; `kept` bytes fit either, and they do not overlap.
        unsafe {
            if new == 0 {
                if old > 0 {
                    dealloc(self.start.as_ptr(), layout(old));
                }
                self.start = NonNull::dangling();
                return;
            }
            let start = if old > 0 { realloc(self.start.as_ptr(), layout(old), new) } else { alloc(layout(new)) };
            let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout(new)));
            if old == 0 {
                start.copy_from_nonoverlapping(self.start, kept);
            }
            self.start = start;
        }
    }
}

/// The size of the allocation that `len` bytes stand in.
#[inline]
fn capacity_for(len: usize) -> usize {
    if len == 0 { 0 } else { size_class(len) }
}

fn layout(capacity: usize) -> Layout {
    Layout::array::<u8>(capacity).expect("two gigabytes can be laid out")
}

impl<Note> Deref for Buffer<Note> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes are there and initialised, owned or lent; they change under `&mut self` only.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), (self.len & !LENT) as usize) }
    }
}

impl<Note> DerefMut for Buffer<Note> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.own();
        // SAFETY: as above; and the buffer owns them.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len as usize) }
    }
}

impl<Note: Copy> Clone for Buffer<Note> {
    fn clone(&self) -> Self {
        Self::copied(self, self.note)
    }
}

impl<Note> Drop for Buffer<Note> {
    fn drop(&mut self) {
        let capacity = self.memory();
        if capacity > 0 {
            // SAFETY: it was allocated here with the layout that follows from its capacity, and is not used again.
            unsafe { dealloc(self.start.as_ptr(), layout(capacity)) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::below;

    #[test]
    fn classes_are_those_of_the_allocator() {
        let classes = [
            (7, 8),
            (9, 16),
            (17, 32),
            (128, 128),
            (129, 160),
            (161, 192),
            (193, 224),
            (225, 256),
            (256, 256),
            (257, 320),
            (1_025, 1_280),
            (14_336, 14_336),
            (14_337, 16_384),
        ];
        for (size, class) in classes {
            assert_eq!(size_class(size), class, "{size}");
        }
    }

    #[test]
    fn splice_moves_what_lies_behind() {
        let mut buffer = Buffer::copied(b"0123456789", ());
        buffer.splice(2, 3, 5);
        buffer[2..7].copy_from_slice(b"abcde");
        assert_eq!(&*buffer, b"01abcde56789");
        buffer.splice(0, 11, 0);
        assert_eq!((&*buffer, buffer.memory()), (&b"9"[..], 8));
        buffer.splice(0, 1, 0);
        assert!(buffer.is_empty());
    }

    #[test]
    fn agrees_with_a_vector() {
        for _ in 0..if cfg!(miri) { 4 } else { 200 } {
            let mut model: Vec<u8> = (0..below(50)).map(|_| below(256) as u8).collect();
            let mut buffer = Buffer::copied(&model, ());
            for _ in 0..100 {
                let at = below(model.len() + 1);
                let old = below(model.len() - at + 1);
                let new: Vec<u8> = (0..below(60)).map(|_| below(256) as u8).collect();
                model.splice(at..at + old, new.iter().copied());
                buffer.splice(at, old, new.len());
                buffer[at..at + new.len()].copy_from_slice(&new);
                assert_eq!(&*buffer, &*model);
                assert_eq!(&*buffer.clone(), &*model);
            }
        }
    }

    #[test]
    fn a_lent_buffer_is_copied_when_it_is_changed() {
        let owner = *b"lent bytes";
        // SAFETY: the owner outlives the buffers and does not change.
        let lend = || unsafe { Buffer::lent(&owner, ()) };
        let (mut overwritten, mut shortened) = (lend(), lend());
        assert_eq!((&*overwritten, overwritten.memory()), (&owner[..], 0));
        overwritten[0] = b'b';
        shortened.splice(4, 6, 0);
        let empty = {
            let mut empty = lend();
            empty.splice(0, owner.len(), 0);
            empty
        };
        assert_eq!((&*overwritten, &*shortened, &*empty), (&b"bent bytes"[..], &b"lent"[..], &b""[..]));
        assert_eq!(&owner, b"lent bytes");
    }
}
