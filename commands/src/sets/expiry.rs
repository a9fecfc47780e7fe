//! When members expire: setting it, asking for it, taking it back.
//!
//! Members whose time is over are taken out before a command sees the set, so the time makes no difference here.

use redis_core::prelude::*;

use super::FAMILY;
use super::SREM;
use crate::expire_condition::ExpireCondition;
use crate::member_expiry::{
    Asked, BeforeMembers, Member, Members, Perishable, answer, deadline, expire, persist, rounded,
};

impl Perishable for Set {
    const EVENTS: [&'static str; 3] = ["sexpire", "sexpired", "spersist"];
    const EXPIRE: CommandName = SPEXPIREAT;
    const REMOVE: CommandName = SREM;
    const TOKEN: &'static str = "MEMBERS";

    fn deadline(&self, member: &[u8], _: u64) -> Option<u64> {
        Set::deadline(self, member)
    }

    fn set_deadline(&mut self, member: &[u8], deadline: u64, _: u64) {
        Set::set_deadline(self, member, deadline);
    }

    fn remove(&mut self, member: &[u8], _: u64) {
        Set::remove(self, member);
    }
}

/// Sets the time to live of members of a set, in seconds.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn sexpire(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    seconds: i64,
    condition: BeforeMembers<ExpireCondition>,
    members: Members,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(seconds, 1000, db.now(), context)?;
    expire::<Set, _>(db, key, deadline, condition.0, members, log, reply)
}

/// Sets the time to live of members of a set, in milliseconds.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn spexpire(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    milliseconds: i64,
    condition: BeforeMembers<ExpireCondition>,
    members: Members,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(milliseconds, 1, db.now(), context)?;
    expire::<Set, _>(db, key, deadline, condition.0, members, log, reply)
}

/// Sets when members of a set expire, as a Unix time in seconds.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn sexpireat(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    #[arg(name = "unix-time-seconds")] time: i64,
    condition: BeforeMembers<ExpireCondition>,
    members: Members,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(time, 1000, 0, context)?;
    expire::<Set, _>(db, key, deadline, condition.0, members, log, reply)
}

/// Sets when members of a set expire, as a Unix time in milliseconds.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn spexpireat(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    #[arg(name = "unix-time-milliseconds")] time: i64,
    condition: BeforeMembers<ExpireCondition>,
    members: Members,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(time, 1, 0, context)?;
    expire::<Set, _>(db, key, deadline, condition.0, members, log, reply)
}

/// Removes the expiration times of members of a set.
///
/// Answers for each member 1 if it had one, -1 if it had none, -2 if there is no such member.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn spersist(db: &mut Db, #[key(RW, UPDATE)] key: Key, members: Members, reply: &mut Reply) -> Result<()> {
    persist::<Set, _>(db, key, members, reply)
}

/// Returns the times to live of members of a set, in seconds.
///
/// It is -1 for a member that does not expire and -2 for one that does not exist, here and in the commands alike.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn sttl(db: &Db, key: Key, members: Asked<Member>, reply: &mut Reply) -> Result<()> {
    answer::<Set, _>(db, key, members, reply, |deadline| rounded(deadline.saturating_sub(db.now())))
}

/// Returns the times to live of members of a set, in milliseconds.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn spttl(db: &Db, key: Key, members: Asked<Member>, reply: &mut Reply) -> Result<()> {
    answer::<Set, _>(db, key, members, reply, |deadline| deadline.saturating_sub(db.now()))
}

/// Returns when members of a set expire, as Unix times in seconds.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn sexpiretime(db: &Db, key: Key, members: Asked<Member>, reply: &mut Reply) -> Result<()> {
    answer::<Set, _>(db, key, members, reply, rounded)
}

/// Returns when members of a set expire, as Unix times in milliseconds.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(FAST), reply = Array(&Integer))]
fn spexpiretime(db: &Db, key: Key, members: Asked<Member>, reply: &mut Reply) -> Result<()> {
    answer::<Set, _>(db, key, members, reply, |deadline| deadline)
}
