//! XCLAIM and XAUTOCLAIM: pending entries change hands.
//!
//! An entry that was deleted while it was pending is not claimed, but stops being pending. What is logged is the state
//! that each entry has come to, not the conditions under which it did.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::num::parse_i64;
use redis_core::prelude::*;
use redis_core::value::stream::{Entries, Group, StreamId};

use super::groups::log_position;
use super::id::{self, Start};
use super::pending::XACK;
use super::{ENTRY, FAMILY, no_group, write_entry};

/// Changes, or acquires, ownership of a message in a consumer group, as if the message was delivered a consumer group member.
#[command(
    since = "5.0.0",
    complexity = "O(log N) with N being the number of messages in the PEL of the consumer group.",
    flags(FAST),
    tips(NONDETERMINISTIC_OUTPUT),
    reply = Array(&OneOf(&[Bulk, ENTRY]))
)]
fn xclaim(
    db: &mut Db,
    #[key(RW, UPDATE)] key: Key,
    group: &[u8],
    consumer: &[u8],
    demand: Late<Demand>,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<()> {
    check_group(db, key, group)?;
    let Demand { min_idle, ids, options } = demand.get()?;
    let now = db.now();
    let terms = Terms {
        now,
        min_idle,
        time: options.delivered_at(now),
        retries: options.retries,
        force: options.force,
        just_id: options.just_id,
    };
    let mut outcome = Outcome::default();
    if let Some((entries, group)) = entries_and_group(db, key, group)? {
        if options.last_id > group.last_id {
            group.last_id = options.last_id;
            outcome.moved = true;
        }
        for id in ids {
            outcome.claim(entries, group, id, consumer, &terms);
        }
        outcome.write_claimed(entries, terms.just_id, reply);
    }
    outcome.announce(db, key, group, log);
    Ok(())
}

/// Changes, or acquires, ownership of messages in a consumer group, as if the messages were delivered to as consumer group member.
#[command(
    since = "6.2.0",
    complexity = "O(1) if COUNT is small.",
    flags(FAST),
    tips(NONDETERMINISTIC_OUTPUT),
    history("7.0.0" = "Lists in its reply the entries that were deleted, and ends that they are pending."),
    reply = Tuple(&[Bulk, Array(&OneOf(&[Bulk, ENTRY])), Array(&Bulk)])
)]
fn xautoclaim(
    db: &mut Db,
    #[key(RW, DELETE)] key: Key,
    group: &[u8],
    consumer: &[u8],
    #[arg(name = "min-idle-time")] min_idle: AutoMinIdle,
    start: Start,
    options: AutoOptions,
    reply: &mut Reply,
    log: &mut Propagation,
) -> Result<()> {
    /// How many pending entries are looked at for each that is asked for.
    const ATTEMPTS: usize = 10;
    check_group(db, key, group)?;
    let now = db.now();
    let terms = Terms { now, min_idle: min_idle.0, time: now, retries: None, force: false, just_id: options.justid };
    let AutoCount(count) = options.count.unwrap_or_default();
    let mut outcome = Outcome::default();
    if let Some((entries, group)) = entries_and_group(db, key, group)? {
        let mut attempts = count.saturating_mul(ATTEMPTS);
        let mut next = next_pending(group, Some(start.0));
        while let Some(id) = next
            && attempts > 0
            && outcome.len() < count
        {
            attempts -= 1;
            outcome.claim(entries, group, id, consumer, &terms);
            next = next_pending(group, id.next());
        }
        reply.array(3);
        reply.bulk(&next.unwrap_or_default().to_text());
        outcome.write_claimed(entries, terms.just_id, reply);
        reply.array(outcome.deleted.len());
        outcome.deleted.iter().for_each(|id| reply.bulk(&id.to_text()));
    }
    outcome.announce(db, key, group, log);
    Ok(())
}

fn check_group(db: &Db, key: Key, group: &[u8]) -> Result<()> {
    let stream = db.get::<Stream>(key)?;
    let exists = stream.is_some_and(|stream| stream.groups.contains_key(group));
    if exists { Ok(()) } else { Err(no_group(db, key, group, "")) }
}

/// Both halves of a stream, the second for writing.
fn entries_and_group<'d>(db: &'d mut Db, key: Key, name: &[u8]) -> Result<Option<(&'d Entries, &'d mut Group)>> {
    let Some(Stream { entries, groups }) = db.get_mut::<Stream>(key)? else { return Ok(None) };
    Ok(groups.get_mut(name).map(|group| (&*entries, group)))
}

/// The first pending entry from an id on.
fn next_pending(group: &Group, from: Option<StreamId>) -> Option<StreamId> {
    group.pending(from?, StreamId::MAX).next().map(|(id, _)| id)
}

