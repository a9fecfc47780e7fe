//! Many clients on several worker threads at once: what the locks, the queues of waiting clients and the mailboxes between
//! threads promise.
//!
//! In the first test, money moves between accounts in different shards, elements go through lists at which others wait, and messages go
//! from one thread to another, while keys are scanned, copied for snapshots and given other names. At the end nothing is lost,
//! nothing is there twice, and nobody has seen half of a transaction. A lock taken in the wrong order would stop it. In the
//! second, others go through all keys, one shard at a time, while keys come and go. In the third, snapshots and rewrites of
//! the AOF are called off in mid-course. In the fourth, one command holds everything, and those who wait for it hold up
//! nobody.
//!
//! `STRESS_ROUNDS` says how long (1 by default). It is meant to run under ThreadSanitizer, too, for which a stable compiler
//! has to be asked; `tests/tsan-suppressions.txt` says what is not ours:
//!
//! ```console
//! $ export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
//! $ TSAN_OPTIONS="suppressions=$PWD/tests/tsan-suppressions.txt" STRESS_ROUNDS=5 \
//!       cargo test --package redis-tests --test stress --target x86_64-unknown-linux-gnu
//! ```

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{Scope, ScopedJoinHandle};

use redis_commands as _;
use redis_core::Running;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::{Random, Wire, temporary_folder, wait_for};

const WORKERS: &str = "4";
const ACCOUNTS: usize = 20;
const BALANCE: i64 = 1000;
const LISTS: usize = 5;

fn rounds() -> usize {
    std::env::var("STRESS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

fn server(directory: &std::path::Path) -> Running {
    let directives = [("port", "0"), ("io-threads", WORKERS), ("dir", directory.to_str().unwrap())];
    let builder = directives.iter().fold(Server::builder(), |builder, (name, value)| builder.directive(name, value));
    builder.start().unwrap()
}

/// Sends requests in one piece and reads their replies.
fn pipeline(wire: &mut Wire, requests: &[&[&str]]) -> Vec<Value> {
    requests.iter().for_each(|request| wire.send(request).unwrap());
    requests.iter().map(|_| wire.receive().unwrap()).collect()
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        Value::Bulk(text) => String::from_utf8_lossy(text).parse().unwrap(),
        other => panic!("{other} is no number"),
    }
}

/// Runs `body` with a connection of its own until `over`.
fn meanwhile<'scope>(
    scope: &'scope Scope<'scope, '_>,
    address: SocketAddr,
    over: &'scope AtomicBool,
    mut body: impl FnMut(&mut Wire, &mut Random) + Send + 'scope,
) -> ScopedJoinHandle<'scope, ()> {
    scope.spawn(move || {
        let (mut wire, mut random) = (Wire::connect(address).unwrap(), Random::new(7));
        while !over.load(Relaxed) {
            body(&mut wire, &mut random);
        }
    })
}

