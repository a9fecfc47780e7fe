//! The allocator: jemalloc, set so that memory which is not needed any more goes back to the system.
//!
//! It had the shortest pauses of those measured, and it knows how many bytes it has handed out, which is what
//! `maxmemory` is compared with. A thread of its own gives pages back that have been free for some seconds, also while
//! the server is idle; without it, only an allocation would.

use std::sync::OnceLock;

use redis_core::observe::memory::{Allocator, AllocatorStats, set_allocator};
use tikv_jemalloc_ctl::stats_print::{Options, stats_print};
use tikv_jemalloc_ctl::{arenas, epoch, raw, stats, version};
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
        stats::allocated::read().unwrap_or(0)
    }

    fn stats(&self) -> AllocatorStats {
        refresh();
        AllocatorStats {
            allocated: stats::allocated::read().unwrap_or(0),
            active: stats::active::read().unwrap_or(0),
            resident: stats::resident::read().unwrap_or(0),
            retained: stats::retained::read().unwrap_or(0),
            muzzy: 0,
        }
    }

    fn report(&self) -> Option<String> {
        let mut text = Vec::new();
        stats_print(&mut text, Options::default()).ok()?;
        String::from_utf8(text).ok()
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
        drop(block);
        Jemalloc.purge();
        assert!(Jemalloc.stats().resident > 0);
        assert!(Jemalloc.report().expect("statistics are compiled in").contains("opt.dirty_decay_ms: 5000"));
    }
}
