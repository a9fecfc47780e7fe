//! Servers inside a program: several at once, each gone without a trace when dropped, and none harmed by a command that
//! panics.

#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;
use std::net::TcpStream;

use redis_commands as _;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_core::{Running, StartError};
use redis_tests::{Wire, free_port, temporary_folder, wait_for};

family!("faulty");

/// Panics, having written or not.
#[command("FAULTY.PANIC", since = "0.1.0", complexity = "O(1)")]
fn faulty_panic(db: &mut Db, key: Key, value: Option<&[u8]>) -> Result<()> {
    if let Some(value) = value {
        db.set(key, value, Ttl::Clear);
        db.changed(key, "faulty.panic");
    }
    panic!("as was asked for");
}

fn start() -> Running {
    Server::builder().directive("port", "0").start().unwrap()
}

fn connect(server: &Running) -> Wire {
    Wire::connect(server.address().unwrap()).unwrap()
}

fn ok() -> Value {
    Value::Simple("OK".into())
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.into())
}

#[test]
fn servers_share_nothing() {
    let servers: Vec<_> = (0..3).map(|_| start()).collect();
    for (number, server) in servers.iter().enumerate() {
        assert_eq!(server.run(&["SET", "name", &number.to_string()]), ok());
        assert_eq!(server.run(&["CONFIG", "SET", "maxclients", &(number + 100).to_string()]), ok());
    }
    for (number, server) in servers.iter().enumerate() {
        let mut client = connect(server);
        assert_eq!(client.run(&["GET", "name"]).unwrap(), bulk(&number.to_string()));
        let maxclients = vec![bulk("maxclients"), bulk(&(number + 100).to_string())];
        assert_eq!(client.run(&["CONFIG", "GET", "maxclients"]).unwrap(), Value::Array(maxclients));
    }
}

#[test]
fn a_dropped_server_leaves_its_port() {
    let server = start();
    let address = server.address().unwrap();
    let (mut idle, mut blocked) = (connect(&server), connect(&server));
    assert_eq!(idle.run(&["PING"]).unwrap(), Value::Simple("PONG".into()));
    blocked.send(&["BLPOP", "list", "0"]).unwrap();
    drop(server);
    for mut client in [idle, blocked] {
        let error = client.receive().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}");
    }
    // Another test's server may have the port for a while.
    let refused = || TcpStream::connect(address).err();
    assert_eq!(wait_for(refused).expect("nobody listens").kind(), ErrorKind::ConnectionRefused);

    let port = address.port().to_string();
    let again = || Server::builder().directive("port", &port).directive("bind", "127.0.0.1").start().ok();
    let again = wait_for(again).expect("the port is free");
    assert_eq!(again.address(), Some(address));
    assert_eq!(connect(&again).run(&["DBSIZE"]).unwrap(), Value::Integer(0));
}

#[test]
fn servers_come_and_go() {
    for _ in 0..20 {
        assert_eq!(connect(&start()).run(&["SET", "key", "value"]).unwrap(), ok());
    }
}

#[test]
fn sessions_are_connections() {
    let server = start();
    let (mut one, mut other) = (server.session(), server.session());
    assert_eq!(one.run(&["SELECT", "3"]), ok());
    assert_eq!(one.run(&["SET", "key", "value"]), ok());
    assert_eq!(other.run(&["EXISTS", "key"]), Value::Integer(0));
    assert_eq!(one.run(&["EXISTS", "key"]), Value::Integer(1));

    assert_eq!(one.run(&["WATCH", "key"]), ok());
    assert_eq!(one.run(&["MULTI"]), ok());
    assert_eq!(one.run(&["INCR", "counter"]), Value::Simple("QUEUED".into()));
    assert_eq!(other.run(&["SELECT", "3"]), ok());
    assert_eq!(other.run(&["SET", "key", "changed"]), ok());
    assert!(matches!(one.run(&["EXEC"]), Value::Null | Value::NullArray));
    assert_eq!(one.run(&["EXISTS", "counter"]), Value::Integer(0));

    // Nobody could wake it, so it does not wait.
    assert!(matches!(one.run(&["BLPOP", "list", "0"]), Value::Null | Value::NullArray));
}

