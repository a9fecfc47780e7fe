//! `activedefrag`: moving data together, so that pages that are mostly empty can be given back.
//!
//! When the allocator holds much more memory than it has handed out, a thread walks through the keys and moves those
//! allocations that have few others beside them ([`Defragmenter`]). It has a thread of its own because that bypasses the
//! allocator's cache: what it takes would be what it has just given back otherwise. It works for
//! `active-defrag-cycle-us` at a time, under the lock of one shard, and rests in between, so that it takes as large a
//! share of its time as `active-defrag-cycle-min` and `-max` say, the more the worse things are. When it has been
//! everywhere it ends, and the next one begins if there is still reason for it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Server;
use crate::clock;
use crate::config::Config;
use crate::db::Defragmenter;
use crate::observe::memory::{Allocator, sparse_allocator};
use crate::relocate::Relocator;

/// What CONFIG SET says where the allocator cannot tell what lies apart.
const NOT_POSSIBLE: &str = "Active defragmentation cannot be enabled: it requires an allocator that can tell which \
                            memory lies apart, like the jemalloc of the stock server";

/// How often it is asked how things stand.
const INTERVAL: Duration = Duration::from_millis(100);

/// What is being done.
#[derive(Debug, Default)]
pub struct Defrag {
    /// The share of its time, in percent, for which the thread works; 0 if there is none.
    running: AtomicU64,
    /// When it began to be busy without a break, in milliseconds since 1970; 0 if it is not.
    since: AtomicU64,
}

impl Defrag {
    /// The share of its time, in percent, for which a thread defragments; 0 if none does.
    pub fn running(&self) -> u64 {
        self.running.load(Relaxed)
    }

    /// For how many milliseconds one has done so without a break.
    pub fn current_millis(&self) -> u64 {
        match self.since.load(Relaxed) {
            0 => 0,
            since => clock::unix_millis().saturating_sub(since),
        }
    }
}

/// Whether `activedefrag` may be what it is set to.
pub(super) fn check(config: &Config) -> Result<(), String> {
    match config.activedefrag.get() && sparse_allocator().is_none() {
        true => Err(NOT_POSSIBLE.to_owned()),
        false => Ok(()),
    }
}

/// Begins to defragment if there is reason to and nobody does. To be called every now and then.
pub(crate) fn tick(server: &Arc<Server>) {
    if server.defrag.running() > 0 {
        return;
    }
    let allocator = if server.config.activedefrag.get() { sparse_allocator() } else { None };
    let reason = allocator.and_then(|allocator| Some((allocator, effort(&server.config, allocator)?)));
    let Some((allocator, effort)) = reason else {
        return server.defrag.since.store(0, Relaxed);
    };
    let _ = server.defrag.since.compare_exchange(0, clock::unix_millis(), Relaxed, Relaxed);
    server.defrag.running.store(effort, Relaxed);
    let weak = Arc::downgrade(server);
    let begun = std::thread::Builder::new().name("defrag".into()).spawn(move || run(&weak, allocator));
    if let Err(error) = begun {
        server.defrag.running.store(0, Relaxed);
        tracing::warn!("Cannot defragment: {error}");
    }
}

/// The share of its time that a thread shall take, in percent; none if too little is lost to care.
fn effort(config: &Config, allocator: &dyn Allocator) -> Option<u64> {
    let stats = allocator.stats();
    let lost = stats.active.saturating_sub(stats.allocated) as u64;
    let percent = lost.saturating_mul(100) / (stats.allocated as u64).max(1);
    let of = |number: i64| number.unsigned_abs();
    let (lower, upper) =
        (of(config.active_defrag_threshold_lower.get()), of(config.active_defrag_threshold_upper.get()));
    if lost < config.active_defrag_ignore_bytes.get() || percent < lower {
        return None;
    }
    let (least, most) = (of(config.active_defrag_cycle_min.get()), of(config.active_defrag_cycle_max.get()));
    let part = (percent - lower).saturating_mul(most.saturating_sub(least)) / upper.saturating_sub(lower).max(1);
    Some((least + part).min(most.max(least)))
}

/// Walks through all keys once. The server may end meanwhile: nothing here keeps it.
fn run(server: &Weak<Server>, allocator: &'static dyn Allocator) {
    allocator.bypass_cache();
    let Some(mut walk) = server.upgrade().map(|server| Defragmenter::new(server.store.clone())) else { return };
    let is_sparse = |start: *const u8| allocator.is_sparse(start);
    let mut asked = Instant::now();
    while let Some(server) = server.upgrade() {
        let slice = Duration::from_micros(server.config.active_defrag_cycle_us.get().unsigned_abs());
        let begun = Instant::now();
        let mut relocator = Relocator::new(&is_sparse);
        let more = walk.advance(slice, &mut relocator);
        let counters = &server.stats.shared;
        counters.defrag_moved.add_shared(relocator.moved);
        counters.defrag_left.add_shared(relocator.left);
        counters.defrag_keys_moved.add_shared(std::mem::take(&mut walk.keys_moved));
        counters.defrag_keys_left.add_shared(std::mem::take(&mut walk.keys_left));
        if asked.elapsed() >= INTERVAL {
            asked = Instant::now();
            server.defrag.running.store(effort(&server.config, allocator).unwrap_or(0).max(1), Relaxed);
        }
        let effort = server.defrag.running().clamp(1, 99) as u32;
        if !more || !server.config.activedefrag.get() {
            server.defrag.running.store(0, Relaxed);
            break;
        }
        let spent = begun.elapsed();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let rest = spent * (100 - effort) / effort;
        counters.defrag_micros.add_shared(micros(spent + rest));
        server.latency.record("active-defrag-cycle", micros(spent) / 1000, clock::unix_millis() / 1000);
        drop(server);
        std::thread::sleep(rest);
    }
}
