//! What the server says of its memory, against what the allocator says: MEMORY USAGE of every type and encoding, the
//! fields of INFO, and that memory is given back.

#![allow(clippy::unwrap_used)]

use redis_core::resp::Value;
use redis_tests::{Client, Process, Wire, our_server, wait_for};

/// What is used, as INFO tells it.
fn info(client: &mut Client, field: &str) -> i64 {
    client.info("memory", field)
}

fn encoding_of(client: &mut Client, key: &str) -> String {
    match client.ok(&format!("OBJECT ENCODING {key}")) {
        Value::Bulk(name) => String::from_utf8_lossy(&name).into_owned(),
        other => panic!("{other} is no encoding"),
    }
}

/// `count` words made of `prefix` and a number, each behind `before`.
fn words(count: usize, before: &str, prefix: &str) -> String {
    (0..count).map(|n| format!(" {before}{prefix}{n:05}")).collect()
}

/// The request that makes a key.
type Make = Box<dyn Fn(&str) -> String>;

/// Every type and encoding: what it is called, how many keys to make, and the request that makes one.
fn shapes() -> Vec<(&'static str, usize, Make)> {
    fn pairs(count: usize, prefix: &str) -> String {
        (0..count).map(|n| format!(" {n} {prefix}{n:05}")).collect()
    }
    fn shape(make: impl Fn(&str) -> String + 'static) -> Make {
        Box::new(make)
    }
    let stream = |count: usize| words(count, "", "value-of-a-field-");
    vec![
        ("int", 20_000, shape(|key| format!("SET {key} 12345"))),
        ("embstr", 20_000, shape(|key| format!("SET {key} a-value-of-24-characters"))),
        ("raw", 5_000, shape(|key| format!("SET {key} {} EX 100000", "v".repeat(200)))),
        ("raw", 500, shape(|key| format!("SET {key} {}", "v".repeat(20_000)))),
        ("quicklist", 3_000, shape(|key| format!("RPUSH {key}{}", words(20, "", "element-")))),
        ("quicklist", 100, shape(|key| format!("RPUSH {key}{}", words(2_000, "", "element-")))),
        ("intset", 3_000, shape(|key| format!("SADD {key} 1 2 3 4 5 6 70000"))),
        ("listpack", 3_000, shape(|key| format!("SADD {key}{}", words(20, "", "member-")))),
        ("hashtable", 100, shape(|key| format!("SADD {key}{}", words(1_000, "", "member-")))),
        ("listpack", 3_000, shape(|key| format!("HSET {key}{}", words(20, "", "field-or-value-")))),
        ("hashtable", 100, shape(|key| format!("HSET {key}{}", pairs(1_000, "value-")))),
        ("listpack", 3_000, shape(|key| format!("ZADD {key}{}", pairs(20, "member-")))),
        ("skiplist", 100, shape(|key| format!("ZADD {key}{}", pairs(1_000, "member-")))),
        ("stream", 3_000, shape(move |key| format!("XADD {key} *{}", stream(20)))),
        ("raw", 300, shape(|key| format!("SETRANGE {key} 1000 {}", "v".repeat(9_000)))),
    ]
}

