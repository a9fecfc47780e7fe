//! INFO: the state of the server as text, one function for each section.

mod activity;
mod commands;
mod data;
pub(super) mod memory;
mod persistence;
mod process;

use redis_core::clock;
use redis_core::command::Registry;
use redis_core::db::DatabaseStats;
use redis_core::observe::info::{Info, Section, Selection, Tier};
use redis_core::prelude::*;

use super::FAMILY;

/// Where the sections find what they say.
struct Source<'a> {
    server: &'a Server,
    databases: &'a [DatabaseStats],
    registry: &'static Registry,
    /// Milliseconds since 1970.
    now: u64,
}

type Write = fn(&Source<'_>, &mut Section<'_>);

/// The sections in the order of the reply.
const SECTIONS: &[(&str, Tier, Write)] = &[
    ("Server", Tier::Default, process::server),
    ("Clients", Tier::Default, activity::clients),
    ("Memory", Tier::Default, memory::memory),
    ("Persistence", Tier::Default, persistence::persistence),
    ("Stats", Tier::Default, activity::stats),
    ("Replication", Tier::Default, data::replication),
    ("CPU", Tier::Default, process::cpu),
    ("Modules", Tier::Default, process::modules),
    ("Commandstats", Tier::All, commands::commandstats),
    ("Errorstats", Tier::Default, commands::errorstats),
    ("Latencystats", Tier::All, commands::latencystats),
    ("Cluster", Tier::Default, process::cluster),
    ("Keyspace", Tier::Default, data::keyspace),
];

/// Returns information and statistics about the server.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(LOADING, STALE),
    acl(DANGEROUS),
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_SPECIAL),
    history("7.0.0" = "Added support for taking several section arguments."),
    access = each,
    reply = Verbatim
)]
fn info(call: &mut Call, #[arg(name = "section")] sections: Rest<&[u8]>) {
    let selection = Selection::parse(sections.iter().copied());
    let now = clock::unix_millis();
    let databases = call.walk().stats();
    let source = Source { server: call.server(), databases: &databases, registry: call.worker.registry, now };
    let mut info = Info::new(&selection);
    for (title, tier, write) in SECTIONS {
        if let Some(mut section) = info.section(title, *tier) {
            write(&source, &mut section);
        }
    }
    call.reply.verbatim("txt", info.finish().as_bytes());
}

/// A number of bytes for people: `1.50M`.
pub(super) fn human(bytes: usize) -> String {
    let mut size = bytes as f64 / 1024.0;
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    for unit in ["K", "M", "G", "T"] {
        if size < 1024.0 {
            return format!("{size:.2}{unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.2}P")
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn sizes_for_people() {
        let sizes = [0, 1023, 1024, 1_500_000, 1 << 30, 3 << 40, 5 << 50];
        let shown = ["0B", "1023B", "1.00K", "1.43M", "1.00G", "3.00T", "5.00P"];
        assert_eq!(sizes.map(human), shown);
    }
}
