//! Documents that repeat what the code says, and must say the same.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use redis_core::config;
use redis_tests::{Process, our_server, workspace};

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap()
}

#[test]
fn the_readme_shows_the_examples_as_they_are_tested() {
    for name in ["custom-command", "custom-type", "async-command"] {
        let example = read(&format!("tests/examples/{name}/src/main.rs"));
        let shown = example.split("\n#[cfg(test)]").next().unwrap();
        assert!(read("README.md").contains(shown), "README.md shows another {name} than:\n{shown}");
    }
}

#[test]
fn the_readme_names_every_family() {
    let readme = read("README.md");
    let manifest = read("commands/Cargo.toml");
    let families = manifest.lines().find_map(|line| line.strip_prefix("default = [")).unwrap();
    for family in families.split('"').skip(1).step_by(2) {
        assert!(readme.contains(&format!("`{family}`")), "{family}");
    }
}

/// After a change of a directive: `UPDATE=1 cargo test -p redis-tests --test documents`, and read the difference.
#[test]
fn the_example_file_is_that_of_the_declarations() {
    let path = workspace().join("server/redis.conf");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, config::example()).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == config::example(), "server/redis.conf is not that of the declarations: see above this test");

    // It is a configuration that works.
    let _server = Process::start(|port, _| {
        let mut command = Command::new(our_server());
        command.arg(&path).args(["--port", &port.to_string()]);
        command
    });
}
