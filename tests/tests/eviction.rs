//! `maxmemory`: what goes when it is used up, what stays, and that the limit holds. A server process is asked, as the
//! allocator is the program's; with one worker and with two.

#![allow(clippy::unwrap_used)]

use redis_core::resp::Value;
use redis_tests::{Client, Process, Random, our_server, redis_server, valkey_server};

/// What a test's data may take, beyond what an empty server does.
const ROOM: i64 = 1 << 20;
/// A value: so large that counting is about data, so small that there are many.
const VALUE: usize = 512;
/// More values than there is room for.
const MANY: usize = 5000;

/// Leaves [`ROOM`] bytes for data.
fn limit(client: &mut Client, policy: &str) -> i64 {
    let limit = client.info("memory", "used_memory") + ROOM;
    client.ok(&format!("CONFIG SET maxmemory {limit} maxmemory-policy {policy} maxmemory-eviction-tenacity 100"));
    limit
}

/// Runs a test against either kind of server.
fn with_one_and_two_workers(test: impl Fn(&mut Client)) {
    for threads in ["1", "2"] {
        let server = Process::server(our_server(), &["--io-threads", threads]);
        test(&mut Client::of(&server));
    }
}

fn value() -> String {
    "v".repeat(VALUE)
}

#[test]
fn all_keys_may_go() {
    with_one_and_two_workers(|client| {
        for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-lrm"] {
            client.ok("FLUSHALL");
            let limit = limit(client, policy);
            for n in 0..MANY {
                client.ok(&format!("SET key:{n} {}", value()));
            }
            let used = client.info("memory", "used_memory");
            assert!(used <= limit + (64 << 10), "{policy}: {used} bytes are used, {limit} allowed");
            client.ok("CONFIG SET maxmemory 0");
            let (keys, evicted) = (client.number("DBSIZE"), client.info("stats", "evicted_keys"));
            assert_eq!(keys + evicted, MANY as i64, "{policy}");
            assert!(keys > ROOM / VALUE as i64 / 3, "{policy}: only {keys} are left");
            client.ok("CONFIG RESETSTAT");
        }
    });
}

#[test]
fn only_keys_that_expire_go() {
    with_one_and_two_workers(|client| {
        for policy in ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "volatile-lrm"] {
            client.ok("FLUSHALL");
            limit(client, policy);
            for n in 0..300 {
                client.ok(&format!("SET stays:{n} {}", value()));
            }
            for n in 0..MANY {
                client.ok(&format!("SET goes:{n} {} EX 10000", value()));
            }
            for n in 0..300 {
                assert_eq!(client.number(&format!("EXISTS stays:{n}")), 1, "{policy}: stays:{n}");
            }
            // When nothing that expires is left, commands that need memory are refused, and others are not.
            let refused = (0..MANY).any(|n| {
                let reply = client.ask(&format!("SET more:{n} {}", value()));
                matches!(reply, Value::Error(text) if text.starts_with(b"OOM command not allowed"))
            });
            assert!(refused, "{policy}");
            assert_eq!(client.number("DEL stays:1"), 1);
            client.ok("CONFIG SET maxmemory 0");
        }
    });
}

#[test]
fn what_expires_soonest_goes_first() {
    let server = Process::server(our_server(), &[]);
    let client = &mut Client::of(&server);
    limit(client, "volatile-ttl");
    client.ok("CONFIG SET maxmemory-samples 64");
    let mut written = 0;
    while client.info("stats", "evicted_keys") < 500 {
        // The later a key was made, the sooner it expires.
        client.ok(&format!("SET key:{written} {} EXAT {}", value(), 4_000_000_000_i64 - written));
        written += 1;
    }
    let alive = |client: &mut Client, from: i64| {
        (from..from + 500).map(|n| client.number(&format!("EXISTS key:{n}"))).sum::<i64>()
    };
    // Each new key is the first to go, so those from the beginning are all there.
    let (first, last) = (alive(client, 0), alive(client, written - 500));
    assert!(first > 450 && last < 100, "of the first 500 keys {first} are there, of the last {last}");
}

#[test]
fn what_is_used_stays() {
    for policy in ["allkeys-lru", "allkeys-lfu"] {
        let server = Process::server(our_server(), &["--maxmemory-samples", "16", "--lfu-log-factor", "0"]);
        let client = &mut Client::of(&server);
        client.ok(&format!("CONFIG SET maxmemory-policy {policy} maxmemory-eviction-tenacity 100"));
        let few = 500;
        for n in 0..few {
            client.ok(&format!("SET used:{n} {}", value()));
        }
        for n in 0..2 * ROOM / VALUE as i64 {
            client.ok(&format!("SET idle:{n} {}", value()));
        }
        let use_them = |client: &mut Client| {
            (0..few).filter(|n| !matches!(client.ok(&format!("GET used:{n}")), Value::Null)).count()
        };
        // The clock that times are taken from ticks once a second.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!(use_them(client), few);
        let used = client.info("memory", "used_memory");
        client.ok(&format!("CONFIG SET maxmemory {}", used - ROOM / 4));
        client.ok("SET one:more value");
        let evicted = client.info("stats", "evicted_keys");
        assert!(evicted > 300, "{policy}: {evicted} keys went");
        assert!(use_them(client) > few - 25, "{policy}: keys in use went");
    }
}

