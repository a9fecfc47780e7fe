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
/// that the system may take but that still count as resident); and it asks for huge pages, which the directive `disable-thp`
/// keeps the system from giving.
#[allow(non_upper_case_globals, unsafe_code)]
// SAFETY: jemalloc expects a symbol of that name to be a pointer to a C string, which a reference to these bytes is.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub(crate) static malloc_conf: &[u8; 71] = b"background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0,thp:always\0";

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

    fn knows_sparse(&self) -> bool {
        let known = Box::new(0_u64);
        utilization((&raw const *known).cast()).is_some()
    }

    fn is_sparse(&self, start: *const u8) -> bool {
        utilization(start).is_some_and(|utilization| utilization.is_sparse(start))
    }

    fn bypass_cache(&self) {
        // It fails only where there is no cache.
        let _ = thread_cache(false);
    }

    fn purge(&self) {
        for arena in 0..arenas::narenas::read().unwrap_or(0) {
            purge_arena(arena);
        }
    }
}

/// What jemalloc knows of the slab, a run of pages cut into regions of one size, that an allocation is a region of. The
/// layout is that of its answer to `experimental.utilization.query`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Utilization {
    /// Where the slab is from which regions of this size are taken now.
    current_slab: usize,
    free: usize,
    regions: usize,
    /// Bytes of the slab.
    size: usize,
    /// As `free` and `regions`, of all slabs of this size.
    all_free: usize,
    all_regions: usize,
}

impl Utilization {
    /// Whether the slab has free regions, is not the one that is being filled, and is at most an eighth fuller than the average
    /// of its kind. With the average alone as a limit, slabs that are all alike would stay as they are.
    fn is_sparse(&self, start: *const u8) -> bool {
        let is_current = (self.current_slab..self.current_slab + self.size).contains(&start.addr());
        if self.regions < 2 || self.free == 0 || is_current {
            return false;
        }
        let used = self.regions - self.free;
        let all_used = self.all_regions.saturating_sub(self.all_free);
        // used / regions <= 9 / 8 * all_used / all_regions
        8 * used * self.all_regions <= 9 * all_used * self.regions
    }
}

/// Asks about the slab of the allocation that begins at an address.
#[allow(unsafe_code)]
fn utilization(start: *const u8) -> Option<Utilization> {
    type Name = [usize; 3];
    static NAME: OnceLock<Option<Name>> = OnceLock::new();
    let name = NAME.get_or_init(|| {
        let mut name = Name::default();
        raw::name_to_mib(b"experimental.utilization.query\0", &mut name).is_ok().then_some(name)
    });
    let name = name.as_ref()?;
    let mut answer = std::mem::MaybeUninit::<Utilization>::zeroed();
    let mut len = size_of::<Utilization>();
    let mut question = start;
    // SAFETY: the name was found by jemalloc itself; it takes a pointer, which it looks up without reading what is there, and
    // refuses answers of another length than its own.
    let error = unsafe {
        tikv_jemalloc_sys::mallctlbymib(
            name.as_ptr(),
            name.len(),
            answer.as_mut_ptr().cast(),
            &raw mut len,
            (&raw mut question).cast(),
            size_of::<*const u8>(),
        )
    };
    // SAFETY: any bits are numbers, and all of them are initialised.
    (error == 0).then(|| unsafe { answer.assume_init() })
}

/// Has the calling thread keep memory at hand, or not. What it has kept goes back.
#[allow(unsafe_code)]
fn thread_cache(enabled: bool) -> tikv_jemalloc_ctl::Result<()> {
    // SAFETY: the value of that name is of type `bool`.
    unsafe { raw::write(b"thread.tcache.enabled\0", enabled) }
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
    fn what_lies_apart_is_known_and_moves_together() {
        std::thread::spawn(|| {
            Jemalloc.bypass_cache();
            let sparse =
                |blocks: &[Box<[u8; 80]>]| blocks.iter().filter(|block| Jemalloc.is_sparse(block.as_ptr())).count();
            let mut blocks: Vec<_> = (0..100_000).map(|_| Box::new([7_u8; 80])).collect();
            assert!(sparse(&blocks) < blocks.len() / 100, "all slabs are full, {} are not", sparse(&blocks));
            let mut number = 0;
            blocks.retain(|_| {
                number += 1;
                number % 4 == 0
            });
            assert!(sparse(&blocks) > blocks.len() / 2, "{}", sparse(&blocks));
            for _ in 0..4 {
                for block in &mut blocks {
                    if Jemalloc.is_sparse(block.as_ptr()) {
                        *block = block.clone();
                    }
                }
            }
            assert!(sparse(&blocks) < blocks.len() / 20, "{}", sparse(&blocks));
        })
        .join()
        .expect("it did not panic");
    }

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
        assert!(Jemalloc.knows_sparse());
        Jemalloc.purge();
        assert!(Jemalloc.stats().resident > 0);
        assert!(Jemalloc.report().expect("statistics are compiled in").contains("opt.dirty_decay_ms: 5000"));
    }
}
