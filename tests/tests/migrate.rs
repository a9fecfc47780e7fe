//! MIGRATE between this server and a real Redis, between two of this kind, and to a target that behaves badly.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use redis_commands as _;
use redis_core::Running;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::{Effects, Process, Wire, missing, our_server, redis_server};

fn start(directives: &[(&str, &str)]) -> Running {
    let builder = Server::builder().directive("port", "0");
    directives.iter().fold(builder, |builder, (name, value)| builder.directive(name, value)).start().unwrap()
}

/// A request of words; `''` is the empty one.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').map(|word| if word == "''" { "" } else { word }).collect()
}

fn run(server: &Running, line: &str) -> String {
    server.run(&words(line)).to_string()
}

/// `MIGRATE` to a server with the words that follow its address.
fn migrate(server: &Running, target: SocketAddr, rest: &str) -> String {
    run(server, &format!("MIGRATE {} {} {rest}", target.ip(), target.port()))
}

const OURS_REFUSED: &str = "(error) ERR Target instance replied with error: ";

#[test]
fn keys_move_between_real_redis_and_this_server() {
    let Some(peer) = redis_server() else {
        return missing("no Redis 7.0: MIGRATE is not checked against it");
    };
    let theirs = Process::server(&peer.binary, &[]);
    let ours = Process::server(our_server(), &[]);
    let values = [
        ("SET string text", "GET string"),
        ("SET number 7", "INCRBY number 0"),
        ("RPUSH list a b c", "LRANGE list 0 -1"),
        ("SADD set a", "SMEMBERS set"),
        ("SADD integers 1 2 3", "SMEMBERS integers"),
        ("HSET hash a 1 b 2", "HGETALL hash"),
        ("ZADD zset 1 a 2 b", "ZRANGE zset 0 -1 WITHSCORES"),
        ("XADD stream 1-1 a 1", "XRANGE stream - +"),
        ("SETBIT bits 70000 1", "BITCOUNT bits"),
    ];
    let keys: Vec<&str> = values.iter().map(|(recipe, _)| words(recipe)[1]).collect();
    let (one, others) = keys.split_first().unwrap();
    for (from, to) in [(&ours, &theirs), (&theirs, &ours)] {
        let (mut source, mut target) = (Wire::connect(from.address).unwrap(), Wire::connect(to.address).unwrap());
        let ask = |wire: &mut Wire, line: &str| wire.run(&words(line)).unwrap().to_string();
        let port = to.address.port();
        ask(&mut target, "FLUSHALL");
        let mut expected = Vec::new();
        for (recipe, read) in values {
            ask(&mut source, recipe);
            ask(&mut source, &format!("EXPIRE {} 1000", words(recipe)[1]));
            expected.push(ask(&mut source, read));
        }
        assert_eq!(ask(&mut source, &format!("MIGRATE 127.0.0.1 {port} {one} 0 5000")), "OK");
        let many = format!("MIGRATE 127.0.0.1 {port} '' 0 5000 KEYS {} none", others.join(" "));
        assert_eq!(ask(&mut source, &many), "OK");
        assert_eq!(ask(&mut source, "DBSIZE"), "(integer) 0");
        for ((_, read), expected) in values.iter().zip(expected) {
            assert_eq!(ask(&mut target, read), expected);
        }
        for key in &keys {
            let Value::Integer(left) = target.run(&["PTTL", key]).unwrap() else { panic!("no time") };
            assert!((1..=1_000_000).contains(&left), "{key}: {left}");
        }
    }
}

#[test]
fn options_say_what_happens_on_both_sides() {
    let (source, target) = (start(&[]), start(&[]));
    let there = target.address().unwrap();
    let mut effects = Effects::follow(source.server());
    run(&source, "MSET a 1 b 2 keys 3");
    assert_eq!(migrate(&source, there, "a 0 1000 COPY"), "OK");
    assert_eq!(run(&source, "GET a"), "\"1\"");
    assert_eq!(migrate(&source, there, "a 0 1000"), format!("{OURS_REFUSED}BUSYKEY Target key name already exists."));
    // What can be moved is moved.
    assert_eq!(
        migrate(&source, there, "'' 0 1000 KEYS a b"),
        format!("{OURS_REFUSED}BUSYKEY Target key name already exists.")
    );
    assert_eq!(run(&source, "EXISTS a b"), "(integer) 1");
    assert_eq!(migrate(&source, there, "a 0 1000 REPLACE"), "OK");
    assert_eq!(effects.take().last().unwrap(), "0: DEL a");
    // A key may be named like an option, twice, and be missing; the empty name is one like any other.
    assert_eq!(migrate(&source, there, "'' 3 1000 REPLACE KEYS keys keys none"), "OK");
    assert_eq!(run(&source, "DBSIZE"), "(integer) 0");
    source.run(&["SET", "", "nameless"]);
    assert_eq!(migrate(&source, there, "'' 0 1000"), "OK");
    assert_eq!(run(&target, "MGET a b ''"), "1) \"1\"\n2) \"2\"\n3) \"nameless\"");
    let mut session = target.session();
    session.run(&["SELECT", "3"]);
    assert_eq!(session.run(&["GET", "keys"]).to_string(), "\"3\"");
    assert_eq!(migrate(&source, there, "a 0 1000"), "NOKEY");
    run(&source, "SET a 2");
    assert_eq!(migrate(&source, there, "a 99 1000"), format!("{OURS_REFUSED}ERR DB index is out of range"));
    assert_eq!(run(&source, "COMMAND GETKEYS MIGRATE h 1 '' 0 1 KEYS x y"), "1) \"x\"\n2) \"y\"");
    assert_eq!(run(&source, "COMMAND GETKEYS MIGRATE h 1 k 0 1 COPY"), "1) \"k\"");
}

