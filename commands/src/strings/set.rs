//! SET, and the commands that it made superfluous.

use redis_core::prelude::*;

use super::FAMILY;
use super::compare::Comparison;
use super::expiration::SetExpiration;

/// When SET does anything at all.
#[derive(Clone, Copy, Debug, Options)]
enum Condition<'a> {
    /// If the key is free.
    #[arg(since = "2.6.12")]
    Nx,
    /// If the key holds something.
    #[arg(since = "2.6.12")]
    Xx,
    /// If the key holds this string.
    #[arg(name = "comparison-value", since = "8.1.0")]
    IfEq(&'a [u8]),
    /// If the key is free or holds another string.
    #[arg(name = "ifne-value", since = "8.4.0")]
    IfNe(&'a [u8]),
    /// If the key holds a string with this digest.
    #[arg(name = "ifdeq-digest", since = "8.4.0")]
    IfDeq(&'a [u8]),
    /// If the key is free or holds a string with another digest.
    #[arg(name = "ifdne-digest", since = "8.4.0")]
    IfDne(&'a [u8]),
}

impl Condition<'_> {
    fn holds(&self, db: &Db, key: Key) -> Result<bool> {
        let comparison = match self {
            Condition::Nx => return Ok(!db.exists(key)),
            Condition::Xx => return Ok(db.exists(key)),
            Condition::IfEq(text) => Comparison::Equal(text),
            Condition::IfNe(text) => Comparison::NotEqual(text),
            Condition::IfDeq(digest) => Comparison::DigestEqual(digest),
            Condition::IfDne(digest) => Comparison::DigestNotEqual(digest),
        };
        db.peek_as::<Str>(key)?.map_or(Ok(comparison.holds_of_nothing()), |text| comparison.holds(text.as_bytes()))
    }
}

/// The options of SET.
#[derive(Clone, Copy, Debug, Options)]
struct SetOptions<'a> {
    condition: Option<Condition<'a>>,
    #[arg(since = "6.2.0")]
    get: bool,
    expiration: Option<SetExpiration>,
}

/// Sets the string value of a key, whatever its type was before.
///
/// The key is created if it does not exist, and does not expire any more unless an option says otherwise.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(DENYOOM),
    history(
        "2.6.12" = "Added the `EX`, `PX`, `NX` and `XX` options.",
        "6.0.0" = "Added the `KEEPTTL` option.",
        "6.2.0" = "Added the `GET`, `EXAT` and `PXAT` options.",
        "7.0.0" = "The `NX` and `GET` options can be used together.",
        "8.1.0" = "Added the `IFEQ` option.",
        "8.4.0" = "Added the `IFNE`, `IFDEQ` and `IFDNE` options."
    ),
    reply = OneOf(&[Status, Bulk, Null])
)]
fn set(
    db: &mut Db,
    #[key(RW, ACCESS, UPDATE, VARIABLE_FLAGS)] key: Key,
    value: &[u8],
    options: SetOptions,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    if options.get {
        db.get::<Str>(key)?.write(reply);
    }
    if let Some(condition) = options.condition
        && !condition.holds(db, key)?
    {
        if !options.get {
            reply.nil();
        }
        return Ok(());
    }
    let ttl = SetExpiration::ttl(options.expiration);
    store(db, key, value, ttl);
    if !options.get {
        reply.simple("OK");
    }
    // A time to live counts from now; whoever reads the log later needs the time at which it ends.
    if options.get || matches!(ttl, Ttl::At(_)) {
        log.rewrite(SET, |effect| effect.key(db, key).arg(value).options(&ttl));
    }
    Ok(())
}

/// Sets the string value of a key only if the key does not exist.
#[command(since = "1.0.0", complexity = "O(1)", flags(DENYOOM, FAST))]
fn setnx(db: &mut Db, #[key(OW, INSERT)] key: Key, value: &[u8]) -> bool {
    let free = !db.exists(key);
    if free {
        store(db, key, value, Ttl::Clear);
    }
    free
}

/// Sets the string value of a key and its expiration time in seconds.
#[command(since = "2.0.0", complexity = "O(1)", flags(DENYOOM))]
fn setex(db: &mut Db, #[key(OW, UPDATE)] key: Key, seconds: Seconds, value: &[u8], log: &mut Propagation) -> Okay {
    store_with_deadline(db, key, value, seconds.0, log)
}

/// Sets the string value of a key and its expiration time in milliseconds.
#[command(since = "2.6.0", complexity = "O(1)", flags(DENYOOM))]
fn psetex(db: &mut Db, #[key(OW, UPDATE)] key: Key, milliseconds: Millis, value: &[u8], log: &mut Propagation) -> Okay {
    store_with_deadline(db, key, value, milliseconds.0, log)
}

/// Returns the previous string value of a key after setting it to a new one.
#[command(since = "1.0.0", complexity = "O(1)", flags(DENYOOM, FAST), reply = OneOf(&[Bulk, Null]))]
fn getset(
    db: &mut Db,
    #[key(RW, ACCESS, UPDATE)] key: Key,
    value: &[u8],
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    db.get::<Str>(key)?.write(reply);
    store(db, key, value, Ttl::Clear);
    log.rewrite(SET, |effect| effect.key(db, key).arg(value));
    Ok(())
}

/// Stores a string and tells.
#[inline]
pub(super) fn store(db: &mut Db, key: Key, value: &[u8], ttl: Ttl) {
    db.set(key, value, ttl);
    db.changed(key, "set");
    if let Ttl::At(_) = ttl {
        db.notify(key, "expire");
    }
}

fn store_with_deadline(db: &mut Db, key: Key, value: &[u8], deadline: Deadline, log: &mut Propagation) -> Okay {
    store(db, key, value, Ttl::At(deadline));
    log.rewrite(SET, |effect| effect.key(db, key).arg(value).options(&Ttl::At(deadline)));
    Okay
}
