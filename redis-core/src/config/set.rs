//! CONFIG SET: several settings at once, all or none.
//!
//! A setting can fail when it is read (`port abc`) and when it is applied (the port is in use). Reading is the cells'
//! business; applying is that of whoever uses the setting, who registers a hook for it. All values are stored first and
//! then the hooks run, each once, so that `port` and `bind` set together rebind together. If anything fails, the old values
//! come back and the hooks that ran run again, to find them.

use std::sync::Arc;
use std::sync::atomic::Ordering::Release;

use super::cell::{Arity, Cell};
use super::startup::Source;
use super::{Config, Directive, Flag, SetError, directive};

/// What applies a change: it reads the configuration and makes it so, or says why it cannot. It must not set anything.
pub type Apply = Box<dyn Fn(&Config) -> Result<(), String> + Send + Sync>;

/// A hook and the directives it is for.
pub(super) struct Hook {
    names: Vec<&'static str>,
    apply: Apply,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hook").field(&self.names).finish()
    }
}

/// Stores a value given as words, split or counted as the cell wants them.
pub(super) fn store(cell: &dyn Cell, words: &[&[u8]], continued: bool) -> Result<(), String> {
    match (cell.arity(), words) {
        (Arity::One, [_]) => cell.store(words, continued),
        (Arity::One, _) => Err("wrong number of arguments".to_owned()),
        (Arity::Many, [single]) => {
            let parts = single.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty());
            cell.store(&parts.collect::<Vec<_>>(), continued)
        }
        (Arity::Many, _) => cell.store(words, continued),
    }
}

/// Puts a setting back to its default.
pub(super) fn reset(cell: &dyn Cell) {
    restore(cell, &cell.default_text());
}

/// Puts a setting back to what its text was.
fn restore(cell: &dyn Cell, text: &[u8]) {
    // Every text of a cell is acceptable to it; only a directory can have vanished meanwhile, and then the newer one, which
    // exists, is the better value.
    let _ = store(cell, &[text], false);
}

/// A setting in the course of being changed.
struct Change<'a> {
    directive: &'static Directive,
    cell: &'a dyn Cell,
    /// What the client called it.
    name: &'a [u8],
    old: Vec<u8>,
}

impl Config {
    /// Registers what applies changes of the directives `names`. It runs after CONFIG SET changed any of them.
    pub fn on_change(&self, names: &[&'static str], apply: Apply) {
        debug_assert!(
            names.iter().all(|name| directive::find(name.as_bytes()).is_some()),
            "unknown directive in {names:?}"
        );
        let hook = Hook { names: names.to_vec(), apply };
        self.hooks.write().push(Arc::new(hook));
    }

    /// CONFIG SET: takes over all `pairs` of name and value, or none of them. Returns the directives whose values are
    /// other than before.
    ///
    /// `local` says whether the client is on the same host, which may be what protected directives require.
    ///
    /// # Errors
    /// The reply for the first pair that cannot be set.
    pub fn set(&self, pairs: &[(&[u8], &[u8])], local: bool) -> Result<Vec<&'static Directive>, SetError> {
        let directives = self.check(pairs, local)?;
        let _changing = self.changing.lock();
        let mut changes: Vec<Change<'_>> = Vec::with_capacity(pairs.len());
        for (directive, (name, value)) in directives.into_iter().zip(pairs) {
            let cell = (directive.cell)(self);
            let old = cell.text();
            let result = store_at_runtime(directive, cell, value);
            changes.push(Change { directive, cell, name, old });
            if let Err(reason) = result {
                roll_back(&changes);
                return Err(SetError::failed(name, reason));
            }
        }
        changes.retain(|change| change.cell.text() != change.old);
        self.apply_changes(&changes)?;
        let mut extra = self.extra.lock();
        extra.sources.extend(changes.iter().map(|change| (change.directive.name, Source::Set)));
        let mut changed: Vec<_> = changes.iter().map(|change| change.directive).collect();
        // A directive may have been set by two of its names.
        changed.sort_by_key(|directive| directive.name);
        changed.dedup_by_key(|directive| directive.name);
        Ok(changed)
    }

