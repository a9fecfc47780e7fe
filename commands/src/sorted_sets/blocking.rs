//! Commands that wait until there is a sorted set to take from.
//!
//! When there is one they are the command without the B, and that is what is logged. Otherwise they say which keys they
//! wait for and run again when one of them holds a sorted set.

use redis_core::prelude::*;

use super::FAMILY;
use super::pop::{Side, pop_from_first, pop_one};
use crate::multi_pop::{PopCount, Popped, first_of, ready_or_wait};

/// Removes and returns the member with the lowest score from the first of several sorted sets that is not empty. Waits
/// for one otherwise.
///
/// A key is deleted with its last member.
#[command(
    since = "5.0.0",
    complexity = "O(log(N)) where N is the number of members of the sorted set.",
    flags(FAST),
    history("6.0.0" = "`timeout` may have a fraction."),
    reply = OneOf(&[Tuple(&[Bulk, Bulk, Double]), Null])
)]
fn bzpopmin(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)]
    #[arg(name = "key")]
    keys: Keys,
    timeout: Timeout,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Popped>> {
    pop_or_wait(db, keys, Side::Min, timeout, reply, log)
}

/// Removes and returns the member with the highest score from the first of several sorted sets that is not empty. Waits
/// for one otherwise.
///
/// A key is deleted with its last member.
#[command(
    since = "5.0.0",
    complexity = "O(log(N)) where N is the number of members of the sorted set.",
    flags(FAST),
    history("6.0.0" = "`timeout` may have a fraction."),
    reply = OneOf(&[Tuple(&[Bulk, Bulk, Double]), Null])
)]
fn bzpopmax(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)]
    #[arg(name = "key")]
    keys: Keys,
    timeout: Timeout,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Popped>> {
    pop_or_wait(db, keys, Side::Max, timeout, reply, log)
}

/// Removes and returns members from the first of several sorted sets that is not empty. Waits for one otherwise.
///
/// A key is deleted with its last member.
#[command(
    since = "7.0.0",
    complexity = "O(K) + O(M*log(N)) where K is the number of keys, N the number of members of the sorted set, and M the number of members popped.",
    reply = OneOf(&[Tuple(&[Bulk, Array(&Tuple(&[Bulk, Double]))]), Null])
)]
fn bzmpop(
    db: &mut Db,
    timeout: Timeout,
    #[key(RW, ACCESS, DELETE)] keys: NumKeys<1>,
    r#where: Side,
    #[arg(token = "COUNT")] count: Option<PopCount>,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Popped>> {
    let popped = pop_from_first(db, *keys, r#where, count.unwrap_or_default(), reply, log)?;
    Ok(ready_or_wait(popped, *keys, Kind::ZSet, timeout))
}

fn pop_or_wait(
    db: &mut Db,
    keys: Keys<'_>,
    side: Side,
    timeout: Timeout,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Popped>> {
    let Some(key) = first_of::<ZSet>(db, keys)? else { return Ok(ready_or_wait(None, keys, Kind::ZSet, timeout)) };
    reply.array(3);
    reply.bulk(db.name(key));
    pop_one(db, key, side, reply)?;
    log.rewrite(side.command(), |effect| effect.key(db, key));
    Ok(Wait::Ready(Popped))
}
