//! Several strings at once.

use redis_core::command::{ArgDoc, ArgKind, Cursor, KeyShape, Shape};
use redis_core::num;
use redis_core::prelude::*;

use super::FAMILY;
use super::expiration::MultiExpiration;
use super::set::store;

/// Returns the string values of several keys.
///
/// A key that does not exist, or holds no string, counts as having none.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys.",
    flags(FAST),
    tips(REQUEST_POLICY_MULTI_SHARD),
    reply = Array(&OneOf(&[Bulk, Null]))
)]
fn mget(db: &Db, keys: Keys, reply: &mut Reply) {
    reply.array(keys.len());
    for key in keys.iter() {
        db.get::<Str>(key).unwrap_or(None).write(reply);
    }
}

/// Sets the string values of several keys.
#[command(
    since = "1.0.1",
    complexity = "O(N) where N is the number of keys.",
    flags(DENYOOM),
    tips(REQUEST_POLICY_MULTI_SHARD, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn mset(
    db: &mut Db,
    #[key(OW, UPDATE)]
    #[arg(names("key", "value"))]
    data: Many<(Key, &[u8])>,
) -> Okay {
    for (key, value) in data {
        store(db, key, value, Ttl::Clear);
    }
    Okay
}

/// Sets the string values of several keys, only if none of them exists.
#[command(since = "1.0.1", complexity = "O(N) where N is the number of keys.", flags(DENYOOM))]
fn msetnx(
    db: &mut Db,
    #[key(OW, INSERT)]
    #[arg(names("key", "value"))]
    data: Many<(Key, &[u8])>,
) -> bool {
    if data.iter().any(|(key, _)| db.exists(*key)) {
        return false;
    }
    for (key, value) in data {
        store(db, key, value, Ttl::Clear);
    }
    true
}

/// When MSETEX does anything at all.
#[derive(Clone, Copy, Debug, Options)]
enum Condition {
    /// If all keys are free.
    Nx,
    /// If all keys hold something.
    Xx,
}

/// The options of MSETEX.
#[derive(Clone, Copy, Debug, Options)]
struct MsetexOptions {
    condition: Option<Condition>,
    expiration: Option<MultiExpiration>,
}

/// A number, then that many keys with their values.
struct CountedPairs<'a>(Cursor<'a>);

impl<'a> Argument<'a> for CountedPairs<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(3).with_keys(KeyShape::Counted { step: 2 });
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Inline,
        &[
            ArgDoc::new(ArgKind::Integer).named("numkeys"),
            ArgDoc::of(
                ArgKind::Block,
                &[ArgDoc::new(ArgKind::Key).named("key").key_spec(0), ArgDoc::new(ArgKind::String).named("value")],
            )
            .named("data")
            .multiple(),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        const OUT_OF_RANGE: Error = Error::new("ERR invalid numkeys value or out of range");
        let count = num::parse_i64(cursor.next()?).filter(|count| (1..=i64::from(i32::MAX / 2)).contains(count));
        let count = count.and_then(|count| usize::try_from(count).ok()).ok_or(OUT_OF_RANGE)?;
        cursor.split(count * 2)
    }

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(CountedPairs(raw))
    }
}

impl<'a> CountedPairs<'a> {
    /// The keys with their values.
    fn pairs(&self) -> impl Iterator<Item = (Key, &'a [u8])> {
        let mut rest = self.0;
        // Both are there, because the first pass has counted them.
        std::iter::from_fn(move || Some((rest.next_key().ok()?, rest.next().ok()?)))
    }
}

/// Sets the string values of several keys with one expiration time for all, and only if all or none of them exist.
#[command(
    since = "9.1.0",
    complexity = "O(N) where N is the number of keys.",
    flags(DENYOOM),
    tips(REQUEST_POLICY_MULTI_SHARD, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn msetex(db: &mut Db, #[key(OW, UPDATE)] data: CountedPairs, options: MsetexOptions, log: &mut Propagation) -> bool {
    let holds = match options.condition {
        None => true,
        Some(Condition::Nx) => data.pairs().all(|(key, _)| !db.exists(key)),
        Some(Condition::Xx) => data.pairs().all(|(key, _)| db.exists(key)),
    };
    if !holds {
        return false;
    }
    let ttl = MultiExpiration::ttl(options.expiration);
    let mut count = 0_usize;
    for (key, value) in data.pairs() {
        store(db, key, value, ttl);
        count += 1;
    }
    if let Ttl::At(_) = ttl {
        log.rewrite(MSETEX, |effect| {
            effect.number(count);
            for (key, value) in data.pairs() {
                effect.key(db, key).arg(value);
            }
            effect.options(&ttl)
        });
    }
    true
}
