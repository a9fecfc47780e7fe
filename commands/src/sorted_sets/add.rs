//! Setting scores: ZADD and ZINCRBY.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;
use redis_core::value::{Limits, Object};

use super::FAMILY;

/// Adds members with scores to a sorted set, or sets the scores of those it has.
///
/// The key is created if it does not exist. Answers how many members are new (CH: how many have changed), or with INCR
/// the member's new score.
#[command(
    since = "1.2.0",
    complexity = "O(log(N)) for each member, where N is the number of members of the sorted set.",
    flags(DENYOOM, FAST),
    history(
        "2.4.0" = "Several members can be given.",
        "3.0.2" = "Added the options `XX`, `NX`, `CH` and `INCR`.",
        "6.2.0" = "Added the options `GT` and `LT`."
    ),
    reply = OneOf(&[Integer, Double, Null])
)]
fn zadd(db: &mut Db, #[key(RW, UPDATE)] key: Key, additions: Additions, reply: &mut Reply) -> Result<()> {
    let Additions { how, pairs } = additions;
    let outcome = add(db, key, how, &pairs)?;
    if how.increment {
        outcome.score.write(reply);
    } else {
        outcome.counted(how.count_changes).write(reply);
    }
    Ok(())
}

/// Adds to the score of a member of a sorted set and returns the new score.
///
/// A member that is not there begins at zero, and the key is created if it does not exist.
#[command(
    since = "1.2.0",
    complexity = "O(log(N)) where N is the number of members of the sorted set.",
    flags(DENYOOM, FAST)
)]
fn zincrby(db: &mut Db, key: Key, increment: Increment, member: &[u8]) -> Result<Option<f64>> {
    let how = How { increment: true, ..How::default() };
    Ok(add(db, key, how, &[(increment.0, member)])?.score)
}

/// What ZINCRBY adds. In Redis it is ZADD with INCR, and so an option in this place is a mistake of form.
struct Increment(f64);

impl<'a> Argument<'a> for Increment {
    type Raw = &'a [u8];
    const SHAPE: Shape = f64::SHAPE;
    const DOC: ArgDoc = f64::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        if How::default().take(cursor) { Err(Error::SYNTAX) } else { cursor.next() }
    }

    fn value(raw: &'a [u8], context: &Context) -> Result<Self> {
        f64::value(raw, context).map(Increment)
    }
}

/// What became of the members of one ZADD.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Outcome {
    added: usize,
    updated: usize,
    /// The score of the last member, unless an option kept it from being set.
    score: Option<f64>,
}

impl Outcome {
    fn counted(self, changes: bool) -> usize {
        if changes { self.added + self.updated } else { self.added }
    }
}

/// Sets the scores of the members at a key, and announces the change if there is one.
fn add(db: &mut Db, key: Key, how: How, pairs: &[(f64, &[u8])]) -> Result<Outcome> {
    let limits = db.limits();
    let outcome = match db.get_mut::<ZSet>(key)? {
        Some(zset) => how.apply_all(zset, pairs, &limits)?,
        None if how.only_present => return Ok(Outcome::default()),
        None => {
            let first_len = pairs.first().map_or(0, |(_, member)| member.len());
            let mut zset = ZSet::for_members(first_len, pairs.len(), &limits);
            let outcome = how.apply_all(&mut zset, pairs, &limits)?;
            db.set_object(key, Object::ZSet(zset), Ttl::Clear);
            outcome
        }
    };
    let changes = outcome.counted(true);
    if changes > 0 {
        db.changed_by(key, if how.increment { "zincr" } else { "zadd" }, changes as u64);
    }
    Ok(outcome)
}

/// The options of ZADD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct How {
    /// NX: members that are there keep their scores.
    only_absent: bool,
    /// XX: no member comes in.
    only_present: bool,
    /// GT: a member that is there only gets a greater score.
    only_greater: bool,
    /// LT: a member that is there only gets a lesser score.
    only_less: bool,
    /// CH: members with new scores count, not only new members.
    count_changes: bool,
    /// INCR: the scores are added to those that are there.
    increment: bool,
}

