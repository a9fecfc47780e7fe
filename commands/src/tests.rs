//! Whatever families are chosen, the server has exactly their commands, and starts.
//!
//! Inside the crate, so that CI, which runs this for many choices, compiles each but once.

use redis_core::command::Registry;
use redis_core::prelude::*;
use redis_core::resp::Value;

/// The features that are on, by the group that each one's commands have in COMMAND DOCS.
fn groups_chosen() -> Vec<&'static str> {
    let families = [
        (cfg!(feature = "bitmaps"), "bitmap"),
        (cfg!(feature = "connection"), "connection"),
        (cfg!(feature = "geo"), "geo"),
        (cfg!(feature = "hashes"), "hash"),
        (cfg!(feature = "hyperloglog"), "hyperloglog"),
        (cfg!(feature = "keys"), "generic"),
        (cfg!(feature = "lists"), "list"),
        (cfg!(feature = "pubsub"), "pubsub"),
        (cfg!(feature = "server"), "server"),
        (cfg!(feature = "sets"), "set"),
        (cfg!(feature = "sorted_sets"), "sorted-set"),
        (cfg!(feature = "streams"), "stream"),
        (cfg!(feature = "strings"), "string"),
        (cfg!(feature = "transactions"), "transactions"),
    ];
    let mut chosen: Vec<_> = families.into_iter().filter_map(|(is_on, group)| is_on.then_some(group)).collect();
    chosen.sort_unstable();
    chosen
}

#[test]
fn exactly_the_chosen_families_are_there() {
    // Without any, no server starts.
    let groups = Registry::get().map(Registry::groups).unwrap_or_default();
    assert_eq!(groups, groups_chosen());
}

#[test]
fn a_server_of_the_chosen_families_starts() {
    if groups_chosen().is_empty() {
        return;
    }
    // Some commands write files.
    let directory = std::env::temp_dir().join(format!("redis-commands-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let builder = Server::builder().directive("port", "0").directive("dir", directory.to_str().unwrap());
    let server = builder.start().unwrap();
    let known = Registry::get().unwrap().top_level();
    // Most refuse to come without arguments, which shows that they are known.
    for command in known.iter().filter(|command| command.def.name != "SHUTDOWN") {
        let reply = server.run(&[command.def.name]).to_string();
        assert!(!reply.starts_with("(error) ERR unknown command"), "{}: {reply}", command.def.name);
    }
    let unknown = server.run(&["NOSUCHCOMMAND"]);
    assert!(matches!(unknown, Value::Error(text) if text.starts_with(b"ERR unknown command")));
    if cfg!(feature = "server") {
        assert_eq!(server.run(&["COMMAND", "COUNT"]), Value::Integer(known.len() as i64));
    }
    drop(server);
    std::fs::remove_dir_all(directory).unwrap();
}
