//! How many instructions each of the hot [`pieces`] takes, counted by Valgrind, beside the figures that
//! `instructions.txt` keeps: `cargo bench -p redis-tests --bench instructions`.
//!
//! A count does not depend on what else the machine does, so a change of one per cent can be seen. It is no time: what a
//! cache miss costs does not show. Counts vary a little from run to run, because keys are hashed with a random key, and
//! between compilers. `UPDATE=1` writes the file anew.
//!
//! The program runs itself under callgrind, which counts only inside of [`measured`] and writes a file whenever that
//! returns.

mod pieces;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use pieces::PIECES;
use redis_tests::{command_exists, temporary_folder, workspace};

/// How often the work is done while instructions are counted; before, it is done as often to grow buffers.
const TIMES: u64 = 100;

/// Few enough to be made quickly under Valgrind, and enough for every encoding.
const MANY: usize = 20_000;

fn main() -> ExitCode {
    if std::env::var_os("COUNTING").is_some() {
        for piece in PIECES {
            let mut work = (piece.prepare)(MANY);
            (0..TIMES).for_each(|_| work());
            measured(&mut *work);
        }
        return ExitCode::SUCCESS;
    }
    if !command_exists("valgrind", &["--version"]) {
        eprintln!("\n*** SKIPPED: instructions are counted by valgrind, which is not there\n");
        return ExitCode::SUCCESS;
    }
    let kept_at = workspace().join("tests/benches/instructions.txt");
    let text = std::fs::read_to_string(&kept_at).unwrap_or_default();
    let kept = parse(&text);
    let counted = count();
    println!("{:<36}{:>10}{:>10}", "instructions", "now", "kept");
    for (piece, now) in PIECES.iter().zip(&counted) {
        let before = kept.get(piece.name).copied();
        let change = before.map_or(0.0, |before| 100.0 * (*now as f64 / before as f64 - 1.0));
        let mark = if change.abs() < 1.0 { String::new() } else { format!("{change:>+8.1} %") };
        println!("{:<36}{now:>10}{:>10}{mark}", piece.name, before.map_or("-".to_owned(), |before| before.to_string()));
    }
    if std::env::var_os("UPDATE").is_some() {
        let lines = PIECES.iter().zip(&counted).fold(String::new(), |mut lines, (piece, now)| {
            let _ = writeln!(lines, "{:<36}{now:>10}", piece.name);
            lines
        });
        std::fs::write(kept_at, lines).expect("the checkout can be written");
    }
    ExitCode::SUCCESS
}

/// What callgrind looks at.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    (0..TIMES).for_each(|_| work());
}

/// The kept figures: a name and a number in each line.
fn parse(text: &str) -> BTreeMap<&str, u64> {
    let line = |line| -> Option<(&str, u64)> {
        let (name, count) = str::rsplit_once(line, ' ')?;
        Some((name.trim_end(), count.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// Instructions of each piece, once done.
fn count() -> Vec<u64> {
    let folder = temporary_folder();
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--callgrind-out-file=counts"])
        .args(["--toggle-collect=instructions::measured", "--dump-after=instructions::measured"])
        .arg(std::env::current_exe().expect("a benchmark is a file"))
        .env("COUNTING", "1")
        .current_dir(folder.path())
        .status();
    assert!(status.expect("valgrind is there").success(), "the benchmark fails under valgrind");
    (1..=PIECES.len()).map(|number| total(&folder.path().join(format!("counts.{number}"))) / TIMES).collect()
}

/// The sum in one of callgrind's files.
fn total(file: &Path) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let sum = text.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    sum.and_then(|sum| sum.trim().parse().ok()).expect("callgrind sums up")
}
