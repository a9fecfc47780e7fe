//! The bucket table: what keyspaces, hashes and sets keep their entries in.
//!
//! # What it is for
//!
//! A table of a hundred million keys must not pause when it grows, must tell SCAN a position that survives growing
//! and shrinking, must let a batch of lookups overlap their cache misses, and must not spend more on a small key than
//! the key itself. An ordinary hash map does none of these: it moves everything when it doubles.
//!
//! # Layout
//!
//! ```text
//! directory          segments (64 bytes each)        buckets (64 bytes each)       entries
//! +----+             +------------------------+      +-------------------------+
//! | 00 |--\          | prefix, depth, count,  |      | 7 tags | spilled        |   one allocation
//! | 01 |---+-------->| deadline, 5 blocks ----|----->| 7 pointers -------------|-> each
//! | 10 |----\        +------------------------+      +-------------------------+
//! | 11 |-\   \------>|          ...           |      |   ... 16 to a block     |
//! +----+  \--------->+------------------------+      +-------------------------+
//! ```
//!
//! An entry is a pointer-sized owning handle (see [`TableEntry`]). The hash is read from the top: the first bits
//! select, by way of the directory, a segment; the next twelve are the entry's *position* in it, and this, scaled to the
//! number of buckets, the *home* bucket. A bucket is one cache line: seven entries, a tag byte for each (the low seven
//! bits of the position, so that a search rarely looks at a wrong entry, and whether the entry is at home), and a count
//! of the entries at home here that had to go to one of the next three buckets. Nobody here looks at bits 0 to 25 of a
//! hash; who distributes keys over several tables uses those.
//!
//! So a lookup costs two cache misses, the bucket and the entry, and both can be prefetched
//! ([`Table::prefetch_bucket`], then [`Table::prefetch_entry`]).
//!
//! # Growing and shrinking
//!
//! An empty table owns no memory. The first segment has one bucket and doubles until it has 32, then it has 48, 64 and
//! 80. From then on a segment whose neighbourhood is full splits in two by the next bit of its hashes (extendible
//! hashing): 5 KiB are dealt out, some ten microseconds, and nothing else moves. Only the directory and the list of segments,
//! some seventy bytes for each, are ever copied whole.
//!
//! As hashes are spread evenly, all segments split at nearly the same number of entries. Halves of 80 buckets would be
//! less than half full from then on, 18 bytes for each entry on average and 21 just after; so they begin with as many
//! as they need, mostly 48, and grow by the same steps. Home and tag together tell the position of an entry, so that a
//! segment grows within its own 5 KiB and without a look at keys (see `segment`). And before a segment grows or splits, an
//! entry of the full neighbourhood is moved on by up to three buckets if that helps. That makes it 12.9 bytes for each
//! entry on average, and 13.3 at worst.
//!
//! That is what is asked for; what counts is what is resident. Buckets stand in blocks of sixteen (see `blocks`), which a segment
//! keeps when it grows, and two halves need one block more than they had together. With the buckets of a segment in one piece, of
//! 40, 48 or 64, it would be 12.5 bytes that are asked for, but each growth leaves a hole, and with them it is 14 to 17,
//! and up to 23 until the allocator has given back the pages that nothing else fits into.
//!
//! When removals leave a segment with three eighths of its slots in use, it gets fewer buckets; when it and its buddy
//! (which differs in the last bit of the prefix only) have a quarter of what they have room for when full-grown, they are
//! merged, and the directory halves when no segment needs its last bit. A lone segment shrinks down to one bucket. The
//! last removal frees everything. Between these bounds at least an eighth or so of the slots are in use, which keeps
//! memory in proportion and [`Table::random`] quick.
//!
//! Splitting cannot help hashes that agree in all their leading bits, and it must not be tried without end, for every
//! attempt may double the directory. The directory may have `DIRECTORY_SLACK` times as many places as there are
//! segments, which hashes in random order never need. Entries that come out of another table come in the order of their
//! hashes, all into the same corner: they need the depth of the table that they come from at once, so splitting goes on
//! as long as those that crowd differ in their first `ORDERED_BITS` bits. What still finds no place goes to `stash`, a
//! plain list that every search looks at last. It is empty unless the hash function is broken; then the table is slow
//! and right.
//!
//! # The cursor of SCAN
//!
//! The home is `position * buckets / 2^12` rounded down, and the position follows the prefix without a gap; both ascend
//! with the hash. So each home bucket holds one interval of the hash space: it begins at the position `home * 2^12 /
//! buckets` rounded up, which is the first that is not below `home` when scaled, and ends where the next one begins.
//! Growing, splitting or merging only cuts the space in other places. A cursor is simply a position in that space (its
//! upper 48 bits, which reach to the end of a position behind the longest prefix, so that every such boundary is one),
//! and means: *every entry with a smaller hash has been visited*. A call visits the whole home into whose interval the
//! cursor falls, or several, and returns the end of that interval; nothing between the two is left out, wherever the
//! interval began. That stays true whatever happens to segments between two calls, for it speaks of hashes alone; so an
//! entry which is there all the time is visited. And none is visited twice: if the cursor, which was a boundary, has come
//! to lie inside an interval, because a segment changed its size or was merged, the hashes of that home tell which of its
//! entries are before it.
//!
//! # Deadlines
//!
//! There is no second table of what expires. Each segment keeps a lower bound of its entries' deadlines: lowered by
//! [`Table::insert_new`] and [`Table::note_deadline`], made exact whenever all entries are looked at (a visit of
//! [`Table::due`], a split, a merge; not by another number of buckets). The active expiry cycle reads these bounds, 64 bytes apart, and touches only
//! segments that hold something due or did so until lately.

