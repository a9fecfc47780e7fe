//! Members of sets and sorted sets whose time is over: nobody sees them, whoever asks; what followers of the data are told,
//! what subscribers hear, and what becomes of the memory. A transcript cannot say it, because it takes time or is not in
//! the replies.

#![allow(clippy::unwrap_used)]

use redis_commands as _;
use redis_core::resp::Value;
use redis_tests::{Watched, wait_for};

const FAR: &str = "9000000000000";

/// Sets a key up in which `a`, `b` and `c` are over, which nobody has noticed, and `x` and `y` stay.
fn set_expired(server: &mut Watched, add: &str, expire: &str) {
    server.run("FLUSHALL");
    server.run(add);
    server.run(expire);
    server.let_time_pass();
    server.events();
    server.effects();
}

const SET: [&str; 2] = ["SADD k x a b y c", "SPEXPIRE k 1 MEMBERS 3 a b c"];
const ZSET: [&str; 2] = ["ZADD k 1 a 2 x 3 b 4 y 5 c", "ZPEXPIRE k 1 MEMBERS 3 a b c"];

fn lines(value: &Value) -> Vec<String> {
    fn flatten(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Array(items) | Value::Set(items) => items.iter().for_each(|item| flatten(item, into)),
            Value::Bulk(text) => into.push(String::from_utf8_lossy(text).into_owned()),
            other => into.push(other.to_string().replace("(integer) ", "")),
        }
    }
    let mut lines = Vec::new();
    flatten(value, &mut lines);
    lines
}

/// Runs a request on a key with expired members, and compares the sorted reply. What has expired is logged first.
#[track_caller]
fn check_unseen(server: &mut Watched, [add, expire]: [&str; 2], request: &str, mut expected: Vec<&str>) {
    set_expired(server, add, expire);
    let mut reply = lines(&server.run(request));
    reply.sort();
    expected.sort_unstable();
    assert_eq!(reply, expected, "{request}");
    let effects = server.effects();
    let gone = if add.starts_with('S') { "SREM k " } else { "ZREM k " };
    let removed = effects.first().and_then(|effect| effect.strip_prefix(gone)).unwrap_or_default();
    let mut removed: Vec<_> = removed.split(' ').collect();
    removed.sort_unstable();
    assert_eq!(removed, ["a", "b", "c"], "{request}: {effects:?}");
    let event = if add.starts_with('S') { "sexpired" } else { "zexpired" };
    assert_eq!(server.events().first().map(String::as_str), Some(event), "{request}");
}

#[test]
fn nobody_sees_members_of_sets_that_are_over() {
    let mut server = Watched::without_cycle();
    for (request, reply) in [
        ("SCARD k", vec!["2"]),
        ("SISMEMBER k a", vec!["0"]),
        ("SMISMEMBER k a x", vec!["0", "1"]),
        ("SMEMBERS k", vec!["x", "y"]),
        ("SRANDMEMBER k 9", vec!["x", "y"]),
        ("SSCAN k 0 COUNT 100", vec!["0", "x", "y"]),
        ("SPOP k 9", vec!["x", "y"]),
        ("SUNION none k", vec!["x", "y"]),
        ("SINTER k k", vec!["x", "y"]),
        ("SDIFF k none", vec!["x", "y"]),
        ("SINTERCARD 2 k k", vec!["2"]),
        ("SUNIONSTORE to k", vec!["2"]),
        ("SINTERSTORE k k", vec!["2"]),
        ("SORT k ALPHA", vec!["x", "y"]),
        ("ZUNION 1 k", vec!["x", "y"]),
        ("ZINTERSTORE to 1 k", vec!["2"]),
        ("STTL k MEMBERS 2 a x", vec!["-1", "-2"]),
        ("SPERSIST k MEMBERS 2 a x", vec!["-1", "-2"]),
        ("SEXPIRE k 100 MEMBERS 2 a x", vec!["-2", "1"]),
        ("SREM k a x", vec!["1"]),
        ("SADD k a x", vec!["1"]),
        ("SMOVE k to a", vec!["0"]),
        ("SMOVE k k a", vec!["0"]),
        ("COPY k to", vec!["1"]),
        ("OBJECT ENCODING k", vec!["hashtable"]),
        ("EXISTS k", vec!["1"]),
    ] {
        check_unseen(&mut server, SET, request, reply);
    }
}

