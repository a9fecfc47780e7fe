//! Tests of what the modules do together: forms as Redis writes them, whole values there and back, and hostile bytes.

use super::*;
use crate::rng::below;
use crate::table::NO_DEADLINE;
use crate::value::list::Side;
use crate::value::stream::{Group, NewId, Stream, StreamId};
use crate::value::{Element, Hash, Limits, List, Listpack, Object, Set, Str, Value, ZSet};

const NOW: u64 = 1_000_000;

/// A value that belongs to the test.
#[derive(Clone, Debug)]
enum Owned {
    Str(Vec<u8>),
    Object(Object),
}

impl Owned {
    fn view(&self) -> ValueRef<'_> {
        match self {
            Self::Str(text) => ValueRef::Str(Str::new(text)),
            Self::Object(object) => ValueRef::from(object),
        }
    }
}

impl From<Loaded> for Owned {
    fn from(loaded: Loaded) -> Self {
        match loaded {
            Loaded::Str(text) => Self::Str(text),
            Loaded::Object(object) => Self::Object(object),
        }
    }
}

fn end_text(deadline: u64) -> Vec<u8> {
    if deadline == NO_DEADLINE { Vec::new() } else { format!("|until {deadline}").into_bytes() }
}

/// A value's contents, comparable: sets and hashes sorted.
fn contents(value: &Owned) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    match value {
        Owned::Str(text) => parts.push(text.clone()),
        Owned::Object(Object::List(list)) => parts.extend(list.iter().map(|element| element.to_vec())),
        Owned::Object(Object::Set(set)) => {
            for (member, deadline) in set.iter_with_deadlines().filter(|(.., deadline)| *deadline > NOW) {
                parts.push([member.to_vec(), end_text(deadline)].concat());
            }
        }
        Owned::Object(Object::ZSet(set)) => {
            for (member, score, deadline) in set.iter_with_deadlines().filter(|(.., deadline)| *deadline > NOW) {
                parts.push([member.to_vec(), format!("|{score}").into_bytes(), end_text(deadline)].concat());
            }
        }
        Owned::Object(Object::Stream(stream)) => parts.push(stream_text(stream).into_bytes()),
        // Their tests are where types are declared: tests/tests/data_types.rs.
        Owned::Object(Object::Custom(_)) => panic!("no such value is made here"),
        Owned::Object(Object::Hash(hash)) => {
            for (field, value, deadline) in hash.iter_with_deadlines().filter(|(.., deadline)| *deadline > NOW) {
                let part = [field.to_vec(), value.to_vec(), deadline.to_string().into_bytes()];
                parts.push(part.join(&b'|'));
            }
        }
    }
    if matches!(value, Owned::Object(Object::Set(_) | Object::Hash(_))) {
        parts.sort();
    }
    parts
}

/// All that a stream remembers, but for when consumers were active, which is not written.
fn stream_text(stream: &Stream) -> String {
    let Stream { entries, groups } = stream;
    let mut text = format!("{} {} {} ", entries.len(), entries.last_id(), entries.max_deleted_id());
    text += &format!("{} {}\n", entries.entries_added(), entries.first_id());
    for entry in entries.range(StreamId::MIN, StreamId::MAX) {
        text += &format!("{} {:?}\n", entry.id, entry.fields().collect::<Vec<_>>());
    }
    for (name, group) in groups {
        text += &format!("{name:?} {} {:?}\n", group.last_id, group.entries_read);
        for (id, nack) in group.pending(StreamId::MIN, StreamId::MAX) {
            text += &format!("{id} {:?} {} {}\n", nack.consumer(), nack.delivery_time, nack.delivery_count);
        }
        for (name, consumer) in group.consumers() {
            let ids: Vec<_> = group.pending_of(name, StreamId::MIN, StreamId::MAX).map(|(id, _)| id).collect();
            text += &format!("{name:?} {} {ids:?}\n", consumer.seen_time);
        }
    }
    text
}

