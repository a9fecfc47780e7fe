//! Ranges of members, as a reply or as a new sorted set.
//!
//! All of these commands are ZRANGE with some of its options in their names; they read the same words, and refuse what does
//! not go together in the same way.

use std::marker::PhantomData;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;

use super::bounds::{LexBound, ScoreBound, Span, limited};
use super::store::store;
use super::{FAMILY, MEMBERS, write_header, write_member};
use crate::limit::Limit;

/// Returns the members of a sorted set within a range of ranks, of scores, or of members.
#[command(
    since = "1.2.0",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members returned.",
    history("6.2.0" = "Added the options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`."),
    reply = MEMBERS
)]
fn zrange(
    db: &Db,
    key: Key,
    start: &[u8],
    stop: &[u8],
    options: RangeOptions<Zrange>,
    reply: &mut Reply,
) -> Result<()> {
    answer(db, key, options.span(start, stop)?, options.selection, reply)
}

/// Returns the members of a sorted set within a range of ranks, counted from the highest score.
#[command(
    since = "1.2.0",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members returned.",
    reply = MEMBERS
)]
fn zrevrange(
    db: &Db,
    key: Key,
    start: i64,
    stop: i64,
    options: RangeOptions<Zrevrange>,
    reply: &mut Reply,
) -> Result<()> {
    answer(db, key, Span::Ranks(start, stop), options.selection, reply)
}

/// Returns the members of a sorted set with scores within a range.
#[command(
    since = "1.0.5",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members returned.",
    history("2.0.0" = "Added the option `WITHSCORES`."),
    reply = MEMBERS
)]
fn zrangebyscore(
    db: &Db,
    key: Key,
    min: ScoreBound,
    max: ScoreBound,
    options: RangeOptions<Zrangebyscore>,
    reply: &mut Reply,
) -> Result<()> {
    answer(db, key, Span::Scores(min, max), options.selection, reply)
}

/// Returns the members of a sorted set with scores within a range, from the highest score on.
#[command(
    since = "2.2.0",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members returned.",
    history("2.1.6" = "`min` and `max` can be exclusive."),
    reply = MEMBERS
)]
fn zrevrangebyscore(
    db: &Db,
    key: Key,
    max: ScoreBound,
    min: ScoreBound,
    options: RangeOptions<Zrevrangebyscore>,
    reply: &mut Reply,
) -> Result<()> {
    answer(db, key, Span::Scores(min, max), options.selection, reply)
}

/// Returns the members of a sorted set within a lexical range.
///
/// All members must have the same score.
#[command(
    since = "2.8.9",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members returned.",
    reply = Array(&Bulk)
)]
fn zrangebylex(
    db: &Db,
    key: Key,
    min: LexBound,
    max: LexBound,
    options: RangeOptions<Zrangebylex>,
    reply: &mut Reply,
) -> Result<()> {
    answer(db, key, Span::Members(min, max), options.selection, reply)
}

/// Returns the members of a sorted set within a lexical range, from its end on.
///
/// All members must have the same score.
#[command(
    since = "2.8.9",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members returned.",
    reply = Array(&Bulk)
)]
fn zrevrangebylex(
    db: &Db,
    key: Key,
    max: LexBound,
    min: LexBound,
    options: RangeOptions<Zrevrangebylex>,
    reply: &mut Reply,
) -> Result<()> {
    answer(db, key, Span::Members(min, max), options.selection, reply)
}

/// Stores the members of a sorted set within a range of ranks, of scores, or of members under another key.
///
/// An empty range deletes the key.
#[command(
    since = "6.2.0",
    complexity = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members stored.",
    flags(DENYOOM)
)]
fn zrangestore(
    db: &mut Db,
    #[key(OW, UPDATE)]
    #[arg(name = "dst")]
    destination: Key,
    #[key(RO, ACCESS)]
    #[arg(name = "src")]
    source: Key,
    min: &[u8],
    max: &[u8],
    options: RangeOptions<Zrangestore>,
) -> Result<usize> {
    let span = options.span(min, max)?;
    let Selection { reversed, limit, .. } = options.selection;
    let members: Vec<(Vec<u8>, f64)> = match db.get::<ZSet>(source)? {
        None => Vec::new(),
        Some(zset) => {
            let ranks = limited(span.ranks(zset, reversed), limit, reversed);
            zset.range(ranks).map(|(member, score)| (member.to_vec(), score)).collect()
        }
    };
    Ok(store(db, destination, &members, "zrangestore"))
}

fn answer(db: &Db, key: Key, span: Span<'_>, selection: Selection, reply: &mut Reply) -> Result<()> {
    let Some(zset) = db.get::<ZSet>(key)? else {
        reply.array(0);
        return Ok(());
    };
    let Selection { reversed, limit, with_scores, .. } = selection;
    let ranks = limited(span.ranks(zset, reversed), limit, reversed);
    write_header(reply, ranks.len(), with_scores);
    let members = zset.range(ranks);
    if reversed {
        members.rev().for_each(|(member, score)| write_member(reply, member, score, with_scores));
    } else {
        members.for_each(|(member, score)| write_member(reply, member, score, with_scores));
    }
    Ok(())
}

/// What a range is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What the options say, together with the command's name.
#[derive(Clone, Copy, Debug)]
struct Selection {
    by: By,
    reversed: bool,
    limit: Option<Limit>,
    with_scores: bool,
}