#[test]
fn nobody_sees_members_of_sorted_sets_that_are_over() {
    let mut server = Watched::without_cycle();
    for (request, reply) in [
        ("ZCARD k", vec!["2"]),
        ("ZSCORE k x", vec!["2"]),
        ("ZMSCORE k b y", vec!["(nil)", "4"]),
        ("ZRANK k x", vec!["0"]),
        ("ZREVRANK k x WITHSCORE", vec!["1", "2"]),
        ("ZRANK k c", vec!["(nil)"]),
        ("ZCOUNT k -inf +inf", vec!["2"]),
        ("ZLEXCOUNT k - +", vec!["2"]),
        ("ZRANGE k 0 -1", vec!["x", "y"]),
        ("ZRANGE k 0 0 REV", vec!["y"]),
        ("ZRANGEBYSCORE k 1 3", vec!["x"]),
        ("ZREVRANGEBYSCORE k +inf -inf LIMIT 1 1", vec!["x"]),
        ("ZRANGESTORE to k 0 -1", vec!["2"]),
        ("ZREMRANGEBYRANK k 0 0", vec!["1"]),
        ("ZREMRANGEBYSCORE k -inf 3", vec!["1"]),
        ("ZPOPMIN k", vec!["2", "x"]),
        ("ZPOPMAX k 9", vec!["2", "4", "x", "y"]),
        ("ZMPOP 1 k MIN", vec!["2", "k", "x"]),
        ("BZPOPMAX k 1", vec!["4", "k", "y"]),
        ("ZRANDMEMBER k 9", vec!["x", "y"]),
        ("ZSCAN k 0 COUNT 100", vec!["0", "2", "4", "x", "y"]),
        ("ZUNION 2 k k", vec!["x", "y"]),
        ("ZINTERCARD 2 k k", vec!["2"]),
        ("ZDIFF 2 k none", vec!["x", "y"]),
        ("ZUNIONSTORE k 1 k", vec!["2"]),
        ("SORT k BY none", vec!["x", "y"]),
        ("GEOPOS k a", vec!["(nil)"]),
        ("ZTTL k MEMBERS 2 a x", vec!["-1", "-2"]),
        ("ZPERSIST k MEMBERS 2 a x", vec!["-1", "-2"]),
        ("ZEXPIRE k 100 MEMBERS 2 a x", vec!["-2", "1"]),
        ("ZREM k a x", vec!["1"]),
        ("ZADD k 9 a 9 x", vec!["1"]),
        ("ZADD k XX CH 9 a 9 x", vec!["1"]),
        ("ZINCRBY k 1 c", vec!["1"]),
        ("OBJECT ENCODING k", vec!["listpack"]),
    ] {
        check_unseen(&mut server, ZSET, request, reply);
    }
}

#[test]
fn a_key_whose_members_are_all_over_is_gone() {
    let mut server = Watched::without_cycle();
    for request in ["EXISTS k", "TYPE k", "SCARD k", "DUMP k", "OBJECT ENCODING k", "RENAMENX none k"] {
        set_expired(&mut server, "SADD k a b", "SPEXPIRE k 1 MEMBERS 2 a b");
        let reply = server.running.run(&request.split(' ').collect::<Vec<_>>()).to_string();
        assert!(
            ["(integer) 0", "none", "(nil)", "(error) ERR no such key"].contains(&reply.as_str()),
            "{request}: {reply}"
        );
        assert_eq!(server.events(), ["sexpired", "del"], "{request}");
        let effects = server.effects();
        assert!(["SREM k a b", "SREM k b a"].contains(&effects[0].as_str()) && effects.len() == 1, "{effects:?}");
    }
    assert_eq!(server.figure("stats", "expired_subkeys"), 12);
    assert_eq!(server.figure("stats", "expired_fields"), 0);
}

