//! Entries of every kind and form: what is put in comes out, and the memory is what was asked for.

use super::*;
use crate::table::Table;
use crate::value::{Hash, Limits, List, Set, Value, ZSet};

/// Lengths on both sides of every change in how a length is written.
#[cfg(not(miri))]
const LENGTHS: [usize; 13] = [0, 1, 7, 8, 16, 253, 254, 255, 256, 65_535, 65_536, 65_537, 1 << 17];
/// Fewer for Miri, to which every byte takes long.
#[cfg(miri)]
const LENGTHS: [usize; 6] = [0, 8, 253, 254, 65_535, 65_536];

fn bytes(len: usize, seed: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..251).map(|i| ((i + seed) * 31 % 251) as u8).collect();
    pattern.repeat(len / pattern.len() + 1)[..len].to_vec()
}

fn list(elements: &[&[u8]]) -> Object {
    let mut list = List::new();
    list.push_all(crate::value::list::Side::Back, elements, &Limits::default());
    list.into_object()
}

fn set_of(member: &[u8]) -> Object {
    let mut set = Set::new();
    assert!(set.add(member, &Limits::default()));
    set.into_object()
}

fn marked(entry: Entry) -> Entry {
    entry.set_access(0xab_cdef);
    entry.set_epoch(0x5a);
    entry
}

fn assert_marked(entry: &Entry) {
    assert_eq!((entry.access(), entry.epoch()), (0xab_cdef, 0x5a));
}

#[test]
fn an_entry_is_a_pointer_and_a_small_one_fits_32_bytes() {
    assert_eq!((size_of::<Entry>(), size_of::<Option<Entry>>()), (8, 8));
    let small = Entry::string(&[b'k'; 16], b"12345678", StrEncoding::Int, NO_DEADLINE);
    assert_eq!((small.shape().size(), small.memory()), (31, 32));
}

#[test]
fn strings_of_all_sizes() {
    for key_len in LENGTHS {
        for value_len in LENGTHS {
            for deadline in [NO_DEADLINE, 0, 1_700_000_000_000] {
                let (key, value) = (bytes(key_len, 1), bytes(value_len, 2));
                let entry = Entry::string(&key, &value, StrEncoding::Embstr, deadline);
                assert_eq!(entry.kind(), Kind::Str);
                assert_eq!(entry.encoding(), StrEncoding::Embstr);
                assert!(entry.key() == key && entry.string_bytes() == value);
                assert_eq!((entry.expires_at(), entry.deadline()), (deadline, deadline));
                assert_eq!((entry.access(), entry.epoch()), (0, 0));
                assert!(entry.object().is_none());
                assert!(entry.memory() >= key_len + value_len + 7);
                assert!(entry.into_object().is_none());
            }
        }
    }
}

#[test]
fn a_string_is_replaced_by_another() {
    for key_len in [0, 10, 254, 65_536] {
        for old_len in LENGTHS {
            for new_len in LENGTHS {
                let (key, value) = (bytes(key_len, 1), bytes(new_len, 3));
                let mut entry = marked(Entry::string(&key, &bytes(old_len, 2), StrEncoding::Int, 77));
                entry.set_string(&value, StrEncoding::Raw);
                assert!(entry.key() == key && entry.string_bytes() == value);
                assert_eq!((entry.encoding(), entry.expires_at()), (StrEncoding::Raw, 77));
                assert_marked(&entry);
            }
        }
    }
}

#[test]
fn a_string_is_resized() {
    for old_len in LENGTHS {
        for new_len in LENGTHS {
            for deadline in [NO_DEADLINE, 5] {
                let old = bytes(old_len, 2);
                let mut entry = marked(Entry::string(b"key", &old, StrEncoding::Embstr, deadline));
                entry.resize_string(new_len);
                let kept = old_len.min(new_len);
                assert!(entry.string_bytes()[..kept] == old[..kept]);
                assert!(entry.string_bytes()[kept..] == vec![0; new_len - kept]);
                assert_eq!(entry.string_bytes().len(), new_len);
                assert_eq!((entry.key(), entry.encoding()), (&b"key"[..], StrEncoding::Raw));
                assert_eq!(entry.expires_at(), deadline);
                assert_marked(&entry);
            }
        }
    }
}

#[test]
fn a_string_grows_byte_by_byte() {
    let mut entry = Entry::string(b"key", b"", StrEncoding::Embstr, NO_DEADLINE);
    let lengths = if cfg!(miri) { 600 } else { 70_000 };
    for len in 0..lengths {
        entry.resize_string(len + 1);
        entry.string_bytes_mut()[len] = len as u8;
    }
    assert!(entry.string_bytes().iter().enumerate().all(|(i, &byte)| byte == i as u8));
}

#[test]
fn a_string_is_changed_in_place() {
    let mut entry = Entry::string(b"key", b"value", StrEncoding::Embstr, NO_DEADLINE);
    entry.string_bytes_mut()[0] = b'V';
    assert_eq!((entry.key(), entry.string_bytes()), (&b"key"[..], &b"Value"[..]));
}

