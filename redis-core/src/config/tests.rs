//! What must hold for every directive, and helpers of the tests beside the code.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;

/// A folder that is there for one test.
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("config-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("there is a place for temporary files");
        Self { path: path.canonicalize().expect("it was just made") }
    }

    /// Writes a file of that name, in a folder of its own if the name says so.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("writable");
        fs::write(&path, text).expect("writable");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("printable")
}

/// CONFIG SET by a remote client: the names of what changed, or the reply.
pub(super) fn set(config: &Config, pairs: &[(&str, &str)]) -> Result<Vec<&'static str>, String> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let changed = config.set(&pairs, false).map_err(|error| error.to_string())?;
    Ok(changed.into_iter().map(|directive| directive.name).collect())
}

fn get(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
    let patterns: Vec<_> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
    config.get(&patterns).into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn names_are_unique_and_small() {
    let mut seen = HashSet::new();
    for name in all().flat_map(|directive| directive.names()) {
        assert!(seen.insert(name), "{name} twice");
        assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')), "{name}");
    }
}

#[test]
fn flags_make_sense() {
    for directive in all() {
        let count = |flags: [Flag; 3]| flags.into_iter().filter(|flag| directive.has(*flag)).count();
        assert_eq!(count([Flag::Mutable, Flag::Immutable, Flag::Protected]), 1, "{directive:?}");
        assert!(count([Flag::Dormant, Flag::Absent, Flag::Refused]) <= 1, "{directive:?}");
        assert_eq!(directives::Live::DIRECTIVES.iter().any(|live| live.name == directive.name), directive.is_live());
    }
}

#[test]
fn the_text_of_a_value_is_that_value() {
    let config = Config::new();
    for directive in all() {
        let cell = (directive.cell)(&config);
        assert_eq!(text(cell.text()), text(cell.default_text()), "{} begins with its default", directive.name);
        super::set::store(cell, &[&cell.text()], false).expect(directive.name);
        assert_eq!(cell.text(), cell.default_text(), "{} as CONFIG SET has it", directive.name);
        let lines: Vec<u8> =
            cell.lines().iter().flat_map(|words| [directive.name.as_bytes(), b" ", words, b"\n"].concat()).collect();
        let loaded = Config::load_file(&lines).expect("what is written can be read");
        assert_eq!(text((directive.cell)(&loaded).text()), text(cell.text()), "{} as a file has it", directive.name);
    }
}

#[test]
fn other_values_come_back_too() {
    let values = [
        ("bind", "127.0.0.1 -::1"),
        ("client-output-buffer-limit", "normal 1 2 3 slave 4 5 6 pubsub 7 8 9"),
        ("notify-keyspace-events", "gK"),
        ("requirepass", " \"'\\ \u{1F980}"),
        ("latency-tracking-info-percentiles", "0.001 50.123456 100"),
        ("shutdown-on-sigint", "nosave now force"),
        ("proc-title-template", "{port} \"x\" \\"),
    ];
    let config = Config::new();
    for (name, value) in values {
        assert_eq!(set(&config, &[(name, value)]), Ok(vec![name]));
        assert_eq!(get(&config, &[name]), pairs(&[(name, value)]));
        let cell = (find(name.as_bytes()).expect(name).cell)(&config);
        let lines: Vec<u8> =
            cell.lines().iter().flat_map(|words| [name.as_bytes(), b" ", words, b"\n"].concat()).collect();
        let loaded = Config::load_file(&lines).expect("what is written can be read");
        assert_eq!(get(&loaded, &[name]), pairs(&[(name, value)]));
    }
}

#[test]
fn config_get_shows_names_as_they_were_asked() {
    let config = Config::new();
    assert_eq!(get(&config, &["MaxClients"]), pairs(&[("MaxClients", "10000")]));
    assert_eq!(get(&config, &["slowlog-max-len", "nosuch", "SLOWLOG-max-len"]), pairs(&[("slowlog-max-len", "128")]));
    let expected = [
        ("hash-max-listpack-entries", "512"),
        ("hash-max-listpack-value", "64"),
        ("hash-max-ziplist-entries", "512"),
        ("hash-max-ziplist-value", "64"),
    ];
    assert_eq!(get(&config, &["HASH-max-*", "hash-*-value"]), pairs(&expected));
    assert_eq!(get(&config, &["nosuch*"]), []);
}

#[test]
fn hidden_directives_are_shown_by_name_only() {
    let config = Config::new();
    assert_eq!(get(&config, &["rdb-key*"]), []);
    assert_eq!(get(&config, &["rdb-key-save-delay"]), pairs(&[("rdb-key-save-delay", "0")]));
}

#[test]
fn limits_follow_the_directives() {
    let config = Config::new();
    assert_eq!(config.limits(), Limits::default());
    let generation = config.generation();
    set(&config, &[("list-max-listpack-size", "-1"), ("zset-max-ziplist-value", "1kb")]).expect("right");
    config.set_quicklist_packed_threshold(100);
    let expected = Limits {
        list_max_listpack_size: -1,
        zset_max_listpack_value: 1024,
        quicklist_packed_threshold: 100,
        ..Limits::default()
    };
    assert_eq!(config.limits(), expected);
    assert!(config.generation() > generation);
}

/// Compares with a list of the names and defaults of real servers, if there is one: lines of name, default in quotes and
/// servers, separated by tabs.
#[test]
fn real_servers_have_no_directive_that_is_unknown_here() {
    let named = std::env::var_os("REDIS_CONFIG_NAMES").map(PathBuf::from);
    let file = named
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/config-names.txt"));
    let Ok(list) = fs::read_to_string(&file) else {
        eprintln!("SKIPPED: there is no list of real directives at {}; set REDIS_CONFIG_NAMES", file.display());
        return;
    };
    // What is true of real servers and would not be here.
    let different = ["save", "hide-user-data-from-log"];
    let config = Config::new();
    let mut expected: HashMap<&str, &str> = HashMap::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let [name, default, servers] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        if servers.contains("redis-7") || !expected.contains_key(name) {
            expected.insert(name, default);
        }
    }
    for (name, default) in expected {
        let shown = get(&config, &[name]);
        assert_eq!(shown.len(), 1, "{name} is unknown");
        if default != "<host>" && !different.contains(&name) {
            assert_eq!(format!("{:?}", shown[0].1), default, "{name}");
        }
    }
}
