//! The rules of the house that no compiler and no lint knows.
//!
//! Each rule is one test. It reads the sources as text, without comments and without unit tests, which may do what they
//! like.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use redis_commands as _;
use redis_core::command::Registry;
use redis_core::config;
use redis_tests::workspace;

/// Lines of a file, comments and blank lines not counted, beyond which it holds more than one subject.
const CODE_LINES_MAX: usize = 900;

/// The modules that may be unsafe: each hides one representation behind a safe interface.
const UNSAFE: [&str; 10] = [
    "redis-core/src/db/entry.rs",
    "redis-core/src/db/lent.rs",
    "redis-core/src/db/store.rs",
    "redis-core/src/prefetch.rs",
    "redis-core/src/table/blocks.rs",
    "redis-core/src/table/bucket.rs",
    "redis-core/src/value/member.rs",
    "redis-core/src/value/packed.rs",
    "redis-core/src/value/tight.rs",
    "server/src/allocator.rs",
];

/// What is for development only.
const LEFTOVERS: [&str; 4] = ["todo!(", "unimplemented!(", "dbg!(", ".unwrap()"];

/// A source file.
struct Source {
    /// From the top of the checkout, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// Whether all of it is test.
    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.starts_with("tests/") || self.path.ends_with("/tests.rs")
    }

    /// The lines that are code, with their numbers: no comments, and nothing from the unit tests on.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        // Unit tests that stand in a file of their own are declared among the other modules.
        let tests = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        let lines = self.text[..tests].lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with("//"))
    }
}

