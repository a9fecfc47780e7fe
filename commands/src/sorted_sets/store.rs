//! Making a sorted set of a result.

use redis_core::prelude::*;
use redis_core::value::Object;

/// Puts members under a key, or deletes the key if there are none. Answers how many there are.
pub(super) fn store<M: AsRef<[u8]>>(db: &mut Db, destination: Key, members: &[(M, f64)], event: &'static str) -> usize {
    if members.is_empty() {
        if db.remove(destination) {
            db.changed(destination, "del");
        }
        return 0;
    }
    let limits = db.limits();
    let longest = members.iter().map(|(member, _)| member.as_ref().len()).max().unwrap_or(0);
    let mut zset = ZSet::for_members(longest, members.len(), &limits);
    for (member, score) in members {
        zset.insert(member.as_ref(), *score, &limits);
    }
    db.set_object(destination, Object::ZSet(zset), Ttl::Clear);
    db.changed(destination, event);
    members.len()
}
