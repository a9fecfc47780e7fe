//! DUMP and RESTORE: a value as bytes that a client carries to another server.
//!
//! What the bytes are is known to [`redis_core::rdb`]. RESTORE believes nothing of them: whoever may write can send any.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::command::{ArgDoc, ArgKind, Cursor, EffectArgs, Shape, integer};
use redis_core::prelude::*;
use redis_core::rdb::{self, Loaded, dump_payload, restore_payload};
use redis_core::value::Object;

use super::FAMILY;
use super::presence::{DEL, UNLINK};

/// Returns the value of a key as bytes for `RESTORE`, here or at another server.
///
/// They are in the form of Redis 7.0, or in that of Valkey 9 if the value is a hash whose fields expire. When the key
/// expires is not among them.
#[command(
    since = "2.6.0",
    complexity = "O(N*M) where N is the number of elements of the value and M their average size.",
    acl(KEYSPACE),
    tips(NONDETERMINISTIC_OUTPUT)
)]
fn dump(db: &Db, server: &Server, #[key(RO, ACCESS)] key: Key) -> Option<Bulk> {
    payload(db, key, server.config.rdbcompression.get()).map(Bulk)
}

/// What DUMP returns of a key: none if there is nothing.
pub(super) fn payload(db: &Db, key: Key, compress: bool) -> Option<Vec<u8>> {
    let entry = db.read(key)?;
    if let Some(Object::Hash(hash)) = db.object(entry)
        && hash.live_len(db.now()) == 0
    {
        // All its fields have expired: it is as good as gone.
        return None;
    }
    Some(dump_payload(&entry.value(), db.now(), compress))
}

/// Makes a key of what `DUMP` has returned.
///
/// The time to live is in milliseconds, and 0 for a key that does not expire.
#[command(
    since = "2.6.0",
    complexity = "O(N*M) where N is the number of elements of the value and M their average size, and for a sorted set \
                  O(N*M*log(N)).",
    flags(DENYOOM),
    acl(KEYSPACE, DANGEROUS),
    history(
        "3.0.0" = "Added the `REPLACE` option.",
        "5.0.0" = "Added the `ABSTTL`, `IDLETIME` and `FREQ` options."
    )
)]
fn restore(
    db: &mut Db,
    server: &Server,
    #[key(OW, UPDATE)] key: Key,
    ttl: Lazy<i64>,
    #[arg(name = "serialized-value")] payload: &[u8],
    options: RestoreOptions,
    log: &mut Propagation,
) -> Result<Okay> {
    const BUSY: Error = Error::new("BUSYKEY Target key name already exists.");
    const NEGATIVE: Error = Error::new("ERR Invalid TTL value, must be >= 0");
    if !options.replace && db.exists(key) {
        return Err(BUSY);
    }
    let ttl = ttl.get()?;
    if ttl < 0 {
        return Err(NEGATIVE);
    }
    let checksum = !server.skip_checksums.load(Relaxed);
    let value = match restore_payload(payload, &db.limits(), db.expiry_time(), checksum) {
        Ok(value) => Some(value),
        Err(rdb::Error::Expired) => None,
        Err(error) => return Err(refusal(error)),
    };
    let deleted = options.replace && db.remove(key);
    let deadline = deadline(ttl, options.absttl, db.now());
    let in_time = deadline.millis() > db.now() || !db.removes_expired();
    let Some(value) = value.filter(|_| in_time) else {
        // It has expired on its way.
        if deleted {
            db.changed(key, "del");
            let name = if server.config.lazyfree_lazy_server_del.get() { UNLINK } else { DEL };
            log.rewrite(name, |effect| effect.key(db, key));
        }
        return Ok(Okay);
    };
    match value {
        Loaded::Str(text) => db.set(key, text, Ttl::At(deadline)),
        Loaded::Object(object) => db.set_object(key, object, Ttl::At(deadline)),
    }
    if let Some(access) = options.access(db)
        && let Some(entry) = db.peek(key)
    {
        entry.set_access(access);
    }
    db.changed(key, "restore");
    if !deadline.is_never() && !options.absttl {
        let options = RestoreOptions { absttl: true, ..options };
        log.rewrite(RESTORE, |effect| effect.key(db, key).number(deadline.millis()).arg(payload).options(&options));
    }
    Ok(Okay)
}

