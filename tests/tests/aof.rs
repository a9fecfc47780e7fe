//! The append only file: what is written survives, what is loaded is what was there, and files in any state are dealt with as
//! Redis does.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use redis_commands as _;
use redis_core::persistence::aof::{self, Repair};
use redis_core::prelude::*;
use redis_core::resp::write_command;
use redis_core::{Running, StartError};
use redis_tests::{Effects, wait_for};
use tempfile::TempDir;

/// A server with an append only file in a directory.
fn start_in(folder: &Path, directives: &[(&str, &str)]) -> Result<Running, StartError> {
    let fixed = [
        ("port", "0"),
        ("appendonly", "yes"),
        ("appendfsync", "no"),
        ("enable-debug-command", "yes"),
        ("dir", folder.to_str().unwrap()),
    ];
    let all = fixed.iter().chain(directives);
    all.fold(Server::builder(), |builder, (name, value)| builder.directive(name, value)).start()
}

fn folder() -> TempDir {
    redis_tests::temporary_folder()
}

fn run(server: &Running, request: &str) -> String {
    redis_tests::waiting::run(&mut server.session(), request)
}

fn digest(server: &Running) -> String {
    run(server, "DEBUG DIGEST")
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder.join("appendonlydir")).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().unwrap()).collect()
}

fn part(folder: &Path, name: &str) -> PathBuf {
    folder.join("appendonlydir").join(name)
}

fn commands(requests: &[&str]) -> Vec<u8> {
    requests
        .iter()
        .flat_map(|request| write_command(&request.split(' ').map(str::as_bytes).collect::<Vec<_>>()))
        .collect()
}

/// Puts a data set of one increment into a directory.
fn data_set(folder: &Path, increment: &[u8]) {
    fs::create_dir(folder.join("appendonlydir")).unwrap();
    fs::write(part(folder, "appendonly.aof.1.incr.aof"), increment).unwrap();
    let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    fs::write(part(folder, "appendonly.aof.manifest"), manifest).unwrap();
}

const WRITES: [&str; 14] = [
    "SET text value EX 1000",
    "SET 3:number 7",
    "RPUSH list a b c",
    "LPOP list",
    "HSET hash f 1 g 2",
    "HPEXPIRE hash 100000 FIELDS 1 f",
    "SADD set 1 2 3 x",
    "SPOP set 2",
    "ZADD zset 1.5 a 2 b",
    "XADD stream * f v",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group me STREAMS stream >",
    "INCRBYFLOAT 3:number 0.25",
    "COPY list other DB 5",
];

#[test]
fn what_was_written_is_there_again() {
    let folder = folder();
    let server = start_in(folder.path(), &[]).unwrap();
    assert_eq!(
        files(folder.path()),
        ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]
    );
    WRITES.iter().for_each(|request| assert!(!run(&server, request).contains("error"), "{request}"));
    let before = digest(&server);
    assert_eq!(run(&server, "DEBUG LOADAOF"), "OK");
    assert_eq!(digest(&server), before, "loaded while it runs");
    drop(server);
    let server = start_in(folder.path(), &[]).unwrap();
    assert_eq!(digest(&server), before, "loaded at the start");
    run(&server, "SET more 1");
    let before = digest(&server);
    drop(server);
    assert_eq!(digest(&start_in(folder.path(), &[]).unwrap()), before, "gone on with");
}

#[test]
fn a_rewrite_holds_what_the_files_did() {
    for preamble in ["yes", "no"] {
        let folder = folder();
        let server = start_in(folder.path(), &[("aof-use-rdb-preamble", preamble)]).unwrap();
        for request in WRITES {
            run(&server, request);
        }
        for n in 0..300 {
            run(&server, &format!("SET key:{n} {n}"));
        }
        let form = if preamble == "yes" { "rdb" } else { "aof" };
        for sequence in 2..4 {
            assert_eq!(run(&server, "BGREWRITEAOF"), "Background append only file rewriting started");
            run(&server, &format!("SET after-{sequence} x"));
            let expected = [
                format!("appendonly.aof.{sequence}.base.{form}"),
                format!("appendonly.aof.{sequence}.incr.aof"),
                "appendonly.aof.manifest".to_owned(),
            ];
            let over = || run(&server, "INFO persistence").contains("aof_rewrite_in_progress:0");
            wait_for(|| (files(folder.path()) == expected && over()).then_some(())).expect("the rewrite ends");
        }
        assert!(run(&server, "INFO persistence").contains("aof_last_bgrewrite_status:ok"));
        let before = digest(&server);
        assert_eq!(run(&server, "DEBUG LOADAOF"), "OK");
        assert_eq!(digest(&server), before);
        drop(server);
        assert_eq!(digest(&start_in(folder.path(), &[]).unwrap()), before);
    }
}

