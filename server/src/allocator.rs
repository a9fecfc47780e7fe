//! The allocator: jemalloc, set so that memory which is not needed any more goes back to the system.
//!
//! It had the shortest pauses of those measured, and it knows how many bytes it has handed out, which is what
//! `maxmemory` is compared with. A thread of its own gives pages back that have been free for some seconds, also while
//! the server is idle; without it, only an allocation would.

use std::sync::OnceLock;

use redis_core::observe::memory::{Allocator, AllocatorStats, set_allocator};
use tikv_jemalloc_ctl::stats_print::{Options, stats_print};
use tikv_jemalloc_ctl::{arenas, epoch, raw, stats, thread, version};
use tikv_jemallocator::Jemalloc as Backend;

#[global_allocator]
static ALLOCATOR: Backend = Backend;

/// jemalloc reads this when the process starts: free pages go back after five seconds, without a stay as "muzzy" (pages
/// that the system may take but that still count as resident).
#[allow(non_upper_case_globals, unsafe_code)]
// SAFETY: jemalloc expects a symbol of that name to be a pointer to a C string, which a reference to these bytes is.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub(crate) static malloc_conf: &[u8; 60] = b"background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0\0";

/// Tells the runtime how to ask the allocator. To be called before a server starts.
pub(crate) fn install() {
    set_allocator(&Jemalloc);
}

struct Jemalloc;

impl Allocator for Jemalloc {
    fn name(&self) -> &str {
        static NAME: OnceLock<String> = OnceLock::new();
        NAME.get_or_init(|| {
            let full = version::read().unwrap_or_default();
            format!("jemalloc-{}", full.split('-').next().unwrap_or_default())
        })
    }

    fn allocated(&self) -> usize {
        refresh();
        in_use()
    }

    fn stats(&self) -> AllocatorStats {
        refresh();
        AllocatorStats {
            allocated: in_use(),
            active: stats::active::read().unwrap_or(0),
            resident: stats::resident::read().unwrap_or(0),
            retained: stats::retained::read().unwrap_or(0),
            muzzy: 0,
        }
    }

    fn thread_balance(&self) -> i64 {
        thread_local! {
            /// Where jemalloc counts for this thread. The counters wrap in step, if ever.
            static COUNTERS: Option<(thread::ThreadLocal<u64>, thread::ThreadLocal<u64>)> =
                thread::allocatedp::read().ok().zip(thread::deallocatedp::read().ok());
        }
        COUNTERS.with(|counters| {
            counters.as_ref().map_or(0, |(taken, given)| taken.get().wrapping_sub(given.get()).cast_signed())
        })
    }

    fn report(&self) -> Option<String> {
        let mut text = Vec::new();
        stats_print(&mut text, Options::default()).ok()?;
        String::from_utf8(text).ok()
    }

    #[allow(unsafe_code)]
    fn number(&self, name: &str) -> Option<u64> {
        let name = std::ffi::CString::new(name).ok()?;
        let name = name.as_bytes_with_nul();
        refresh();
        // SAFETY: any bits are a number, and jemalloc refuses to write a value that has not the size of what is read.
        unsafe {
            raw::read::<usize>(name).map(|number| number as u64).or_else(|_| raw::read::<u32>(name).map(u64::from))
        }
        .ok()
    }

    fn purge(&self) {
        for arena in 0..arenas::narenas::read().unwrap_or(0) {
            purge_arena(arena);
        }
    }
}

/// What jemalloc says is of the moment when its epoch was last advanced.
fn refresh() {
    // It fails only if there are no statistics, and then they read as zero.
    let _ = epoch::advance();
}

/// Bytes in the program's hands. What jemalloc calls allocated includes what threads have given back and jemalloc keeps
/// at hand for them.
#[allow(unsafe_code)]
fn in_use() -> usize {
    /// "All arenas" in a name.
    const AT_HAND: &[u8] = b"stats.arenas.4096.tcache_bytes\0";
    // SAFETY: the value of that name is of type `size_t`, which is `usize`.
    let at_hand = unsafe { raw::read::<usize>(AT_HAND) }.unwrap_or(0);
    stats::allocated::read().unwrap_or(0).saturating_sub(at_hand)
}

/// Free pages of an arena go back at once when their time to stay becomes zero, which it then is for a moment.
#[allow(unsafe_code)]
fn purge_arena(arena: u32) {
    let name = format!("arena.{arena}.dirty_decay_ms\0");
    // SAFETY: the value of that name is of type `ssize_t`, which is `isize`.
    let former = unsafe { raw::update::<isize>(name.as_bytes(), 0) };
    if let Ok(former) = former {
        // SAFETY: as above. An arena that could be changed a moment ago can be changed back.
        let _ = unsafe { raw::write::<isize>(name.as_bytes(), former) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_in_use_and_set_as_said() {
        let before = Jemalloc.allocated();
        let block = vec![1u8; 10 << 20];
        assert!(Jemalloc.allocated() >= before + block.len());
        assert!(Jemalloc.name().starts_with("jemalloc-5"), "{}", Jemalloc.name());
        let balance = Jemalloc.thread_balance();
        drop(block);
        assert!(Jemalloc.thread_balance() <= balance - (10 << 20));
        assert!(Jemalloc.number("arenas.page").is_some_and(u64::is_power_of_two));
        assert!(Jemalloc.number("arenas.nbins").is_some_and(|bins| bins > 30));
        assert_eq!(Jemalloc.number("no.such.name"), None);
        Jemalloc.purge();
        assert!(Jemalloc.stats().resident > 0);
        assert!(Jemalloc.report().expect("statistics are compiled in").contains("opt.dirty_decay_ms: 5000"));
    }
}
