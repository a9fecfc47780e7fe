//! `async` commands: what they keep waiting and what not, and that what they do to keys is what any command does.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redis_commands as _;
use redis_core::Running;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_core::value::list::Side;
use redis_tests::{Effects, Wire, wait_for};

family!("late");

/// Waits and answers.
#[command("LATE.ECHO", since = "0.1.0", complexity = "O(1)")]
async fn late_echo(millis: i64, text: String) -> String {
    tokio::time::sleep(Duration::from_millis(millis.unsigned_abs())).await;
    text
}

/// Waits, and then sets one key and removes another.
#[command("LATE.SET", since = "0.1.0", complexity = "O(1)", flags(DENYOOM))]
async fn late_set(caller: Caller, #[key(OW, UPDATE)] keys: [Key; 2], millis: i64, value: Vec<u8>) -> Result<bool> {
    tokio::time::sleep(Duration::from_millis(millis.unsigned_abs())).await;
    let [key, other] = keys;
    let existed = caller.read(key, |db, key| db.exists(key)).await;
    caller
        .write(key, |db, key| {
            db.set(key, &value, Ttl::Clear);
            db.changed(key, "late.set");
            if db.remove(other) {
                db.changed(other, "del");
            }
        })
        .await;
    Ok(existed)
}

/// Pushes to a list.
#[command("LATE.PUSH", since = "0.1.0", complexity = "O(1)")]
async fn late_push(caller: Caller, key: Key, value: Vec<u8>) -> Result<usize> {
    tokio::task::yield_now().await;
    let pushed = caller.write(key, |db, key| {
        let limits = db.limits();
        let list = db.get_or_insert::<List>(key)?;
        list.push(Side::Back, &value, &limits);
        let len = list.len();
        db.changed(key, "late.push");
        Ok(len)
    });
    pushed.await
}

/// Panics, before or while it writes.
#[command("LATE.PANIC", since = "0.1.0", complexity = "O(1)")]
async fn late_panic(caller: Caller, key: Key, value: Option<Vec<u8>>) -> Okay {
    tokio::task::yield_now().await;
    if let Some(value) = value {
        caller
            .write(key, |db, key| {
                db.set(key, value, Ttl::Clear);
                db.changed(key, "late.panic");
                panic!("as was asked for");
            })
            .await;
    }
    panic!("as was asked for");
}

/// Writes what it declares to read.
#[command("LATE.LIE", since = "0.1.0", complexity = "O(1)")]
async fn late_lie(caller: Caller, #[key(RO)] key: Key) -> bool {
    caller.write(key, |db, key| db.remove(key)).await
}

/// Waits, and then reads.
#[command("LATE.GET", since = "0.1.0", complexity = "O(1)")]
async fn late_get(caller: Caller, #[key(RO, ACCESS)] key: Key, millis: i64) -> Result<Option<Bulk>> {
    tokio::time::sleep(Duration::from_millis(millis.unsigned_abs())).await;
    caller.read(key, |db, key| Ok(db.get::<Str>(key)?.map(Bulk::from))).await
}

/// How many of LATE.HANG have begun and not ended.
static HANGING: AtomicUsize = AtomicUsize::new(0);

struct Hanging;

impl Drop for Hanging {
    fn drop(&mut self) {
        HANGING.fetch_sub(1, Relaxed);
    }
}

/// Never answers.
#[command("LATE.HANG", since = "0.1.0", complexity = "O(1)")]
async fn late_hang() -> Okay {
    HANGING.fetch_add(1, Relaxed);
    let _hanging = Hanging;
    std::future::pending().await
}

fn start() -> Running {
    Server::builder().directive("port", "0").start().unwrap()
}

fn connect(server: &Running) -> Wire {
    Wire::connect(server.address().unwrap()).unwrap()
}

fn ask(client: &mut Wire, line: &str) -> String {
    client.run(&words(line)).unwrap().to_string()
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn its_connection_waits_and_others_do_not() {
    let server = start();
    let (mut one, mut other) = (connect(&server), connect(&server));
    let began = Instant::now();
    for line in ["SET key 1", "LATE.ECHO 150 first", "INCR key", "LATE.ECHO 0 second", "GET key"] {
        one.send(&words(line)).unwrap();
    }
    assert_eq!(one.receive().unwrap().to_string(), "OK");
    assert_eq!(ask(&mut other, "GET key"), "\"1\"");
    let blocked = || server.run(&["INFO", "clients"]).to_string().contains("blocked_clients:1");
    assert!(blocked());
    assert!(server.run(&["CLIENT", "LIST"]).to_string().contains("flags=b "));
    assert!(began.elapsed() < Duration::from_millis(150));
    let replies = [(); 4].map(|()| one.receive().unwrap().to_string());
    assert_eq!(replies, ["\"first\"", "(integer) 2", "\"second\"", "\"2\""]);
    assert!(began.elapsed() >= Duration::from_millis(150));
    assert!(!blocked());
}

#[test]
fn it_is_waited_for_in_process() {
    let server = start();
    assert_eq!(server.run(&["LATE.ECHO", "20", "text"]).to_string(), "\"text\"");
    let mut session = server.session();
    assert_eq!(session.run(&["LATE.SET", "a", "b", "1", "x"]).to_string(), "(integer) 0");
    assert_eq!(session.run(&["LATE.SET", "a", "b", "1", "x"]).to_string(), "(integer) 1");
    // Threads do not wait for each other.
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| assert_eq!(server.run(&["LATE.ECHO", "100", "text"]).to_string(), "\"text\""));
        }
    });
    assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
}