#[test]
fn evicted_keys_are_told() {
    let server = Process::server(our_server(), &["--notify-keyspace-events", "Ee"]);
    let client = &mut Client::of(&server);
    let mut subscriber = Client::of(&server);
    subscriber.ok("SUBSCRIBE __keyevent@0__:evicted");
    client.ok(&format!("SET large {}", "v".repeat(1 << 20)));
    client.ok("WATCH large");
    let mut other = Client::of(&server);
    let used = other.info("memory", "used_memory");
    other.ok(&format!("CONFIG SET maxmemory-policy allkeys-lru maxmemory {}", used - (1 << 19)));
    other.ok("PING");
    let Value::Array(message) = subscriber.wire.receive().unwrap() else { panic!("a message") };
    assert_eq!(message[2], Value::Bulk(b"large".as_slice().into()));
    // Whoever watched the key finds it changed.
    client.ok("MULTI");
    client.ok("PING");
    assert_eq!(client.ask("EXEC"), Value::NullArray);
}

#[test]
fn a_large_value_that_is_freed_in_the_background_counts_as_free() {
    let server = Process::server(our_server(), &[]);
    let client = &mut Client::of(&server);
    for key in ["a", "b", "c", "d"] {
        for from in (0..50_000).step_by(500) {
            let members: Vec<_> = (from..from + 500).map(|n| format!("member:{n}")).collect();
            client.ok(&format!("SADD {key} {}", members.join(" ")));
        }
    }
    let used = client.info("memory", "used_memory");
    client.ok(&format!("CONFIG SET maxmemory-policy allkeys-random maxmemory {}", used - (1 << 19)));
    client.ok("PING");
    assert_eq!(client.number("DBSIZE"), 3, "one was enough");
}

/// The share of requests by Zipf's law that find their key in a server with room for some megabytes, as an application
/// asks that puts there what it has not found. Requests come in pipelines, and with `scans` others between
/// them for keys that nobody asks for again.
fn hit_ratio(binary: &std::path::Path, policy: &str, scans: bool) -> f64 {
    const KEYS: usize = 100_000;
    const BATCH: usize = 100;
    const BATCHES: usize = 3_000;
    let server = Process::server(binary, &["--hz", "10"]);
    let client = &mut Client::of(&server);
    let limit = client.info("memory", "used_memory") + (4 << 20);
    client.ok(&format!("CONFIG SET maxmemory {limit}"));
    client.ok(&format!("CONFIG SET maxmemory-policy {policy}"));
    let mut sum = 0.0;
    let weights: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += (rank as f64).powf(-0.9);
            sum
        })
        .collect();
    let mut random = Random::new(11);
    let (mut hits, mut asked) = (0_usize, 0_usize);
    for batch in 0..BATCHES {
        let scan = scans && batch % 4 == 3;
        let keys: Vec<usize> = (0..BATCH)
            .map(|n| {
                let unit = (random.number() >> 11) as f64 / (1_u64 << 53) as f64;
                let rank = weights.partition_point(|weight| *weight < unit * sum);
                if scan { KEYS + batch * BATCH + n } else { rank }
            })
            .collect();
        let gets: String = keys.iter().map(|key| format!("GET key:{key:012}\r\n")).collect();
        client.wire.send_raw(gets.as_bytes()).unwrap();
        let missed: Vec<&usize> =
            keys.iter().filter(|_| matches!(client.wire.receive().unwrap(), Value::Null)).collect();
        if batch > BATCHES / 3 && !scan {
            hits += BATCH - missed.len();
            asked += BATCH;
        }
        let value = "v".repeat(200);
        let sets: String = missed.iter().map(|key| format!("SET key:{key:012} {value}\r\n")).collect();
        client.wire.send_raw(sets.as_bytes()).unwrap();
        missed.iter().for_each(|_| assert!(!matches!(client.wire.receive().unwrap(), Value::Error(_))));
    }
    hits as f64 / asked as f64
}

/// Prints what share of requests real servers and this one answer from memory, with the same limit: `--ignored --nocapture`.
#[test]
#[ignore = "a comparison, which takes a minute"]
fn hit_ratios_beside_other_servers() {
    let peers = [redis_server(), valkey_server()];
    let peers: Vec<_> = peers.into_iter().flatten().map(|peer| (peer.name, peer.binary)).collect();
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-tinylfu"] {
        for scans in [false, true] {
            let own = hit_ratio(our_server(), policy, scans);
            println!("{policy}, scans {scans}: ours {:.1} %", 100.0 * own);
            if policy == "allkeys-tinylfu" {
                continue;
            }
            for (name, binary) in &peers {
                let other = hit_ratio(binary, policy, scans);
                println!("{policy}, scans {scans}: {name} {:.1} %", 100.0 * other);
                assert!(own > other - 0.01, "{policy}: {own} is less than {other} of {name}");
            }
        }
    }
}
