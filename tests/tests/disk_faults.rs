//! Each call to the disk fails in its turn: what was acknowledged is kept, the good file stays in its place, the log names
//! the file, and writes are refused where Redis refuses them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use redis_tests::{FailingCalls, Process, Wire, our_server, temporary_folder, wait_for};

const READ_ONLY: &str = "Read-only file system";
const FULL: &str = "No space left on device";
const BROKEN: &str = "Input/output error";

/// A server whose calls may fail.
fn server(calls: &FailingCalls, folder: &Path, directives: &[&str]) -> Process {
    Process::start(|port, _| {
        let mut command = Command::new(our_server());
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir", folder.to_str().unwrap()]);
        command.args(directives);
        calls.install(&mut command);
        command
    })
}

fn connect(server: &Process) -> Wire {
    Wire::connect(server.address).unwrap()
}

fn ask(wire: &mut Wire, request: &str) -> String {
    wire.run(&request.split(' ').collect::<Vec<_>>()).unwrap().to_string()
}

/// Waits until INFO, whose ends of lines are shown, says so.
fn until(wire: &mut Wire, field: &str) {
    let so = wait_for(|| ask(wire, "INFO persistence").contains(&format!("\\r\\n{field}\\r\\n")).then_some(()));
    assert!(so.is_some(), "{field} in {}", ask(wire, "INFO persistence"));
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

const SAVE_POINT: [&str; 4] = ["--save", "3600 1", "--appendonly", "no"];

#[test]
fn a_snapshot_that_fails_leaves_the_former_one() {
    let Some(calls) = FailingCalls::new() else { return };
    let folder = temporary_folder();
    let server = server(&calls, folder.path(), &SAVE_POINT);
    let mut wire = connect(&server);
    assert_eq!(ask(&mut wire, "SET key value"), "OK");
    assert_eq!(ask(&mut wire, "SAVE"), "OK");
    let file = folder.path().join("dump.rdb");
    let former = fs::read(&file).unwrap();
    let steps = [("open", ".rdb", READ_ONLY), ("write", ".rdb", FULL), ("fsync", ".rdb", BROKEN)];
    for (number, (call, path, text)) in steps.into_iter().chain([("rename", "dump.rdb", BROKEN)]).enumerate() {
        assert_eq!(ask(&mut wire, &format!("SET key {call}")), "OK");
        calls.fail(call, path);
        assert_eq!(ask(&mut wire, "SAVE"), "(error) ERR", "{call}");
        assert_eq!(ask(&mut wire, "BGSAVE"), "Background saving started", "{call}");
        until(&mut wire, "rdb_bgsave_in_progress:0");
        until(&mut wire, "rdb_last_bgsave_status:err");
        let refusal = ask(&mut wire, "SET key other");
        assert!(refusal.starts_with("(error) MISCONF Redis is configured to save RDB snapshots"), "{refusal}");
        let told = format!("Write error while saving DB to the disk: cannot write {}: {text}", file.display());
        assert_eq!(server.log().matches(&told).count(), 2 * (1 + number.saturating_sub(2)), "{call}: {}", server.log());
        if call != "rename" {
            let refusal = ask(&mut wire, "BACKUP other.rdb");
            assert!(refusal.contains("other.rdb") && refusal.contains(text), "{refusal}");
        }
        assert_eq!(fs::read(&file).unwrap(), former, "{call}");
        assert_eq!(files(folder.path()), ["dump.rdb"], "{call}");
        calls.mend(call);
        ask(&mut wire, "BGSAVE");
        until(&mut wire, "rdb_last_bgsave_status:ok");
        assert_eq!(ask(&mut wire, "SET key value"), "OK", "{call}");
        assert_eq!(ask(&mut wire, "SAVE"), "OK", "{call}");
        assert_eq!(fs::read(&file).unwrap().len(), former.len());
        fs::write(&file, &former).unwrap();
    }
    // With its name in place the new file is whole, but it is not certain that it is there after a loss of power.
    ask(&mut wire, "SET key new");
    calls.fail("fsync", folder.path().to_str().unwrap());
    assert_eq!(ask(&mut wire, "SAVE"), "(error) ERR");
    server.signal("KILL");
    drop(server);
    let again = Process::server(our_server(), &["--dir", folder.path().to_str().unwrap()]);
    assert_eq!(ask(&mut connect(&again), "GET key"), "\"new\"");
}

/// What a server finds that starts with a copy of the files: what it would find if this one were killed now.
fn found_by_another(folder: &Path, request: &str) -> String {
    let copy = temporary_folder();
    fs::create_dir(copy.path().join("appendonlydir")).unwrap();
    for name in files(&folder.join("appendonlydir")) {
        fs::copy(folder.join("appendonlydir").join(&name), copy.path().join("appendonlydir").join(&name)).unwrap();
    }
    let other = Process::server(our_server(), &["--appendonly", "yes", "--dir", copy.path().to_str().unwrap()]);
    ask(&mut connect(&other), request)
}

const EVERY_SECOND: [&str; 6] = ["--save", "", "--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"];

#[test]
fn a_rewrite_that_fails_loses_nothing() {
    let Some(calls) = FailingCalls::new() else { return };
    let folder = temporary_folder();
    let server = server(&calls, folder.path(), &EVERY_SECOND);
    let mut wire = connect(&server);
    let directory = folder.path().join("appendonlydir");
    let base = format!("{}.aof", server.id());
    let steps = [
        ("open", ".incr.aof", READ_ONLY),
        ("open", ".manifest", READ_ONLY),
        ("write", ".manifest", FULL),
        ("fsync", ".manifest", BROKEN),
        ("rename", ".manifest", BROKEN),
        ("fsync", "appendonlydir", BROKEN),
        ("open", &base, READ_ONLY),
        ("write", &base, FULL),
        ("fsync", &base, BROKEN),
        ("rename", ".base.rdb", BROKEN),
    ];
    let mut count = 0;
    let mut append = |wire: &mut Wire| {
        count += 1;
        assert_eq!(ask(wire, "RPUSH list x"), format!("(integer) {count}"));
    };
    for (call, path, text) in steps {
        append(&mut wire);
        let told = server.log().len();
        calls.fail(call, path);
        ask(&mut wire, "BGREWRITEAOF");
        until(&mut wire, "aof_last_bgrewrite_status:err");
        until(&mut wire, "aof_rewrite_in_progress:0");
        let log = server.log().split_off(told);
        assert!(log.contains(text) && log.contains(directory.to_str().unwrap()), "{call} {path}: {log}");
        append(&mut wire);
        assert_eq!(ask(&mut wire, "WAITAOF 1 0 0"), "1) (integer) 1\n2) (integer) 0");
        let len = ask(&mut wire, "LLEN list");
        assert_eq!(found_by_another(folder.path(), "LLEN list"), len, "{call} {path}");
        calls.mend(call);
        ask(&mut wire, "BGREWRITEAOF");
        until(&mut wire, "aof_last_bgrewrite_status:ok");
        until(&mut wire, "aof_rewrite_in_progress:0");
        append(&mut wire);
        assert_eq!(ask(&mut wire, "WAITAOF 1 0 0"), "1) (integer) 1\n2) (integer) 0");
        let len = ask(&mut wire, "LLEN list");
        assert_eq!(found_by_another(folder.path(), "LLEN list"), len, "{call} {path}, mended");
        assert!(!files(&directory).iter().any(|name| name.starts_with("temp")), "{:?}", files(&directory));
    }
}

#[test]
fn a_flush_that_fails_is_told_and_made_good() {
    let Some(calls) = FailingCalls::new() else { return };
    let folder = temporary_folder();
    let server = server(&calls, folder.path(), &EVERY_SECOND);
    let mut wire = connect(&server);
    calls.fail("fdatasync", ".incr.aof");
    let mut count = 0;
    let refusal = wait_for(|| {
        let reply = ask(&mut wire, "RPUSH list x");
        count += usize::from(!reply.contains("MISCONF"));
        reply.contains("MISCONF").then_some(reply)
    });
    assert_eq!(refusal.unwrap(), format!("(error) MISCONF Errors writing to the AOF file: {BROKEN}"));
    assert!(server.log().contains(&format!("Fail to fsync the AOF file: {BROKEN}")), "{}", server.log());
    calls.mend("fdatasync");
    wait_for(|| ask(&mut wire, "RPUSH list x").starts_with("(integer)").then_some(())).expect("it works again");
    count += 1;
    assert_eq!(ask(&mut wire, "LLEN list"), format!("(integer) {count}"));
    // The system may have dropped what it could not flush, so the files are made anew.
    let base = folder.path().join("appendonlydir/appendonly.aof.2.base.rdb");
    wait_for(|| base.exists().then_some(())).expect("there is a new base");
    until(&mut wire, "aof_rewrite_in_progress:0");
    assert_eq!(ask(&mut wire, "WAITAOF 1 0 0"), "1) (integer) 1\n2) (integer) 0");
    assert_eq!(found_by_another(folder.path(), "LLEN list"), format!("(integer) {count}"));
}

#[test]
fn what_cannot_be_flushed_is_not_acknowledged() {
    let Some(calls) = FailingCalls::new() else { return };
    let folder = temporary_folder();
    let mut server = server(&calls, folder.path(), &[&EVERY_SECOND[..], &["--appendfsync", "always"]].concat());
    let mut wire = connect(&server);
    for number in 1..=3 {
        assert_eq!(ask(&mut wire, "RPUSH list x"), format!("(integer) {number}"));
    }
    calls.fail("fdatasync", ".incr.aof");
    assert!(wire.run(&["RPUSH", "list", "x"]).is_err(), "nobody can know whether it is there");
    assert_eq!(server.wait().code(), Some(1));
    let log = server.log();
    assert!(
        log.contains("Can't persist AOF for fsync error when the AOF fsync policy is 'always'. Exiting..."),
        "{log}"
    );
    let len = found_by_another(folder.path(), "LLEN list");
    assert!(["(integer) 3", "(integer) 4"].contains(&&*len), "{len}");
}

#[test]
fn a_directory_that_cannot_be_written() {
    let Some(calls) = FailingCalls::new() else { return };
    let folder = temporary_folder();
    let server = server(&calls, folder.path(), &SAVE_POINT);
    let mut wire = connect(&server);
    assert_eq!(ask(&mut wire, "SET key value"), "OK");
    // Nothing can be made or written anywhere.
    calls.fail("open", "");
    assert_eq!(ask(&mut wire, "SAVE"), "(error) ERR");
    ask(&mut wire, "BGSAVE");
    until(&mut wire, "rdb_last_bgsave_status:err");
    assert!(ask(&mut wire, "SET key other").starts_with("(error) MISCONF"));
    assert_eq!(ask(&mut wire, "GET key"), "\"value\"");
    let refusal = ask(&mut wire, "CONFIG SET appendonly yes");
    assert!(refusal.ends_with("Unable to turn on AOF. Check server logs."), "{refusal}");
    let directory = folder.path().join("appendonlydir");
    let told = format!("Can't open or create append-only dir {}: {READ_ONLY}", directory.display());
    assert!(server.log().contains(&told), "{}", server.log());
    assert!(ask(&mut wire, "SHUTDOWN").starts_with("(error) ERR Errors trying to SHUTDOWN"));
    assert_eq!(ask(&mut wire, "GET key"), "\"value\"");

    let mut command = Command::new(our_server());
    command.args(["--port", "0", "--unixsocket", "s", "--appendonly", "yes", "--dir", folder.path().to_str().unwrap()]);
    calls.install(&mut command);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&told), "{output:?}");
}
