//! The hot pieces, one at a time: what `hot` measures in time and `instructions` in instructions.
//!
//! A piece prepares its data and answers a closure that does the work once. Work that changes its data undoes the change,
//! so that it can be repeated. Compact encodings are measured full; how large the others are, who measures says.

#![allow(clippy::unwrap_used, unreachable_pub)]

use std::fmt;
use std::hint::black_box;

use redis_commands as _; // links every stock family
use redis_core::hash::hash;
use redis_core::resp::{self, Decoder, Reply, write_command};
use redis_core::server::Server;
use redis_core::table::{Table, TableEntry};
use redis_core::value::list::Side;
use redis_core::value::{Element, Hash, IntSet, Limits, List, Listpack, Set, ZSet};
use redis_tests::Random;

/// That of the server.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Something to be measured.
pub struct Piece {
    /// What it does, in a few words.
    pub name: &'static str,
    /// Prepares the work, with so many entries in large tables and collections.
    pub prepare: fn(usize) -> Work,
}

/// The work of a piece.
pub type Work = Box<dyn FnMut()>;

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! pieces {
    ($many:ident: $($name:literal => $prepare:expr,)*) => {
        /// All of them.
        pub static PIECES: &[Piece] = &[$(Piece { name: $name, prepare: |$many| Box::new({ let _ = $many; $prepare }) }),*];
    };
}

pieces! { many:
    "decode: 16 GET" => decode(&[b"GET", &key(7)]),
    "decode: 16 SET of 64 bytes" => decode(&[b"SET", &key(7), &[b'x'; 64]]),
    "decode: 16 RPUSH of 10" => decode(&[&b"RPUSH"[..]; 12]),
    "encode: 16 bulks of 64 bytes" => encode(|reply| reply.bulk(black_box(&[b'x'; 64]))),
    "encode: 16 integers" => encode(|reply| reply.integer(black_box(1_234_567))),
    "encode: 16 doubles" => encode(|reply| reply.double(black_box(3.25))),
    "table: find 16 keys" => find_keys(many, false),
    "table: find 16 keys, prefetched" => find_keys(many, true),
    "table: insert and remove a key" => insert_key(many),
    "listpack: append 100 elements" => append_to_listpack(),
    "listpack: read 100 elements" => scan_listpack(),
    "listpack: find the last of 100" => find_in_listpack(),
    "listpack: seek the middle of 100" => seek_in_listpack(),
    "quicklist: push and pop" => push_and_pop(many),
    "quicklist: index" => index_of_list(many),
    "quicklist: range of 100" => range_of_list(many),
    "sorted set: add and remove" => add_to_sorted_set(many),
    "sorted set: new score" => new_score(many),
    "sorted set: rank" => rank(many),
    "sorted set: range of 100" => range_of_sorted_set(many),
    "sorted set: rank of a score" => rank_of_score(many),
    "sorted set, listpack: new score" => new_score_in_listpack(),
    "hash: get" => get_field(many),
    "hash: set" => set_field(many),
    "hash, listpack: get" => get_field(10),
    "hash, listpack: set" => set_field(10),
    "set: contains" => contains(many),
    "set: add and remove" => add_to_set(many),
    "intset: contains" => contains_number(),
    "command: GET" => command(&[], &["GET", "key"]),
    "command: SET" => command(&[], &["SET", "key", "value"]),
    "command: INCR" => command(&[], &["INCR", "counter"]),
    "command: LRANGE of 100" => command(&["RPUSH", "list"], &["LRANGE", "list", "0", "99"]),
    "command: HSET" => command(&["HSET", "hash"], &["HSET", "hash", "10", "value"]),
    "command: SADD" => command(&["SADD", "set"], &["SADD", "set", "10"]),
    "command: ZADD" => command(&["ZADD", "zset"], &["ZADD", "zset", "10", "11"]),
}

fn key(number: usize) -> Vec<u8> {
    format!("key:{number:012}").into_bytes()
}

fn limits() -> Limits {
    Limits::default()
}

/// The keys of large tables, to be picked from.
fn keys(many: usize) -> Vec<Vec<u8>> {
    (0..many).map(key).collect()
}

