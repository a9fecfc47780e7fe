//! A server that is killed at any moment: nothing that it has acknowledged is missing afterwards.
//!
//! Writers log every write that was acknowledged, and when; the server is killed in the middle of it, started again, and
//! asked. Under `appendfsync always` each of these writes must be there, under the other policies each that is older than
//! a second. Transactions must be there whole or not at all, and nothing may be there that was not asked for.
//!
//! `CRASH_ROUNDS` says how often, for each policy; a few times by default.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redis_core::resp::Value;
use redis_tests::{Process, Random, Wire, our_server, temporary_folder, wait_for};

const WRITERS: usize = 4;

/// A policy's promise: what was acknowledged longer ago than this is there.
const POLICIES: [(&str, Duration); 3] =
    [("always", Duration::ZERO), ("everysec", Duration::from_secs(1)), ("no", Duration::from_secs(1))];

fn rounds() -> u64 {
    std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

fn start(folder: &Path, policy: &str) -> Process {
    let folder = folder.to_str().unwrap();
    let rewrites = ["--auto-aof-rewrite-min-size", "40kb", "--auto-aof-rewrite-percentage", "50"];
    let directives = ["--appendonly", "yes", "--appendfsync", policy, "--dir", folder];
    Process::server(our_server(), &[&directives[..], &rewrites].concat())
}

/// Writes until the server is gone: the numbers from `first` on, each to a list and, in a transaction, to two counters.
/// Answers the acknowledgements: the number, and when it came.
fn write(address: SocketAddr, writer: usize, first: u64) -> JoinHandle<Vec<(u64, Instant)>> {
    std::thread::spawn(move || {
        let mut acknowledged = Vec::new();
        let Ok(mut wire) = Wire::connect(address) else { return acknowledged };
        for number in first.. {
            let text = number.to_string();
            let requests: [Vec<String>; 5] = [
                vec!["RPUSH".into(), format!("list:{writer}"), text.clone()],
                vec!["MULTI".into()],
                vec!["SET".into(), format!("one:{writer}"), text.clone()],
                vec!["SET".into(), format!("other:{writer}"), text],
                vec!["EXEC".into()],
            ];
            for request in &requests {
                if wire.send(request).is_err() || wire.receive().is_err() {
                    return acknowledged;
                }
            }
            acknowledged.push((number, Instant::now()));
        }
        acknowledged
    })
}

fn number(wire: &mut Wire, request: &[&str]) -> u64 {
    wire.send(request).unwrap();
    match wire.receive().unwrap() {
        Value::Integer(number) => number.unsigned_abs(),
        Value::Bulk(text) => String::from_utf8(text).unwrap().parse().unwrap(),
        Value::Null | Value::NullArray => 0,
        other => panic!("{request:?}: {other}"),
    }
}

fn survives(policy: &str, promise: Duration) {
    let folder = temporary_folder();
    let mut random = Random::new(7);
    let mut next = [1; WRITERS];
    let mut acknowledged: Vec<Vec<(u64, Instant)>> = vec![Vec::new(); WRITERS];
    let mut killed = Instant::now();
    for round in 0..=rounds() {
        let mut server = start(folder.path(), policy);
        let mut wire = Wire::connect(server.address).unwrap();
        for writer in 0..WRITERS {
            let list = number(&mut wire, &["LLEN", &format!("list:{writer}")]);
            let one = number(&mut wire, &["GET", &format!("one:{writer}")]);
            let other = number(&mut wire, &["GET", &format!("other:{writer}")]);
            assert_eq!(one, other, "{policy}, round {round}: half a transaction");
            assert!(list == one || list == one + 1, "{policy}, round {round}: {list} in the list, {one} counted");
            let last = number(&mut wire, &["LINDEX", &format!("list:{writer}"), "-1"]);
            assert_eq!(list, last, "{policy}, round {round}: the list has a hole");
            let due = acknowledged[writer].iter().rev().find(|(_, when)| killed.duration_since(*when) >= promise);
            if let Some((due, _)) = due {
                assert!(one >= *due, "{policy}, round {round}: {due} was acknowledged, {one} is there");
            }
            // What was asked for when the server was killed may be there.
            assert!(one <= next[writer], "{policy}, round {round}: {one} is there, {} was asked for", next[writer]);
            if list > one {
                wire.send(&["RPOP", &format!("list:{writer}")]).unwrap();
                wire.receive().unwrap();
            }
            next[writer] = one + 1;
        }
        let writers: Vec<_> = (0..WRITERS).map(|writer| write(server.address, writer, next[writer])).collect();
        let some = Duration::from_micros(20_000 + random.below(150_000) as u64);
        let begun = Instant::now();
        wait_for(|| (begun.elapsed() >= some).then_some(())).unwrap();
        server.signal("KILL");
        killed = Instant::now();
        server.wait();
        for (writer, thread) in writers.into_iter().enumerate() {
            acknowledged[writer] = thread.join().unwrap();
            next[writer] += acknowledged[writer].len() as u64;
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    for (policy, promise) in POLICIES {
        survives(policy, promise);
    }
}
