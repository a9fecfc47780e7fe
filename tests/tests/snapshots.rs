//! Snapshots that are taken while commands run: their moment, their failures, and who begins them. What the keyspace does
//! for them is tested where it is done; here are the commands, the file, and everything around it.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use redis_commands as _;
use redis_core::Running;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::{Process, Wire, missing, redis_server, temporary_folder, wait_for};

/// Keys that are written in pairs.
const PAIRS: usize = 2000;

/// So long that no test waits for it, in microseconds.
const FOR_EVER: &str = "10000000";

fn server(folder: &Path, directives: &[(&str, &str)]) -> Running {
    let builder = Server::builder().directive("port", "0").directive("dir", folder.to_str().unwrap());
    let set = |builder: redis_core::Builder, (name, value): &(&str, &str)| builder.directive(name, value);
    directives.iter().fold(builder, set).start().unwrap()
}

fn run(server: &Running, request: &str) -> Value {
    server.run(&request.split(' ').collect::<Vec<_>>())
}

fn ok(server: &Running, request: &str) -> String {
    let reply = run(server, request);
    assert!(!matches!(reply, Value::Error(_)), "{request}: {reply}");
    reply.to_string()
}

/// A field of INFO.
fn info(server: &Running, field: &str) -> String {
    let Value::Bulk(text) = run(server, "INFO persistence") else { panic!("INFO is text") };
    let text = String::from_utf8_lossy(&text).into_owned();
    let found = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("{field} is not in {text}")).to_owned()
}