#[test]
fn the_target_may_want_a_password() {
    let (source, target) = (start(&[]), start(&[("requirepass", "secret")]));
    let there = target.address().unwrap();
    run(&source, "MSET a 1 b 2");
    run(&source, "CONFIG SET slowlog-log-slower-than 0");
    assert_eq!(migrate(&source, there, "a 0 1000"), format!("{OURS_REFUSED}NOAUTH Authentication required."));
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(migrate(&source, there, "a 0 1000 AUTH wrong"), format!("{OURS_REFUSED}{wrong}"));
    assert_eq!(migrate(&source, there, "a 0 1000 AUTH secret"), "OK");
    // The connection that was authenticated is kept, but not for somebody who does not know the password.
    let stats = source.run(&["INFO", "stats"]).to_string();
    assert!(stats.contains("migrate_cached_sockets:1"), "{stats}");
    assert_eq!(migrate(&source, there, "b 0 1000"), format!("{OURS_REFUSED}NOAUTH Authentication required."));
    assert_eq!(migrate(&source, there, "b 0 1000 AUTH2 default secret"), "OK");
    let log = run(&source, "SLOWLOG GET -1");
    assert!(log.contains("\"AUTH2\"") && log.contains("\"(redacted)\"") && !log.contains("secret"), "{log}");
}

/// A target that is told what to answer, and what to do before that.
struct Puppet(TcpStream);

impl Puppet {
    fn accept(listener: &TcpListener) -> Self {
        Puppet(listener.accept().unwrap().0)
    }

    /// The next request, which is small enough to come at once.
    fn request(&mut self) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            if let Ok(Some((Value::Array(words), _))) = Value::parse(&bytes) {
                let text = |word| if let Value::Bulk(text) = word { text } else { panic!("no text") };
                return words.into_iter().map(text).collect();
            }
            let mut piece = [0; 1000];
            let len = self.0.read(&mut piece).unwrap();
            assert!(len > 0, "it is closed");
            bytes.extend_from_slice(&piece[..len]);
        }
    }

    fn answer(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }
}

#[test]
fn what_changes_on_the_way_is_not_lost() {
    let source = start(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listener.local_addr().unwrap();
    run(&source, "MSET changed 1 deleted 1 same 1");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut puppet = Puppet::accept(&listener);
            let first = puppet.request();
            assert_eq!(first[..3], [&b"RESTORE"[..], b"changed", b"0"]);
            assert_eq!(first.len(), 4);
            run(&source, "SET changed 2");
            run(&source, "DEL deleted");
            puppet.answer("+OK\r\n+OK\r\n+OK\r\n");
            // Of the requests that come together, only the first is looked at.
            let again = puppet.request();
            assert_eq!(again[..3], [&b"RESTORE"[..], b"changed", b"0"]);
            assert!(again[3] != first[3] && again[4] == b"REPLACE");
            assert_eq!(run(&source, "MGET changed same"), "1) \"2\"\n2) (nil)");
            puppet.answer("+OK\r\n:1\r\n");
        });
        assert_eq!(migrate(&source, there, "'' 0 10000 KEYS changed deleted same"), "OK");
    });
    assert_eq!(run(&source, "DBSIZE"), "(integer) 0");
}

#[test]
fn a_target_that_fails_leaves_the_key_here() {
    let source = start(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listener.local_addr().unwrap();
    run(&source, "MSET a 1 b 2");
    let reading = "(error) IOERR error or timeout reading from target instance";
    // It does not answer, and others are served meanwhile.
    let mut other = Wire::connect(source.address().unwrap()).unwrap();
    let mut waiting = Wire::connect(source.address().unwrap()).unwrap();
    waiting.send(&words(&format!("MIGRATE 127.0.0.1 {} a 0 300", there.port()))).unwrap();
    let mut silent = Puppet::accept(&listener);
    silent.request();
    assert_eq!(other.run(&["GET", "a"]).unwrap().to_string(), "\"1\"");
    assert_eq!(waiting.receive().unwrap().to_string(), reading);
    // It hangs up, talks rubbish, or answers half.
    for (answer, left) in [("", 2), ("rubbish", 2), ("+OK\r\n", 1)] {
        run(&source, "MSET a 1 b 2");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut puppet = Puppet::accept(&listener);
                puppet.request();
                puppet.answer(answer);
            });
            assert_eq!(migrate(&source, there, "'' 0 1000 KEYS a b"), reading, "{answer}");
        });
        assert_eq!(run(&source, "DBSIZE"), format!("(integer) {left}"));
    }
    drop((listener, silent));
    let writing = "(error) IOERR error or timeout writing to target instance";
    assert_eq!(migrate(&source, there, "b 0 1000"), writing);
    let connecting = "(error) IOERR error or timeout connecting to the client";
    assert_eq!(run(&source, "MIGRATE no.such.host.invalid 1 b 0 1000"), connecting);
    assert_eq!(run(&source, "MIGRATE 127.0.0.1 99999 b 0 1000"), connecting);
    assert_eq!(run(&source, "GET b"), "\"2\"");
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_replaced() {
    let source = start(&[]);
    let target = start(&[]);
    let there = target.address().unwrap();
    run(&source, "MSET a 1 b 2");
    assert_eq!(migrate(&source, there, "a 0 1000"), "OK");
    run(&target, "CLIENT KILL TYPE normal");
    assert_eq!(migrate(&source, there, "b 0 1000"), "OK");
    assert_eq!(run(&target, "DBSIZE"), "(integer) 2");
}
