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
    let len = db.get_mut::<ZSet>(key)?.map_or(0, |zset| zset.len());
    let number = count.map_or(1, Count::as_usize).min(len);
    // Only who asks for several gets pairs, and only in version 3 of the protocol.
    if count.is_some() && reply.protocol() >= 3 {
        reply.array(number);
        pop_pairs(db, key, side, number, reply)
    } else {
        reply.array(number * 2);
        pop_flat(db, key, side, number, reply)
    }
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
    let count = count.min(db.get_mut::<ZSet>(key)?.map_or(0, |zset| zset.len()));
    reply.array(2);
    reply.bulk(db.name(key));
    reply.array(count);
    pop_pairs(db, key, side, count, reply)?;
    log.rewrite(side.command(), |effect| effect.key(db, key).number(count));
    Ok(Some(Popped))
}

/// Pops `count` members, which must be there, into the reply, each as a pair.
fn pop_pairs(db: &mut Db, key: Key, side: Side, count: usize, reply: &mut Reply) -> Result<()> {
    pop_each(db, key, side, count, |member, score| write_pair(reply, member, score))
}

/// Pops `count` members, which must be there, into the reply, one after the other with their scores.
pub(super) fn pop_flat(db: &mut Db, key: Key, side: Side, count: usize, reply: &mut Reply) -> Result<()> {
    pop_each(db, key, side, count, |member, score| {
        member.write(reply);
        reply.double(score);
    })
}

/// Shows `count` members from that end and removes them.
fn pop_each(db: &mut Db, key: Key, side: Side, count: usize, mut show: impl FnMut(Element<'_>, f64)) -> Result<()> {
    let Some(zset) = db.get_mut::<ZSet>(key)?.filter(|_| count > 0) else { return Ok(()) };
    let ranks = match side {
        Side::Min => 0..count,
        Side::Max => zset.len() - count..zset.len(),
    };
    let members = zset.range(ranks.clone());
    match side {
        Side::Min => members.for_each(|(member, score)| show(member, score)),
        Side::Max => members.rev().for_each(|(member, score)| show(member, score)),
    }
    zset.remove_range(ranks);
    db.changed_by(key, side.popped(), count as u64);
    Ok(())
}
