//! An append only file whose disk does not do what it should: nothing that was acknowledged is lost, nobody is told what is
//! not true, and the server says what is wrong.

#![allow(clippy::unwrap_used)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use redis_tests::{Process, Wire, command_exists, missing, our_server, temporary_folder, wait_for};

/// A server that may write files of at most so many bytes each, as if the disk were full then.
fn with_file_limit(folder: &Path, bytes: u64, policy: &str) -> Process {
    Process::start(|port, _| {
        // The signal that goes with the limit is ignored, so that the write fails instead.
        let script = "trap '' XFSZ; exec prlimit --fsize=$0: \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, &bytes.to_string()]).arg(our_server());
        command.args(["--port", &port.to_string(), "--save", "", "--appendonly", "yes", "--appendfsync", policy]);
        command.args(["--dir", folder.to_str().unwrap()]);
        command
    })
}

fn start(folder: &Path) -> Process {
    Process::server(our_server(), &["--appendonly", "yes", "--dir", folder.to_str().unwrap()])
}

fn ask(wire: &mut Wire, request: &str) -> String {
    wire.run(&request.split(' ').collect::<Vec<_>>()).unwrap().to_string()
}

fn has_prlimit() -> bool {
    let there = command_exists("prlimit", &["--version"]);
    if !there {
        missing("no program prlimit: a full disk is not tested");
    }
    there
}

#[test]
fn writes_are_refused_while_the_disk_is_full() {
    if !has_prlimit() {
        return;
    }
    let folder = temporary_folder();
    let server = with_file_limit(folder.path(), 20_000, "everysec");
    let mut wire = Wire::connect(server.address).unwrap();
    let mut written = 0;
    let refusal = wait_for(|| {
        let reply = ask(&mut wire, &format!("RPUSH list {:0>100}", written + 1));
        written += usize::from(!reply.contains("MISCONF"));
        reply.contains("MISCONF").then_some(reply)
    });
    assert_eq!(refusal.unwrap(), "(error) MISCONF Errors writing to the AOF file: File too large");
    assert!(ask(&mut wire, "PING").starts_with("(error) MISCONF"));
    assert_eq!(ask(&mut wire, "LLEN list"), format!("(integer) {written}"));
    assert!(ask(&mut wire, "INFO persistence").contains("aof_last_write_status:err"));
    assert!(server.log().contains("Error writing to the AOF file: File too large"), "{}", server.log());
    // The half that was written is cut off.
    let increment = folder.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    assert!(fs::read(&increment).unwrap().ends_with(b"\r\n"));
    let pid = server.id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"]).status().unwrap().success());
    wait_for(|| (ask(&mut wire, "PING") == "PONG").then_some(())).expect("it works again");
    assert!(server.log().contains("AOF write error looks solved"), "{}", server.log());
    assert_eq!(ask(&mut wire, "RPUSH list last"), format!("(integer) {}", written + 1));
    wait_for(|| fs::read(&increment).unwrap().ends_with(b"last\r\n").then_some(())).expect("it is written");
    server.signal("KILL");
    let again = start(folder.path());
    let mut wire = Wire::connect(again.address).unwrap();
    assert_eq!(ask(&mut wire, "LLEN list"), format!("(integer) {}", written + 1));
}

#[test]
fn a_server_that_must_keep_everything_and_cannot_ends() {
    if !has_prlimit() {
        return;
    }
    let folder = temporary_folder();
    let mut server = with_file_limit(folder.path(), 20_000, "always");
    let mut wire = Wire::connect(server.address).unwrap();
    let mut acknowledged = 0;
    while let Ok(reply) = wire.run(&["RPUSH", "list", &"x".repeat(100)]) {
        assert!(!reply.to_string().contains("error"), "{reply}");
        acknowledged += 1;
    }
    assert_eq!(server.wait().code(), Some(1));
    let log = server.log();
    assert!(
        log.contains("Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."),
        "{log}"
    );
    let again = start(folder.path());
    let mut wire = Wire::connect(again.address).unwrap();
    assert_eq!(ask(&mut wire, "LLEN list"), format!("(integer) {acknowledged}"));
}

