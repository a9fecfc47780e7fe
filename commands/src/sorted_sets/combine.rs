//! Unions, intersections and differences of sorted sets, as a reply, as a new sorted set, or as a number.
//!
//! Sets take part as if each member had a score of 1. The keys are looked at before the options are, because that is the
//! order in which Redis reports what is wrong.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;
use redis_core::value::{Element, Object};

use super::store::store;
use super::{FAMILY, MEMBERS, write_header, write_member};

/// Returns the members of several sorted sets together.
#[command(
    since = "6.2.0",
    complexity = "O(N)+O(M*log(M)) where N is the number of members of all sorted sets and M the number of members of the result.",
    reply = MEMBERS
)]
fn zunion(db: &Db, inputs: Inputs<Combined>, reply: &mut Reply) -> Result<()> {
    let (sources, options) = inputs.read(db)?;
    answer(unite(sources, options.aggregate), options.with_scores, reply);
    Ok(())
}

/// Stores the members of several sorted sets together under a key.
///
/// An empty union deletes the key.
#[command(
    since = "2.0.0",
    complexity = "O(N)+O(M*log(M)) where N is the number of members of all sorted sets and M the number of members of the result.",
    flags(DENYOOM)
)]
fn zunionstore(
    db: &mut Db,
    #[key(OW, UPDATE)] destination: Key,
    #[key(RO, ACCESS)] inputs: Inputs<Stored>,
) -> Result<usize> {
    let (sources, options) = inputs.read(db)?;
    let union = owned(unite(sources, options.aggregate));
    Ok(store(db, destination, &union, "zunionstore"))
}

/// Returns the members that several sorted sets have in common.
#[command(
    since = "6.2.0",
    complexity = "O(N*K)+O(M*log(M)) in the worst case, where N is the size of the smallest sorted set, K the number of sorted sets and M the number of members of the result.",
    reply = MEMBERS
)]
fn zinter(db: &Db, inputs: Inputs<Combined>, reply: &mut Reply) -> Result<()> {
    let (sources, options) = inputs.read(db)?;
    answer(intersection(sources, options.aggregate), options.with_scores, reply);
    Ok(())
}

/// Stores the members that several sorted sets have in common under a key.
///
/// An empty intersection deletes the key.
#[command(
    since = "2.0.0",
    complexity = "O(N*K)+O(M*log(M)) in the worst case, where N is the size of the smallest sorted set, K the number of sorted sets and M the number of members of the result.",
    flags(DENYOOM)
)]
fn zinterstore(
    db: &mut Db,
    #[key(OW, UPDATE)] destination: Key,
    #[key(RO, ACCESS)] inputs: Inputs<Stored>,
) -> Result<usize> {
    let (sources, options) = inputs.read(db)?;
    let intersection = owned(intersection(sources, options.aggregate));
    Ok(store(db, destination, &intersection, "zinterstore"))
}

/// Returns the number of members that several sorted sets have in common.
#[command(
    since = "7.0.0",
    complexity = "O(N*K) in the worst case, where N is the size of the smallest sorted set and K the number of sorted sets."
)]
fn zintercard(db: &Db, inputs: Inputs<Counted>) -> Result<usize> {
    let (sources, options) = inputs.read(db)?;
    let limit = if options.limit == 0 { usize::MAX } else { options.limit };
    let mut count = 0;
    intersect(sources, Aggregate::Sum, &mut |_, _| {
        count += 1;
        if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    Ok(count)
}

/// Returns the members of the first sorted set that are in none of the others.
#[command(
    since = "6.2.0",
    complexity = "O(N*K)+O(M*log(M)) in the worst case, where N is the size of the first sorted set, K the number of sorted sets and M the number of members of the result.",
    reply = MEMBERS
)]
fn zdiff(db: &Db, inputs: Inputs<Subtracted>, reply: &mut Reply) -> Result<()> {
    let (sources, options) = inputs.read(db)?;
    answer(subtract(&sources), options.with_scores, reply);
    Ok(())
}

/// Stores the members of the first sorted set that are in none of the others under a key.
///
/// An empty difference deletes the key.
#[command(
    since = "6.2.0",
    complexity = "O(N*K)+O(M*log(M)) in the worst case, where N is the size of the first sorted set, K the number of sorted sets and M the number of members of the result.",
    flags(DENYOOM)
)]
fn zdiffstore(
    db: &mut Db,
    #[key(OW, UPDATE)] destination: Key,
    #[key(RO, ACCESS)] inputs: Inputs<Bare>,
) -> Result<usize> {
    let (sources, _) = inputs.read(db)?;
    let difference = owned(subtract(&sources));
    Ok(store(db, destination, &difference, "zdiffstore"))
}

