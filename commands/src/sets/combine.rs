//! Intersections, unions and differences of sets, as a reply, as a new set, or as a number.

use std::ops::ControlFlow;

use redis_core::command::{ArgDoc, Cursor, Shape};
use redis_core::prelude::*;
use redis_core::value::{Element, Limits, Object, TextBuffer};

use super::FAMILY;

/// Returns the members that several sets have in common.
#[command(
    since = "1.0.0",
    complexity = "O(N*M) in the worst case, where N is the size of the smallest set and M the number of sets.",
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Set(&Bulk)
)]
fn sinter(db: &Db, keys: Keys, reply: &mut Reply) -> Result<()> {
    let sets = sets(db, keys)?;
    let (mark, mut count) = (reply.begin_set(), 0);
    intersect(sets, &mut |member| {
        member.write(reply);
        count += 1;
        ControlFlow::Continue(())
    });
    reply.finish_set(mark, count);
    Ok(())
}

/// Stores the members that several sets have in common under a key.
///
/// An empty intersection deletes the key.
#[command(
    since = "1.0.0",
    complexity = "O(N*M) in the worst case, where N is the size of the smallest set and M the number of sets.",
    flags(DENYOOM)
)]
fn sinterstore(db: &mut Db, #[key(OW, UPDATE)] destination: Key, #[key(RO, ACCESS)] keys: Keys) -> Result<usize> {
    let limits = db.limits();
    let mut result = Set::new();
    intersect(sets(db, keys)?, &mut |member| {
        add(&mut result, member, &limits);
        ControlFlow::Continue(())
    });
    Ok(store(db, destination, result, "sinterstore"))
}

/// Returns the number of members that several sets have in common.
#[command(
    since = "7.0.0",
    complexity = "O(N*M) in the worst case, where N is the size of the smallest set and M the number of sets."
)]
fn sintercard(db: &Db, keys: CountedKeys, options: SintercardOptions) -> Result<usize> {
    let limit = match options.limit {
        None | Some(Early(Count(0))) => usize::MAX,
        Some(Early(limit)) => limit.as_usize(),
    };
    let mut count = 0;
    intersect(sets(db, keys.0)?, &mut |_| {
        count += 1;
        if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    Ok(count)
}

/// The option of SINTERCARD.
#[derive(Clone, Copy, Options)]
struct SintercardOptions {
    /// Stop counting there; 0 is no limit.
    #[arg(error = "ERR LIMIT can't be negative")]
    limit: Option<Early<Count>>,
}

/// A number of keys, then the keys; SINTERCARD has its own words for too large a number.
struct CountedKeys<'a>(Keys<'a>);

impl<'a> Argument<'a> for CountedKeys<'a> {
    type Raw = Keys<'a>;
    const SHAPE: Shape = <NumKeys<'a, 1> as Argument<'a>>::SHAPE;
    const DOC: ArgDoc = <NumKeys<'a, 1> as Argument<'a>>::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<Keys<'a>> {
        const TOO_MANY: Error = Error::new("ERR Number of keys can't be greater than number of args");
        NumKeys::<1>::shape(cursor).map_err(|error| if error == Error::SYNTAX { TOO_MANY } else { error })
    }

    fn value(raw: Keys<'a>, _: &Context) -> Result<Self> {
        Ok(CountedKeys(raw))
    }
}

/// Returns the members of several sets together.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of members of all sets.",
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Set(&Bulk)
)]
fn sunion(db: &Db, keys: Keys, reply: &mut Reply) -> Result<()> {
    let sets = sets(db, keys)?;
    reply_all(&unite(&sets, &db.limits()), reply);
    Ok(())
}

/// Stores the members of several sets together under a key.
///
/// An empty union deletes the key.
#[command(since = "1.0.0", complexity = "O(N) where N is the number of members of all sets.", flags(DENYOOM))]
fn sunionstore(db: &mut Db, #[key(OW, UPDATE)] destination: Key, #[key(RO, ACCESS)] keys: Keys) -> Result<usize> {
    let union = unite(&sets(db, keys)?, &db.limits());
    Ok(store(db, destination, union, "sunionstore"))
}

/// Returns the members of the first set that are in none of the others.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of members of all sets.",
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Set(&Bulk)
)]
fn sdiff(db: &Db, keys: Keys, reply: &mut Reply) -> Result<()> {
    let sets = sets(db, keys)?;
    reply_all(&subtract(&sets, &db.limits()), reply);
    Ok(())
}