#[test]
fn memory_usage_adds_up_to_what_the_allocator_has_handed_out() {
    let server = Process::server(our_server(), &["--hz", "1"]);
    let client = &mut Client::of(&server);
    let mut wrong = Vec::new();
    for (encoding, count, make) in shapes() {
        client.ok("FLUSHALL SYNC");
        let before = info(client, "used_memory");
        for n in 0..count {
            client.ok(&make(&format!("key:{n:012}")));
        }
        assert_eq!(encoding_of(client, "key:000000000007"), encoding);
        let growth = info(client, "used_memory") - before;
        let usage: i64 = (0..count).map(|n| client.number(&format!("MEMORY USAGE key:{n:012}"))).sum();
        let ratio = usage as f64 / growth as f64;
        println!("{}: {ratio:.3} of {growth}", &make("key")[..12]);
        if !(0.95..=1.05).contains(&ratio) {
            wrong.push(format!("{encoding}: MEMORY USAGE says {usage}, used_memory has grown by {growth}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_figures_agree_with_each_other_and_memory_is_given_back() {
    let server = Process::server(our_server(), &[]);
    let client = &mut Client::of(&server);
    let empty = info(client, "used_memory");
    for n in 0..3_000 {
        client.ok(&format!("SET key:{n} {}", "v".repeat(10_000)));
    }
    let [used, allocated, active, resident, rss, dataset, overhead] = [
        "used_memory",
        "allocator_allocated",
        "allocator_active",
        "allocator_resident",
        "used_memory_rss",
        "used_memory_dataset",
        "used_memory_overhead",
    ]
    .map(|field| info(client, field));
    let near = |a: i64, b: i64| (a - b).abs() * 100 <= b * 3;
    assert!(near(used, allocated), "{used} {allocated}");
    assert!(allocated <= active && active <= resident, "{allocated} {active} {resident}");
    assert!(rss > used / 2 && near(dataset + overhead, used), "{rss} {used} {dataset} {overhead}");
    assert!(used - empty > 30_000_000);
    client.ok("FLUSHALL SYNC");
    client.ok("MEMORY PURGE");
    let given_back = wait_for(|| {
        let [used, active] = ["used_memory", "allocator_active"].map(|field| info(client, field));
        (used - empty < 1 << 20 && active < allocated / 2 && info(client, "used_memory_rss") < rss - 20_000_000)
            .then_some(())
    });
    assert!(given_back.is_some(), "{} of {active} bytes are still active", info(client, "allocator_active"));
}

#[test]
fn an_idle_connection_takes_little() {
    const CONNECTIONS: i64 = 400;
    let server = Process::server(our_server(), &[]);
    let client = &mut Client::of(&server);
    let [used, noted] = ["used_memory", "mem_clients_normal"].map(|field| info(client, field));
    let mut idle: Vec<_> = (0..CONNECTIONS).map(|_| Client::of(&server)).collect();
    idle.iter_mut().for_each(|client| drop(client.ok("PING")));
    let used = (info(client, "used_memory") - used) / CONNECTIONS;
    let noted = (info(client, "mem_clients_normal") - noted) / CONNECTIONS;
    assert!(used <= 2048, "{used} bytes each");
    assert!((used - noted).abs() < used / 4, "{used} bytes each, and INFO says {noted}");
}

#[test]
fn a_limit_is_exceeded_by_no_more_than_a_command() {
    const LARGE: usize = 200_000;
    for threads in ["1", "4"] {
        let server = Process::server(our_server(), &["--io-threads", threads]);
        let client = &mut Client::of(&server);
        let limit = info(client, "used_memory") + (20 << 20);
        client.ok(&format!(
            "CONFIG SET maxmemory {limit} maxmemory-policy allkeys-lru maxmemory-eviction-tenacity 100 maxmemory-clients 0"
        ));
        client.ok("CONFIG RESETSTAT");
        const WRITERS: usize = 4;
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let mut wire = Wire::connect(server.address).unwrap();
                scope.spawn(move || {
                    for round in 0..15 {
                        // Small values in a pipeline, and then a large one.
                        let mut pipeline = String::new();
                        for n in 0..200 {
                            let key = format!("{writer}:{round}:{n}");
                            pipeline += &format!("SET {key} {}\r\n", "v".repeat(1_000));
                        }
                        pipeline += &format!("SETRANGE {writer}:{round}:large {LARGE} v\r\n");
                        wire.send_raw(pipeline.as_bytes()).unwrap();
                        (0..201).for_each(|_| assert!(!matches!(wire.receive().unwrap(), Value::Error(_))));
                    }
                });
            }
        });
        // Each writer may be in the middle of a command, with what has come of its pipeline beside it.
        let peak = info(client, "used_memory_peak");
        let allowed = limit + (WRITERS * 2 * LARGE + (1 << 20)) as i64;
        assert!(peak <= allowed, "{threads} workers: {peak} bytes were in use, {limit} are allowed");
    }
}

/// How many requests, and which.
type Requests = (usize, fn(usize) -> String);

#[test]
fn what_removals_have_left_is_moved_together() {
    const KEYS: usize = 60_000;
    let settings = ["--active-defrag-ignore-bytes", "1mb", "--enable-debug-command", "yes"];
    let server = Process::server(our_server(), &settings);
    let mut client = Client::of(&server);
    // Of every kind something that is large, and many keys that are small.
    let make: [Requests; 6] = [
        (KEYS, |n| format!("SET key:{n} {n:0100}")),
        (KEYS, |n| format!("HSET hash field:{n} {n:060}")),
        (KEYS, |n| format!("SADD set member:{n:060}")),
        (KEYS, |n| format!("ZADD sorted {n} member:{n:040}")),
        (KEYS / 4, |n| format!("SADD small:{n} {n} a{n:020} b{n:020} c{n:020}")),
        (KEYS, |n| format!("RPUSH list:{} {n:0200}", n % 50)),
    ];
    for (count, request) in make {
        client.all((0..count).map(request));
    }
    let gone = |n: &usize| !n.is_multiple_of(8);
    let remove: [Requests; 5] = [
        (KEYS, |n| format!("DEL key:{n}")),
        (KEYS, |n| format!("HDEL hash field:{n}")),
        (KEYS, |n| format!("SREM set member:{n:060}")),
        (KEYS, |n| format!("ZREM sorted member:{n:040}")),
        (KEYS / 4, |n| format!("DEL small:{n}")),
    ];
    for (count, request) in remove {
        client.all((0..count).filter(gone).map(request));
    }
    client.all((0..50).filter(gone).map(|n| format!("DEL list:{n}")));
    let digest = client.ok("DEBUG DIGEST");
    let apart =
        |client: &mut Client| info(client, "allocator_active") as f64 / info(client, "allocator_allocated") as f64;
    let before = apart(&mut client);
    assert!(before > 1.5, "it does not lie apart: {before}");
    client.ok("CONFIG SET active-defrag-cycle-min 50 active-defrag-cycle-max 75 activedefrag yes");
    let together = wait_for(|| (apart(&mut client) < 1.2).then_some(()));
    assert!(together.is_some(), "what is left lies apart: {}", apart(&mut client));
    assert_eq!(client.ok("DEBUG DIGEST"), digest);
    // It goes on while the data change, and comes to rest.
    client.all((0..KEYS).map(|n| format!("SET other:{n} {n:0100}")));
    client.all((0..KEYS).filter(gone).map(|n| format!("DEL other:{n}")));
    let rests = |client: &mut Client| apart(client) < 1.2 && info(client, "active_defrag_running") == 0;
    assert!(wait_for(|| rests(&mut client).then_some(())).is_some(), "it does not rest: {}", apart(&mut client));
    client.ok("CONFIG SET activedefrag no");
    client.all((0..KEYS).filter(|n| !gone(n)).map(|n| format!("DEL other:{n}")));
    assert_eq!(client.ok("DEBUG DIGEST"), digest);
}