mod blocks;
mod bucket;
mod directory;
mod segment;
#[cfg(test)]
mod tests;

use crate::rng::below_with;
use bucket::{BUCKET_BYTES, SLOTS};
use directory::Directory;
use segment::{FULL_SIZE, LEAST_SIZE, POSITION_BITS, Segment, size_for};

/// The deadline of what never ends.
pub const NO_DEADLINE: u64 = u64::MAX;

/// Cursors of [`Table::scan`] are below this.
pub const CURSOR_END: u64 = 1 << CURSOR_BITS;

const CURSOR_BITS: u8 = 48;

/// A segment's prefix is at most so long: the bits of a position stand behind it, and behind these what tables never look
/// at.
const MAX_DEPTH: u8 = 26;

/// How many places the directory may have for each segment.
const DIRECTORY_SLACK: usize = 8;

/// The size up to which the directory may grow without regard to the number of segments.
const DIRECTORY_FREE: usize = 64;

/// Hashes that differ in so many leading bits are worth splitting for, whatever becomes of the directory: four megabytes
/// at most.
const ORDERED_BITS: u8 = 20;

/// How full, in percent, the halves of a split and what is merged may begin.
const BEGIN_PERCENT: usize = 75;

/// A segment that is so full or less gets fewer buckets ...
const SPARSE_PERCENT: usize = 37;

/// ... if so full with these or less.
const SHRUNK_PERCENT: usize = 62;

/// A segment looks at its buddy when it has at most so many entries, a quarter of what it has room for when full-grown ...
const SPARSE: u16 = 140;

/// ... and is merged with it if they have at most so many together.
const SPARSE_PAIR: u16 = 2 * SPARSE;

/// How many entries a full-grown segment has room for.
const FULL_SLOTS: usize = FULL_SIZE * SLOTS;

/// What a [`Table`] holds: an owning handle, as large as a pointer, to one allocation that begins with or near the key.
///
/// Key and hash must not change while the entry is in a table.
pub trait TableEntry {
    /// What the entry is found by.
    fn key(&self) -> &[u8];