#[test]
fn it_grows_and_is_rewritten_by_itself() {
    let folder = folder();
    let server = start_in(folder.path(), &[("auto-aof-rewrite-min-size", "20kb")]).unwrap();
    for n in 0..2000 {
        run(&server, &format!("SET key {n}"));
    }
    wait_for(|| (!files(folder.path()).contains(&"appendonly.aof.1.base.rdb".to_owned())).then_some(())).unwrap();
    drop(server);
    assert_eq!(run(&start_in(folder.path(), &[]).unwrap(), "GET key"), "\"1999\"");
}

#[test]
fn it_is_switched_on_and_off_while_the_server_runs() {
    let folder = folder();
    let server = start_in(folder.path(), &[("appendonly", "no")]).unwrap();
    run(&server, "SET before 1");
    assert!(!folder.path().join("appendonlydir").exists());
    assert_eq!(run(&server, "CONFIG SET appendonly yes"), "OK");
    run(&server, "SET during 1");
    wait_for(|| files(folder.path()).contains(&"appendonly.aof.1.incr.aof".to_owned()).then_some(())).unwrap();
    run(&server, "SET during 2");
    assert_eq!(run(&server, "CONFIG SET appendonly no"), "OK");
    run(&server, "SET behind 1");
    drop(server);
    let server = start_in(folder.path(), &[]).unwrap();
    assert_eq!(run(&server, "MGET before during behind"), "1) \"1\" 2) \"2\" 3) (nil)");
    run(&server, "SET later 1");
    run(&server, "CONFIG SET appendonly no");
    run(&server, "CONFIG SET appendonly yes");
    wait_for(|| files(folder.path()).contains(&"appendonly.aof.2.incr.aof".to_owned()).then_some(())).unwrap();
    drop(server);
    assert_eq!(run(&start_in(folder.path(), &[]).unwrap(), "MGET during later"), "1) \"2\" 2) \"1\"");
}

#[test]
fn what_happens_at_one_time_stands_together() {
    let folder = folder();
    let server = start_in(folder.path(), &[]).unwrap();
    let mut effects = Effects::follow(server.server());
    let mut session = server.session();
    for request in ["MULTI", "SET a 1", "SELECT 1", "INCR b", "SPOP none", "EXEC", "SADD s 1 2 3", "SPOP s 3"] {
        redis_tests::waiting::run(&mut session, request);
    }
    let logged = effects.take_all();
    assert_eq!(logged[..4], ["0: MULTI", "0: SET a 1", "1: INCR b", "1: EXEC"]);
    assert_eq!(logged[4..], ["1: SADD s 1 2 3", "1: DEL s"]);
    // What a command finds expired is its doing, too.
    redis_tests::waiting::run(&mut session, "DEBUG SET-ACTIVE-EXPIRE 0");
    redis_tests::waiting::run(&mut session, "SET x old PX 1");
    wait_for(|| (redis_tests::waiting::run(&mut session, "PTTL x") == "(integer) -2").then_some(())).unwrap();
    effects.take_all();
    redis_tests::waiting::run(&mut session, "SET y old PX 1");
    wait_for(|| (redis_tests::waiting::run(&mut session, "EXISTS y") == "(integer) 0").then_some(())).unwrap();
    assert_eq!(effects.take_all().last().unwrap(), "1: DEL y");
}

#[test]
fn an_old_file_moves_into_the_directory() {
    let folder = folder();
    fs::write(folder.path().join("appendonly.aof"), commands(&["SELECT 2", "SET k old"])).unwrap();
    let server = start_in(folder.path(), &[]).unwrap();
    assert_eq!(files(folder.path()), ["appendonly.aof", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]);
    run(&server, "SET new 1");
    let before = digest(&server);
    drop(server);
    let server = start_in(folder.path(), &[]).unwrap();
    assert_eq!(digest(&server), before);
    run(&server, "BGREWRITEAOF");
    wait_for(|| files(folder.path()).contains(&"appendonly.aof.2.base.rdb".to_owned()).then_some(())).unwrap();
    drop(server);
    assert_eq!(digest(&start_in(folder.path(), &[]).unwrap()), before);
    // Whoever was interrupted before the file was moved goes on with that.
    let half = self::folder();
    fs::write(half.path().join("appendonly.aof"), commands(&["SET k old"])).unwrap();
    fs::create_dir(half.path().join("appendonlydir")).unwrap();
    fs::write(part(half.path(), "appendonly.aof.manifest"), "file appendonly.aof seq 1 type b\n").unwrap();
    assert_eq!(run(&start_in(half.path(), &[]).unwrap(), "GET k"), "\"old\"");
}

