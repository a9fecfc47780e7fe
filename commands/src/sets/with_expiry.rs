//! SADDEX: adding members and saying when they expire in one step.

use redis_core::prelude::*;
use redis_core::table::NO_DEADLINE;

use super::FAMILY;
use crate::member_expiry::{BeforeMembers, Expired, Members, SetExpiration, announce, is_past};

/// Adds members to a set and sets when they expire, only if the condition holds.
///
/// Answers whether it held. Members that are there get the new expiration time, or none if none is given. If the time has
/// passed they are removed instead.
#[command(since = "8.12.0", complexity = "O(N) where N is the number of members.", flags(DENYOOM, FAST))]
fn saddex(
    db: &mut Db,
    context: &Context,
    #[key(RW, UPDATE)] key: Key,
    options: BeforeMembers<AddOptions>,
    members: Members,
    log: &mut Propagation,
) -> Result<bool> {
    let AddOptions { condition, expiration } = options.0;
    let present = db.peek_as::<Set>(key)?;
    let ttl = SetExpiration::ttl(expiration, db.now(), context)?;
    if condition.is_some_and(|condition| !condition.holds(present, members)) {
        return Ok(false);
    }
    if let Ttl::At(deadline) = ttl
        && is_past(db, deadline.millis())
    {
        let mut removed: Vec<&[u8]> = Vec::new();
        if let Some(set) = db.get_mut::<Set>(key)? {
            removed.extend(members.iter().filter(|member| set.remove(member)));
        }
        announce::<Set>(db, key, Expired { deadline: deadline.millis(), past: true }, &removed, log);
        return Ok(true);
    }
    let limits = db.limits();
    let set = db.get_or_insert::<Set>(key)?;
    set.expect(members.len(), &limits);
    for member in members.iter() {
        set.add(member, &limits);
        match ttl {
            Ttl::Keep => None,
            Ttl::Clear => set.set_deadline(member, NO_DEADLINE),
            Ttl::At(deadline) => set.set_deadline(member, deadline.millis()),
        };
    }
    db.changed_by(key, "sadd", members.len() as u64);
    if matches!(ttl, Ttl::At(_)) {
        db.notify(key, "sexpire");
    }
    // The condition held here, so nobody needs to ask again.
    log.rewrite(SADDEX, |effect| {
        effect.key(db, key);
        let effect = match ttl {
            Ttl::Clear => effect,
            Ttl::Keep => effect.arg("KEEPTTL"),
            Ttl::At(deadline) => effect.arg("PXAT").number(deadline.millis()),
        };
        let effect = effect.arg("MEMBERS").number(members.len());
        members.iter().fold(effect, |effect, member| effect.arg(member))
    });
    Ok(true)
}

/// When SADDEX adds anything, and for how long.
#[derive(Clone, Copy, Options)]
struct AddOptions<'a> {
    condition: Option<Condition>,
    expiration: Option<SetExpiration<'a>>,
}

/// What must be true of the members.
#[derive(Clone, Copy, Options)]
enum Condition {
    /// None of them exists.
    Mnx,
    /// All of them exist.
    Mxx,
}

impl Condition {
    fn holds(self, set: Option<&Set>, members: Members<'_>) -> bool {
        let exists = |member: &[u8]| set.is_some_and(|set| set.contains(member));
        match self {
            Condition::Mnx => !members.iter().any(exists),
            Condition::Mxx => members.iter().all(exists),
        }
    }
}