/// A payload of a value in some form and version.
fn payload(type_byte: u8, body: &[u8], version: u16) -> Vec<u8> {
    sealed([&[type_byte], body, &version.to_le_bytes()].concat())
}

/// With the right checksum.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = Crc64::of(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

fn restore(payload: &[u8]) -> Result<Owned, Error> {
    restore_payload(payload, &Limits::default(), NOW, true).map(Owned::from)
}

fn texts(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

#[test]
fn strings_as_redis_dumps_them() {
    let dump = |text: &[u8]| dump_payload(&ValueRef::Str(Str::new(text)), 0, true);
    assert_eq!(dump(&[b'a'; 36]), b"\x00\xc3\t$\x01aa\xe0\x17\x00\x01aa\n\x00]\xb2\xd5\xd7\xf1\x99\xc5\x11");
    assert_eq!(dump_payload(&ValueRef::Str(Str::new(&[b'a'; 36])), 0, false)[1..38], [&[36], &[b'a'; 36][..]].concat());
    let bodies: [(&[u8], &[u8]); 7] = [
        (b"", b"\x00"),
        (b"-128", b"\xc0\x80"),
        (b"300", b"\xc1\x2c\x01"),
        (b"-2147483648", b"\xc2\x00\x00\x00\x80"),
        (b"2147483648", b"\x0a2147483648"),
        (b"007", b"\x03007"),
        (&[b'-'; 20], &[&[20], &[b'-'; 20][..]].concat()),
    ];
    for (text, body) in bodies {
        let dumped = dump(text);
        assert_eq!(dumped, payload(0, body, 10), "{}", text.escape_ascii());
        assert_eq!(contents(&restore(&dumped).unwrap()), [text]);
    }
}

#[test]
fn lengths_of_every_size() {
    for shift in 0..64 {
        for length in [(1u64 << shift) - 1, 1 << shift, u64::MAX >> shift] {
            let mut writer = Writer::new(false);
            writer.length(length);
            let mut reader = Reader::new(writer.as_bytes());
            assert_eq!(reader.length(), Ok(length));
            assert!(reader.is_empty());
        }
    }
    assert_eq!(Reader::new(b"\x81\xff\xff\xff\xff\xff\xff\xff\xff").string(), Err(Error::Truncated));
    assert_eq!(Reader::new(b"\x3f1234").count(5), Err(Error::Truncated));
    assert!(matches!(Reader::new(b"\x82").length(), Err(Error::Malformed(_))));
}

#[test]
fn tagged_fields() {
    let mut writer = Writer::new(true);
    writer.signed_field(i64::MIN);
    writer.unsigned_field(u64::MAX);
    writer.float_field(1.5);
    writer.double_field(-0.1);
    writer.string_field(b"12");
    writer.end_of_fields();
    let mut reader = Reader::new(writer.as_bytes());
    assert_eq!(reader.clone().skip_fields(), Ok(()));
    assert!(reader.clone().unsigned_field().is_err());
    assert_eq!((reader.signed_field(), reader.unsigned_field()), (Ok(i64::MIN), Ok(u64::MAX)));
    assert_eq!((reader.float_field(), reader.double_field()), (Ok(1.5), Ok(-0.1)));
    assert_eq!(reader.string_field().unwrap(), &b"12"[..]);
    assert_eq!(reader.end_of_fields(), Ok(()));
    assert_eq!(reader.field(), Err(Error::Truncated));
}

/// Forms that are not written any more, or elsewhere.
#[test]
fn forms_of_all_versions() {
    let list = b"\x03\x01a\xc0\x05\x00";
    assert_eq!(contents(&restore(&payload(1, list, 1)).unwrap()), texts(&["a", "5", ""]));
    let zipmap = b"\x0b\x01\x03foo\x03\x00bar\xff";
    assert_eq!(contents(&restore(&payload(9, zipmap, 2)).unwrap()), texts(&["foo|bar|18446744073709551615"]));
    let ziplist = b"\x10\x10\0\0\0\x0d\0\0\0\x02\0\x00\x01a\x03\xf3\xff";
    assert_eq!(contents(&restore(&payload(10, ziplist, 3)).unwrap()), texts(&["a", "2"]));
    assert_eq!(contents(&restore(&payload(13, ziplist, 4)).unwrap()), texts(&["a|2|18446744073709551615"]));
    assert_eq!(contents(&restore(&payload(12, ziplist, 4)).unwrap()), texts(&["a|2"]));
    let zset = b"\x04\x01a\xff\x01b\x032.5\x01c\x011\x01d\xfe";
    assert_eq!(contents(&restore(&payload(3, zset, 4)).unwrap()), texts(&["a|-inf", "c|1", "b|2.5", "d|inf"]));
    let nodes = [b"\x02", &ziplist[..], &ziplist[..]].concat();
    assert_eq!(contents(&restore(&payload(14, &nodes, 7)).unwrap()), texts(&["a", "2", "a", "2"]));
    // As Valkey 9.1 dumps them: a small set, and a hash with one field that ends.
    let set = b"\x14\r\r\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xffP\x00\xac\x19~V*nX)";
    assert_eq!(contents(&restore(set).unwrap()), texts(&["a", "b"]));
    let hash: &[u8] =
        b"\x16\x02\x01a\xc0\x01\x00@\x94R\xa3\x03\x00\x00\x01b\xc0\x02\xff\xff\xff\xff\xff\xff\xff\xffP\x00\
        \xd7\xc8\xef\xadKc+\xce";
    let value = restore(hash).unwrap();
    assert_eq!(contents(&value), texts(&["a|1|4000000000000", "b|2|18446744073709551615"]));
    assert_eq!(dump_payload(&value.view(), NOW, true).len(), hash.len());
    // The forms of Redis 7.4 for the same hash.
    let end = 4_000_000_000_000u64.to_le_bytes();
    let long = [b"\x81", &4_000_000_000_000u64.to_be_bytes()[..]].concat();
    let elements = ["b", "2", "0", "a", "1", "4000000000000"];
    let listpack: Listpack = elements.iter().map(|text| Element::from_text(text.as_bytes())).collect();
    let packed = [&[listpack.byte_len() as u8], &*listpack.to_dump()].concat();
    let forms: [(u8, Vec<u8>); 4] = [
        (22, [b"\x02", &long[..], b"\x01a\xc0\x01\x00\x01b\xc0\x02"].concat()),
        (23, packed.clone()),
        (24, [&end[..], b"\x02\x01\x01a\xc0\x01\x00\x01b\xc0\x02"].concat()),
        (25, [&end[..], &packed].concat()),
    ];
    for (form, body) in forms {
        let value = restore(&payload(form, &body, 12)).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(contents(&value), texts(&["a|1|4000000000000", "b|2|18446744073709551615"]));
    }
}

#[test]
fn what_is_no_value() {
    let cases: [(Vec<u8>, Error); 18] = [
        (payload(2, b"\x02\x01a\x01a", 10), Error::Duplicate),
        (payload(4, b"\x02\x01a\x01b\x01a\x01b", 10), Error::Duplicate),
        (payload(5, b"\x02\x01a\0\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\xf0\x3f", 10), Error::Duplicate),
        (payload(5, b"\x01\x01a\0\0\0\0\0\0\xf8\x7f", 10), Error::Malformed("a score is no number")),
        (payload(3, b"\x01\x01a\xfd", 10), Error::Malformed("a score is no number")),
        (payload(2, b"\x00", 10), Error::Empty),
        (payload(1, b"\x00", 10), Error::Empty),
        (payload(18, b"\x01\x02\x07\x07\0\0\0\0\0\xff", 10), Error::Empty),
        (payload(11, b"\x08\x02\0\0\0\0\0\0\0", 10), Error::Empty),
        (payload(24, b"\x01\0\0\0\0\0\0\0\x01\x01\x01a\x01b", 12), Error::Expired),
        (payload(24, b"\x01\0\0\0\0\0\0\0\x00", 12), Error::Empty),
        (payload(0, b"\x01ab", 10), Error::Malformed("bytes behind the value")),
        (payload(0, b"\x03ab", 10), Error::Truncated),
        (payload(1, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a", 10), Error::Truncated),
        (payload(6, b"\x01a", 10), Error::UnknownType(6)),
        (payload(0, b"\x01a", 13), Error::Footer),
        (b"\x00\x01a".to_vec(), Error::Footer),
        (sealed(b"\x0a\x00".to_vec()), Error::Truncated),
    ];
    for (payload, expected) in cases {
        assert_eq!(restore(&payload).unwrap_err(), expected, "{}", payload.escape_ascii());
    }
    let mut damaged = payload(0, b"\x01a", 10);
    damaged[2] = b'b';
    assert_eq!(restore(&damaged).unwrap_err(), Error::Footer);
    let module = [&[0x81], &module_id("nobodyhas", 3).unwrap().to_be_bytes()[..]].concat();
    let error = restore(&payload(7, &module, 10)).unwrap_err();
    assert_eq!(error.to_string(), "no data type is called nobodyhas");
}

fn random_text() -> Vec<u8> {
    match below(6) {
        0 => (below(300) as i64 - 150).to_string().into_bytes(),
        1 => (crate::rng::next_u64() as i64 >> below(64)).to_string().into_bytes(),
        2 => vec![b'x'; below(200)],
        3 if below(50) == 0 => (0..below(20_000)).map(|_| below(256) as u8).collect(),
        _ => (0..below(40)).map(|_| below(256) as u8).collect(),
    }
}

/// A time that has not come, now and then one that never will.
fn any_deadline() -> u64 {
    NOW + 1 + if below(20) == 0 { i64::MAX as u64 - NOW - 1 } else { below(1 << 40) as u64 }
}

fn random_value() -> Owned {
    let limits = Limits::default();
    let count = 1 + below([3, 3, 30, 30, 30, 600][below(6)]);
    let object = match below(7) {
        0 => return Owned::Str(random_text()),
        1 => {
            let mut list = List::new();
            (0..count).for_each(|_| list.push(Side::Back, &random_text(), &limits));
            list.into_object()
        }
        2 => {
            let mut set = Set::new();
            let (integers, ends) = (below(2) == 0, below(2) == 0);
            for _ in 0..count {
                let member = if integers { below(100_000).to_string().into_bytes() } else { random_text() };
                set.add(&member, &limits);
                if ends && below(3) == 0 {
                    set.set_deadline(&member, any_deadline());
                }
            }
            set.into_object()
        }
        3 => {
            let (mut set, ends) = (ZSet::new(), below(2) == 0);
            for _ in 0..count {
                let score = match below(8) {
                    0 => f64::INFINITY,
                    1 => f64::from_bits(crate::rng::next_u64()),
                    2 => below(1000) as f64 / 7.0,
                    _ => below(100) as f64 - 50.0,
                };
                let member = random_text();
                set.insert(&member, if score.is_nan() { -0.0 } else { score }, &limits);
                if ends && below(3) == 0 {
                    set.set_deadline(&member, any_deadline());
                }
            }
            set.into_object()
        }
        4 => random_stream(count, &limits).into_object(),
        kind => {
            let mut hash = Hash::new();
            for _ in 0..count {
                let ends = kind == 5 && below(3) == 0;
                let deadline = if ends { any_deadline() } else { NO_DEADLINE };
                hash.set_with_deadline(&random_text(), &random_text(), deadline, NOW, &limits);
            }
            hash.into_object()
        }
    };
    Owned::Object(object)
}

fn random_stream(count: usize, limits: &Limits) -> Stream {
    let mut stream = Stream::new();
    let names: [&[u8]; 3] = [b"a", b"bc", b"def"];
    for number in 0..count {
        let wanted = NewId::InMillis(1_000 + number as u64 / 3);
        let id = stream.entries.new_id(wanted, 0).unwrap();
        let (one, other) = (random_text(), random_text());
        let fields: [(&[u8], &[u8]); 2] = [(names[below(3)], &one), (b"same", &other)];
        stream.entries.append(id, &fields[..1 + below(2)], limits).unwrap();
        if below(4) == 0 {
            stream.entries.delete(StreamId::new(1_000 + below(1 + count / 3) as u64, below(3) as u64));
        }
    }
    for group in 0..below(4) {
        let name = group.to_string();
        let read = if below(2) == 0 { None } else { Some(below(100) as u64) };
        stream.groups.insert(name.as_bytes().into(), Group::new(StreamId::MIN, read));
        for consumer in &names[..below(4)] {
            stream.deliver(name.as_bytes(), consumer, below(10), false, NOW, &mut |_| ());
            stream.redeliver(name.as_bytes(), consumer, StreamId::MIN, below(5), NOW + 5, &mut |_, _| ());
        }
    }
    stream
}

#[test]
fn values_come_back() {
    for _ in 0..300 {
        let value = random_value();
        let payload = dump_payload(&value.view(), NOW, below(2) == 0);
        let back = restore(&payload).unwrap();
        assert_eq!(contents(&back), contents(&value));
        if let (Owned::Object(object), Owned::Object(back)) = (&value, &back)
            && !matches!(object, Object::Set(_))
            // A field whose deadline was taken away leaves a small hash as a table.
            && (!matches!(object, Object::Hash(_)) || object.next_deadline() != NO_DEADLINE)
        {
            assert_eq!(object.encoding(), back.encoding());
        }
    }
}

#[test]
fn members_that_are_over_stay_behind() {
    let limits = Limits::default();
    let mut set = Set::new();
    let mut sorted = ZSet::new();
    for (member, deadline) in [("over", NOW), ("live", NOW + 1), ("stays", NO_DEADLINE)] {
        set.add(member.as_bytes(), &limits);
        set.set_deadline(member.as_bytes(), deadline);
        sorted.insert(member.as_bytes(), 1.5, &limits);
        sorted.set_deadline(member.as_bytes(), deadline);
    }
    for (value, rest) in [(set.into_object(), 17), (sorted.into_object(), 26)] {
        let value = Owned::Object(value);
        let payload = dump_payload(&value.view(), NOW, true);
        assert_eq!((payload[0], payload.len() > rest), (7, true), "a module's value");
        let Owned::Object(back) = restore(&payload).unwrap() else { panic!("an object") };
        assert_eq!((back.len(), back.next_deadline()), (2, NOW + 1));
        // What ends on its way is left out; if that is all there was, nothing comes.
        assert!(
            matches!(restore_payload(&payload, &limits, NOW + 1, true), Ok(Loaded::Object(object)) if object.len() == 1)
        );
    }
    let mut set = Set::new();
    set.add(b"a", &limits);
    set.set_deadline(b"a", NOW + 1);
    let payload = dump_payload(&ValueRef::from(&set.into_object()), NOW, true);
    assert!(matches!(restore_payload(&payload, &limits, NOW + 1, true), Err(Error::Expired)));
}

/// Whatever bytes are believed must make a value that is whole: it is written and read again.
#[test]
fn hostile_bytes_make_values_or_errors() {
    for _ in 0..150 {
        let good = dump_payload(&random_value().view(), NOW, below(2) == 0);
        let good = &good[..good.len() - 8];
        for _ in 0..20 {
            let mut bytes = good.to_vec();
            for _ in 0..=below(3) {
                let at = below(bytes.len());
                bytes[at] = if below(2) == 0 { below(256) as u8 } else { bytes[at] ^ 1 << below(8) };
            }
            if let Ok(value) = restore(&sealed(bytes)) {
                let again = restore(&dump_payload(&value.view(), NOW, true)).unwrap();
                assert_eq!(contents(&again), contents(&value));
            }
        }
    }
}
