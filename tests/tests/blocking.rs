//! Clients that wait for lists: who is served, when, with what, and what becomes of those who are not.

#![allow(clippy::unwrap_used)]

use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use redis_commands as _;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::waiting::{Connection, Fixture, poll, run, shown};

const NIL: &str = "(nil)";

fn popped(key: &str, element: &str) -> String {
    format!("1) \"{key}\" 2) \"{element}\"")
}

#[test]
fn clients_are_served_in_order_of_arrival() {
    let fixture = Fixture::start();
    let mut clients: Vec<Connection> = (0..5).map(|_| fixture.blocked("BLPOP k 0")).collect();
    let mut pusher = fixture.client();
    // One element, then several at once; the last client is left waiting.
    assert_eq!(pusher.run("RPUSH k a"), "(integer) 1");
    assert_eq!(clients[0].reply(), popped("k", "a"));
    assert_eq!(pusher.run("RPUSH k b c d"), "(integer) 3", "the reply counts what is served at once");
    for (client, element) in clients[1..4].iter_mut().zip(["b", "c", "d"]) {
        assert_eq!(client.reply(), popped("k", element));
    }
    assert_eq!(fixture.blocked_clients(), 1);
    assert_eq!(pusher.run("EXISTS k"), "(integer) 0");
    // One that was served goes to the end of the queue.
    clients[0].send("BLPOP k 0");
    fixture.until_blocked(2);
    assert_eq!(pusher.run("LPUSH k f e"), "(integer) 2");
    assert_eq!(clients[4].reply(), popped("k", "e"));
    assert_eq!(clients[0].reply(), popped("k", "f"));
}

#[test]
fn elements_pushed_together_are_all_there_when_a_client_is_served() {
    let fixture = Fixture::start();
    let mut pusher = fixture.client();
    let mut left = fixture.blocked("BLPOP k 0");
    assert_eq!(pusher.run("LPUSH k a b"), "(integer) 2");
    assert_eq!(left.reply(), popped("k", "b"));
    assert_eq!(pusher.run("LRANGE k 0 -1"), "1) \"a\"");
    pusher.run("DEL k");
    let mut many = fixture.blocked("BLMPOP 0 2 other k RIGHT COUNT 2");
    let mut right = fixture.blocked("BRPOP k 0");
    assert_eq!(pusher.run("RPUSH k a b c d"), "(integer) 4");
    assert_eq!(many.reply(), "1) \"k\" 2) 1) \"d\" 2) \"c\"");
    assert_eq!(right.reply(), popped("k", "b"));
}

#[test]
fn of_several_keys_the_one_that_was_pushed_first_is_taken() {
    let fixture = Fixture::start();
    let mut pusher = fixture.client();
    for pop in ["BLPOP a b c 0", "BLMPOP 0 3 a b c LEFT"] {
        let mut client = fixture.blocked(pop);
        assert_eq!(pusher.run("RPUSH c 1"), "(integer) 1");
        assert!(client.reply().starts_with("1) \"c\""), "{pop}");
        // A transaction fills two: what counts is which was first, not how the client named them.
        client.send(pop);
        fixture.until_blocked(1);
        assert_eq!(pusher.transaction(&["RPUSH b 2", "RPUSH a 3"]), "1) (integer) 1 2) (integer) 1");
        assert!(client.reply().starts_with("1) \"b\""), "{pop}");
        // Now there is something already, so the first one named is taken.
        assert!(client.run(pop).starts_with("1) \"a\""), "{pop}");
    }
}

#[test]
fn a_key_may_be_named_twice() {
    let fixture = Fixture::start();
    let mut pusher = fixture.client();
    let mut first = fixture.blocked("BLPOP a b b a 0");
    let mut second = fixture.blocked("BLPOP b a 0");
    pusher.run("RPUSH b 1 2");
    assert_eq!(first.reply(), popped("b", "1"));
    assert_eq!(second.reply(), popped("b", "2"));
    assert_eq!(pusher.run("RPUSH b 3"), "(integer) 1");
    assert_eq!(first.run("BLPOP a b b a 0"), popped("b", "3"));
}

