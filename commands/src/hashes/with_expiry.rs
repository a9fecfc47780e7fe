//! HSETEX and HGETEX: values and deadlines of fields in one step.

use redis_core::prelude::*;

use super::arguments::FieldValues;
use super::expiry::HPERSIST;
use super::fields::HDEL;
use super::{FAMILY, Overwritten};
use crate::member_expiry::{BeforeFields, Expired, Fields, SetExpiration, announce, deadline, is_past};
use crate::unix_time::UnixTime;

/// Sets the values of fields of a hash and when they expire, only if the conditions hold.
///
/// Answers whether the fields were set. If the deadline has passed they are removed instead.
#[command(since = "9.0.0", complexity = "O(N) where N is the number of fields.", flags(DENYOOM, FAST))]
pub(super) fn hsetex(
    db: &mut Db,
    context: &Context,
    #[key(RW, INSERT)] key: Key,
    options: BeforeFields<SetOptions>,
    fields: FieldValues,
    log: &mut Propagation,
) -> Result<bool> {
    let SetOptions { key_condition, fields_condition, expiration } = options.0;
    let present = db.peek_as::<Hash>(key)?;
    if key_condition.is_some_and(|condition| !condition.holds(present)) {
        return Ok(false);
    }
    let ttl = SetExpiration::ttl(expiration, db.now(), context)?;
    if fields_condition.is_some_and(|condition| !condition.holds(present, fields, db.expiry_time())) {
        return Ok(false);
    }
    if let Ttl::At(deadline) = ttl
        && is_past(db, deadline.millis())
    {
        set_and_expire(db, key, fields, log)?;
        return Ok(true);
    }
    let (now, limits) = (db.expiry_time(), db.limits());
    let hash = db.get_or_insert::<Hash>(key)?;
    hash.expect(fields.len(), &limits);
    let mut overwritten = Overwritten::default();
    for (field, value) in fields.iter() {
        overwritten.note(hash, field, now);
        match ttl {
            Ttl::Clear => hash.set(field, value, now, &limits),
            Ttl::Keep => hash.set_keeping_deadline(field, value, now, &limits),
            Ttl::At(deadline) => hash.set_with_deadline(field, value, deadline.millis(), now, &limits),
        };
    }
    overwritten.announce(db, key);
    db.changed_by(key, "hset", fields.len() as u64);
    if matches!(ttl, Ttl::At(_)) {
        db.notify(key, "hexpire");
    }
    // The conditions held here, so nobody needs to ask again.
    log.rewrite(HSETEX, |effect| {
        let effect = effect.key(db, key).options(&ttl).arg("FIELDS").number(fields.len());
        fields.iter().fold(effect, |effect, (field, value)| effect.arg(field).arg(value))
    });
    Ok(true)
}

/// Fields that would be over as soon as they are set are not set, but those that they would have replaced are removed.
/// The events are those of all three steps.
fn set_and_expire(db: &mut Db, key: Key, fields: FieldValues<'_>, log: &mut Propagation) -> Result<()> {
    let now = db.expiry_time();
    let mut removed: Vec<&[u8]> = Vec::new();
    if let Some(hash) = db.get_mut::<Hash>(key)? {
        removed.extend(fields.iter().map(|(field, _)| field).filter(|field| hash.remove(field, now)));
    }
    db.notify_as(key, "hset", Kind::Hash);
    db.notify_as(key, "hexpire", Kind::Hash);
    if removed.is_empty() {
        db.notify_as(key, "hexpired", Kind::Hash);
        if !db.exists(key) {
            db.notify_as(key, "del", Kind::Hash);
        }
        // Nothing has changed.
        log.nothing();
        return Ok(());
    }
    db.count_expired_members(Kind::Hash, removed.len());
    db.changed_by(key, "hexpired", removed.len() as u64);
    log.rewrite(HDEL, |effect| removed.iter().fold(effect.key(db, key), |effect, field| effect.arg(field)));
    Ok(())
}

/// When HSETEX sets anything, and for how long.
#[derive(Clone, Copy, Options)]
pub(super) struct SetOptions<'a> {
    key_condition: Option<KeyCondition>,
    fields_condition: Option<FieldsCondition>,
    expiration: Option<SetExpiration<'a>>,
}

/// What must be true of the key.
#[derive(Clone, Copy, Options)]
enum KeyCondition {
    /// It does not exist.
    Nx,
    /// It exists.
    Xx,
}

