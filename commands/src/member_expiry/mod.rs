//! When fields of hashes and members of sets and sorted sets expire: setting it, asking for it, taking it back.
//!
//! The commands of the three types do the same under different names. As with keys, times to live are kept and logged as
//! points in time, in milliseconds. To give a member a deadline that has passed is to remove it.

mod arguments;
mod expiration;

use redis_core::prelude::*;
use redis_core::table::NO_DEADLINE;
use redis_core::value::Value;

pub(crate) use arguments::{
    Asked, Before, BeforeFields, BeforeMembers, Field, Fields, Member, Members, Names, counted,
};
pub(crate) use expiration::SetExpiration;

use crate::expire_condition::ExpireCondition;

/// What is answered for a member that does not exist.
const NO_MEMBER: i64 = -2;
/// What is answered for a member that does not expire, by those that ask about it.
const NEVER: i64 = -1;

/// A type of collection whose members may expire.
pub(crate) trait Perishable: Value {
    /// The events of setting a deadline, of one that has passed, and of taking it away.
    const EVENTS: [&'static str; 3];
    /// The command that sets deadlines in milliseconds.
    const EXPIRE: CommandName;
    /// The command that removes members.
    const REMOVE: CommandName;
    /// The word before the members.
    const TOKEN: &'static str;

    /// When a member ends; `None` if there is no such member.
    fn deadline(&self, member: &[u8], now: u64) -> Option<u64>;

    /// Gives a member that is there a deadline, or takes it away.
    fn set_deadline(&mut self, member: &[u8], deadline: u64, now: u64);

    /// Removes a member that is there.
    fn remove(&mut self, member: &[u8], now: u64);
}

/// The point in time, in milliseconds since 1970, that lies an amount of some unit after another.
pub(crate) fn deadline(amount: i64, unit: i64, from: u64, context: &Context) -> Result<u64> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let end = amount.checked_mul(unit).filter(|millis| *millis >= 0).and_then(|millis| millis.checked_add(from));
    end.map(i64::unsigned_abs).ok_or_else(|| context.invalid_expire())
}

/// Whether a member with this deadline is removed rather than kept.
pub(crate) fn is_past(db: &Db, deadline: u64) -> bool {
    deadline <= db.now() && db.removes_expired()
}

/// Answers for each member 1 if it has the deadline now, 2 if it was removed because that has passed, 0 if the condition
/// did not hold.
pub(crate) fn expire<T: Perishable, N>(
    db: &mut Db,
    key: Key,
    deadline: u64,
    condition: ExpireCondition,
    members: Names<'_, N>,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let (now, past) = (db.expiry_time(), is_past(db, deadline));
    let mut collection = db.get_mut::<T>(key)?;
    let mut changed = Vec::new();
    reply.array(members.len());
    for member in members.iter() {
        let current = collection.as_ref().and_then(|collection| collection.deadline(member, now));
        let (Some(collection), Some(current)) = (collection.as_mut(), current) else {
            reply.integer(NO_MEMBER);
            continue;
        };
        if !condition.allows(Deadline::at(current), deadline.cast_signed()) {
            reply.integer(0);
            continue;
        }
        changed.push(member);
        if past {
            collection.remove(member, now);
            reply.integer(2);
        } else {
            collection.set_deadline(member, deadline, now);
            reply.integer(1);
        }
    }
    announce::<T>(db, key, Expired { deadline, past }, &changed, log);
    Ok(())
}

/// What happened to members that were given a deadline.
#[derive(Clone, Copy)]
pub(crate) struct Expired {
    pub(crate) deadline: u64,
    /// They were removed, because it has passed.
    pub(crate) past: bool,
}

/// Announces and logs that members were given a deadline.
pub(crate) fn announce<T: Perishable>(
    db: &mut Db,
    key: Key,
    Expired { deadline, past }: Expired,
    members: &[&[u8]],
    log: &mut Propagation,
) {
    if members.is_empty() {
        return;
    }
    let [expire, expired, _] = T::EVENTS;
    if past {
        db.count_expired_members(T::KIND, members.len());
        db.changed_by(key, expired, members.len() as u64);
        log.rewrite(T::REMOVE, |effect| members.iter().fold(effect.key(db, key), |effect, member| effect.arg(member)));
    } else {
        db.changed_by(key, expire, members.len() as u64);
        log.rewrite(T::EXPIRE, |effect| {
            let effect = effect.key(db, key).number(deadline).arg(T::TOKEN).number(members.len());
            members.iter().fold(effect, |effect, member| effect.arg(member))
        });
    }
}

/// Answers for each member 1 if it had a deadline, which is gone, -1 if it had none, -2 if there is no such member.
pub(crate) fn persist<T: Perishable, N>(db: &mut Db, key: Key, members: Names<'_, N>, reply: &mut Reply) -> Result<()> {
    let now = db.expiry_time();
    let mut collection = db.get_mut::<T>(key)?;
    reply.array(members.len());
    let mut changed = 0;
    for member in members.iter() {
        let current = collection.as_ref().and_then(|collection| collection.deadline(member, now));
        reply.integer(match (collection.as_mut(), current) {
            (None, _) | (_, None) => NO_MEMBER,
            (_, Some(NO_DEADLINE)) => NEVER,
            (Some(collection), Some(_)) => {
                collection.set_deadline(member, NO_DEADLINE, now);
                changed += 1;
                1
            }
        });
    }
    if changed > 0 {
        let [.., persist] = T::EVENTS;
        db.changed_by(key, persist, changed);
    }
    Ok(())
}

/// Answers for each member what `show` makes of its deadline, -1 if it has none, -2 if there is no such member.
pub(crate) fn answer<T: Perishable, N>(
    db: &Db,
    key: Key,
    Asked(members): Asked<'_, N>,
    reply: &mut Reply,
    show: impl Fn(u64) -> u64,
) -> Result<()> {
    let collection = db.get::<T>(key)?;
    reply.array(members.len());
    for member in members.iter() {
        reply.integer(match collection.and_then(|collection| collection.deadline(member, db.expiry_time())) {
            None => NO_MEMBER,
            Some(NO_DEADLINE) => NEVER,
            Some(deadline) => i64::try_from(show(deadline)).unwrap_or(i64::MAX),
        });
    }
    Ok(())
}

/// Milliseconds as seconds.
pub(crate) fn rounded(millis: u64) -> u64 {
    millis.saturating_add(500) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_stay_within_their_range() {
        let context = Context { command: "hexpire", now: 0 };
        assert_eq!(deadline(1, 1000, 5, &context), Ok(1005));
        assert_eq!(deadline(0, 1000, 5, &context), Ok(5));
        assert_eq!(deadline(i64::MAX, 1, 0, &context), Ok(i64::MAX as u64));
        for (amount, unit, from) in [(-1, 1, 5), (i64::MIN, 1000, 5), (i64::MAX, 1, 5), (i64::MAX / 999, 1000, 0)] {
            let error = deadline(amount, unit, from, &context).unwrap_err();
            assert_eq!(error.text(), "ERR invalid expire time in 'hexpire' command");
        }
    }
}