impl How {
    fn apply_all(self, zset: &mut ZSet, pairs: &[(f64, &[u8])], limits: &Limits) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for (score, member) in pairs {
            outcome.score = self.apply(zset, member, *score, limits, &mut outcome)?;
        }
        Ok(outcome)
    }

    /// Sets the score of one member. Answers it, or nothing if an option stood in the way.
    fn apply(
        self,
        zset: &mut ZSet,
        member: &[u8],
        given: f64,
        limits: &Limits,
        outcome: &mut Outcome,
    ) -> Result<Option<f64>> {
        let mut decision = Ok(None);
        let decide = |old| {
            decision = self.decide(old, given);
            decision.as_ref().ok().copied().flatten()
        };
        let old = zset.update(member, decide, limits);
        let new = decision?;
        match (old, new) {
            (None, Some(_)) => outcome.added += 1,
            (Some(old), Some(new)) if new != old => outcome.updated += 1,
            _ => {}
        }
        Ok(new)
    }

    /// The score that a member is to have, or nothing if an option stands in the way.
    fn decide(self, old: Option<f64>, given: f64) -> Result<Option<f64>> {
        let Some(old) = old else { return Ok((!self.only_present).then_some(given)) };
        if self.only_absent {
            return Ok(None);
        }
        let new = if self.increment { old + given } else { given };
        if new.is_nan() {
            return Err(Error::new("ERR resulting score is not a number (NaN)"));
        }
        let refused = self.only_greater && new <= old || self.only_less && new >= old;
        Ok((!refused).then_some(new))
    }

    /// Takes one option, if there is one.
    fn take(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let options = [
            ("NX", &mut self.only_absent),
            ("XX", &mut self.only_present),
            ("GT", &mut self.only_greater),
            ("LT", &mut self.only_less),
            ("CH", &mut self.count_changes),
            ("INCR", &mut self.increment),
        ];
        for (token, option) in options {
            if cursor.take_token(token) {
                *option = true;
                return true;
            }
        }
        false
    }

    /// Refuses options that exclude each other.
    fn check(self, pairs: usize) -> Result<()> {
        if self.only_absent && self.only_present {
            return Err(Error::new("ERR XX and NX options at the same time are not compatible"));
        }
        if [self.only_absent, self.only_greater, self.only_less].into_iter().filter(|chosen| *chosen).count() > 1 {
            return Err(Error::new("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if self.increment && pairs > 1 {
            return Err(Error::new("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }
}

/// A score and its member, any number of times.
type Pairs<'a> = Many<(f64, &'a [u8])>;

/// `[NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]`
///
/// Options and pairs are one parameter, because the options end where no other one stands, and all that follows must be
/// pairs: too few, and it is a syntax error whatever the options are.
struct Additions<'a> {
    how: How,
    pairs: Pairs<'a>,
}

impl<'a> Argument<'a> for Additions<'a> {
    type Raw = (How, Cursor<'a>);
    const SHAPE: Shape = Shape::at_least(2).with_tokens();
    const DOC: ArgDoc = {
        const fn word(name: &'static str, token: &'static str) -> ArgDoc {
            ArgDoc::new(ArgKind::PureToken).named(name).token(token)
        }
        const PAIR: &[ArgDoc] =
            &[ArgDoc::new(ArgKind::Double).named("score"), ArgDoc::new(ArgKind::String).named("member")];
        const CONDITION: ArgDoc = ArgDoc::of(ArgKind::OneOf, &[word("nx", "NX"), word("xx", "XX")]);
        const COMPARISON: ArgDoc = ArgDoc::of(ArgKind::OneOf, &[word("gt", "GT"), word("lt", "LT")]);
        const PARTS: &[ArgDoc] = &[
            CONDITION.named("condition").since("3.0.2").optional(),
            COMPARISON.named("comparison").since("6.2.0").optional(),
            word("change", "CH").since("3.0.2").optional(),
            word("increment", "INCR").since("3.0.2").optional(),
            ArgDoc::of(ArgKind::Block, PAIR).named("data").multiple(),
        ];
        ArgDoc::of(ArgKind::Inline, PARTS)
    };

    fn shape(cursor: &mut Cursor<'a>) -> Result<Self::Raw> {
        let mut how = How::default();
        while how.take(cursor) {}
        let left = cursor.left();
        if left == 0 || !left.is_multiple_of(2) {
            return Err(Error::SYNTAX);
        }
        Ok((how, cursor.split(left)?))
    }

    fn check_shape((how, pairs): &Self::Raw) -> Result<()> {
        how.check(pairs.left() / 2)
    }

    fn value((how, pairs): Self::Raw, context: &Context) -> Result<Self> {
        Ok(Additions { how, pairs: Pairs::value(pairs, context)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zset() -> ZSet {
        let mut zset = ZSet::new();
        zset.insert(b"a", 1.0, &Limits::default());
        zset
    }

    fn apply(how: How, score: f64, member: &str) -> (Result<Outcome>, Option<f64>) {
        let mut zset = zset();
        let outcome = how.apply_all(&mut zset, &[(score, member.as_bytes())], &Limits::default());
        (outcome, zset.score(member.as_bytes()))
    }

    #[test]
    fn options_decide_what_is_set() {
        let nothing = Ok(Outcome::default());
        let added = |score| Ok(Outcome { added: 1, updated: 0, score: Some(score) });
        let updated = |score| Ok(Outcome { added: 0, updated: 1, score: Some(score) });
        let same = |score| Ok(Outcome { added: 0, updated: 0, score: Some(score) });
        let plain = How::default();
        assert_eq!(apply(plain, 2.0, "b"), (added(2.0), Some(2.0)));
        assert_eq!(apply(plain, 2.0, "a"), (updated(2.0), Some(2.0)));
        assert_eq!(apply(plain, 1.0, "a"), (same(1.0), Some(1.0)));
        let absent = How { only_absent: true, ..plain };
        assert_eq!(apply(absent, 2.0, "a"), (nothing.clone(), Some(1.0)));
        assert_eq!(apply(absent, 2.0, "b"), (added(2.0), Some(2.0)));
        let present = How { only_present: true, ..plain };
        assert_eq!(apply(present, 2.0, "b"), (nothing.clone(), None));
        assert_eq!(apply(present, 2.0, "a"), (updated(2.0), Some(2.0)));
        let greater = How { only_greater: true, ..plain };
        assert_eq!(apply(greater, 0.5, "a"), (nothing.clone(), Some(1.0)));
        assert_eq!(apply(greater, 1.0, "a"), (nothing.clone(), Some(1.0)));
        assert_eq!(apply(greater, 2.0, "a"), (updated(2.0), Some(2.0)));
        assert_eq!(apply(greater, -5.0, "b"), (added(-5.0), Some(-5.0)));
        let less = How { only_less: true, ..plain };
        assert_eq!(apply(less, 2.0, "a"), (nothing, Some(1.0)));
        assert_eq!(apply(less, 0.5, "a"), (updated(0.5), Some(0.5)));
    }

    #[test]
    fn increments_count_from_the_old_score() {
        let increment = How { increment: true, ..How::default() };
        assert_eq!(apply(increment, 2.5, "a").1, Some(3.5));
        assert_eq!(apply(increment, 2.5, "b").1, Some(2.5));
        let greater = How { only_greater: true, ..increment };
        assert_eq!(apply(greater, -1.0, "a"), (Ok(Outcome::default()), Some(1.0)));
        let mut zset = zset();
        zset.insert(b"a", f64::INFINITY, &Limits::default());
        assert!(increment.apply_all(&mut zset, &[(f64::NEG_INFINITY, b"a")], &Limits::default()).is_err());
        assert_eq!(zset.score(b"a"), Some(f64::INFINITY));
    }

    #[test]
    fn what_excludes_each_other_is_refused_in_order() {
        let check = |how: How, pairs| how.check(pairs).map_err(|error| error.text().into_owned());
        let absent = How { only_absent: true, ..How::default() };
        assert!(check(absent, 3).is_ok());
        let both = How { only_present: true, only_greater: true, ..absent };
        assert!(check(both, 1).unwrap_err().contains("XX and NX"));
        let three = How { only_greater: true, only_less: true, increment: true, ..How::default() };
        assert!(check(three, 2).unwrap_err().contains("GT, LT"));
        let increment = How { increment: true, only_present: true, only_greater: true, ..How::default() };
        assert!(check(increment, 2).unwrap_err().contains("single increment"));
        assert!(check(increment, 1).is_ok());
    }
}
