//! When fields expire: setting it, asking for it, taking it back.

use redis_core::prelude::*;

use super::FAMILY;
use super::fields::HDEL;
use crate::expire_condition::ExpireCondition;
use crate::member_expiry::{
    Asked, BeforeFields, Field, Fields, Perishable, answer, deadline, expire, persist, rounded,
};

impl Perishable for Hash {
    const EVENTS: [&'static str; 3] = ["hexpire", "hexpired", "hpersist"];
    const EXPIRE: CommandName = HPEXPIREAT;
    const REMOVE: CommandName = HDEL;
    const TOKEN: &'static str = "FIELDS";

    fn deadline(&self, member: &[u8], now: u64) -> Option<u64> {
        Hash::deadline(self, member, now)
    }

    fn set_deadline(&mut self, member: &[u8], deadline: u64, now: u64) {
        Hash::set_deadline(self, member, deadline, now);
    }

    fn remove(&mut self, member: &[u8], now: u64) {
        Hash::remove(self, member, now);
    }
}

/// Sets the time to live of fields of a hash, in seconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hexpire(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    seconds: i64,
    condition: BeforeFields<ExpireCondition>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(seconds, 1000, db.now(), context)?;
    expire::<Hash, _>(db, key, deadline, condition.0, fields, log, reply)
}

/// Sets the time to live of fields of a hash, in milliseconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hpexpire(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    milliseconds: i64,
    #[arg(since = "9.0.0")] condition: BeforeFields<ExpireCondition>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(milliseconds, 1, db.now(), context)?;
    expire::<Hash, _>(db, key, deadline, condition.0, fields, log, reply)
}

/// Sets when fields of a hash expire, as a Unix time in seconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hexpireat(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    #[arg(name = "unix-time-seconds")] time: i64,
    #[arg(since = "9.0.0")] condition: BeforeFields<ExpireCondition>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(time, 1000, 0, context)?;
    expire::<Hash, _>(db, key, deadline, condition.0, fields, log, reply)
}

/// Sets when fields of a hash expire, as a Unix time in milliseconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
pub(super) fn hpexpireat(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    #[arg(name = "unix-time-milliseconds")] time: i64,
    #[arg(since = "9.0.0")] condition: BeforeFields<ExpireCondition>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let deadline = deadline(time, 1, 0, context)?;
    expire::<Hash, _>(db, key, deadline, condition.0, fields, log, reply)
}

/// Removes the expiration times of fields of a hash.
///
/// Answers for each field 1 if it had one, -1 if it had none, -2 if there is no such field.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
pub(super) fn hpersist(db: &mut Db, #[key(RW, UPDATE)] key: Key, fields: Fields, reply: &mut Reply) -> Result<()> {
    persist::<Hash, _>(db, key, fields, reply)
}

/// Returns the times to live of fields of a hash, in seconds.
///
/// It is -1 for a field that does not expire and -2 for one that does not exist, here and in the commands alike.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn httl(db: &Db, key: Key, fields: Asked<Field>, reply: &mut Reply) -> Result<()> {
    answer::<Hash, _>(db, key, fields, reply, |deadline| rounded(deadline.saturating_sub(db.now())))
}

/// Returns the times to live of fields of a hash, in milliseconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hpttl(db: &Db, key: Key, fields: Asked<Field>, reply: &mut Reply) -> Result<()> {
    answer::<Hash, _>(db, key, fields, reply, |deadline| deadline.saturating_sub(db.now()))
}

/// Returns when fields of a hash expire, as Unix times in seconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hexpiretime(db: &Db, key: Key, fields: Asked<Field>, reply: &mut Reply) -> Result<()> {
    answer::<Hash, _>(db, key, fields, reply, rounded)
}

/// Returns when fields of a hash expire, as Unix times in milliseconds.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(FAST), reply = Array(&Integer))]
fn hpexpiretime(db: &Db, key: Key, fields: Asked<Field>, reply: &mut Reply) -> Result<()> {
    answer::<Hash, _>(db, key, fields, reply, |deadline| deadline)
}
