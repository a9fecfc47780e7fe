//! Random members.

use std::collections::HashSet;

use redis_core::prelude::*;
use redis_core::rng;

use super::{FAMILY, MEMBERS, write_header, write_member};
use crate::random_count::{RandomCount, Word, repeat};

/// Returns one or more random members of a sorted set.
///
/// A positive count asks for different members, a negative one for members that may repeat.
#[command(
    since = "6.2.0",
    complexity = "O(N) where N is the number of members returned.",
    tips(NONDETERMINISTIC_OUTPUT),
    reply = OneOf(&[Bulk, Null, MEMBERS])
)]
fn zrandmember(db: &Db, key: Key, options: Option<RandomCount<Withscores>>, reply: &mut Reply) -> Result<()> {
    let zset = db.get::<ZSet>(key)?.filter(|zset| !zset.is_empty());
    let Some(options) = options else {
        zset.and_then(|zset| zset.at(rng::below(zset.len()))).map(|(member, _)| member).write(reply);
        return Ok(());
    };
    let Some(zset) = zset else {
        reply.array(0);
        return Ok(());
    };
    let len = zset.len();
    let write = |reply: &mut Reply, rank| {
        if let Some((member, score)) = zset.at(rank) {
            write_member(reply, member, score, options.with);
        }
    };
    if options.repeats() {
        let number = options.number();
        write_header(reply, number, options.with);
        repeat(number, reply, |reply, some| (0..some).for_each(|_| write(reply, rng::below(len))))?;
    } else if options.number() >= len {
        write_header(reply, len, options.with);
        zset.iter().for_each(|(member, score)| write_member(reply, member, score, options.with));
    } else {
        write_header(reply, options.number(), options.with);
        different(options.number(), len).into_iter().for_each(|rank| write(reply, rank));
    }
    Ok(())
}

/// The word of ZRANDMEMBER.
struct Withscores;

impl Word for Withscores {
    const TOKEN: &'static str = "WITHSCORES";
    const NAME: &'static str = "withscores";
}

/// `count` different ranks below `len`, every choice equally likely.
///
/// Floyd's way: each step adds one number to a choice among the numbers below, and the number itself where the step
/// draws one that was chosen before. It takes as many steps as there are ranks to choose.
fn different(count: usize, len: usize) -> HashSet<usize> {
    let mut chosen = HashSet::with_capacity(count.min(len));
    for last in len.saturating_sub(count)..len {
        let drawn = rng::below(last + 1);
        if !chosen.insert(drawn) {
            chosen.insert(last);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_fair() {
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            let chosen = different(3, 10);
            assert_eq!(chosen.len(), 3);
            chosen.into_iter().for_each(|rank| counts[rank] += 1);
        }
        for count in counts {
            assert!((2_600..3_400).contains(&count), "{counts:?}");
        }
        assert_eq!(different(5, 5).len(), 5);
        assert!(different(0, 5).is_empty());
    }
}