#[test]
fn a_wait_ends_with_its_time() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    for request in [
        "BLPOP k 0.05",
        "BRPOP k other 0.05",
        "BLMPOP 0.05 1 k LEFT",
        "BLMOVE k l LEFT LEFT 0.05",
        "BRPOPLPUSH k l 0.05",
    ] {
        let begun = Instant::now();
        client.send(request);
        // Whatever would be returned, a timeout is a null array, as in Redis.
        assert_eq!(client.wire.receive().unwrap(), Value::NullArray, "{request}");
        assert!(begun.elapsed() >= Duration::from_millis(50), "{request} came back after {:?}", begun.elapsed());
    }
    // The smallest time is no "for ever".
    assert_eq!(client.run("BLPOP k 0.000001"), NIL);
    assert_eq!(fixture.blocked_clients(), 0);
    // Who has timed out is not served.
    let mut pusher = fixture.client();
    assert_eq!(pusher.run("RPUSH k a"), "(integer) 1");
    assert_eq!(pusher.run("LLEN k"), "(integer) 1");
}

#[test]
fn zero_waits_for_ever_and_times_do_not_disturb_the_order() {
    let fixture = Fixture::start();
    let clients = &fixture.running.server().clients;
    let mut patient = fixture.blocked("BLPOP k 0");
    assert_eq!(clients.blocked_with_timeout.load(Relaxed), 0);
    let mut hasty = fixture.blocked("BLPOP k 0.05");
    let mut last = fixture.blocked("BLPOP k 1000");
    assert_eq!(hasty.reply(), NIL);
    assert_eq!(clients.blocked_with_timeout.load(Relaxed), 1);
    fixture.client().run("RPUSH k a b");
    assert_eq!(patient.reply(), popped("k", "a"));
    assert_eq!(last.reply(), popped("k", "b"));
    assert_eq!(clients.blocked_with_timeout.load(Relaxed), 0);
}

#[test]
fn a_transaction_does_not_wait() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    client.send_all(&["MULTI", "BLPOP k 0", "BLMOVE k l LEFT LEFT 0", "RPUSH k a", "BLPOP k 0", "EXEC"]);
    (0..5).for_each(|_| drop(client.reply()));
    let replies = client.wire.receive().unwrap();
    let expected = [Value::NullArray, Value::Null, Value::Integer(1)];
    assert!(matches!(&replies, Value::Array(replies) if replies[..3] == expected), "{replies}");
    assert_eq!(shown(&replies), format!("1) (nil) 2) (nil) 3) (integer) 1 4) {}", popped("k", "a")));
}

#[test]
fn what_a_transaction_pushes_is_served_after_it() {
    let fixture = Fixture::start();
    let mut effects = fixture.effects();
    let mut client = fixture.blocked("BLPOP k 0");
    let mut pusher = fixture.client();
    assert_eq!(
        pusher.transaction(&["LPUSH k a", "LPUSH k b", "LLEN k"]),
        "1) (integer) 1 2) (integer) 2 3) (integer) 2"
    );
    assert_eq!(client.reply(), popped("k", "b"));
    assert_eq!(effects.take(), ["0: LPUSH k a", "0: LPUSH k b", "0: LPOP k"]);
    // What is gone again, or of another type, by the end of it has never been there.
    pusher.run("DEL k");
    client.send("BLPOP k 0");
    fixture.until_blocked(1);
    pusher.transaction(&["LPUSH k a", "DEL k"]);
    pusher.transaction(&["LPUSH k a", "DEL k", "SET k text"]);
    assert_eq!(fixture.blocked_clients(), 1);
    pusher.run("DEL k");
    pusher.run("LPUSH k c");
    assert_eq!(client.reply(), popped("k", "c"));
}

