//! `oom-score-adj`: tells the kernel how ready it should be to end this process when memory runs out.
//!
//! Linux keeps the score as a line of text in a file, so it is written there. The score belongs to the process: what it
//! was before is remembered, and restored when the directive is set to `no`.

use std::fs;
use std::io;

use parking_lot::Mutex;

use crate::config::Config;

const FILE: &str = "/proc/self/oom_score_adj";

/// The kernel's limits.
const RANGE: std::ops::RangeInclusive<i64> = -1000..=1000;

/// The score as it was before it was changed, if it was.
#[derive(Debug, Default)]
pub(super) struct OomScore(Mutex<Option<i64>>);

impl OomScore {
    /// Makes the score what the configuration wants.
    ///
    /// # Errors
    /// A reason for CONFIG SET: the kernel lets only privileged processes lower their score.
    pub(super) fn apply(&self, config: &Config) -> Result<(), String> {
        let mut before = self.0.lock();
        let mode = config.oom_score_adj.get();
        if mode == "no" && before.is_none() {
            return Ok(());
        }
        self::apply(mode, config.oom_score_adj_values.get()[0], &mut before).map_err(|error| {
            tracing::warn!("Failed to set oom_score_adj: {error}");
            "Failed to apply new oom_score_adj configuration, check server logs.".to_owned()
        })
    }
}

fn apply(mode: &str, value: i64, before: &mut Option<i64>) -> io::Result<()> {
    if mode == "no" {
        if let Some(score) = *before {
            write(score)?;
        }
        *before = None;
        return Ok(());
    }
    let base = match *before {
        Some(score) => score,
        None => read()?,
    };
    write(if mode == "absolute" { value } else { base + value })?;
    *before = Some(base);
    Ok(())
}

fn read() -> io::Result<i64> {
    fs::read_to_string(FILE)?.trim().parse().map_err(io::Error::other)
}

fn write(score: i64) -> io::Result<()> {
    fs::write(FILE, score.clamp(*RANGE.start(), *RANGE.end()).to_string())
}