    /// The hash of the key. Every hash that a table's methods are given must be equal to it.
    #[inline]
    fn hash(&self) -> u64 {
        crate::hash::hash(self.key())
    }

    /// When the entry, or the first thing in it, ends; [`NO_DEADLINE`] if never.
    #[inline]
    fn deadline(&self) -> u64 {
        NO_DEADLINE
    }
}

/// What shall become of an entry that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It stays; its deadline may have changed.
    Keep,
    /// It is removed and dropped.
    Remove,
}

/// Where an entry is.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    InSegment(usize, segment::Place),
    Stashed(usize),
}

/// A hash table of owning handles; see the [module](self)'s description.
pub struct Table<E> {
    segments: Vec<Segment<E>>,
    directory: Directory,
    /// What no segment had a place for, with its hash.
    #[expect(clippy::box_collection, reason = "hardly ever there, so it should be small when it is not")]
    stash: Option<Box<Vec<(u64, E)>>>,
    len: usize,
    /// How many buckets all segments have together.
    buckets: usize,
}

impl<E: TableEntry> Table<E> {
    /// An empty table, which owns no memory.
    pub const fn new() -> Self {
        const { assert!(size_of::<E>() == 8, "an entry is a handle of eight bytes") };
        Self { segments: Vec::new(), directory: Directory::new(), stash: None, len: 0, buckets: 0 }
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the directory and the segments, without the entries.
    pub fn memory(&self) -> usize {
        self.segments.capacity() * size_of::<Segment<E>>()
            + self.buckets * BUCKET_BYTES
            + self.directory.memory()
            + self.stash.as_ref().map_or(0, |stash| stash.capacity() * size_of::<(u64, E)>())
    }

    /// The entry with this key.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<&E> {
        let segment = self.segments.get(self.directory.segment_of(hash))?;
        match segment.find(hash, key) {
            None if self.stash.is_some() => self.find_stashed(key),
            found => found,
        }
    }

    /// The entry with this key, to be changed. Its key must stay the same; of an earlier deadline the table must be
    /// told ([`Table::note_deadline`]).
    #[inline]
    pub fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut E> {
        let segment = self.segments.get_mut(self.directory.segment_of(hash))?;
        match segment.locate(hash, |entry| entry.key() == key) {
            Some(place) => segment.at_mut(place),
            None => self.stash.as_mut()?.iter_mut().map(|(_, entry)| entry).find(|entry| entry.key() == key),
        }
    }

    /// Where the entry with this key is, until something comes or goes: for who must let go of the table before it is known
    /// whether the entry is there.
    #[inline]
    pub(crate) fn locate(&self, hash: u64, key: &[u8]) -> Option<Place> {
        let segment = self.directory.segment_of(hash);
        match self.segments.get(segment)?.locate(hash, |entry| entry.key() == key) {
            Some(place) => Some(Place::InSegment(segment, place)),
            None => self.stash.as_ref()?.iter().position(|(_, entry)| entry.key() == key).map(Place::Stashed),
        }
    }

    /// The entry at a place, to be changed as with [`Table::find_mut`].
    #[inline]
    pub(crate) fn at_mut(&mut self, place: Place) -> Option<&mut E> {
        match place {
            Place::InSegment(segment, place) => self.segments.get_mut(segment)?.at_mut(place),
            Place::Stashed(index) => self.stash.as_mut()?.get_mut(index).map(|(_, entry)| entry),
        }
    }

    /// Adds an entry whose key is known to be absent.
    #[inline]
    pub fn insert_new(&mut self, hash: u64, entry: E) -> &mut E {
        debug_assert_eq!(hash, entry.hash(), "the hash of another key");
        self.len += 1;
        self.settle(hash, entry)
    }

