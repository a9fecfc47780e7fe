//! Data types of a program's own: what the keyspace does with them that the example does not show.

#![allow(clippy::unwrap_used)]

use std::hash::Hasher;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use redis_commands as _;
use redis_core::Running;
use redis_core::prelude::*;
use redis_core::rdb::{Crc64, ValueRef, Writer, dump_payload, save_object};
use redis_core::resp::Value;
use redis_core::value::Value as _;
use redis_tests::wait_for;

family!("bags");

/// A bag of words, in the order in which they came.
#[derive(Clone, Debug, Default)]
struct Bag {
    words: Vec<Vec<u8>>,
}

/// How many words of bags have been freed.
static FREED: AtomicUsize = AtomicUsize::new(0);

impl Drop for Bag {
    fn drop(&mut self) {
        FREED.fetch_add(self.words.len(), Relaxed);
    }
}

#[data_type(name = "test-bags", version = 2)]
impl DataType for Bag {
    fn save(&self, rdb: &mut RdbWriter) {
        rdb.unsigned(self.words.len() as u64);
        self.words.iter().for_each(|word| rdb.string(word));
    }

    fn load(rdb: &mut RdbReader, version: u16) -> Result<Self, RdbError> {
        // The first version knew bags of one word only.
        let count = if version == 1 { 1 } else { rdb.unsigned()? };
        Ok(Bag { words: (0..count).map(|_| rdb.string()).collect::<Result<_, _>>()? })
    }

    fn memory(&self) -> usize {
        self.words.iter().map(|word| size_of_val(word) + word.capacity()).sum()
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn free_effort(&self) -> usize {
        self.words.len()
    }

    fn digest(&self, state: &mut dyn Hasher) {
        // The order makes no difference.
        let mut words: Vec<_> = self.words.iter().collect();
        words.sort_unstable();
        words.iter().for_each(|word| state.write(word));
    }
}

/// Every field that there is.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fields(i64, u64, f32, f64, Vec<u8>);

#[data_type(name = "AZaz09-_x", version = 1023)]
impl DataType for Fields {
    fn save(&self, rdb: &mut RdbWriter) {
        rdb.signed(self.0);
        rdb.unsigned(self.1);
        rdb.float(self.2);
        rdb.double(self.3);
        rdb.string(&self.4);
    }

