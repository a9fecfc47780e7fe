//! How often keys were used of late, whether they are there or not: what the TinyLFU policies choose by.
//!
//! The eight bits that an entry has for frequency go with the entry, so a key that was given up begins anew each time, and
//! a scan of keys that nobody asks for again drives out those that are asked for always. Here is a count-min sketch beside
//! the keyspace instead: four counters of four bits for every key, found by its hash and shared by others, of which
//! the smallest is the estimate. It forgets as it counts: a hand goes round the counters and halves them, a word for so
//! many uses, so that no call ever has much to do. (Einziger, Friedman and Manes, "TinyLFU: A Highly Efficient Cache
//! Admission Policy".)
//!
//! Its size follows from `maxmemory` and does not change with the data. Workers count without a lock; what two of them
//! count at the same moment may be lost, which an estimate can stand.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counters of a key.
const ROWS: u64 = 4;
/// The largest count.
const MAX: u64 = 15;
/// A word of counters is halved after so many uses.
const USES_PER_WORD: usize = 32;
/// The lowest bit of every counter but those of its upper neighbour.
const HALVES: u64 = 0x7777_7777_7777_7777;
/// Odd numbers that spread a hash differently for each row.
const SEEDS: [u64; ROWS as usize] =
    [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];

/// There is a word for so many bytes of `maxmemory`, so that the sketch takes a twelfth of it at most. Two words for each key
/// that fits are enough; with half a word, keys are taken for each other so often that plain frequencies do better.
const BYTES_PER_WORD: usize = 192;
/// At most 64 MiB.
const MOST_WORDS: usize = 1 << 23;
/// At least 8 KiB.
const LEAST_WORDS: usize = 1 << 10;

/// Estimates of how often keys were used.
pub(crate) struct FrequencySketch {
    /// Sixteen counters in each; a power of two of them.
    words: Box<[AtomicU64]>,
    uses: AtomicUsize,
}

impl FrequencySketch {
    /// A sketch for as many keys as fit below a limit of memory.
    pub(crate) fn for_limit(bytes: usize) -> Self {
        let words = Self::words_for(bytes);
        FrequencySketch { words: (0..words).map(|_| AtomicU64::new(0)).collect(), uses: AtomicUsize::new(0) }
    }

    /// Whether this is the sketch for that limit.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        self.words.len() == Self::words_for(bytes)
    }

    fn words_for(bytes: usize) -> usize {
        (bytes / BYTES_PER_WORD).clamp(LEAST_WORDS, MOST_WORDS).next_power_of_two()
    }

    /// The counters of a key: the word of each, and how far its bits are from the lowest.
    fn places(&self, hash: u64) -> [(&AtomicU64, u64); ROWS as usize] {
        SEEDS.map(|seed| {
            let mixed = hash.wrapping_mul(seed);
            (&self.words[(mixed >> 32) as usize & (self.words.len() - 1)], (mixed >> 28 & 15) * 4)
        })
    }

    /// How often the key of that hash was used, 15 for more often than can be told.
    pub(crate) fn estimate(&self, hash: u64) -> u64 {
        let counts = self.places(hash).map(|(word, shift)| word.load(Relaxed) >> shift & MAX);
        counts.into_iter().min().unwrap_or(0)
    }

    /// Counts a use of the key of that hash.
    pub(crate) fn count(&self, hash: u64) {
        let estimate = self.estimate(hash);
        if estimate < MAX {
            // A counter that is above the smallest is so because of other keys.
            for (word, shift) in self.places(hash) {
                let counters = word.load(Relaxed);
                if counters >> shift & MAX == estimate {
                    word.store(counters + (1 << shift), Relaxed);
                }
            }
        }
        let uses = self.uses.load(Relaxed).wrapping_add(1);
        self.uses.store(uses, Relaxed);
        if uses.is_multiple_of(USES_PER_WORD) {
            let word = &self.words[(uses / USES_PER_WORD) & (self.words.len() - 1)];
            word.store(word.load(Relaxed) >> 1 & HALVES, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash;

    fn name(n: u64) -> u64 {
        hash(&n.to_le_bytes())
    }

    #[test]
    fn estimates_are_near_the_truth() {
        let sketch = FrequencySketch::for_limit(1 << 20);
        for n in 0..2000 {
            (0..n % 10).for_each(|_| sketch.count(name(n)));
        }
        let wrong = (0..2000).filter(|n| sketch.estimate(name(*n)).abs_diff(n % 10) > 1).count();
        assert!(wrong < 200, "{wrong} of 2000");
        assert!((2000..4000).filter(|n| sketch.estimate(name(*n)) > 1).count() < 100);
    }

    #[test]
    fn a_count_has_an_end_and_is_forgotten() {
        let sketch = FrequencySketch::for_limit(0);
        (0..100).for_each(|_| sketch.count(1));
        assert!(sketch.estimate(1) >= MAX - 1);
        // The hand goes round four times.
        (0..4 * USES_PER_WORD * LEAST_WORDS).for_each(|_| sketch.count(2));
        assert_eq!(sketch.estimate(1), 0);
        assert!(sketch.estimate(2) >= MAX / 2);
    }

    #[test]
    fn its_size_follows_from_the_limit() {
        let sketch = FrequencySketch::for_limit(100 << 20);
        assert_eq!(sketch.words.len() * 8, 8 << 20);
        assert!(sketch.fits(100 << 20) && !sketch.fits(1 << 30));
        assert_eq!(FrequencySketch::words_for(usize::MAX) * 8, 64 << 20);
    }
}