/// The options of one of the commands.
struct RangeOptions<C> {
    selection: Selection,
    command: PhantomData<C>,
}

impl<C> RangeOptions<C> {
    /// The range between two arguments, which come in the order in which it is answered.
    fn span<'a>(&self, first: &'a [u8], last: &'a [u8]) -> Result<Span<'a>> {
        let (min, max) = if self.selection.reversed { (last, first) } else { (first, last) };
        Ok(match self.selection.by {
            By::Rank => Span::Ranks(integer(first)?, integer(last)?),
            By::Score => Span::Scores(ScoreBound::parse(min)?, ScoreBound::parse(max)?),
            By::Lex => Span::Members(LexBound::parse(min)?, LexBound::parse(max)?),
        })
    }
}

/// What the name of a command says, so that no option may.
trait Named {
    /// What its ranges are made of.
    const BY: Option<By>;
    /// Whether it begins with the highest score.
    const REVERSED: Option<bool>;
    /// Whether it answers the members, and so could answer their scores.
    const ANSWERS: bool;
    /// Its options, for COMMAND DOCS.
    const OPTIONS: &'static [ArgDoc];
}

macro_rules! named {
    ($($command:ident { by: $by:expr, reversed: $reversed:expr, answers: $answers:literal, options: [$($option:expr),*] })*) => {$(
        struct $command;

        impl Named for $command {
            const BY: Option<By> = $by;
            const REVERSED: Option<bool> = $reversed;
            const ANSWERS: bool = $answers;
            const OPTIONS: &'static [ArgDoc] = &[$($option.optional()),*];
        }
    )*};
}

named! {
    Zrange {
        by: None, reversed: None, answers: true,
        options: [SORT_BY.since("6.2.0"), REV.since("6.2.0"), LIMIT.since("6.2.0"), WITHSCORES]
    }
    Zrangestore { by: None, reversed: None, answers: false, options: [SORT_BY, REV, LIMIT] }
    Zrevrange { by: Some(By::Rank), reversed: Some(true), answers: true, options: [WITHSCORES] }
    Zrangebyscore {
        by: Some(By::Score), reversed: Some(false), answers: true, options: [WITHSCORES.since("2.0.0"), LIMIT]
    }
    Zrevrangebyscore { by: Some(By::Score), reversed: Some(true), answers: true, options: [WITHSCORES, LIMIT] }
    Zrangebylex { by: Some(By::Lex), reversed: Some(false), answers: true, options: [LIMIT] }
    Zrevrangebylex { by: Some(By::Lex), reversed: Some(true), answers: true, options: [LIMIT] }
}

const SORT_BY: ArgDoc = ArgDoc::of(
    ArgKind::OneOf,
    &[
        ArgDoc::new(ArgKind::PureToken).named("byscore").token("BYSCORE"),
        ArgDoc::new(ArgKind::PureToken).named("bylex").token("BYLEX"),
    ],
)
.named("sortby");
const REV: ArgDoc = ArgDoc::new(ArgKind::PureToken).named("rev").token("REV");
const LIMIT: ArgDoc = Limit::DOC.named("limit").token("LIMIT");
const WITHSCORES: ArgDoc = ArgDoc::new(ArgKind::PureToken).named("withscores").token("WITHSCORES");

impl<'a, C: Named> Argument<'a> for RangeOptions<C> {
    type Raw = Selection;
    const SHAPE: Shape = Shape::at_least(0).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, C::OPTIONS);

    /// WITHSCORES and LIMIT are words to all of these commands, whether or not they have a meaning: which one is wrong
    /// is told when all are read. What the name or an earlier word has settled, no other word may.
    fn shape(cursor: &mut Cursor<'a>) -> Result<Selection> {
        let (mut by, mut reversed, mut limit, mut with_scores) = (C::BY, C::REVERSED, None, false);
        while cursor.left() > 0 {
            if C::ANSWERS && cursor.take_token("WITHSCORES") {
                with_scores = true;
            } else if cursor.take_token("LIMIT") {
                limit = Some(Limit::shape(cursor)?);
            } else if reversed.is_none() && cursor.take_token("REV") {
                reversed = Some(true);
            } else if by.is_none() && cursor.take_token("BYSCORE") {
                by = Some(By::Score);
            } else if by.is_none() && cursor.take_token("BYLEX") {
                by = Some(By::Lex);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(Selection { by: by.unwrap_or(By::Rank), reversed: reversed.unwrap_or(false), limit, with_scores })
    }

    fn check_shape(selection: &Selection) -> Result<()> {
        // A limit of -1 is none.
        let limited = selection.limit.is_some_and(|limit| limit.count != -1);
        match selection.by {
            By::Rank if limited => {
                Err(Error::new("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"))
            }
            By::Lex if selection.with_scores => {
                Err(Error::new("ERR syntax error, WITHSCORES not supported in combination with BYLEX"))
            }
            _ => Ok(()),
        }
    }

    fn value(selection: Selection, _: &Context) -> Result<Self> {
        // Such a limit may stand beside ranks, and then its offset means nothing.
        let limit = selection.limit.filter(|_| selection.by != By::Rank);
        Ok(RangeOptions { selection: Selection { limit, ..selection }, command: PhantomData })
    }
}
