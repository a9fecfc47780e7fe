//! The distribution of one command's latencies.
//!
//! The buckets are those of an HDR histogram for 1 ns to 1 s with two significant digits, because `LATENCY
//! HISTOGRAM` and the `latencystats` section of `INFO` print bucket bounds, and scripts compare them between
//! servers. A value below 128 has a bucket to itself. Above, every power of two (an *octave*) is cut into 128
//! buckets of equal width, so a bound is at most one part in 128 away from the value.
//!
//! Recording happens after every command, so it is made of a count of leading zeros, one load and one store. There
//! is one writer, the worker thread; a reader sums the histograms of all workers into a [`Distribution`] and
//! computes there. Octaves are allocated when first used: a command's latencies lie in three or four of them, which
//! takes 4 KiB instead of the 24 KiB of a full histogram, and there is one for each command and worker.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Buckets in an octave: two decimal digits need 100.
const BUCKETS: usize = 128;

/// The first octave holds 0 to 127, octave k holds 2^(6+k) to 2^(7+k) - 1; the last one ends above a second.
const OCTAVES: usize = 24;

/// Longer latencies are recorded as this one.
const MAX_NANOS: u64 = 1_000_000_000;

/// First level of the printed distribution; each level is twice the one before.
const FIRST_LEVEL_NANOS: u64 = 1_024;

type Octave = [AtomicU64; BUCKETS];

/// The octave of a value and the bucket in it.
#[inline]
fn place(nanos: u64) -> (usize, usize) {
    let octave = (u64::BITS - (nanos >> 7).leading_zeros()) as usize;
    let shift = octave.saturating_sub(1);
    (octave, (nanos >> shift) as usize % BUCKETS)
}

/// The largest value that falls into a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let (octave, at) = (bucket / BUCKETS, (bucket % BUCKETS) as u64);
    if octave == 0 {
        return at;
    }
    let shift = octave - 1;
    ((BUCKETS as u64 + at + 1) << shift) - 1
}

/// Latencies recorded by one thread. Others may read at any time.
#[derive(Debug, Default)]
pub struct Histogram {
    octaves: [OnceLock<Box<Octave>>; OCTAVES],
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records one latency. Only the owning thread may call this: two writers would lose counts.
    #[inline]
    pub fn record(&self, nanos: u64) {
        let (octave, bucket) = place(nanos.min(MAX_NANOS));
        let buckets = self.octaves[octave].get_or_init(|| Box::new([const { AtomicU64::new(0) }; BUCKETS]));
        let count = &buckets[bucket];
        count.store(count.load(Relaxed) + 1, Relaxed);
    }

    /// Adds what was recorded to `total`.
    pub fn add_to(&self, total: &mut Distribution) {
        for (octave, buckets) in self.octaves.iter().enumerate() {
            let Some(buckets) = buckets.get() else {
                continue;
            };
            let end = (octave + 1) * BUCKETS;
            if total.counts.len() < end {
                total.counts.resize(end, 0);
            }
            let sums = &mut total.counts[end - BUCKETS..end];
            for (sum, count) in sums.iter_mut().zip(buckets.iter()) {
                *sum += count.load(Relaxed);
            }
        }
    }
}

/// A histogram at rest: the sum of several, with the questions asked of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Counts by bucket, up to the highest octave in use.
    counts: Vec<u64>,
}

