//! From file, standard input, environment and command line to a configuration, each going over the one before.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::cell::{self, Cell};
use super::command_line::Sources;
use super::error::join;
use super::file::{lines, path, split_words};
use super::{Config, ConfigError, Directive, Flag, Place, directive, environment};
use crate::glob;

/// Files that include files that include files: deeper than anybody means it.
const INCLUDE_DEPTH_MAX: usize = 16;

/// What old files of Redis may still say; current servers read it and do nothing.
const OBSOLETE: [&[u8]; 3] = [b"list-max-ziplist-entries", b"list-max-ziplist-value", b"lua-replicate-commands"];

/// What is said to a name that is none, or that comes with too few or too many words.
const BAD_DIRECTIVE: &str = "Bad directive or wrong number of arguments";

/// Who set a directive last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody.
    Default,
    /// The configuration file, a file included by it, or standard input.
    File,
    /// An environment variable.
    Environment,
    /// The command line, or the program that embeds the server.
    CommandLine,
    /// CONFIG SET.
    Set,
}

/// A line `rename-command`. Which commands there are is not known here: who knows them applies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The command's name.
    pub from: Vec<u8>,
    /// Its new name; empty to remove the command.
    pub to: Vec<u8>,
    /// Where the line stands, to report what is wrong with it.
    pub place: Place,
    /// The line.
    pub line: Vec<u8>,
}

impl Rename {
    /// What to report when the line cannot be applied.
    pub fn error(&self, reason: &str) -> ConfigError {
        ConfigError::line(self.place.clone(), &self.line, reason)
    }
}

/// A configuration on its way.
struct Startup<'a> {
    config: &'a Config,
    /// The directives set so far, because lines of some add up.
    seen: HashSet<&'static str>,
    /// The files being read, outermost first.
    depth: usize,
}

impl Config {
    /// The configuration that `sources` amount to.
    ///
    /// # Errors
    /// If anything in them is wrong: the first such thing.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let config = Self::new();
        let mut startup = Startup { config: &config, seen: HashSet::new(), depth: 0 };
        if let Some(file) = &sources.file {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            startup.read(&file, None)?;
            config.extra.lock().file = Some(file);
        }
        if let Some(text) = &sources.stdin {
            for (line, text) in lines(text) {
                startup.line(Place::Stdin { line }, Source::File, text)?;
            }
        }
        let settings = environment::settings(&sources.environment, &mut config.extra.lock().notes);
        for (variable, words) in settings {
            let words: Vec<_> = words.iter().map(Vec::as_slice).collect();
            startup.words(Place::Environment { variable }, Source::Environment, &join(&words), &words)?;
        }
        for line in &sources.options {
            startup.line(Place::CommandLine, Source::CommandLine, line)?;
        }
        Ok(config)
    }

    /// Takes over the lines of a configuration file.
    ///
    /// # Errors
    /// At the first line that is wrong; those before it have been taken over.
    pub fn parse_file(&self, text: &[u8]) -> Result<(), ConfigError> {
        Startup { config: self, seen: HashSet::new(), depth: 0 }.text(text, None)
    }

    /// Takes over one setting before the server starts, as the command line would: immutable directives too.
    ///
    /// # Errors
    /// If there is no such directive or the value is not acceptable.
    pub fn apply(&self, name: &str, value: &str) -> Result<(), ConfigError> {
        let words = [name.as_bytes(), value.as_bytes()];
        let mut startup = Startup { config: self, seen: HashSet::new(), depth: 0 };
        startup.words(Place::CommandLine, Source::CommandLine, &join(&words), &words)
    }

    /// What the file alone amounts to, without environment and command line.
    pub(super) fn load_file(text: &[u8]) -> Result<Self, ConfigError> {
        let config = Self::new();
        config.parse_file(text)?;
        Ok(config)
    }
}

