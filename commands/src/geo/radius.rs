//! The searches of old, which know only circles: GEORADIUS, GEORADIUSBYMEMBER, and their forms that never write.

use redis_core::prelude::*;

use super::FAMILY;
use super::arguments::{Form, Query, Radius, RadiusByMember, RadiusByMemberRo, RadiusRo};
use super::search::{HITS, store};

/// Returns the members around a position, or stores them.
#[command(
    since = "3.2.0",
    complexity = "O(N+log(M)) where N is the number of members in the grid-aligned surroundings of the circle, and M the number of members of the sorted set.",
    flags(DENYOOM),
    history(
        "6.2.0" = "Added the `ANY` option for `COUNT`.",
        "7.0.0" = "Units of length are accepted in upper case."
    ),
    reply = OneOf(&[HITS, Integer])
)]
fn georadius(db: &mut Db, #[key(RO, ACCESS)] key: Key, query: Query<Radius>, reply: &mut Reply) -> Result<()> {
    answer_or_store(db, key, query, reply)
}

/// Returns the members around a position.
#[command(
    "GEORADIUS_RO",
    since = "3.2.10",
    complexity = "O(N+log(M)) where N is the number of members in the grid-aligned surroundings of the circle, and M the number of members of the sorted set.",
    history(
        "6.2.0" = "Added the `ANY` option for `COUNT`.",
        "7.0.0" = "Units of length are accepted in upper case."
    ),
    reply = HITS
)]
fn georadius_ro(db: &Db, key: Key, query: Query<RadiusRo>, reply: &mut Reply) -> Result<()> {
    answer(db, key, query, reply)
}

/// Returns the members around a member, or stores them.
#[command(
    since = "3.2.0",
    complexity = "O(N+log(M)) where N is the number of members in the grid-aligned surroundings of the circle, and M the number of members of the sorted set.",
    flags(DENYOOM),
    history(
        "6.2.0" = "Added the `ANY` option for `COUNT`.",
        "7.0.0" = "Units of length are accepted in upper case."
    ),
    reply = OneOf(&[HITS, Integer])
)]
fn georadiusbymember(
    db: &mut Db,
    #[key(RO, ACCESS)] key: Key,
    query: Query<RadiusByMember>,
    reply: &mut Reply,
) -> Result<()> {
    answer_or_store(db, key, query, reply)
}

/// Returns the members around a member.
#[command(
    "GEORADIUSBYMEMBER_RO",
    since = "3.2.10",
    complexity = "O(N+log(M)) where N is the number of members in the grid-aligned surroundings of the circle, and M the number of members of the sorted set.",
    history(
        "6.2.0" = "Added the `ANY` option for `COUNT`.",
        "7.0.0" = "Units of length are accepted in upper case."
    ),
    reply = HITS
)]
fn georadiusbymember_ro(db: &Db, key: Key, query: Query<RadiusByMemberRo>, reply: &mut Reply) -> Result<()> {
    answer(db, key, query, reply)
}

fn answer<F: Form>(db: &Db, key: Key, query: Query<'_, F>, reply: &mut Reply) -> Result<()> {
    let search = query.read(db.get(key)?)?;
    search.answer(&search.run(), reply);
    Ok(())
}

fn answer_or_store<F: Form>(db: &mut Db, key: Key, query: Query<'_, F>, reply: &mut Reply) -> Result<()> {
    let limits = db.limits();
    let search = query.read(db.get(key)?)?;
    let hits = search.run();
    match search.store {
        None => search.answer(&hits, reply),
        Some(destination) => {
            let result = search.collect(&hits, &limits);
            store(db, destination, result, "georadiusstore").write(reply);
        }
    }
    Ok(())
}