#[test]
fn deadlines_are_logged_as_points_in_time() {
    let mut server = Watched::without_cycle();
    for (upper, lower, add, event) in [("S", "s", "SADD k a b c", "sadd"), ("Z", "z", "ZADD k 1 a 2 b 3 c", "zadd")] {
        let event_of = |name: &str| format!("{lower}{name}");
        let check = |server: &mut Watched, request: &str, effect: Option<&str>, event: Option<&str>| {
            let effect = effect.map(|effect| format!("{upper}{effect}"));
            let event = event.map(event_of);
            server.check(&format!("{upper}{request}"), effect.as_deref().as_slice(), event.as_deref().as_slice());
        };
        server.check(add, &[add], &[event]);
        let whole = format!("PEXPIREAT k {FAR} MEMBERS 1 a");
        check(&mut server, "EXPIREAT k 9000000000 MEMBERS 2 a none", Some(&whole), Some("expire"));
        check(&mut server, "PEXPIREAT k 1 GT MEMBERS 2 a b", None, None);
        let both = format!("PEXPIREAT k {FAR} MEMBERS 2 a b");
        check(&mut server, &format!("PEXPIREAT k {FAR} MEMBERS 2 a b"), Some(&both), Some("expire"));
        check(&mut server, "TTL k MEMBERS 1 a", None, None);
        check(&mut server, "PERSIST k MEMBERS 2 a c", Some("PERSIST k MEMBERS 2 a c"), Some("persist"));
        check(&mut server, "PERSIST k MEMBERS 2 a c", None, None);
        check(&mut server, "EXPIRE k 0 MEMBERS 2 a none", Some("REM k a"), Some("expired"));
        check(&mut server, "PEXPIREAT k 1 XX MEMBERS 2 b c", Some("REM k b"), Some("expired"));
        server.check(
            &format!("{upper}EXPIRE k 0 MEMBERS 1 c"),
            &[&format!("{upper}REM k c")],
            &[&event_of("expired"), "del"],
        );
        assert_eq!(server.run("EXISTS k"), Value::Integer(0));
    }
    assert_eq!(server.figure("stats", "expired_subkeys"), 6);
}

#[test]
fn members_are_added_with_their_deadlines() {
    let mut server = Watched::without_cycle();
    let at = format!("SADDEX k PXAT {FAR} MEMBERS 2 a b");
    server.check("SADDEX k MNX EXAT 9000000000 MEMBERS 2 a b", &[&at], &["sadd", "sexpire"]);
    server.check("SADDEX k MNX MEMBERS 2 b c", &[], &[]);
    server.check("SADDEX k MXX MEMBERS 2 b c", &[], &[]);
    server.check("SADDEX k KEEPTTL MEMBERS 2 a c", &["SADDEX k KEEPTTL MEMBERS 2 a c"], &["sadd"]);
    assert_eq!(lines(&server.run("SPEXPIRETIME k MEMBERS 3 a b c")), [FAR, FAR, "-1"]);
    server.check("SADDEX k MXX MEMBERS 1 a", &["SADDEX k MEMBERS 1 a"], &["sadd"]);
    assert_eq!(lines(&server.run("SPEXPIRETIME k MEMBERS 3 a b c")), ["-1", FAR, "-1"]);
    server.check("SADDEX k PXAT 1 MEMBERS 2 a none", &["SREM k a"], &["sexpired"]);
    server.check("SADDEX k PXAT 1 MEMBERS 1 none", &[], &[]);
    server.check("SADDEX k EX 0 MEMBERS 2 b c", &["SREM k b c"], &["sexpired", "del"]);
    server.check("SADDEX k EX 0 MEMBERS 2 b c", &[], &[]);
    assert_eq!(server.run("EXISTS k"), Value::Integer(0));
}

#[test]
fn adding_again_leaves_a_deadline_and_moving_takes_it_along() {
    let mut server = Watched::without_cycle();
    server.run("SADD s a b");
    server.run(&format!("SPEXPIREAT s {FAR} MEMBERS 1 a"));
    server.run("SADD to a");
    server.effects();
    assert_eq!(server.run("SADD s a"), Value::Integer(0));
    assert_eq!(lines(&server.run("SPEXPIRETIME s MEMBERS 2 a b")), [FAR, "-1"]);
    server.check("SMOVE s to a", &["SMOVE s to a"], &["sadd", "sexpire", "sadd", "srem"]);
    assert_eq!(lines(&server.run("SPEXPIRETIME to MEMBERS 1 a")), [FAR]);
    server.check("SMOVE s to b", &["SMOVE s to b"], &["srem", "del", "sadd"]);
    assert_eq!(lines(&server.run("SPEXPIRETIME to MEMBERS 1 b")), ["-1"]);
    // Who adds it anew when it has been removed makes another member.
    server.run("SREM to a");
    server.run("SADD to a");
    assert_eq!(lines(&server.run("SPEXPIRETIME to MEMBERS 1 a")), ["-1"]);

    server.run("ZADD z 1 a");
    server.run(&format!("ZPEXPIREAT z {FAR} MEMBERS 1 a"));
    for request in ["ZADD z 2 a", "ZINCRBY z 5 a", "GEOADD z 13 38 a", "ZADD z XX GT CH 9e99 a"] {
        server.run(request);
        assert_eq!(lines(&server.run("ZPEXPIRETIME z MEMBERS 1 a")), [FAR], "{request}");
    }
    // What is computed is new.
    server.run("ZUNIONSTORE new 1 z");
    assert_eq!(lines(&server.run("ZPEXPIRETIME new MEMBERS 1 a")), ["-1"]);
}

