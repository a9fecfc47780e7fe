//! Keys whose time is over, and walks through a keyspace that changes: what a transcript cannot say, because it takes time
//! or is up to chance. Everything is tried with one worker, whose data are in one shard, and with two, whose are in many.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redis_commands as _;
use redis_core::Running;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::{Wire, wait_for};

/// How many keys make a crowd: enough that every shard has some.
const CROWD: usize = 500;

/// Runs a test against either kind of server.
fn with_one_and_two_workers(test: impl Fn(&Running)) {
    for threads in ["1", "2"] {
        let directives = [("port", "0"), ("io-threads", threads), ("enable-debug-command", "yes")];
        let builder =
            directives.iter().fold(Server::builder(), |builder, (name, value)| builder.directive(name, value));
        test(&builder.start().unwrap());
    }
}

fn run(server: &Running, request: &str) -> Value {
    let reply = server.run(&request.split(' ').collect::<Vec<_>>());
    assert!(!matches!(reply, Value::Error(_)), "{request}: {reply}");
    reply
}

fn texts(value: &Value) -> Vec<String> {
    let Value::Array(items) = value else { panic!("{value} is no array") };
    items.iter().map(text).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => other.to_string(),
    }
}

/// Goes through the whole keyspace; the keys as often as they were named.
fn scan(server: &Running, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        let reply = run(server, &format!("SCAN {cursor} COUNT {count}"));
        let Value::Array(parts) = &reply else { panic!("{reply} is no array") };
        cursor = text(&parts[0]);
        found.extend(texts(&parts[1]));
        if cursor == "0" {
            return found;
        }
    }
}

/// Makes a crowd of keys whose time is over, and of which nobody has noticed.
fn expired_crowd(server: &Running) {
    run(server, "DEBUG SET-ACTIVE-EXPIRE 0");
    for n in 0..CROWD {
        run(server, &format!("SET gone:{n} value PX 1"));
    }
    let all_over = || (run(server, &format!("PTTL gone:{}", CROWD - 1)) == Value::Integer(-2)).then_some(());
    wait_for(all_over).expect("keys expire");
}

#[test]
fn keys_expire_without_being_asked_for() {
    with_one_and_two_workers(|server| {
        let mut session = server.session();
        for database in ["0", "9"] {
            session.run(&["SELECT", database]);
            for n in 0..CROWD {
                session.run(&["SET", &format!("key:{n}"), "value", "PX", "1"]);
            }
            session.run(&["SET", "stays", "value", "EX", "1000"]);
        }
        for database in ["0", "9"] {
            session.run(&["SELECT", database]);
            let only_one_left = || (session.run(&["DBSIZE"]) == Value::Integer(1)).then_some(());
            wait_for(only_one_left).expect("keys expire");
        }
        assert!(text(&run(server, "INFO stats")).contains(&format!("expired_keys:{}\r\n", 2 * CROWD)));
    });
}

#[test]
fn subscribers_are_told_of_every_key_that_expires() {
    with_one_and_two_workers(|server| {
        run(server, "CONFIG SET notify-keyspace-events Ex");
        let mut subscriber = Wire::connect(server.address().unwrap()).unwrap();
        subscriber.run(&["SUBSCRIBE", "__keyevent@0__:expired"]).unwrap();
        let keys: BTreeSet<String> = (0..CROWD).map(|n| format!("key:{n}")).collect();
        for key in &keys {
            run(server, &format!("SET {key} value PX 1"));
        }
        let told: BTreeSet<String> = keys.iter().map(|_| texts(&subscriber.receive().unwrap())[2].clone()).collect();
        assert_eq!(told, keys);
    });
}

#[test]
fn what_has_expired_is_nowhere_to_be_seen() {
    with_one_and_two_workers(|server| {
        expired_crowd(server);
        run(server, "SET stays value");
        assert_eq!(texts(&run(server, "KEYS *")), ["stays"]);
        for _ in 0..20 {
            assert_eq!(text(&run(server, "RANDOMKEY")), "stays");
        }
        assert_eq!(run(server, "EXISTS gone:1 gone:2 stays"), Value::Integer(1));
        assert_eq!(run(server, "DEL gone:3"), Value::Integer(0));
        assert_eq!(run(server, "RENAMENX stays gone:4"), Value::Integer(1));
        assert_eq!(run(server, "COPY gone:5 stays"), Value::Integer(0));
        assert_eq!(run(server, "EXPIRE gone:6 100"), Value::Integer(0));
        assert_eq!(run(server, "APPEND gone:7 new"), Value::Integer(3));
        assert_eq!(run(server, "TTL gone:7"), Value::Integer(-1));
    });
}

#[test]
fn a_scan_removes_what_has_expired() {
    with_one_and_two_workers(|server| {
        expired_crowd(server);
        run(server, "SET stays value");
        assert_ne!(run(server, "DBSIZE"), Value::Integer(1));
        // What is there may come twice, while the table shrinks.
        let found: BTreeSet<String> = scan(server, 10).into_iter().collect();
        assert_eq!(found, BTreeSet::from(["stays".to_owned()]));
        assert_eq!(run(server, "DBSIZE"), Value::Integer(1));
    });
}

#[test]
fn where_all_keys_have_expired_no_key_is_random() {
    with_one_and_two_workers(|server| {
        expired_crowd(server);
        assert_eq!(run(server, "RANDOMKEY"), Value::Null);
    });
}