#[test]
fn watched_keys_are_touched_by_what_is_served_and_not_by_waiting() {
    let fixture = Fixture::start();
    let (mut watcher, mut pusher) = (fixture.client(), fixture.client());
    let mut mover = fixture.blocked("BLMOVE source destination LEFT RIGHT 0");
    watcher.run("WATCH destination");
    watcher.run("MULTI");
    watcher.run("PING");
    assert_eq!(watcher.run("EXEC"), "1) PONG");
    watcher.run("WATCH destination");
    watcher.run("MULTI");
    watcher.run("PING");
    pusher.run("LPUSH source a");
    assert_eq!(mover.reply(), "\"a\"");
    assert_eq!(watcher.run("EXEC"), NIL);
}

#[test]
fn whatever_makes_a_list_serves() {
    let fixture = Fixture::start();
    let mut other = fixture.client();
    for (prepare, request) in [
        (&["RPUSH from a"][..], "RENAME from k"),
        (&["RPUSH from a"], "RENAMENX from k"),
        (&["RPUSH from a"], "COPY from k"),
        (&["SADD set a"], "SORT set BY nosort STORE k"),
        (&["RPUSH from a"], "LMOVE from k LEFT LEFT"),
        (&["RPUSH from a"], "RPOPLPUSH from k"),
        (&["SELECT 1", "RPUSH k a"], "MOVE k 0"),
        (&["SELECT 1", "RPUSH k a"], "SWAPDB 0 1"),
        (&["SELECT 1", "RPUSH k a"], "SWAPDB 1 0"),
        (&["SELECT 1", "RPUSH from a"], "COPY from k DB 0"),
    ] {
        other.run("FLUSHALL");
        other.run("SELECT 0");
        let mut client = fixture.blocked("BLPOP other k 0");
        for request in prepare {
            other.run(request);
        }
        let reply = other.run(request);
        assert!(!reply.starts_with("(error)"), "{request}: {reply}");
        assert_eq!(client.reply(), popped("k", "a"), "{request}");
    }
}

#[test]
fn databases_are_apart() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    client.run("SELECT 1");
    client.send("BLPOP k 0");
    fixture.until_blocked(1);
    let mut pusher = fixture.client();
    pusher.run("RPUSH k zero");
    assert_eq!(fixture.blocked_clients(), 1);
    pusher.run("SELECT 1");
    pusher.run("RPUSH k one");
    assert_eq!(client.reply(), popped("k", "one"));
    // Served by another's call, it is still in its own database.
    pusher.run("SELECT 0");
    client.run("SET here yes");
    assert_eq!(pusher.run("EXISTS here"), "(integer) 0");
}

#[test]
fn another_type_leaves_a_client_waiting() {
    let fixture = Fixture::start();
    let mut other = fixture.client();
    let mut client = fixture.blocked("BLPOP a b 0");
    other.run("SET a text");
    other.run("SADD b member");
    assert_eq!(fixture.blocked_clients(), 1);
    other.run("DEL b");
    // The text at `a` does not matter: the client gets what came to `b`.
    other.run("RPUSH b 1");
    assert_eq!(client.reply(), popped("b", "1"));
    assert_eq!(client.run("BLPOP a b 0").split_whitespace().nth(1), Some("WRONGTYPE"));
}

#[test]
fn a_destination_of_another_type_is_an_error_and_loses_nothing() {
    let fixture = Fixture::start();
    let mut other = fixture.client();
    other.run("SET text 1");
    let mut wrong = fixture.blocked("BLMOVE k text LEFT LEFT 0");
    let mut right = fixture.blocked("BRPOPLPUSH k list 0");
    other.run("RPUSH k a");
    assert_eq!(wrong.reply(), format!("(error) {}", Error::WRONG_TYPE));
    assert_eq!(right.reply(), "\"a\"");
    assert_eq!(other.run("LRANGE list 0 -1"), "1) \"a\"");
    assert_eq!(fixture.blocked_clients(), 0);
}

