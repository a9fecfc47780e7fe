//! How much memory the process uses.
//!
//! Two views: the operating system's (resident pages) and the allocator's (bytes handed out). `used_memory`, which
//! `maxmemory` is compared with, is the allocator's, because resident pages shrink late or never. This crate does
//! not choose the allocator, a program does; the program says how to ask it with [`set_allocator`]. Without that,
//! resident memory stands in.
//!
//! Asking either takes microseconds, too long for every command. [`MemoryMeter`] keeps the last answer; the server
//! refreshes it from its clock and, where there is a limit, once a millisecond. In between, workers add what their own
//! threads have taken and given back since, which an allocator may know at the price of two reads: so a limit holds
//! to the byte, as far as workers are concerned.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What the allocator says of itself, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocatorStats {
    /// Handed out to the program.
    pub allocated: usize,
    /// In pages that hold anything handed out.
    pub active: usize,
    /// In pages that are physically present.
    pub resident: usize,
    /// Given back to the system, address space kept.
    pub retained: usize,
    /// Offered to the system, which may not have taken it yet.
    pub muzzy: usize,
}

/// The process's allocator, as the program that chose it describes it.
pub trait Allocator: Sync {
    /// Its name and version, for `mem_allocator`.
    fn name(&self) -> &str;

    /// Bytes handed out now.
    fn allocated(&self) -> usize;

    /// All it knows.
    fn stats(&self) -> AllocatorStats;

    /// Bytes that the calling thread has ever taken, less those that it has given back, whoever took them; quick.
    fn thread_balance(&self) -> i64 {
        0
    }

    /// A report in its own words, for `MEMORY MALLOC-STATS`.
    fn report(&self) -> Option<String> {
        None
    }

    /// Gives back to the system what it can do without, for `MEMORY PURGE`.
    fn purge(&self) {}

    /// Whether it can tell which allocations lie among free memory that could be given back if they were elsewhere:
    /// [`Allocator::is_sparse`] does.
    fn knows_sparse(&self) -> bool {
        false
    }

    /// Whether an allocation, which begins at this address, has so few others beside it that a copy would lie closer to others
    /// than it does.
    fn is_sparse(&self, _start: *const u8) -> bool {
        false
    }

    /// From now on, the calling thread takes and gives back memory without keeping any at hand: so what it takes lies where
    /// the allocator thinks best.
    fn bypass_cache(&self) {}

    /// A number that it knows by a name of its own, for `DEBUG MALLCTL`.
    fn number(&self, _name: &str) -> Option<u64> {
        None
    }
}

/// There is one allocator in a process, whatever the number of servers.
static ALLOCATOR: OnceLock<&'static dyn Allocator> = OnceLock::new();

/// Says how to ask the allocator. The first call counts; returns whether this was it.
pub fn set_allocator(allocator: &'static dyn Allocator) -> bool {
    ALLOCATOR.set(allocator).is_ok()
}

/// The allocator's name, `libc` if nobody has said.
pub fn allocator_name() -> &'static str {
    ALLOCATOR.get().map_or("libc", |allocator| allocator.name())
}

/// What the allocator says of itself, if somebody has said how to ask.
pub fn allocator_stats() -> Option<AllocatorStats> {
    ALLOCATOR.get().map(|allocator| allocator.stats())
}

/// What the allocator reports in its own words, if it can.
pub fn allocator_report() -> Option<String> {
    ALLOCATOR.get().and_then(|allocator| allocator.report())
}

/// Has the allocator give back to the system what it can do without.
pub fn purge_allocator() {
    if let Some(allocator) = ALLOCATOR.get() {
        allocator.purge();
    }
}

/// The allocator, if somebody has said how to ask and it can tell what lies apart.
pub(crate) fn sparse_allocator() -> Option<&'static dyn Allocator> {
    ALLOCATOR.get().copied().filter(|allocator| allocator.knows_sparse())
}

/// A number that the allocator knows by a name of its own.
pub fn allocator_number(name: &str) -> Option<u64> {
    ALLOCATOR.get().and_then(|allocator| allocator.number(name))
}

