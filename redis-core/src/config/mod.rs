//! The configuration: what can be set, where it is kept, and all the ways to read and change it.
//!
//! Each directive is declared once, in `directives` if it has effect and in `inert` if this server does not have what it
//! is about. Code reads a setting as a field, and a hot path pays one atomic load:
//!
//! ```
//! use redis_core::config::Config;
//! let config = Config::new();
//! assert_eq!(config.maxclients.get(), 10_000);
//! config.set(&[(b"maxclients", b"50")], true).unwrap();
//! assert_eq!(config.maxclients.get(), 50);
//! ```
//!
//! | part | what |
//! |---|---|
//! | `cell`, `structured`, `names` | kinds of settings: where a value lives, what it accepts, how it is shown |
//! | `directive` | the declaration macro and the table it makes |
//! | `directives`, `inert` | the declarations |
//! | `file`, `environment`, `command_line` | the notations |
//! | `startup` | their sum at the start: file, then standard input, then environment, then command line |
//! | `set` | CONFIG SET, hooks |
//! | `rewrite` | CONFIG REWRITE |
//! | `example` | the commented example file |
//!
//! A configuration belongs to a server, not to the process: several servers in one process do not see each other's.

mod cell;
mod command_line;
mod directive;
mod directives;
mod environment;
mod error;
mod example;
mod file;
mod inert;
mod names;
mod rewrite;
mod set;
mod startup;
mod structured;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};

use parking_lot::{Mutex, RwLock};

pub use cell::{Arity, Bool, Cell, Choice, Directory, Enum, Int, Memory, Named, Octal, Secret, Text};
pub use command_line::{CommandLine, Sources};
pub use directive::{Directive, Flag, all, find};
pub use directives::Live;
pub use error::{ConfigError, Place, RewriteError, SetError};
pub use example::example;
pub use file::{quote, split_words};
pub use inert::Inert;
pub use names::{MaxmemoryPolicy, Permission};
pub use set::Apply;
pub use startup::{Rename, Source};
pub use structured::{
    ClientClass, Events, Ints, OnSignal, OutputBufferLimit, OutputBufferLimits, Percentiles, Primary, SavePoint,
    SavePoints, ShutdownOptions, Words,
};

use crate::glob;
use crate::value::Limits;

/// The configuration of one server.
///
/// It dereferences to [`Live`], so that every directive that has effect reads as a field of it.
pub struct Config {
    live: Live,
    /// The directives without effect.
    pub inert: Inert,
    /// Grows with every change.
    generation: AtomicU64,
    /// `DEBUG QUICKLIST-PACKED-THRESHOLD`, which is no directive but travels with the limits that are.
    quicklist_packed_threshold: AtomicUsize,
    /// Held while settings change, so that no two changes mix and a rewritten file is of one moment.
    changing: Mutex<()>,
    hooks: RwLock<Vec<Arc<set::Hook>>>,
    extra: Mutex<Extra>,
}

/// What is known beside the values.
#[derive(Debug, Default)]
struct Extra {
    /// The file that the server was started with, absolute.
    file: Option<PathBuf>,
    /// Who set what; a directive that is not here has its default.
    sources: HashMap<&'static str, Source>,
    renames: Vec<Rename>,
    notes: Vec<String>,
}

impl Deref for Config {
    type Target = Live;

    fn deref(&self) -> &Live {
        &self.live
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("live", &self.live).finish_non_exhaustive()
    }
}

impl Config {
    /// Every setting at its default.
    pub fn new() -> Self {
        Self {
            live: Live::new(),
            inert: Inert::new(),
            generation: AtomicU64::new(0),
            quicklist_packed_threshold: AtomicUsize::new(0),
            changing: Mutex::new(()),
            hooks: RwLock::default(),
            extra: Mutex::default(),
        }
    }

    /// CONFIG GET: names and values of all directives that any of the patterns names, sorted by name. A directive is shown
    /// under the name that it was asked by, aliases included.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
        let mut found: BTreeMap<&'static str, (String, &'static Directive)> = BTreeMap::new();
        for pattern in patterns {
            if !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
                if let Some(directive) = directive::find(pattern) {
                    let asked = String::from_utf8_lossy(pattern).into_owned();
                    let name =
                        directive.names().find(|name| name.eq_ignore_ascii_case(&asked)).unwrap_or(directive.name);
                    found.entry(name).or_insert((asked, directive));
                }
                continue;
            }
            for directive in directive::all().filter(|directive| !directive.has(Flag::Hidden)) {
                for name in directive.names().filter(|name| glob::matches_ignore_case(pattern, name.as_bytes())) {
                    found.entry(name).or_insert_with(|| (name.to_owned(), directive));
                }
            }
        }
        found.into_values().map(|(name, directive)| (name, (directive.cell)(self).text())).collect()
    }

    /// The value of one directive as CONFIG GET shows it.
    pub fn text(&self, name: &str) -> Option<Vec<u8>> {
        Some((directive::find(name.as_bytes())?.cell)(self).text())
    }

    /// Grows with every change, for those who keep copies of settings to see that theirs are old.
    pub fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    /// The thresholds of the compact encodings, copied.
    pub fn limits(&self) -> Limits {
        Limits {
            hash_max_listpack_entries: self.hash_max_listpack_entries.get_usize(),
            hash_max_listpack_value: self.hash_max_listpack_value.get_usize(),
            list_max_listpack_size: self.list_max_listpack_size.get(),
            quicklist_packed_threshold: self.quicklist_packed_threshold.load(Relaxed),
            set_max_intset_entries: self.set_max_intset_entries.get_usize(),
            set_max_listpack_entries: self.set_max_listpack_entries.get_usize(),
            set_max_listpack_value: self.set_max_listpack_value.get_usize(),
            zset_max_listpack_entries: self.zset_max_listpack_entries.get_usize(),
            zset_max_listpack_value: self.zset_max_listpack_value.get_usize(),
            stream_node_max_bytes: self.stream_node_max_bytes.get_usize(),
            stream_node_max_entries: self.stream_node_max_entries.get_usize(),
            hll_sparse_max_bytes: self.hll_sparse_max_bytes.get_usize(),
        }
    }

    /// `DEBUG QUICKLIST-PACKED-THRESHOLD`: see [`Limits::quicklist_packed_threshold`].
    pub fn set_quicklist_packed_threshold(&self, bytes: usize) {
        self.quicklist_packed_threshold.store(bytes, Relaxed);
        self.generation.fetch_add(1, Release);
    }

    /// The file that the server was started with, absolute.
    pub fn file(&self) -> Option<PathBuf> {
        self.extra.lock().file.clone()
    }

    /// Who set a directive last.
    pub fn source(&self, name: &str) -> Option<Source> {
        let directive = directive::find(name.as_bytes())?;
        Some(self.extra.lock().sources.get(directive.name).copied().unwrap_or(Source::Default))
    }

    /// The lines `rename-command`, for who knows the commands.
    pub fn renames(&self) -> Vec<Rename> {
        self.extra.lock().renames.clone()
    }

    /// What a user should read in the log about the configuration: settings without effect above all. Known when the
    /// configuration has been loaded, and to be logged, as warnings, once there is a log.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.extra.lock().notes)
    }
}
