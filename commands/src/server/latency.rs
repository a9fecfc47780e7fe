//! LATENCY: what took long, when, and how long commands take in general.

use redis_core::clock;
use redis_core::command::Command;
use redis_core::prelude::*;

use super::FAMILY;

container!("LATENCY", since = "2.8.13", help_since = "2.8.13", "A container for latency diagnostics commands.");

fn seconds() -> u64 {
    clock::unix_millis() / 1000
}

/// Returns a report of latency problems in words.
#[command(
    "LATENCY DOCTOR",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_SPECIAL),
    reply = Verbatim
)]
fn latency_doctor(server: &Server, reply: &mut Reply) {
    reply.verbatim("txt", server.latency.doctor(seconds()).as_bytes());
}

/// Returns a graph of an event's latencies, drawn in characters.
#[command(
    "LATENCY GRAPH",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_SPECIAL),
    reply = Verbatim
)]
fn latency_graph(server: &Server, event: &[u8], reply: &mut Reply) -> Result<()> {
    let event = String::from_utf8_lossy(event);
    let graph = server.latency.graph(&event, seconds());
    let graph = graph.ok_or_else(|| Error::from(format!("ERR No samples available for event '{event}'")))?;
    reply.verbatim("txt", graph.as_bytes());
    Ok(())
}

/// Returns the cumulative distribution of latencies of commands.
#[command(
    "LATENCY HISTOGRAM",
    since = "7.0.0",
    complexity = "O(N) where N is the number of commands with latency information being retrieved.",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_SPECIAL),
    reply = Map(&Bulk, &Map(&Bulk, &OneOf(&[Integer, Map(&Integer, &Integer)])))
)]
fn latency_histogram(call: &mut Call, #[arg(name = "command")] names: Rest<&[u8]>) {
    let registry = call.worker.registry;
    let mut commands: Vec<&Command> = Vec::new();
    if names.is_empty() {
        commands.extend(registry.all());
    }
    // A container stands for its subcommands.
    for command in names.iter().filter_map(|name| registry.find_full(name)) {
        commands.push(command);
        commands.extend(&command.subcommands);
    }
    let stats = &call.server().stats;
    let found = commands.into_iter().filter_map(|command| {
        let latency = stats.latency(usize::from(command.id))?;
        Some((command.def.full_name, latency))
    });
    let found: Vec<_> = found.collect();
    let reply = &mut *call.reply;
    reply.map(found.len());
    let number = |reply: &mut Reply, number: u64| reply.integer(i64::try_from(number).unwrap_or(i64::MAX));
    for (name, latency) in found {
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        number(reply, latency.count());
        reply.bulk(b"histogram_usec");
        let levels = latency.cumulative_micros();
        reply.map(levels.len());
        for (micros, count) in levels {
            number(reply, micros);
            number(reply, count);
        }
    }
}

/// Returns the latency spikes of an event with their times.
#[command(
    "LATENCY HISTORY",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_SPECIAL)
)]
fn latency_history(server: &Server, event: &[u8]) -> Vec<(u64, u64)> {
    let history = server.latency.history(&String::from_utf8_lossy(event));
    history.into_iter().map(|sample| (sample.time, sample.millis)).collect()
}

/// Returns the latest latency spike of every event.
#[command(
    "LATENCY LATEST",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_SPECIAL),
    reply = Array(&Array(&OneOf(&[Bulk, Integer])))
)]
fn latency_latest(server: &Server, reply: &mut Reply) {
    let events = server.latency.latest();
    reply.array(events.len());
    for event in events {
        reply.array(4);
        reply.bulk(event.event.as_bytes());
        for number in [event.latest.time, event.latest.millis, event.max] {
            reply.integer(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }
}

/// Forgets the latency spikes of some or all events.
#[command(
    "LATENCY RESET",
    since = "2.8.13",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_AGG_SUM)
)]
fn latency_reset(server: &Server, #[arg(name = "event")] events: Rest<&[u8]>) -> usize {
    let names: Vec<_> = events.iter().map(|event| String::from_utf8_lossy(event)).collect();
    server.latency.reset(names.iter().map(AsRef::as_ref))
}