#[test]
fn a_file_that_just_ends_is_cut_behind_what_is_whole() {
    let whole = commands(&["SET a 1", "SET b 2"]);
    for tail in
        [&b"*3\r\n$3\r\nSET"[..], b"*", b"#TS:12", b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n9\r\n"]
    {
        let folder = folder();
        data_set(folder.path(), &[&whole, tail].concat());
        let error = start_in(folder.path(), &[("aof-load-truncated", "no")]).unwrap_err().to_string();
        assert!(
            error.contains("Unexpected end of file") && error.contains(&format!("offset {}", whole.len())),
            "{error}"
        );
        let server = start_in(folder.path(), &[]).unwrap();
        assert_eq!(run(&server, "MGET a b"), "1) \"1\" 2) \"2\"", "{}", tail.escape_ascii());
        run(&server, "SET c 3");
        drop(server);
        let name = part(folder.path(), "appendonly.aof.1.incr.aof");
        assert!(fs::read(name).unwrap().starts_with(&[&whole[..], b"*2\r\n$6\r\nSELECT"].concat()));
        assert_eq!(run(&start_in(folder.path(), &[]).unwrap(), "MGET a c"), "1) \"1\" 2) \"3\"");
    }
}

/// As after a loss of power: wherever the file ends, what is whole before it is there, and nothing else.
#[test]
fn wherever_a_file_ends_what_is_whole_is_there() {
    let all = commands(&["RPUSH list 1", "RPUSH list 2 3", "RPUSH list 4"]);
    let behind = |requests: &[&str]| commands(requests).len();
    // Where a command ends, and how many elements there are then.
    let places =
        [(0, 0), (behind(&["RPUSH list 1"]), 1), (behind(&["RPUSH list 1", "RPUSH list 2 3"]), 3), (all.len(), 4)];
    for end in 0..=all.len() {
        let folder = folder();
        data_set(folder.path(), &all[..end]);
        let server = start_in(folder.path(), &[("io-threads", "1")]).unwrap();
        let (whole, elements) = *places.iter().rev().find(|(place, _)| *place <= end).unwrap();
        assert_eq!(run(&server, "LLEN list"), format!("(integer) {elements}"), "it ends at {end}");
        drop(server);
        let left = fs::read(part(folder.path(), "appendonly.aof.1.incr.aof")).unwrap();
        assert_eq!(left, all[..whole], "it ends at {end}");
    }
}

/// Commands have no checksum, so a byte of a value that is another one is another value. Any other is noticed.
#[test]
fn a_damaged_byte_is_another_value_or_an_error() {
    let all = commands(&["SET key 1", "HSET hash field value", "EXPIRE key 100"]);
    for place in 0..all.len() {
        let folder = folder();
        let mut bytes = all.clone();
        bytes[place] ^= 1 << (place % 8);
        data_set(folder.path(), &bytes);
        match start_in(folder.path(), &[("io-threads", "1"), ("aof-load-truncated", "no")]) {
            Ok(server) => assert_eq!(run(&server, "PING"), "PONG"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("appendonly.aof.1.incr.aof"), "byte {place}: {error}");
                assert!(error.contains("offset "), "byte {place}: {error}");
            }
        }
    }
}

/// A file of versions before 7.0 may begin as a snapshot and go on with commands.
#[test]
fn commands_behind_a_snapshot_are_checked_and_loaded() {
    let folder = folder();
    let server = start_in(folder.path(), &[("appendonly", "no")]).unwrap();
    run(&server, "SET a 1");
    assert_eq!(run(&server, "SAVE"), "OK");
    drop(server);
    let whole = [fs::read(folder.path().join("dump.rdb")).unwrap(), commands(&["SET b 2"])].concat();
    let file = folder.path().join("appendonly.aof");
    let check = |repair| {
        let mut out = Vec::new();
        let valid = aof::check(&file, repair, &mut out, || true).unwrap();
        (valid, String::from_utf8(out).unwrap())
    };
    fs::write(&file, [&whole[..], b"*3\r\n$3\r\nSE"].concat()).unwrap();
    let (valid, report) = check(Repair::No);
    assert!(!valid && report.contains(&format!("ok_up_to={}", whole.len())), "{report}");
    assert!(check(Repair::Fix).0 && check(Repair::No).0);
    assert_eq!(fs::read(&file).unwrap(), whole);
    let server = start_in(folder.path(), &[]).unwrap();
    assert_eq!(run(&server, "MGET a b"), "1) \"1\" 2) \"2\"");
}

