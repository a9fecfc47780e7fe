//! Hostile bytes for what reads bytes of strangers: RESTORE with all its forms, snapshot files, append only
//! files, and the decoder of requests.
//!
//! Inputs are mutations of the files in `tests/fuzz/corpus`. An input that leads to something not seen before (another
//! error, another kind of value) is mutated in its turn, so that damage accumulates behind what is checked first.
//! Everything follows from a seed: without further ado the tests make the same inputs each time.
//!
//! - `FUZZ_SECONDS=1800` goes on for that long.
//! - `FUZZ_SEED=2` makes other inputs.
//!
//! An input that fails is printed; with its mistake mended, it belongs into the corpus, every file of which is tried as it is
//! first.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use redis_commands as _;
use redis_core::Session;
use redis_core::persistence::aof::{self, Repair};
use redis_core::prelude::*;
use redis_core::rdb::file::{FileReader, Item, ReadOptions};
use redis_core::rdb::{self, Crc64, Loading, Reader, is_readable, load_object};
use redis_core::resp::{Decoder, Limits, ProtocolError, Request, Value, split_args};
use redis_tests::{Random, temporary_folder, workspace};

/// Inputs tried where no time is given.
const INPUTS: u64 = 20_000;

/// How long one input may take: far longer than any does, for the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Inputs that are mutated at most.
const POOL_MAX: usize = 5000;

/// Inputs do not grow beyond this.
const SIZE_MAX: usize = 64 * 1024;

/// What panicked, in whatever thread: commands that do are answered for, so nobody would notice.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
            report(info);
        }));
    });
}

/// The files of a folder of the corpus.
fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let folder = workspace().join("tests/fuzz/corpus").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Tries the corpus and then mutations of it. `attempt` returns what the input led to, for telling what is new, and fails
/// by a panic.
fn fuzz(folder: &str, mut attempt: impl FnMut(&mut Random, &[u8]) -> String) {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seed = number("FUZZ_SEED").unwrap_or(1);
    let end = number("FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    note_panics();
    let mut pool = corpus(folder);
    let files = pool.len() as u64;
    assert!(files > 10, "the corpus is gone");
    let mut seen = HashSet::new();
    let mut tried = 0;
    while end.map_or(tried < INPUTS, |end| Instant::now() < end || tried < files) {
        let mut random = Random::new(seed << 40 | tried);
        let input = if tried < files { pool[tried as usize].clone() } else { mutation(&mut random, &pool) };
        let start = Instant::now();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(&mut random, &input)));
        let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
        let (took, input_text) = (start.elapsed(), input.escape_ascii());
        let Ok(outcome) = result else { panic!("{panics}\ninput {tried} of seed {seed}:\n{input_text}") };
        assert!(panics.is_empty(), "{panics}\ninput {tried} of seed {seed}:\n{input_text}");
        assert!(took < PATIENCE, "{took:?} for input {tried} of seed {seed}:\n{input_text}");
        if seen.insert(outcome) && tried >= files && pool.len() < POOL_MAX {
            pool.push(input);
        }
        tried += 1;
    }
    eprintln!("{folder}: {tried} inputs led to {} different results", seen.len());
}

/// Bytes that mean something in some format: limits of lengths, tags, ends.
const TELLING: [u8; 24] = [
    0, 1, 2, 3, 0x0a, 0x0d, b'*', b'$', b'-', b'0', b'9', 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xc3, 0xf0, 0xf4,
    0xfd, 0xfe, 0xff,
];

/// An input of the pool with some damage, mostly little.
fn mutation(random: &mut Random, pool: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.pick(pool).clone();
    let most = *random.pick(&[3, 3, 3, 12]);
    for _ in 0..1 + random.below(most) {
        damage(random, &mut bytes, pool);
    }
    bytes.truncate(SIZE_MAX);
    bytes
}

fn damage(random: &mut Random, bytes: &mut Vec<u8>, pool: &[Vec<u8>]) {
    let at = random.below(bytes.len());
    let most = *random.pick(&[1, 4, 16, 200]);
    let to = (at + 1 + random.below(most)).min(bytes.len());
    match random.below(11) {
        _ if bytes.is_empty() => bytes.push(*random.pick(&TELLING)),
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 | 3 => bytes[at] = *random.pick(&TELLING),
        4 => bytes[at] = bytes[at].wrapping_add(random.below(5) as u8).wrapping_sub(2),
        5 => drop(bytes.drain(at..to)),
        6 => bytes.insert(at, *random.pick(&TELLING)),
        7 => bytes.truncate(at),
        8 => {
            let copy = bytes[at..to].to_vec();
            let place = random.below(bytes.len());
            bytes.splice(place..place, copy);
        }
        9 => {
            let other = random.pick(pool);
            let from = random.below(other.len());
            let until = (from + 1 + random.below(40)).min(other.len());
            bytes.splice(at..to, other[from.min(until)..until].iter().copied());
        }
        _ => {
            // A length as listpacks, ziplists and intsets have it, or anything else of that width.
            let value =
                (*random.pick(&[0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, bytes.len() as u32])).to_le_bytes();
            bytes.iter_mut().skip(at).zip(value).for_each(|(byte, new)| *byte = new);
        }
    }
}

