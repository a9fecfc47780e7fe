//! Taking elements from an end.

use redis_core::prelude::*;

use super::{FAMILY, Side};
use crate::multi_pop::{PopCount, Popped, first_of};

/// Returns the first elements in a list after removing them. Deletes the list if the last element was popped.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of elements returned",
    flags(FAST),
    history("6.2.0" = "Takes a `count`."),
    reply = OneOf(&[Bulk, Array(&Bulk), Null])
)]
fn lpop(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] key: Key,
    #[arg(since = "6.2.0")] count: Option<Count>,
    reply: &mut Reply,
) -> Result<()> {
    pop(db, key, Side::Left, count, reply)
}

/// Returns and removes the last elements of a list. Deletes the list if the last element was popped.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of elements returned",
    flags(FAST),
    history("6.2.0" = "Takes a `count`."),
    reply = OneOf(&[Bulk, Array(&Bulk), Null])
)]
fn rpop(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] key: Key,
    #[arg(since = "6.2.0")] count: Option<Count>,
    reply: &mut Reply,
) -> Result<()> {
    pop(db, key, Side::Right, count, reply)
}

fn pop(db: &mut Db, key: Key, side: Side, count: Option<Count>, reply: &mut Reply) -> Result<()> {
    match count {
        None if !pop_one(db, key, side, reply)? => reply.nil(),
        Some(count) if pop_many(db, key, side, count.as_usize(), reply)?.is_none() => reply.nil_array(),
        _ => {}
    }
    Ok(())
}

/// Returns multiple elements from a list after removing them. Deletes the list if the last element was popped.
#[command(
    since = "7.0.0",
    complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
    reply = OneOf(&[Tuple(&[Bulk, Array(&Bulk)]), Null])
)]
fn lmpop(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] keys: NumKeys<1>,
    r#where: Side,
    #[arg(token = "COUNT")] count: Option<PopCount>,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Popped> {
    let count = count.unwrap_or_default();
    match pop_from_first(db, *keys, r#where, count, reply, log)? {
        Some(popped) => Ok(popped),
        None => {
            Popped::write_nil(reply);
            Ok(Popped)
        }
    }
}

/// Pops one element of a list into the reply. Answers whether there is a list.
pub(super) fn pop_one(db: &mut Db, key: Key, side: Side, reply: &mut Reply) -> Result<bool> {
    let limits = db.limits();
    let Some(list) = db.get_mut::<List>(key)? else { return Ok(false) };
    list.pop_with(side.into(), &limits, |element| element.write(reply));
    db.changed(key, side.popped());
    Ok(true)
}

/// Pops up to `count` elements of a list into the reply, as an array. Answers how many, if there is a list.
fn pop_many(db: &mut Db, key: Key, side: Side, count: usize, reply: &mut Reply) -> Result<Option<usize>> {
    let limits = db.limits();
    let Some(list) = db.get_mut::<List>(key)? else { return Ok(None) };
    let len = list.len();
    let count = count.min(len);
    reply.array(count);
    if count == 0 {
        return Ok(Some(0));
    }
    match side {
        Side::Left => {
            list.iter().take(count).for_each(|element| element.write(reply));
            list.remove_range(0, count, &limits);
        }
        Side::Right => {
            list.iter_back().take(count).for_each(|element| element.write(reply));
            list.remove_range(len - count, count, &limits);
        }
    }
    db.changed_by(key, side.popped(), count as u64);
    Ok(Some(count))
}

/// Pops up to `count` elements from the first of the keys that holds a list, and logs it as the pop that it is.
pub(super) fn pop_from_first(
    db: &mut Db,
    keys: Keys<'_>,
    side: Side,
    PopCount(count): PopCount,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Option<Popped>> {
    let Some(key) = first_of::<List>(db, keys)? else { return Ok(None) };
    reply.array(2);
    reply.bulk(db.name(key));
    let popped = pop_many(db, key, side, count, reply)?.unwrap_or(0);
    log.rewrite(name(side), |effect| effect.key(db, key).number(popped));
    Ok(Some(Popped))
}

/// The command that pops at that end, for effects.
pub(super) fn name(side: Side) -> CommandName {
    match side {
        Side::Left => LPOP,
        Side::Right => RPOP,
    }
}
