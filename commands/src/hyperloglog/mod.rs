//! HyperLogLog commands: how many different elements were seen.
//!
//! A HyperLogLog is a string of a known form, so every command looks at the form first and refuses what has another, and
//! what a client has damaged. The estimate is stored in the string: PFCOUNT, which only reads, writes it there if
//! what is there is out of date.

mod debug;
mod self_test;

use redis_core::prelude::*;
use redis_core::value::StrEncoding;
use redis_core::value::hll::{self, Encoding, Hll, HllBuf, HllError, Registers};

family!("hyperloglog", acl = HYPERLOGLOG);

/// The words for a string that is not accepted.
fn refusal(error: HllError) -> Error {
    match error {
        HllError::Foreign => Error::new("WRONGTYPE Key is not a valid HyperLogLog string value."),
        HllError::Corrupt => Error::new("INVALIDOBJ Corrupted HLL object detected"),
    }
}

/// The HyperLogLog at a key, for a command that is about to write.
fn peek(db: &Db, key: Key) -> Result<Option<Hll<'_>>> {
    parse(db.peek_as(key)?)
}

fn parse(text: Option<&Str>) -> Result<Option<Hll<'_>>> {
    text.map(|text| Hll::new(text.as_bytes()).map_err(refusal)).transpose()
}

/// Stores a HyperLogLog under a key.
fn store(db: &mut Db, key: Key, hll: &HllBuf) {
    db.set_encoded(key, hll.as_bytes(), StrEncoding::Raw, Ttl::Keep);
}

/// Lets a HyperLogLog see elements.
///
/// The key is created if it does not exist. Answers whether the estimate can have changed.
#[command(since = "2.8.9", complexity = "O(1) for each element.", flags(DENYOOM, FAST))]
fn pfadd(db: &mut Db, #[key(RW, INSERT)] key: Key, #[arg(name = "element")] elements: Rest<&[u8]>) -> Result<bool> {
    let changes = match peek(db, key)?.map(Hll::encoding) {
        Some(Encoding::Dense) => add_to_dense(db, key, &elements)?,
        _ => add_to_sparse(db, key, &elements)?,
    };
    if changes > 0 {
        db.changed_by(key, "pfadd", changes);
    }
    Ok(changes > 0)
}

/// Adds to a dense HyperLogLog where it stands. Answers the number of changes.
fn add_to_dense(db: &mut Db, key: Key, elements: &[&[u8]]) -> Result<u64> {
    let string = lend(db, key)?;
    let changes = elements.iter().filter(|element| hll::add_to_dense(string, element)).count();
    if changes > 0 {
        hll::forget_count(string);
    }
    Ok(changes as u64)
}

/// Adds to a sparse HyperLogLog, or to one that is still to be made. Answers the number of changes.
fn add_to_sparse(db: &mut Db, key: Key, elements: &[&[u8]]) -> Result<u64> {
    let max_sparse = db.limits().hll_sparse_max_bytes;
    let former = peek(db, key)?;
    let mut changes = u64::from(former.is_none());
    let mut hll = former.map_or_else(HllBuf::new, HllBuf::from);
    for element in elements {
        changes += u64::from(hll.add(element, max_sparse).map_err(refusal)?);
    }
    if changes > 0 {
        hll.forget_count();
        store(db, key, &hll);
    } else {
        // Looking at it in order to change it has made it a raw string, as in Redis.
        lend(db, key)?;
    }
    Ok(changes)
}

/// The bytes of a string that is there, for writing.
fn lend(db: &mut Db, key: Key) -> Result<&mut [u8]> {
    let len = db.peek_as::<Str>(key)?.map_or(0, Str::len);
    db.resize_string(key, len)
}

/// Estimates how many different elements one or several HyperLogLogs have seen together.
///
/// A key that does not exist has seen nothing.
// It is no write to clients, but what it stores in the string must reach those who follow the data.
#[command(
    since = "2.8.9",
    complexity = "O(1) for one key whose estimate is known, O(N) for N keys.",
    write = false,
    flags(READONLY, MAY_REPLICATE)
)]
fn pfcount(db: &mut Db, #[key(RW, ACCESS)] keys: Keys) -> Result<u64> {
    if let [key] = *keys.as_slice() {
        return count_one(db, key);
    }
    let mut registers = Registers::new();
    for key in keys.iter() {
        if let Some(hll) = parse(db.get(key)?)? {
            registers.add(hll).map_err(refusal)?;
        }
    }
    Ok(registers.count())
}

fn count_one(db: &mut Db, key: Key) -> Result<u64> {
    let Some(hll) = parse(db.get(key)?)? else { return Ok(0) };
    if let Some(count) = hll.known_count() {
        lend(db, key)?;
        return Ok(count);
    }
    let count = hll.count().map_err(refusal)?;
    hll::remember_count(lend(db, key)?, count);
    db.changed_quietly(key);
    Ok(count)
}

/// Puts several HyperLogLogs together into one, which also keeps what it has seen before.
#[command(since = "2.8.9", complexity = "O(N) to merge N HyperLogLogs.", flags(DENYOOM))]
fn pfmerge(
    db: &mut Db,
    #[key(RW, ACCESS, INSERT)]
    #[arg(name = "destkey")]
    destination: Key,
    #[key(RO, ACCESS)]
    #[arg(name = "sourcekey")]
    sources: Rest<Key>,
) -> Result<Okay> {
    let mut registers = Registers::new();
    let mut any_dense = false;
    for key in [&[destination][..], &sources].concat() {
        if let Some(hll) = parse(db.get(key)?)? {
            any_dense |= hll.encoding() == Encoding::Dense;
            registers.add(hll).map_err(refusal)?;
        }
    }
    let max_sparse = db.limits().hll_sparse_max_bytes;
    let mut merged = peek(db, destination)?.map_or_else(HllBuf::new, HllBuf::from);
    if any_dense {
        merged.make_dense().map_err(refusal)?;
    }
    // One by one and in order, even where it stays sparse: that decides the bytes.
    for (index, value) in registers.values().iter().enumerate().filter(|(_, value)| **value > 0) {
        merged.raise(index, *value, max_sparse).map_err(refusal)?;
    }
    merged.forget_count();
    store(db, destination, &merged);
    db.changed(destination, "pfadd");
    Ok(Okay)
}