/// What is said of bytes that are no value. What exactly is wrong with them is for the log.
fn refusal(error: rdb::Error) -> Error {
    match error {
        rdb::Error::Footer => Error::new("ERR DUMP payload version or checksum are wrong"),
        _ => {
            tracing::warn!("RESTORE was refused, integrity check failed: {error}");
            Error::new("ERR Bad data format")
        }
    }
}

/// When the key ends.
fn deadline(ttl: i64, absolute: bool, now: u64) -> Deadline {
    if ttl == 0 {
        return Deadline::NEVER;
    }
    let from = if absolute { 0 } else { i64::try_from(now).unwrap_or(i64::MAX) };
    // A sum beyond what 64 bits hold is negative in Redis, and so in the past.
    Deadline::at(ttl.checked_add(from).map_or(0, i64::unsigned_abs))
}

/// How the value is stored.
#[derive(Options)]
#[options(check = one_of_both, to_args)]
struct RestoreOptions {
    /// Overwrite what the key holds.
    #[arg(since = "3.0.0")]
    replace: bool,
    /// The time to live is the Unix time at which the key expires, in milliseconds.
    #[arg(since = "5.0.0")]
    absttl: bool,
    /// For how long the key has not been used.
    #[arg(name = "seconds", since = "5.0.0")]
    idletime: Option<Early<IdleTime>>,
    /// How often the key is used.
    #[arg(name = "frequency", since = "5.0.0")]
    freq: Option<Early<Frequency>>,
}

/// A server remembers either when keys were used or how often.
fn one_of_both(raw: &RestoreOptionsRaw) -> Result<()> {
    if raw.idletime.is_some() && raw.freq.is_some() { Err(Error::SYNTAX) } else { Ok(()) }
}

impl RestoreOptions {
    /// The key's access bits, if they are told in the way in which this server remembers them.
    fn access(&self, db: &Db) -> Option<u32> {
        let clock = db.clock();
        match (self.idletime, self.freq) {
            (Some(Early(IdleTime(seconds))), _) if !clock.frequency => Some(clock.idle_since(seconds)),
            (_, Some(Early(Frequency(counter)))) if clock.frequency => Some(clock.with_counter(counter)),
            _ => None,
        }
    }
}

/// Seconds, not negative.
#[derive(Clone, Copy)]
struct IdleTime(u64);

/// A counter of eight bits.
#[derive(Clone, Copy)]
struct Frequency(u8);

macro_rules! bounded {
    ($name:ident, $error:literal) => {
        impl ToArgs for $name {
            fn to_args(&self, effect: &mut EffectArgs) {
                effect.number(self.0);
            }
        }

        impl<'a> Argument<'a> for $name {
            type Raw = &'a [u8];
            const SHAPE: Shape = Shape::exactly(1);
            const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

            fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
                cursor.next()
            }

            fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
                integer(raw)?.try_into().map($name).map_err(|_| Error::new($error))
            }
        }
    };
}

bounded!(IdleTime, "ERR Invalid IDLETIME value, must be >= 0");
bounded!(Frequency, "ERR Invalid FREQ value, must be >= 0 and <= 255");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines() {
        assert_eq!(deadline(0, false, 5), Deadline::NEVER);
        assert_eq!(deadline(10, false, 5), Deadline::at(15));
        assert_eq!(deadline(10, true, 5), Deadline::at(10));
        assert_eq!(deadline(i64::MAX, false, 5), Deadline::at(0));
        assert_eq!(deadline(i64::MAX, true, 5), Deadline::at(i64::MAX as u64));
    }
}
