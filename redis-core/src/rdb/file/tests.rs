//! Files written and read again, whole, cut and damaged.

#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Read};

use super::*;
use crate::rdb::{Error, Loaded, ValueRef, Writer};
use crate::table::NO_DEADLINE;
use crate::value::list::Side;
use crate::value::{Limits, List, Object, Str};

fn options() -> ReadOptions {
    ReadOptions { limits: Limits::default(), now: 0, checksum: true, any_version: false }
}

/// A file with everything that is written.
fn file() -> Vec<u8> {
    let mut list = List::new();
    (0..3).for_each(|n| list.push(Side::Back, n.to_string().as_bytes(), &Limits::default()));
    let list = Object::List(list);
    let mut writer = FileWriter::new(Cursor::new(Vec::new()), true, true).unwrap();
    writer.aux("redis-ver", "7.4.0").unwrap();
    writer.function(b"#!lua name=l").unwrap();
    writer.database(0, 2, 1).unwrap();
    let text = || ValueRef::Str(Str::new(b"text"));
    writer.record(&Record { key: b"k", value: text(), expires_at: 4_000_000_000_000, usage: None }).unwrap();
    let usage = Some(Usage::Idle(1000));
    writer.record(&Record { key: b"12", value: text(), expires_at: NO_DEADLINE, usage }).unwrap();
    writer.database(9, 1, 0).unwrap();
    let usage = Some(Usage::Frequency(200));
    writer.record(&Record { key: b"l", value: ValueRef::from(&list), expires_at: NO_DEADLINE, usage }).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Everything that is read, as text.
fn read(input: impl Read, options: ReadOptions) -> Result<Vec<String>, FileError> {
    let mut items = Vec::new();
    let mut reader = FileReader::new(input, options)?;
    reader.read(|item, _| {
        items.push(match item {
            Item::Key(KeyItem { key, value, expires_at, usage, type_byte, .. }) => {
                let value = match value {
                    ValueItem::Str(text) => String::from_utf8_lossy(&text).into_owned(),
                    ValueItem::Object(Loaded::Object(object)) => format!("{} of {}", object.type_name(), type_byte),
                    other => format!("{other:?}"),
                };
                let expires = if expires_at == NO_DEADLINE { String::new() } else { expires_at.to_string() };
                format!("{} = {value} {expires} {usage:?}", key.escape_ascii())
            }
            Item::Aux(name, value) => format!("{} is {}", name.escape_ascii(), value.escape_ascii()),
            Item::Function(text) => format!("function {}", text.escape_ascii()),
            other => format!("{other:?}"),
        });
        Ok(())
    })?;
    Ok(items)
}

/// Gives one byte at a time.
struct Dripping<'a>(&'a [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(1);
        self.0.read(&mut buffer[..len])
    }
}

const EXPECTED: [&str; 9] = [
    "redis-ver is 7.4.0",
    "function #!lua name=l",
    "Database(0)",
    "Size(2, 1)",
    "k = text 4000000000000 None",
    "12 = text  Some(Idle(1000))",
    "Database(9)",
    "Size(1, 0)",
    "l = list of 18  Some(Frequency(200))",
];

#[test]
fn what_is_written_is_read() {
    let file = file();
    assert_eq!(read(&*file, options()).unwrap(), EXPECTED);
    assert_eq!(read(Dripping(&file), options()).unwrap(), EXPECTED);
    let behind = [&file[..], b"*1\r\n$4\r\nPING\r\n"].concat();
    let mut reader = FileReader::new(&*behind, options()).unwrap();
    reader.read(|_, _| Ok(())).unwrap();
    assert_eq!((reader.position(), reader.version()), (file.len() as u64, 10));
}

#[test]
fn values_larger_than_what_is_read_at_once() {
    let mut writer = FileWriter::new(Cursor::new(Vec::new()), false, true).unwrap();
    let large: Vec<u8> = (0..5_000_000u32).map(|n| n as u8).collect();
    for key in ["a", "b"] {
        let value = ValueRef::Str(Str::new(&large));
        writer.record(&Record { key: key.as_bytes(), value, expires_at: NO_DEADLINE, usage: None }).unwrap();
    }
    let file = writer.finish().unwrap().into_inner();
    let mut found = 0;
    let mut reader = FileReader::new(&*file, options()).unwrap();
    reader
        .read(|item, _| {
            let Item::Key(KeyItem { value: ValueItem::Str(text), .. }) = item else { panic!("{item:?}") };
            assert!(text == large);
            found += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(found, 2);
}

#[test]
fn cut_files_are_errors() {
    let file = file();
    for len in 0..file.len() {
        let error = read(&file[..len], options()).unwrap_err();
        assert!(matches!(error.reason, Reason::Content(Error::Truncated)), "{len}: {error}");
    }
}

#[test]
fn damaged_files_are_errors_and_nothing_worse() {
    let file = file();
    let unchecked = ReadOptions { checksum: false, ..options() };
    for place in 0..file.len() {
        for flip in [1, 0x80, 0xff] {
            let mut damaged = file.clone();
            damaged[place] ^= flip;
            assert!(read(&*damaged, options()).is_err(), "{place} {flip}");
            // Whatever comes of it.
            let _ = read(&*damaged, unchecked);
        }
    }
}

#[test]
fn errors_tell_the_place() {
    let mut file = file();
    let body = file.len() - 8;
    file[body..].copy_from_slice(b"whatever");
    assert!(read(&*file, options()).unwrap_err().to_string().starts_with("RDB CRC error: "));
    assert!(read(&*file, ReadOptions { checksum: false, ..options() }).is_ok());

    let at = |bytes: &[u8]| read(bytes, options()).unwrap_err().to_string();
    assert_eq!(at(b"RADIS0010xx"), "Wrong signature: not an RDB file at offset 0");
    assert_eq!(at(b"REDIS0013xx"), "Can't handle RDB format version 13 at offset 0");
    assert_eq!(
        at(b"REDIS0010\xfe\x03\xfc\0\0\0\0\0\0\0\x01\x0b\x01k\x01x"),
        "integrity check failed: an intset breaks its rules at offset 11, key 'k' of database 3"
    );
    assert_eq!(
        at(b"REDIS0010\xfe\x03\xc8\x01k"),
        "integrity check failed: no type has the byte 200 at offset 11, key 'k' of database 3"
    );
    let newer = read(&b"REDIS0013\0\x01k\x01v\xff\0\0\0\0\0\0\0\0"[..], ReadOptions { any_version: true, ..options() });
    assert_eq!(newer.unwrap(), ["k = v  None"]);
    let old = read(&b"REDIS0003\xfd\x01\0\0\0\0\x01k\x01v\xff"[..], options());
    assert_eq!(old.unwrap(), ["k = v 1000 None"]);
}

#[test]
fn records_made_elsewhere_are_the_same() {
    let record = |key| Record { key, value: ValueRef::Str(Str::new(b"v")), expires_at: NO_DEADLINE, usage: None };
    let mut records = Writer::new(true);
    record(b"a").write(&mut records);
    record(b"b").write(&mut records);
    let mut writer = FileWriter::new(Cursor::new(Vec::new()), true, true).unwrap();
    writer.records(&records).unwrap();
    assert_eq!(read(&*writer.finish().unwrap().into_inner(), options()).unwrap(), ["a = v  None", "b = v  None"]);
}
