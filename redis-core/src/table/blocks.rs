//! The buckets of a segment, in blocks of sixteen.
//!
//! A segment that grows gets one block more and gives nothing back. In one piece, its buckets would leave a hole of their
//! former size behind, and as all segments grow at about the same time, there would be many holes and few pages that are
//! wholly free. A block is a kilobyte, of which allocators cut four out of a page.
//!
//! The pointers to blocks are bare, so that all there is to know of a segment stands in one cache line: the number of
//! buckets tells how long each block is. One invariant carries every `unsafe` here:
//!
//! > Bucket `i` of the `len` that there are stands in block `i / BLOCK`, which this owns; blocks behind are null.

#![allow(unsafe_code)]

use std::ops::{Index, IndexMut, Range};
use std::ptr::{self, slice_from_raw_parts_mut};

use super::bucket::Bucket;

/// How many buckets a block has. Only the first may have fewer, if it is the only one.
pub(super) const BLOCK: usize = 16;

const BLOCKS: usize = 5;

/// How many buckets there can be.
pub(super) const MOST: usize = BLOCKS * BLOCK;

pub(super) struct Buckets<E> {
    blocks: [*mut Bucket<E>; BLOCKS],
    len: u8,
}

// SAFETY: it owns its buckets like a `Vec`.
unsafe impl<E: Send> Send for Buckets<E> {}
// SAFETY: as above.
unsafe impl<E: Sync> Sync for Buckets<E> {}

impl<E> Buckets<E> {
    /// So many empty ones.
    pub(super) fn new(len: usize) -> Self {
        let mut buckets = Self { blocks: [ptr::null_mut(); BLOCKS], len: 0 };
        buckets.set_len(len);
        buckets
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Changes how many there are. Blocks that stay as long as they are stay as they are; others begin empty, and what was in
    /// them is dropped.
    pub(super) fn set_len(&mut self, len: usize) {
        assert!(len <= MOST);
        let before = self.len();
        // If anything panics, what is not counted leaks.
        self.len = 0;
        for number in 0..BLOCKS {
            let (old, new) = (block_len(number, before), block_len(number, len));
            if old != new {
                let block = std::mem::replace(&mut self.blocks[number], new_block(new));
                // SAFETY: by the invariant it was so long, and it is not used again.
                unsafe { free_block(block, old) };
            }
        }
        self.len = len as u8;
    }

    /// The blocks, each as the range of its buckets.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<E> {
        let len = self.len();
        (0..len).step_by(BLOCK).map(move |start| start..len.min(start + BLOCK))
    }

    /// Moves the buckets of a block to another allocation.
    pub(super) fn relocate(&mut self, block: Range<usize>) {
        let moved = new_block(block.len());
        let former = std::mem::replace(&mut self.blocks[block.start / BLOCK], moved);
        // SAFETY: both have that many buckets. The former ones are empty after that.
        unsafe {
            ptr::swap_nonoverlapping(former, moved, block.len());
            free_block(former, block.len());
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Bucket<E>> {
        (0..self.len()).map(|index| &self[index])
    }

    /// Calls back with each.
    pub(super) fn for_each_mut(&mut self, mut visit: impl FnMut(&mut Bucket<E>)) {
        (0..self.len()).for_each(|index| visit(&mut self[index]));
    }
}

impl<E> Index<usize> for Buckets<E> {
    type Output = Bucket<E>;

    #[inline]
    fn index(&self, index: usize) -> &Bucket<E> {
        assert!(index < self.len());
        // SAFETY: the invariant.
        unsafe { &*self.blocks.get_unchecked(index / BLOCK).add(index % BLOCK) }
    }
}

impl<E> IndexMut<usize> for Buckets<E> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut Bucket<E> {
        assert!(index < self.len());
        // SAFETY: the invariant; and this is borrowed as long as the bucket.
        unsafe { &mut *self.blocks.get_unchecked(index / BLOCK).add(index % BLOCK) }
    }
}

impl<E> Drop for Buckets<E> {
    fn drop(&mut self) {
        self.set_len(0);
    }
}

/// How many of `len` buckets stand in a block.
fn block_len(number: usize, len: usize) -> usize {
    len.saturating_sub(number * BLOCK).min(BLOCK)
}

/// An allocation of empty buckets; null for none.
fn new_block<E>(len: usize) -> *mut Bucket<E> {
    if len == 0 {
        return ptr::null_mut();
    }
    let block: Box<[Bucket<E>]> = (0..len).map(|_| Bucket::empty()).collect();
    Box::into_raw(block).cast()
}

/// Frees what [`new_block`] has made.
///
/// # Safety
///
/// The block has that many buckets, and is not used again.
unsafe fn free_block<E>(block: *mut Bucket<E>, len: usize) {
    if len > 0 {
        // SAFETY: it was a box of so many.
        drop(unsafe { Box::from_raw(slice_from_raw_parts_mut(block, len)) });
    }
}