#[test]
fn a_session_that_ends_is_no_client_any_more() {
    let server = start();
    let mut watcher = server.session();
    let mut count = || match watcher.run(&["CLIENT", "LIST"]) {
        Value::Bulk(text) => String::from_utf8(text).unwrap().lines().count(),
        reply => panic!("{reply}"),
    };
    assert_eq!(count(), 1);
    let mut session = server.session();
    session.run(&["PING"]);
    let client = connect(&server);
    assert_eq!(wait_for(|| (count() == 3).then_some(())), Some(()));
    drop((session, client));
    assert_eq!(wait_for(|| (count() == 1).then_some(())), Some(()));
}

#[test]
fn a_panic_is_one_error_reply() {
    let server = start();
    let mut client = connect(&server);
    for request in [&["FAULTY.PANIC", "key"][..], &["FAULTY.PANIC", "key", "value"]] {
        for reply in [client.run(request).unwrap(), server.run(request)] {
            assert!(matches!(&reply, Value::Error(text) if text.starts_with(b"ERR ")), "{request:?}: {reply}");
        }
    }
    // No lock is held, no key is lost, and the connection goes on.
    assert_eq!(client.run(&["SET", "key", "after"]).unwrap(), ok());
    assert_eq!(server.run(&["GET", "key"]), bulk("after"));
}

#[test]
fn a_panic_in_a_transaction_is_one_element() {
    let server = start();
    let mut client = connect(&server);
    for request in [&["MULTI"][..], &["INCR", "n"], &["FAULTY.PANIC", "key"], &["INCR", "n"]] {
        client.run(request).unwrap();
    }
    let Value::Array(replies) = client.run(&["EXEC"]).unwrap() else { panic!("EXEC was aborted") };
    assert_eq!((&replies[0], &replies[2]), (&Value::Integer(1), &Value::Integer(2)));
    assert!(matches!(&replies[1], Value::Error(_)), "{}", replies[1]);
    assert_eq!(client.run(&["GET", "n"]).unwrap(), bulk("2"));
}

#[test]
fn what_is_wrong_is_an_error_not_an_exit() {
    let error = |name: &str, value: &str| Server::builder().directive(name, value).start().unwrap_err();
    assert!(matches!(error("portt", "1"), StartError::Config(_)));
    assert!(matches!(error("port", "many"), StartError::Config(_)));

    // Somebody else may take the port that has just become free: another one, then.
    let take = || {
        let port = start().address().unwrap().port();
        Server::builder().directive("port", &port.to_string()).start().ok().map(|server| (server, port))
    };
    let (_server, taken) = wait_for(take).expect("a port of its own");
    let error = error("port", &taken.to_string());
    assert!(matches!(error, StartError::Listen(_)), "{error}");
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_enough() {
    use std::os::unix::net::UnixStream;

    let folder = temporary_folder();
    let path = folder.path().join("socket");
    let builder = Server::builder().directive("port", "0").directive("unixsocket", path.to_str().unwrap());
    let server = builder.start().unwrap();
    assert_eq!(server.address(), None);
    let mut client = Wire::over(UnixStream::connect(&path).unwrap());
    assert_eq!(client.run(&["PING"]).unwrap(), Value::Simple("PONG".into()));
}

#[test]
fn several_threads_serve() {
    let port = free_port().to_string();
    let server = Server::builder().directive("port", &port).directive("io-threads", "4").start().unwrap();
    let add = |_| {
        let mut client = connect(&server);
        for number in 0..200 {
            client.run(&["INCR", &format!("counter:{}", number % 10)]).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || add(thread));
        }
    });
    for number in 0..10 {
        assert_eq!(server.run(&["GET", &format!("counter:{number}")]), bulk("160"));
    }
}
