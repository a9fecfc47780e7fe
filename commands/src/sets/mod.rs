//! Set commands: members of one set, and of one set and another.

mod combine;
mod expiry;
mod random;
mod with_expiry;

use redis_core::prelude::*;
use redis_core::value::{Object, TextBuffer};

use crate::scan_options::{ScanOptions, scan_about};

family!("set", acl = SET);

/// Adds members to a set.
///
/// The key is created if it does not exist. When a member expires that is there already stays as it is.
#[command(
    since = "1.0.0",
    complexity = "O(1) for each member.",
    flags(DENYOOM, FAST),
    history("2.4.0" = "Several members can be given.")
)]
fn sadd(db: &mut Db, #[key(RW, INSERT)] key: Key, #[arg(name = "member")] members: Many<&[u8]>) -> Result<usize> {
    let limits = db.limits();
    let added = match db.get_mut::<Set>(key)? {
        Some(set) => {
            set.expect(members.len(), &limits);
            members.iter().filter(|member| set.add(member, &limits)).count()
        }
        None => {
            let mut set = Set::for_members(members[0], members.len(), &limits);
            let added = members.iter().filter(|member| set.add(member, &limits)).count();
            db.set_object(key, Object::Set(set), Ttl::Clear);
            added
        }
    };
    if added > 0 {
        db.changed_by(key, "sadd", added as u64);
    }
    Ok(added)
}

/// Removes members from a set.
///
/// The key is deleted with its last member.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of members to remove.",
    flags(FAST),
    history("2.4.0" = "Several members can be given.")
)]
fn srem(db: &mut Db, #[key(RW, DELETE)] key: Key, #[arg(name = "member")] members: Many<&[u8]>) -> Result<usize> {
    let Some(set) = db.get_mut::<Set>(key)? else { return Ok(0) };
    let removed = members.iter().filter(|member| set.remove(member)).count();
    if removed > 0 {
        db.changed_by(key, "srem", removed as u64);
    }
    Ok(removed)
}

/// Returns the number of members of a set.
#[command(since = "1.0.0", complexity = "O(1)", flags(FAST))]
fn scard(db: &Db, #[key(RO)] key: Key) -> Result<usize> {
    Ok(db.get::<Set>(key)?.map_or(0, Set::len))
}

/// Tells whether a member belongs to a set.
#[command(since = "1.0.0", complexity = "O(1)", flags(FAST))]
fn sismember(db: &Db, #[key(RO)] key: Key, member: &[u8]) -> Result<bool> {
    Ok(db.get::<Set>(key)?.is_some_and(|set| set.contains(member)))
}

/// Tells for each of several members whether it belongs to a set.
#[command(
    since = "6.2.0",
    complexity = "O(N) where N is the number of members to look for.",
    flags(FAST),
    reply = Array(&Integer)
)]
fn smismember(db: &Db, key: Key, #[arg(name = "member")] members: Many<&[u8]>, reply: &mut Reply) -> Result<()> {
    let set = db.get::<Set>(key)?;
    reply.array(members.len());
    for member in members {
        set.is_some_and(|set| set.contains(member)).write(reply);
    }
    Ok(())
}

/// Returns all members of a set.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of members.",
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Set(&Bulk)
)]
fn smembers(db: &Db, key: Key, reply: &mut Reply) -> Result<()> {
    let set = db.get::<Set>(key)?;
    reply.set(set.map_or(0, Set::len));
    if let Some(set) = set {
        set.iter().for_each(|member| member.write(reply));
    }
    Ok(())
}

/// Moves a member from one set to another.
///
/// Answers whether it was in the first one. A set is deleted with its last member and created with its first. When the
/// member expires, if it does, moves with it.
#[command(since = "1.0.0", complexity = "O(1)", flags(FAST))]
fn smove(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] source: Key,
    #[key(RW, INSERT)] destination: Key,
    member: &[u8],
) -> Result<bool> {
    // Without a source the destination may be of any type, as in Redis.
    if !db.exists(source) {
        return Ok(false);
    }
    db.check_kind::<Set>(source)?;
    db.check_kind::<Set>(destination)?;
    if db.name(source) == db.name(destination) {
        return Ok(db.peek_as::<Set>(source)?.is_some_and(|set| set.contains(member)));
    }
    let Some(set) = db.get_mut::<Set>(source)? else { return Ok(false) };
    let Some(deadline) = set.deadline(member) else { return Ok(false) };
    set.remove(member);
    db.changed(source, "srem");
    let limits = db.limits();
    let set = db.get_or_insert::<Set>(destination)?;
    let added = set.add(member, &limits);
    let moved = set.set_deadline(member, deadline) != Some(deadline);
    if added {
        db.changed(destination, "sadd");
    } else if moved {
        db.changed_quietly(destination);
    }
    Ok(true)
}

/// Iterates over the members of a set.
#[command(
    since = "2.8.0",
    complexity = "O(1) for every call. O(N) for a complete iteration, where N is the number of members.",
    tips(NONDETERMINISTIC_OUTPUT),
    reply = Tuple(&[Bulk, Array(&Bulk)])
)]
fn sscan(db: &Db, key: Key, cursor: ScanCursor, options: Late<ScanOptions>, reply: &mut Reply) -> Result<()> {
    reply.array(2);
    let Some(set) = db.get::<Set>(key)? else {
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let options = options.get()?;
    // The cursor to go on with stands before the members but is known after them.
    let mut found = Reply::new(reply.protocol());
    let mut wanted = 0;
    let next = scan_about(options.count(), cursor.0, |cursor| {
        let mut visited = 0;
        let next = set.scan(cursor, &mut |member| {
            visited += 1;
            if options.wants(member.text(&mut TextBuffer::new())) {
                wanted += 1;
                member.write(&mut found);
            }
        });
        (next, visited)
    });
    reply.bulk_integer(next as i64);
    reply.array(wanted);
    reply.raw(found.as_bytes());
    Ok(())
}
