//! The type in process: what its commands do, and that the commands of all keys know it.

use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_core::{Running, Session};

use crate::Bucket;

fn start() -> Running {
    Server::builder().directive("port", "0").directive("enable-debug-command", "yes").start().unwrap()
}

/// Runs a line and gives the reply as `redis-cli` prints it.
fn ask(session: &mut Session<'_>, line: &str) -> String {
    session.run(&line.split(' ').collect::<Vec<_>>()).to_string()
}

#[test]
fn a_bucket_is_full_and_is_emptied() {
    let server = start();
    let mut session = server.session();
    let replies = [(); 4].map(|()| ask(&mut session, "ACME.TAKE logins 3 0.001"));
    assert_eq!(replies, ["(integer) 1", "(integer) 1", "(integer) 1", "(integer) 0"]);
    assert_eq!(ask(&mut session, "ACME.TOKENS logins"), "(integer) 0");
    assert_eq!(ask(&mut session, "ACME.TOKENS other"), "(nil)");
}

#[test]
fn time_refills_it() {
    let mut bucket = Bucket::default();
    bucket.refill(1_700_000_000_000, 10.0, 2.0);
    assert_eq!(bucket.tokens, 10.0);
    bucket.tokens = 0.0;
    bucket.refill(1_700_000_001_500, 10.0, 2.0);
    assert_eq!(bucket.tokens, 3.0);
}

#[test]
fn the_commands_of_all_keys_know_it() {
    let server = start();
    let mut session = server.session();
    ask(&mut session, "ACME.TAKE logins 3 0.001");
    for (line, reply) in [
        ("TYPE logins", "acme-bckt"),
        ("OBJECT ENCODING logins", "\"raw\""),
        ("SCAN 0 TYPE acme-bckt", "1) \"0\"\n2) 1) \"logins\""),
        ("COPY logins copy", "(integer) 1"),
        ("ACME.TAKE copy 3 0.001", "(integer) 1"),
        ("ACME.TOKENS logins", "(integer) 2"),
        ("ACME.TOKENS copy", "(integer) 1"),
        ("RENAME copy logouts", "OK"),
        ("EXPIRE logouts 100", "(integer) 1"),
        ("UNLINK logouts", "(integer) 1"),
        ("GET logins", "(error) WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SET text x", "OK"),
        ("ACME.TAKE text 3 0.001", "(error) WRONGTYPE Operation against a key holding the wrong kind of value"),
    ] {
        assert_eq!(ask(&mut session, line), reply, "{line}");
    }
    let Value::Integer(bytes) = session.run(&["MEMORY", "USAGE", "logins"]) else { panic!("no number") };
    assert!((32..200).contains(&bytes), "{bytes}");
}

#[test]
fn it_is_dumped_and_restored() {
    let server = start();
    let mut session = server.session();
    ask(&mut session, "ACME.TAKE logins 3 0.001");
    let Value::Bulk(payload) = session.run(&["DUMP", "logins"]) else { panic!("no payload") };
    let digest = ask(&mut session, "DEBUG DIGEST-VALUE logins");
    assert_eq!(session.run(&[&b"RESTORE"[..], b"again", b"0", &payload]).to_string(), "OK");
    assert_eq!(ask(&mut session, "ACME.TOKENS again"), "(integer) 2");
    assert_eq!(ask(&mut session, "DEBUG DIGEST-VALUE again"), digest);
    ask(&mut session, "ACME.TAKE again 3 0.001");
    assert_ne!(ask(&mut session, "DEBUG DIGEST-VALUE again"), digest);

    let cut = &payload[..payload.len() - 11];
    let refused = session.run(&[&b"RESTORE"[..], b"cut", b"0", cut]).to_string();
    assert!(refused.starts_with("(error) ERR "), "{refused}");
}
