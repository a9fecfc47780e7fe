//! One cache line of the table: seven entries, a tag byte for each, and a count of the entries that did not fit.
//!
//! This is the only file of the table that is `unsafe`: a slot is uninitialised memory unless its tag says otherwise,
//! which spares the branch on a null pointer and lets an entry be any owning handle. One invariant carries every
//! block:
//!
//! > `tags[i] != 0` exactly if `slots[i]` holds an entry, which the bucket owns.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use super::TableEntry;

/// How many entries a bucket holds.
pub(super) const SLOTS: usize = 7;

/// The eighth tag byte counts the entries at home here that live elsewhere.
const SPILLED: usize = 7;

/// The low seven bytes of a word of tags, the top bit of each.
const TOP_BITS: u64 = 0x0080_8080_8080_8080;

#[repr(C, align(64))]
pub(super) struct Bucket<E> {
    tags: [u8; 8],
    slots: [MaybeUninit<E>; SLOTS],
}

/// The tag of a hash: seven bits that neither the directory nor a shard's number looks at, never zero.
#[inline]
pub(super) const fn tag_of(hash: u64) -> u8 {
    (hash >> 8) as u8 | 0x80
}

/// A set of slots, as the top bit of their bytes.
#[derive(Clone, Copy)]
struct SlotSet(u64);

impl Iterator for SlotSet {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = (self.0.trailing_zeros() / 8) as usize;
        self.0 &= self.0.wrapping_sub(1);
        Some(slot)
    }
}

impl<E> Bucket<E> {
    pub(super) const fn empty() -> Self {
        Self { tags: [0; 8], slots: [const { MaybeUninit::uninit() }; SLOTS] }
    }

    /// The slots whose tag has its top bit set: every tag of an entry has.
    #[inline]
    fn occupied_slots(&self) -> SlotSet {
        SlotSet(u64::from_le_bytes(self.tags) & TOP_BITS)
    }

    /// Exactly the slots that carry `tag`: a zero byte is found without the carries that would mark its neighbours.
    #[inline]
    fn slots_tagged(&self, tag: u8) -> SlotSet {
        const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let difference = u64::from_le_bytes(self.tags) ^ u64::from(tag).wrapping_mul(0x0101_0101_0101_0101);
        let not_zero = (difference & LOW_BITS).wrapping_add(LOW_BITS) | difference;
        SlotSet(!not_zero & TOP_BITS)
    }

    /// How many entries at home here live elsewhere.
    #[inline]
    pub(super) fn spilled(&self) -> u8 {
        self.tags[SPILLED]
    }

    #[inline]
    pub(super) fn add_spilled(&mut self) {
        self.tags[SPILLED] += 1;
    }

    #[inline]
    pub(super) fn remove_spilled(&mut self) {
        self.tags[SPILLED] -= 1;
    }

    /// The entry of a slot known to be occupied.
    ///
    /// # Safety
    ///
    /// `slot` is below [`SLOTS`] and its tag is not zero.
    #[inline]
    unsafe fn entry(&self, slot: usize) -> &E {
        debug_assert!(self.tags[slot] != 0);
        // SAFETY: the caller vouches for the slot; its tag is not zero, so it holds an entry.
        unsafe { self.slots.get_unchecked(slot).assume_init_ref() }
    }

    #[inline]
    pub(super) fn get(&self, slot: usize) -> Option<&E> {
        if slot >= SLOTS || self.tags[slot] == 0 {
            return None;
        }
        // SAFETY: checked just above.
        Some(unsafe { self.entry(slot) })
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut E> {
        if slot >= SLOTS || self.tags[slot] == 0 {
            return None;
        }
        // SAFETY: the tag is not zero, so the slot holds an entry.
        Some(unsafe { self.slots[slot].assume_init_mut() })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &E> {
        // SAFETY: the set names the slots below SLOTS whose tag is not zero.
        self.occupied_slots().map(|slot| unsafe { self.entry(slot) })
    }

    /// Puts an entry into a free slot and tells which, or gives it back if there is none.
    #[inline]
    pub(super) fn insert(&mut self, tag: u8, entry: E) -> Result<usize, E> {
        let Some(slot) = self.slots_tagged(0).next() else {
            return Err(entry);
        };
        self.slots[slot].write(entry);
        self.tags[slot] = tag;
        Ok(slot)
    }

    /// Takes the entry out of a slot.
    #[inline]
    pub(super) fn take(&mut self, slot: usize) -> Option<E> {
        if slot >= SLOTS || self.tags[slot] == 0 {
            return None;
        }
        self.tags[slot] = 0;
        // SAFETY: the tag was not zero, so the slot held an entry; it is zero now, so nobody reads the slot again.
        Some(unsafe { self.slots[slot].assume_init_read() })
    }

    /// Takes every entry out and forgets what was spilled.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = E> {
        self.tags[SPILLED] = 0;
        (0..SLOTS).filter_map(|slot| self.take(slot))
    }

    /// Asks the processor to fetch the start of every entry.
    #[inline]
    pub(super) fn prefetch_entries(&self) {
        for slot in self.occupied_slots() {
            // SAFETY: the set names the slots below SLOTS whose tag is not zero.
            prefetch(address(unsafe { self.entry(slot) }));
        }
    }

    /// Asks the processor to fetch the entry that probably has this tag: where it starts, and its next line, into which
    /// most keys and small values reach.
    #[inline]
    pub(super) fn prefetch_tagged(&self, tag: u8) {
        if let Some(slot) = self.slots_tagged(tag).next() {
            // SAFETY: the slot is below SLOTS and carries `tag`, which is not zero.
            let start = address(unsafe { self.entry(slot) });
            prefetch(start);
            prefetch(start.wrapping_add(48));
        }
    }

    /// Asks the processor to fetch the bucket itself.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(std::ptr::from_ref(self).cast());
    }
}

impl<E: TableEntry> Bucket<E> {
    /// The entry with this key.
    #[inline]
    pub(super) fn find(&self, tag: u8, key: &[u8]) -> Option<&E> {
        // SAFETY: the set names slots below SLOTS that carry `tag`, which is not zero.
        self.slots_tagged(tag).map(|slot| unsafe { self.entry(slot) }).find(|entry| entry.key() == key)
    }

    /// The slot of the first entry with this tag that is wanted.
    #[inline]
    pub(super) fn locate(&self, tag: u8, wanted: impl Fn(&E) -> bool) -> Option<usize> {
        // SAFETY: the set names slots below SLOTS that carry `tag`, which is not zero.
        self.slots_tagged(tag).find(|&slot| wanted(unsafe { self.entry(slot) }))
    }
}

impl<E> Drop for Bucket<E> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<E>() {
            self.take_all().for_each(drop);
        }
    }
}

/// Where the allocation behind an owning handle starts. Only good for a prefetch, which may be given any address.
#[inline]
fn address<E>(entry: &E) -> *const u8 {
    const { assert!(size_of::<E>() == size_of::<*const u8>(), "an entry is a pointer-sized handle") };
    // SAFETY: the handle is as large as a pointer, and any bits make a pointer that is never dereferenced.
    // `MaybeUninit` would only matter for a handle with padding, and nothing that owns one allocation in eight bytes
    // has any.
    unsafe { std::mem::transmute_copy(entry) }
}

#[inline]
fn prefetch(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch has no effect on memory and does not fault, whatever the address.
        unsafe { _mm_prefetch(address.cast(), _MM_HINT_T0) };
    }
    #[cfg(any(not(target_arch = "x86_64"), miri))]
    let _ = address;
}