/// Bytes of the process's pages that are physically present; zero where the system does not tell.
pub fn resident_bytes() -> usize {
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| parse_statm(&text))
        .map_or(0, |pages| pages * page_bytes())
}

/// Bytes of memory in the machine; zero where the system does not tell.
pub fn system_bytes() -> usize {
    static TOTAL: OnceLock<usize> = OnceLock::new();
    *TOTAL.get_or_init(|| {
        std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| parse_meminfo(&text)).unwrap_or(0)
    })
}

/// Resident pages: the second number.
fn parse_statm(text: &str) -> Option<usize> {
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn parse_meminfo(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    let kilobytes: usize = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1_024)
}

/// The size of a page, from the vector of facts that the kernel leaves for every process: pairs of a kind and a
/// value.
fn page_bytes() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        std::fs::read("/proc/self/auxv").ok().and_then(|bytes| parse_page_size(&bytes)).unwrap_or(4_096)
    })
}

fn parse_page_size(auxv: &[u8]) -> Option<usize> {
    const PAGE_SIZE: usize = 6;
    let (words, _) = auxv.as_chunks::<{ size_of::<usize>() }>();
    words
        .chunks_exact(2)
        .find_map(|pair| (usize::from_ne_bytes(pair[0]) == PAGE_SIZE).then(|| usize::from_ne_bytes(pair[1])))
}

/// The last known use of memory.
#[derive(Debug, Default)]
pub struct MemoryMeter {
    used: AtomicUsize,
    resident: AtomicUsize,
    peak: AtomicUsize,
    peak_time: AtomicU64,
    startup: AtomicUsize,
    /// When [`MemoryMeter::used_at`] looked last, in milliseconds.
    looked: AtomicU64,
    /// What workers have taken since then, less what they have given back.
    drift: AtomicI64,
    /// Since when more is used than the limit allows, in microseconds since 1970; zero if that is not so.
    exceeded_since: AtomicU64,
}

/// What a thread's use of memory was when [`MemoryMeter::used_now`] looked last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Balance {
    bytes: i64,
    looked: u64,
}

impl MemoryMeter {
    /// A meter that has not looked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks again at used memory only, and returns it. `now` is the unix time in seconds.
    pub fn refresh_used(&self, now: u64) -> usize {
        let used = match ALLOCATOR.get() {
            Some(allocator) => allocator.allocated(),
            None => resident_bytes(),
        };
        self.used.store(used, Relaxed);
        if used > self.peak.fetch_max(used, Relaxed) {
            self.peak_time.store(now, Relaxed);
        }
        used
    }

    /// Looks again at everything.
    pub fn refresh(&self, now: u64) {
        self.refresh_used(now);
        self.resident.store(resident_bytes(), Relaxed);
    }

    /// Takes what is used now as the use of an empty server: `used_memory_startup`.
    pub fn mark_startup(&self, now: u64) {
        self.refresh(now);
        self.startup.store(self.used(), Relaxed);
    }

    /// `used_memory`.
    #[inline]
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// `used_memory` with all that the calling thread has done, and other workers until their last command. `balance` is
    /// the thread's own; `now` is the unix time in milliseconds.
    pub fn used_now(&self, now: u64, balance: &mut Balance) -> usize {
        let bytes = ALLOCATOR.get().map_or(0, |allocator| allocator.thread_balance());
        let (moved, since) = (bytes - balance.bytes, balance.looked);
        *balance = Balance { bytes, looked: now };
        let looked = self.looked.swap(now, Relaxed);
        if looked != now {
            self.drift.store(0, Relaxed);
            return self.refresh_used(now / 1000);
        }
        // What a thread did before the last look is known already.
        let moved = if since == now { moved } else { 0 };
        let drift = self.drift.fetch_add(moved, Relaxed) + moved;
        self.used().saturating_add_signed(isize::try_from(drift).unwrap_or(0))
    }

    /// Notes whether more is used than the limit allows. `now` is in microseconds. Answers for how many microseconds that
    /// was so, when it ends.
    pub fn note_exceeded(&self, exceeded: bool, now: u64) -> u64 {
        if exceeded {
            // It fails if it was so before.
            let _ = self.exceeded_since.compare_exchange(0, now, Relaxed, Relaxed);
            return 0;
        }
        if self.exceeded_since.load(Relaxed) == 0 {
            return 0;
        }
        match self.exceeded_since.swap(0, Relaxed) {
            0 => 0,
            since => now.saturating_sub(since),
        }
    }