    /// The first entry with this hash that is wanted, whatever its key.
    pub fn find_where(&self, hash: u64, wanted: impl Fn(&E) -> bool) -> Option<&E> {
        let wanted = |entry: &E| wanted(entry) && entry.hash() == hash;
        let segment = self.segments.get(self.directory.segment_of(hash))?;
        match segment.locate(hash, wanted) {
            Some(place) => segment.at(place),
            None => self.stash.as_ref()?.iter().map(|(_, entry)| entry).find(|entry| wanted(entry)),
        }
    }

    /// Removes the entry with this key, and shrinks the table if that leaves it sparse.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<E> {
        self.take_where(hash, |entry| entry.key() == key)
    }

    /// Removes the first entry with this hash that is wanted, whatever its key, and shrinks the table if that leaves it
    /// sparse.
    pub fn remove_where(&mut self, hash: u64, wanted: impl Fn(&E) -> bool) -> Option<E> {
        self.take_where(hash, |entry| wanted(entry) && entry.hash() == hash)
    }

    fn take_where(&mut self, hash: u64, wanted: impl Fn(&E) -> bool) -> Option<E> {
        let index = self.directory.segment_of(hash);
        let segment = self.segments.get_mut(index)?;
        let removed = match segment.locate(hash, &wanted) {
            Some(place) => segment.take(hash, place)?,
            None => self.remove_stashed(wanted)?,
        };
        self.len -= 1;
        // Looking for a buddy costs a few cache misses, so only every eighth removal does it, the last one among them.
        let left = self.segments[index].count;
        if left.is_multiple_of(8) && usize::from(left) * 100 <= FULL_SLOTS * SPARSE_PERCENT {
            self.shrink(index);
        }
        Some(removed)
    }

    /// Asks the processor to fetch the bucket where a search for this hash begins.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if let Some(segment) = self.segments.get(self.directory.segment_of(hash)) {
            segment.prefetch_bucket(hash);
        }
    }

    /// Asks the processor to fetch the entry that a search for this hash will probably find. Touches the bucket, so
    /// best called when [`Table::prefetch_bucket`] has been called for the whole batch.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        if let Some(segment) = self.segments.get(self.directory.segment_of(hash)) {
            segment.prefetch_entry(hash);
        }
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        let stashed = self.stash.iter().flat_map(|stash| stash.iter().map(|(_, entry)| entry));
        self.segments.iter().flat_map(Segment::iter).chain(stashed)
    }

    /// Takes all entries out. The table is empty at once, and what the iterator does not yield is dropped with it; as
    /// it does not borrow the table, it may be sent elsewhere to be worked off.
    pub fn drain(&mut self) -> impl Iterator<Item = E> + use<E> {
        let taken = std::mem::take(self);
        let stashed = taken.stash.into_iter().flat_map(|stash| stash.into_iter().map(|(_, entry)| entry));
        taken.segments.into_iter().flat_map(Segment::into_entries).chain(stashed)
    }

    /// Drops all entries and frees all memory.
    pub fn clear(&mut self) {
        self.drain().for_each(drop);
    }

    /// One entry, every one equally likely if the bits of `rng` are.
    pub fn random(&self, mut rng: impl FnMut() -> u64) -> Option<&E> {
        /// Tries that find an empty slot before the entries are counted off instead: never reached unless the table is
        /// nearly empty, which only a broken hash function brings about, or unless `rng` is not random.
        const TRIES: usize = 1_000;

        if self.is_empty() {
            return None;
        }
        // Of segments that are not full-grown too: a slot that one does not have is one more that is empty.
        let per_segment = if self.segments.len() > 1 { FULL_SLOTS } else { self.segments.first()?.slots() };
        let in_segments = self.segments.len() * per_segment;
        let stashed = self.stash.as_ref().map_or(0, |stash| stash.len());
        for _ in 0..TRIES {
            let slot = below_with((in_segments + stashed) as u64, &mut rng) as usize;
            let found = if slot < in_segments {
                self.segments[slot / per_segment].slot(slot % per_segment)
            } else {
                self.stash.as_ref().and_then(|stash| stash.get(slot - in_segments)).map(|(_, entry)| entry)
            };
            if found.is_some() {
                return found;
            }
        }
        self.iter().nth(below_with(self.len as u64, rng) as usize)
    }

    /// Visits entries of segments in which something may have a deadline, from a random place on and around, until
    /// `visit` answers false or all have been visited.
    pub fn sample_with_deadline(&self, mut rng: impl FnMut() -> u64, visit: &mut dyn FnMut(&E) -> bool) {
        let segments = self.segments.len();
        let first = below_with(segments.max(1) as u64, &mut rng) as usize;
        let timed = (first..segments).chain(0..first).map(|index| &self.segments[index]);
        for segment in timed.filter(|segment| segment.deadline != NO_DEADLINE) {
            let slots = segment.slots();
            let start = below_with(slots as u64, &mut rng) as usize;
            for entry in (start..slots).chain(0..start).filter_map(|slot| segment.slot(slot)) {
                if !visit(entry) {
                    return;
                }
            }
        }
        let stashed = self.stash.iter().flat_map(|stash| stash.iter().map(|(_, entry)| entry));
        for entry in stashed {
            if !visit(entry) {
                return;
            }
        }
    }

    /// Visits the entries of one home bucket and returns the cursor of the next one; 0 begins, and 0 returned ends.
    ///
    /// An entry that is in the table from the first call to the last is visited exactly once, whatever else comes and
    /// goes in between; one that comes or goes, at most once. A cursor that was never given out is no error: it begins
    /// somewhere, or ends at once.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&E)) -> u64 {
        self.scan_about(cursor, 0, visit)
    }

    /// As [`Table::scan`], for one home bucket after another until `count` entries have been visited: at most to the end of
    /// a segment, some hundreds. Entries are on their way to the processor before it is their turn.
    pub fn scan_about(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&E)) -> u64 {
        if cursor >= CURSOR_END {
            return 0;
        }
        let position_of = |cursor: u64| cursor << (64 - CURSOR_BITS);
        let Some(segment) = self.segments.get(self.directory.segment_of(position_of(cursor))) else {
            return 0;
        };
        let width = CURSOR_BITS - segment.depth - POSITION_BITS;
        let first = u64::from(segment.prefix) << POSITION_BITS;
        let start = |home: usize| (first + u64::from(segment.start(home))) << width;
        let home = segment.home(position_of(cursor));
        // The segment may have got other homes since the cursor was given out. What is before it has been visited.
        let next = if start(home) < cursor {
            segment.visit_home(home, &mut |entry| {
                if entry.hash() >> (64 - CURSOR_BITS) >= cursor {
                    visit(entry);
                }
            });
            home + 1
        } else {
            segment.visit_homes(home, count, visit)
        };
        let end = start(next);
        for (hash, entry) in self.stash.iter().flat_map(|stash| stash.iter()) {
            if (cursor..end).contains(&(hash >> (64 - CURSOR_BITS))) {
                visit(entry);
            }
        }
        if end == CURSOR_END { 0 } else { end }
    }

    /// One step of a walk that moves things: segments, which shall move if `wants` says so of where their buckets begin, and
    /// what `visit` moves of the entries. Key, hash and deadline of an entry stay as they are. The walk is that of
    /// [`Table::scan`] without its promise: while the table grows or shrinks, an entry may be passed over.
    pub(crate) fn relocate(
        &mut self,
        cursor: u64,
        wants: &mut dyn FnMut(*const u8) -> bool,
        visit: &mut dyn FnMut(&mut E),
    ) -> u64 {
        if cursor >= CURSOR_END {
            return 0;
        }
        let position = cursor << (64 - CURSOR_BITS);
        let Some(segment) = self.segments.get_mut(self.directory.segment_of(position)) else {
            return 0;
        };
        segment.relocate(wants, visit);
        let end = u64::from(segment.prefix + 1) << (CURSOR_BITS - segment.depth);
        if end >= CURSOR_END { 0 } else { end }
    }

    /// Tells the table that an entry of that hash, or something in it, now ends at `deadline`.
    #[inline]
    pub fn note_deadline(&mut self, hash: u64, deadline: u64) {
        if let Some(segment) = self.segments.get_mut(self.directory.segment_of(hash)) {
            segment.deadline = segment.deadline.min(deadline);
        }
    }

    /// A time before which no entry ends, as far as the segments know: [`NO_DEADLINE`] if none ever had a deadline. One
    /// step for each segment.
    pub fn next_deadline(&self) -> u64 {
        let stashed = self.stash.iter().flat_map(|stash| stash.iter().map(|(_, entry)| entry.deadline()));
        self.segments.iter().map(|segment| segment.deadline).chain(stashed).min().unwrap_or(NO_DEADLINE)
    }

    /// A time before which no entry ends that is near those of this hash: most of the time this one comparison shows that
    /// an entry with that hash, if there is one, is not due.
    #[inline]
    pub fn deadline_near(&self, hash: u64) -> u64 {
        match self.segments.get(self.directory.segment_of(hash)) {
            Some(segment) if self.stash.is_none() => segment.deadline,
            Some(_) => 0,
            None => NO_DEADLINE,
        }
    }

    /// Visits entries whose deadline is not after `now`, segment by segment, and removes those for which `visit` says
    /// so.
    ///
    /// `position` is 0 to begin with; it is where the next call continues, and 0 again when the table has been gone
    /// through. Whole segments are examined, at least one that may hold something due; no further one is begun if its
    /// entries would exceed `limit`. Returns how many entries were examined. A segment that comes into being between
    /// two calls may have to wait for the next round.
    pub fn due(&mut self, now: u64, position: &mut u64, limit: usize, visit: &mut dyn FnMut(&mut E) -> Due) -> usize {
        // Segments are gone through from the last to the first: a merge keeps the smaller number and moves the last
        // segment into the gap, so one that has not been visited stays ahead.
        let mut examined = 0;
        if *position == 0 {
            examined += self.stashed_due(now, visit);
            *position = u64::MAX;
        }
        let mut ahead = self.segments.len().min(*position as usize);
        while let Some(index) = ahead.checked_sub(1) {
            let segment = &mut self.segments[index];
            ahead = index;
            if segment.deadline > now {
                continue;
            }
            let before = segment.count;
            if examined > 0 && examined + usize::from(before) > limit {
                *position = index as u64 + 1;
                return examined;
            }
            segment.visit_due(now, visit);
            examined += usize::from(before).max(1);
            let removed = before - segment.count;
            if removed > 0 {
                self.len -= usize::from(removed);
                self.shrink(index);
                ahead = ahead.min(self.segments.len());
            }
        }
        *position = 0;
        examined
    }
}

