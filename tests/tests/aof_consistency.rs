//! Effects say exactly what happened: after random commands of every family, the data that the append only file leads to are
//! the data that are there.
//!
//! A command whose effect depends on chance, on the time, or on what a command found out elsewhere, and is logged as it was
//! asked, is found here. `CONSISTENCY_COMMANDS` says how many commands run.

#![allow(clippy::unwrap_used)]

use redis_commands as _;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::{Random, temporary_folder};

/// Commands with holes: `K` a key, `M` a member, field or value, `N` a small number, `F` a fraction, `D` a database,
/// `T` a time to live in milliseconds, `P` a point in time, `I` a stream id.
const COMMANDS: &str = "
    SET K M | SET K N | SET K M EX 100 | SET K M PX T | SET K M GET | SET K M NX | SET K M XX KEEPTTL | SET K M PXAT P
    SETEX K 100 M | PSETEX K T M | GETSET K M | GETDEL K | GETEX K PX T | GETEX K PERSIST | SETNX K M | APPEND K M
    SETRANGE K N M | INCR K | DECRBY K N | INCRBYFLOAT K F | MSET K M K M | MSETNX K M K M
    SETBIT K N 1 | BITOP AND K K K | BITOP NOT K K | BITFIELD K SET u8 N N INCRBY i5 N N
    LPUSH K M M | RPUSH K M N | LPUSHX K M | LPOP K | RPOP K N | LMPOP 2 K K LEFT COUNT N | LMOVE K K LEFT RIGHT
    RPOPLPUSH K K | LSET K N M | LREM K N M | LTRIM K 0 N | LINSERT K BEFORE M M | BLPOP K 0.01 | BRPOP K 0.01
    BLMOVE K K LEFT LEFT 0.01 | BLMPOP 0.01 1 K RIGHT
    SADD K M M N | SREM K M N | SPOP K | SPOP K N | SMOVE K K M | SUNIONSTORE K K K | SINTERSTORE K K K | SDIFFSTORE K K K
    HSET K M M M N | HSETNX K M M | HDEL K M | HINCRBY K M N | HINCRBYFLOAT K M F | HPEXPIRE K T FIELDS 1 M
    HEXPIRE K 100 FIELDS 2 M M | HPERSIST K FIELDS 1 M | HGETEX K PX T FIELDS 1 M | HSETEX K PX T FIELDS 1 M M | HGETDEL K FIELDS 1 M
    ZADD K N M F M | ZADD K GT N M | ZADD K INCR F M | ZINCRBY K F M | ZREM K M | ZPOPMIN K N | ZPOPMAX K | ZMPOP 1 K MIN
    ZRANGESTORE K K 0 N | ZUNIONSTORE K 2 K K | ZINTERSTORE K 2 K K WEIGHTS N F | ZDIFFSTORE K 2 K K
    ZREMRANGEBYRANK K 0 N | ZREMRANGEBYSCORE K 0 N | BZPOPMIN K 0.01 | BZMPOP 0.01 1 K MAX
    XADD K * M M | XADD K MAXLEN ~ 5 * M M | XADD K MAXLEN 3 * M N | XTRIM K MINID I | XDEL K I | XSETID K I
    XGROUP CREATE K M $ MKSTREAM | XGROUP CREATE K M 0 | XGROUP SETID K M 0 | XGROUP DESTROY K M | XGROUP DELCONSUMER K M M
    XGROUP CREATECONSUMER K M M | XREADGROUP GROUP M M COUNT 2 STREAMS K > | XREADGROUP GROUP M M STREAMS K 0
    XREADGROUP GROUP M M NOACK STREAMS K > | XACK K M I | XAUTOCLAIM K M M 0 0 | XCLAIM K M M 0 I
    PFADD K M M N | PFMERGE K K K | PFCOUNT K | GEOADD K N F M | GEOSEARCHSTORE K K FROMLONLAT N F BYRADIUS 500 km
    DEL K | DEL K K | UNLINK K | RENAME K K | RENAMENX K K | COPY K K REPLACE | COPY K K DB D | MOVE K D | PERSIST K
    EXPIRE K 100 | PEXPIRE K T | PEXPIRE K T NX | EXPIREAT K 1 | PEXPIREAT K P | SORT K BY nosort STORE K | SORT K ALPHA STORE K
    SELECT D | SWAPDB D D | FLUSHDB | MULTI | EXEC | EXEC | DISCARD | GET K | TYPE K | HGETALL K | SMEMBERS K
    SADD K M M M M M M M M M | HSET K M M M M M M | RPUSH K M M M M M M | ZADD K 1 M 2 M 3 M
";

struct Generator {
    random: Random,
    templates: Vec<&'static str>,
}