/// A member of a result. It borrows its text where the source has one.
type Scored<'d> = (Cow<'d, [u8]>, f64);

/// Members that need their source no longer.
fn owned(members: Vec<Scored<'_>>) -> Vec<(Vec<u8>, f64)> {
    members.into_iter().map(|(member, score)| (member.into_owned(), score)).collect()
}

fn answer(members: Vec<Scored<'_>>, with_scores: bool, reply: &mut Reply) {
    write_header(reply, members.len(), with_scores);
    members.iter().for_each(|(member, score)| write_member(reply, &**member, *score, with_scores));
}

/// Brings members into the order of a sorted set.
fn sorted(mut members: Vec<Scored<'_>>) -> Vec<Scored<'_>> {
    members.sort_unstable_by(|(a, x), (b, y)| x.partial_cmp(y).unwrap_or(Ordering::Equal).then_with(|| a.cmp(b)));
    members
}

/// The members of all sources, sorted.
fn unite(mut sources: Vec<Source<'_>>, aggregate: Aggregate) -> Vec<Scored<'_>> {
    // The sum of floats depends on the order in which they are added: Redis's is that of the sizes.
    sources.sort_by_key(Source::len);
    let mut scores: HashMap<Cow<'_, [u8]>, f64> = HashMap::new();
    for source in &sources {
        source.members.for_each(&mut |member, score| {
            let score = number_or_zero(source.weight * score);
            match scores.entry(text(member)) {
                Entry::Vacant(place) => drop(place.insert(score)),
                Entry::Occupied(mut old) => *old.get_mut() = aggregate.of(*old.get(), score),
            }
            ControlFlow::Continue(())
        });
    }
    sorted(scores.into_iter().collect())
}

/// The members that all sources have, sorted.
fn intersection(sources: Vec<Source<'_>>, aggregate: Aggregate) -> Vec<Scored<'_>> {
    let mut members = Vec::new();
    intersect(sources, aggregate, &mut |member, score| {
        members.push((member, score));
        ControlFlow::Continue(())
    });
    sorted(members)
}

/// Visits what all sources have: goes through the smallest and asks the others, small ones first.
fn intersect<'d>(
    mut sources: Vec<Source<'d>>,
    aggregate: Aggregate,
    visit: &mut dyn FnMut(Cow<'d, [u8]>, f64) -> ControlFlow<()>,
) {
    sources.sort_by_key(Source::len);
    let Some((smallest, others)) = sources.split_first() else { return };
    smallest.members.for_each(&mut |member, score| {
        let member = text(member);
        let first = number_or_zero(smallest.weight * score);
        let score = others.iter().try_fold(first, |sum, source| {
            let score = source.members.score(&member)?;
            Some(aggregate.of(sum, source.weight * score))
        });
        score.map_or(ControlFlow::Continue(()), |score| visit(member, score))
    });
}

/// The members of the first source that are in none of the others, sorted.
fn subtract<'d>(sources: &[Source<'d>]) -> Vec<Scored<'d>> {
    let Some((first, others)) = sources.split_first() else { return Vec::new() };
    let mut members = Vec::new();
    first.members.for_each(&mut |member, score| {
        let member = text(member);
        if !others.iter().any(|source| source.members.score(&member).is_some()) {
            members.push((member, score));
        }
        ControlFlow::Continue(())
    });
    sorted(members)
}

/// A member's text, borrowed if it is stored as one.
fn text(member: Element<'_>) -> Cow<'_, [u8]> {
    match member {
        Element::Bytes(text) => Cow::Borrowed(text),
        number => Cow::Owned(number.to_vec()),
    }
}

/// Zero where infinities have made something that is no number.
fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// A set or sorted set that is combined with others.
struct Source<'d> {
    members: Members<'d>,
    weight: f64,
}

impl Source<'_> {
    fn len(&self) -> usize {
        match self.members {
            Members::None => 0,
            Members::Plain(set) => set.len(),
            Members::Sorted(zset) => zset.len(),
        }
    }
}

