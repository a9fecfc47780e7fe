//! A segment: up to 80 buckets that share a prefix of their hashes.
//!
//! The twelve hash bits right behind the segment's prefix are an entry's *position* in it, whatever its number of
//! buckets, and its home bucket is `position * buckets / 2^12`, rounded down. If the home is full, the entry goes to one
//! of the next three buckets (round the end), and the home counts it as spilled, so that a search which meets no spill
//! looks at one cache line only.
//!
//! A tag is the low seven bits of the position. Where there are at least 32 buckets, a home holds at most 128 positions,
//! so bucket and tag of an entry at home tell its whole position: it can be given a place among more buckets without a
//! look at its key. Only strangers must be hashed for that.

use std::ptr;

use super::blocks::{BLOCK, Buckets, MOST};
use super::bucket::{Bucket, SLOTS, TAG_BITS, Tag};
use super::{Due, NO_DEADLINE, TableEntry};

/// How many bits a position has.
pub(super) const POSITION_BITS: u8 = 12;

/// The numbers of buckets that a segment may have: part of a block, or whole ones.
pub(super) const SIZES: [usize; 9] = [1, 2, 4, 8, BLOCK, 2 * BLOCK, 3 * BLOCK, 4 * BLOCK, MOST];

/// The buckets of a full-grown segment: 5 KiB.
pub(super) const FULL_SIZE: usize = MOST;

/// A segment that is not alone has at least so many buckets: from here on a bucket and a tag tell the position.
pub(super) const LEAST_SIZE: usize = 1 << (POSITION_BITS - TAG_BITS);

/// The least number of buckets, of those allowed, which `count` entries fill to `percent` at most.
pub(super) fn size_for(count: usize, percent: usize, least: usize) -> usize {
    let fits = |size: &usize| *size >= least && count * 100 <= size * SLOTS * percent;
    SIZES.into_iter().find(fits).unwrap_or(FULL_SIZE)
}

/// How many buckets an entry may live in: its home and the next three.
const PROBES: usize = 4;

/// One cache line.
#[repr(align(64))]
pub(super) struct Segment<E> {
    buckets: Buckets<E>,
    /// No entry ends before this.
    pub(super) deadline: u64,
    /// The top `depth` bits of every hash in here.
    pub(super) prefix: u32,
    /// How many entries are in here.
    pub(super) count: u16,
    pub(super) depth: u8,
}

/// Where an entry lives in its segment.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    bucket: usize,
    slot: usize,
}

impl<E: TableEntry> Segment<E> {
    pub(super) fn new(prefix: u32, depth: u8, size: usize) -> Self {
        Self { buckets: Buckets::new(size), deadline: NO_DEADLINE, prefix, count: 0, depth }
    }

    /// Makes an emptied segment one with another prefix.
    pub(super) fn begin(&mut self, prefix: u32, depth: u8, size: usize) {
        debug_assert_eq!(self.count, 0, "it is emptied");
        (self.prefix, self.depth) = (prefix, depth);
        self.buckets.set_len(size);
    }

