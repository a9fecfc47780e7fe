//! Setting, reading and removing fields.

use redis_core::prelude::*;
use redis_core::value::Element;

use super::{FAMILY, Overwritten};
use crate::member_expiry::Fields;

/// Sets the values of one or more fields of a hash.
///
/// The key is created if it does not exist.
#[command(
    since = "2.0.0",
    complexity = "O(1) for each pair of field and value.",
    flags(DENYOOM, FAST),
    history("4.0.0" = "Several fields can be given.")
)]
fn hset(
    db: &mut Db,
    #[key(RW, UPDATE)] key: Key,
    #[arg(names("field", "value"))] data: Many<(&[u8], &[u8])>,
) -> Result<usize> {
    set_all(db, key, &data)
}

/// Sets the values of one or more fields of a hash.
///
/// HSET does the same and tells how many fields are new.
#[command(since = "2.0.0", complexity = "O(N) where N is the number of fields to set.", flags(DENYOOM, FAST))]
fn hmset(
    db: &mut Db,
    #[key(RW, UPDATE)] key: Key,
    #[arg(names("field", "value"))] data: Many<(&[u8], &[u8])>,
) -> Result<Okay> {
    set_all(db, key, &data)?;
    Ok(Okay)
}

/// Answers how many of the fields are new.
fn set_all(db: &mut Db, key: Key, data: &[(&[u8], &[u8])]) -> Result<usize> {
    let (now, limits) = (db.expiry_time(), db.limits());
    let hash = db.get_or_insert::<Hash>(key)?;
    hash.expect(data.len(), &limits);
    let mut overwritten = Overwritten::default();
    let mut new = 0;
    for (field, value) in data {
        overwritten.note(hash, field, now);
        new += usize::from(hash.set(field, value, now, &limits));
    }
    overwritten.announce(db, key);
    db.changed_by(key, "hset", data.len() as u64);
    Ok(new)
}

/// Sets the value of a field of a hash, only if there is no such field.
///
/// The key is created if it does not exist.
#[command(since = "2.0.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn hsetnx(db: &mut Db, #[key(RW, INSERT)] key: Key, field: &[u8], value: &[u8]) -> Result<bool> {
    let (now, limits) = (db.expiry_time(), db.limits());
    let hash = db.get_or_insert::<Hash>(key)?;
    if hash.contains(field, now) {
        return Ok(false);
    }
    let mut overwritten = Overwritten::default();
    overwritten.note(hash, field, now);
    hash.set(field, value, now, &limits);
    overwritten.announce(db, key);
    db.changed(key, "hset");
    Ok(true)
}

/// Removes one or more fields from a hash.
///
/// The key is deleted with its last field.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of fields to remove.",
    flags(FAST),
    history("2.4.0" = "Several fields can be given.")
)]
pub(super) fn hdel(
    db: &mut Db,
    #[key(RW, DELETE)] key: Key,
    #[arg(name = "field")] fields: Many<&[u8]>,
) -> Result<usize> {
    let now = db.expiry_time();
    let Some(hash) = db.get_mut::<Hash>(key)? else { return Ok(0) };
    let removed = fields.iter().filter(|field| hash.remove(field, now)).count();
    if removed > 0 {
        db.changed_by(key, "hdel", removed as u64);
    }
    Ok(removed)
}

/// Returns the value of a field of a hash.
#[command(since = "2.0.0", complexity = "O(1)", flags(FAST))]
fn hget<'d>(db: &'d Db, key: Key, field: &[u8]) -> Result<Option<Element<'d>>> {
    Ok(db.get::<Hash>(key)?.and_then(|hash| hash.get(field, db.expiry_time())))
}

/// Returns the values of several fields of a hash.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of fields to read.",
    flags(FAST),
    reply = Array(&OneOf(&[Bulk, Null]))
)]
fn hmget(db: &Db, key: Key, #[arg(name = "field")] fields: Many<&[u8]>, reply: &mut Reply) -> Result<()> {
    let hash = db.get::<Hash>(key)?;
    reply.array(fields.len());
    for field in fields {
        hash.and_then(|hash| hash.get(field, db.expiry_time())).write(reply);
    }
    Ok(())
}

/// Returns all fields and values of a hash.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of fields.",
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Map(&Bulk, &Bulk)
)]
fn hgetall(db: &Db, key: Key, reply: &mut Reply) -> Result<()> {
    let (len, fields) = live(db, key)?;
    reply.map(len);
    for (field, value) in fields {
        field.write(reply);
        value.write(reply);
    }
    Ok(())
}

/// Returns all fields of a hash.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of fields.",
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Array(&Bulk)
)]
fn hkeys(db: &Db, key: Key, reply: &mut Reply) -> Result<()> {
    let (len, fields) = live(db, key)?;
    reply.array(len);
    fields.for_each(|(field, _)| field.write(reply));
    Ok(())
}

/// Returns all values of a hash.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of fields.",
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Array(&Bulk)
)]
fn hvals(db: &Db, key: Key, reply: &mut Reply) -> Result<()> {
    let (len, fields) = live(db, key)?;
    reply.array(len);
    fields.for_each(|(_, value)| value.write(reply));
    Ok(())
}

/// The fields of a hash that have not expired, with their values, and how many they are.
fn live(db: &Db, key: Key) -> Result<(usize, impl Iterator<Item = (Element<'_>, Element<'_>)>)> {
    let hash = db.get::<Hash>(key)?;
    let len = hash.map_or(0, |hash| hash.live_len(db.expiry_time()));
    Ok((len, hash.into_iter().flat_map(|hash| hash.iter(db.expiry_time()))))
}

/// Returns the number of fields of a hash.
///
/// Fields whose time is over count until they are taken out of memory.
#[command(since = "2.0.0", complexity = "O(1)", flags(FAST))]
fn hlen(db: &Db, #[key(RO)] key: Key) -> Result<usize> {
    Ok(db.get::<Hash>(key)?.map_or(0, Hash::len))
}

/// Tells whether a field belongs to a hash.
#[command(since = "2.0.0", complexity = "O(1)", flags(FAST))]
fn hexists(db: &Db, #[key(RO)] key: Key, field: &[u8]) -> Result<bool> {
    Ok(db.get::<Hash>(key)?.is_some_and(|hash| hash.contains(field, db.expiry_time())))
}

/// Returns the length of the value of a field of a hash.
#[command(since = "3.2.0", complexity = "O(1)", flags(FAST))]
fn hstrlen(db: &Db, #[key(RO)] key: Key, field: &[u8]) -> Result<usize> {
    Ok(db.get::<Hash>(key)?.map_or(0, |hash| hash.value_len(field, db.expiry_time())))
}

/// Returns the values of one or more fields of a hash and removes them.
///
/// The key is deleted with its last field.
#[command(
    since = "9.1.0",
    complexity = "O(N) where N is the number of fields.",
    flags(FAST),
    reply = Array(&OneOf(&[Bulk, Null]))
)]
fn hgetdel(db: &mut Db, #[key(RW, ACCESS, DELETE)] key: Key, fields: Fields, reply: &mut Reply) -> Result<()> {
    let now = db.expiry_time();
    let mut hash = db.get_mut::<Hash>(key)?;
    reply.array(fields.len());
    let mut removed = 0;
    for field in fields.iter() {
        hash.as_ref().and_then(|hash| hash.get(field, now)).write(reply);
        removed += u64::from(hash.as_mut().is_some_and(|hash| hash.remove(field, now)));
    }
    if removed > 0 {
        db.changed_by(key, "hdel", removed);
    }
    Ok(())
}
