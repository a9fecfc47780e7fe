//! The command in process: what it does, and what the server knows about it without having been told.

use redis_core::Session;
use redis_core::prelude::*;
use redis_core::resp::Value;

/// Runs a line and gives the reply as `redis-cli` prints it.
fn ask(session: &mut Session<'_>, line: &str) -> String {
    session.run(&line.split(' ').collect::<Vec<_>>()).to_string()
}

#[test]
fn it_counts_up_to_the_limit() {
    let server = Server::builder().directive("port", "0").start().unwrap();
    let mut session = server.session();
    assert_eq!(ask(&mut session, "ACME.INCRCAP visits 5 12"), "(integer) 5");
    assert_eq!(ask(&mut session, "EXPIRE visits 100"), "(integer) 1");
    assert_eq!(ask(&mut session, "acme.incrcap visits 5 12"), "(integer) 10");
    assert_eq!(ask(&mut session, "ACME.INCRCAP visits 5 12"), "(integer) 12");
    assert_eq!(ask(&mut session, "GET visits"), "\"12\"");
    assert_eq!(ask(&mut session, "TTL visits"), "(integer) 100");
}

#[test]
fn its_parameters_are_its_grammar() {
    let server = Server::builder().directive("port", "0").start().unwrap();
    let mut session = server.session();
    let cases = [
        ("ACME.INCRCAP visits 5", "(error) ERR wrong number of arguments for 'acme.incrcap' command"),
        ("ACME.INCRCAP visits 5 12 13", "(error) ERR wrong number of arguments for 'acme.incrcap' command"),
        ("ACME.INCRCAP visits five 12", "(error) ERR value is not an integer or out of range"),
        ("RPUSH list a", "(integer) 1"),
        ("ACME.INCRCAP list 5 12", "(error) WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SET text a", "OK"),
        ("ACME.INCRCAP text 5 12", "(error) ERR value is not an integer or out of range"),
    ];
    for (line, reply) in cases {
        assert_eq!(ask(&mut session, line), reply, "{line}");
    }
}

#[test]
fn transactions_watches_and_events_know_it() {
    let server = Server::builder().directive("port", "0").directive("notify-keyspace-events", "KEA").start().unwrap();
    let (mut one, mut other) = (server.session(), server.session());
    for line in ["WATCH visits", "MULTI", "SET visits 0"] {
        ask(&mut one, line);
    }
    ask(&mut other, "ACME.INCRCAP visits 1 10");
    assert_eq!(ask(&mut one, "EXEC"), "(nil)");
}

#[test]
fn the_server_describes_it() {
    let server = Server::builder().directive("port", "0").start().unwrap();
    let mut session = server.session();
    assert_eq!(ask(&mut session, "COMMAND GETKEYS ACME.INCRCAP visits 5 12"), "1) \"visits\"");

    let Value::Array(mut found) = session.run(&["COMMAND", "INFO", "ACME.INCRCAP"]) else { panic!("no array") };
    let Value::Array(info) = found.remove(0) else { panic!("no such command") };
    let facts: Vec<_> = info[..6].iter().map(ToString::to_string).collect();
    let flags = "1) write\n2) denyoom\n3) fast";
    assert_eq!(facts, ["\"acme.incrcap\"", "(integer) 4", flags, "(integer) 1", "(integer) 1", "(integer) 1"]);

    ask(&mut session, "HELLO 3");
    let docs = session.run(&["COMMAND", "DOCS", "ACME.INCRCAP"]).to_string();
    for fact in [
        "\"summary\" => \"Adds to a counter, but never lifts it above a limit.\"",
        "\"since\" => \"0.1.0\"",
        "\"group\" => \"acme\"",
        "\"complexity\" => \"O(1)\"",
        "\"name\" => \"key\"",
        "\"name\" => \"amount\"",
        "\"name\" => \"limit\"",
    ] {
        assert!(docs.contains(fact), "{fact} in:\n{docs}");
    }
}