/// The payload of a corpus file or of its mutation: those are without a checksum, which would keep everything away.
fn payload(random: &mut Random, input: &[u8]) -> Vec<u8> {
    let mut payload = input.to_vec();
    // Most damage to the version would be noticed before anything else is read.
    if let Some((body, version)) = input.split_last_chunk()
        && !is_readable(u16::from_le_bytes(*version))
        && !random.one_in(50)
    {
        payload = [body, &[*random.pick(&[10, 12, 80]), 0]].concat();
    }
    payload.extend(Crc64::of(&payload).to_le_bytes());
    payload
}

/// What is done to a value of each type, so that anything wrong inside shows. Replies do not matter.
fn uses(kind: &str) -> &'static [&'static [&'static str]] {
    match kind {
        "string" => {
            &[&["GET", "k"], &["APPEND", "k", "x"], &["BITCOUNT", "k"], &["PFCOUNT", "k"], &["PFADD", "k", "a"]]
        }
        "list" => &[
            &["LRANGE", "k", "0", "-1"],
            &["LINDEX", "k", "1"],
            &["LPOS", "k", "a", "RANK", "-1"],
            &["LINSERT", "k", "AFTER", "a", "new"],
            &["LSET", "k", "-1", "a longer text than there was"],
            &["LREM", "k", "-1", "a"],
            &["RPUSH", "k", "1", "2", "3"],
            &["LTRIM", "k", "1", "-2"],
            &["LPOP", "k", "3"],
        ],
        "set" => &[
            &["SMEMBERS", "k"],
            &["SRANDMEMBER", "k", "-5"],
            &["SSCAN", "k", "0"],
            &["SPEXPIRETIME", "k", "MEMBERS", "2", "a", "1"],
            &["SPEXPIREAT", "k", "4000000000001", "MEMBERS", "2", "a", "1"],
            &["SEXPIRE", "k", "0", "MEMBERS", "1", "b"],
            &["SADD", "k", "9223372036854775807", "text"],
            &["SREM", "k", "a", "1"],
            &["SPOP", "k", "2"],
            &["SINTERSTORE", "other", "k", "k"],
        ],
        "hash" => &[
            &["HGETALL", "k"],
            &["HSCAN", "k", "0"],
            &["HRANDFIELD", "k", "-5", "WITHVALUES"],
            &["HPEXPIRETIME", "k", "FIELDS", "2", "a", "b"],
            &["HSET", "k", "a", "1", "new", "x"],
            &["HPEXPIREAT", "k", "4000000000001", "FIELDS", "1", "a"],
            &["HINCRBY", "k", "a", "5"],
            &["HDEL", "k", "b", "f"],
        ],
        "zset" => &[
            &["ZRANGE", "k", "0", "-1", "WITHSCORES"],
            &["ZRANGEBYSCORE", "k", "-inf", "+inf"],
            &["ZRANK", "k", "a"],
            &["ZSCAN", "k", "0"],
            &["ZPEXPIRETIME", "k", "MEMBERS", "2", "a", "b"],
            &["ZPEXPIREAT", "k", "4000000000001", "MEMBERS", "2", "a", "b"],
            &["ZPERSIST", "k", "MEMBERS", "1", "b"],
            &["ZADD", "k", "3", "a", "-1", "new"],
            &["ZINCRBY", "k", "1", "b"],
            &["ZREM", "k", "c"],
            &["ZPOPMIN", "k", "1"],
            &["ZREMRANGEBYRANK", "k", "0", "1"],
        ],
        _ => &[
            &["XRANGE", "k", "-", "+"],
            &["XREVRANGE", "k", "+", "-"],
            &["XINFO", "STREAM", "k", "FULL", "COUNT", "0"],
            &["XINFO", "GROUPS", "k"],
            &["XINFO", "CONSUMERS", "k", "g"],
            &["XPENDING", "k", "g", "-", "+", "10"],
            &["XREADGROUP", "GROUP", "g", "alice", "COUNT", "2", "STREAMS", "k", ">"],
            &["XREADGROUP", "GROUP", "g", "alice", "STREAMS", "k", "0"],
            &["XCLAIM", "k", "g", "bob", "0", "1-1"],
            &["XAUTOCLAIM", "k", "g", "bob", "0", "0"],
            &["XACK", "k", "g", "1-1"],
            &["XADD", "k", "*", "a", "1", "b", "2"],
            &["XDEL", "k", "1-1", "5-0"],
            &["XTRIM", "k", "MAXLEN", "1"],
            &["XGROUP", "DELCONSUMER", "k", "g", "alice"],
            &["XSETID", "k", "18446744073709551615-18446744073709551615"],
            &["XADD", "k", "*", "a", "1"],
        ],
    }
}