#[test]
fn deadlines_go_where_the_value_goes() {
    let server = Watched::without_cycle();
    for (add, family) in [("SADD k a b", "S"), ("ZADD k 1 a 2 b", "Z")] {
        server.run("FLUSHALL");
        server.run(add);
        let plain = lines(&server.run("DEBUG DIGEST-VALUE k"));
        server.run(&format!("{family}PEXPIREAT k {FAR} MEMBERS 1 b"));
        let digest = lines(&server.run("DEBUG DIGEST-VALUE k"));
        assert_ne!(digest, plain);
        server.run("COPY k copy");
        server.run("RENAME copy renamed");
        server.run("COPY k other DB 1");
        server.run("MOVE renamed 1");
        let Value::Bulk(payload) = server.run("DUMP k") else { panic!("no payload") };
        let restored = server.running.run(&[&b"RESTORE"[..], b"restored", b"0", &payload]);
        assert_eq!(restored.to_string(), "OK");
        assert_eq!(lines(&server.run("DEBUG DIGEST-VALUE restored")), digest);
        assert_eq!(lines(&server.run(&format!("{family}PEXPIRETIME restored MEMBERS 2 a b"))), ["-1", FAR]);
        let before = lines(&server.run("DEBUG DIGEST"));
        let volatile = lines(&server.run("INFO keyspace")).concat();
        assert_eq!(volatile.matches("keys_with_volatile_items=2").count(), 2, "{volatile}");
        server.run("DEBUG RELOAD");
        assert_eq!(lines(&server.run("DEBUG DIGEST")), before);
        let volatile = lines(&server.run("INFO keyspace")).concat();
        assert_eq!(volatile.matches("keys_with_volatile_items=2").count(), 2, "{volatile}");
        server.run(&format!("{family}PERSIST k MEMBERS 1 b"));
        server.run("DEL restored");
        let volatile = lines(&server.run("INFO keyspace")).concat();
        assert_eq!(volatile.matches("keys_with_volatile_items=0").count(), 1, "{volatile}");
        assert_eq!(lines(&server.run("DEBUG DIGEST-VALUE k")), plain);
    }
}

#[test]
fn memory_is_that_of_the_members_with_deadlines() {
    let server = Watched::without_cycle();
    let usage = || match server.run("MEMORY USAGE k SAMPLES 0") {
        Value::Integer(bytes) => bytes,
        other => panic!("{other:?}"),
    };
    let members: Vec<_> = (0..1_000).map(|n| format!("member:{n}")).collect();
    let pairs: Vec<_> = members.iter().map(|member| format!("1 {member}")).collect();
    for (family, add) in [("S", format!("SADD k {}", members.join(" "))), ("Z", format!("ZADD k {}", pairs.join(" ")))]
    {
        server.run("FLUSHALL");
        server.run(&add);
        let plain = usage();
        let all = format!("MEMBERS 1000 {}", members.join(" "));
        server.run(&format!("{family}PEXPIREAT k {FAR} {all}"));
        let with_deadlines = usage();
        assert!((plain + 20_000..plain + 120_000).contains(&with_deadlines), "{plain} {with_deadlines}");
        server.run(&format!("{family}PERSIST k {all}"));
        assert_eq!(usage(), plain);
    }
}