impl Startup<'_> {
    /// Reads a file; `included` is its own name if another file named it.
    fn read(&mut self, file: &Path, included: Option<&Path>) -> Result<(), ConfigError> {
        let text = fs::read(file)
            .map_err(|error| ConfigError::Unreadable { path: file.to_owned(), reason: cell::plain(&error) })?;
        self.text(&text, included)
    }

    fn text(&mut self, text: &[u8], included: Option<&Path>) -> Result<(), ConfigError> {
        for (line, text) in lines(text) {
            let place = Place::File { line, included: included.map(Path::to_owned) };
            self.line(place, Source::File, text)?;
        }
        Ok(())
    }

    fn line(&mut self, place: Place, source: Source, line: &[u8]) -> Result<(), ConfigError> {
        let Some(words) = split_words(line) else {
            return Err(ConfigError::line(place, line, "Unbalanced quotes in configuration line"));
        };
        let words: Vec<_> = words.iter().map(Vec::as_slice).collect();
        self.words(place, source, line, &words)
    }

    /// Takes over one setting: its name and the words after it.
    fn words(&mut self, place: Place, source: Source, line: &[u8], words: &[&[u8]]) -> Result<(), ConfigError> {
        let Some((name, values)) = words.split_first() else { return Ok(()) };
        let result = match (name.to_ascii_lowercase().as_slice(), values) {
            (b"include", [pattern]) => return self.include(&place, line, pattern),
            (b"rename-command", [from, to]) => {
                let rename = Rename { from: from.to_vec(), to: to.to_vec(), place: place.clone(), line: line.to_vec() };
                self.config.extra.lock().renames.push(rename);
                Ok(())
            }
            (b"user", [_, ..]) => Err("users are not supported yet, and without them this server would be open to \
                                       everybody; use requirepass"
                .to_owned()),
            (b"loadmodule", [_, ..]) => {
                Err("modules for the original servers cannot be loaded; commands are added at compile time".to_owned())
            }
            (b"sentinel", _) => Err("sentinel directive while not in sentinel mode".to_owned()),
            (name, _) if OBSOLETE.contains(&name) => {
                let note = format!("Directive '{}' is obsolete and has no effect", String::from_utf8_lossy(name));
                self.config.extra.lock().notes.push(note);
                Ok(())
            }
            (name, values) => match directive::find(name) {
                Some(directive) => self.directive(directive, source, values),
                None => Err(BAD_DIRECTIVE.to_owned()),
            },
        };
        result.map_err(|reason| ConfigError::line(place, line, reason))
    }

    fn directive(&mut self, directive: &'static Directive, source: Source, values: &[&[u8]]) -> Result<(), String> {
        let cell = (directive.cell)(self.config);
        let secret = match values {
            [value] if directive.is_secret => secret_from_file(value)?,
            _ => None,
        };
        let from_file = secret.as_deref().map(|secret| [secret]);
        let values = from_file.as_ref().map_or(values, |words| words);
        super::set::store(cell, values, self.seen.contains(directive.name))?;
        self.seen.insert(directive.name);
        self.take_effect(directive, cell)?;
        self.config.extra.lock().sources.insert(directive.name, source);
        Ok(())
    }

    /// Says what a value means that this server cannot give effect to.
    fn take_effect(&self, directive: &'static Directive, cell: &dyn Cell) -> Result<(), String> {
        if directive.is_live() || cell.text() == cell.default_text() {
            return Ok(());
        }
        if !directive.has(Flag::Dormant) {
            super::set::reset(cell);
        }
        if directive.has(Flag::Refused) {
            return Err("this is not supported yet, and to start without it would leave the server open".to_owned());
        }
        let mut extra = self.config.extra.lock();
        let note = directive.note().filter(|note| !extra.notes.contains(note));
        extra.notes.extend(note);
        Ok(())
    }

    /// Reads the files that a pattern names, in order; a pattern that fits nothing is nothing.
    fn include(&mut self, place: &Place, line: &[u8], pattern: &[u8]) -> Result<(), ConfigError> {
        if self.depth == INCLUDE_DEPTH_MAX {
            return Err(ConfigError::line(place.clone(), line, "Too many nested include directives"));
        }
        self.depth += 1;
        for file in expand(pattern) {
            self.read(&file, Some(&file))?;
        }
        self.depth -= 1;
        Ok(())
    }
}

