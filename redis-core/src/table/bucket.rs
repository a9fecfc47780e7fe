//! One cache line of the table: seven entries, a tag byte for each, and a count of the entries that did not fit.
//!
//! A tag tells apart those at home here from strangers that spilled from a bucket before: a search at home does not
//! look at strangers, nor a search for what spilled at those at home.
//!
//! A slot is uninitialised memory unless its tag says otherwise, which spares the branch on a null pointer and lets an entry
//! be any owning handle. One invariant carries every `unsafe` block:
//!
//! > `tags[i] != 0` exactly if `slots[i]` holds an entry, which the bucket owns.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use super::TableEntry;
use crate::prefetch::prefetch;

/// How many entries a bucket holds.
pub(super) const SLOTS: usize = 7;

/// How large a bucket is: a cache line.
pub(super) const BUCKET_BYTES: usize = 64;

/// The eighth tag byte counts the entries at home here that live elsewhere.
const SPILLED: usize = 7;

/// The low seven bytes of a word of tags, the top bit of each.
const TOP_BITS: u64 = 0x0080_8080_8080_8080;

/// The top bit of a tag: the entry is at home here.
const AT_HOME: u8 = 0x80;

#[repr(C, align(64))]
pub(super) struct Bucket<E> {
    tags: [u8; 8],
    slots: [MaybeUninit<E>; SLOTS],
}

/// How many bits of a position a tag of an entry at home tells.
pub(super) const TAG_BITS: u8 = 7;

/// The low bits of an entry's position in its segment, and whether it is at home; never zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u8);

impl Tag {
    /// The tag in the bucket where a position is at home.
    #[inline]
    pub(super) const fn at_home(position: u32) -> Self {
        Self(position as u8 | AT_HOME)
    }

    /// The tag in the buckets behind it. Zero means a free slot, so here it counts as one.
    #[inline]
    pub(super) const fn stranger(position: u32) -> Self {
        match position as u8 & !AT_HOME {
            0 => Self(1),
            bits => Self(bits),
        }
    }

    /// The same entry's tag in a bucket behind its home.
    pub(super) const fn of_stranger(self) -> Self {
        Self::stranger(self.0 as u32)
    }

    /// The low bits of the position, if they are known exactly.
    #[inline]
    pub(super) const fn position_bits(self) -> Option<u32> {
        if self.0 & AT_HOME != 0 { Some((self.0 & !AT_HOME) as u32) } else { None }
    }
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

    #[inline]
    fn occupied_slots(&self) -> SlotSet {
        SlotSet(!self.slots_with(0).0 & TOP_BITS)
    }

    #[inline]
    fn slots_at_home(&self) -> SlotSet {
        SlotSet(u64::from_le_bytes(self.tags) & TOP_BITS)
    }

    #[inline]
    fn slots_of_strangers(&self) -> SlotSet {
        SlotSet(self.occupied_slots().0 & !self.slots_at_home().0)
    }

    #[inline]
    fn slots_tagged(&self, tag: Tag) -> SlotSet {
        self.slots_with(tag.0)
    }

    /// Exactly the slots whose tag is this: a zero byte is found without the carries that would mark its neighbours.
    #[inline]
    fn slots_with(&self, tag: u8) -> SlotSet {
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
        self.entries(self.occupied_slots())
    }

    /// The entries at home here that live here.
    pub(super) fn at_home(&self) -> impl Iterator<Item = &E> {
        self.entries(self.slots_at_home())
    }

    /// The entries that live here and are at home in a bucket before.
    pub(super) fn strangers(&self) -> impl Iterator<Item = &E> {
        self.entries(self.slots_of_strangers())
    }

    fn entries(&self, slots: SlotSet) -> impl Iterator<Item = &E> {
        slots.filter_map(|slot| self.get(slot))
    }

    /// Whether no slot is free.
    pub(super) fn is_full(&self) -> bool {
        self.slots_with(0).next().is_none()
    }

    /// The first slot of an entry that is at home here.
    pub(super) fn slot_at_home(&self) -> Option<usize> {
        self.slots_at_home().next()
    }

    /// Puts an entry into a free slot and tells which, or gives it back if there is none.
    #[inline]
    pub(super) fn insert(&mut self, tag: Tag, entry: E) -> Result<usize, E> {
        let Some(slot) = self.slots_with(0).next() else {
            return Err(entry);
        };
        self.slots[slot].write(entry);
        // All eight at once: who reads them next, as when entries are dealt out, would have to wait for a single byte.
        self.tags = (u64::from_le_bytes(self.tags) | u64::from(tag.0) << (8 * slot)).to_le_bytes();
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

    /// Takes the entry out of a slot, with its tag.
    pub(super) fn take_tagged(&mut self, slot: usize) -> Option<(Tag, E)> {
        let tag = Tag(*self.tags[..SLOTS].get(slot)?);
        Some((tag, self.take(slot)?))
    }

    /// Takes every entry out and forgets what was spilled.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = (Tag, E)> {
        self.tags[SPILLED] = 0;
        (0..SLOTS).filter_map(|slot| self.take_tagged(slot))
    }

    /// Asks the processor to fetch the start of every entry.
    #[inline]
    pub(super) fn prefetch_entries(&self) {
        self.iter().for_each(|entry| prefetch(address(entry)));
    }

    /// Asks the processor to fetch the start of every entry that is not at home here.
    #[inline]
    pub(super) fn prefetch_strangers(&self) {
        self.strangers().for_each(|entry| prefetch(address(entry)));
    }

    /// Asks the processor to fetch the entry that probably has this tag: where it starts, and the next line, into which all
    /// but the smallest reach. (GETs of 64 bytes from a million keys at pipeline 64 take 9 % less of the processor than with
    /// the byte 48 behind the start, those of 3 bytes no more.) `false` if there is none.
    #[inline]
    pub(super) fn prefetch_tagged(&self, tag: Tag) -> bool {
        let Some(slot) = self.slots_tagged(tag).next() else { return false };
        // SAFETY: the slot is below SLOTS and carries `tag`, which is not zero.
        let start = address(unsafe { self.entry(slot) });
        prefetch(start);
        prefetch(start.wrapping_add(64));
        true
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
    pub(super) fn find(&self, tag: Tag, key: &[u8]) -> Option<&E> {
        // SAFETY: the set names slots below SLOTS that carry `tag`, which is not zero.
        self.slots_tagged(tag).map(|slot| unsafe { self.entry(slot) }).find(|entry| entry.key() == key)
    }

    /// The slot of the first entry with this tag that is wanted.
    #[inline]
    pub(super) fn locate(&self, tag: Tag, wanted: impl Fn(&E) -> bool) -> Option<usize> {
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