#[test]
fn damage_is_named_with_its_place() {
    let whole = commands(&["SET a 1"]);
    let reason = |increment: &[u8]| {
        let folder = folder();
        data_set(folder.path(), increment);
        start_in(folder.path(), &[]).unwrap_err().to_string()
    };
    let damaged = reason(&[&whole, &b"*3\r\n$3\r\nSET\r\n$1\r\nbb$1\r\n1\r\n"[..], &whole].concat());
    assert!(damaged.contains("Bad file format") && damaged.contains("offset 27"), "{damaged}");
    let unknown = reason(&[&whole[..], &commands(&["NOSUCH a"])].concat());
    assert!(unknown.contains("Unknown command 'NOSUCH'") && unknown.contains("offset 27"), "{unknown}");

    let folder = folder();
    data_set(folder.path(), &whole);
    let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n";
    fs::write(part(folder.path(), "appendonly.aof.manifest"), manifest).unwrap();
    let missing = start_in(folder.path(), &[]).unwrap_err().to_string();
    assert!(missing.contains("appendonly.aof.2.incr.aof"), "{missing}");
    fs::write(part(folder.path(), "appendonly.aof.2.incr.aof"), &whole).unwrap();
    fs::write(part(folder.path(), "appendonly.aof.1.incr.aof"), &whole[..20]).unwrap();
    let within = start_in(folder.path(), &[]).unwrap_err().to_string();
    assert!(within.contains("appendonly.aof.1.incr.aof is not the last file"), "{within}");
    fs::write(part(folder.path(), "appendonly.aof.manifest"), "nonsense\n").unwrap();
    let manifest = start_in(folder.path(), &[]).unwrap_err().to_string();
    assert!(manifest.contains("appendonly.aof.manifest, at line 1"), "{manifest}");
}

#[test]
fn times_are_noted_and_passed_over() {
    let folder = folder();
    let server = start_in(folder.path(), &[("aof-timestamp-enabled", "yes")]).unwrap();
    run(&server, "SET a 1");
    drop(server);
    let text = fs::read_to_string(part(folder.path(), "appendonly.aof.1.incr.aof")).unwrap();
    assert!(text.starts_with("#TS:"), "{text}");
    let directives = [("aof-timestamp-enabled", "yes"), ("aof-use-rdb-preamble", "no")];
    let server = start_in(folder.path(), &directives).unwrap();
    run(&server, "BGREWRITEAOF");
    wait_for(|| part(folder.path(), "appendonly.aof.2.base.aof").exists().then_some(())).unwrap();
    let base = fs::read_to_string(part(folder.path(), "appendonly.aof.2.base.aof")).unwrap();
    assert!(base.starts_with("#TS:") && base.contains("SET"), "{base}");
    drop(server);
    assert_eq!(run(&start_in(folder.path(), &[]).unwrap(), "GET a"), "\"1\"");
}

#[test]
fn files_that_are_not_needed_stay_until_they_may_go() {
    let folder = folder();
    let server = start_in(folder.path(), &[("aof-disable-auto-gc", "yes")]).unwrap();
    run(&server, "SET a 1");
    run(&server, "BGREWRITEAOF");
    wait_for(|| run(&server, "INFO persistence").contains("aof_rewrite_in_progress:0").then_some(())).unwrap();
    let former = part(folder.path(), "appendonly.aof.1.incr.aof");
    assert!(former.exists());
    run(&server, "CONFIG SET aof-disable-auto-gc no");
    assert!(!former.exists());
    let manifest = fs::read_to_string(part(folder.path(), "appendonly.aof.manifest")).unwrap();
    assert!(!manifest.contains("type h"), "{manifest}");
}

#[test]
fn nothing_expires_while_it_is_loaded() {
    let folder = folder();
    data_set(folder.path(), &commands(&["SET k 1 PXAT 1000", "APPEND k 2", "PERSIST k", "SET gone 1 PXAT 1000"]));
    let server = start_in(folder.path(), &[]).unwrap();
    assert_eq!(run(&server, "GET k"), "\"12\"");
    assert_eq!(run(&server, "GET gone"), "(nil)");
}