impl Distribution {
    /// No latency at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many latencies were recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds another distribution.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum += count;
        }
    }

    /// Takes an earlier state of the same distribution away: what remains was recorded since.
    pub fn subtract(&mut self, earlier: &Self) {
        for (sum, count) in self.counts.iter_mut().zip(&earlier.counts) {
            *sum = sum.saturating_sub(*count);
        }
    }

    /// The latency in nanoseconds that `percent` of all do not exceed, as the upper bound of its bucket; 0 if empty.
    pub fn percentile(&self, percent: f64) -> u64 {
        let total = self.count();
        // The cast truncates on purpose: half a latency is rounded up by what is added.
        let wanted = (percent.clamp(0.0, 100.0) / 100.0 * total as f64 + 0.5) as u64;
        let wanted = wanted.clamp(1, total.max(1));
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_bound(bucket);
            }
        }
        0
    }

    /// The cumulative distribution that `LATENCY HISTOGRAM` prints: pairs of a bound in microseconds and the number
    /// of latencies up to it.
    ///
    /// The levels are powers of two of nanoseconds from 1024 on, reported as the upper bound of the bucket they
    /// fall into (so 8192 ns reads 8 us, 33,554,432 ns reads 33,816 us), and only where the number grew.
    pub fn cumulative_micros(&self) -> Vec<(u64, u64)> {
        let mut pairs = Vec::new();
        let mut level = FIRST_LEVEL_NANOS;
        let mut seen = 0;
        let mut reported = 0;
        let last = OCTAVES * BUCKETS - 1;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            let bound = upper_bound(bucket);
            if bound < level && bucket != last {
                continue;
            }
            level *= 2;
            if seen > reported {
                pairs.push((bound / 1_000, seen));
                reported = seen;
            }
        }
        // The counts end with the octave of the slowest latency, and so below the level that closes it.
        let total = self.count();
        if total > reported {
            let (octave, at) = place(level);
            let closing = (octave * BUCKETS + at).min(last);
            pairs.push((upper_bound(closing) / 1_000, total));
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(nanos: &[u64]) -> Distribution {
        let histogram = Histogram::new();
        for n in nanos {
            histogram.record(*n);
        }
        let mut total = Distribution::new();
        histogram.add_to(&mut total);
        total
    }

    #[test]
    fn every_value_is_within_its_bucket() {
        let mut previous = None;
        for bucket in 0..OCTAVES * BUCKETS {
            let low = previous.map_or(0, |bound| bound + 1);
            let high = upper_bound(bucket);
            for value in [low, (low + high) / 2, high] {
                let (octave, at) = place(value);
                assert_eq!(octave * BUCKETS + at, bucket, "{value}");
            }
            assert!(high - low <= low / 64, "{low}..{high}");
            previous = Some(high);
        }
        assert!(previous > Some(MAX_NANOS));
    }

    #[test]
    fn percentiles_are_bounds() {
        let one = distribution(&[5_000]);
        assert_eq!(one.percentile(50.0), 5_023);
        assert_eq!(one.percentile(99.9), 5_023);
        assert_eq!(distribution(&[9_000]).percentile(0.0), 9_023);
        assert_eq!(distribution(&[2_000_000_000]).percentile(50.0), 1_002_438_655);
        assert_eq!(Distribution::new().percentile(50.0), 0);
        let many = distribution(&(1..=100_000).collect::<Vec<_>>());
        assert_eq!(many.count(), 100_000);
        let median = many.percentile(50.0);
        assert!((50_000..50_500).contains(&median), "{median}");
        assert!(many.percentile(100.0) >= 100_000);
    }

    #[test]
    fn cumulative_levels() {
        assert_eq!(distribution(&[5_000]).cumulative_micros(), [(8, 1)]);
        // 8255 is the last value of the bucket that 8192 falls into.
        assert_eq!(
            distribution(&[1, 1_031, 1_032, 8_255, 8_256]).cumulative_micros(),
            [(1, 2), (2, 3), (8, 4), (16, 5)]
        );
        assert_eq!(
            distribution(&[20_000_000, 20_000_000, 1_200_000_000]).cumulative_micros(),
            [(33_816, 2), (1_073_741, 3)]
        );
        let slow: Vec<_> =
            [120, 1_050, 2_100, 4_100, 8_300, 100_000, 300_000, 600_000].map(|micros| micros * 1_000).into();
        assert_eq!(
            distribution(&slow).cumulative_micros(),
            [(132, 1), (1_056, 2), (2_113, 3), (4_227, 4), (8_454, 5), (135_266, 6), (541_065, 7), (1_073_741, 8)]
        );
        assert!(Distribution::new().cumulative_micros().is_empty());
    }

    #[test]
    fn merge_and_subtract() {
        let mut sum = distribution(&[100, 5_000]);
        let earlier = sum.clone();
        sum.merge(&distribution(&[900_000]));
        assert_eq!(sum.count(), 3);
        sum.subtract(&earlier);
        assert_eq!(sum.cumulative_micros(), [(1_056, 1)]);
    }
}