/// Logs for entries that are pending who has them, since when, and how often they were delivered.
pub(super) fn log_pending(db: &Db, key: Key, name: &[u8], ids: &[StreamId], log: &mut Propagation) {
    let stream = if log.is_active() { db.peek_as::<Stream>(key) } else { Ok(None) };
    let Some(group) = stream.ok().flatten().and_then(|stream| stream.groups.get(name)) else { return };
    for id in ids {
        let Some(nack) = group.nack(*id) else { continue };
        log.add(XCLAIM, |effect| {
            effect.key(db, key).arg(name).arg(nack.consumer()).arg("0").arg(&*id.to_text());
            effect.arg("TIME").number(nack.delivery_time).arg("RETRYCOUNT").number(nack.delivery_count);
            effect.arg("FORCE").arg("JUSTID").arg("LASTID").arg(&*group.last_id.to_text())
        });
    }
}

/// On which terms entries are claimed.
struct Terms {
    now: u64,
    /// For how many milliseconds they must have been pending.
    min_idle: u64,
    /// When they count as delivered.
    time: u64,
    /// How often they count as delivered; once more than before without.
    retries: Option<u64>,
    /// Entries that are not pending become so.
    force: bool,
    /// Only ids are wanted, so this is no delivery that counts.
    just_id: bool,
}

/// What became of the entries.
#[derive(Default)]
struct Outcome {
    claimed: Vec<StreamId>,
    /// Those that were pending and are no more.
    deleted: Vec<StreamId>,
    /// The claimant came into being.
    created: bool,
    /// The group's last id has changed.
    moved: bool,
}

impl Outcome {
    /// How many entries are not what they were.
    fn len(&self) -> usize {
        self.claimed.len() + self.deleted.len()
    }

    /// Claims one entry.
    fn claim(&mut self, entries: &Entries, group: &mut Group, id: StreamId, consumer: &[u8], terms: &Terms) {
        if !entries.contains(id) {
            self.deleted.extend(group.ack(id).then_some(id));
            return;
        }
        let deliveries = match group.nack(id) {
            Some(nack) if terms.now.saturating_sub(nack.delivery_time) < terms.min_idle => return,
            Some(nack) => nack.delivery_count,
            None if terms.force => 1,
            None => return,
        };
        let deliveries = match terms.retries {
            Some(retries) => retries,
            None if terms.just_id => deliveries,
            None => deliveries.saturating_add(1),
        };
        self.created |= group.create_consumer(consumer, terms.now);
        group.assign(id, consumer, terms.time, deliveries);
        if let Some(consumer) = group.consumer_mut(consumer) {
            consumer.seen_time = terms.now;
            consumer.active_time = Some(terms.now);
        }
        self.claimed.push(id);
    }

    /// Writes what was claimed: entries, or their ids.
    fn write_claimed(&self, entries: &Entries, just_id: bool, reply: &mut Reply) {
        reply.array(self.claimed.len());
        for id in &self.claimed {
            match entries.get(*id).filter(|_| !just_id) {
                Some(entry) => write_entry(&entry, reply),
                None => reply.bulk(&id.to_text()),
            }
        }
    }

    /// Tells what has changed.
    fn announce(&self, db: &mut Db, key: Key, group: &[u8], log: &mut Propagation) {
        db.changed_aside(self.len() as u64 + u64::from(self.moved));
        if self.created {
            db.notify(key, "xgroup-createconsumer");
        }
        log.nothing();
        if !self.deleted.is_empty() {
            log.add(XACK, |effect| {
                self.deleted.iter().fold(effect.key(db, key).arg(group), |effect, id| effect.arg(&*id.to_text()))
            });
        }
        log_pending(db, key, group, &self.claimed, log);
        if self.moved {
            log_position(db, key, group, log);
        }
    }
}

/// The arguments of XCLAIM behind the consumer. Whatever is no id begins the options.
struct Demand {
    min_idle: u64,
    ids: Vec<StreamId>,
    options: ClaimOptions,
}

/// How the entries look when they are claimed.
#[derive(Default)]
struct ClaimOptions {
    delivered: Option<Delivered>,
    retries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

/// When an entry is said to have been delivered.
#[derive(Clone, Copy)]
enum Delivered {
    MillisAgo(i64),
    At(i64),
}

impl ClaimOptions {
    /// When the entries count as delivered. A time that cannot be is no error, since clients reckon with clocks of their
    /// own: it is now instead.
    fn delivered_at(&self, now: u64) -> u64 {
        let at = match self.delivered {
            None => return now,
            Some(Delivered::At(at)) => at,
            Some(Delivered::MillisAgo(millis)) => now.cast_signed().saturating_sub(millis),
        };
        u64::try_from(at).map_or(now, |at| at.min(now))
    }

