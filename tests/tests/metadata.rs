//! What COMMAND says of each command, compared with what Valkey 9.1.2 says.
//!
//! Clients, proxies and access rules are driven by these facts: arity, flags, positions of keys, ACL categories, the tree
//! of arguments. `tests/data/commands.json` holds them, one command in a line, without texts: summaries, complexity and
//! history are in this server's own words, of the history only the versions count. Sets are sorted. Where this server
//! means to differ, [`DIFFERENCES`] says why; a difference that is not there fails, and so does one that is there and does
//! not exist.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use redis_commands as _;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::workspace;
use serde_json::{Map, Value as Json, json};

/// Command (`*` for all), fact, and why it is not Valkey's.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("bitop", "arguments", "the operations that Redis 8.2 added"),
    ("bitop", "changed_in", "the operations that Redis 8.2 added"),
    ("migrate", "flags", "others are served while it waits, so it cannot be part of a transaction"),
    ("waitaof", "flags", "it is `async`, and a transaction waits for nothing"),
    ("xackdel", "*", "Redis 8.2 added it"),
    ("xadd", "arguments", "the references that Redis 8.2 lets it regard"),
    ("xadd", "changed_in", "the references that Redis 8.2 lets it regard"),
    ("xdelex", "*", "Redis 8.2 added it"),
    ("xtrim", "arguments", "the references that Redis 8.2 lets it regard"),
    ("xtrim", "changed_in", "the references that Redis 8.2 lets it regard"),
    ("delex", "*", "a command of Redis 8.4"),
    ("digest", "*", "a command of Redis 8.4"),
    ("increx", "*", "a command of Redis 8.8"),
    ("saddex", "*", "a command of Redis 8.12"),
    ("sexpire", "*", "a command of Redis 8.12"),
    ("sexpireat", "*", "a command of Redis 8.12"),
    ("sexpiretime", "*", "a command of Redis 8.12"),
    ("spersist", "*", "a command of Redis 8.12"),
    ("spexpire", "*", "a command of Redis 8.12"),
    ("spexpireat", "*", "a command of Redis 8.12"),
    ("spexpiretime", "*", "a command of Redis 8.12"),
    ("spttl", "*", "a command of Redis 8.12"),
    ("sttl", "*", "a command of Redis 8.12"),
    ("zexpire", "*", "as for sets, where Redis 8.12 has it"),
    ("zexpireat", "*", "as for sets, where Redis 8.12 has it"),
    ("zexpiretime", "*", "as for sets, where Redis 8.12 has it"),
    ("zpersist", "*", "as for sets, where Redis 8.12 has it"),
    ("zpexpire", "*", "as for sets, where Redis 8.12 has it"),
    ("zpexpireat", "*", "as for sets, where Redis 8.12 has it"),
    ("zpexpiretime", "*", "as for sets, where Redis 8.12 has it"),
    ("zpttl", "*", "as for sets, where Redis 8.12 has it"),
    ("zttl", "*", "as for sets, where Redis 8.12 has it"),
    ("backup", "*", "a command of this server alone"),
    ("set", "arguments", "the conditions that Redis 8.4 added"),
    ("set", "changed_in", "the conditions that Redis 8.4 added"),
];

fn text(value: &Value) -> String {
    match value {
        Value::Simple(text) | Value::Bulk(text) => String::from_utf8(text.clone()).unwrap(),
        other => panic!("not a text: {other:?}"),
    }
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        other => panic!("not a list: {other:?}"),
    }
}

fn fields(value: &Value) -> BTreeMap<String, &Value> {
    match value {
        Value::Map(pairs) => pairs.iter().map(|(name, value)| (text(name), value)).collect(),
        other => panic!("not a map: {other:?}"),
    }
}

fn list(value: &Value) -> Vec<String> {
    items(value).iter().map(text).collect()
}

fn sorted(value: &Value) -> Vec<String> {
    let set: BTreeSet<_> = list(value).into_iter().collect();
    set.into_iter().collect()
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        other => panic!("not a number: {other:?}"),
    }
}

/// A reply of texts and numbers, whatever they mean.
fn plain(value: &Value) -> Json {
    match value {
        Value::Integer(number) => json!(number),
        Value::Map(_) => fields(value).into_iter().map(|(name, value)| (name, plain(value))).collect(),
        other => json!(text(other)),
    }
}

/// `{type, spec: {..}}` as one map.
fn step(value: &Value) -> Json {
    let fields = fields(value);
    let mut step: Map<String, Json> = plain(fields["spec"]).as_object().unwrap().clone();
    step.insert("type".into(), json!(text(fields["type"])));
    Json::Object(step)
}

fn key_spec(value: &Value) -> Json {
    let fields = fields(value);
    json!({
        "flags": sorted(fields["flags"]),
        "begin_search": step(fields["begin_search"]),
        "find_keys": step(fields["find_keys"]),
    })
}

fn argument(value: &Value) -> Json {
    let facts = fields(value).into_iter().map(|(name, value)| {
        let fact = match name.as_str() {
            "flags" => json!(sorted(value)),
            "arguments" => items(value).iter().map(argument).collect(),
            _ => plain(value),
        };
        (name, fact)
    });
    facts.collect()
}

