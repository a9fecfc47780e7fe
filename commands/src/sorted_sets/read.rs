//! Asking for scores, ranks and numbers of members.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

use super::FAMILY;
use super::bounds::{LexBound, ScoreBound, Span};

/// Returns the number of members of a sorted set.
#[command(since = "1.2.0", complexity = "O(1)", flags(FAST))]
fn zcard(db: &Db, #[key(RO)] key: Key) -> Result<usize> {
    Ok(db.get::<ZSet>(key)?.map_or(0, ZSet::len))
}

/// Returns the score of a member of a sorted set.
#[command(since = "1.2.0", complexity = "O(1)", flags(FAST))]
fn zscore(db: &Db, key: Key, member: &[u8]) -> Result<Option<f64>> {
    Ok(db.get::<ZSet>(key)?.and_then(|zset| zset.score(member)))
}

/// Returns the scores of members of a sorted set.
#[command(
    since = "6.2.0",
    complexity = "O(N) where N is the number of members asked for.",
    flags(FAST),
    reply = Array(&OneOf(&[Double, Null]))
)]
fn zmscore(db: &Db, key: Key, #[arg(name = "member")] members: Many<&[u8]>, reply: &mut Reply) -> Result<()> {
    let zset = db.get::<ZSet>(key)?;
    reply.array(members.len());
    for member in members {
        zset.and_then(|zset| zset.score(member)).write(reply);
    }
    Ok(())
}

/// Returns the rank of a member of a sorted set, counted from the lowest score.
#[command(
    since = "2.0.0",
    complexity = "O(log(N)) where N is the number of members of the sorted set.",
    flags(FAST),
    history("7.2.0" = "Added the option `WITHSCORE`."),
    extra = arity,
    reply = OneOf(&[Integer, Tuple(&[Integer, Double]), Null])
)]
fn zrank(db: &Db, key: Key, member: &[u8], with_score: WithScore, reply: &mut Reply) -> Result<()> {
    let rank = db.get::<ZSet>(key)?.and_then(|zset| zset.rank(member));
    write_rank(rank, with_score, reply);
    Ok(())
}

/// Returns the rank of a member of a sorted set, counted from the highest score.
#[command(
    since = "2.0.0",
    complexity = "O(log(N)) where N is the number of members of the sorted set.",
    flags(FAST),
    history("7.2.0" = "Added the option `WITHSCORE`."),
    extra = arity,
    reply = OneOf(&[Integer, Tuple(&[Integer, Double]), Null])
)]
fn zrevrank(db: &Db, key: Key, member: &[u8], with_score: WithScore, reply: &mut Reply) -> Result<()> {
    let reversed = |zset: &ZSet| zset.rank(member).map(|(rank, score)| (zset.len() - 1 - rank, score));
    let rank = db.get::<ZSet>(key)?.and_then(reversed);
    write_rank(rank, with_score, reply);
    Ok(())
}

fn write_rank(rank: Option<(usize, f64)>, WithScore(with_score): WithScore, reply: &mut Reply) {
    if with_score {
        rank.write(reply);
    } else {
        rank.map(|(rank, _)| rank).write(reply);
    }
}

/// Whether ZRANK and ZREVRANK shall tell the score, too. Another word in its place is a syntax error, and what stands
/// behind it is an argument too many.
struct WithScore(bool);

impl<'a> Argument<'a> for WithScore {
    type Raw = bool;
    const SHAPE: Shape = Shape::at_least(0).with_tokens();
    const DOC: ArgDoc = ArgDoc::new(ArgKind::PureToken).named("withscore").token("WITHSCORE").optional();

    fn shape(cursor: &mut Cursor<'a>) -> Result<bool> {
        match cursor.left() {
            1 if cursor.take_token("WITHSCORE") => Ok(true),
            1 => Err(Error::SYNTAX),
            _ => Ok(false),
        }
    }

    fn value(with_score: bool, _: &Context) -> Result<Self> {
        Ok(WithScore(with_score))
    }
}

/// Returns the number of members of a sorted set with scores within a range.
#[command(since = "2.0.0", complexity = "O(log(N)) where N is the number of members of the sorted set.", flags(FAST))]
fn zcount(db: &Db, key: Key, min: ScoreBound, max: ScoreBound) -> Result<usize> {
    count(db, key, Span::Scores(min, max))
}

/// Returns the number of members of a sorted set within a lexical range.
///
/// All members must have the same score.
#[command(since = "2.8.9", complexity = "O(log(N)) where N is the number of members of the sorted set.", flags(FAST))]
fn zlexcount(db: &Db, key: Key, min: LexBound, max: LexBound) -> Result<usize> {
    count(db, key, Span::Members(min, max))
}

fn count(db: &Db, key: Key, span: Span<'_>) -> Result<usize> {
    Ok(db.get::<ZSet>(key)?.map_or(0, |zset| span.ranks(zset, false).len()))
}