#[test]
fn every_key_is_a_random_key_at_times() {
    with_one_and_two_workers(|server| {
        let keys: BTreeSet<String> = (0..20).map(|n| format!("key:{n}")).collect();
        for key in &keys {
            run(server, &format!("SET {key} value"));
        }
        let mut seen = BTreeSet::new();
        let all_seen = || {
            seen.insert(text(&run(server, "RANDOMKEY")));
            (seen == keys).then_some(())
        };
        wait_for(all_seen).expect("every key is drawn");
    });
}

#[test]
fn a_scan_finds_what_is_there_all_the_time_whatever_comes_and_goes() {
    with_one_and_two_workers(|server| {
        let stay: BTreeSet<String> = (0..CROWD).map(|n| format!("stays:{n}")).collect();
        for key in &stay {
            run(server, &format!("SET {key} value"));
        }
        let address = server.address().unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // The tables grow and shrink all the time.
                let mut wire = Wire::connect(address).unwrap();
                while !stop.load(Relaxed) {
                    let many: Vec<String> = (0..20 * CROWD).map(|n| format!("comes:{n}")).collect();
                    for keys in many.chunks(CROWD) {
                        let set = keys.iter().flat_map(|key| [key.as_str(), "value"]);
                        wire.run(&std::iter::once("MSET").chain(set).collect::<Vec<_>>()).unwrap();
                    }
                    let unlink = std::iter::once("UNLINK").chain(many.iter().map(String::as_str));
                    wire.run(&unlink.collect::<Vec<_>>()).unwrap();
                }
            });
            for count in [1, 10, 100, 1000] {
                let found: BTreeSet<String> = scan(server, count).into_iter().collect();
                assert!(found.is_superset(&stay), "COUNT {count}");
            }
            stop.store(true, Relaxed);
        });
    });
}

#[test]
fn a_scan_of_a_quiet_keyspace_finds_every_key_once() {
    with_one_and_two_workers(|server| {
        let mut keys: Vec<String> = (0..10 * CROWD).map(|n| format!("key:{n}")).collect();
        for key in &keys {
            run(server, &format!("SET {key} value"));
        }
        keys.sort();
        for count in [1, 7, 100, 100_000] {
            let mut found = scan(server, count);
            found.sort();
            assert_eq!(found, keys, "COUNT {count}");
        }
    });
}

#[test]
fn a_key_under_watch_that_expires_has_changed() {
    with_one_and_two_workers(|server| {
        run(server, "DEBUG SET-ACTIVE-EXPIRE 0");
        let mut session = server.session();
        session.run(&["SET", "key", "value", "PX", "300"]);
        session.run(&["WATCH", "key"]);
        let over = || (run(server, "GET key") == Value::Null).then_some(());
        wait_for(over).expect("the key expires");
        session.run(&["MULTI"]);
        assert_eq!(session.run(&["EXEC"]), Value::NullArray);
    });
}

#[test]
fn time_stands_still_in_a_transaction() {
    with_one_and_two_workers(|server| {
        let mut session = server.session();
        session.run(&["MULTI"]);
        session.run(&["SET", "key", "value", "PX", "1"]);
        session.run(&["DEBUG", "SLEEP", "0.01"]);
        session.run(&["GET", "key"]);
        let reply = session.run(&["EXEC"]);
        assert_eq!(texts(&reply)[2], "value");
        let over = || (run(server, "GET key") == Value::Null).then_some(());
        wait_for(over).expect("the key expires after the transaction");
    });
}

#[test]
fn who_waits_for_replicas_waits_in_vain() {
    with_one_and_two_workers(|server| {
        let mut wire = Wire::connect(server.address().unwrap()).unwrap();
        let begun = Instant::now();
        assert_eq!(wire.run(&["WAIT", "0", "0"]).unwrap(), Value::Integer(0));
        assert_eq!(wire.run(&["WAIT", "1", "50"]).unwrap(), Value::Integer(0));
        assert!(begun.elapsed() >= Duration::from_millis(50));
        let id = text(&wire.run(&["CLIENT", "ID"]).unwrap()).replace("(integer) ", "");
        wire.send(&["WAIT", "1", "0"]).unwrap();
        let unblocked = || (run(server, &format!("CLIENT UNBLOCK {id}")) == Value::Integer(1)).then_some(());
        wait_for(unblocked).expect("the client waits");
        assert_eq!(wire.receive().unwrap(), Value::Integer(0));
    });
}

/// A pause of writes promises that the data stay as they are. Nobody sees a key whose time is over, all the same.
#[test]
fn nothing_is_removed_while_writes_are_paused() {
    with_one_and_two_workers(|server| {
        let counted = || text(&run(server, "INFO stats")).contains("\r\nexpired_keys:0\r\n");
        let mut session = server.session();
        for request in ["MULTI", "SET a 1 PX 1", "SET b 1 PX 1", "CLIENT PAUSE 600000 WRITE", "EXEC"] {
            session.run(&request.split(' ').collect::<Vec<_>>());
        }
        let gone = || (run(server, "EXISTS a b") == Value::Integer(0)).then_some(());
        wait_for(gone).expect("their time is over");
        assert_eq!(run(server, "GET a"), Value::Null);
        assert_eq!(scan(server, 100), Vec::<String>::new());
        assert_eq!(run(server, "DBSIZE"), Value::Integer(2));
        assert!(counted());
        run(server, "CLIENT UNPAUSE");
        wait_for(|| (run(server, "DBSIZE") == Value::Integer(0)).then_some(())).expect("they are removed then");
        assert!(!counted());
    });
}