/// Stores the members of the first set that are in none of the others under a key.
///
/// An empty difference deletes the key.
#[command(since = "1.0.0", complexity = "O(N) where N is the number of members of all sets.", flags(DENYOOM))]
fn sdiffstore(db: &mut Db, #[key(OW, UPDATE)] destination: Key, #[key(RO, ACCESS)] keys: Keys) -> Result<usize> {
    let difference = subtract(&sets(db, keys)?, &db.limits());
    Ok(store(db, destination, difference, "sdiffstore"))
}

/// The sets at the keys. All are looked at, so that a wrong type is refused whatever the result would be.
fn sets<'d>(db: &'d Db, keys: Keys<'_>) -> Result<Vec<Option<&'d Set>>> {
    keys.iter().map(|key| db.get(key)).collect()
}

/// Visits what all sets have: goes through the smallest and asks the others, small ones first, as they are the most
/// likely to say no.
fn intersect(sets: Vec<Option<&Set>>, visit: &mut dyn FnMut(Element<'_>) -> ControlFlow<()>) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<_>>>() else { return };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        if others.iter().all(|set| set.contains_element(member)) && visit(member).is_break() {
            return;
        }
    }
}

fn unite(sets: &[Option<&Set>], limits: &Limits) -> Set {
    let mut union = Set::new();
    for set in sets.iter().flatten() {
        set.iter().for_each(|member| add(&mut union, member, limits));
    }
    union
}

/// The first set without the members of the others. Either every member of the first is looked for in the others, or
/// every member of the others is taken out of a copy of the first, whichever looks at less; the former makes no
/// more than the result, so it is preferred by a factor of two, as Redis does.
fn subtract(sets: &[Option<&Set>], limits: &Limits) -> Set {
    let Some((Some(first), others)) = sets.split_first() else { return Set::new() };
    let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
    let all_members = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    let mut difference = Set::new();
    if first.len() * (others.len() + 1) / 2 <= all_members {
        // The largest is the most likely to have it.
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        let remaining = first.iter().filter(|member| !others.iter().any(|set| set.contains_element(*member)));
        remaining.for_each(|member| add(&mut difference, member, limits));
        return difference;
    }
    first.iter().for_each(|member| add(&mut difference, member, limits));
    for member in others.iter().flat_map(|set| set.iter()) {
        difference.remove(member.text(&mut TextBuffer::new()));
        if difference.is_empty() {
            break;
        }
    }
    difference
}

fn add(set: &mut Set, member: Element<'_>, limits: &Limits) {
    set.add(member.text(&mut TextBuffer::new()), limits);
}

fn reply_all(set: &Set, reply: &mut Reply) {
    reply.set(set.len());
    set.iter().for_each(|member| member.write(reply));
}

/// Puts a result under a key, or deletes the key if there is no result. Answers its size.
fn store(db: &mut Db, destination: Key, result: Set, event: &'static str) -> usize {
    let len = result.len();
    if len > 0 {
        db.set_object(destination, Object::Set(result), Ttl::Clear);
        db.changed(destination, event);
    } else if db.remove(destination) {
        db.changed(destination, "del");
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: &[&str]) -> Set {
        let mut set = Set::new();
        members.iter().for_each(|member| assert!(set.add(member.as_bytes(), &Limits::default())));
        set
    }

    fn sorted(set: &Set) -> Vec<String> {
        let mut members: Vec<_> = set.iter().map(|member| String::from_utf8(member.to_vec()).unwrap()).collect();
        members.sort();
        members
    }

    #[test]
    fn both_ways_to_subtract_agree() {
        let limits = Limits::default();
        let large: Vec<String> = (0..300).map(|i| format!("m{i}")).collect();
        let large = set(&large.iter().map(String::as_str).collect::<Vec<_>>());
        let (few, more) = (set(&["m1", "m2", "other"]), set(&["m3", "m299"]));
        // Few others to look through: they are taken out of a copy.
        let mut others = vec![Some(&few), None, Some(&more)];
        others.insert(0, Some(&large));
        let difference = subtract(&others, &limits);
        assert_eq!(difference.len(), 296);
        assert!(!difference.contains(b"m299") && difference.contains(b"m0"));
        // A small first set: each member is looked for.
        assert_eq!(sorted(&subtract(&[Some(&few), Some(&large)], &limits)), ["other"]);
        assert!(subtract(&[None, Some(&large)], &limits).is_empty());
        assert!(subtract(&[Some(&few), Some(&few)], &limits).is_empty());
    }

    #[test]
    fn intersections_end_early_when_asked() {
        let (a, b) = (set(&["1", "2", "x"]), set(&["2", "1", "y", "x"]));
        let mut seen = Vec::new();
        intersect(vec![Some(&b), Some(&a)], &mut |member| {
            seen.push(member.to_vec());
            if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(seen.len(), 2);
        intersect(vec![Some(&a), None], &mut |_| panic!("nothing is in a set that is missing"));
    }
}