/// The increment is a pipe that nobody empties at first: the slowest of disks.
#[test]
fn clients_wait_for_a_disk_that_does_not_follow() {
    /// More than may wait, in megabytes.
    const ALL: usize = 100;
    if !command_exists("mkfifo", &["--version"]) {
        return missing("no program mkfifo: a slow disk is not tested");
    }
    let folder = temporary_folder();
    let policy = ["--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"];
    let server = Process::server(our_server(), &[&policy[..], &["--dir", folder.path().to_str().unwrap()]].concat());
    let pipe = folder.path().join("appendonlydir/appendonly.aof.2.incr.aof");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // A pipe is opened for writing only if somebody reads, and the other way round, unless it is one who does both.
    let both = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let mut end = File::open(&pipe).unwrap();
    let mut other = Wire::connect(server.address).unwrap();
    let base = folder.path().join("appendonlydir/appendonly.aof.2.base.rdb");
    ask(&mut other, "BGREWRITEAOF");
    let over = |wire: &mut Wire| ask(wire, "INFO persistence").contains("aof_rewrite_in_progress:0");
    wait_for(|| (base.exists() && over(&mut other)).then_some(())).expect("the rewrite ends");
    drop(both);

    let mut wire = Wire::connect(server.address).unwrap();
    let writer = std::thread::spawn(move || {
        let value = "x".repeat(1 << 20);
        for number in 1..=ALL {
            assert_eq!(
                wire.run(&["APPEND", "key", &value]).unwrap().to_string(),
                format!("(integer) {}", number << 20)
            );
        }
    });
    let megabytes = |wire: &mut Wire| {
        let len = ask(wire, "STRLEN key");
        len.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap() >> 20
    };
    // Others are served meanwhile.
    wait_for(|| (megabytes(&mut other) >= 64).then_some(())).expect("so much may wait");
    for _ in 0..30 {
        let waiting = megabytes(&mut other);
        assert!(waiting <= 66, "{waiting} MB wait for the disk");
        std::thread::sleep(Duration::from_millis(10));
    }
    let reader = std::thread::spawn(move || io::copy(&mut end.by_ref().take(ALL as u64 * (1 << 20)), &mut io::sink()));
    writer.join().unwrap();
    assert_eq!(megabytes(&mut other), ALL);
    assert_eq!(reader.join().unwrap().unwrap(), ALL as u64 * (1 << 20));
}

#[test]
fn a_rewrite_that_fails_leaves_what_there_was() {
    let folder = temporary_folder();
    let server = start(folder.path());
    let mut wire = Wire::connect(server.address).unwrap();
    ask(&mut wire, "SET before 1");
    // Where the new list of files should be written, something is in the way.
    let list = folder.path().join("appendonlydir/temp-appendonly.aof.manifest");
    fs::create_dir(&list).unwrap();
    ask(&mut wire, "BGREWRITEAOF");
    wait_for(|| ask(&mut wire, "INFO persistence").contains("aof_last_bgrewrite_status:err").then_some(())).unwrap();
    ask(&mut wire, "SET after 1");
    server.signal("KILL");
    drop(server);
    fs::remove_dir(&list).unwrap();
    let server = start(folder.path());
    let mut wire = Wire::connect(server.address).unwrap();
    assert_eq!(ask(&mut wire, "MGET before after"), "1) \"1\"\n2) \"1\"");
    assert_eq!(ask(&mut wire, "BGREWRITEAOF"), "Background append only file rewriting started");
    let base = folder.path().join("appendonlydir/appendonly.aof.2.base.rdb");
    wait_for(|| base.exists().then_some(())).expect("it is rewritten when nothing is in the way");
}

#[test]
fn where_no_files_can_be_there_is_no_append_only_file() {
    let folder = temporary_folder();
    fs::write(folder.path().join("appendonlydir"), "a file").unwrap();
    let server = Process::server(our_server(), &["--dir", folder.path().to_str().unwrap()]);
    let mut wire = Wire::connect(server.address).unwrap();
    let refusal = ask(&mut wire, "CONFIG SET appendonly yes");
    assert!(refusal.ends_with("Unable to turn on AOF. Check server logs."), "{refusal}");
    assert_eq!(ask(&mut wire, "CONFIG GET appendonly"), "1) \"appendonly\"\n2) \"no\"");
    assert_eq!(ask(&mut wire, "SET key 1"), "OK");
    drop(server);
    let output = Command::new(our_server())
        .args(["--port", "0", "--unixsocket", "s", "--appendonly", "yes", "--dir", "."])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Not a directory"), "{output:?}");
}