    /// For how many microseconds more has been used than the limit allows. `now` is in microseconds.
    pub fn exceeded_for(&self, now: u64) -> u64 {
        match self.exceeded_since.load(Relaxed) {
            0 => 0,
            since => now.saturating_sub(since),
        }
    }

    /// `used_memory_rss`.
    pub fn resident(&self) -> usize {
        self.resident.load(Relaxed)
    }

    /// `used_memory_peak`.
    pub fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    /// When the peak was reached, as unix time in seconds.
    pub fn peak_time(&self) -> u64 {
        self.peak_time.load(Relaxed)
    }

    /// `used_memory_startup`.
    pub fn startup(&self) -> usize {
        self.startup.load(Relaxed)
    }

    /// `CONFIG RESETSTAT`: the peak is what is used now.
    pub fn reset_peak(&self, now: u64) {
        self.peak.store(self.used(), Relaxed);
        self.peak_time.store(now, Relaxed);
    }
}

/// How much a crowd occupies together, against a limit. Without a limit nothing is counted, and nobody pays.
///
/// The sum is kept up by those who occupy, each when it changes; what gets lost while a limit is set or lifted is found by
/// counting anew, which whoever looks after the limit does from time to time.
#[derive(Debug, Default)]
pub struct MemoryGauge {
    /// Bytes; 0 for none.
    limit: AtomicUsize,
    used: AtomicI64,
}

impl MemoryGauge {
    /// The limit; 0 for none.
    #[inline]
    pub fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Sets the limit; 0 for none.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }

    /// Notes that somebody who occupied `before` occupies `after`.
    #[inline]
    pub fn change(&self, before: usize, after: usize) {
        if self.limit() > 0 && before != after {
            self.used.fetch_add(after as i64 - before as i64, Relaxed);
        }
    }

    /// Notes what all occupy together, as it was counted.
    pub fn set_used(&self, used: usize) {
        self.used.store(i64::try_from(used).unwrap_or(i64::MAX), Relaxed);
    }

    /// Whether more is occupied than the limit allows.
    #[inline]
    pub fn is_exceeded(&self) -> bool {
        let limit = self.limit();
        limit > 0 && usize::try_from(self.used.load(Relaxed)).unwrap_or(0) > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_counts_against_its_limit() {
        let gauge = MemoryGauge::default();
        gauge.change(0, 100);
        assert!(!gauge.is_exceeded(), "without a limit nothing is counted");
        gauge.set_limit(50);
        assert!(!gauge.is_exceeded());
        gauge.change(0, 51);
        assert!(gauge.is_exceeded());
        gauge.change(51, 50);
        assert!(!gauge.is_exceeded());
        gauge.set_used(60);
        assert!(gauge.is_exceeded());
    }

    #[test]
    fn parsing() {
        assert_eq!(parse_statm("1000 250 30 1 0 200 0\n"), Some(250));
        assert_eq!(parse_statm(""), None);
        assert_eq!(parse_meminfo("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        let words = [3usize, 99, 6, 16_384, 0, 0].map(usize::to_ne_bytes);
        assert_eq!(parse_page_size(&words.concat()), Some(16_384));
        assert_eq!(parse_page_size(&[1, 2, 3]), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process() {
        let resident = resident_bytes();
        assert!((100_000..100_000_000_000).contains(&resident), "{resident}");
        assert!(system_bytes() > resident);
        assert!(page_bytes().is_power_of_two());
    }

    #[test]
    fn the_peak_stays() {
        let meter = MemoryMeter::new();
        meter.mark_startup(10);
        assert_eq!(meter.startup(), meter.used());
        meter.peak.store(usize::MAX, Relaxed);
        meter.refresh(20);
        assert_eq!((meter.peak(), meter.peak_time()), (usize::MAX, 10));
        meter.reset_peak(30);
        assert_eq!((meter.peak(), meter.peak_time()), (meter.used(), 30));
    }
}