#[test]
fn serving_one_may_serve_the_next() {
    let fixture = Fixture::start();
    let mut effects = fixture.effects();
    let mut first = fixture.blocked("BLMOVE a b LEFT RIGHT 0");
    let mut second = fixture.blocked("BRPOPLPUSH b c 0");
    let mut third = fixture.blocked("BLPOP none c 0");
    let mut circle = fixture.blocked("BLMOVE c a RIGHT LEFT 0");
    fixture.client().run("RPUSH a 1");
    assert_eq!(first.reply(), "\"1\"");
    assert_eq!(second.reply(), "\"1\"");
    assert_eq!(third.reply(), popped("c", "1"));
    assert_eq!(fixture.blocked_clients(), 1);
    let expected = ["0: RPUSH a 1", "0: LMOVE a b LEFT RIGHT", "0: RPOPLPUSH b c", "0: LPOP c"];
    assert_eq!(effects.take(), expected);
    // A list that is moved onto itself, and two that move to each other, come to rest.
    let mut itself = fixture.blocked("BLMOVE a a LEFT RIGHT 0");
    fixture.client().run("RPUSH c 2");
    assert_eq!(circle.reply(), "\"2\"");
    assert_eq!(itself.reply(), "\"2\"");
    assert_eq!(fixture.client().run("LRANGE a 0 -1"), "1) \"2\"");
}

#[test]
fn effects_are_those_of_the_commands_that_do_not_wait() {
    let fixture = Fixture::start();
    let mut effects = fixture.effects();
    let mut pusher = fixture.client();
    for (request, effect) in [
        ("BLPOP none k 0", "LPOP k"),
        ("BRPOP k 0", "RPOP k"),
        ("BLMPOP 0 1 k LEFT COUNT 5", "LPOP k 2"),
        ("BLMPOP 0 2 none k RIGHT", "RPOP k 1"),
        ("BLMOVE k l RIGHT LEFT 0", "LMOVE k l RIGHT LEFT"),
        ("BRPOPLPUSH k l 0", "RPOPLPUSH k l"),
    ] {
        // As it is served, and as it finds something at once.
        let mut client = fixture.blocked(request);
        effects.take();
        pusher.run("RPUSH k a b");
        client.reply();
        let expected = ["0: RPUSH k a b".to_owned(), format!("0: {effect}")];
        assert_eq!(effects.take(), expected);
        pusher.run("DEL k");
        pusher.run("RPUSH k a b");
        client.run(request);
        assert_eq!(effects.take().last(), Some(&format!("0: {effect}")));
        pusher.run("DEL k");
    }
    // A wait alone has none.
    effects.take();
    pusher.run("BLPOP k 0.001");
    assert!(effects.take().is_empty());
}

#[test]
fn requests_behind_a_waiting_one_wait_too() {
    let fixture = Fixture::start();
    let (mut client, mut pusher) = (fixture.client(), fixture.client());
    client.send_all(&["SET before 1", "BLPOP k 0", "SET behind 1", "BLPOP k 0", "GET behind"]);
    fixture.until_blocked(1);
    assert_eq!(client.reply(), "OK");
    client.send("INCR behind");
    assert_eq!(pusher.run("EXISTS before behind"), "(integer) 1");
    pusher.run("RPUSH k a");
    assert_eq!(client.reply(), popped("k", "a"));
    assert_eq!(client.reply(), "OK");
    fixture.until_blocked(1);
    pusher.run("RPUSH k b");
    assert_eq!(client.reply(), popped("k", "b"));
    assert_eq!(client.reply(), "\"1\"");
    assert_eq!(client.reply(), "(integer) 2");
    // The same behind a timeout.
    client.send_all(&["BLPOP k 0.01", "PING", "BLPOP k 0.01", "PING"]);
    assert_eq!([client.reply(), client.reply(), client.reply(), client.reply()], [NIL, "PONG", NIL, "PONG"]);
}