#[test]
fn nothing_is_lost_between_threads() {
    let folder = temporary_folder();
    let server = server(folder.path());
    let (address, over) = (server.address().unwrap(), AtomicBool::new(false));
    let account = |n: usize| format!("account:{n}");
    let mut wire = Wire::connect(address).unwrap();
    for n in 0..ACCOUNTS {
        wire.run(&["SET", &account(n), &BALANCE.to_string()]).unwrap();
    }
    let (transfers, elements, messages) = (200 * rounds(), 300 * rounds(), 200 * rounds());
    let increments = 50 * rounds();

    std::thread::scope(|scope| {
        let mut ends = Vec::new();
        // Locks of several shards, taken by transactions in whatever order they name their keys.
        for seed in 0..4 {
            ends.push(scope.spawn(move || {
                let (mut wire, mut random) = (Wire::connect(address).unwrap(), Random::new(seed));
                for _ in 0..transfers {
                    let (from, to) = (account(random.below(ACCOUNTS)), account(random.below(ACCOUNTS)));
                    let amount = random.below(50).to_string();
                    let moves: [&[&str]; 4] =
                        [&["MULTI"], &["DECRBY", &from, &amount], &["INCRBY", &to, &amount], &["EXEC"]];
                    let replies = pipeline(&mut wire, &moves);
                    assert!(matches!(&replies[3], Value::Array(done) if done.len() == 2), "{}", replies[3]);
                }
            }));
        }
        // Transactions that are given up if somebody else was faster.
        for _ in 0..3 {
            ends.push(scope.spawn(move || {
                let mut wire = Wire::connect(address).unwrap();
                for _ in 0..increments {
                    while !incremented(&mut wire, "watched") {}
                }
            }));
        }
        // Elements that are handed from thread to thread, some by way of a second list.
        for maker in 0..3 {
            ends.push(scope.spawn(move || {
                let (mut wire, mut random) = (Wire::connect(address).unwrap(), Random::new(maker));
                for element in 0..elements {
                    let list = format!("list:{}", random.below(LISTS));
                    wire.run(&["LPUSH", &list, &format!("{maker}-{element}")]).unwrap();
                }
            }));
        }
        let takers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    let mut wire = Wire::connect(address).unwrap();
                    let mut taken = Vec::new();
                    let lists: Vec<_> = (0..LISTS).map(|n| format!("list:{n}")).collect();
                    let request: Vec<&str> =
                        ["BRPOP"].into_iter().chain(lists.iter().map(String::as_str)).chain(["0"]).collect();
                    loop {
                        match wire.run(&request).unwrap() {
                            Value::Array(popped) if matches!(&popped[1], Value::Bulk(text) if text == b"enough") => {
                                break;
                            }
                            Value::Array(popped) => taken.push(popped[1].to_string()),
                            other => panic!("{other}"),
                        }
                    }
                    taken
                })
            })
            .collect();
        // Messages, which come in the order in which they were sent.
        let listeners: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    let mut wire = Wire::connect(address).unwrap();
                    wire.run(&["SUBSCRIBE", "news"]).unwrap();
                    for expected in 0..messages {
                        let Value::Array(message) = wire.receive().unwrap() else { panic!("a message is an array") };
                        assert_eq!(number(&message[2]), expected as i64);
                    }
                })
            })
            .collect();
        let mut speaker = Wire::connect(address).unwrap();
        assert!(
            wait_for(|| {
                let Value::Array(counts) = wire.run(&["PUBSUB", "NUMSUB", "news"]).unwrap() else { return None };
                (number(&counts[1]) == 3).then_some(())
            })
            .is_some()
        );
        ends.push(scope.spawn(move || {
            for message in 0..messages {
                assert_eq!(number(&speaker.run(&["PUBLISH", "news", &message.to_string()]).unwrap()), 3);
            }
        }));

        // Whoever looks at all accounts at one time finds all money.
        let all: Vec<_> = std::iter::once("MGET".to_owned()).chain((0..ACCOUNTS).rev().map(account)).collect();
        let mut others = vec![meanwhile(scope, address, &over, move |wire, _| {
            let Value::Array(balances) = wire.run(&all).unwrap() else { panic!("MGET answers with an array") };
            assert_eq!(balances.iter().map(number).sum::<i64>(), ACCOUNTS as i64 * BALANCE);
        })];
        // All shards at once, one after another, and names that go from one to another.
        others.push(meanwhile(scope, address, &over, |wire, random| {
            let (one, other) = (format!("name:{}", random.below(8)), format!("name:{}", random.below(8)));
            let requests: [&[&str]; 6] = [
                &["SET", &one, "value", "PX", "20"],
                &["RENAME", &one, &other],
                &["KEYS", "name:*"],
                &["SCAN", "0", "COUNT", "100"],
                &["DBSIZE"],
                &["COPY", &other, &one, "REPLACE"],
            ];
            pipeline(wire, &requests);
        }));
        // Copies of everything, logs of changes that begin and end, and connections that go while others look at them.
        others.push(meanwhile(scope, address, &over, |wire, random| {
            let logged = ["yes", "no"][random.below(2)];
            let requests: [&[&str]; 5] = [
                &["BGSAVE"],
                &["CONFIG", "SET", "appendonly", logged],
                &["BGREWRITEAOF"],
                &["INFO"],
                &["CLIENT", "LIST"],
            ];
            pipeline(wire, &requests);
            let mut guest = Wire::connect(address).unwrap();
            let id = number(&guest.run(&["CLIENT", "ID"]).unwrap()).to_string();
            guest.send(&["BLPOP", "nothing", "0"]).unwrap();
            pipeline(wire, &[&["CLIENT", "UNBLOCK", &id], &["CLIENT", "KILL", "ID", &id]]);
        }));

        ends.into_iter().for_each(|end| end.join().unwrap());
        for _ in 0..takers.len() {
            // Last in its list, so that nothing stands behind it; but other lists may not be empty yet.
            assert!(
                wait_for(|| {
                    let left = |n: usize| number(&wire.run(&["LLEN", &format!("list:{n}")]).unwrap());
                    ((0..LISTS).map(left).sum::<i64>() == 0).then_some(())
                })
                .is_some()
            );
            wire.run(&["LPUSH", "list:0", "enough"]).unwrap();
        }
        let taken: Vec<String> = takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
        assert_eq!(taken.len(), 3 * elements, "nothing is lost and nothing is there twice");
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 3 * elements);
        listeners.into_iter().for_each(|listener| listener.join().unwrap());
        over.store(true, Relaxed);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(number(&wire.run(&["GET", "watched"]).unwrap()), 3 * increments as i64);
    });
}

