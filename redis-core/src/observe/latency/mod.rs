//! The latency monitor: when did something take longer than `latency-monitor-threshold`, and how long.
//!
//! Whoever does work that may stall (a command, an expire cycle, a write to the append-only file) reports it under
//! an event's name. Only what reaches the threshold is kept, so a healthy server pays one relaxed load per report.
//! Each event has a short series of spikes, one per second: within a second the longest counts.

mod doctor;
mod graph;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

/// Spikes remembered of one event.
const HISTORY: usize = 160;

/// One spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Unix time in seconds.
    pub time: u64,
    /// How long it took.
    pub millis: u64,
}

/// An event as `LATENCY LATEST` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestEvent {
    /// Name of the event.
    pub event: String,
    /// Its newest spike.
    pub latest: Sample,
    /// The longest ever, in milliseconds.
    pub max: u64,
    /// Milliseconds of all spikes together.
    pub sum: u64,
    /// Number of all spikes.
    pub count: u64,
}

/// The spikes of one event.
#[derive(Clone, Debug, Default)]
struct Series {
    /// Oldest first.
    samples: VecDeque<Sample>,
    max: u64,
    sum: u64,
    count: u64,
}

impl Series {
    fn add(&mut self, sample: Sample) {
        self.max = self.max.max(sample.millis);
        self.sum += sample.millis;
        self.count += 1;
        if let Some(last) = self.samples.back_mut()
            && last.time == sample.time
        {
            last.millis = last.millis.max(sample.millis);
            return;
        }
        if self.samples.len() == HISTORY {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }
}

/// The spikes of a server by event.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    threshold: AtomicU64,
    events: Mutex<BTreeMap<String, Series>>,
}

impl LatencyMonitor {
    /// A monitor that is switched off.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the milliseconds from which on an event counts as a spike; zero switches the monitor off.
    pub fn set_threshold(&self, millis: u64) {
        self.threshold.store(millis, Relaxed);
    }

    /// Whether anything is recorded; callers can save themselves the measuring if not.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.threshold.load(Relaxed) != 0
    }

    /// Reports that `event` took `millis`, at the unix time `now` in seconds. Kept only from the threshold on.
    #[inline]
    pub fn record(&self, event: &str, millis: u64, now: u64) {
        let threshold = self.threshold.load(Relaxed);
        if threshold != 0 && millis >= threshold {
            self.record_spike(event, Sample { time: now, millis });
        }
    }

    #[cold]
    fn record_spike(&self, event: &str, sample: Sample) {
        let mut events = self.events.lock();
        match events.get_mut(event) {
            Some(series) => series.add(sample),
            None => events.entry(event.to_owned()).or_default().add(sample),
        }
    }

    /// The newest spike and the sums of every event, by name.
    pub fn latest(&self) -> Vec<LatestEvent> {
        let events = self.events.lock();
        let shown = events.iter().filter_map(|(event, series)| {
            Some(LatestEvent {
                event: event.clone(),
                latest: *series.samples.back()?,
                max: series.max,
                sum: series.sum,
                count: series.count,
            })
        });
        shown.collect()
    }

    /// The spikes of one event, oldest first; nothing if it never had one.
    pub fn history(&self, event: &str) -> Vec<Sample> {
        let events = self.events.lock();
        events.get(event).map(|series| series.samples.iter().copied().collect()).unwrap_or_default()
    }

    /// Forgets the named events, or all if none is named. Returns how many there were.
    pub fn reset<'a>(&self, names: impl ExactSizeIterator<Item = &'a str>) -> usize {
        let mut events = self.events.lock();
        if names.len() == 0 {
            return std::mem::take(&mut *events).len();
        }
        names.filter(|name| events.remove(*name).is_some()).count()
    }

    /// `LATENCY GRAPH`: the spikes of one event drawn in characters, or none if it had no spike.
    pub fn graph(&self, event: &str, now: u64) -> Option<String> {
        let series = self.events.lock().get(event).cloned()?;
        Some(graph::draw(event, &series, now))
    }

    /// `LATENCY DOCTOR`: what was observed and what may help, in words.
    pub fn doctor(&self, now: u64) -> String {
        let events = self.events.lock().clone();
        doctor::report(&events, self.is_enabled(), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(samples: &[(&str, u64, u64)]) -> LatencyMonitor {
        let monitor = LatencyMonitor::new();
        monitor.set_threshold(10);
        for (event, time, millis) in samples {
            monitor.record(event, *millis, *time);
        }
        monitor
    }

    #[test]
    fn threshold_and_same_second() {
        let off = LatencyMonitor::new();
        off.record("command", 5_000, 1);
        assert!(!off.is_enabled() && off.latest().is_empty());

        let monitor = monitor(&[
            ("command", 100, 9),
            ("command", 100, 10),
            ("command", 100, 30),
            ("command", 100, 20),
            ("fork", 101, 50),
            ("command", 102, 15),
        ]);
        let history = monitor.history("command");
        assert_eq!(history.iter().map(|s| s.millis).collect::<Vec<_>>(), [30, 15]);
        let latest = monitor.latest();
        assert_eq!(latest.len(), 2);
        assert_eq!((latest[0].latest.millis, latest[0].max, latest[0].sum), (15, 30, 75));
        assert_eq!(latest[0].count, 4);
        assert!(monitor.history("nothing").is_empty());
    }

    #[test]
    fn the_ring_is_bounded() {
        let monitor = LatencyMonitor::new();
        monitor.set_threshold(1);
        for second in 0..500 {
            monitor.record("command", 500 - second, second);
        }
        let history = monitor.history("command");
        assert_eq!(history.len(), HISTORY);
        assert_eq!(history[0].time, 500 - HISTORY as u64);
        assert_eq!(monitor.latest()[0].max, 500);
    }

    #[test]
    fn reset_some_or_all() {
        let monitor = monitor(&[("a", 1, 10), ("b", 1, 10), ("c", 1, 10)]);
        assert_eq!(monitor.reset(["a", "x"].into_iter()), 1);
        assert_eq!(monitor.reset(std::iter::empty::<&str>()), 2);
        assert!(monitor.latest().is_empty());
    }

    #[test]
    fn graph_is_drawn() {
        let monitor = monitor(&[("command", 100, 20), ("command", 101, 1_200), ("command", 102, 600)]);
        let graph = monitor.graph("command", 102).unwrap();
        let lines: Vec<_> = graph.lines().collect();
        assert_eq!(lines[0], "command - high 1200 ms, low 20 ms (all time high 1200 ms)");
        assert_eq!(lines[1], "-".repeat(80));
        assert_eq!(&lines[2..], [" # ", " | ", " |#", "_||", "   ", "210", "sss"]);
        assert_eq!(monitor.graph("fork", 102), None);
    }

    #[test]
    fn doctor_counts_and_advises() {
        assert!(LatencyMonitor::new().doctor(1).contains("latency-monitor-threshold"));
        let calm = monitor(&[]).doctor(1);
        assert!(calm.contains("No latency spike"));
        let report = monitor(&[
            ("command", 100, 20),
            ("command", 101, 1_200),
            ("command", 102, 600),
            ("aof-fsync-always", 102, 40),
        ])
        .doctor(102);
        assert!(
            report.contains(
                "2. command: 3 latency spikes (average 606 ms, mean deviation 395 ms, period 0.67 s). Worst: 1200 ms."
            ),
            "{report}"
        );
        assert!(report.contains("SLOWLOG"), "{report}");
        assert!(report.contains("appendfsync"), "{report}");
    }
}