/// Which limits are in force, which decides about conversions.
const LIMITS: [[&str; 2]; 8] = [
    ["list-max-listpack-size", "-2"],
    ["list-max-listpack-size", "2"],
    ["hash-max-listpack-entries", "512"],
    ["hash-max-listpack-entries", "1"],
    ["zset-max-listpack-entries", "128"],
    ["zset-max-listpack-entries", "1"],
    ["set-max-listpack-entries", "128"],
    ["set-max-listpack-entries", "1"],
];

fn is_error(reply: &Value) -> bool {
    matches!(reply, Value::Error(_))
}

/// What exactly is wrong with a payload and about where, which clients are not told.
fn mistake(payload: &[u8]) -> String {
    let Some((value, &[low, high, ..])) = payload.split_last_chunk::<10>() else {
        return "no footer".to_owned();
    };
    let version = u16::from_le_bytes([low, high]);
    let mut reader = Reader::new(value);
    let loading = Loading { version, limits: redis_core::value::Limits::default(), now: 0 };
    let loaded = reader.byte().and_then(|type_byte| load_object(&mut reader, type_byte, &loading));
    let mistake = match loaded {
        Ok(_) => "too long, or of another version".to_owned(),
        Err(rdb::Error::UnknownModule(_)) => "a module's".to_owned(),
        Err(error) => error.to_string(),
    };
    format!("{mistake}, at {}", (value.len() - reader.rest().len()) / 4)
}

/// Restores the input. A value that comes of it must survive being dumped, and being used.
fn restore(session: &mut Session<'_>, random: &mut Random, input: &[u8]) -> String {
    if random.one_in(20) {
        let [directive, value] = random.pick(&LIMITS);
        session.run(&["CONFIG", "SET", directive, value]);
    }
    let payload = payload(random, input);
    let form = format!("form {}", payload[0]);
    let mut run = |request: &[&[u8]]| session.run(request);
    let reply = run(&[b"RESTORE", b"k", b"0", &payload, b"REPLACE"]);
    if is_error(&reply) {
        let text = reply.to_string();
        let expected = ["Bad data format", "DUMP payload version or checksum are wrong"];
        assert!(expected.iter().any(|expected| text.contains(expected)), "{text}");
        return format!("{form}: {}", mistake(&payload));
    }
    let kind = run(&[b"TYPE", b"k"]).to_string();
    if kind == "none" {
        // A hash whose fields have all expired on the way.
        return format!("{form}: nothing");
    }
    let encoding = run(&[b"OBJECT", b"ENCODING", b"k"]).to_string();
    // Compression makes long values of few bytes, but not any length.
    let Value::Integer(memory) = run(&[b"MEMORY", b"USAGE", b"k", b"SAMPLES", b"0"]) else { panic!("no memory usage") };
    assert!(memory as usize <= 16 * 1024 + 400 * payload.len(), "{memory} bytes of {}", payload.len());
    let digest = run(&[b"DEBUG", b"DIGEST-VALUE", b"k"]);
    let Value::Bulk(dumped) = run(&[b"DUMP", b"k"]) else { panic!("a value without a dump") };
    let again = run(&[b"RESTORE", b"again", b"0", &dumped, b"REPLACE"]);
    assert!(!is_error(&again), "{again}: {}", dumped.escape_ascii());
    assert_eq!(run(&[b"DEBUG", b"DIGEST-VALUE", b"again"]), digest);
    for request in uses(&kind) {
        session.run(request);
    }
    session.run(&["DUMP", "k"]);
    format!("{form}: {encoding}, {} bytes", memory.ilog2())
}

#[test]
fn restore_believes_nothing() {
    let server = Server::builder().directive("port", "0").directive("enable-debug-command", "yes").start().unwrap();
    let mut session = server.session();
    fuzz("restore", |random, input| restore(&mut session, random, input));
}

