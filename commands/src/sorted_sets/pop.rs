//! Taking members with the lowest or the highest scores.

use redis_core::prelude::*;
use redis_core::value::Element;

use super::{FAMILY, write_pair};
use crate::multi_pop::{PopCount, Popped, first_of};

/// An end of a sorted set, as commands name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Options)]
pub(super) enum Side {
    /// The lowest scores.
    Min,
    /// The highest scores.
    Max,
}

impl Side {
    /// The event of a pop at this end.
    fn popped(self) -> &'static str {
        match self {
            Side::Min => "zpopmin",
            Side::Max => "zpopmax",
        }
    }

    /// The command that pops at this end, for effects.
    pub(super) fn command(self) -> CommandName {
        match self {
            Side::Min => ZPOPMIN,
            Side::Max => ZPOPMAX,
        }
    }
}

/// Removes and returns the members of a sorted set with the lowest scores.
///
/// The key is deleted with its last member.
#[command(
    since = "5.0.0",
    complexity = "O(log(N)*M) where N is the number of members of the sorted set and M the number of members popped.",
    flags(FAST),
    extra = syntax,
    reply = Array(&OneOf(&[Bulk, Double, Tuple(&[Bulk, Double])]))
)]
fn zpopmin(db: &mut Db, #[key(RW, ACCESS, DELETE)] key: Key, count: Option<Count>, reply: &mut Reply) -> Result<()> {
    pop(db, key, Side::Min, count, reply)
}

/// Removes and returns the members of a sorted set with the highest scores.
///
/// The key is deleted with its last member.
#[command(
    since = "5.0.0",
    complexity = "O(log(N)*M) where N is the number of members of the sorted set and M the number of members popped.",
    flags(FAST),
    extra = syntax,
    reply = Array(&OneOf(&[Bulk, Double, Tuple(&[Bulk, Double])]))
)]
fn zpopmax(db: &mut Db, #[key(RW, ACCESS, DELETE)] key: Key, count: Option<Count>, reply: &mut Reply) -> Result<()> {
    pop(db, key, Side::Max, count, reply)
}

fn pop(db: &mut Db, key: Key, side: Side, count: Option<Count>, reply: &mut Reply) -> Result<()> {
    let number = count.map_or(1, Count::as_usize);
    // Only who asks for several gets pairs, and only in version 3 of the protocol.
    if count.is_some() && reply.protocol() >= 3 {
        pop_members(db, key, side, number, reply, Reply::array, write_pair)?;
    } else {
        pop_members(db, key, side, number, reply, |reply, number| reply.array(number * 2), write_flat)?;
    }
    Ok(())
}

/// Removes and returns members from the first of several sorted sets that is not empty.
///
/// A key is deleted with its last member.
#[command(
    since = "7.0.0",
    complexity = "O(K) + O(M*log(N)) where K is the number of keys, N the number of members of the sorted set, and M the number of members popped.",
    reply = OneOf(&[Tuple(&[Bulk, Array(&Tuple(&[Bulk, Double]))]), Null])
)]
fn zmpop(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] keys: NumKeys<1>,
    r#where: Side,
    #[arg(token = "COUNT")] count: Option<PopCount>,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Popped> {
    let popped = pop_from_first(db, *keys, r#where, count.unwrap_or_default(), reply, log)?;
    if popped.is_none() {
        Popped::write_nil(reply);
    }
    Ok(Popped)
}

/// Pops up to `count` members from the first of the keys that holds a sorted set, and logs it as the pop that it is.
pub(super) fn pop_from_first(
    db: &mut Db,
    keys: Keys<'_>,
    side: Side,
    PopCount(count): PopCount,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Option<Popped>> {
    let Some(key) = first_of::<ZSet>(db, keys)? else { return Ok(None) };
    reply.array(2);
    reply.bulk(db.name(key));
    let count = pop_members(db, key, side, count, reply, Reply::array, write_pair)?;
    log.rewrite(side.command(), |effect| effect.key(db, key).number(count));
    Ok(Some(Popped))
}

/// Pops the member at that end, which must be there, into the reply: the member and its score.
pub(super) fn pop_one(db: &mut Db, key: Key, side: Side, reply: &mut Reply) -> Result<()> {
    pop_members(db, key, side, 1, reply, |_, _| (), write_flat)?;
    Ok(())
}

fn write_flat(reply: &mut Reply, member: Element<'_>, score: f64) {
    member.write(reply);
    reply.double(score);
}

/// Pops up to `count` members into the reply, each with `write`, after `begin` has been told how many. Returns how many.
fn pop_members(
    db: &mut Db,
    key: Key,
    side: Side,
    count: usize,
    reply: &mut Reply,
    begin: impl FnOnce(&mut Reply, usize),
    write: impl Fn(&mut Reply, Element<'_>, f64),
) -> Result<usize> {
    let zset = db.get_mut::<ZSet>(key)?;
    let len = zset.as_ref().map_or(0, |zset| zset.len());
    let count = count.min(len);
    begin(reply, count);
    let Some(zset) = zset.filter(|_| count > 0) else { return Ok(0) };
    let ranks = match side {
        Side::Min => 0..count,
        Side::Max => len - count..len,
    };
    let members = zset.range(ranks.clone());
    match side {
        Side::Min => members.for_each(|(member, score)| write(reply, member, score)),
        Side::Max => members.rev().for_each(|(member, score)| write(reply, member, score)),
    }
    zset.remove_range(ranks);
    db.changed_by(key, side.popped(), count as u64);
    Ok(count)
}