#[test]
fn members_expire_without_being_asked_for() {
    let mut server = Watched::new();
    for (family, events, add) in [
        ("S", ["sadd", "sexpire", "sexpired"], "SADD k a b c"),
        ("Z", ["zadd", "zexpire", "zexpired"], "ZADD k 1 a 2 b 3 c"),
    ] {
        let taken_out = |server: &Watched, count: usize| {
            wait_for(|| (server.figure("stats", "expired_subkeys") as usize == count).then_some(()))
                .expect("members are taken out");
        };
        let before = server.figure("stats", "expired_subkeys") as usize;
        server.run(add);
        server.run(&format!("{family}PEXPIRE k 1 MEMBERS 1 b"));
        taken_out(&server, before + 1);
        assert_eq!(server.effects().last().unwrap(), &format!("{family}REM k b"));
        assert_eq!(server.events(), events);
        server.run(&format!("{family}PEXPIRE k 1 MEMBERS 2 a c"));
        taken_out(&server, before + 3);
        assert_eq!(
            server.run("DBSIZE"),
            Value::Integer(1),
            "an emptied collection is removed; the other key is the test's"
        );
        assert_eq!(server.events(), [events[1], events[2], "del"]);
        server.effects();
    }
}

#[test]
fn a_crowd_of_members_goes_in_portions() {
    const CROWD: usize = 5_000;

    let mut server = Watched::new();
    let members: Vec<_> = (0..CROWD).map(|n| format!("m{n}")).collect();
    let pairs: Vec<_> = members.iter().map(|member| format!("7 {member}")).collect();
    for (family, add) in
        [("S", format!("SADD k stays {}", members.join(" "))), ("Z", format!("ZADD k 1 stays {}", pairs.join(" ")))]
    {
        let before = server.figure("stats", "expired_subkeys");
        server.run("FLUSHALL");
        server.run(&add);
        server.run(&format!("{family}PEXPIRE k 1 MEMBERS {CROWD} {}", members.join(" ")));
        server.effects();
        let done = || server.figure("stats", "expired_subkeys") == before + CROWD as u64;
        wait_for(|| done().then_some(())).expect("the members are taken out");
        let mut gone = Vec::new();
        for effect in server.effects().iter().filter_map(|effect| effect.strip_prefix(&format!("{family}REM k "))) {
            let members: Vec<_> = effect.split(' ').map(str::to_owned).collect();
            assert!(members.len() < CROWD / 4, "{} at once", members.len());
            gone.extend(members);
        }
        gone.sort();
        gone.dedup();
        assert_eq!(gone.len(), CROWD);
        assert!(!server.events().contains(&"del".to_owned()));
        assert_eq!(server.run(&format!("{family}CARD k")), Value::Integer(1));
    }
}

#[test]
fn who_watches_is_told() {
    let server = Watched::without_cycle();
    let mut session = server.running.session();
    for expire in [false, true] {
        server.run("SADD k a b");
        session.run(&["WATCH", "k"]);
        if expire {
            // On a busy machine the member may be gone before the watch begins.
            let watched_in_time = || {
                session.run(&["UNWATCH"]);
                server.run("SADD k a b");
                server.run("SPEXPIRE k 200 MEMBERS 1 a");
                session.run(&["WATCH", "k"]);
                (server.run("SPTTL k MEMBERS 1 a").to_string() != "1) (integer) -2").then_some(())
            };
            wait_for(watched_in_time).unwrap();
            wait_for(|| (server.run("SCARD k") == Value::Integer(1)).then_some(())).unwrap();
        }
        session.run(&["MULTI"]);
        session.run(&["SCARD", "k"]);
        let expected = if expire { "(nil)" } else { "1) (integer) 2" };
        assert_eq!(session.run(&["EXEC"]).to_string(), expected);
    }
}

#[test]
fn time_stands_still_in_a_transaction() {
    let server = Watched::without_cycle();
    let mut session = server.running.session();
    server.run("ZADD k 1 a 2 b");
    session.run(&["MULTI"]);
    session.run(&["ZPEXPIRE", "k", "1", "MEMBERS", "1", "a"]);
    session.run(&["DEBUG", "SLEEP", "0.005"]);
    session.run(&["ZCARD", "k"]);
    assert_eq!(lines(&session.run(&["EXEC"])), ["1", "OK", "2"]);
    assert_eq!(server.run("ZCARD k"), Value::Integer(1));
}
