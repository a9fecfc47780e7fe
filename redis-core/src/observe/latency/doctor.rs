//! `LATENCY DOCTOR`: the statistics of every event, and what to try.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Series;

/// What an administrator can do. An event suggests some of these; each is given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Advice {
    SlowCommands,
    LargeKeys,
    Expiry,
    Eviction,
    Fork,
    DiskContention,
    FsyncPolicy,
    NoFsyncOnRewrite,
    Defragmentation,
}

impl Advice {
    fn text(self) -> &'static str {
        match self {
            Self::SlowCommands => {
                "SLOWLOG GET lists the commands that took long. Replace walks over everything (KEYS, large \
                 ranges, SORT) by SCAN and its relatives or by smaller ranges."
            }
            Self::LargeKeys => {
                "Deleting, expiring or evicting a large collection takes time in proportion to its size. Use \
                 UNLINK, set the lazyfree directives to yes, or spread the data over several keys."
            }
            Self::Expiry => {
                "Many keys expire at the same moment. Add a random part to their time to live, or lower \
                 active-expire-effort."
            }
            Self::Eviction => {
                "The server works at its maxmemory limit. Raise the limit, or lower \
                 maxmemory-eviction-tenacity to spread the work."
            }
            Self::Fork => {
                "Creating a process copies page tables, which takes long with much memory and longer on some \
                 virtual machines. Turn transparent huge pages off, and keep instances small."
            }
            Self::DiskContention => {
                "Writing to the append-only file has to wait. Look for other programs that write to the same \
                 disk, or move the file to a faster or local one."
            }
            Self::FsyncPolicy => {
                "With appendfsync always every write waits for the disk. If losing the last second in a crash \
                 is acceptable, set appendfsync to everysec."
            }
            Self::NoFsyncOnRewrite => {
                "Saving in the background competes with the append-only file for the disk. \
                 no-appendfsync-on-rewrite yes avoids this, at the price of durability while a save runs."
            }
            Self::Defragmentation => {
                "Active defragmentation takes a noticeable share of the time. Lower active-defrag-cycle-max."
            }
        }
    }

    /// What an event suggests.
    fn for_event(event: &str) -> &'static [Self] {
        match event {
            "command" | "fast-command" => &[Self::SlowCommands, Self::LargeKeys],
            "expire-cycle" => &[Self::Expiry, Self::LargeKeys],
            "expire-del" => &[Self::LargeKeys],
            "eviction-cycle" => &[Self::Eviction, Self::LargeKeys],
            "eviction-del" | "eviction-lazyfree" => &[Self::LargeKeys],
            "fork" => &[Self::Fork],
            "aof-fsync-always" => &[Self::FsyncPolicy, Self::DiskContention],
            "aof-write-active-child" => &[Self::NoFsyncOnRewrite, Self::DiskContention],
            "active-defrag-cycle" => &[Self::Defragmentation],
            _ if event.starts_with("aof-") || event.starts_with("rdb-") => &[Self::DiskContention],
            _ => &[],
        }
    }
}

/// Writes the report.
pub(super) fn report(events: &BTreeMap<String, Series>, enabled: bool, now: u64) -> String {
    if events.is_empty() {
        return if enabled {
            "No latency spike was observed so far. There is nothing to treat.\n".to_owned()
        } else {
            "The latency monitor is off, so there is nothing to tell. Switch it on with CONFIG SET \
             latency-monitor-threshold <milliseconds> and ask again after a while.\n"
                .to_owned()
        };
    }
    let mut text = "Latency spikes were observed:\n\n".to_owned();
    let mut advice = Vec::new();
    for (n, (event, series)) in events.iter().enumerate() {
        let facts = Facts::of(series, now);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}. {event}: {} latency spikes (average {} ms, mean deviation {} ms, period {:.2} s). Worst: {} ms.",
            n + 1,
            facts.spikes,
            facts.average,
            facts.deviation,
            facts.period,
            series.max
        );
        advice.extend_from_slice(Advice::for_event(event));
    }
    advice.sort_unstable();
    advice.dedup();
    if !advice.is_empty() {
        text.push_str("\nWhat may help:\n\n");
        for one in advice {
            let _ = writeln!(text, "- {}", one.text());
        }
    }
    text
}

/// The statistics of a series. Means are whole milliseconds, rounded down.
struct Facts {
    spikes: u64,
    average: u64,
    deviation: u64,
    /// Seconds between two spikes.
    period: f64,
}

impl Facts {
    fn of(series: &Series, now: u64) -> Self {
        let spikes = series.samples.len().max(1) as u64;
        let values = || series.samples.iter().map(|sample| sample.millis);
        let average = values().sum::<u64>() / spikes;
        let deviation = values().map(|value| value.abs_diff(average)).sum::<u64>() / spikes;
        let oldest = series.samples.front().map_or(now, |sample| sample.time);
        Self { spikes, average, deviation, period: now.saturating_sub(oldest) as f64 / spikes as f64 }
    }
}