/// When the log was written, these members were still there: what was done to them then is done again.
#[test]
fn members_that_are_over_by_now_are_there_while_it_is_loaded() {
    let folder = folder();
    let log = commands(&[
        "HSET h a 1 b 2 c 3",
        "HPEXPIREAT h 1 FIELDS 3 a b c",
        "HPERSIST h FIELDS 1 a",
        "HPEXPIREAT h 9000000000000 FIELDS 1 b",
        "SADD s a b c",
        "SPEXPIREAT s 1 MEMBERS 3 a b c",
        "SPERSIST s MEMBERS 1 a",
        "SPEXPIREAT s 9000000000000 MEMBERS 1 b",
        "ZADD z 1 a 2 b 3 c",
        "ZPEXPIREAT z 1 MEMBERS 3 a b c",
        "ZPERSIST z MEMBERS 1 a",
        "ZINCRBY z 5 b",
        "ZPEXPIREAT z 9000000000000 MEMBERS 1 b",
    ]);
    data_set(folder.path(), &log);
    let server = start_in(folder.path(), &[]).unwrap();
    assert_eq!(run(&server, "HMGET h a b c"), "1) \"1\" 2) \"2\" 3) (nil)");
    assert_eq!(run(&server, "HPEXPIRETIME h FIELDS 2 a b"), "1) (integer) -1 2) (integer) 9000000000000");
    assert_eq!(run(&server, "SMISMEMBER s a b c"), "1) (integer) 1 2) (integer) 1 3) (integer) 0");
    assert_eq!(run(&server, "ZMSCORE z a b c"), "1) \"1\" 2) \"7\" 3) (nil)");
    assert_eq!(run(&server, "ZPEXPIRETIME z MEMBERS 2 a b"), "1) (integer) -1 2) (integer) 9000000000000");
}

#[test]
fn waiting_for_the_disk() {
    let folder = folder();
    let server = start_in(folder.path(), &[("appendfsync", "always")]).unwrap();
    assert_eq!(run(&server, "SET a 1"), "OK");
    // It is on the disk by the time of the answer.
    let text = fs::read_to_string(part(folder.path(), "appendonly.aof.1.incr.aof")).unwrap();
    assert!(text.ends_with("SET\r\n$1\r\na\r\n$1\r\n1\r\n"), "{text}");
    assert_eq!(run(&server, "WAITAOF 1 0 0"), "1) (integer) 1 2) (integer) 0");
    run(&server, "CONFIG SET appendfsync everysec");
    let mut session = server.session();
    redis_tests::waiting::run(&mut session, "SET a 2");
    assert_eq!(redis_tests::waiting::run(&mut session, "WAITAOF 1 0 0"), "1) (integer) 1 2) (integer) 0");
    assert_eq!(redis_tests::waiting::run(&mut session, "WAITAOF 1 1 10"), "1) (integer) 1 2) (integer) 0");
}

/// Two servers that append to the same file destroy it, and the second would cut off what the first is writing just now.
#[test]
fn the_files_are_one_servers() {
    let folder = folder();
    let first = start_in(folder.path(), &[]).unwrap();
    run(&first, "SET key 1");
    let refusal = start_in(folder.path(), &[]).unwrap_err().to_string();
    let directory = folder.path().join("appendonlydir");
    let text = format!("Another server writes its append only files in {}", directory.display());
    assert!(refusal.contains(&text), "{refusal}");
    let second = start_in(folder.path(), &[("appendonly", "no")]).unwrap();
    assert!(run(&second, "CONFIG SET appendonly yes").contains("Unable to turn on AOF"));
    assert_eq!(run(&second, "CONFIG GET appendonly"), "1) \"appendonly\" 2) \"no\"");
    run(&second, "BGREWRITEAOF");
    wait_for(|| run(&second, "INFO persistence").contains("aof_last_bgrewrite_status:err").then_some(())).unwrap();
    assert_eq!(files(folder.path()).len(), 3);
    // Who ceases to write gives the files back.
    assert_eq!(run(&first, "CONFIG SET appendonly no"), "OK");
    assert_eq!(run(&second, "CONFIG SET appendonly yes"), "OK");
    // From its first rewrite on.
    let begun = |server| run(server, "INFO persistence").contains("aof_rewrite_in_progress:0").then_some(());
    wait_for(|| begun(&second)).unwrap();
    assert!(run(&first, "CONFIG SET appendonly yes").contains("Unable to turn on AOF"));
    drop(second);
    assert_eq!(run(&first, "CONFIG SET appendonly yes"), "OK");
    assert_eq!(run(&first, "CONFIG SET appendonly no"), "OK");
    // So does a rewrite for nobody.
    run(&first, "BGREWRITEAOF");
    wait_for(|| run(&first, "INFO persistence").contains("aof_rewrite_in_progress:0").then_some(())).unwrap();
    drop(start_in(folder.path(), &[]).unwrap());
}