impl Generator {
    fn new(seed: u64) -> Self {
        let templates = COMMANDS.lines().flat_map(|line| line.split(" | ")).map(str::trim);
        Generator { random: Random::new(seed), templates: templates.filter(|text| !text.is_empty()).collect() }
    }

    fn below(&mut self, n: usize) -> String {
        self.random.below(n).to_string()
    }

    fn word(&mut self, hole: &str) -> String {
        let now = redis_core::clock::unix_millis();
        match hole {
            // Keys of one type for the most part, so that commands find what they are for.
            "K" => format!("key:{}", self.random.below(40)),
            "M" => format!("m{}", self.random.below(8)),
            "N" => self.below(12),
            "F" => format!("{}.{}", self.random.below(9), self.random.below(100)),
            "D" => self.below(3),
            "T" => (1 + self.random.below(40)).to_string(),
            "P" => (now + 20 - self.random.below(40) as u64).to_string(),
            "I" => format!("{}-{}", now - self.random.below(200) as u64, self.random.below(2)),
            word => word.to_owned(),
        }
    }

    fn next(&mut self) -> Vec<String> {
        let template = *self.random.pick(&self.templates);
        template.split(' ').map(|hole| self.word(hole)).collect()
    }
}

fn consistent(seed: u64, preamble: &str) {
    let folder = temporary_folder();
    let directives = [
        ("port", "0"),
        ("appendonly", "yes"),
        ("appendfsync", "no"),
        ("enable-debug-command", "yes"),
        ("set-max-listpack-entries", "6"),
        ("aof-use-rdb-preamble", preamble),
        ("dir", folder.path().to_str().unwrap()),
    ];
    let server = directives.iter().fold(Server::builder(), |builder, (name, value)| builder.directive(name, value));
    let server = server.start().unwrap();
    let commands = std::env::var("CONSISTENCY_COMMANDS").ok().and_then(|n| n.parse().ok()).unwrap_or(6000);
    let mut generator = Generator::new(seed);
    let mut session = server.session();
    let mut recent = std::collections::VecDeque::new();
    for n in 0..commands {
        let request = generator.next();
        session.run(&request);
        recent.push_back(request.join(" "));
        if recent.len() > 400 {
            recent.pop_front();
        }
        if n % 97 == 0 {
            session.run(&["BGREWRITEAOF"]);
        }
        if n % 400 == 399 {
            session.run(&["EXEC"]);
            // What expires between two looks would be a difference that is none.
            session.run(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
            settle(&server);
            let before = (session.run(&["DEBUG", "DIGEST"]), state(&server));
            assert_eq!(session.run(&["DEBUG", "LOADAOF"]), Value::Simple(b"OK".to_vec()), "seed {seed}");
            let after = (session.run(&["DEBUG", "DIGEST"]), state(&server));
            if before != after {
                let changed: Vec<_> = before.1.iter().zip(&after.1).filter(|(before, after)| before != after).collect();
                let keys: Vec<_> = changed.iter().map(|(before, _)| before.split(' ').nth(1).unwrap()).collect();
                let named = |request: &&String| keys.iter().any(|key| request.split(' ').any(|word| word == *key));
                let about: Vec<_> = recent.iter().filter(named).collect();
                panic!("seed {seed}, before command {n}: {changed:#?} after {about:#?}");
            }
            session.run(&["DEBUG", "SET-ACTIVE-EXPIRE", "1"]);
        }
    }
}

/// Every key with its type, value and deadline.
fn state(server: &redis_core::Running) -> Vec<String> {
    let mut session = server.session();
    let mut state = Vec::new();
    for database in 0..3 {
        session.run(&["SELECT", &database.to_string()]);
        for key in 0..40 {
            let key = format!("key:{key}");
            let facts = [
                session.run(&["TYPE", &key]),
                session.run(&["DEBUG", "DIGEST-VALUE", &key]),
                session.run(&["PEXPIRETIME", &key]),
            ];
            let facts = facts.map(|fact| redis_tests::waiting::shown(&fact)).join(" ");
            state.push(format!("{database}: {key} {facts}"));
        }
    }
    state
}

/// Waits until everything that is about to expire has, and is gone.
fn settle(server: &redis_core::Running) {
    std::thread::sleep(std::time::Duration::from_millis(60));
    let mut session = server.session();
    for database in 0..3 {
        session.run(&["SELECT", &database.to_string()]);
        for key in 0..40 {
            for read in ["GET", "HGETALL", "TYPE"] {
                session.run(&[read, &format!("key:{key}")]);
            }
        }
    }
}

#[test]
fn what_is_logged_is_what_happened() {
    for (seed, preamble) in [(1, "yes"), (2, "no"), (3, "yes")] {
        consistent(seed, preamble);
    }
}