/// Where the members are.
#[derive(Clone, Copy)]
enum Members<'d> {
    /// There is no such key.
    None,
    /// A set, all of whose scores are 1.
    Plain(&'d Set),
    /// A sorted set.
    Sorted(&'d ZSet),
}

impl<'d> Members<'d> {
    fn at(db: &'d Db, key: Key) -> Result<Self> {
        match db.read(key).map(|entry| db.object(entry)) {
            None => Ok(Members::None),
            Some(Some(Object::Set(set))) => Ok(Members::Plain(set)),
            Some(Some(Object::ZSet(zset))) => Ok(Members::Sorted(zset)),
            Some(_) => Err(Error::WRONG_TYPE),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Members::None => None,
            Members::Plain(set) => set.contains(member).then_some(1.0),
            Members::Sorted(zset) => zset.score(member),
        }
    }

    fn for_each(self, visit: &mut dyn FnMut(Element<'d>, f64) -> ControlFlow<()>) {
        let _ended_early = match self {
            Members::None => ControlFlow::Continue(()),
            Members::Plain(set) => set.iter().try_for_each(|member| visit(member, 1.0)),
            Members::Sorted(zset) => zset.iter().try_for_each(|(member, score)| visit(member, score)),
        };
    }
}

/// What becomes of the scores of a member that several sources have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Options)]
enum Aggregate {
    /// They are added.
    #[default]
    Sum,
    /// The lowest remains.
    Min,
    /// The highest remains.
    Max,
}

impl Aggregate {
    fn of(self, sum: f64, score: f64) -> f64 {
        match self {
            Aggregate::Sum => number_or_zero(sum + score),
            Aggregate::Min if score < sum => score,
            Aggregate::Max if score > sum => score,
            Aggregate::Min | Aggregate::Max => sum,
        }
    }
}

/// What the options say.
#[derive(Clone, Debug, Default, PartialEq)]
struct CombineOptions {
    /// One factor for each source, or none at all.
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Where to stop counting; 0 is no limit.
    limit: usize,
}

/// Which options a command has.
trait Accepts {
    const WEIGHTS: bool = false;
    const WITHSCORES: bool = false;
    const LIMIT: bool = false;
    /// Number, keys and options, for COMMAND DOCS.
    const ARGUMENTS: &'static [ArgDoc];
}

/// Declares the options of some of the commands.
macro_rules! accepts {
    ($($(#[$doc:meta])* $commands:ident: [$($accepted:ident),*], [$($option:expr),*];)*) => {$(
        $(#[$doc])*
        struct $commands;

        impl Accepts for $commands {
            $(const $accepted: bool = true;)*
            const ARGUMENTS: &'static [ArgDoc] = &[NUMKEYS, KEY, $($option.optional()),*];
        }
    )*};
}

accepts! {
    /// ZUNION and ZINTER.
    Combined: [WEIGHTS, WITHSCORES], [WEIGHT, AGGREGATE, WITHSCORES];
    /// ZUNIONSTORE and ZINTERSTORE.
    Stored: [WEIGHTS], [WEIGHT, AGGREGATE];
    /// ZINTERCARD.
    Counted: [LIMIT], [LIMIT];
    /// ZDIFF.
    Subtracted: [WITHSCORES], [WITHSCORES];
    /// ZDIFFSTORE.
    Bare: [], [];
}

const NUMKEYS: ArgDoc = ArgDoc::new(ArgKind::Integer).named("numkeys");
const KEY: ArgDoc = ArgDoc::new(ArgKind::Key).named("key").key_spec(0).multiple();
const WEIGHT: ArgDoc = ArgDoc::new(ArgKind::Double).named("weight").token("WEIGHTS").multiple();
const AGGREGATE: ArgDoc = Aggregate::DOC.named("aggregate").token("AGGREGATE");
const WITHSCORES: ArgDoc = ArgDoc::new(ArgKind::PureToken).named("withscores").token("WITHSCORES");
const LIMIT: ArgDoc = ArgDoc::new(ArgKind::Integer).named("limit").token("LIMIT");

/// A number of keys, the keys, and options, which wait until it is known that all keys hold sets or sorted sets.
struct Inputs<'a, C> {
    keys: Keys<'a>,
    rest: Cursor<'a>,
    commands: PhantomData<C>,
}

impl<C: Accepts> Inputs<'_, C> {
    /// The sources and what is to be done with them.
    fn read<'d>(&self, db: &'d Db) -> Result<(Vec<Source<'d>>, CombineOptions)> {
        let members: Vec<_> = self.keys.iter().map(|key| Members::at(db, key)).collect::<Result<_>>()?;
        let options = self.options()?;
        let weights = options.weights.iter().copied().chain(std::iter::repeat(1.0));
        let sources = members.into_iter().zip(weights).map(|(members, weight)| Source { members, weight });
        Ok((sources.collect(), options))
    }

    /// Reads the options one by one, so that of several mistakes the first is reported.
    fn options(&self) -> Result<CombineOptions> {
        let mut rest = self.rest;
        let mut options = CombineOptions::default();
        while rest.left() > 0 {
            if C::WEIGHTS && rest.left() > self.keys.len() && rest.take_token("WEIGHTS") {
                let weights = (0..self.keys.len()).map(|_| weight(rest.next()?));
                options.weights = weights.collect::<Result<_>>()?;
            } else if C::WEIGHTS && rest.take_token("AGGREGATE") {
                options.aggregate = Aggregate::shape(&mut rest)?;
            } else if C::WITHSCORES && rest.take_token("WITHSCORES") {
                options.with_scores = true;
            } else if C::LIMIT && rest.take_token("LIMIT") {
                options.limit = limit(rest.next()?)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn weight(text: &[u8]) -> Result<f64> {
    redis_core::num::parse_f64(text).ok_or(Error::new("ERR weight value is not a float"))
}

fn limit(text: &[u8]) -> Result<usize> {
    let limit = integer(text).ok().and_then(|limit| usize::try_from(limit).ok());
    limit.ok_or(Error::new("ERR LIMIT can't be negative"))
}

impl<'a, C: Accepts> Argument<'a> for Inputs<'a, C> {
    type Raw = (Keys<'a>, Cursor<'a>);
    const SHAPE: Shape = <NumKeys<'a, 1> as Argument<'a>>::SHAPE.with_tokens();
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, C::ARGUMENTS);

    fn shape(cursor: &mut Cursor<'a>) -> Result<Self::Raw> {
        let number = integer(cursor.next()?)?;
        let number = usize::try_from(number).ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| {
            Error::from(format!("ERR at least 1 input key is needed for '{}' command", cursor.command()))
        })?;
        Ok((cursor.next_keys(number)?, cursor.split(cursor.left())?))
    }

    fn value((keys, rest): Self::Raw, _: &Context) -> Result<Self> {
        Ok(Inputs { keys, rest, commands: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use redis_core::value::Limits;

    use super::*;

    fn zset(members: &[(&str, f64)]) -> ZSet {
        let mut zset = ZSet::new();
        for (member, score) in members {
            zset.insert(member.as_bytes(), *score, &Limits::default());
        }
        zset
    }

    fn shown(members: Vec<Scored<'_>>) -> Vec<(String, f64)> {
        members.into_iter().map(|(member, score)| (String::from_utf8_lossy(&member).into_owned(), score)).collect()
    }

    #[test]
    fn scores_are_weighted_and_aggregated() {
        let (a, b) = (zset(&[("x", 1.0), ("y", 2.0)]), zset(&[("y", 10.0), ("z", 20.0), ("3", 5.0)]));
        let sources = || {
            let (first, second) = (Members::Sorted(&a), Members::Sorted(&b));
            vec![Source { members: second, weight: 0.5 }, Source { members: first, weight: 3.0 }]
        };
        let union = shown(unite(sources(), Aggregate::Sum));
        assert_eq!(union, [("3".into(), 2.5), ("x".into(), 3.0), ("z".into(), 10.0), ("y".into(), 11.0)]);
        assert_eq!(shown(intersection(sources(), Aggregate::Min)), [("y".into(), 5.0)]);
        assert_eq!(shown(intersection(sources(), Aggregate::Max)), [("y".into(), 6.0)]);
        assert_eq!(shown(subtract(&sources())), [("3".into(), 5.0), ("z".into(), 20.0)]);
    }

    #[test]
    fn sets_and_missing_keys_take_part() {
        let a = zset(&[("x", 5.0), ("y", 2.0)]);
        let mut set = Set::new();
        assert!(set.add(b"x", &Limits::default()));
        let with =
            |other| vec![Source { members: Members::Sorted(&a), weight: 1.0 }, Source { members: other, weight: 1.0 }];
        assert_eq!(shown(intersection(with(Members::Plain(&set)), Aggregate::Sum)), [("x".into(), 6.0)]);
        assert_eq!(shown(subtract(&with(Members::Plain(&set)))), [("y".into(), 2.0)]);
        assert!(intersection(with(Members::None), Aggregate::Sum).is_empty());
        assert_eq!(unite(with(Members::None), Aggregate::Sum).len(), 2);
        assert_eq!(subtract(&with(Members::None)).len(), 2);
    }

    #[test]
    fn infinities_that_cancel_out_are_zero() {
        let (a, b) = (zset(&[("x", f64::INFINITY)]), zset(&[("x", f64::NEG_INFINITY)]));
        let sources = |weight| {
            vec![Source { members: Members::Sorted(&a), weight }, Source { members: Members::Sorted(&b), weight: 1.0 }]
        };
        assert_eq!(shown(unite(sources(1.0), Aggregate::Sum)), [("x".into(), 0.0)]);
        assert_eq!(shown(intersection(sources(1.0), Aggregate::Sum)), [("x".into(), 0.0)]);
        assert_eq!(shown(unite(sources(0.0), Aggregate::Max)), [("x".into(), 0.0)]);
    }
}
