//! What of the reference is missing: the commands of Valkey 9.1.2 that this server does not have.
//!
//! Each belongs to a part that is not there yet. A command that disappears, or one of a part that is there and was forgotten,
//! is in none of them and fails; so does one that is there by now and still listed.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use redis_commands as _;
use redis_core::command::Registry;
use redis_tests::workspace;
use serde_json::Value as Json;

/// The parts to come, and the commands that they will bring.
const TO_COME: &[(&str, &str)] = &[
    (
        "access control",
        "acl acl|cat acl|deluser acl|dryrun acl|genpass acl|getuser acl|help acl|list acl|load acl|log \
         acl|save acl|setuser acl|users acl|whoami",
    ),
    (
        "scripting and functions",
        "eval eval_ro evalsha evalsha_ro fcall fcall_ro function function|delete function|dump function|flush \
         function|help function|kill function|list function|load function|restore function|stats script \
         script|debug script|exists script|flush script|help script|kill script|load script|show",
    ),
    ("replication", "failover psync replconf replicaof role slaveof sync"),
    (
        "cluster",
        "asking cluster clusterscan cluster|addslots cluster|addslotsrange cluster|bumpepoch \
         cluster|cancelslotmigrations cluster|count-failure-reports cluster|countkeysinslot cluster|delslots \
         cluster|delslotsrange cluster|failover cluster|flushslot cluster|flushslots cluster|forget \
         cluster|getkeysinslot cluster|getslotmigrations cluster|help cluster|info cluster|keyslot \
         cluster|links cluster|meet cluster|migrateslots cluster|myid cluster|myshardid cluster|nodes \
         cluster|replicas cluster|replicate cluster|reset cluster|saveconfig cluster|set-config-epoch \
         cluster|setslot cluster|shards cluster|slaves cluster|slot-stats cluster|slots cluster|syncslots \
         readonly readwrite restore-asking",
    ),
    ("modules", "module module|help module|list module|load module|loadex module|unload"),
];

/// The names of all commands that Valkey has, as in `tests/data/commands.json`.
fn reference() -> BTreeSet<String> {
    let file = std::fs::read_to_string(workspace().join("tests/data/commands.json")).unwrap();
    serde_json::from_str::<BTreeMap<String, Json>>(&file).unwrap().into_keys().collect()
}

#[test]
fn what_is_missing_belongs_to_a_part_to_come() {
    let top_level = Registry::get().unwrap().top_level();
    let all = top_level.iter().flat_map(|command| std::iter::once(command).chain(&command.subcommands));
    let ours: BTreeSet<String> = all.map(|command| command.def.full_name.to_owned()).collect();
    let reference = reference();
    let mut to_come = BTreeSet::new();
    for (part, names) in TO_COME {
        for name in names.split_whitespace() {
            assert!(reference.contains(name), "{name} ({part}) is no command of Valkey");
            assert!(!ours.contains(name), "{name} ({part}) is there: take it off the list");
            assert!(to_come.insert(name.to_owned()), "{name} is listed twice");
        }
    }
    let forgotten: Vec<_> = reference.difference(&ours).filter(|name| !to_come.contains(*name)).cloned().collect();
    assert!(forgotten.is_empty(), "Valkey has these, and they belong to no part to come: {}", forgotten.join(" "));
}
