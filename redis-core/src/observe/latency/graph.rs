//! `LATENCY GRAPH`: spikes as columns of characters, with their age below each.

use super::{Sample, Series};

/// Columns in a row of graphs; a longer series continues below.
const COLUMNS: usize = 80;

/// Lines of a column.
const ROWS: usize = 4;

/// Fillings of one cell, lowest first; a cell below the top of its column is a bar.
const LEVELS: [char; 3] = ['_', 'o', '#'];

/// Draws the series with its extremes as the title.
pub(super) fn draw(event: &str, series: &Series, now: u64) -> String {
    let samples: Vec<Sample> = series.samples.iter().copied().collect();
    let values = || samples.iter().map(|sample| sample.millis);
    let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
    let mut text =
        format!("{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n", series.max, "-".repeat(COLUMNS));
    for (n, part) in samples.chunks(COLUMNS).enumerate() {
        if n > 0 {
            text.push('\n');
        }
        draw_part(&mut text, part, low, high, now);
    }
    text
}

fn draw_part(text: &mut String, samples: &[Sample], low: u64, high: u64, now: u64) {
    let range = (high - low).max(1);
    let top = (ROWS * LEVELS.len() - 1) as u64;
    for row in (0..ROWS).rev() {
        for sample in samples {
            let height = ((sample.millis - low) * top / range) as usize;
            let cell = match height.checked_sub(row * LEVELS.len()) {
                None => ' ',
                Some(level) => LEVELS.get(level).copied().unwrap_or('|'),
            };
            text.push(cell);
        }
        text.push('\n');
    }
    text.extend(std::iter::repeat_n(' ', samples.len()));
    text.push('\n');
    let ages: Vec<String> = samples.iter().map(|sample| age(sample, now)).collect();
    let longest = ages.iter().map(String::len).max().unwrap_or(0);
    for line in 0..longest {
        let column = |age: &String| age.chars().nth(line).unwrap_or(' ');
        text.extend(ages.iter().map(column));
        text.push('\n');
    }
}

/// How long ago, in the largest unit that fits.
fn age(sample: &Sample, now: u64) -> String {
    match now.saturating_sub(sample.time) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let age_of = |seconds: u64| age(&Sample { time: 1_000_000 - seconds, millis: 1 }, 1_000_000);
        assert_eq!([59, 60, 7_300, 90_000].map(age_of), ["59s", "1m", "2h", "1d"]);
    }

    #[test]
    fn long_series_continue_below() {
        let mut series = Series::default();
        for time in 0..100 {
            series.add(Sample { time, millis: 5 });
        }
        let text = draw("fork", &series, 100);
        let rows = text.lines().filter(|line| line.starts_with('_')).map(str::len);
        assert_eq!(rows.collect::<Vec<_>>(), [80, 20]);
    }
}
