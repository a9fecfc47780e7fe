//! Random fields.

use redis_core::prelude::*;
use redis_core::value::Element;

use super::FAMILY;
use crate::random_count::{RandomCount, Word, repeat};

/// Returns one or more random fields of a hash.
///
/// A positive count asks for different fields, a negative one for fields that may repeat.
#[command(
    since = "6.2.0",
    complexity = "O(N) where N is the number of fields returned.",
    tips(NONDETERMINISTIC_OUTPUT),
    reply = OneOf(&[Bulk, Null, Array(&Bulk), Array(&Tuple(&[Bulk, Bulk]))])
)]
fn hrandfield(db: &Db, key: Key, options: Option<RandomCount<Withvalues>>, reply: &mut Reply) -> Result<()> {
    let now = db.expiry_time();
    let hash = db.get::<Hash>(key)?;
    let Some(options) = options else {
        hash.and_then(|hash| hash.random(now)).map(|(field, _)| field).write(reply);
        return Ok(());
    };
    let live = hash.map_or(0, |hash| hash.live_len(now));
    let Some(hash) = hash.filter(|_| live > 0 && options.number() > 0) else {
        reply.array(0);
        return Ok(());
    };
    let number = if options.repeats() { options.number() } else { options.number().min(live) };
    let with_values = options.with;
    let in_pairs = with_values && reply.protocol() >= 3;
    reply.array(if with_values && !in_pairs { number * 2 } else { number });
    let write = |reply: &mut Reply, field: Element<'_>, value: Element<'_>| {
        if in_pairs {
            reply.array(2);
        }
        field.write(reply);
        if with_values {
            value.write(reply);
        }
    };
    if !options.repeats() {
        hash.sample(number, now, &mut |field, value| write(reply, field, value));
        return Ok(());
    }
    repeat(number, reply, |reply, some| {
        hash.sample_with_repeats(some, now, &mut |field, value| write(reply, field, value));
    })
}

/// The word of HRANDFIELD.
struct Withvalues;

impl Word for Withvalues {
    const TOKEN: &'static str = "WITHVALUES";
    const NAME: &'static str = "withvalues";
}
