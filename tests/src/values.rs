//! Random values of every type, made by requests, and all that a client can read of them: by this it is seen whether two
//! servers have the same.

use redis_core::resp::Value;

use crate::{Process, Random, Wire};

/// A request.
pub type Request = Vec<Vec<u8>>;

/// Where a recipe makes its value.
pub const KEY: &str = "key";

/// The databases that are filled.
pub const DATABASES: [&str; 3] = ["0", "3", "15"];

/// A deadline that no test lives to see, in milliseconds since 1970.
fn far_deadline(random: &mut Random) -> String {
    (4_000_000_000_000 + random.number() % 1_000_000).to_string()
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
#[must_use]
pub fn recipe(random: &mut Random, deadlines: bool) -> Vec<Request> {
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
            let deadline = far_deadline(random);
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

/// A request that changes one of the keys `key:0`, `key:1` and so on, mostly one whose effect is not the request itself:
/// chance decides, or a duration, or what is there. Whether it fails depends on the key's type.
fn change(random: &mut Random, key: &str, other: &str) -> Request {
    let database = *random.pick(&DATABASES);
    let words: &[&str] = match random.below(28) {
        0 => &["SPOP", key],
        1 => &["SPOP", key, "7"],
        2 => &["LPOP", key, "3"],
        3 => &["RPOPLPUSH", key, other],
        4 => &["LMOVE", key, other, "LEFT", "RIGHT"],
        5 => &["INCRBYFLOAT", key, "0.7"],
        6 => &["HINCRBYFLOAT", key, "new field", "1.25"],
        7 => &["GETEX", key, "EX", "100000"],
        8 => &["EXPIRE", key, "100000"],
        9 => &["EXPIRE", key, "-1"],
        10 => &["PERSIST", key],
        11 => &["SET", key, "with a deadline", "EX", "100000"],
        12 => &["SET", key, "another", "KEEPTTL"],
        13 => &["ZPOPMIN", key, "2"],
        14 => &["ZADD", key, "INCR", "1.1", "new member"],
        15 => &["ZRANGESTORE", other, key, "0", "10"],
        16 => &["ZUNIONSTORE", other, "2", key, "key:0"],
        17 => &["COPY", key, other, "DB", database, "REPLACE"],
        18 => &["MOVE", key, database],
        19 => &["XADD", key, "NOMKSTREAM", "MAXLEN", "~", "20", "*", "field", "value"],
        20 => &["XAUTOCLAIM", key, "one", "dave", "0", "0", "COUNT", "3"],
        21 => &["XREADGROUP", "GROUP", "two", "dave", "COUNT", "2", "STREAMS", key, ">"],
        22 => &["XREADGROUP", "GROUP", "two", "eve", "COUNT", "2", "NOACK", "STREAMS", key, ">"],
        23 => &["SETRANGE", key, "5", "middle"],
        24 => &["SUNIONSTORE", other, key, "key:1"],
        25 => &["SORT", key, "ALPHA", "STORE", other],
        26 => &["GETDEL", key],
        _ => &["PFADD", other, "a", "b", key],
    };
    request(words)
}

/// A server and a connection to it.
pub struct Side {
    /// What it is called in messages.
    pub name: String,
    /// The connection.
    pub wire: Wire,
    /// The server.
    pub process: Process,
}

impl Side {
    /// Connects to a running server.
    ///
    /// # Panics
    /// If the server has something against it.
    #[must_use]
    pub fn new(name: &str, process: Process) -> Self {
        let wire = Wire::connect(process.address).expect("the server listens");
        Side { name: name.to_owned(), wire, process }
    }

    /// The reply to a request.
    ///
    /// # Panics
    /// If the server has something against it.
    pub fn run(&mut self, request: &[impl AsRef<[u8]>]) -> Value {
        self.wire.run(request).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Makes `count` values in several databases, under the names `key:0`, `key:1` and so on; some keys have deadlines.
    /// `deadlines` is whether fields of hashes may have them.
    ///
    /// # Panics
    /// If the server does not know a command.
    pub fn fill(&mut self, seed: u64, count: u64, deadlines: bool) {
        for number in 0..count {
            let mut random = Random::new(seed << 32 | number);
            self.run(&["SELECT", DATABASES[random.below(DATABASES.len())]]);
            for request in recipe(&mut random, deadlines) {
                self.run_known(&request);
            }
            let name = format!("key:{number}");
            self.run(&["RENAME", KEY, &name]);
            match random.below(4) {
                0 => drop(self.run(&["PEXPIREAT", &name, &far_deadline(&mut random)])),
                // Gone before anybody reads it.
                1 if random.one_in(4) => drop(self.run(&["PEXPIRE", &name, "1"])),
                _ => {}
            }
        }
    }

    /// Changes those of `count` values that there are, some of them in transactions.
    ///
    /// # Panics
    /// If the server does not know a command.
    pub fn change(&mut self, seed: u64, count: u64) {
        for number in 0..count * 4 {
            let mut random = Random::new(seed << 32 | number);
            self.run(&["SELECT", DATABASES[random.below(DATABASES.len())]]);
            let together = if random.one_in(6) { 1 + random.below(4) } else { 0 };
            if together > 0 {
                self.run(&["MULTI"]);
            }
            for _ in 0..together.max(1) {
                let [key, other] = [(); 2].map(|()| format!("key:{}", random.number() % count));
                let change = change(&mut random, &key, &other);
                self.run_known(&change);
            }
            if together > 0 {
                let reply = self.run(&["EXEC"]);
                assert!(matches!(reply, Value::Array(_)), "{}: EXEC replies {reply}", self.name);
            }
        }
    }

    /// The reply to a request that may fail, but not because it is none.
    fn run_known(&mut self, request: &Request) {
        let reply = self.run(request).to_string();
        let is_request = ["unknown command", "syntax error", "wrong number of arguments"];
        assert!(is_request.iter().all(|error| !reply.contains(error)), "{}: {reply}", self.name);
    }

    /// Everything that is in the databases: database, key, deadline, value.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn contents(&mut self) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        for database in DATABASES {
            self.run(&["SELECT", database]);
            let Value::Array(keys) = self.run(&["KEYS", "*"]) else { panic!("{}: no keys", self.name) };
            let name = |key: &Value| match key {
                Value::Bulk(name) => String::from_utf8_lossy(name).into_owned(),
                other => panic!("a key is {other}"),
            };
            let mut keys: Vec<String> = keys.iter().map(name).collect();
            keys.sort();
            for key in keys {
                parts.push(format!("{database} {key} {}", self.run(&["PEXPIRETIME", &key])).into_bytes());
                parts.extend(self.read(&key));
            }
        }
        parts
    }

    /// What DUMP replies, which must be a payload.
    ///
    /// # Panics
    /// If the server has something against it.
    pub fn dump(&mut self, key: &str) -> Vec<u8> {
        match self.run(&["DUMP", key]) {
            Value::Bulk(payload) => payload,
            other => panic!("{}: DUMP replies {other}", self.name),
        }
    }

    /// Makes a key of a payload.
    ///
    /// # Panics
    /// If the server has something against it.
    pub fn restore(&mut self, key: &str, payload: &[u8]) {
        let reply = self.run(&[b"RESTORE", key.as_bytes(), b"0", payload, b"REPLACE"]);
        assert_eq!(reply, Value::Simple(b"OK".to_vec()), "{}: RESTORE of form {}", self.name, payload[0]);
    }

    /// What DEBUG says of a value: the same for the same value.
    ///
    /// # Panics
    /// If the server has something against it.
    pub fn digest(&mut self, key: &str) -> Value {
        self.run(&["DEBUG", "DIGEST-VALUE", key])
    }

    /// All that a client can read of a value, in an order that does not depend on the server.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn read(&mut self, key: &str) -> Vec<Vec<u8>> {
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
                let number: f64 =
                    std::str::from_utf8(score).ok().and_then(|score| score.parse().ok()).expect("a score is a number");
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
///
/// # Panics
/// If one does.
pub fn assert_same(one: &[Vec<u8>], other: &[Vec<u8>], what: impl Fn() -> String) {
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