    /// What can be said before anything is stored.
    fn check(&self, pairs: &[(&[u8], &[u8])], local: bool) -> Result<Vec<&'static Directive>, SetError> {
        let mut directives = Vec::with_capacity(pairs.len());
        for (index, (name, _)) in pairs.iter().enumerate() {
            let unknown = || SetError::Unknown(String::from_utf8_lossy(name).into_owned());
            let directive = directive::find(name).ok_or_else(unknown)?;
            if directive.has(Flag::Immutable) {
                return Err(SetError::failed(name, "can't set immutable config"));
            }
            if directive.has(Flag::Protected) && !self.enable_protected_configs.get().allows(local) {
                return Err(SetError::failed(name, "can't set protected config"));
            }
            if pairs[..index].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
                return Err(SetError::failed(name, "duplicate parameter"));
            }
            directives.push(directive);
        }
        Ok(directives)
    }

    /// Runs the hooks for what changed; brings everything back if one of them fails.
    fn apply_changes(&self, changes: &[Change<'_>]) -> Result<(), SetError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.generation.fetch_add(1, Release);
        let hooks = self.hooks.read().clone();
        let mut ran: Vec<&Hook> = Vec::new();
        for hook in &hooks {
            let Some(change) = changes.iter().find(|change| hook.names.contains(&change.directive.name)) else {
                continue;
            };
            ran.push(hook);
            if let Err(reason) = (hook.apply)(self) {
                roll_back(changes);
                self.generation.fetch_add(1, Release);
                for hook in ran {
                    // The old values were in effect a moment ago; if they cannot be any more, the first error is the one
                    // to tell.
                    let _ = (hook.apply)(self);
                }
                return Err(SetError::failed(change.name, reason));
            }
        }
        Ok(())
    }
}