#[test]
fn a_client_that_has_gone_takes_nothing() {
    let fixture = Fixture::start();
    let mut other = fixture.client();
    let gone = fixture.blocked("BLPOP k 0");
    let mut stays = fixture.blocked("BLPOP k 0");
    drop(gone);
    fixture.until_blocked(1);
    other.run("RPUSH k a");
    assert_eq!(stays.reply(), popped("k", "a"));
    // Killed and pushed for in one go: the killed one has not even been told yet.
    let mut killed = fixture.client();
    let id = killed.run("CLIENT ID");
    let id = id.strip_prefix("(integer) ").unwrap();
    killed.send("BLPOP k 0");
    fixture.until_blocked(1);
    stays.send("BLPOP k 0");
    fixture.until_blocked(2);
    other.send_all(&[&format!("CLIENT KILL ID {id}"), "RPUSH k b"]);
    assert_eq!(other.reply(), "(integer) 1");
    assert_eq!(other.reply(), "(integer) 1");
    assert_eq!(stays.reply(), popped("k", "b"));
    assert!(killed.wire.receive().is_err());
    fixture.until_blocked(0);
}

#[test]
fn clients_are_unblocked_from_outside() {
    let fixture = Fixture::start();
    let mut other = fixture.client();
    let mut client = fixture.client();
    let id = client.run("CLIENT ID").strip_prefix("(integer) ").unwrap().to_owned();
    for (reason, expected) in
        [("", NIL), (" TIMEOUT", NIL), (" ERROR", "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK")]
    {
        client.send_all(&["BLMOVE k l LEFT LEFT 0", "PING"]);
        fixture.until_blocked(1);
        assert_eq!(other.run(&format!("CLIENT UNBLOCK {id}{reason}")), "(integer) 1");
        assert_eq!(client.reply(), expected);
        assert_eq!(client.reply(), "PONG");
        assert_eq!(other.run(&format!("CLIENT UNBLOCK {id}{reason}")), "(integer) 0");
    }
    assert!(other.run("INFO errorstats").contains("errorstat_UNBLOCKED:count=1"));
    // Pushed for in the same go: what is unblocked takes nothing.
    client.send("BLPOP k 0");
    fixture.until_blocked(1);
    other.send_all(&[&format!("CLIENT UNBLOCK {id}"), "RPUSH k a", "LLEN k"]);
    assert_eq!([other.reply(), other.reply(), other.reply()], ["(integer) 1", "(integer) 1", "(integer) 1"]);
    assert_eq!(client.reply(), NIL);
    // And the other way round, it has been served.
    other.run("DEL k");
    client.send("BLPOP k 0");
    fixture.until_blocked(1);
    other.send_all(&["RPUSH k a", &format!("CLIENT UNBLOCK {id}")]);
    assert_eq!([other.reply(), other.reply()], ["(integer) 1", "(integer) 0"]);
    assert_eq!(client.reply(), popped("k", "a"));
}

#[test]
fn info_counts_blocked_clients() {
    let fixture = Fixture::start();
    let mut other = fixture.client();
    let mut blocked = || {
        let Value::Bulk(info) = other.wire.run(&["INFO", "clients"]).unwrap() else { panic!("no INFO") };
        let info = String::from_utf8(info).unwrap();
        info.lines().find_map(|line| line.strip_prefix("blocked_clients:").map(str::to_owned)).unwrap()
    };
    assert_eq!(blocked(), "0");
    let client = fixture.blocked("BLPOP k 0");
    assert_eq!(blocked(), "1");
    drop(client);
    poll("the client to be gone", || blocked() == "0");
}

