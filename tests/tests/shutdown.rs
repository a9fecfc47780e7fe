//! The end of a server: what is saved, what keeps it from ending, and that nothing acknowledged is lost.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use redis_core::resp::Value;
use redis_tests::{Process, Wire, our_server, wait_for};

/// A server with save points that never come, which save at the end all the same; `more` may undo that.
fn start(more: &[&str]) -> Process {
    start_with(None, more)
}

fn start_with(snapshot: Option<&Path>, more: &[&str]) -> Process {
    Process::start(|port, folder| {
        if let Some(snapshot) = snapshot {
            std::fs::copy(snapshot, folder.join("dump.rdb")).unwrap();
        }
        let mut command = Command::new(our_server());
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--appendonly", "no"]);
        command.args(["--save", "36000 1", "--enable-debug-command", "yes"]).args(more);
        command
    })
}

fn connect(server: &Process) -> Wire {
    Wire::connect(server.address).unwrap()
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

/// Sets a key, and has the server end by a request; whether the key is in the file then.
fn saved_by(more: &[&str], request: &[&str]) -> bool {
    let mut server = start(more);
    let mut wire = connect(&server);
    assert_eq!(wire.run(&["SET", "k", "v"]).unwrap(), ok());
    wire.send(request).unwrap();
    // No reply.
    assert!(wire.receive().is_err());
    assert!(server.wait().success());
    assert!(server.log().contains("User requested shutdown..."), "{}", server.log());
    assert!(server.log().contains("Redis is now ready to exit, bye bye..."), "{}", server.log());
    let file = server.folder().join("dump.rdb");
    if !file.exists() {
        return false;
    }
    let again = start_with(Some(&file), &[]);
    connect(&again).run(&["GET", "k"]).unwrap() == Value::Bulk(b"v".to_vec())
}

#[test]
fn data_are_saved_if_there_are_save_points() {
    assert!(saved_by(&[], &["SHUTDOWN"]));
    assert!(saved_by(&[], &["SHUTDOWN", "NOW", "FORCE"]));
    assert!(!saved_by(&[], &["SHUTDOWN", "NOSAVE"]));
    assert!(!saved_by(&["--save", ""], &["SHUTDOWN"]));
    assert!(saved_by(&["--save", ""], &["SHUTDOWN", "SAVE"]));
}

#[test]
fn a_failing_save_keeps_the_server_up() {
    let mut server = start(&[]);
    std::fs::create_dir_all(server.folder().join("dump.rdb/something")).unwrap();
    let mut wire = connect(&server);
    wire.run(&["SET", "k", "v"]).unwrap();
    let refused = Value::Error(b"ERR Errors trying to SHUTDOWN. Check logs.".to_vec());
    assert_eq!(wire.run(&["SHUTDOWN"]).unwrap(), refused);
    assert_eq!(wire.run(&["SHUTDOWN", "SAVE"]).unwrap(), refused);
    assert!(server.log().contains("Error trying to save the DB, can't exit"), "{}", server.log());
    server.signal("TERM");
    wait_for(|| (server.log().matches("can't exit").count() == 3).then_some(())).expect("the signal has no effect");
    assert_eq!(wire.run(&["PING"]).unwrap(), Value::Simple(b"PONG".to_vec()));
    assert_eq!(std::fs::read_dir(server.folder()).unwrap().count(), 2, "the log and what is in the way");
    wire.send(&["SHUTDOWN", "FORCE"]).unwrap();
    assert!(server.wait().success());
}

#[test]
fn signals_save_too() {
    for (signal, more, saved) in [
        ("TERM", &[][..], true),
        ("INT", &[][..], true),
        ("TERM", &["--shutdown-on-sigterm", "nosave"][..], false),
        ("INT", &["--shutdown-on-sigint", "save", "--save", ""][..], true),
    ] {
        let mut server = start(more);
        connect(&server).run(&["SET", "k", "v"]).unwrap();
        server.signal(signal);
        assert!(server.wait().success());
        assert!(server.log().contains(&format!("Received SIG{signal} scheduling shutdown")), "{}", server.log());
        assert_eq!(server.folder().join("dump.rdb").exists(), saved, "{signal} {more:?}");
    }
}

#[test]
fn who_insists_does_not_wait() {
    let mut server = start(&["--rdb-key-save-delay", "30000000"]);
    connect(&server).run(&["SET", "k", "v"]).unwrap();
    let temporary = server.folder().join(format!("temp-{}.rdb", server.id()));
    server.signal("INT");
    wait_for(|| temporary.exists().then_some(())).expect("it saves");
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(1));
    assert_eq!(std::fs::read_dir(server.folder()).unwrap().count(), 1, "only the log is left");
}

