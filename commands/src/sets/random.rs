//! Random members: SPOP takes them out, SRANDMEMBER leaves them.

use redis_core::prelude::*;

use super::{FAMILY, SREM};
use crate::random_count::repeat;

/// What removing a key is to those who follow the data.
const DEL: CommandName = CommandName("DEL");

/// How many members one SREM names in the log, so that no effect gets too large.
const EFFECT_MEMBERS: usize = 1024;

/// Removes one or more random members from a set and returns them.
///
/// The key is deleted with its last member.
#[command(
    since = "1.0.0",
    complexity = "O(1) without a count, O(N) where N is the count otherwise.",
    flags(FAST),
    tips(NONDETERMINISTIC_OUTPUT),
    history("3.2.0" = "Added the `count` argument."),
    extra = syntax,
    reply = OneOf(&[Bulk, Null, Set(&Bulk)])
)]
fn spop(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] key: Key,
    #[arg(since = "3.2.0")] count: Option<Count>,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let set = db.get_mut::<Set>(key)?;
    let Some(count) = count else {
        let Some(member) = set.and_then(Set::pop) else {
            reply.nil();
            return Ok(());
        };
        reply.bulk(&member);
        db.changed(key, "spop");
        log.rewrite(SREM, |effect| effect.key(db, key).arg(member));
        return Ok(());
    };
    let len = set.as_ref().map_or(0, |set| set.len());
    let count = count.as_usize().min(len);
    reply.set(count);
    let Some(set) = set.filter(|_| count > 0) else { return Ok(()) };
    let mut removed = Vec::new();
    set.pop_many(count, &mut |member| {
        reply.bulk(member);
        if log.is_active() && count < len {
            removed.push(member.to_vec());
        }
    });
    db.changed_by(key, "spop", count as u64);
    if count == len {
        log.rewrite(DEL, |effect| effect.key(db, key));
    }
    for members in removed.chunks(EFFECT_MEMBERS) {
        log.add(SREM, |effect| members.iter().fold(effect.key(db, key), |effect, member| effect.arg(member)));
    }
    Ok(())
}

/// Returns one or more random members of a set.
///
/// A positive count asks for different members, a negative one for members that may repeat.
#[command(
    since = "1.0.0",
    complexity = "O(1) without a count, O(N) where N is the absolute value of the count otherwise.",
    tips(NONDETERMINISTIC_OUTPUT),
    history("2.6.0" = "Added the `count` argument."),
    extra = syntax,
    reply = OneOf(&[Bulk, Null, Array(&Bulk)])
)]
fn srandmember(db: &Db, key: Key, #[arg(since = "2.6.0")] count: Option<i64>, reply: &mut Reply) -> Result<()> {
    if count == Some(i64::MIN) {
        return Err(Error::new(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let set = db.get::<Set>(key)?;
    let Some(count) = count else {
        set.and_then(Set::random).write(reply);
        return Ok(());
    };
    let number = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match set {
        None => reply.array(0),
        Some(set) if count >= 0 => {
            reply.array(number.min(set.len()));
            set.sample(number, &mut |member| member.write(reply));
        }
        Some(set) => {
            reply.array(number);
            repeat(number, reply, |reply, some| set.sample_with_repeats(some, &mut |member| member.write(reply)))?;
        }
    }
    Ok(())
}
