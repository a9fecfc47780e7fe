//! What the server knows about itself: counts, latencies, notable commands, memory, and its log.
//!
//! Everything here is written on the path of a command and read seldom. Hence the division of labour: each worker
//! thread counts for itself without locked instructions ([`stats`]), the rare events (a slow command, a latency
//! spike, an error reply) go to structures behind a lock, and a reader of `INFO` pays for the sums.

mod counters;
mod errors;
pub mod histogram;
pub mod info;
pub mod latency;
pub mod log;
pub mod memory;
mod rates;
pub mod slowlog;
pub mod stats;

pub use counters::{Counter, Counters, Totals};
pub use errors::ErrorStats;
pub use histogram::{Distribution, Histogram};
pub use latency::LatencyMonitor;
pub use memory::MemoryMeter;
pub use rates::{RateMeter, Rates};
pub use slowlog::{CommandLog, CommandLogs, LogEntry, Notable, Thresholds};
pub use stats::{CommandStats, CommandTotals, Stats, WorkerStats};
