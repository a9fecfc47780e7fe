//! Hashes, in the forms without and with deadlines of fields.

use super::{Loading, read_listpack};
use crate::rdb::{Error, Reader, Type, zipmap};
use crate::table::NO_DEADLINE;
use crate::value::listpack::TextBuffer;
use crate::value::{Hash, Limits, Listpack};

/// The last point in time at which a field can end in Redis, which keeps 48 bits.
const DEADLINE_MAX: u64 = (1 << 48) - 2;

/// The clock of hashes without deadlines: no field has ended.
const NO_TIME: u64 = 0;

const ODD: Error = Error::Malformed("a field of a hash is there twice, or has no value");
const NO_TIME_AT_ALL: Error = Error::Malformed("the deadline of a field is no point in time");

/// Fields and values.
pub(super) fn fields(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    let count = reader.count(2)?;
    let mut hash = Hash::new();
    hash.expect(count, limits);
    for _ in 0..count {
        let field = reader.string()?;
        if !hash.set(&field, &reader.string()?, NO_TIME, limits) {
            return Err(Error::Duplicate);
        }
    }
    Ok(hash)
}

/// One zipmap.
pub(super) fn zipmap(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Error> {
    let bytes = reader.string()?;
    let pairs = zipmap::pairs(&bytes)?;
    let mut hash = Hash::new();
    hash.expect(pairs.len(), limits);
    for (field, value) in pairs {
        if !hash.set(field, value, NO_TIME, limits) {
            return Err(Error::Duplicate);
        }
    }
    Ok(hash)
}

/// One listpack of fields and values.
pub(super) fn packed(listpack: Listpack, limits: &Limits) -> Result<Hash, Error> {
    Hash::from_listpack(listpack, limits).ok_or(ODD)
}

/// Adds a field that ends at a point in time, 0 for never, unless that has passed.
fn add(hash: &mut Hash, field: &[u8], value: &[u8], deadline: u64, loading: &Loading) -> Result<(), Error> {
    let deadline = match deadline {
        0 => NO_DEADLINE,
        deadline => deadline,
    };
    if deadline > loading.now && !hash.set_with_deadline(field, value, deadline, loading.now, &loading.limits) {
        return Err(Error::Duplicate);
    }
    Ok(())
}

/// A deadline as Redis can have it.
fn in_redis(deadline: u64) -> Result<u64, Error> {
    if deadline < DEADLINE_MAX { Ok(deadline) } else { Err(NO_TIME_AT_ALL) }
}

/// The hash, unless no field of those that were read is left.
fn left_of(hash: Hash, read: usize) -> Result<Hash, Error> {
    if hash.is_empty() && read > 0 { Err(Error::Expired) } else { Ok(hash) }
}

/// A deadline that is counted from the earliest of the hash, 1 being that itself.
fn from_earliest(relative: u64, earliest: u64) -> Result<u64, Error> {
    match relative {
        0 => Ok(0),
        _ => earliest.checked_add(relative - 1).ok_or(NO_TIME_AT_ALL),
    }
}

/// The earliest deadline of a hash, which stands before everything else.
fn earliest(reader: &mut Reader<'_>) -> Result<u64, Error> {
    u64::try_from(reader.millis()?).map_err(|_| NO_TIME_AT_ALL)
}

/// Fields, values and deadlines: before them in Redis, behind them in Valkey.
pub(super) fn fields_with_deadlines(reader: &mut Reader<'_>, form: Type, loading: &Loading) -> Result<Hash, Error> {
    let earliest = if form == Type::HashMetadata { earliest(reader)? } else { 0 };
    let mut hash = Hash::new();
    let count = reader.count(3)?;
    for _ in 0..count {
        let before = match form {
            Type::Hash2 => 0,
            Type::HashMetadata => from_earliest(reader.length()?, earliest)?,
            _ => reader.length()?,
        };
        let field = reader.string()?;
        let value = reader.string()?;
        let deadline = match form {
            Type::Hash2 => match reader.millis()? {
                -1 => 0,
                millis => u64::try_from(millis).map_err(|_| NO_TIME_AT_ALL)?.max(1),
            },
            _ => in_redis(before)?,
        };
        add(&mut hash, &field, &value, deadline, loading)?;
    }
    left_of(hash, count)
}

/// One listpack of fields, values and deadlines.
pub(super) fn packed_with_deadlines(reader: &mut Reader<'_>, form: Type, loading: &Loading) -> Result<Hash, Error> {
    if form == Type::HashListpackEx {
        // For those who do not want to look into the listpack, whose deadlines are whole.
        earliest(reader)?;
    }
    let listpack = read_listpack(reader)?;
    let mut hash = Hash::new();
    let mut elements = listpack.iter();
    while let Some(field) = elements.next() {
        let (Some(value), Some(deadline)) = (elements.next(), elements.next()) else {
            return Err(ODD);
        };
        let deadline = deadline.to_i64().and_then(|millis| u64::try_from(millis).ok()).ok_or(NO_TIME_AT_ALL)?;
        let (mut field_text, mut value_text) = (TextBuffer::new(), TextBuffer::new());
        let deadline = in_redis(deadline)?;
        add(&mut hash, field.text(&mut field_text), value.text(&mut value_text), deadline, loading)?;
    }
    left_of(hash, listpack.len())
}