#[test]
fn deadlines_come_and_go() {
    for key_len in [0, 16, 300, 70_000] {
        for value_len in [0, 8, 300, 70_000] {
            let (key, value) = (bytes(key_len, 1), bytes(value_len, 2));
            let mut entry = marked(Entry::string(&key, &value, StrEncoding::Raw, NO_DEADLINE));
            let without = entry.shape().size();
            for deadline in [5, 6, NO_DEADLINE, NO_DEADLINE, 0, NO_DEADLINE, u64::MAX - 1] {
                entry.set_deadline(deadline);
                assert_eq!(entry.expires_at(), deadline);
                assert_eq!(entry.shape().size(), without + if deadline == NO_DEADLINE { 0 } else { 8 });
                assert!(entry.key() == key && entry.string_bytes() == value);
                assert_marked(&entry);
            }
        }
    }
    let mut entry = Entry::of_object(b"key", set_of(b"member"), 9);
    entry.set_deadline(NO_DEADLINE);
    entry.set_deadline(3);
    assert_eq!((entry.expires_at(), entry.object().map(|object| object.len())), (3, Some(1)));
}

#[test]
fn objects_of_all_kinds_under_keys_of_all_sizes() {
    for key_len in LENGTHS {
        for deadline in [NO_DEADLINE, 12] {
            let key = bytes(key_len, 4);
            let mut entry = Entry::of_object(&key, list(&[b"a", b"b"]), deadline);
            assert_eq!((entry.kind(), entry.expires_at()), (Kind::List, deadline));
            assert!(entry.key() == key && entry.string_bytes().is_empty() && entry.string_bytes_mut().is_empty());
            assert_eq!(entry.object().unwrap().len(), 2);
            *entry.object_mut().unwrap() = list(&[b"c"]);
            assert_eq!(entry.into_object().unwrap().len(), 1);
        }
    }
    assert_eq!(Entry::of_object(b"key", set_of(b"member"), 1).kind(), Kind::Set);
    assert_eq!(Entry::of_object(b"key", Hash::new().into_object(), 1).kind(), Kind::Hash);
}

#[test]
fn a_value_becomes_a_string() {
    for key_len in [3, 254, 70_000] {
        for value_len in [0, 8, 9, 254, 70_000] {
            let (key, value) = (bytes(key_len, 1), bytes(value_len, 2));
            for make in [Entry::of_object, Entry::opened] {
                let mut entry = marked(make(&key, list(&[b"a", b"b"]), 8));
                assert_eq!((entry.kind(), entry.object().unwrap().len()), (Kind::List, 2));
                entry.set_string(&value, StrEncoding::Embstr);
                assert!(entry.key() == key && entry.string_bytes() == value && entry.object().is_none());
                assert_eq!((entry.kind(), entry.encoding(), entry.expires_at()), (Kind::Str, StrEncoding::Embstr, 8));
                assert_marked(&entry);
                let mut entry = marked(make(&key, set_of(b"other"), 8));
                entry.resize_string(3);
                assert_eq!((entry.kind(), entry.string_bytes()), (Kind::Str, &[0; 3][..]));
                assert_marked(&entry);
            }
        }
    }
}

/// Collections of every kind and packing with `count` elements.
fn collections(count: usize) -> Vec<Object> {
    let limits = Limits::default();
    let texts: Vec<String> = (0..count).map(|number| format!("element:{number}")).collect();
    let (mut ints, mut set, mut hash, mut sorted) = (Set::new(), Set::new(), Hash::new(), ZSet::new());
    for (number, text) in texts.iter().enumerate() {
        ints.add((number * 1000).to_string().as_bytes(), &limits);
        set.add(text.as_bytes(), &limits);
        hash.set(text.as_bytes(), b"value", 0, &limits);
        sorted.insert(text.as_bytes(), number as f64 / 2.0, &limits);
    }
    let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
    vec![list(&texts), ints.into_object(), set.into_object(), hash.into_object(), sorted.into_object()]
}

fn text(object: &Object) -> String {
    format!("{object:?} {}", object.encoding())
}

#[test]
fn small_collections_are_packed_and_opened_to_be_changed() {
    for count in [1, 2, 10, 20, 100, 300] {
        for object in collections(count) {
            let expected = text(&object);
            for deadline in [NO_DEADLINE, 7] {
                let mut entry = marked(Entry::of_object(b"key", object.clone(), deadline));
                let packed = entry.open_object().is_none();
                // What takes 256 bytes as an allocation of its own may have more than can be packed, or less.
                assert!(packed || object.memory() >= 256, "{} bytes", object.memory());
                assert!(!packed || object.memory() <= 256, "{} bytes", object.memory());
                assert_eq!(entry.object().unwrap().memory() == 0, packed);
                for _ in 0..2 {
                    assert_eq!(text(&entry.object().unwrap()), expected);
                    assert_eq!((entry.expires_at(), entry.kind()), (deadline, object.kind()));
                    assert_eq!(text(entry.object_mut().unwrap()), expected);
                    assert!(entry.open_object().is_some());
                    assert_eq!(entry.copy(b"other").open_object().is_none(), packed);
                    assert_marked(&entry);
                    entry.close();
                    assert_eq!(entry.open_object().is_none(), packed);
                    entry.set_deadline(NO_DEADLINE);
                    entry.set_deadline(deadline);
                }
                assert_marked(&entry);
                assert_eq!(text(&entry.rename(b"another key").into_object().unwrap()), expected);
            }
        }
    }
}