/// What a broken hash function brings about; see the module's description.
impl<E: TableEntry> Table<E> {
    #[cold]
    fn find_stashed(&self, key: &[u8]) -> Option<&E> {
        self.stash.as_ref()?.iter().map(|(_, entry)| entry).find(|entry| entry.key() == key)
    }

    #[cold]
    fn remove_stashed(&mut self, wanted: impl Fn(&E) -> bool) -> Option<E> {
        let stash = self.stash.as_mut()?;
        let index = stash.iter().position(|(_, entry)| wanted(entry))?;
        let (_, removed) = stash.swap_remove(index);
        if stash.is_empty() {
            self.stash = None;
        }
        Some(removed)
    }

    #[cold]
    fn stash(&mut self, hash: u64, entry: E) -> &mut E {
        let stash = self.stash.get_or_insert_default();
        &mut stash.push_mut((hash, entry)).1
    }

    /// Takes what belongs to a segment out of the stash.
    fn unstash(&mut self, index: usize, taken: &mut Vec<(u64, E)>) {
        if let Some(stash) = &mut self.stash {
            taken.extend(stash.extract_if(.., |(hash, _)| self.directory.segment_of(*hash) == index));
            if stash.is_empty() {
                self.stash = None;
            }
        }
    }

    fn stashed_due(&mut self, now: u64, visit: &mut dyn FnMut(&mut E) -> Due) -> usize {
        let Some(stash) = &mut self.stash else { return 0 };
        let before = stash.len();
        stash.retain_mut(|(_, entry)| entry.deadline() > now || visit(entry) == Due::Keep);
        let removed = before - stash.len();
        if stash.is_empty() {
            self.stash = None;
        }
        self.len -= removed;
        if self.len == 0 {
            *self = Self::new();
        }
        before
    }
}