#[test]
fn a_scheduled_shutdown_can_be_called_off() {
    let server = start(&[]);
    let mut wire = connect(&server);
    let none = Value::Error(b"ERR No shutdown in progress.".to_vec());
    assert_eq!(wire.run(&["SHUTDOWN", "ABORT"]).unwrap(), none);
    assert_eq!(wire.run(&["DEBUG", "PAUSE-CRON", "1"]).unwrap(), ok());
    server.signal("TERM");
    wait_for(|| (wire.run(&["SHUTDOWN", "ABORT"]).unwrap() == ok()).then_some(())).expect("it can be called off");
    assert!(server.log().contains("Shutdown manually aborted"), "{}", server.log());
    wire.run(&["DEBUG", "PAUSE-CRON", "0"]).unwrap();
    assert_eq!(wire.run(&["SHUTDOWN", "ABORT"]).unwrap(), none);
    assert_eq!(wire.run(&["PING"]).unwrap(), Value::Simple(b"PONG".to_vec()));
}

#[test]
fn what_is_acknowledged_is_in_the_last_save() {
    for threads in ["1", "2"] {
        let mut server = start(&["--io-threads", threads]);
        let counts: Vec<AtomicU64> = (0..3).map(|_| AtomicU64::new(0)).collect();
        std::thread::scope(|scope| {
            for (number, count) in counts.iter().enumerate() {
                let mut wire = connect(&server);
                scope.spawn(move || {
                    let key = format!("key:{number}");
                    // An error is the end of the server.
                    while let Ok(Value::Integer(new)) = wire.run(&["INCR", &key]) {
                        count.store(new.unsigned_abs(), SeqCst);
                    }
                });
            }
            wait_for(|| counts.iter().all(|count| count.load(SeqCst) > 100).then_some(())).unwrap();
            connect(&server).send(&["SHUTDOWN"]).unwrap();
            assert!(server.wait().success());
        });
        let again = start_with(Some(&server.folder().join("dump.rdb")), &[]);
        let mut wire = connect(&again);
        for (number, count) in counts.iter().enumerate() {
            let Value::Bulk(text) = wire.run(&["GET", &format!("key:{number}")]).unwrap() else { panic!("it is lost") };
            let saved: u64 = String::from_utf8(text).unwrap().parse().unwrap();
            assert!(saved >= count.load(SeqCst), "{saved} of {count:?}");
        }
    }
}

#[test]
fn two_servers_of_one_directory_hear_of_each_other() {
    let mut first = start(&[]);
    let folder = first.folder().to_str().unwrap().to_owned();
    let second = start(&["--dir", &folder]);
    assert!(!first.log().contains("Another server"), "{}", first.log());
    assert!(second.log().contains("Another server uses the directory"), "{}", second.log());
    assert!(second.log().contains("dump.rdb"), "{}", second.log());
    // However it ends, the lock is free.
    first.signal("KILL");
    first.wait();
    drop(second);
    let third = start(&["--dir", &folder]);
    assert!(!third.log().contains("Another server"), "{}", third.log());
}