fn one_of<'k>(keys: &'k [Vec<u8>], random: &mut Random) -> &'k [u8] {
    &keys[random.below(keys.len())]
}

fn decode(request: &[&[u8]]) -> impl FnMut() + use<> {
    let input = write_command(request).repeat(16);
    let (mut decoder, limits, mut spans) = (Decoder::new(), resp::Limits::default(), Vec::new());
    move || {
        let mut rest = black_box(&input[..]);
        while let Ok(Some(resp::Request::Multibulk { consumed })) = decoder.next(rest, &limits, &mut spans) {
            rest = &rest[consumed..];
        }
        assert!(rest.is_empty());
        spans.clear();
    }
}

fn encode(write: impl Fn(&mut Reply)) -> impl FnMut() {
    let mut reply = Reply::new(2);
    move || {
        reply.clear();
        (0..16).for_each(|_| write(&mut reply));
        black_box(reply.as_bytes());
    }
}

/// An entry of a table that is nothing but its key.
#[expect(clippy::box_collection, reason = "a handle of eight bytes")]
struct Entry(Box<Vec<u8>>);

impl TableEntry for Entry {
    fn key(&self) -> &[u8] {
        &self.0
    }
}

fn table(many: usize) -> Table<Entry> {
    let mut table = Table::new();
    for key in (0..many).map(key) {
        table.insert_new(hash(&key), Entry(Box::new(key)));
    }
    table
}

fn find_keys(many: usize, prefetch: bool) -> impl FnMut() {
    let (table, keys, mut random) = (table(many), keys(many), Random::new(1));
    move || {
        let batch: [(u64, &[u8]); 16] = std::array::from_fn(|_| {
            let key = one_of(&keys, &mut random);
            (hash(key), key)
        });
        if prefetch {
            batch.iter().for_each(|(hash, _)| table.prefetch_bucket(*hash));
            batch.iter().for_each(|(hash, _)| table.prefetch_entry(*hash));
        }
        assert!(batch.iter().all(|(hash, key)| table.find(*hash, key).is_some()));
    }
}

fn insert_key(many: usize) -> impl FnMut() {
    let (mut table, key) = (table(many), key(many));
    move || {
        let hash = hash(&key);
        table.insert_new(hash, Entry(Box::new(key.clone())));
        black_box(table.remove(hash, &key));
    }
}

/// A listpack of words and numbers.
fn listpack() -> Listpack {
    let texts = (0..100).map(|number| if number % 2 == 0 { number.to_string() } else { format!("word:{number}") });
    let mut listpack = Listpack::new();
    texts.for_each(|text| listpack.push_back(Element::from_text(text.as_bytes())));
    listpack
}

fn append_to_listpack() -> impl FnMut() {
    || {
        let mut listpack = Listpack::new();
        (0..100).for_each(|_| listpack.push_back(Element::from_text(black_box(b"word:17"))));
        black_box(listpack);
    }
}

fn scan_listpack() -> impl FnMut() {
    let listpack = listpack();
    move || assert!(black_box(&listpack).iter().map(|element| element.text_len()).sum::<usize>() > 0)
}

fn find_in_listpack() -> impl FnMut() {
    let listpack = listpack();
    move || assert!(listpack.find(black_box(b"word:99"), listpack.first().unwrap(), 0).is_some())
}

fn seek_in_listpack() -> impl FnMut() {
    let listpack = listpack();
    move || assert!(listpack.get(black_box(50)).is_some())
}

fn list(many: usize) -> List {
    let mut list = List::new();
    (0..many).for_each(|number| list.push(Side::Back, &key(number), &limits()));
    list
}

fn push_and_pop(many: usize) -> impl FnMut() {
    let (mut list, limits) = (list(many), limits());
    move || {
        list.push(Side::Back, black_box(b"element:42"), &limits);
        black_box(list.pop(Side::Front, &limits));
    }
}

fn index_of_list(many: usize) -> impl FnMut() {
    let (list, mut random) = (list(many), Random::new(1));
    move || assert!(list.get(random.below(many) as i64).is_some())
}

fn range_of_list(many: usize) -> impl FnMut() {
    let (list, mut random) = (list(many), Random::new(1));
    move || {
        assert!(list.iter_from(random.below(many - 100)).take(100).map(|element| element.text_len()).sum::<usize>() > 0)
    }
}