/// Growing and shrinking.
impl<E: TableEntry> Table<E> {
    /// Finds a place for an entry, and makes one if need be.
    #[inline]
    fn settle(&mut self, hash: u64, entry: E) -> &mut E {
        let mut entry = entry;
        loop {
            let index = self.directory.segment_of(hash);
            if let Some(segment) = self.segments.get_mut(index) {
                match segment.place(hash, entry) {
                    Ok(place) => {
                        return self.segments[index].at_mut(place).expect("the entry was put there just now");
                    }
                    Err(back) => entry = back,
                }
            }
            if !self.make_room(index, hash) {
                return self.stash(hash, entry);
            }
        }
    }

    /// Gives a segment's entries more room, for one more with this hash; `false` if that is not possible.
    #[cold]
    fn make_room(&mut self, index: usize, hash: u64) -> bool {
        match self.segments.get(index) {
            None => {
                // Most tables have one segment only; a vector would have room for four.
                self.segments.reserve_exact(1);
                self.push(Segment::new(0, 0, 1));
            }
            Some(segment) => match segment.larger_size() {
                Some(size) => self.resize(index, size),
                None if self.may_reach(segment.depth + 1) => self.split(index),
                None if segment.depth < ORDERED_BITS && differs(segment, hash) => self.split(index),
                None => return false,
            },
        }
        true
    }