/// The password that a value `file:/path` stands for: the contents of the file, without the end of the line.
fn secret_from_file(value: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let Some(name) = value.strip_prefix(b"file:") else { return Ok(None) };
    let name = path(name);
    let secret =
        fs::read(&name).map_err(|error| format!("can't read '{}': {}", name.display(), cell::plain(&error)))?;
    let secret = secret.strip_suffix(b"\n").unwrap_or(&secret);
    Ok(Some(secret.strip_suffix(b"\r").unwrap_or(secret).to_vec()))
}

fn has_wildcard(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The files that a pattern stands for, sorted. A name without wildcards stands for itself, whether or not it exists.
fn expand(pattern: &[u8]) -> Vec<PathBuf> {
    if !has_wildcard(pattern) {
        return vec![path(pattern)];
    }
    let mut found = vec![if pattern.starts_with(b"/") { PathBuf::from("/") } else { PathBuf::new() }];
    for part in pattern.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        found = found.iter().flat_map(|folder| children(folder, part)).collect();
    }
    found
}

/// What fits one part of a pattern in one folder.
fn children(folder: &Path, part: &[u8]) -> Vec<PathBuf> {
    if !has_wildcard(part) {
        let child = folder.join(path(part));
        return if child.exists() { vec![child] } else { Vec::new() };
    }
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(listed) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    // As in a shell, a wildcard does not stand for the dot of a hidden file.
    let fits = names.filter(|name| {
        let name = name.as_encoded_bytes();
        glob::matches(part, name) && (part.starts_with(b".") || !name.starts_with(b"."))
    });
    let mut children: Vec<_> = fits.map(|name| folder.join(name)).collect();
    children.sort();
    children
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{Folder, text};

    fn load(file: &str) -> Result<Config, ConfigError> {
        Config::load_file(file.as_bytes())
    }

    fn value(config: &Config, name: &str) -> String {
        text(config.text(name).expect("a directive"))
    }

    fn lines(options: &[&str]) -> Vec<Vec<u8>> {
        options.iter().map(|line| line.as_bytes().to_vec()).collect()
    }

    #[test]
    fn wrong_lines_are_reported_with_their_number() {
        let cases = [
            ("portt 6379", 1, "Bad directive or wrong number of arguments"),
            ("\n\nport abc", 3, "argument couldn't be parsed into an integer"),
            ("# x\n\tport\t99999\t", 2, "argument must be between 0 and 65535 inclusive"),
            ("port", 1, "wrong number of arguments"),
            ("port 1 2", 1, "wrong number of arguments"),
            ("port 1 # comment", 1, "wrong number of arguments"),
            ("# c\n  port  \"abc", 2, "Unbalanced quotes in configuration line"),
            ("maxmemory 1x", 1, "argument must be a memory value"),
            ("rename-command GET", 1, "Bad directive or wrong number of arguments"),
            ("include", 1, "Bad directive or wrong number of arguments"),
            ("loadmodule", 1, "Bad directive or wrong number of arguments"),
            ("user", 1, "Bad directive or wrong number of arguments"),
            ("appendonly maybe", 1, "argument must be 'yes' or 'no'"),
            ("save 1", 1, "Invalid save parameters"),
            ("slaveof 1", 1, "wrong number of arguments"),
            ("replicaof 127.0.0.1 99999", 1, "Invalid master port"),
            ("loglevel x", 1, "argument(s) must be one of the following: debug, verbose, notice, warning, nothing"),
            ("unixsocketperm 999", 1, "argument couldn't be parsed as an octal number"),
            ("dir /no-such-place", 1, "No such file or directory"),
            ("dbfilename a/b", 1, "dbfilename can't be a path, just a filename"),
            ("proc-title-template {x}", 1, "template format is invalid or contains unknown variables"),
            ("sentinel monitor a b c", 1, "sentinel directive while not in sentinel mode"),
        ];
        for (file, number, expected) in cases {
            let Err(ConfigError::Line { place, line, reason }) = load(file) else { panic!("{file:?} is accepted") };
            assert_eq!((place, reason.as_str()), (Place::File { line: number, included: None }, expected), "{file:?}");
            assert_eq!(line, file.lines().last().expect("a line").trim(), "{file:?}");
        }
    }

    #[test]
    fn a_usual_file_is_understood() {
        let config = load(
            "bind 127.0.0.1 -::1\nPORT 7000\nhash-max-ziplist-entries 7\nmaxmemory 100mb\nmaxclients 5\nmaxclients 6\n\
             client-output-buffer-limit normal 1mb 2mb 3\nclient-output-buffer-limit pubsub 1 2 3\n\
             notify-keyspace-events KEA\n\
             rename-command KEYS \"\"\nrequirepass \"a b\"\nshutdown-on-sigterm nosave force\nslaveof no one\n\
             save \"\"\nrepl-timeout 9",
        )
        .expect("all of it is right");
        assert_eq!(&*config.bind.get(), ["127.0.0.1", "-::1"]);
        assert_eq!((config.port.get(), config.maxclients.get()), (7000, 6));
        assert_eq!(config.limits().hash_max_listpack_entries, 7);
        assert_eq!(config.maxmemory.get(), 100 << 20);
        assert_eq!(
            value(&config, "client-output-buffer-limit"),
            "normal 1048576 2097152 3 slave 268435456 67108864 60 pubsub 1 2 3"
        );
        assert_eq!(value(&config, "notify-keyspace-events"), "AKE");
        assert_eq!(&*config.requirepass.get(), b"a b");
        assert_eq!(value(&config, "shutdown-on-sigterm"), "nosave force");
        let renames = config.renames();
        assert_eq!((renames[0].from.as_slice(), renames[0].to.as_slice()), (&b"KEYS"[..], &b""[..]));
        assert!(renames[0].error("No such command").to_string().contains("at line 10\n>>> 'rename-command KEYS \"\"'"));
        assert_eq!(value(&config, "save"), "");
        let note = "Directive 'repl-timeout' is accepted and kept: it has no effect yet";
        assert_eq!(config.take_notes(), [note]);
    }

    #[test]
    fn what_is_missing_is_said_and_not_shown() {
        let config = load("import-mode yes\nimport-mode yes\ntls-port 7000\nmasteruser x\nlua-replicate-commands no")
            .expect("a file for another server");
        assert_eq!(value(&config, "import-mode"), "no");
        assert_eq!(value(&config, "tls-port"), "0");
        assert_eq!(value(&config, "masteruser"), "x");
        let notes = config.take_notes();
        assert_eq!(notes.len(), 4, "{notes:?}");
        for (note, name) in
            notes.iter().zip(["'import-mode'", "'tls-port'", "'masteruser'", "'lua-replicate-commands'"])
        {
            assert!(note.contains(name), "{note}");
        }
    }

    #[test]
    fn what_protects_is_not_left_out_silently() {
        for line in ["aclfile /etc/users.acl", "user alice on >secret ~* +@all", "loadmodule /lib/acl.so"] {
            let error = load(line).expect_err(line).to_string();
            assert!(error.contains(line.split(' ').next().unwrap_or(line)) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn each_source_goes_over_the_one_before() {
        let folder = Folder::new();
        let file = folder.write("redis.conf", "port 1\nhz 1\ntimeout 1\nmaxclients 1\n");
        let sources = Sources {
            file: Some(file.clone()),
            stdin: Some(b"hz 2\ntimeout 2\nmaxclients 2".to_vec()),
            environment: vec![("REDIS_TIMEOUT".into(), "3".into()), ("REDIS_MAXCLIENTS".into(), "3".into())],
            options: lines(&["maxclients \"4\""]),
        };
        let config = Config::load(&sources).expect("all of it is right");
        let values = [config.port.get(), config.hz.get(), config.timeout.get(), config.maxclients.get()];
        assert_eq!(values, [1, 2, 3, 4]);
        assert_eq!(config.file(), Some(file));
        assert_eq!(config.source("timeout"), Some(Source::Environment));
        assert_eq!(config.source("databases"), Some(Source::Default));
        assert_eq!(config.source("nosuch"), None);
    }

    #[test]
    fn errors_name_their_source() {
        let with = |stdin: Option<&str>, variable: Option<(&str, &str)>, option: &[&str]| {
            let environment = variable.iter().map(|(name, value)| (name.into(), value.into())).collect();
            let stdin = stdin.map(|text| text.as_bytes().to_vec());
            Config::load(&Sources { file: None, stdin, environment, options: lines(option) })
                .expect_err("wrong")
                .to_string()
        };
        assert!(with(Some("\nport x"), None, &[]).contains("standard input, at line 2\n>>> 'port x'\n"));
        let error = with(None, Some(("REDIS_PORT", "x")), &[]);
        assert!(error.contains("environment variable REDIS_PORT\n>>> 'port \"x\"'\nargument couldn't"), "{error}");
        let error = with(None, None, &["port \"abc\""]);
        assert!(
            error.contains("command line\n>>> 'port \"abc\"'\nargument couldn't be parsed into an integer"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let sources = Sources { file: Some("/no-such-place/redis.conf".into()), ..Sources::default() };
        let error = Config::load(&sources).expect_err("missing").to_string();
        assert_eq!(error, "Fatal error, can't open config file '/no-such-place/redis.conf': No such file or directory");
        let error = load("include /no-such-place.conf").expect_err("missing").to_string();
        assert_eq!(error, "Fatal error, can't open config file '/no-such-place.conf': No such file or directory");
        let folder = Folder::new();
        let sources = Sources { file: Some(folder.path.clone()), ..Sources::default() };
        assert!(Config::load(&sources).expect_err("a folder").to_string().ends_with("Is a directory"));
    }

    #[test]
    fn files_are_included_where_the_line_stands() {
        let folder = Folder::new();
        folder.write("parts/b.conf", "hz 20\n");
        folder.write("parts/a.conf", "hz 30\ntimeout 30\n");
        folder.write("parts/.hidden.conf", "portt\n");
        let path = folder.path.display();
        let config = load(&format!("timeout 1\ninclude {path}/par[st]*/?.conf\nport 9\ninclude {path}/none*.conf"))
            .expect("right");
        // Sorted: a.conf first, so that b.conf wins.
        assert_eq!((config.hz.get(), config.timeout.get(), config.port.get()), (20, 30, 9));

        let file = folder.write("wrong.conf", "\nportt 1\n");
        let error = load(&format!("include {}", file.display())).expect_err("wrong").to_string();
        assert!(error.contains(&format!("at line 2 of '{}'\n>>> 'portt 1'\n", file.display())), "{error}");
    }

    #[test]
    fn a_file_that_includes_itself_is_an_error() {
        let folder = Folder::new();
        let file = folder.write("loop.conf", &format!("include {}/loop.conf", folder.path.display()));
        let error = Config::load(&Sources { file: Some(file), ..Sources::default() }).expect_err("endless");
        assert!(error.to_string().ends_with("Too many nested include directives"));
    }

    #[test]
    fn passwords_come_from_files() {
        let folder = Folder::new();
        let file = folder.write("password", "hunter2\n");
        let config = load(&format!("requirepass file:{}", file.display())).expect("readable");
        assert_eq!(&*config.requirepass.get(), b"hunter2");
        let error = load("requirepass file:/no-such-place").expect_err("missing").to_string();
        assert!(
            error.ends_with(">>> 'requirepass (redacted)'\ncan't read '/no-such-place': No such file or directory"),
            "{error}"
        );
    }

    #[test]
    fn an_embedding_program_may_set_what_clients_may_not() {
        let config = Config::new();
        config.apply("databases", "4").expect("right");
        config.apply("bind", "127.0.0.1 ::1").expect("right");
        assert_eq!((config.databases.get(), config.bind.get().len()), (4, 2));
        assert!(config.apply("databases", "0").is_err());
    }
}
