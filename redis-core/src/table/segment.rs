//! A segment: up to 64 buckets that share a prefix of their hashes.
//!
//! An entry's home bucket follows from the hash bits right behind the segment's prefix. If the home is full, the
//! entry goes to one of the next three buckets (round the end), and the home counts it as spilled, so that a search
//! which meets no spill looks at one cache line only.

use super::bucket::{Bucket, SLOTS, tag_of};
use super::{Due, NO_DEADLINE, TableEntry};

/// Log2 of the buckets of a full-grown segment: 64 buckets are 4 KiB.
pub(super) const FULL_BITS: u8 = 6;

/// How many buckets an entry may live in: its home and the next three.
const PROBES: usize = 4;

pub(super) struct Segment<E> {
    buckets: Box<[Bucket<E>]>,
    /// No entry ends before this.
    pub(super) deadline: u64,
    /// The top `depth` bits of every hash in here.
    pub(super) prefix: u32,
    /// How many entries are in here.
    pub(super) count: u16,
    pub(super) depth: u8,
    /// Log2 of the number of buckets.
    pub(super) bits: u8,
}

/// Where an entry lives in its segment.
#[derive(Clone, Copy)]
pub(super) struct Place {
    bucket: usize,
    slot: usize,
}

impl<E: TableEntry> Segment<E> {
    pub(super) fn new(prefix: u32, depth: u8, bits: u8) -> Self {
        Self { buckets: new_buckets(bits), deadline: NO_DEADLINE, prefix, count: 0, depth, bits }
    }

    /// How many entries there is room for.
    pub(super) fn slots(&self) -> usize {
        self.buckets.len() * SLOTS
    }

    /// Bytes of the buckets.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// The home bucket of a hash: the bits behind the prefix, so that homes ascend with hashes.
    #[inline]
    pub(super) fn home(&self, hash: u64) -> usize {
        let behind_prefix = hash.wrapping_shl(u32::from(self.depth)) >> (64 - FULL_BITS);
        behind_prefix.wrapping_shr(u32::from(FULL_BITS.wrapping_sub(self.bits))) as usize
    }

    /// The bucket `steps` behind `home`, round the end.
    #[inline]
    fn after(&self, home: usize, steps: usize) -> usize {
        home.wrapping_add(steps) & self.buckets.len().wrapping_sub(1)
    }

    /// How many buckets an entry may live in, in a small segment too.
    #[inline]
    fn probes(&self) -> usize {
        PROBES.min(self.buckets.len())
    }