    /// Whether a segment may have so long a prefix.
    fn may_reach(&self, depth: u8) -> bool {
        let allowed = (self.segments.len() * DIRECTORY_SLACK).max(DIRECTORY_FREE);
        depth <= self.directory.depth() || (depth <= MAX_DEPTH && 1 << depth <= allowed)
    }

    fn push(&mut self, segment: Segment<E>) {
        self.buckets += segment.size();
        self.segments.push(segment);
    }

    /// Gives a segment another number of buckets.
    fn resize(&mut self, index: usize, size: usize) {
        let mut left_over = Vec::new();
        let segment = &mut self.segments[index];
        self.buckets = self.buckets - segment.size() + size;
        segment.resize(size, &mut left_over);
        self.unstash(index, &mut left_over);
        self.resettle(left_over);
    }

    /// Splits a segment by the next bit of its hashes. It keeps its number and the lower half.
    fn split(&mut self, index: usize) {
        let mut entries = Vec::new();
        self.unstash(index, &mut entries);
        let segment = &mut self.segments[index];
        segment.take_all(&mut entries);
        let (prefix, depth) = (segment.prefix << 1, segment.depth + 1);
        let uppers = entries.iter().filter(|(hash, _)| hash >> (64 - depth) & 1 == 1).count();
        let size = |count| size_for(count, BEGIN_PERCENT, LEAST_SIZE);
        self.begin(index, prefix, depth, size(entries.len() - uppers));
        if depth > self.directory.depth() {
            self.directory.double();
        }
        self.directory.enter(prefix | 1, depth, self.segments.len());
        self.push(Segment::new(prefix | 1, depth, size(uppers)));
        let mut left_over = Vec::new();
        for (hash, entry) in entries {
            let half = if hash >> (64 - depth) & 1 == 0 { index } else { self.segments.len() - 1 };
            if let Err(entry) = self.segments[half].place(hash, entry) {
                left_over.push((hash, entry));
            }
        }
        self.resettle(left_over);
    }