    /// The number of buckets.
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.buckets.len()
    }

    /// The next larger number of buckets.
    pub(super) fn larger_size(&self) -> Option<usize> {
        SIZES.into_iter().find(|&size| size > self.size())
    }

    /// How many entries there is room for.
    pub(super) fn slots(&self) -> usize {
        self.size() * SLOTS
    }

    /// The bits behind the prefix.
    #[inline]
    fn position(&self, hash: u64) -> u32 {
        position(hash, self.depth)
    }

    /// The bucket where a position is at home. Homes ascend with positions, as these do with hashes.
    #[inline]
    fn home_of(&self, position: u32) -> usize {
        (position as usize).wrapping_mul(self.size()) >> POSITION_BITS
    }

    /// The home bucket of a hash.
    #[inline]
    pub(super) fn home(&self, hash: u64) -> usize {
        self.home_of(self.position(hash))
    }

    /// The first position that is at home in a bucket; of the bucket behind the last one, the end of all positions.
    pub(super) fn start(&self, home: usize) -> u32 {
        start(home, self.size())
    }

    /// The bucket `steps` behind `home`, round the end.
    #[inline]
    fn after(&self, home: usize, steps: usize) -> usize {
        let bucket = home.wrapping_add(steps);
        if bucket < self.size() { bucket } else { bucket.wrapping_sub(self.size()) }
    }

    /// How many buckets an entry may live in, in a small segment too.
    #[inline]
    fn probes(&self) -> usize {
        PROBES.min(self.size())
    }

    /// Where the entries live that spilled from `home`.
    #[inline]
    fn neighbours(&self, home: usize) -> impl Iterator<Item = usize> {
        (1..self.probes()).map(move |steps| self.after(home, steps))
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<&E> {
        let position = self.position(hash);
        let home = self.home_of(position);
        let bucket = &self.buckets[home];
        bucket.find(Tag::at_home(position), key).or_else(|| match bucket.spilled() {
            0 => None,
            _ => self.neighbours(home).find_map(|bucket| self.buckets[bucket].find(Tag::stranger(position), key)),
        })
    }

    /// The place of the first entry that may have this hash and is wanted.
    #[inline]
    pub(super) fn locate(&self, hash: u64, wanted: impl Fn(&E) -> bool) -> Option<Place> {
        let position = self.position(hash);
        let home = self.home_of(position);
        let locate = |bucket: usize, tag: Tag| Some(Place { bucket, slot: self.buckets[bucket].locate(tag, &wanted)? });
        locate(home, Tag::at_home(position)).or_else(|| match self.buckets[home].spilled() {
            0 => None,
            _ => self.neighbours(home).find_map(|bucket| locate(bucket, Tag::stranger(position))),
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
        let place = self.place_at(self.position(hash), entry)?;
        self.deadline = self.deadline.min(deadline);
        Ok(place)
    }

    #[inline(always)]
    fn place_at(&mut self, position: u32, entry: E) -> Result<Place, E> {
        let home = self.home_of(position);
        match self.buckets[home].insert(Tag::at_home(position), entry) {
            Ok(slot) => {
                self.count += 1;
                Ok(Place { bucket: home, slot })
            }
            Err(entry) => self.place_behind(home, position, entry),
        }
    }

    /// Puts an entry into a bucket behind its home, which is full.
    fn place_behind(&mut self, home: usize, position: u32, entry: E) -> Result<Place, E> {
        let mut entry = entry;
        for steps in 1..self.probes() {
            let bucket = self.after(home, steps);
            match self.buckets[bucket].insert(Tag::stranger(position), entry) {
                Ok(slot) => {
                    self.buckets[home].add_spilled();
                    self.count += 1;
                    return Ok(Place { bucket, slot });
                }
                Err(back) => entry = back,
            }
        }
        self.place_instead(home, position, entry)
    }

    /// Makes room among full buckets: one that is at home in a bucket behind `home` moves to a free slot further on. Only
    /// those at home move, for which neither key nor hash is needed.
    #[cold]
    fn place_instead(&mut self, home: usize, position: u32, entry: E) -> Result<Place, E> {
        let movable = self.neighbours(home).find_map(|bucket| {
            let slot = self.buckets[bucket].slot_at_home()?;
            let free = self.neighbours(bucket).find(|&further| !self.buckets[further].is_full())?;
            Some((bucket, slot, free))
        });
        let Some((bucket, slot, free)) = movable else { return Err(entry) };
        let Some((tag, moved)) = self.buckets[bucket].take_tagged(slot) else { return Err(entry) };
        assert!(self.buckets[free].insert(tag.of_stranger(), moved).is_ok(), "there is a free slot");
        self.buckets[bucket].add_spilled();
        self.buckets[home].add_spilled();
        self.count += 1;
        self.buckets[bucket].insert(Tag::stranger(position), entry).map(|slot| Place { bucket, slot })
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

    /// Takes everything out, with its hashes.
    pub(super) fn take_all(&mut self, taken: &mut Vec<(u64, E)>) {
        // All keys are about to be hashed: one wait for memory instead of hundreds.
        self.prefetch_entries();
        taken.reserve(usize::from(self.count));
        self.buckets.for_each_mut(|bucket| taken.extend(bucket.take_all().map(|(_, entry)| (entry.hash(), entry))));
        self.count = 0;
        self.deadline = NO_DEADLINE;
    }

    /// Gives the entries another number of buckets; what finds no place among these is added to `left_over`.
    pub(super) fn resize(&mut self, size: usize, left_over: &mut Vec<(u64, E)>) {
        let (size_before, depth) = (self.size(), self.depth);
        let tags_tell = size_before >= LEAST_SIZE;
        self.buckets.iter().for_each(if tags_tell { Bucket::prefetch_strangers } else { Bucket::prefetch_entries });
        let mut taken = Vec::with_capacity(usize::from(self.count));
        for home in 0..size_before {
            let start = start(home, size_before);
            for (tag, entry) in self.buckets[home].take_all() {
                let position = match tag.position_bits() {
                    Some(bits) if tags_tell => start + (bits.wrapping_sub(start) & ((1 << TAG_BITS) - 1)),
                    _ => position(entry.hash(), depth),
                };
                taken.push((position, entry));
            }
        }
        self.count = 0;
        self.buckets.set_len(size);
        for (position, entry) in taken {
            if let Err(entry) = self.place_at(position, entry) {
                left_over.push((entry.hash(), entry));
            }
        }
    }

    /// Visits the entries at home in one bucket, wherever they live.
    pub(super) fn visit_home(&self, home: usize, visit: &mut dyn FnMut(&E)) {
        let bucket = &self.buckets[home];
        bucket.prefetch_entries();
        bucket.at_home().for_each(&mut *visit);
        if bucket.spilled() > 0 {
            for neighbour in self.neighbours(home) {
                self.buckets[neighbour]
                    .strangers()
                    .filter(|entry| self.home(entry.hash()) == home)
                    .for_each(&mut *visit);
            }
        }
    }

    /// Moves blocks of buckets, if `wants` says so of where they begin, and visits all entries.
    pub(super) fn relocate(&mut self, wants: &mut dyn FnMut(*const u8) -> bool, visit: &mut dyn FnMut(&mut E)) {
        for block in self.buckets.blocks() {
            if wants(ptr::from_ref(&self.buckets[block.start]).cast()) {
                self.buckets.relocate(block);
            }
        }
        self.prefetch_entries();
        self.buckets.for_each_mut(|bucket| {
            (0..SLOTS).for_each(|slot| bucket.get_mut(slot).into_iter().for_each(&mut *visit));
        });
    }

    /// Visits the entries at home in one bucket after another, from `home` on, until `count` have been visited or the last
    /// bucket has. Answers the next home.
    pub(super) fn visit_homes(&self, home: usize, count: usize, visit: &mut dyn FnMut(&E)) -> usize {
        let mut visited = 0;
        for home in home..self.size() {
            if count - visited > SLOTS {
                self.prefetch_ahead(home);
            }
            self.visit_home(home, &mut |entry| {
                visited += 1;
                visit(entry);
            });
            if visited >= count {
                return home + 1;
            }
        }
        self.size()
    }

    /// Visits the entries that are due, removes those that shall go, and learns the exact next deadline.
    pub(super) fn visit_due(&mut self, now: u64, visit: &mut dyn FnMut(&mut E) -> Due) {
        self.prefetch_entries();
        let mut next = NO_DEADLINE;
        for bucket in 0..self.size() {
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
        (index < self.slots()).then(|| &self.buckets[index / SLOTS])?.get(index % SLOTS)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &E> {
        self.buckets.iter().enumerate().flat_map(|(index, bucket)| {
            self.prefetch_ahead(index);
            bucket.iter()
        })
    }

    pub(super) fn into_entries(mut self) -> impl Iterator<Item = E> {
        self.prefetch_entries();
        let mut entries = Vec::with_capacity(usize::from(self.count));
        self.buckets.for_each_mut(|bucket| entries.extend(bucket.take_all().map(|(_, entry)| entry)));
        entries.into_iter()
    }

    #[inline]
    pub(super) fn prefetch_bucket(&self, hash: u64) {
        self.buckets[self.home(hash)].prefetch();
    }

    #[inline]
    pub(super) fn prefetch_entry(&self, hash: u64) {
        let position = self.position(hash);
        let home = self.home_of(position);
        let bucket = &self.buckets[home];
        if !bucket.prefetch_tagged(Tag::at_home(position)) && bucket.spilled() > 0 {
            self.neighbours(home).any(|bucket| self.buckets[bucket].prefetch_tagged(Tag::stranger(position)));
        }
    }
}

impl<E> Segment<E> {
    /// Asks the processor for what comes some buckets behind the one whose turn it is: about as much as it waits for at
    /// once.
    #[inline]
    fn prefetch_ahead(&self, bucket: usize) {
        const AHEAD: usize = 3;

        if bucket + AHEAD < self.buckets.len() {
            self.buckets[bucket + AHEAD].prefetch_entries();
        }
    }

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

/// The bits of a hash behind a prefix of `depth` bits.
#[inline]
fn position(hash: u64, depth: u8) -> u32 {
    (hash.wrapping_shl(u32::from(depth)) >> (64 - POSITION_BITS)) as u32
}

/// The first position that is at home in one of `size` buckets.
fn start(home: usize, size: usize) -> u32 {
    (home << POSITION_BITS).div_ceil(size) as u32
}
