//! Every command is run by a transcript, and answers what its declaration states.
//!
//! A debug build looks at each reply as it is written (`command/schema.rs` of redis-core) and panics if it has not the shape
//! that is declared, so any test finds that out. Here all transcripts are replayed in protocol version 3, where nothing
//! hides: version 2 makes arrays of maps and sets, and strings of floats. And a command that none of them runs with
//! success is found.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use redis_commands as _;
use redis_core::command::{Registry, Run};
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::{Dialogue, InProcess, Transcript, temporary_folder};

/// Commands that no transcript can run, each with the test that does.
const ELSEWHERE: &[(&str, &str)] = &[
    ("config|rewrite", "command_line.rs: the_configuration_is_written_back"),
    ("shutdown", "command_line.rs: shutdown_ends_it"),
];

/// Asks a server of this process in protocol version 3.
struct InVersion3<'r> {
    server: InProcess<'r>,
    greeted: BTreeSet<u32>,
    /// The requests that broke a declaration.
    broken: Vec<String>,
}

impl Dialogue for InVersion3<'_> {
    fn ask(&mut self, connection: u32, request: &[Vec<u8>], replies: usize) -> Result<Vec<Value>, String> {
        if self.greeted.insert(connection) {
            self.server.ask(connection, &[b"HELLO".to_vec(), b"3".to_vec()], 1)?;
        }
        let replies = self.server.ask(connection, request, replies)?;
        let is_broken = |reply: &Value| matches!(reply, Value::Error(text) if text.starts_with(b"ERR internal error"));
        if replies.iter().any(is_broken) {
            let words = request.iter().map(|word| word.escape_ascii().to_string());
            self.broken.push(words.collect::<Vec<_>>().join(" "));
        }
        Ok(replies)
    }
}

/// The commands that a server has run with success: those called more often than they failed.
fn succeeded(server: &redis_core::Running) -> BTreeSet<String> {
    let Value::Bulk(info) = server.run(&["INFO", "commandstats"]) else { panic!("INFO is a text to version 2") };
    let info = String::from_utf8(info).unwrap();
    let lines = info.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':'));
    let has_succeeded = |facts: &str| {
        let number = |name: &str| -> u64 {
            let fact = facts.split(',').find_map(|fact| fact.strip_prefix(name)?.strip_prefix('='));
            fact.unwrap().parse().unwrap()
        };
        number("calls") > number("failed_calls")
    };
    lines.filter(|(_, facts)| has_succeeded(facts)).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_command_is_run_and_keeps_its_word() {
    let (mut run, mut broken) = (BTreeSet::new(), Vec::new());
    for transcript in Transcript::all() {
        let folder = temporary_folder();
        let builder = Server::builder().directive("port", "0").directive("enable-debug-command", "yes");
        let server = builder.directive("dir", folder.path().to_str().unwrap()).start().unwrap();
        let mut dialogue = InVersion3 { server: InProcess::new(&server), greeted: BTreeSet::new(), broken: Vec::new() };
        // That replies look different in this version is no failure.
        let _ = transcript.replay(&mut dialogue);
        broken.extend(dialogue.broken.into_iter().map(|request| format!("{}: {request}", transcript.name)));
        run.extend(succeeded(&server));
    }
    assert!(broken.is_empty(), "these replies are not what was declared (see above):\n{}", broken.join("\n"));

    let top_level = Registry::get().unwrap().top_level();
    let all = top_level.iter().flat_map(|command| std::iter::once(command).chain(&command.subcommands));
    let runnable = all.filter(|command| matches!(command.def.run, Run::Sync(_))).map(|command| command.def.full_name);
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(name, _)| *name).collect();
    let (mut never, mut needless) = (Vec::new(), Vec::new());
    for name in runnable {
        match (run.contains(name), elsewhere.contains(name)) {
            (false, false) => never.push(name),
            (true, true) => needless.push(name),
            _ => {}
        }
    }
    assert!(never.is_empty(), "no transcript runs these commands with success: {}", never.join(" "));
    assert!(needless.is_empty(), "transcripts run what is said to be run elsewhere: {}", needless.join(" "));
}