/// Adds what COMMAND DOCS says of a command and its subcommands.
fn add_docs(name: &str, docs: &Value, facts: &mut BTreeMap<String, Map<String, Json>>) {
    let docs = fields(docs);
    let command = facts.get_mut(name).unwrap_or_else(|| panic!("{name} has docs but no info"));
    for required in ["summary", "complexity"] {
        assert!(!text(docs[required]).is_empty(), "{name} has no {required}");
    }
    let mut add = |fact: &str, value: Json| command.insert(fact.to_owned(), value);
    add("group", plain(docs["group"]));
    add("since", plain(docs["since"]));
    if let Some(flags) = docs.get("doc_flags") {
        add("doc_flags", json!(sorted(flags)));
    }
    if let Some(since) = docs.get("deprecated_since") {
        add("deprecated_since", plain(since));
    }
    if let Some(replaced_by) = docs.get("replaced_by") {
        // Only the commands that it names: every other word between backquotes.
        let text = text(replaced_by);
        add("replaced_by", text.split('`').skip(1).step_by(2).collect());
    }
    if let Some(history) = docs.get("history") {
        let versions: BTreeSet<_> = items(history).iter().map(|change| text(&items(change)[0])).collect();
        add("changed_in", json!(versions));
    }
    if let Some(arguments) = docs.get("arguments") {
        add("arguments", items(arguments).iter().map(argument).collect());
    }
    if let Some(subcommands) = docs.get("subcommands") {
        for (name, docs) in fields(subcommands) {
            add_docs(&name, docs, facts);
        }
    }
}

/// Adds what COMMAND INFO says of a command and its subcommands.
fn add_info(info: &Value, facts: &mut BTreeMap<String, Map<String, Json>>) {
    let [name, arity, flags, first, last, keystep, acl, tips, key_specs, subcommands] = items(info) else {
        panic!("ten elements: {info:?}");
    };
    let mut command = Map::new();
    command.insert("arity".into(), json!(number(arity)));
    command.insert("keys".into(), json!([number(first), number(last), number(keystep)]));
    let lists = [
        ("flags", json!(sorted(flags))),
        ("acl", json!(sorted(acl))),
        ("tips", json!(list(tips))),
        ("key_specs", items(key_specs).iter().map(key_spec).collect()),
    ];
    for (fact, list) in lists {
        // What is empty is left out in the file, too.
        if list != json!([]) {
            command.insert(fact.into(), list);
        }
    }
    assert!(facts.insert(text(name), command).is_none(), "{} is listed twice", text(name));
    items(subcommands).iter().for_each(|info| add_info(info, facts));
}

/// All that this server says of its commands.
fn ours() -> BTreeMap<String, Map<String, Json>> {
    let server = Server::builder().directive("port", "0").start().unwrap();
    let mut session = server.session();
    session.run(&["HELLO", "3"]);
    let mut facts = BTreeMap::new();
    items(&session.run(&["COMMAND"])).iter().for_each(|info| add_info(info, &mut facts));
    for (name, docs) in fields(&session.run(&["COMMAND", "DOCS"])) {
        add_docs(&name, docs, &mut facts);
    }
    facts
}

fn theirs() -> BTreeMap<String, Map<String, Json>> {
    let file = workspace().join("tests/data/commands.json");
    let mut facts: BTreeMap<String, Map<String, Json>> =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    facts.values_mut().filter_map(|command| command.get_mut("arguments")).for_each(only_keys_have_key_specs);
    let sorted_sets = facts.values_mut().filter(|command| command["group"] == "sorted-set");
    sorted_sets.filter_map(|command| command.get_mut("arguments")).for_each(numbers_have_fractions);
    facts
}

/// Valkey calls the increment of ZINCRBY and the weights of ZUNION and its kin integers, but takes what ZADD takes.
fn numbers_have_fractions(arguments: &mut Json) {
    for argument in arguments.as_array_mut().unwrap() {
        if argument["type"] == "integer" && (argument["name"] == "increment" || argument["name"] == "weight") {
            argument["type"] = json!("double");
        }
    }
}

/// Valkey has a key specification at the number of fields in HEXPIRE and its kin, which are no keys.
fn only_keys_have_key_specs(arguments: &mut Json) {
    for argument in arguments.as_array_mut().unwrap() {
        let argument = argument.as_object_mut().unwrap();
        if argument["type"] == "integer" {
            argument.remove("key_spec_index");
        }
        argument.get_mut("arguments").into_iter().for_each(only_keys_have_key_specs);
    }
}

#[test]
fn commands_are_what_they_are_in_valkey() {
    let (ours, theirs) = (ours(), theirs());
    let mut unused: BTreeSet<_> = DIFFERENCES.iter().map(|(command, fact, _)| (*command, *fact)).collect();
    let mut wrong = String::new();
    for (name, ours) in &ours {
        let Some(theirs) = theirs.get(name) else {
            if !unused.remove(&(name.as_str(), "*")) {
                wrong += &format!("{name}: Valkey has no such command\n");
            }
            continue;
        };
        let facts: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        for fact in facts {
            let (ours, theirs) = (ours.get(fact).unwrap_or(&Json::Null), theirs.get(fact).unwrap_or(&Json::Null));
            if ours != theirs && !unused.remove(&(name.as_str(), fact.as_str())) {
                wrong += &format!("{name}: {fact}\n  ours:   {ours}\n  theirs: {theirs}\n");
            }
        }
    }
    for (command, fact) in unused {
        wrong += &format!("{command}: {fact} is listed as a difference and is none\n");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_difference_has_a_reason() {
    assert!(DIFFERENCES.iter().all(|(.., reason)| !reason.is_empty()));
}