/// Restores values, the latest first: a directive may have been set by two of its names.
fn roll_back(changes: &[Change<'_>]) {
    for change in changes.iter().rev() {
        restore(change.cell, &change.old);
    }
}

/// Stores what CONFIG SET brings, unless it asks for what there is not.
fn store_at_runtime(directive: &Directive, cell: &dyn Cell, value: &[u8]) -> Result<(), String> {
    // Written by CONFIG REWRITE, such a password would be taken for the name of a file at the next start.
    if directive.is_secret && value.starts_with(b"file:") {
        return Err("file: can be used in the configuration file, the environment and the command line only".to_owned());
    }
    store(cell, &[value], false)?;
    let absent = directive.has(Flag::Absent) || directive.has(Flag::Refused);
    let default = cell.default_text();
    if absent && cell.text() != default {
        return Err(format!(
            "this server does not support it yet, only '{}' can be set",
            String::from_utf8_lossy(&default)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use parking_lot::Mutex;

    use super::*;
    use crate::config::tests::{set, text};

    fn failed(name: &str, reason: &str) -> Result<Vec<&'static str>, String> {
        Err(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
    }

    #[test]
    fn all_or_nothing() {
        let config = Config::new();
        assert_eq!(set(&config, &[("maxclients", "7"), ("TIMEOUT", "8")]), Ok(vec!["maxclients", "timeout"]));
        assert_eq!((config.maxclients.get(), config.timeout.get()), (7, 8));
        let not = "argument couldn't be parsed into an integer";
        assert_eq!(set(&config, &[("maxclients", "9"), ("Timeout", "x")]), failed("Timeout", not));
        assert_eq!((config.maxclients.get(), config.timeout.get()), (7, 8));
    }

    #[test]
    fn what_cannot_be_set_is_refused_in_the_words_of_redis() {
        let config = Config::new();
        let unknown = |name: &str| Err(format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'"));
        assert_eq!(set(&config, &[("nosuch", "1")]), unknown("nosuch"));
        assert_eq!(set(&config, &[("include", "x")]), unknown("include"));
        assert_eq!(set(&config, &[("maxclients", "1"), ("nosuch", "1")]), unknown("nosuch"));
        assert_eq!(
            set(&config, &[("databases", "8"), ("nosuch", "1")]),
            failed("databases", "can't set immutable config")
        );
        assert_eq!(set(&config, &[("dir", "/")]), failed("dir", "can't set protected config"));
        assert_eq!(set(&config, &[("hz", "1"), ("HZ", "2")]), failed("HZ", "duplicate parameter"));
        assert_eq!(
            set(&config, &[("port", "99999")]),
            failed("port", "argument must be between 0 and 65535 inclusive")
        );
        assert_eq!(config.hz.get(), 10);
    }

    #[test]
    fn a_directive_set_by_two_names_takes_the_last() {
        let config = Config::new();
        let pairs = [("hash-max-ziplist-entries", "10"), ("hash-max-listpack-entries", "20")];
        assert_eq!(set(&config, &pairs), Ok(vec!["hash-max-listpack-entries"]));
        assert_eq!(config.hash_max_listpack_entries.get(), 20);
        assert!(set(&config, &[pairs[0], pairs[1], ("hz", "x")]).is_err());
        assert_eq!(config.hash_max_listpack_entries.get(), 20);
    }

    #[test]
    fn protected_directives_ask_where_the_client_is() {
        let config = Config::new();
        config.apply("enable-protected-configs", "local").expect("right");
        assert!(config.set(&[(b"dir", b"/")], false).is_err());
        assert!(config.set(&[(b"dir", b"/")], true).is_ok());
        assert_eq!(text(config.text("dir").expect("there")), "/");
    }

    #[test]
    fn what_is_missing_can_be_set_to_its_default_only() {
        let config = Config::new();
        assert_eq!(set(&config, &[("tls-port", "0"), ("import-mode", "no")]), Ok(vec![]));
        let only = |name, value: &str| {
            failed(name, &format!("this server does not support it yet, only '{value}' can be set"))
        };
        assert_eq!(set(&config, &[("import-mode", "yes")]), only("import-mode", "no"));
        assert_eq!(set(&config, &[("tls-port", "7000")]), only("tls-port", "0"));
        assert_eq!(set(&config, &[("tls-port", "much")]).map_err(|error| error.contains("integer")), Err(true));
        assert_eq!(text(config.text("tls-port").expect("there")), "0");
        assert_eq!(set(&config, &[("repl-timeout", "7")]), Ok(vec!["repl-timeout"]));
        assert!(directive::find(b"repl-timeout").and_then(Directive::note).is_some());
    }

    #[test]
    fn a_password_cannot_be_the_name_of_a_file() {
        assert!(set(&Config::new(), &[("requirepass", "file:/etc/passwd")]).is_err());
    }

    #[test]
    fn a_hook_runs_once_for_all_that_it_is_for() {
        let config = Config::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        config.on_change(
            &["port", "bind"],
            Box::new(move |config| {
                assert_eq!(config.port.get(), 7000, "values are stored before hooks run");
                counted.fetch_add(1, Relaxed);
                Ok(())
            }),
        );
        let generation = config.generation();
        set(&config, &[("port", "7000"), ("bind", "127.0.0.1"), ("hz", "20")]).expect("right");
        assert_eq!((runs.load(Relaxed), config.generation()), (1, generation + 1));
        assert_eq!(set(&config, &[("port", "7000")]), Ok(vec![]));
        set(&config, &[("hz", "30")]).expect("right");
        assert_eq!((runs.load(Relaxed), config.generation()), (1, generation + 2), "only changes count");
    }

    #[test]
    fn a_failing_hook_brings_everything_back() {
        let config = Config::new();
        let seen: Arc<Mutex<Vec<i64>>> = Arc::default();
        let record = Arc::clone(&seen);
        let recorded = move |config: &Config| {
            record.lock().push(config.hz.get());
            Ok(())
        };
        config.on_change(&["hz"], Box::new(recorded));
        let busy = |config: &Config| {
            if config.port.get() == 1 { Err("Unable to listen on this port".to_owned()) } else { Ok(()) }
        };
        config.on_change(&["port"], Box::new(busy));
        let pairs = [("hz", "50"), ("maxclients", "5"), ("Port", "1")];
        assert_eq!(set(&config, &pairs), failed("Port", "Unable to listen on this port"));
        assert_eq!((config.hz.get(), config.maxclients.get(), config.port.get()), (10, 10_000, 6379));
        assert_eq!(*seen.lock(), [50, 10]);
        assert_eq!(config.source("hz"), Some(Source::Default));
    }
}
