//! Random numbers for sampling: RANDOMKEY, SPOP, eviction, jitter.
//!
//! One wyrand generator per thread, seeded from the operating system: one multiplication per number and no lock. It is
//! good enough to choose members fairly and not meant for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u8));
}

/// The next 64 random bits of this thread.
#[inline]
pub fn next_u64() -> u64 {
    STATE.with(|state| {
        let seed = state.get().wrapping_add(0xa076_1d64_78bd_642f);
        state.set(seed);
        let product = u128::from(seed) * u128::from(seed ^ 0xe703_7ed1_a0b4_28db);
        (product >> 64) as u64 ^ product as u64
    })
}

/// A number in `0..n`, every one equally likely.
///
/// # Panics
///
/// If `n` is zero: there is nothing to choose from.
#[inline]
pub fn below(n: usize) -> usize {
    below_with(n as u64, next_u64) as usize
}

/// A number in `0..n` from the bits of `rng`, every one equally likely if the bits are.
///
/// Lemire's method: the high half of a product is nearly uniform, and rejecting the few low halves that are
/// over-represented makes it exactly so.
///
/// # Panics
///
/// If `n` is zero.
#[inline]
pub fn below_with(n: u64, mut rng: impl FnMut() -> u64) -> u64 {
    assert!(n > 0, "a choice needs at least one alternative");
    loop {
        let product = u128::from(rng()) * u128::from(n);
        let low = product as u64;
        // The division is only needed where a rejection is possible at all.
        if low >= n || low >= n.wrapping_neg() % n {
            return (product >> 64) as u64;
        }
    }
}

/// Has this thread draw the same numbers each time, for tests.
#[cfg(test)]
pub(crate) fn seed(seed: u64) {
    STATE.set(seed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_and_reach_everything() {
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(7)] += 1;
        }
        for count in counts {
            assert!((9_000..11_000).contains(&count), "{counts:?}");
        }
        assert_eq!(below(1), 0);
    }

    #[test]
    fn threads_draw_different_numbers() {
        let here = next_u64();
        let there = std::thread::spawn(next_u64).join().unwrap();
        assert_ne!(here, there);
        assert_ne!(next_u64(), next_u64());
    }

    #[test]
    fn over_represented_values_are_rejected() {
        // For n = 3 a product's low half of zero is the one value too many.
        let mut bits = [0_u64, u64::MAX].into_iter();
        assert_eq!(below_with(3, || bits.next().unwrap()), 2);
    }
}
