//! Commands that wait until there is a list to take from.
//!
//! When there is one they are the command without the B, and that is what is logged. Otherwise they say which keys they
//! wait for and run again when one of them holds a list.

use redis_core::prelude::*;

use super::pop::{self, pop_from_first, pop_one};
use super::transfer::{LMOVE, RPOPLPUSH, transfer};
use super::{FAMILY, Side};
use crate::multi_pop::{PopCount, Popped, first_of, ready_or_wait};

/// Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of provided keys.",
    history("6.0.0" = "`timeout` may have a fraction."),
    reply = OneOf(&[Tuple(&[Bulk, Bulk]), Null])
)]
fn blpop(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)]
    #[arg(name = "key")]
    keys: Keys,
    timeout: Timeout,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Popped>> {
    pop_or_wait(db, keys, Side::Left, timeout, reply, log)
}

/// Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of provided keys.",
    history("6.0.0" = "`timeout` may have a fraction."),
    reply = OneOf(&[Tuple(&[Bulk, Bulk]), Null])
)]
fn brpop(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)]
    #[arg(name = "key")]
    keys: Keys,
    timeout: Timeout,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Popped>> {
    pop_or_wait(db, keys, Side::Right, timeout, reply, log)
}

/// Pops the first element from one of multiple lists. Blocks until an element is available otherwise. Deletes the list if the last element was popped.
#[command(
    since = "7.0.0",
    complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
    reply = OneOf(&[Tuple(&[Bulk, Array(&Bulk)]), Null])
)]
fn blmpop(
    db: &mut Db,
    timeout: Timeout,
    #[key(RW, ACCESS, DELETE)] keys: NumKeys<1>,
    r#where: Side,
    #[arg(token = "COUNT")] count: Option<PopCount>,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Popped>> {
    let popped = pop_from_first(db, *keys, r#where, count.unwrap_or_default(), reply, log)?;
    Ok(ready_or_wait(popped, *keys, Kind::List, timeout))
}

/// Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was moved.
#[command(since = "6.2.0", complexity = "O(1)", flags(DENYOOM))]
fn blmove(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] source: Key,
    #[key(RW, INSERT)] destination: Key,
    wherefrom: Side,
    whereto: Side,
    timeout: Timeout,
    log: &mut Propagation,
) -> Result<Wait<Bulk>> {
    let moved = transfer(db, (source, wherefrom), (destination, whereto))?;
    if moved.is_some() {
        log.rewrite(LMOVE, |effect| {
            effect.key(db, source).key(db, destination).arg(wherefrom.token()).arg(whereto.token())
        });
    }
    Ok(ready_or_wait(moved, source, Kind::List, timeout))
}

/// Pops an element from a list, pushes it to another list and returns it. Block until an element is available otherwise. Deletes the list if the last element was popped.
#[command(
    since = "2.2.0",
    complexity = "O(1)",
    flags(DENYOOM),
    history("6.0.0" = "`timeout` may have a fraction.")
)]
fn brpoplpush(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] source: Key,
    #[key(RW, INSERT)] destination: Key,
    timeout: Timeout,
    log: &mut Propagation,
) -> Result<Wait<Bulk>> {
    let moved = transfer(db, (source, Side::Right), (destination, Side::Left))?;
    if moved.is_some() {
        log.rewrite(RPOPLPUSH, |effect| effect.key(db, source).key(db, destination));
    }
    Ok(ready_or_wait(moved, source, Kind::List, timeout))
}

fn pop_or_wait(
    db: &mut Db,
    keys: Keys<'_>,
    side: Side,
    timeout: Timeout,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<Wait<Popped>> {
    let Some(key) = first_of::<List>(db, keys)? else { return Ok(ready_or_wait(None, keys, Kind::List, timeout)) };
    reply.array(2);
    reply.bulk(db.name(key));
    pop_one(db, key, side, reply)?;
    log.rewrite(pop::name(side), |effect| effect.key(db, key));
    Ok(Wait::Ready(Popped))
}