    /// Where the entries live that spilled from `home`.
    #[inline]
    fn neighbours(&self, home: usize) -> impl Iterator<Item = usize> {
        (1..self.probes()).map(move |steps| self.after(home, steps))
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<&E> {
        let home = self.home(hash);
        let tag = tag_of(hash);
        let bucket = &self.buckets[home];
        bucket.find(tag, key).or_else(|| match bucket.spilled() {
            0 => None,
            _ => self.neighbours(home).find_map(|bucket| self.buckets[bucket].find(tag, key)),
        })
    }

    /// The place of the first entry that may have this hash and is wanted.
    #[inline]
    pub(super) fn locate(&self, hash: u64, wanted: impl Fn(&E) -> bool) -> Option<Place> {
        let home = self.home(hash);
        let tag = tag_of(hash);
        let locate = |bucket: usize| Some(Place { bucket, slot: self.buckets[bucket].locate(tag, &wanted)? });
        locate(home).or_else(|| match self.buckets[home].spilled() {
            0 => None,
            _ => self.neighbours(home).find_map(locate),
        })
    }

    #[inline]
    pub(super) fn at(&self, place: Place) -> Option<&E> {
        self.buckets[place.bucket].get(place.slot)
    }

    #[inline]
    pub(super) fn at_mut(&mut self, place: Place) -> Option<&mut E> {
        self.buckets[place.bucket].get_mut(place.slot)
    }

    /// Puts an entry where it may live, or gives it back if all those buckets are full.
    #[inline]
    pub(super) fn place(&mut self, hash: u64, entry: E) -> Result<Place, E> {
        let deadline = entry.deadline();
        let home = self.home(hash);
        let tag = tag_of(hash);
        let mut entry = entry;
        for steps in 0..self.probes() {
            let bucket = self.after(home, steps);
            match self.buckets[bucket].insert(tag, entry) {
                Ok(slot) => {
                    if steps > 0 {
                        self.buckets[home].add_spilled();
                    }
                    self.count += 1;
                    self.deadline = self.deadline.min(deadline);
                    return Ok(Place { bucket, slot });
                }
                Err(back) => entry = back,
            }
        }
        Err(entry)
    }

    /// Takes an entry of that hash out of its place.
    pub(super) fn take(&mut self, hash: u64, place: Place) -> Option<E> {
        let entry = self.buckets[place.bucket].take(place.slot)?;
        let home = self.home(hash);
        if home != place.bucket {
            self.buckets[home].remove_spilled();
        }
        self.count -= 1;
        Some(entry)
    }

    /// Takes everything out, with its hashes, and leaves the segment as if new, with `2^bits` buckets.
    pub(super) fn reset(&mut self, bits: u8, taken: &mut Vec<(u64, E)>) {
        // All keys are about to be hashed: one wait for memory instead of hundreds.
        self.prefetch_entries();
        taken.reserve(usize::from(self.count));
        for bucket in &mut self.buckets {
            taken.extend(bucket.take_all().map(|entry| (entry.hash(), entry)));
        }
        if bits != self.bits {
            self.buckets = new_buckets(bits);
            self.bits = bits;
        }
        self.count = 0;
        self.deadline = NO_DEADLINE;
    }

    /// Visits the entries at home in one bucket, wherever they live.
    pub(super) fn visit_home(&self, home: usize, visit: &mut dyn FnMut(&E)) {
        let bucket = &self.buckets[home];
        bucket.prefetch_entries();
        // Strangers from the buckets before live here only if one of those counts a spill; mostly none does, and then
        // no key needs to be hashed.
        let strangers =
            (1..self.probes()).any(|steps| self.buckets[self.after(home, self.buckets.len() - steps)].spilled() > 0);
        for entry in bucket.iter() {
            if !strangers || self.home(entry.hash()) == home {
                visit(entry);
            }
        }
        if bucket.spilled() > 0 {
            for neighbour in self.neighbours(home) {
                for entry in self.buckets[neighbour].iter() {
                    if self.home(entry.hash()) == home {
                        visit(entry);
                    }
                }
            }
        }
    }

    /// Visits the entries that are due, removes those that shall go, and learns the exact next deadline.
    pub(super) fn visit_due(&mut self, now: u64, visit: &mut dyn FnMut(&mut E) -> Due) {
        self.prefetch_entries();
        let mut next = NO_DEADLINE;
        for bucket in 0..self.buckets.len() {
            for slot in 0..SLOTS {
                let Some(entry) = self.buckets[bucket].get_mut(slot) else { continue };
                let mut deadline = entry.deadline();
                if deadline <= now {
                    match visit(entry) {
                        Due::Keep => deadline = entry.deadline(),
                        Due::Remove => {
                            let hash = entry.hash();
                            drop(self.take(hash, Place { bucket, slot }));
                            continue;
                        }
                    }
                }
                next = next.min(deadline);
            }
        }
        self.deadline = next;
    }

    /// The entry of the `index`th slot, counted over all buckets.
    pub(super) fn slot(&self, index: usize) -> Option<&E> {
        self.buckets[index / SLOTS].get(index % SLOTS)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &E> {
        self.buckets.iter().flat_map(Bucket::iter)
    }

    pub(super) fn into_entries(mut self) -> impl Iterator<Item = E> {
        self.prefetch_entries();
        let mut entries = Vec::with_capacity(usize::from(self.count));
        for bucket in &mut self.buckets {
            entries.extend(bucket.take_all());
        }
        entries.into_iter()
    }

    #[inline]
    pub(super) fn prefetch_bucket(&self, hash: u64) {
        self.buckets[self.home(hash)].prefetch();
    }

    #[inline]
    pub(super) fn prefetch_entry(&self, hash: u64) {
        self.buckets[self.home(hash)].prefetch_tagged(tag_of(hash));
    }
}

impl<E> Segment<E> {
    fn prefetch_entries(&self) {
        self.buckets.iter().for_each(Bucket::prefetch_entries);
    }
}

impl<E> Drop for Segment<E> {
    /// The buckets drop their entries; one wait for memory for all of them.
    fn drop(&mut self) {
        self.prefetch_entries();
    }
}

fn new_buckets<E>(bits: u8) -> Box<[Bucket<E>]> {
    (0..1_usize << bits).map(|_| Bucket::empty()).collect()
}