fn until(server: &Running, field: &str, value: &str) {
    let so = wait_for(|| (info(server, field) == value).then_some(()));
    assert!(so.is_some(), "{field} becomes {value}, but is {}", info(server, field));
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Two keys always change together while snapshots are taken; whoever loads one must find them equal.
#[test]
fn a_transaction_is_in_a_snapshot_or_not() {
    let Some(redis) = redis_server() else { return missing("no redis-server: nobody loads the snapshots") };
    for threads in ["1", "2"] {
        let folder = temporary_folder();
        let server = server(folder.path(), &[("io-threads", threads)]);
        let over = AtomicBool::new(false);
        let write = |from: usize| {
            let mut wire = Wire::connect(server.address().unwrap()).unwrap();
            for round in 0.. {
                for pair in (from..PAIRS).step_by(2) {
                    let value = format!("{round}-{pair}");
                    let (one, other) = (format!("one:{pair}"), format!("other:{pair}"));
                    let requests: [&[&str]; 4] =
                        [&["MULTI"], &["SET", &one, &value], &["RPUSH", &other, &value], &["EXEC"]];
                    requests.iter().for_each(|request| wire.send(request).unwrap());
                    requests.iter().for_each(|_| drop(wire.receive().unwrap()));
                }
                if over.load(Relaxed) {
                    break;
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| write(0));
            scope.spawn(|| write(1));
            for saves in 1..=5 {
                ok(&server, "BGSAVE");
                until(&server, "rdb_bgsave_in_progress", "0");
                assert_eq!(
                    (info(&server, "rdb_saves"), info(&server, "rdb_last_bgsave_status")),
                    (saves.to_string(), "ok".into())
                );
            }
            over.store(true, Relaxed);
        });
        let dump = folder.path().join("dump.rdb");
        let loaded = Process::start(|port, own| {
            std::fs::copy(&dump, own.join("dump.rdb")).unwrap();
            let mut command = std::process::Command::new(&redis.binary);
            command.args(["--port", &port.to_string(), "--save", ""]);
            command
        });
        let mut wire = Wire::connect(loaded.address).unwrap();
        for pair in 0..PAIRS {
            let one = wire.run(&["GET", &format!("one:{pair}")]).unwrap();
            let last = wire.run(&["LINDEX", &format!("other:{pair}"), "-1"]).unwrap();
            assert_eq!(one, last, "pair {pair}");
        }
    }
}

#[test]
fn what_is_saved_is_no_change_any_more() {
    let folder = temporary_folder();
    let server = server(folder.path(), &[]);
    (0..10).for_each(|n| drop(ok(&server, &format!("SET key:{n} value"))));
    assert_eq!(info(&server, "rdb_changes_since_last_save"), "10");
    ok(&server, "CONFIG SET rdb-key-save-delay 1000");
    ok(&server, "BGSAVE");
    // What comes in the meantime is not in it.
    ok(&server, "DEL key:1");
    ok(&server, "CONFIG SET rdb-key-save-delay 0");
    until(&server, "rdb_bgsave_in_progress", "0");
    until(&server, "rdb_changes_since_last_save", "1");
    ok(&server, "SAVE");
    assert_eq!(info(&server, "rdb_changes_since_last_save"), "0");
    assert_eq!(files(folder.path()), ["dump.rdb"]);
}

#[test]
fn a_snapshot_that_is_called_off_leaves_nothing() {
    let folder = temporary_folder();
    let server = server(folder.path(), &[]);
    for way in ["FLUSHALL", "BGSAVE CANCEL"] {
        ok(&server, "MSET a 1 b 2 c 3");
        ok(&server, &format!("CONFIG SET rdb-key-save-delay {FOR_EVER}"));
        ok(&server, "BGSAVE");
        assert_eq!(info(&server, "rdb_bgsave_in_progress"), "1");
        until(&server, "current_save_keys_processed", "3");
        ok(&server, way);
        assert_eq!(info(&server, "rdb_bgsave_in_progress"), "0");
        assert_eq!(info(&server, "rdb_last_bgsave_status"), "ok", "{way} is no failure");
        assert!(wait_for(|| files(folder.path()).is_empty().then_some(())).is_some(), "{way} leaves a file");
        // The next one need not wait.
        ok(&server, "SET d 4");
        ok(&server, "BGSAVE");
        ok(&server, "BGSAVE CANCEL");
        ok(&server, "DEL d");
    }
    ok(&server, "BGSAVE");
    drop(server);
    assert!(files(folder.path()).is_empty(), "neither does the end of the server");
}

#[test]
fn the_next_snapshot_is_not_in_the_way_of_one_that_is_called_off() {
    let folder = temporary_folder();
    let server = server(folder.path(), &[]);
    for round in 0..50 {
        ok(&server, "MSET a 1 b 2 c 3");
        ok(&server, &format!("CONFIG SET rdb-key-save-delay {FOR_EVER}"));
        ok(&server, "BGSAVE");
        ok(&server, "FLUSHALL");
        ok(&server, "CONFIG SET rdb-key-save-delay 0");
        ok(&server, "BGSAVE");
        until(&server, "rdb_bgsave_in_progress", "0");
        assert_eq!(info(&server, "rdb_last_bgsave_status"), "ok", "round {round}");
    }
    assert!(wait_for(|| (files(folder.path()) == ["dump.rdb"]).then_some(())).is_some());
}

#[test]
fn writes_are_refused_while_snapshots_fail() {
    let folder = temporary_folder();
    let server = server(folder.path(), &[("save", "3600 1")]);
    ok(&server, "SET key value");
    // Nothing can take the place of a directory.
    std::fs::create_dir(folder.path().join("dump.rdb")).unwrap();
    assert_eq!(run(&server, "SAVE").to_string(), "(error) ERR");
    ok(&server, "BGSAVE");
    until(&server, "rdb_bgsave_in_progress", "0");
    assert_eq!(info(&server, "rdb_last_bgsave_status"), "err");
    let refusal = run(&server, "SET key other").to_string();
    assert!(refusal.starts_with("(error) MISCONF Redis is configured to save RDB snapshots"), "{refusal}");
    assert_eq!(run(&server, "PING").to_string(), refusal);
    ok(&server, "GET key");
    let mut session = server.session();
    session.run(&["MULTI"]);
    assert_eq!(session.run(&["SET", "key", "other"]).to_string(), refusal);
    assert!(session.run(&["EXEC"]).to_string().starts_with("(error) EXECABORT"));
    assert_eq!(files(folder.path()), ["dump.rdb"]);

    ok(&server, "CONFIG SET stop-writes-on-bgsave-error no");
    ok(&server, "SET key other");
    ok(&server, "CONFIG SET stop-writes-on-bgsave-error yes");
    std::fs::remove_dir(folder.path().join("dump.rdb")).unwrap();
    ok(&server, "SAVE");
    ok(&server, "SET key value");
}

#[test]
fn save_points() {
    let folder = temporary_folder();
    let server = server(folder.path(), &[]);
    ok(&server, "MSET a 1 b 2");
    assert_eq!(server.run(&["CONFIG", "SET", "save", "1 3"]).to_string(), "OK");
    let before = ok(&server, "LASTSAVE");
    ok(&server, "SET c 3");
    until(&server, "rdb_changes_since_last_save", "0");
    assert_ne!(ok(&server, "LASTSAVE"), before);
    assert_eq!(files(folder.path()), ["dump.rdb"]);
    // With save points, what is empty is saved too: the next start shall not bring it back.
    let full = std::fs::metadata(folder.path().join("dump.rdb")).unwrap().len();
    ok(&server, "FLUSHALL");
    assert!(std::fs::metadata(folder.path().join("dump.rdb")).unwrap().len() < full);
}

#[test]
fn what_was_scheduled_is_done() {
    let folder = temporary_folder();
    let server = server(folder.path(), &[]);
    ok(&server, "SET a 1");
    let mut session = server.session();
    session.run(&["MULTI"]);
    session.run(&["BGSAVE"]);
    session.run(&["EXEC"]);
    until(&server, "rdb_saves", "1");
    until(&server, "rdb_bgsave_in_progress", "0");
    assert_eq!(files(folder.path()), ["dump.rdb"]);
}

#[test]
fn a_backup_is_a_file_of_its_own() {
    let folder = temporary_folder();
    let server = server(folder.path(), &[]);
    ok(&server, "SET key value");
    assert_eq!(ok(&server, "BACKUP copy.rdb"), "OK");
    assert_eq!(files(folder.path()), ["copy.rdb"]);
    let size = std::fs::metadata(folder.path().join("copy.rdb")).unwrap().len();
    assert!(size > 20);
    // It says nothing about the server's own file.
    assert_eq!((info(&server, "rdb_changes_since_last_save"), info(&server, "rdb_saves")), ("1".into(), "0".into()));
    assert!(run(&server, "BACKUP copy.rdb").to_string().contains("there is a file copy.rdb already"));
    for name in ["a/b", "../a", "/tmp/a", ".hidden", ""] {
        let reply = server.run(&["BACKUP", name]).to_string();
        assert!(reply.contains("plain name of a file"), "{name}: {reply}");
    }
    // One that cannot be written.
    let in_the_way = folder.path().join(format!("temp-backup-{}.rdb", std::process::id()));
    std::fs::create_dir(&in_the_way).unwrap();
    assert!(run(&server, "BACKUP late.rdb").to_string().ends_with("late.rdb: Is a directory (os error 21)"));
    assert_eq!(info(&server, "rdb_last_bgsave_status"), "ok");
    std::fs::remove_dir(in_the_way).unwrap();

    // It waits for its turn.
    ok(&server, &format!("CONFIG SET rdb-key-save-delay {FOR_EVER}"));
    ok(&server, "BGSAVE");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ok(&server, "BACKUP second.rdb"));
        ok(&server, "CONFIG SET rdb-key-save-delay 0");
        ok(&server, "BGSAVE CANCEL");
        assert_eq!(waiting.join().unwrap(), "OK");
    });
    assert!(files(folder.path()).contains(&"second.rdb".to_owned()));
}