#[test]
fn replies_follow_the_protocol_and_the_wishes_of_the_client() {
    let fixture = Fixture::start();
    let mut pusher = fixture.client();
    let mut client = fixture.client();
    client.run("HELLO 3");
    client.send("BLMOVE k l LEFT LEFT 0.01");
    assert_eq!(client.wire.receive().unwrap(), Value::Null);
    client.send("BLPOP k 0");
    fixture.until_blocked(1);
    pusher.run("RPUSH k a");
    assert_eq!(client.reply(), popped("k", "a"));
    // A client that wants no replies is served without one.
    let mut silent = fixture.client();
    silent.send_all(&["CLIENT REPLY OFF", "BLPOP k 0", "BLPOP k 0.01", "SET done 1", "CLIENT REPLY ON"]);
    fixture.until_blocked(1);
    pusher.run("RPUSH k b");
    assert_eq!(silent.reply(), "OK");
    assert_eq!(pusher.run("EXISTS k"), "(integer) 0");
    assert_eq!(pusher.run("EXISTS done"), "(integer) 1");
    silent.send_all(&["CLIENT REPLY SKIP", "BLPOP k 0", "PING"]);
    fixture.until_blocked(1);
    pusher.run("RPUSH k c");
    assert_eq!(silent.reply(), "PONG");
}

#[test]
fn a_list_that_has_expired_serves_nobody() {
    let fixture = Fixture::start();
    let mut other = fixture.client();
    other.run("SELECT 1");
    other.run("DEBUG SET-ACTIVE-EXPIRE 0");
    other.run("RPUSH k a");
    other.run("PEXPIRE k 1");
    poll("the list to expire", || other.run("PTTL k") == "(integer) -2");
    let mut client = fixture.blocked("BLPOP k 0");
    other.run("SWAPDB 0 1");
    assert_eq!(fixture.blocked_clients(), 1);
    other.run("SELECT 0");
    other.run("RPUSH k b");
    assert_eq!(client.reply(), popped("k", "b"));
}

#[test]
fn callers_inside_the_process_serve_and_do_not_wait() {
    let fixture = Fixture::start();
    let mut client = fixture.blocked("BLPOP k 0");
    let mut session = fixture.running.session();
    assert_eq!(run(&mut session, "BLPOP k 0"), NIL);
    assert_eq!(run(&mut session, "RPUSH k a b"), "(integer) 2");
    assert_eq!(client.reply(), popped("k", "a"));
    assert_eq!(run(&mut session, "BLPOP k 0"), popped("k", "b"));
    assert_eq!(fixture.blocked_clients(), 0);
}

/// With several threads, waits end and queues change while others serve: nothing may be lost, taken twice or stuck.
#[test]
fn many_clients_on_many_threads_share_what_is_pushed() {
    const ELEMENTS: usize = 400;
    let fixture = Fixture::with("io-threads", "4");
    let taken: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (fixture, taken) = (&fixture, &taken);
            scope.spawn(move || {
                let mut client = fixture.client();
                let request = ["BLPOP a b done 0", "BLPOP b a done 0.002", "BLMPOP 0 3 a b done LEFT COUNT 2"][n % 3];
                loop {
                    let reply = client.run(request);
                    let mut strings = reply.split('"').skip(1).step_by(2);
                    match strings.next() {
                        Some("done") => return,
                        Some(_) => taken.lock().unwrap().extend(strings.map(str::to_owned)),
                        None => {}
                    }
                }
            });
        }
        for _ in 0..2 {
            let fixture = &fixture;
            scope.spawn(move || {
                let mut client = fixture.client();
                while client.run("BLMOVE transit b LEFT RIGHT 0") != "\"done\"" {}
            });
        }
        let mut pusher = fixture.client();
        for n in 0..ELEMENTS / 4 {
            pusher.run(&format!("RPUSH a {n}-1"));
            pusher.run(&format!("RPUSH transit {n}-2"));
            pusher.transaction(&[&format!("RPUSH b {n}-3"), &format!("LPUSH a {n}-4")]);
        }
        poll("all elements to be taken", || taken.lock().unwrap().len() == ELEMENTS);
        // Two for the movers, which those who take from `b` will see as elements.
        pusher.run("RPUSH transit done done");
        poll("the movers' last elements", || taken.lock().unwrap().len() == ELEMENTS + 2);
        for _ in 0..8 {
            pusher.run("RPUSH done x");
            pusher.run("RPUSH done x");
        }
    });
    let mut taken = taken.into_inner().unwrap();
    taken.retain(|element| element != "done");
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), ELEMENTS);
    fixture.until_blocked(0);
}