    fn load(rdb: &mut RdbReader, _version: u16) -> Result<Self, RdbError> {
        Ok(Fields(rdb.signed()?, rdb.unsigned()?, rdb.float()?, rdb.double()?, rdb.string()?))
    }
}

/// Puts words into a bag.
#[command("BAG.PUT", since = "0.1.0", complexity = "O(N)")]
fn bag_put(db: &mut Db, key: Key, words: Many<&[u8]>) -> Result<usize> {
    let bag = db.get_or_insert::<Bag>(key)?;
    bag.words.extend(words.iter().map(|word| word.to_vec()));
    let len = bag.words.len();
    db.changed(key, "bag.put");
    Ok(len)
}

/// Takes the last word out of a bag.
#[command("BAG.TAKE", since = "0.1.0", complexity = "O(1)")]
fn bag_take(db: &mut Db, key: Key) -> Result<Option<Bulk>> {
    let Some(word) = db.get_mut::<Bag>(key)?.and_then(|bag| bag.words.pop()) else { return Ok(None) };
    db.changed(key, "bag.take");
    Ok(Some(Bulk(word)))
}

/// Makes something else of a key.
#[command("FIELDS.NEW", since = "0.1.0", complexity = "O(1)")]
fn fields_new(db: &mut Db, key: Key) -> Okay {
    db.set_object(key, Fields::default().into_object(), Ttl::Clear);
    db.changed(key, "fields.new");
    Okay
}

fn start() -> Running {
    let builder = Server::builder().directive("port", "0").directive("enable-debug-command", "yes");
    builder.directive("notify-keyspace-events", "KEA").start().unwrap()
}

fn ask(server: &Running, line: &str) -> String {
    server.run(&line.split(' ').collect::<Vec<_>>()).to_string()
}

/// A payload of a bag as an older or newer program would dump it: the version stands in the last ten bits of the id.
fn payload_of_version(version: u16, fields: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let object = Bag { words: vec![b"word".to_vec()] }.into_object();
    let payload = dump_payload(&ValueRef::from(&object), 0, false);
    let mut writer = Writer::new(false);
    save_object(&mut writer, &ValueRef::from(&object), 0);
    let id = u64::from_be_bytes(writer.as_bytes()[1..9].try_into().unwrap());
    let mut body = Writer::new(false);
    body.byte(payload[0]);
    body.length(id & !1023 | u64::from(version));
    fields(&mut body);
    body.end_of_fields();
    let mut bytes = body.into_bytes();
    bytes.extend_from_slice(&payload[payload.len() - 10..payload.len() - 8]);
    with_checksum(bytes)
}

fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = Crc64::of(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn restore(server: &Running, key: &str, payload: &[u8]) -> String {
    server.run(&[b"RESTORE", key.as_bytes(), b"0", payload]).to_string()
}

#[test]
fn an_emptied_value_is_gone() {
    let server = start();
    let mut watcher = server.session();
    watcher.run(&["PSUBSCRIBE", "__keyevent@0__:*"]);
    assert_eq!(ask(&server, "BAG.PUT bag a b"), "(integer) 2");
    assert_eq!(ask(&server, "BAG.TAKE bag"), "\"b\"");
    assert_eq!(ask(&server, "EXISTS bag"), "(integer) 1");
    assert_eq!(ask(&server, "BAG.TAKE bag"), "\"a\"");
    assert_eq!(ask(&server, "EXISTS bag"), "(integer) 0");
    assert_eq!(ask(&server, "TYPE bag"), "none");
    let seen = String::from_utf8(watcher.run_raw(&["PING"])).unwrap();
    let events: Vec<_> = seen.split("__:").skip(1).filter_map(|text| text.split("\r\n").next()).collect();
    // The pattern of the subscription comes with each of them.
    let events: Vec<_> = events.into_iter().filter(|event| *event != "*").collect();
    assert_eq!(events, ["bag.put", "bag.take", "bag.take", "del"]);
}

#[test]
fn a_type_is_not_another() {
    let server = start();
    let wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_eq!(ask(&server, "FIELDS.NEW key"), "OK");
    for line in ["BAG.PUT key a", "BAG.TAKE key", "LPUSH key a", "GET key", "SORT key"] {
        assert_eq!(ask(&server, line), wrong, "{line}");
    }
    assert_eq!(ask(&server, "RPUSH list a"), "(integer) 1");
    assert_eq!(ask(&server, "BAG.PUT list a"), wrong);
    // What replaces a value asks nobody.
    assert_eq!(ask(&server, "FIELDS.NEW list"), "OK");
    assert_eq!(ask(&server, "TYPE list"), "AZaz09-_x");
    assert_eq!(ask(&server, "SET list text"), "OK");
}

#[test]
fn its_size_is_counted_and_a_large_one_is_freed_elsewhere() {
    let server = start();
    let words: Vec<String> = (0..1000).map(|n| format!("word:{n:04}")).collect();
    let request: Vec<_> = ["BAG.PUT", "bag"].into_iter().chain(words.iter().map(String::as_str)).collect();
    assert_eq!(server.run(&request), Value::Integer(1000));
    let Value::Integer(bytes) = server.run(&["MEMORY", "USAGE", "bag"]) else { panic!("no number") };
    assert!((33_000..40_000).contains(&bytes), "{bytes}");
    let before = FREED.load(Relaxed);
    assert_eq!(ask(&server, "UNLINK bag"), "(integer) 1");
    wait_for(|| (FREED.load(Relaxed) >= before + 1000).then_some(())).unwrap();
    assert!(ask(&server, "INFO memory").contains("lazyfreed_objects:1"));
}

#[test]
fn its_digest_is_its_own() {
    let server = start();
    for line in ["BAG.PUT one a b", "BAG.PUT two b a", "BAG.PUT three a c", "FIELDS.NEW four"] {
        ask(&server, line);
    }
    let Value::Array(digests) = server.run(&["DEBUG", "DIGEST-VALUE", "one", "two", "three", "four"]) else {
        panic!("no digests")
    };
    assert_eq!(digests[0], digests[1]);
    assert!(digests[0] != digests[2] && digests[0] != digests[3]);
}

#[test]
fn every_field_comes_back() {
    let all = [
        Fields(i64::MIN, u64::MAX, f32::MIN_POSITIVE, f64::MAX, vec![0; 100]),
        Fields(-1, 1 << 40, f32::INFINITY, -0.0, b"12345".to_vec()),
        Fields::default(),
    ];
    let server = start();
    for fields in all {
        let payload = dump_payload(&ValueRef::from(&fields.clone().into_object()), 0, true);
        assert_eq!(server.run(&[&b"RESTORE"[..], b"key", b"0", &payload, b"REPLACE"]).to_string(), "OK");
        assert_eq!(server.run(&["DUMP", "key"]), Value::Bulk(payload));
    }
}

#[test]
fn versions_are_told_and_later_ones_refused() {
    let server = start();
    let bad = "(error) ERR Bad data format";
    assert_eq!(restore(&server, "first", &payload_of_version(1, |body| body.string_field(b"only"))), "OK");
    assert_eq!(ask(&server, "BAG.TAKE first"), "\"only\"");
    let two = |body: &mut Writer| {
        body.unsigned_field(1);
        body.string_field(b"word");
    };
    assert_eq!(restore(&server, "second", &payload_of_version(2, two)), "OK");
    assert_eq!(restore(&server, "third", &payload_of_version(3, two)), bad);
}

#[test]
fn what_cannot_be_is_refused() {
    let server = start();
    let bad = "(error) ERR Bad data format";
    let cases: [fn(&mut Writer); 6] = [
        |_| (),
        |body| body.unsigned_field(0),
        |body| body.unsigned_field(u64::MAX),
        |body| body.signed_field(1),
        |body| {
            body.unsigned_field(1);
            body.double_field(1.0);
        },
        |body| {
            body.unsigned_field(1);
            body.string_field(b"word");
            body.string_field(b"one too many");
        },
    ];
    for (number, fields) in cases.into_iter().enumerate() {
        assert_eq!(restore(&server, "key", &payload_of_version(2, fields)), bad, "case {number}");
    }
    // A type that nobody has declared.
    let mut unknown = payload_of_version(2, |body| body.unsigned_field(0));
    unknown.truncate(unknown.len() - 8);
    unknown[3] ^= 1;
    assert_eq!(restore(&server, "key", &with_checksum(unknown)), bad);
    assert_eq!(ask(&server, "DBSIZE"), "(integer) 0");
}
