//! Removing members by name, or a whole range of them.

use redis_core::prelude::*;

use super::FAMILY;
use super::bounds::{LexBound, ScoreBound, Span};

/// Removes members from a sorted set.
///
/// The key is deleted with its last member.
#[command(
    since = "1.2.0",
    complexity = "O(M*log(N)) where N is the number of members of the sorted set and M the number of members to remove.",
    flags(FAST),
    history("2.4.0" = "Several members can be given.")
)]
fn zrem(db: &mut Db, #[key(RW, DELETE)] key: Key, #[arg(name = "member")] members: Many<&[u8]>) -> Result<usize> {
    let Some(zset) = db.get_mut::<ZSet>(key)? else { return Ok(0) };
    let removed = members.iter().filter(|member| zset.remove(member).is_some()).count();
    if removed > 0 {
        db.changed_by(key, "zrem", removed as u64);
    }
    Ok(removed)
}

/// Removes the members of a sorted set within a range of ranks.
///
/// The key is deleted with its last member.
#[command(
    since = "2.0.0",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members removed."
)]
fn zremrangebyrank(db: &mut Db, #[key(RW, DELETE)] key: Key, start: i64, stop: i64) -> Result<usize> {
    remove_range(db, key, Span::Ranks(start, stop), "zremrangebyrank")
}

/// Removes the members of a sorted set with scores within a range.
///
/// The key is deleted with its last member.
#[command(
    since = "1.2.0",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members removed."
)]
fn zremrangebyscore(db: &mut Db, #[key(RW, DELETE)] key: Key, min: ScoreBound, max: ScoreBound) -> Result<usize> {
    remove_range(db, key, Span::Scores(min, max), "zremrangebyscore")
}

/// Removes the members of a sorted set within a lexical range.
///
/// All members must have the same score. The key is deleted with its last member.
#[command(
    since = "2.8.9",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members removed."
)]
fn zremrangebylex(db: &mut Db, #[key(RW, DELETE)] key: Key, min: LexBound, max: LexBound) -> Result<usize> {
    remove_range(db, key, Span::Members(min, max), "zremrangebylex")
}

fn remove_range(db: &mut Db, key: Key, span: Span<'_>, event: &'static str) -> Result<usize> {
    let Some(zset) = db.get_mut::<ZSet>(key)? else { return Ok(0) };
    let ranks = span.ranks(zset, false);
    let removed = ranks.len();
    if removed > 0 {
        zset.remove_range(ranks);
        db.changed_by(key, event, removed as u64);
    }
    Ok(removed)
}
