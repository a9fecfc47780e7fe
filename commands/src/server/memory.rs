//! MEMORY: where the memory goes.

use redis_core::clock;
use redis_core::db::Entry;
use redis_core::observe::memory::{allocator_report, allocator_stats, purge_allocator};
use redis_core::prelude::*;

use super::FAMILY;
use super::info::memory::{Overhead, percent, ratio, signed};

container!("MEMORY", since = "4.0.0", help_since = "4.0.0", "A container for memory diagnostics commands.");

/// What is wrong with the use of memory, if anything, in words.
mod advice {
    use redis_core::config::MaxmemoryPolicy;
    use redis_core::prelude::*;

    use super::ratio;
    use crate::server::info::human;

    /// Below this there is too little to judge.
    const LITTLE: usize = 5 << 20;

    pub(super) fn of(server: &Server, fragmentation: f64) -> String {
        let meter = &server.memory;
        let used = meter.used();
        if used < LITTLE {
            return format!("The server uses {} of memory: too little to find fault with.\n", human(used));
        }
        let mut advice = Vec::new();
        if ratio(meter.peak(), used) > 1.5 {
            advice.push(format!(
                "Peak: {} were in use at one time, {} are now. The process may keep the difference until the allocator \
                 gives it back; MEMORY PURGE asks it to.",
                human(meter.peak()),
                human(used)
            ));
        }
        if fragmentation > 1.4 {
            advice.push(format!(
                "Fragmentation: the process takes {fragmentation:.2} times what it uses. Many values of changing sizes \
                 lead to this; a restart with the same data would undo it."
            ));
        }
        let config = &server.config;
        if config.maxmemory.get() > 0
            && used > config.maxmemory.get_usize() / 10 * 9
            && config.maxmemory_policy.get() == MaxmemoryPolicy::Noeviction
        {
            advice.push(
                "Limit: more than nine tenths of maxmemory are in use, and with maxmemory-policy noeviction writes will \
                 be refused at the limit."
                    .to_owned(),
            );
        }
        if advice.is_empty() {
            return "No problem was found in the use of memory.\n".into();
        }
        advice.iter().map(|line| format!("- {line}\n")).collect()
    }
}

/// Returns a report of memory problems in words.
#[command(
    "MEMORY DOCTOR",
    since = "4.0.0",
    complexity = "O(1)",
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_SPECIAL),
    reply = Verbatim
)]
fn memory_doctor(server: &Server, reply: &mut Reply) {
    let meter = &server.memory;
    meter.refresh(clock::unix_millis() / 1000);
    reply.verbatim("txt", advice::of(server, ratio(meter.resident(), meter.used())).as_bytes());
}

/// Returns the allocator's own statistics.
#[command(
    "MEMORY MALLOC-STATS",
    since = "4.0.0",
    complexity = "O(1)",
    flags(LOADING),
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_SPECIAL),
    reply = Verbatim
)]
fn memory_malloc_stats(reply: &mut Reply) {
    let report = allocator_report();
    let report = report.unwrap_or_else(|| "Stats not supported for the current allocator".into());
    reply.verbatim("txt", report.as_bytes());
}