/// What must be true of the fields.
#[derive(Clone, Copy, Options)]
enum FieldsCondition {
    /// None of them exists.
    Fnx,
    /// All of them exist.
    Fxx,
}

impl KeyCondition {
    fn holds(self, hash: Option<&Hash>) -> bool {
        match self {
            KeyCondition::Nx => hash.is_none(),
            KeyCondition::Xx => hash.is_some(),
        }
    }
}

impl FieldsCondition {
    fn holds(self, hash: Option<&Hash>, fields: FieldValues<'_>, now: u64) -> bool {
        let exists = |(field, _): (&[u8], _)| hash.is_some_and(|hash| hash.contains(field, now));
        match self {
            FieldsCondition::Fnx => !fields.iter().any(exists),
            FieldsCondition::Fxx => fields.iter().all(exists),
        }
    }
}

/// Returns the values of fields of a hash and sets when they expire.
///
/// If the deadline has passed they are removed.
#[command(
    since = "9.0.0",
    complexity = "O(N) where N is the number of fields.",
    flags(FAST),
    reply = Array(&OneOf(&[Bulk, Null]))
)]
fn hgetex(
    db: &mut Db,
    context: &Context,
    #[key(RW, ACCESS, UPDATE)] key: Key,
    options: BeforeFields<GetOptions>,
    fields: Fields,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    let now = db.expiry_time();
    db.check_kind::<Hash>(key)?;
    let ttl = GetExpiration::ttl(options.0.expiration, db.now(), context)?;
    let past = matches!(ttl, Ttl::At(deadline) if is_past(db, deadline.millis()));
    let mut hash = db.get_mut::<Hash>(key)?;
    let mut changed: Vec<&[u8]> = Vec::new();
    reply.array(fields.len());
    for field in fields.iter() {
        let value = hash.as_ref().and_then(|hash| hash.get(field, now));
        let exists = value.is_some();
        value.write(reply);
        let Some(hash) = hash.as_mut().filter(|_| exists) else { continue };
        let has_changed = match ttl {
            Ttl::Keep => false,
            Ttl::Clear => hash.persist(field, now) == Some(true),
            Ttl::At(_) if past => hash.remove(field, now),
            Ttl::At(deadline) => hash.set_deadline(field, deadline.millis(), now).is_some(),
        };
        if has_changed {
            changed.push(field);
        }
    }
    match ttl {
        Ttl::At(deadline) => announce::<Hash>(db, key, Expired { deadline: deadline.millis(), past }, &changed, log),
        Ttl::Clear if !changed.is_empty() => {
            db.changed_by(key, "hpersist", changed.len() as u64);
            log.rewrite(HPERSIST, |effect| {
                let effect = effect.key(db, key).arg("FIELDS").number(changed.len());
                changed.iter().fold(effect, |effect, field| effect.arg(field))
            });
        }
        Ttl::Clear | Ttl::Keep => {}
    }
    Ok(())
}

/// What HGETEX does to the deadlines.
#[derive(Clone, Copy, Options)]
pub(super) struct GetOptions<'a> {
    expiration: Option<GetExpiration<'a>>,
}

/// When fields expire that are read. The number is looked at when the type of the key is known.
#[derive(Clone, Copy, Options)]
enum GetExpiration<'a> {
    /// After seconds.
    #[arg(name = "seconds")]
    Ex(Lazy<'a, i64>),
    /// After milliseconds.
    #[arg(name = "milliseconds")]
    Px(Lazy<'a, i64>),
    /// At a time in seconds.
    #[arg(name = "unix-time-seconds")]
    ExAt(Lazy<'a, UnixTime>),
    /// At a time in milliseconds.
    #[arg(name = "unix-time-milliseconds")]
    PxAt(Lazy<'a, UnixTime>),
    /// Never.
    Persist,
}

impl GetExpiration<'_> {
    /// Without the option the deadlines stay.
    fn ttl(expiration: Option<Self>, now: u64, context: &Context) -> Result<Ttl> {
        let deadline = match expiration {
            None => return Ok(Ttl::Keep),
            Some(Self::Persist) => return Ok(Ttl::Clear),
            Some(Self::Ex(seconds)) => deadline(seconds.get()?, 1000, now, context)?,
            Some(Self::Px(millis)) => deadline(millis.get()?, 1, now, context)?,
            Some(Self::ExAt(time)) => deadline(time.get()?.0, 1000, 0, context)?,
            Some(Self::PxAt(time)) => deadline(time.get()?.0, 1, 0, context)?,
        };
        Ok(Ttl::At(Deadline::at(deadline)))
    }
}