/// Adds one to a number, unless somebody else changes it meanwhile.
fn incremented(wire: &mut Wire, name: &str) -> bool {
    let seen = pipeline(wire, &[&["WATCH", name], &["GET", name]]);
    let next = if seen[1] == Value::Null { 1 } else { number(&seen[1]) + 1 };
    let replies = pipeline(wire, &[&["MULTI"], &["SET", name, &next.to_string()], &["EXEC"]]);
    matches!(&replies[2], Value::Array(done) if done.len() == 1)
}

/// The names in a reply, each of which must be there once.
fn names(reply: &Value) -> BTreeSet<Vec<u8>> {
    let Value::Array(names) = reply else { panic!("{reply} is no list of names") };
    let mut seen = BTreeSet::new();
    for name in names {
        let Value::Bulk(name) = name else { panic!("{name} is no name") };
        assert!(seen.insert(name.to_vec()), "{} is there twice", String::from_utf8_lossy(name));
    }
    seen
}

/// All names that match, by SCAN, each of which must be found once.
fn scanned(wire: &mut Wire, pattern: &str, count: &str) -> BTreeSet<Vec<u8>> {
    let (mut seen, mut cursor) = (BTreeSet::new(), "0".to_owned());
    loop {
        let reply = wire.run(&["SCAN", &cursor, "MATCH", pattern, "COUNT", count]).unwrap();
        let Value::Array(parts) = reply else { panic!("{reply} is no reply of SCAN") };
        for name in names(&parts[1]) {
            assert!(!seen.contains(&name), "{} is found twice", String::from_utf8_lossy(&name));
            seen.insert(name);
        }
        let Value::Bulk(next) = &parts[0] else { panic!("{} is no cursor", parts[0]) };
        cursor = String::from_utf8_lossy(next).into_owned();
        if cursor == "0" {
            return seen;
        }
    }
}