#[test]
fn what_is_empty_or_ends_by_itself_is_not_packed() {
    let limits = Limits::default();
    for empty in [Set::new().into_object(), List::new().into_object(), Hash::new().into_object()] {
        assert!(Entry::of_object(b"key", empty, NO_DEADLINE).open_object().is_some());
    }
    let mut sorted = ZSet::new();
    sorted.insert(b"member", 1.0, &limits);
    sorted.set_deadline(b"member", 9);
    let mut entry = Entry::of_object(b"key", sorted.into_object(), NO_DEADLINE);
    assert_eq!((entry.open_object().is_some(), entry.next_member_deadline()), (true, 9));
    let Some(Object::ZSet(sorted)) = entry.object_mut() else { panic!("a sorted set") };
    sorted.set_deadline(b"member", NO_DEADLINE);
    entry.close();
    assert!(entry.open_object().is_none());
}

#[test]
fn a_renamed_entry_keeps_everything_else() {
    for old_len in LENGTHS {
        for new_len in LENGTHS {
            let (old, new) = (bytes(old_len, 1), bytes(new_len, 2));
            let string = marked(Entry::string(&old, b"value", StrEncoding::Embstr, 7)).rename(&new);
            assert!(string.key() == new && string.string_bytes() == b"value");
            assert_eq!((string.encoding(), string.expires_at()), (StrEncoding::Embstr, 7));
            assert_marked(&string);
            let object = marked(Entry::of_object(&old, set_of(b"member"), NO_DEADLINE)).rename(&new);
            assert!(object.key() == new && object.object().unwrap().len() == 1);
            assert_eq!(object.expires_at(), NO_DEADLINE);
            assert_marked(&object);
        }
    }
}

#[test]
fn marks_do_not_touch_their_neighbours() {
    let entry = Entry::string(b"key", b"value", StrEncoding::Raw, 3);
    for access in [0, 1, 0xff_ffff, 0x80_0000] {
        for epoch in [0, 255] {
            entry.set_access(access);
            entry.set_epoch(epoch);
            assert_eq!((entry.access(), entry.epoch()), (access, epoch));
            assert_eq!((entry.kind(), entry.encoding()), (Kind::Str, StrEncoding::Raw));
            assert_eq!((entry.key(), entry.string_bytes(), entry.expires_at()), (&b"key"[..], &b"value"[..], 3));
        }
    }
}

#[test]
fn a_hash_is_due_when_its_first_field_is() {
    let mut hash = Hash::new();
    hash.set(b"field", b"value", 0, &Limits::default());
    let mut entry = Entry::of_object(b"key", hash.into_object(), NO_DEADLINE);
    assert_eq!(entry.deadline(), NO_DEADLINE);
    let Some(Object::Hash(hash)) = entry.object_mut() else { panic!("a hash") };
    hash.set_deadline(b"field", 50, 0).unwrap();
    assert_eq!((entry.deadline(), entry.expires_at()), (50, NO_DEADLINE));
    entry.set_deadline(40);
    assert_eq!(entry.deadline(), 40);
    entry.set_deadline(60);
    assert_eq!((entry.deadline(), entry.expires_at()), (50, 60));
}

#[test]
fn entries_live_in_a_table() {
    let mut table = Table::new();
    let entries = if cfg!(miri) { 600 } else { 5_000_u32 };
    for i in 0..entries {
        let key = format!("key:{i}");
        let entry = if i % 3 == 0 {
            Entry::of_object(key.as_bytes(), set_of(key.as_bytes()), NO_DEADLINE)
        } else {
            Entry::string(key.as_bytes(), &i.to_le_bytes(), StrEncoding::Raw, NO_DEADLINE)
        };
        table.insert_new(entry.hash(), entry);
    }
    for i in (1..entries).step_by(3) {
        let key = format!("key:{i}");
        let hash = crate::hash::hash(key.as_bytes());
        // The entry moves, and its handle in the table with it.
        table.find_mut(hash, key.as_bytes()).unwrap().set_string(&vec![b'x'; i as usize], StrEncoding::Raw);
        assert_eq!(table.find(hash, key.as_bytes()).unwrap().string_bytes().len(), i as usize);
    }
    assert_eq!(table.iter().filter(|entry| entry.kind() == Kind::Set).count(), entries.div_ceil(3) as usize);
}

#[test]
fn an_entry_may_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Entry>();
    shared::<Table<Entry>>();
}