/// Asks the allocator to give memory back to the system.
#[command(
    "MEMORY PURGE",
    since = "4.0.0",
    complexity = "O(1)",
    flags(LOADING),
    tips(REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn memory_purge() -> Okay {
    // Where the allocator cannot be asked there is nothing to purge.
    purge_allocator();
    Okay
}

/// A number in MEMORY STATS.
enum Figure {
    Bytes(i128),
    Share(f64),
    Table { main: usize },
}

/// Returns details about memory usage.
#[command(
    "MEMORY STATS",
    since = "4.0.0",
    complexity = "O(1)",
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_SPECIAL),
    access = each,
    reply = Map(&Bulk, &OneOf(&[Integer, Double, Bulk, Map(&Bulk, &Integer)]))
)]
fn memory_stats(call: &mut Call) {
    let databases = call.walk().stats();
    let (server, meter) = (call.server(), &call.server().memory);
    meter.refresh(clock::unix_millis() / 1000);
    let (used, resident, peak) = (meter.used(), meter.resident(), meter.peak());
    let overhead = Overhead::of(server, &databases);
    let dataset = used.saturating_sub(overhead.total());
    let keys: usize = databases.iter().map(|stats| stats.keys).sum();
    let net = used.saturating_sub(overhead.startup);
    let allocator = allocator_stats().unwrap_or_default();
    let bytes = |bytes: usize| Figure::Bytes(bytes as i128);
    let mut figures: Vec<(String, Figure)> = Vec::new();
    let mut add = |name: &str, figure| figures.push((name.to_owned(), figure));
    add("peak.allocated", bytes(peak));
    add("total.allocated", bytes(used));
    add("startup.allocated", bytes(overhead.startup));
    add("replication.backlog", bytes(0));
    add("clients.slaves", bytes(0));
    add("clients.normal", bytes(overhead.clients));
    add("cluster.links", bytes(0));
    add("aof.buffer", Figure::Bytes(server.aof.waiting(server.changes.end()).into()));
    add("lua.caches", bytes(0));
    add("functions.caches", bytes(0));
    for (database, main) in &overhead.tables {
        add(&format!("db.{database}"), Figure::Table { main: *main });
    }
    add("overhead.total", bytes(overhead.total()));
    add("keys.count", bytes(keys));
    add("keys.bytes-per-key", bytes(net.checked_div(keys).unwrap_or(0)));
    add("dataset.bytes", bytes(dataset));
    add("dataset.percentage", Figure::Share(percent(dataset, net)));
    add("peak.percentage", Figure::Share(percent(used, peak)));
    add("allocator.allocated", bytes(allocator.allocated));
    add("allocator.active", bytes(allocator.active));
    add("allocator.resident", bytes(allocator.resident));
    add("allocator.muzzy", bytes(allocator.muzzy));
    add("allocator-fragmentation.ratio", Figure::Share(ratio(allocator.active, allocator.allocated)));
    add("allocator-fragmentation.bytes", Figure::Bytes(signed(allocator.active, allocator.allocated)));
    add("allocator-rss.ratio", Figure::Share(ratio(allocator.resident, allocator.active)));
    add("allocator-rss.bytes", Figure::Bytes(signed(allocator.resident, allocator.active)));
    add("rss-overhead.ratio", Figure::Share(ratio(resident, allocator.resident)));
    add("rss-overhead.bytes", Figure::Bytes(signed(resident, allocator.resident)));
    add("fragmentation", Figure::Share(ratio(resident, used)));
    add("fragmentation.bytes", Figure::Bytes(signed(resident, used)));
    let reply = &mut *call.reply;
    reply.map(figures.len());
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        match figure {
            Figure::Bytes(bytes) => reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX)),
            Figure::Share(share) => reply.double(share),
            Figure::Table { main } => {
                reply.map(2);
                reply.bulk(b"overhead.hashtable.main");
                reply.integer(i64::try_from(main).unwrap_or(i64::MAX));
                // Deadlines are part of the entries.
                reply.bulk(b"overhead.hashtable.expires");
                reply.integer(0);
            }
        }
    }
}

/// Estimates the memory usage of a key.
#[command("MEMORY USAGE", since = "4.0.0", complexity = "O(N) where N is the number of samples.")]
fn memory_usage(
    db: &Db,
    #[key(RO)] key: Key,
    #[arg(token = "SAMPLES", name = "count")] samples: Option<i64>,
) -> Result<Option<usize>> {
    // The answer is exact and needs no samples, but a wrong number of them stays wrong.
    if samples.is_some_and(|samples| samples < 0) {
        return Err(Error::SYNTAX);
    }
    let bytes =
        |entry: &Entry| db.place_memory(key) + entry.memory() + entry.object().map_or(0, |object| object.memory());
    Ok(db.peek(key).map(bytes))
}