/// All Rust files of the workspace but the cases that are meant to be wrong.
fn sources() -> Vec<Source> {
    let top = workspace();
    let mut files = Vec::new();
    for folder in ["redis-core", "redis-macros", "commands", "server", "tests"] {
        collect(&top.join(folder), &mut files);
    }
    assert!(files.len() > 100, "only {} files found", files.len());
    let read = |file: PathBuf| {
        let path = file.strip_prefix(&top).unwrap().components().map(|part| part.as_os_str().to_str().unwrap());
        Source { path: path.collect::<Vec<_>>().join("/"), text: std::fs::read_to_string(&file).unwrap() }
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["target", "ui", "node_modules"].contains(&name) {
            collect(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

/// Fails with all places that break a rule.
fn report(rule: &str, broken: &BTreeSet<String>) {
    let list = broken.iter().fold(String::new(), |mut list, place| {
        let _ = writeln!(list, "  {place}");
        list
    });
    assert!(broken.is_empty(), "{rule}:\n{list}");
}

#[test]
fn every_file_says_what_it_is() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! ")).map(|source| source.path);
    report("files open with a `//!` comment", &silent.collect());
}

#[test]
fn files_have_one_subject() {
    let long = sources().into_iter().filter_map(|source| {
        let lines =
            source.text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        (lines > CODE_LINES_MAX).then(|| format!("{}: {lines} lines of code", source.path))
    });
    report(&format!("files have at most {CODE_LINES_MAX} lines of code"), &long.collect());
}

#[test]
fn nothing_is_left_over() {
    let mut broken = BTreeSet::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (number, line) in source.code() {
            let leftovers = LEFTOVERS.iter().filter(|leftover| line.contains(**leftover));
            broken.extend(leftovers.map(|leftover| format!("{}:{number}: {leftover}", source.path)));
        }
    }
    report("code is finished and does not unwrap", &broken);
}

#[test]
fn unsafe_code_has_its_places() {
    let mut broken = BTreeSet::new();
    for source in sources().iter().filter(|source| !UNSAFE.contains(&source.path.as_str()) && !source.is_test()) {
        for (number, line) in source.code() {
            let words = ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern ", "allow(unsafe_code"];
            if words.iter().any(|word| line.contains(word)) {
                broken.insert(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    report("only the modules listed in this test are unsafe", &broken);
    for path in UNSAFE {
        assert!(workspace().join(path).exists(), "{path} is gone: take it off the list");
    }
}

/// The floor of each module of redis-core, counted from the ground. `lib.rs` declares them in that order, an empty line
/// between two floors.
fn floors() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(workspace().join("redis-core/src/lib.rs")).unwrap();
    let (mut floors, mut floor) = (BTreeMap::new(), 0);
    for line in text.lines() {
        let declaration = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        if let Some(module) = declaration.strip_prefix("mod ").and_then(|module| module.strip_suffix(';')) {
            floors.insert(module.to_owned(), floor);
        } else if line.is_empty() {
            floor += 1;
        }
    }
    assert!(floors.len() > 15, "{floors:?}");
    floors
}

/// The modules that a line of code names behind `crate::`.
fn modules_named(line: &str) -> Vec<&str> {
    let is_name = |character: char| character.is_ascii_lowercase() || character == '_' || character.is_ascii_digit();
    let named = |text: &str| text.find(|character| !is_name(character)).unwrap_or(text.len());
    let mut modules = Vec::new();
    for (at, prefix) in line.match_indices("crate::") {
        // `$crate::` and `redis_core::` are how macros and examples name this crate from outside.
        if line[..at].ends_with(['$', '_']) {
            continue;
        }
        let rest = &line[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(list) => modules.extend(list.split(", ").map(|module| &module[..named(module)])),
            None => modules.push(&rest[..named(rest)]),
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

#[test]
fn floors_stand_on_lower_floors() {
    let floors = floors();
    let mut broken = BTreeSet::new();
    // Which modules of one floor use which others of it.
    let mut sideways = BTreeSet::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let Some(path) = source.path.strip_prefix("redis-core/src/") else { continue };
        let module = path.split('/').next().unwrap().trim_end_matches(".rs");
        let Some(floor) = floors.get(module) else { continue };
        for (number, line) in source.code() {
            for used in modules_named(line) {
                match floors.get(used) {
                    Some(other) if other > floor => {
                        broken.insert(format!("{}:{number}: {module} is below {used}", source.path));
                    }
                    Some(other) if other == floor && used != module => {
                        sideways.insert((module.to_owned(), used.to_owned()));
                    }
                    _ => {}
                }
            }
        }
    }
    for (one, other) in &sideways {
        if one < other && sideways.contains(&(other.clone(), one.clone())) {
            broken.insert(format!("{one} and {other} use each other"));
        }
    }
    report("a module of redis-core uses only floors below its own", &broken);
}

/// The string literals that a line compares something with: patterns of a match arm, and operands of a comparison.
fn literals_compared(line: &str) -> Vec<&str> {
    let is_comparison = ["==", "!=", "eq_ignore_ascii_case", "matches!("].iter().any(|word| line.contains(word));
    let patterns = line.split_once("=>").map(|(patterns, _)| patterns);
    let compared = if is_comparison { line } else { patterns.unwrap_or_default() };
    compared.split('"').skip(1).step_by(2).collect()
}

#[test]
fn the_core_knows_no_command_by_name() {
    // Directives and INFO sections share some names with commands; they are compared in their own modules. And `GET` is
    // an option, too, and `type` a word in the list of files that an append only file consists of.
    let elsewhere = ["redis-core/src/config/", "redis-core/src/observe/"];
    let options = [("redis-core/src/command/keys.rs", "GET"), ("redis-core/src/persistence/aof/manifest.rs", "TYPE")];
    let names: BTreeSet<_> = Registry::get().unwrap().top_level().iter().map(|command| command.def.name).collect();
    assert!(names.contains("GET"));
    let mut broken = BTreeSet::new();
    for source in sources().iter().filter(|source| source.path.starts_with("redis-core/src/") && !source.is_test()) {
        if elsewhere.iter().any(|folder| source.path.starts_with(folder)) {
            continue;
        }
        for (number, line) in source.code() {
            for literal in literals_compared(line).into_iter().map(str::to_ascii_uppercase) {
                if names.contains(&*literal) && !options.contains(&(&*source.path, &*literal)) {
                    broken.insert(format!("{}:{number}: {line}", source.path));
                }
            }
        }
    }
    report("redis-core compares nothing with a command's name", &broken);
}

#[test]
fn the_rules_can_be_broken() {
    assert_eq!(modules_named("use crate::{db, value::Kind}; crate::net::run()"), ["db", "value", "net"]);
    assert_eq!(modules_named("$crate::db; crate::VERSION"), Vec::<&str>::new());
    assert_eq!(literals_compared("b\"get\" | b\"set\" => \"del\","), ["get", "set"]);
    assert_eq!(literals_compared("if name.eq_ignore_ascii_case(b\"GET\") {"), ["GET"]);
    assert_eq!(literals_compared("self.changed(key, \"set\")"), Vec::<&str>::new());
    let text = "//! A.\nuse a;\n\n// b.unwrap()\n    c();\n#[cfg(test)]\nmod tests { d.unwrap() }".to_owned();
    let source = Source { path: "redis-core/src/a.rs".into(), text };
    assert_eq!(source.code().collect::<Vec<_>>(), [(2, "use a;"), (5, "c();")]);
}

/// A directive that is declared to have effect is read by somebody.
#[test]
fn directives_have_the_effect_they_claim() {
    // The working directory changes when the value is stored.
    let at_once = ["dir"];
    let sources = sources();
    let declared = "redis-core/src/config/directives.rs";
    let readers: Vec<&Source> = sources.iter().filter(|source| source.path != declared && !source.is_test()).collect();
    let is_read = |name: &str| {
        let field = format!(".{}", name.replace('-', "_"));
        let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        let reads = |line: &str| line.split(&field).skip(1).any(ends);
        readers.iter().flat_map(|source| source.code()).any(|(_, line)| reads(line))
    };
    let live = config::all().filter(|directive| directive.is_live());
    let idle: Vec<&str> =
        live.map(|directive| directive.name).filter(|name| !at_once.contains(name) && !is_read(name)).collect();
    assert!(idle.is_empty(), "nobody reads {idle:?}: their place is inert.rs");
}