/// A file that gives few bytes at a time.
struct Dripping<'b>(&'b [u8], usize);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(self.1);
        self.0.read(&mut buffer[..len])
    }
}

/// What is in a file, as far as it goes, and how it ends.
fn items(input: impl Read) -> (Vec<String>, String) {
    let limits = redis_core::value::Limits::default();
    let options = ReadOptions { limits, now: 0, checksum: false, any_version: false };
    let mut items = Vec::new();
    let mut reader = match FileReader::new(input, options) {
        Ok(reader) => reader,
        Err(error) => return (items, error.to_string()),
    };
    let result = reader.read(|item, position| {
        items.push(match item {
            // Values that are equal need not look so.
            Item::Key(key) => format!("{} {} {} {position}", key.key.escape_ascii(), key.type_byte, key.size),
            other => format!("{other:?} {position}"),
        });
        Ok(())
    });
    (items, result.err().map_or("the end".to_owned(), |error| error.to_string()))
}

/// Loads the input as a snapshot. Whatever comes of it must survive being used, saved and loaded.
fn load(session: &mut Session<'_>, file: &Path, random: &mut Random, input: &[u8]) -> String {
    let (found, end) = items(input);
    let piece = 1 + random.below(input.len().max(2));
    assert_eq!(items(Dripping(input, piece)), (found.clone(), end.clone()), "in pieces of {piece}");
    // The server has a thread to start for each file.
    if !random.one_in(4) {
        return format!("{} {}", found.len().min(8), without_numbers(&end));
    }
    std::fs::write(file, input).unwrap();
    let mut run = |request: &[&[u8]]| session.run(request);
    let loaded = !is_error(&run(&[b"DEBUG", b"RELOAD", b"NOSAVE"]));
    let mut kinds = Vec::new();
    for database in ["0", "1", "2"] {
        run(&[b"SELECT", database.as_bytes()]);
        let kind = run(&[b"TYPE", b"k"]).to_string();
        for request in uses(&kind) {
            let request: Vec<_> = request.iter().map(|word| word.as_bytes()).collect();
            run(&request);
        }
        kinds.push(kind);
    }
    // Saving flushes to the disk, which takes its time.
    if random.one_in(50) {
        let digest = run(&[b"DEBUG", b"DIGEST"]);
        let reply = run(&[b"DEBUG", b"RELOAD"]);
        assert!(!is_error(&reply), "{reply}");
        assert_eq!(run(&[b"DEBUG", b"DIGEST"]), digest, "saving and loading changes it");
    }
    format!("{loaded} {} {kinds:?} {}", found.len().min(8), without_numbers(&end))
}

/// The beginning of an error, without what differs each time.
fn without_numbers(error: &str) -> String {
    error.chars().filter(|letter| !letter.is_ascii_digit()).take(60).collect()
}

#[test]
fn snapshots_are_not_believed() {
    let folder = temporary_folder();
    let server = Server::builder()
        .directive("port", "0")
        .directive("dir", folder.path().to_str().unwrap())
        .directive("enable-debug-command", "yes")
        .start()
        .unwrap();
    let mut session = server.session();
    session.run(&["DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1"]);
    session.run(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    let file = folder.path().join("dump.rdb");
    fuzz("rdb", |random, input| load(&mut session, &file, random, input));
}

/// A data set of one increment, in a folder of its own.
struct AppendOnly<'f> {
    folder: &'f Path,
    manifest: PathBuf,
    increment: PathBuf,
}

impl<'f> AppendOnly<'f> {
    fn new(folder: &'f Path) -> Self {
        let directory = folder.join("appendonlydir");
        std::fs::create_dir(&directory).unwrap();
        let [manifest, increment] =
            ["appendonly.aof.manifest", "appendonly.aof.1.incr.aof"].map(|name| directory.join(name));
        AppendOnly { folder, manifest, increment }
    }

    fn write(&self, increment: &[u8]) {
        std::fs::write(&self.manifest, "file appendonly.aof.1.incr.aof seq 1 type i\n").unwrap();
        std::fs::write(&self.increment, increment).unwrap();
    }

    /// Whether the files are in order, and what is wrong with them.
    fn check(&self, repair: Repair) -> (bool, String) {
        let mut out = Vec::new();
        let valid = aof::check(&self.manifest, repair, &mut out, || true).unwrap();
        (valid, String::from_utf8(out).unwrap())
    }