#[test]
fn its_arguments_are_checked_at_once() {
    let server = start();
    let mut client = connect(&server);
    let wrong = "(error) ERR wrong number of arguments for 'late.echo' command";
    assert_eq!(ask(&mut client, "LATE.ECHO 1"), wrong);
    assert_eq!(ask(&mut client, "LATE.ECHO x text"), "(error) ERR value is not an integer or out of range");
    let reply = client.run(&[&b"LATE.ECHO"[..], b"1", b"\xff"]).unwrap();
    assert_eq!(reply.to_string(), "(error) ERR value is not valid UTF-8");
}

#[test]
fn a_transaction_refuses_it() {
    let server = start();
    let mut client = connect(&server);
    assert_eq!(ask(&mut client, "MULTI"), "OK");
    assert_eq!(ask(&mut client, "LATE.ECHO 1 text"), "(error) ERR Command not allowed inside a transaction");
    let aborted = "(error) EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(ask(&mut client, "EXEC"), aborted);
    assert_eq!(ask(&mut client, "LATE.ECHO 1 text"), "\"text\"");
}

#[test]
fn its_flags_follow_from_its_keys() {
    let server = start();
    let flags = |name| server.run(&["COMMAND", "INFO", name]).to_string();
    let (echo, set, lie) = (flags("LATE.ECHO"), flags("LATE.SET"), flags("LATE.LIE"));
    for flags in [&echo, &set, &lie] {
        assert!(flags.contains("no_multi") && flags.contains("noscript"), "{flags}");
    }
    assert!(!echo.contains("write") && !echo.contains("readonly"), "{echo}");
    assert!(set.contains("1) write") && !set.contains("readonly"), "{set}");
    assert!(lie.contains("1) readonly") && !lie.contains("write"), "{lie}");
}

#[test]
fn what_it_writes_is_a_change_like_any_other() {
    let server = Server::builder().directive("port", "0").directive("notify-keyspace-events", "KEA").start().unwrap();
    let mut effects = Effects::follow(server.server());
    let [mut one, mut watcher, mut blocked, mut listener] = [(); 4].map(|()| connect(&server));
    listener.run(&["PSUBSCRIBE", "__keyevent@0__:late.*"]).unwrap();
    ask(&mut watcher, "SET old 1");
    ask(&mut watcher, "WATCH key");
    ask(&mut watcher, "MULTI");
    assert_eq!(ask(&mut one, "LATE.SET key old 1 x"), "(integer) 0");
    assert_eq!(ask(&mut watcher, "EXEC"), "(nil)");
    assert!(listener.receive().unwrap().to_string().contains("\"__keyevent@0__:late.set\""));
    assert_eq!(effects.take(), ["0: SET old 1", "0: SET key x", "0: DEL old"]);

    blocked.send(&["BLPOP", "list", "0"]).unwrap();
    let waits = || server.run(&["INFO", "clients"]).to_string().contains("blocked_clients:1").then_some(());
    wait_for(waits).unwrap();
    assert_eq!(ask(&mut one, "LATE.PUSH list element"), "(integer) 1");
    assert_eq!(blocked.receive().unwrap().to_string(), "1) \"list\"\n2) \"element\"");
    // What is no string is logged as RESTORE has it; who takes it out afterwards, as ever.
    let logged = effects.take();
    assert!(logged[0].starts_with("0: RESTORE list 0 ") && logged[0].ends_with(" REPLACE ABSTTL"), "{}", logged[0]);
    assert_eq!(logged[1..], ["0: LPOP list"]);
    ask(&mut one, "SET text x");
    assert!(ask(&mut one, "LATE.PUSH text element").starts_with("(error) WRONGTYPE "));
}

#[test]
fn who_keeps_copies_is_told() {
    let server = start();
    let [mut reader, mut writer] = [(); 2].map(|()| connect(&server));
    reader.run(&["HELLO", "3"]).unwrap();
    assert_eq!(ask(&mut reader, "CLIENT TRACKING ON"), "OK");
    // What changes before it is read is no news.
    reader.send(&["LATE.GET", "key", "100"]).unwrap();
    assert_eq!(ask(&mut writer, "SET key 1"), "OK");
    assert_eq!(reader.receive().unwrap().to_string(), "\"1\"");
    assert_eq!(ask(&mut writer, "LATE.SET key other 1 2"), "(integer) 1");
    let message = reader.receive().unwrap().to_string();
    assert!(message.contains("invalidate") && message.contains("\"key\""), "{message}");
}