/// With several shards, KEYS and its kin hold one lock at a time, and others change the keyspace meanwhile.
#[test]
fn what_stays_is_reported_once() {
    const STAY: usize = 1000;
    const PASS: usize = 6000;

    let folder = temporary_folder();
    let builder = Server::builder().directive("port", "0").directive("io-threads", "2");
    let server = builder.directive("dir", folder.path().to_str().unwrap()).start().unwrap();
    let (address, over) = (server.address().unwrap(), AtomicBool::new(false));
    let mut wire = Wire::connect(address).unwrap();
    let stay: BTreeSet<Vec<u8>> = (0..STAY).map(|n| format!("stays:{n}").into_bytes()).collect();
    for n in 0..STAY {
        wire.send(&["SET", &format!("stays:{n}"), "value"]).unwrap();
    }
    (0..STAY).for_each(|_| drop(wire.receive().unwrap()));
    wire.run(&["SET", "moves:0", "value"]).unwrap();

    std::thread::scope(|scope| {
        // Tables grow to several times their size and shrink again.
        let mut others: Vec<_> = (0..2)
            .map(|writer| {
                meanwhile(scope, address, &over, move |wire, random| {
                    let command = if random.below(2) == 0 { "SET" } else { "DEL" };
                    let first = random.below(PASS);
                    let last = (first + 1000).min(PASS);
                    for n in first..last {
                        let name = format!("passes:{writer}:{n}");
                        let value = (command == "SET").then_some("value");
                        wire.send(&[command, &name].into_iter().chain(value).collect::<Vec<_>>()).unwrap();
                    }
                    (first..last).for_each(|_| drop(wire.receive().unwrap()));
                })
            })
            .collect();
        // A key that always has one of many names, in different shards.
        let mut at = 0;
        others.push(meanwhile(scope, address, &over, move |wire, random| {
            let to = (at + 1 + random.below(49)) % 50;
            let moved = wire.run(&["RENAME", &format!("moves:{at}"), &format!("moves:{to}")]).unwrap();
            assert_eq!(moved.to_string(), "OK");
            at = to;
        }));
        for _ in 0..5 * rounds() {
            let all = names(&wire.run(&["KEYS", "*"]).unwrap());
            assert!(all.is_superset(&stay));
            assert_eq!(names(&wire.run(&["KEYS", "stays:*"]).unwrap()), stay);
            assert!(scanned(&mut wire, "*", "100").is_superset(&stay));
            assert_eq!(scanned(&mut wire, "stays:*", "5000"), stay);
            assert!(number(&wire.run(&["DBSIZE"]).unwrap()) >= STAY as i64);
            assert!(matches!(wire.run(&["RANDOMKEY"]).unwrap(), Value::Bulk(_)));
            // A transaction happens at one time.
            let replies =
                pipeline(&mut wire, &[&["MULTI"], &["KEYS", "moves:*"], &["DBSIZE"], &["KEYS", "*"], &["EXEC"]]);
            let Value::Array(done) = &replies[4] else { panic!("{}", replies[4]) };
            assert_eq!(names(&done[0]).len(), 1);
            assert_eq!(number(&done[1]), names(&done[2]).len() as i64);
        }
        over.store(true, Relaxed);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// Everything is flushed while it is saved, and the AOF is switched off while it is rewritten. With one worker and with
/// several: the only shard of one is held from the beginning of a batch to its end.
#[test]
fn what_is_called_off_leaves_no_trace() {
    const GROUP: usize = 50;
    const FIELDS: usize = 2000;

    for workers in ["1", "3"] {
        let folder = temporary_folder();
        let start = |appendonly| {
            let directives = [("port", "0"), ("io-threads", workers), ("hz", "100"), ("appendonly", appendonly)];
            let builder =
                directives.iter().fold(Server::builder(), |builder, (name, value)| builder.directive(name, value));
            builder.directive("dir", folder.path().to_str().unwrap()).start().unwrap()
        };
        let server = start("no");
        let (address, over) = (server.address().unwrap(), AtomicBool::new(false));
        let mut wire = Wire::connect(address).unwrap();
        let group: Vec<String> = (0..GROUP).map(|n| format!("group:{n}")).collect();
        let of_group =
            |command: &str| -> Vec<String> { std::iter::once(command.to_owned()).chain(group.clone()).collect() };
        std::thread::scope(|scope| {
            let mut others = Vec::new();
            // All of these keys, or all of these fields, have one value or are gone.
            others.push(meanwhile(scope, address, &over, |wire, random| {
                let value = random.below(1000).to_string();
                let keys = group.iter().flat_map(|key| [key.as_str(), &value]);
                wire.run(&["MSET"].into_iter().chain(keys).collect::<Vec<_>>()).unwrap();
                let fields: Vec<String> = (0..FIELDS).map(|n| format!("field:{n}")).collect();
                let fields = fields.iter().flat_map(|field| [field.as_str(), &value]);
                wire.run(&["HSET", "hash"].into_iter().chain(fields).collect::<Vec<_>>()).unwrap();
            }));
            others.push(meanwhile(scope, address, &over, |wire, _| {
                let Value::Array(values) = wire.run(&of_group("MGET")).unwrap() else {
                    panic!("MGET answers with an array")
                };
                assert!(values.iter().all(|value| *value == values[0]));
                let Value::Array(hash) = wire.run(&["HGETALL", "hash"]).unwrap() else { panic!("so does HGETALL") };
                assert!(hash.is_empty() || hash.len() == 2 * FIELDS);
                assert!(hash.chunks(2).all(|field| field[1] == hash[1]));
            }));
            // Keys that end by themselves, whether somebody looks at them or not.
            others.push(meanwhile(scope, address, &over, |wire, random| {
                for n in 0..100 {
                    let (name, millis) = (format!("ends:{n}"), (1 + random.below(30)).to_string());
                    wire.send(&["SET", &name, "value", "PX", &millis]).unwrap();
                }
                (0..100).for_each(|_| assert_eq!(wire.receive().unwrap().to_string(), "OK"));
                names(&wire.run(&["KEYS", "ends:*"]).unwrap());
                scanned(wire, "ends:*", "10");
            }));
            for _ in 0..10 * rounds() {
                // Refusals are fine: there may be one going on.
                pipeline(&mut wire, &[&["BGSAVE"], &["CONFIG", "SET", "appendonly", "yes"], &["BGREWRITEAOF"]]);
                pipeline(&mut wire, &[&["FLUSHALL"], &["BGSAVE"], &["FLUSHALL", "ASYNC"], &["BGREWRITEAOF"]]);
                pipeline(&mut wire, &[&["CONFIG", "SET", "appendonly", "no"], &["BGREWRITEAOF"], &["BGSAVE"]]);
            }
            let on = || (wire.run(&["CONFIG", "SET", "appendonly", "yes"]).unwrap().to_string() == "OK").then_some(());
            assert!(wait_for(on).is_some());
            over.store(true, Relaxed);
            others.into_iter().for_each(|other| other.join().unwrap());
        });
        // What is there in the end is what the AOF says.
        let contents = |server: &Running| (server.run(&of_group("MGET")), server.run(&["HVALS", "hash"]));
        let before = contents(&server);
        let idle = || {
            let Value::Bulk(info) = wire.run(&["INFO", "persistence"]).unwrap() else {
                panic!("INFO answers with text")
            };
            let info = String::from_utf8_lossy(&info).into_owned();
            ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "rdb_bgsave_in_progress:0"]
                .iter()
                .all(|line| info.contains(line))
                .then_some(())
        };
        assert!(wait_for(idle).is_some());
        drop(server);
        assert_eq!(contents(&start("yes")), before);
    }
}

/// While one command holds all locks, others wait for theirs without holding up those that need none.
#[test]
fn who_waits_for_keys_holds_up_nobody() {
    let folder = temporary_folder();
    let directives = [("port", "0"), ("io-threads", "2"), ("enable-debug-command", "yes")];
    let builder = directives.iter().fold(Server::builder(), |builder, (name, value)| builder.directive(name, value));
    let server = builder.directive("dir", folder.path().to_str().unwrap()).start().unwrap();
    let connect = || Wire::connect(server.address().unwrap()).unwrap();
    let mut served_meanwhile = false;
    for round in 1..=100 {
        let mut sleeper = connect();
        // Connections go to the two workers by turns, so each has one of these, and one of those who wait for nothing.
        let mut waiting = [connect(), connect()];
        let mut others = [connect(), connect()];
        others.iter_mut().for_each(|other| drop(other.run(&["PING"]).unwrap()));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(sleeper.run(&["DEBUG", "SLEEP", "0.3"]).unwrap().to_string(), "OK");
                over.store(true, Relaxed);
            });
            std::thread::sleep(std::time::Duration::from_millis(50));
            let requests: [&[&str]; 7] = [
                &["PING"],
                &["INCR", "number"],
                &["MULTI"],
                &["INCR", "number"],
                &["GET", "number"],
                &["EXEC"],
                &["MGET", "number", "nothing"],
            ];
            for wire in &mut waiting {
                requests.iter().for_each(|request| wire.send(request).unwrap());
            }
            let answers: Vec<_> = others
                .iter_mut()
                .map(|other| {
                    let over = &over;
                    scope.spawn(move || {
                        std::thread::sleep(std::time::Duration::from_millis(50));
                        assert_eq!(other.run(&["PING"]).unwrap().to_string(), "PONG");
                        std::thread::sleep(std::time::Duration::from_millis(50));
                        !over.load(Relaxed)
                    })
                })
                .collect();
            served_meanwhile |= answers.into_iter().any(|answer| answer.join().unwrap());
            let mut seen: Vec<_> = waiting
                .iter_mut()
                .flat_map(|wire| {
                    let replies: Vec<_> = requests.iter().map(|_| wire.receive().unwrap()).collect();
                    assert_eq!(replies[0].to_string(), "PONG");
                    let Value::Array(done) = &replies[5] else { panic!("{}", replies[5]) };
                    assert_eq!(number(&done[0]), number(&done[1]));
                    [number(&replies[1]), number(&done[0])]
                })
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (4 * round - 3..=4 * round).collect::<Vec<i64>>(), "each has run once");
        });
        // A busy machine may wake somebody up too late. Those who are held up never see it.
        if served_meanwhile {
            return;
        }
    }
    panic!("nobody was served while another waited for a key");
}