    /// Starts a server with the files: none, or what is wrong with them.
    fn load(&self) -> Option<String> {
        let directives =
            [("port", "0"), ("appendonly", "yes"), ("appendfsync", "no"), ("dir", self.folder.to_str().unwrap())];
        let builder =
            directives.iter().fold(Server::builder(), |builder, (name, value)| builder.directive(name, value));
        let server = match builder.start() {
            Ok(server) => server,
            Err(error) => return Some(error.to_string()),
        };
        let mut session = server.session();
        for database in ["0", "1", "2"] {
            session.run(&["SELECT", database]);
            let kind = session.run(&["TYPE", "k"]).to_string();
            for request in uses(&kind) {
                session.run(request);
            }
        }
        None
    }
}

/// Checks the input as an increment, and loads it. What can be loaded, or was repaired, is in order from then on.
fn replay(files: &AppendOnly<'_>, random: &mut Random, input: &[u8]) -> String {
    files.write(input);
    let (valid, report) = files.check(Repair::No);
    let problem = report.lines().find(|line| line.starts_with("0x")).map_or("", |line| &line[18..]);
    // Not what stood there instead.
    let problem = problem.split(", got").next().unwrap_or_default();
    let found = format!("{valid} {}", without_numbers(problem));
    // A server has to start for each file, and to flush its files to the disk.
    if !random.one_in(100) {
        return found;
    }
    let fixed = random.one_in(2) && {
        let (valid, report) = files.check(Repair::Fix);
        // There is nothing to be done about a snapshot.
        assert!(valid || report.contains("RDB preamble of AOF file is not sane"), "{report}");
        valid
    };
    let loaded = files.load();
    match &loaded {
        None => {
            let (valid, report) = files.check(Repair::No);
            // These are refused as commands are, and passed over.
            let misplaced = ["Unexpected MULTI", "Unexpected EXEC"].iter().any(|problem| report.contains(problem));
            assert!(valid || misplaced, "{report}");
            assert_eq!(files.load(), None, "loaded once");
        }
        Some(error) => assert!(!(valid || fixed) || error.contains("Unknown command"), "in order, but {error}"),
    }
    let end = loaded.unwrap_or_default().replace(files.folder.to_str().unwrap(), "");
    format!("{found} {fixed} {}", without_numbers(&end))
}

#[test]
fn append_only_files_are_not_believed() {
    let folder = temporary_folder();
    let files = AppendOnly::new(folder.path());
    fuzz("aof", |random, input| replay(&files, random, input));
}

/// The requests in a stream that comes in pieces, until an error.
fn decode(stream: &[u8], cuts: &[usize], limits: &Limits) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let (mut decoder, mut spans, mut requests) = (Decoder::new(), Vec::new(), Vec::new());
    let mut begin = 0;
    for end in cuts.iter().copied().chain([stream.len()]) {
        loop {
            spans.clear();
            let input = &stream[begin..end];
            let (args, consumed) = match decoder.next(input, limits, &mut spans) {
                Ok(None) => break,
                Err(error) => return (requests, Some(error)),
                Ok(Some(Request::Multibulk { consumed })) => {
                    (spans.iter().map(|span| span.of(input).to_vec()).collect(), consumed)
                }
                Ok(Some(Request::Inline { consumed, args })) => (args, consumed),
            };
            assert!(consumed > 0 && consumed <= input.len());
            requests.push(args);
            begin += consumed;
        }
        // What is announced is not believed.
        let waiting = end - begin;
        assert!(decoder.memory() <= 64 + 16 * waiting, "{} bytes for {waiting}", decoder.memory());
        assert!(decoder.room(waiting) <= waiting.max(16 * 1024));
    }
    (requests, None)
}

#[test]
fn requests_are_the_same_in_pieces() {
    fuzz("resp", |random, input| {
        let limits = Limits { authenticated: !random.one_in(3), ..Limits::default() };
        let (requests, error) = decode(input, &[], &limits);
        let mut cuts: Vec<_> = (0..random.below(10)).map(|_| random.below(input.len())).collect();
        cuts.sort_unstable();
        assert_eq!(decode(input, &cuts, &limits), (requests.clone(), error), "cut at {cuts:?}");
        // The same bytes as a reply, and as words.
        let reply = Value::parse(input);
        if let Ok(Some((value, len))) = &reply {
            assert!(*len <= input.len());
            assert_eq!(Value::parse(&input[..*len]).unwrap().map(|(_, len)| len), Some(*len));
            drop(value.to_string());
        }
        let words = split_args(input);
        let shape: Vec<_> = requests.iter().map(|args| args.len().min(5)).take(4).collect();
        let replied = reply.map(|reply| reply.map(|(value, _)| std::mem::discriminant(&value)));
        format!("{shape:?} {error:?} {replied:?} {:?}", words.map(|words| words.len().min(5)))
    });
}