fn sorted_set(len: usize) -> ZSet {
    let mut set = ZSet::new();
    (0..len).for_each(|number| _ = set.insert(&key(number), (number * 7919 % len) as f64, &limits()));
    set
}

fn add_to_sorted_set(many: usize) -> impl FnMut() {
    let (mut set, mut random, limits) = (sorted_set(many), Random::new(1), limits());
    move || {
        set.insert(b"another", random.below(many) as f64, &limits);
        assert!(set.remove(b"another").is_some());
    }
}

fn new_score(many: usize) -> impl FnMut() {
    let (mut set, keys, mut random, limits) = (sorted_set(many), keys(many), Random::new(1), limits());
    move || assert!(set.insert(one_of(&keys, &mut random), random.below(many) as f64, &limits).is_some())
}

fn new_score_in_listpack() -> impl FnMut() {
    let (mut set, mut random, limits) = (sorted_set(100), Random::new(1), limits());
    let member = key(50);
    move || assert!(set.insert(&member, random.below(1000) as f64, &limits).is_some())
}

fn rank(many: usize) -> impl FnMut() {
    let (set, keys, mut random) = (sorted_set(many), keys(many), Random::new(1));
    move || assert!(set.rank(one_of(&keys, &mut random)).is_some())
}

fn range_of_sorted_set(many: usize) -> impl FnMut() {
    let (set, mut random) = (sorted_set(many), Random::new(1));
    move || {
        let first = random.below(many - 100);
        assert!(set.range(first..first + 100).map(|(_, score)| score).sum::<f64>() > 0.0);
    }
}

fn rank_of_score(many: usize) -> impl FnMut() {
    let (set, mut random) = (sorted_set(many), Random::new(1));
    move || {
        let wanted = random.below(many) as f64;
        black_box(set.partition_point_by_score(|score| score < wanted));
    }
}

fn hash_of(len: usize) -> Hash {
    let mut hash = Hash::new();
    (0..len).for_each(|number| _ = hash.set(&key(number), b"value", 0, &limits()));
    hash
}

fn get_field(len: usize) -> impl FnMut() {
    let (hash, keys, mut random) = (hash_of(len), keys(len), Random::new(1));
    move || assert!(hash.get(one_of(&keys, &mut random), 0).is_some())
}

fn set_field(len: usize) -> impl FnMut() {
    let (mut hash, keys, mut random, limits) = (hash_of(len), keys(len), Random::new(1), limits());
    move || assert!(!hash.set(one_of(&keys, &mut random), b"other", 0, &limits))
}

fn set(many: usize) -> Set {
    let mut set = Set::new();
    (0..many).for_each(|number| _ = set.add(&key(number), &limits()));
    set
}

fn contains(many: usize) -> impl FnMut() {
    let (set, keys, mut random) = (set(many), keys(many), Random::new(1));
    move || assert!(set.contains(one_of(&keys, &mut random)))
}

fn add_to_set(many: usize) -> impl FnMut() {
    let (mut set, limits) = (set(many), limits());
    move || {
        set.add(black_box(b"another"), &limits);
        assert!(set.remove(b"another"));
    }
}

fn contains_number() -> impl FnMut() {
    let mut set = IntSet::new();
    (0..512).for_each(|number| _ = set.insert(number * 3));
    let mut random = Random::new(1);
    move || assert!(set.contains(random.below(512) as i64 * 3))
}

/// A command, run in process by a server of its own. What the key holds is made by the first command, which is given a
/// hundred elements, or fifty pairs.
fn command(fill: &[&str], args: &[&str]) -> impl FnMut() + use<> {
    // A session borrows its server, so both stay to the end of the program.
    let server = Box::leak(Box::new(Server::builder().directive("port", "0").start().unwrap()));
    let mut session = server.session();
    if !fill.is_empty() {
        let elements = (0..100).map(|number| number.to_string());
        session.run_raw(&fill.iter().map(|&word| word.to_owned()).chain(elements).collect::<Vec<_>>());
    }
    session.run_raw(args);
    let args: Vec<String> = args.iter().map(|&word| word.to_owned()).collect();
    move || assert!(!session.run_raw(&args).starts_with(b"-"))
}