    /// Makes an emptied segment one with another prefix.
    fn begin(&mut self, index: usize, prefix: u32, depth: u8, size: usize) {
        let segment = &mut self.segments[index];
        self.buckets = self.buckets - segment.size() + size;
        segment.begin(prefix, depth, size);
    }

    /// Finds places again for entries that were taken out together.
    fn resettle(&mut self, entries: Vec<(u64, E)>) {
        for (hash, entry) in entries {
            self.settle(hash, entry);
        }
    }

    /// Gives memory back if what was removed from a segment left it sparse.
    fn shrink(&mut self, mut index: usize) {
        if self.len == 0 {
            *self = Self::new();
            return;
        }
        while let Some(buddy) = self.sparse_buddy(index) {
            let depth = self.segments[index].depth;
            index = self.merge(index, buddy);
            if self.segments[index].depth >= depth {
                // The entries crowd so much that they had to be split again.
                return;
            }
        }
        let segment = &self.segments[index];
        let count = usize::from(segment.count);
        if count * 100 <= segment.slots() * SPARSE_PERCENT {
            let least = if segment.depth == 0 { 1 } else { LEAST_SIZE };
            let size = size_for(count, SHRUNK_PERCENT, least);
            if size < segment.size() {
                self.resize(index, size);
            }
        }
    }

    /// The segment with which this one should be merged.
    fn sparse_buddy(&self, index: usize) -> Option<usize> {
        let segment = &self.segments[index];
        if segment.depth == 0 || segment.count > SPARSE {
            return None;
        }
        let buddy_index = self.directory.segment_at(segment.prefix ^ 1, segment.depth);
        let buddy = &self.segments[buddy_index];
        (buddy.depth == segment.depth && segment.count + buddy.count <= SPARSE_PAIR).then_some(buddy_index)
    }

    /// Joins two segments that differ in the last bit of their prefix, and returns the number of what they became.
    fn merge(&mut self, one: usize, other: usize) -> usize {
        let (kept, freed) = (one.min(other), one.max(other));
        let mut entries = Vec::new();
        self.segments[kept].take_all(&mut entries);
        self.segments[freed].take_all(&mut entries);

        self.buckets -= self.segments.swap_remove(freed).size();
        if let Some(moved) = self.segments.get(freed) {
            self.directory.enter(moved.prefix, moved.depth, freed);
        }
        let half = &self.segments[kept];
        let (prefix, depth) = (half.prefix >> 1, half.depth - 1);
        self.begin(kept, prefix, depth, size_for(entries.len(), BEGIN_PERCENT, LEAST_SIZE));
        let was_deepest = depth + 1 == self.directory.depth();
        self.directory.enter(prefix, depth, kept);
        if was_deepest {
            self.directory.shrink();
        }
        if self.segments.capacity() / 4 > self.segments.len() {
            self.segments.shrink_to(self.segments.len() * 2);
        }
        self.resettle(entries);
        kept
    }
}

/// Whether a hash differs early from most of those at its home.
fn differs<E: TableEntry>(segment: &Segment<E>, hash: u64) -> bool {
    let (mut all, mut alike) = (0, 0);
    segment.visit_home(segment.home(hash), &mut |entry| {
        all += 1;
        alike += usize::from((entry.hash() ^ hash) >> (64 - ORDERED_BITS) == 0);
    });
    alike * 2 <= all
}

impl<E: TableEntry> Default for Table<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> std::fmt::Debug for Table<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("len", &self.len).field("segments", &self.segments.len()).finish_non_exhaustive()
    }
}
