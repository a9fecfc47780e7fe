//! Numbers that are counted on every request without an atomic read-modify-write.
//!
//! A shared counter costs tens of nanoseconds when several workers add to it. So every worker has counters of its
//! own, adds with a plain load and store, and `INFO` sums them over the workers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`, for the one thread that owns the counter: concurrent calls lose counts.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Adds `n`, from any thread, at the price of a locked instruction. Not to be mixed with [`add`](Self::add).
    #[inline]
    pub fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The number counted so far.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Declares the counters once: as the atomics that are counted and as the plain numbers that are summed.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one worker, each with one writer.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)*
        }

        /// The state of all counters at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Totals {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Adds the present state to `totals`.
            pub fn add_to(&self, totals: &mut Totals) {
                $(totals.$name = totals.$name.wrapping_add(self.$name.get());)*
            }
        }

        impl Totals {
            /// What was counted since `earlier`.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }
    };
}

counters! {
    /// Connections accepted.
    connections_received,
    /// Connections refused because of `maxclients`.
    rejected_connections,
    /// Commands executed.
    commands_processed,
    /// Bytes read from clients.
    net_input_bytes,
    /// Bytes written to clients.
    net_output_bytes,
    /// Bytes read from the master.
    net_repl_input_bytes,
    /// Bytes written to replicas.
    net_repl_output_bytes,
    /// Reads from client sockets.
    reads_processed,
    /// Writes to client sockets.
    writes_processed,
    /// Error replies sent.
    error_replies,
    /// Errors sent where none may happen, as to a master.
    unexpected_error_replies,
    /// Lookups for reading that found their key.
    keyspace_hits,
    /// Lookups for reading that did not.
    keyspace_misses,
    /// Keys deleted because their time was over.
    expired_keys,
    /// Hash fields deleted because their time was over.
    expired_fields,
    /// Members of sets and sorted sets deleted because their time was over.
    expired_members,
    /// Expire cycles that stopped at their time limit.
    expired_time_cap_reached,
    /// Time spent in expire cycles.
    expire_cycle_nanos,
    /// Keys deleted because of `maxmemory`.
    evicted_keys,
    /// Clients closed because of `maxmemory-clients`.
    evicted_clients,
    /// Scripts dropped from the cache.
    evicted_scripts,
    /// Time spent above `maxmemory`.
    eviction_exceeded_micros,
    /// Allocations that defragmentation moved.
    defrag_moved,
    /// Allocations that defragmentation left where they were.
    defrag_left,
    /// Keys of which defragmentation moved something.
    defrag_keys_moved,
    /// Keys of which defragmentation moved nothing.
    defrag_keys_left,
    /// Time for which there was something to defragment.
    defrag_micros,
    /// Values whose memory was freed in the background.
    lazyfreed_objects,
    /// Clients closed because their request was too large.
    query_buffer_limit_disconnections,
    /// Clients closed because they read too slowly.
    output_buffer_limit_disconnections,
    /// Failed authentications.
    acl_denied_auth,
    /// Commands refused by the user's permissions.
    acl_denied_commands,
    /// Keys refused by the user's permissions.
    acl_denied_keys,
    /// Channels refused by the user's permissions.
    acl_denied_channels,
    /// `RESTORE` payloads that were checked in full.
    dump_payload_sanitizations,
    /// Full synchronisations with replicas.
    sync_full,
    /// Partial synchronisations that were possible.
    sync_partial_ok,
    /// Partial synchronisations that were not.
    sync_partial_err,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_differences() {
        let worker = Counters::default();
        worker.commands_processed.add(2);
        worker.commands_processed.add(3);
        worker.net_input_bytes.add_shared(100);
        let mut totals = Totals::default();
        worker.add_to(&mut totals);
        worker.add_to(&mut totals);
        assert_eq!(totals.commands_processed, 10);
        let earlier = totals;
        worker.add_to(&mut totals);
        let since = totals.since(&earlier);
        assert_eq!((since.commands_processed, since.net_input_bytes), (5, 100));
        assert_eq!(since.sync_full, 0);
    }
}