    /// Takes an option. False if the next argument is none, or lacks its value.
    fn take(&mut self, cursor: &mut Cursor<'_>) -> Result<bool> {
        let has_value = cursor.left() > 1;
        if cursor.take_token("FORCE") {
            self.force = true;
        } else if cursor.take_token("JUSTID") {
            self.just_id = true;
        } else if has_value && cursor.take_token("IDLE") {
            let idle = number(cursor, "ERR Invalid IDLE option argument for XCLAIM")?;
            self.delivered = Some(Delivered::MillisAgo(idle));
        } else if has_value && cursor.take_token("TIME") {
            let time = number(cursor, "ERR Invalid TIME option argument for XCLAIM")?;
            self.delivered = Some(Delivered::At(time));
        } else if has_value && cursor.take_token("RETRYCOUNT") {
            let retries = number(cursor, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
            self.retries = u64::try_from(retries).ok();
        } else if has_value && cursor.take_token("LASTID") {
            self.last_id = id::exact(cursor.next()?)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// Takes a number, with an error of its own.
fn number(cursor: &mut Cursor<'_>, error: &'static str) -> Result<i64> {
    parse_i64(cursor.next()?).ok_or(Error::new(error))
}

impl<'a> Argument<'a> for Demand {
    type Raw = Demand;
    const SHAPE: Shape = Shape::at_least(2).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Inline,
        &[
            ArgDoc::new(ArgKind::String).named("min-idle-time"),
            ArgDoc::new(ArgKind::String).named("id").multiple(),
            ArgDoc::new(ArgKind::Integer).named("ms").token("IDLE").optional(),
            ArgDoc::new(ArgKind::UnixTime).named("unix-time-milliseconds").token("TIME").optional(),
            ArgDoc::new(ArgKind::Integer).named("count").token("RETRYCOUNT").optional(),
            ArgDoc::new(ArgKind::PureToken).named("force").token("FORCE").optional(),
            ArgDoc::new(ArgKind::PureToken).named("justid").token("JUSTID").optional(),
            ArgDoc::new(ArgKind::String).named("lastid").token("LASTID").optional(),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Demand> {
        let min_idle = number(cursor, "ERR Invalid min-idle-time argument for XCLAIM")?;
        let mut ids = Vec::new();
        while let Some(id) = cursor.peek().and_then(|text| id::exact(text).ok()) {
            cursor.next()?;
            ids.push(id);
        }
        let mut options = ClaimOptions::default();
        while let Some(option) = cursor.peek() {
            if !options.take(cursor)? {
                return Err(Error::quoting(&[b"ERR Unrecognized XCLAIM option '", option, b"'"]));
            }
        }
        Ok(Demand { min_idle: u64::try_from(min_idle).unwrap_or(0), ids, options })
    }

    fn value(read: Demand, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

/// What else XAUTOCLAIM is told.
#[derive(Clone, Copy, Options)]
struct AutoOptions {
    /// How many entries to claim.
    count: Option<AutoCount>,
    /// Answer with ids only.
    justid: bool,
}

/// For how long an entry must have been pending for XAUTOCLAIM; what is negative is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AutoMinIdle(u64);

/// How many entries XAUTOCLAIM claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AutoCount(usize);

impl Default for AutoCount {
    fn default() -> Self {
        AutoCount(100)
    }
}

impl<'a> Argument<'a> for AutoMinIdle {
    type Raw = AutoMinIdle;
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::String);

    fn shape(cursor: &mut Cursor<'a>) -> Result<AutoMinIdle> {
        let millis = number(cursor, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
        Ok(AutoMinIdle(u64::try_from(millis).unwrap_or(0)))
    }

    fn value(read: AutoMinIdle, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

impl<'a> Argument<'a> for AutoCount {
    type Raw = AutoCount;
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

    fn shape(cursor: &mut Cursor<'a>) -> Result<AutoCount> {
        /// Redis has room for so many ids of 16 bytes.
        const MOST: i64 = i64::MAX / 16;
        const NOT_POSITIVE: Error = Error::new("ERR COUNT must be > 0");
        match integer(cursor.next()?) {
            Ok(count @ 1..=MOST) => Ok(AutoCount(usize::try_from(count).unwrap_or(usize::MAX))),
            _ => Err(NOT_POSITIVE),
        }
    }

    fn value(read: AutoCount, _: &Context) -> Result<Self> {
        Ok(read)
    }
}
