//! `redis-server check-rdb`: is a snapshot in order, and what is in it?
//!
//! The lines are those of Redis's `redis-check-rdb`, which scripts look at; a table of what was found follows them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::clock;
use crate::rdb::file::{FileError, FileReader, Item, KeyItem, ReadOptions, ValueItem};
use crate::rdb::{Loaded, module_name};
use crate::table::NO_DEADLINE;
use crate::value::Limits;

/// How many characters the bar of the progress has.
const BAR: usize = 40;

/// What was found of one type.
#[derive(Default)]
struct OfType {
    keys: u64,
    expires: u64,
    bytes: u64,
    largest: usize,
    /// The key that is the largest.
    largest_key: Vec<u8>,
}

/// All that was found.
#[derive(Default)]
struct Found {
    types: BTreeMap<String, OfType>,
    databases: BTreeMap<usize, u64>,
    database: usize,
    expired: u64,
    empty: u64,
    libraries: u64,
}

impl Found {
    fn key(&mut self, item: &KeyItem<'_>, now: u64) {
        let name = match &item.value {
            ValueItem::Str(_) | ValueItem::Object(Loaded::Str(_)) => "string",
            ValueItem::Object(Loaded::Object(object)) => object.type_name(),
            ValueItem::Empty => "empty",
            ValueItem::Expired => "hash",
        };
        self.empty += u64::from(matches!(item.value, ValueItem::Empty));
        let expires = item.expires_at != NO_DEADLINE;
        self.expired += u64::from(expires && item.expires_at < now);
        *self.databases.entry(self.database).or_default() += 1;
        let of_type = self.types.entry(name.to_owned()).or_default();
        of_type.keys += 1;
        of_type.expires += u64::from(expires);
        of_type.bytes += item.size as u64;
        if item.size > of_type.largest {
            of_type.largest = item.size;
            of_type.largest_key = item.key.to_vec();
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let sum = |of: fn(&OfType) -> u64| self.types.values().map(of).sum::<u64>();
        writeln!(out, "[info] {} keys read", sum(|found| found.keys))?;
        writeln!(out, "[info] {} expires", sum(|found| found.expires))?;
        writeln!(out, "[info] {} already expired", self.expired)?;
        if self.empty > 0 {
            writeln!(out, "[info] {} empty, which are left out when the file is loaded", self.empty)?;
        }
        if self.libraries > 0 {
            writeln!(out, "[info] {} libraries of functions", self.libraries)?;
        }
        for (database, keys) in &self.databases {
            writeln!(out, "[info] db{database}: {keys} keys")?;
        }
        if !self.types.is_empty() {
            writeln!(out, "[info] {:<12} {:>12} {:>12} {:>16}  largest", "type", "keys", "expires", "bytes")?;
        }
        for (name, found) in &self.types {
            let OfType { keys, expires, bytes, largest, largest_key } = found;
            let key = largest_key.escape_ascii();
            writeln!(out, "[info] {name:<12} {keys:>12} {expires:>12} {bytes:>16}  {largest} bytes: '{key}'")?;
        }
        Ok(())
    }
}

/// Draws how far it is, where somebody looks.
struct Progress<'p> {
    terminal: Option<&'p mut dyn Write>,
    total: u64,
    shown: u64,
}

impl Progress<'_> {
    fn show(&mut self, position: u64) {
        let percent = position.saturating_mul(100).checked_div(self.total).unwrap_or(0).min(100);
        let Some(terminal) = &mut self.terminal else { return };
        if percent != self.shown {
            self.shown = percent;
            let done = BAR * percent as usize / 100;
            // It is for the eye only.
            let _ = write!(terminal, "\r[{:<BAR$}] {percent:>3}%", "=".repeat(done)).and_then(|()| terminal.flush());
        }
    }

    fn clear(&mut self) {
        if let Some(terminal) = &mut self.terminal {
            let _ = write!(terminal, "\r{:width$}\r", "", width = BAR + 8).and_then(|()| terminal.flush());
        }
    }
}

/// Reads a snapshot and writes to `out` what is in it and, if so, what is wrong with it. Answers where it ends; nothing if
/// it is not in order. `terminal` is where to draw how far it is.
///
/// # Errors
/// If `out` takes nothing.
pub fn check(path: &Path, out: &mut dyn Write, terminal: Option<&mut dyn Write>) -> io::Result<Option<u64>> {
    writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            writeln!(out, "Cannot open file {}: {error}", path.display())?;
            return Ok(None);
        }
    };
    let total = file.metadata().map_or(0, |metadata| metadata.len());
    let mut progress = Progress { terminal, total, shown: u64::MAX };
    let mut found = Found::default();
    let result = read(file, out, &mut found, &mut progress);
    progress.clear();
    match &result {
        Ok(position) => {
            writeln!(out, "[offset {position}] Checksum OK")?;
            writeln!(out, "[offset {position}] \\o/ RDB looks OK! \\o/")?;
            if *position < total {
                writeln!(out, "[info] {} bytes behind the end", total - position)?;
            }
        }
        Err(error) => {
            writeln!(out, "--- RDB ERROR DETECTED ---")?;
            writeln!(out, "[offset {}] {error}", error.offset)?;
        }
    }
    found.write(out)?;
    Ok(result.ok())
}

/// Reads to the end, and answers where that is.
fn read(file: File, out: &mut dyn Write, found: &mut Found, progress: &mut Progress<'_>) -> Result<u64, FileError> {
    let now = clock::unix_millis();
    let options = ReadOptions { limits: Limits::default(), now: 0, checksum: true, any_version: false };
    let mut reader = FileReader::new(file, options)?;
    let text = |error: io::Error| error.to_string();
    reader.read(|item, position| {
        progress.show(position);
        match item {
            Item::Aux(name, value) => {
                let (name, value) = (name.escape_ascii(), value.escape_ascii());
                writeln!(out, "[offset {position}] AUX FIELD {name} = '{value}'").map_err(text)?;
            }
            Item::Database(number) => {
                found.database = number;
                writeln!(out, "[offset {position}] Selecting DB ID {number}").map_err(text)?;
            }
            Item::ModuleAux(id) => {
                writeln!(out, "[offset {position}] MODULE AUX for: {}", module_name(id)).map_err(text)?;
            }
            Item::Function(_) => found.libraries += 1,
            Item::Size(..) => {}
            Item::Key(key) => found.key(&key, now),
        }
        Ok(())
    })?;
    Ok(reader.position())
}