#[test]
fn a_panic_is_one_error_reply() {
    let server = start();
    let mut client = connect(&server);
    for line in ["LATE.PANIC key", "LATE.PANIC key value", "LATE.LIE key"] {
        let error = "(error) ERR internal error: the command panicked";
        assert_eq!(ask(&mut client, line), error, "{line}");
        assert_eq!(server.run(&words(line)).to_string(), error, "{line}");
    }
    // What was written before stays, no lock is held, and the connection goes on.
    assert_eq!(ask(&mut client, "GET key"), "\"value\"");
    assert_eq!(ask(&mut client, "LATE.SET key other 1 after"), "(integer) 1");
}

#[test]
fn with_its_client_it_is_gone() {
    let server = start();
    let hanging = |count| wait_for(|| (HANGING.load(Relaxed) == count).then_some(())).is_some();
    let [mut leaves, mut killed, mut stopped] = [(); 3].map(|()| connect(&server));
    leaves.send(&["LATE.HANG"]).unwrap();
    assert!(hanging(1));
    drop(leaves);
    assert!(hanging(0));

    let id = ask(&mut killed, "CLIENT ID").trim_start_matches("(integer) ").to_owned();
    killed.send(&["LATE.HANG"]).unwrap();
    assert!(hanging(1));
    // Nothing can be answered in its place.
    assert_eq!(server.run(&["CLIENT", "UNBLOCK", &id]), Value::Integer(0));
    assert_eq!(server.run(&["CLIENT", "KILL", "ID", &id]), Value::Integer(1));
    assert!(hanging(0));

    stopped.send(&["LATE.HANG"]).unwrap();
    assert!(hanging(1));
    drop(server);
    assert!(hanging(0));
}

#[test]
fn no_reply_is_sent_where_none_is_wanted() {
    let server = start();
    let mut client = connect(&server);
    client.send(&["CLIENT", "REPLY", "SKIP"]).unwrap();
    client.send(&["LATE.ECHO", "20", "unseen"]).unwrap();
    assert_eq!(ask(&mut client, "LATE.ECHO 1 seen"), "\"seen\"");
}

#[test]
fn a_pause_holds_what_it_writes() {
    let server = start();
    let mut client = connect(&server);
    client.send(&["LATE.SET", "key", "other", "30", "value"]).unwrap();
    wait_for(|| server.run(&["CLIENT", "LIST"]).to_string().contains("flags=b ").then_some(())).unwrap();
    server.run(&["CLIENT", "PAUSE", "200", "WRITE"]);
    let began = Instant::now();
    assert_eq!(client.receive().unwrap(), Value::Integer(0));
    assert!(began.elapsed() >= Duration::from_millis(150), "{:?}", began.elapsed());
}

#[test]
fn it_is_counted_when_it_is_done() {
    let server = Server::builder().directive("port", "0").directive("slowlog-log-slower-than", "0").start().unwrap();
    let mut client = connect(&server);
    assert_eq!(ask(&mut client, "LATE.ECHO 100 text"), "\"text\"");
    let reply = ask(&mut client, "LATE.PANIC key");
    assert!(reply.starts_with("(error) "), "{reply}");
    let stats = server.run(&["INFO", "commandstats"]).to_string();
    assert!(stats.contains("cmdstat_late.echo:calls=1,"), "{stats}");
    let panic = stats.split("cmdstat_late.panic:").nth(1).unwrap().split("\\r").next().unwrap();
    assert!(panic.starts_with("calls=1,") && panic.ends_with("failed_calls=1"), "{panic}");
    // The time for which it kept the thread busy, which is much less than the time that it took.
    let Value::Array(entries) = server.run(&["SLOWLOG", "GET", "100"]) else { panic!("no list") };
    let entry = entries.iter().find(|entry| entry.to_string().contains("LATE.ECHO")).unwrap();
    let Value::Array(fields) = entry else { panic!("no entry") };
    let Value::Integer(micros) = fields[2] else { panic!("no time") };
    assert!(micros < 50_000, "{micros}");
}

#[test]
fn several_threads_run_it() {
    let server = Server::builder().directive("port", "0").directive("io-threads", "4").start().unwrap();
    let push = || {
        let mut client = connect(&server);
        for number in 0..100 {
            let reply = ask(&mut client, &format!("LATE.PUSH list:{} element", number % 10));
            assert!(reply.starts_with("(integer) "), "{reply}");
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(push))));
    for number in 0..10 {
        assert_eq!(server.run(&["LLEN", &format!("list:{number}")]), Value::Integer(80));
    }
}
