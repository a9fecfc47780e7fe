//! XGROUP: making groups and consumers, moving and removing them.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;
use redis_core::value::stream::Group;

use super::{FAMILY, id, no_group_at_key};

container!("XGROUP", since = "5.0.0", "Consumer groups: those who read a stream together.");

const NO_KEY: Error = Error::new(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);

/// Creates a consumer group.
#[command(
    "XGROUP CREATE",
    since = "5.0.0",
    complexity = "O(1)",
    flags(DENYOOM),
    history("7.0.0" = "Added the `entries_read` named argument.")
)]
fn xgroup_create(db: &mut Db, #[key(RW, INSERT)] key: Key, group: &[u8], creation: Creation) -> Result<Okay> {
    let Creation { position, make_stream } = creation;
    let existing = db.peek_as::<Stream>(key)?.map(|stream| stream.entries.last_id());
    if existing.is_none() && !make_stream {
        return Err(NO_KEY);
    }
    let last_id = match position.id()? {
        b"$" => existing.unwrap_or_default(),
        text => id::exact(text)?,
    };
    let stream = db.get_or_insert::<Stream>(key)?;
    if stream.groups.contains_key(group) {
        return Err(Error::new("BUSYGROUP Consumer Group name already exists"));
    }
    stream.groups.insert(group.into(), Group::new(last_id, position.entries_read));
    match existing {
        None => db.changed(key, "xgroup-create"),
        Some(_) => changed(db, key, "xgroup-create"),
    }
    Ok(Okay)
}

/// Sets the last-delivered ID of a consumer group.
#[command(
    "XGROUP SETID",
    since = "5.0.0",
    complexity = "O(1)",
    history("7.0.0" = "Added the optional `entries_read` argument.")
)]
fn xgroup_setid(db: &mut Db, #[key(RW, UPDATE)] key: Key, group: &[u8], position: Position) -> Result<Okay> {
    check_group(db, key, group)?;
    let text = position.id()?;
    let Some(stream) = db.get_mut::<Stream>(key)? else { return Err(NO_KEY) };
    let last_id = match text {
        b"$" => stream.entries.last_id(),
        text => id::or_end(text, 0)?,
    };
    if let Some(group) = super::group_mut(stream, group) {
        group.last_id = last_id;
        group.entries_read = position.entries_read;
    }
    changed(db, key, "xgroup-setid");
    Ok(Okay)
}

/// Destroys a consumer group.
#[command(
    "XGROUP DESTROY",
    since = "5.0.0",
    complexity = "O(N) where N is the number of entries in the group's pending entries list (PEL)."
)]
fn xgroup_destroy(db: &mut Db, #[key(RW, DELETE)] key: Key, group: &[u8]) -> Result<bool> {
    let stream = db.get_mut::<Stream>(key)?.ok_or(NO_KEY)?;
    let existed = stream.groups.remove(group).is_some();
    if existed {
        changed(db, key, "xgroup-destroy");
        // Who waits as one of the group has nothing to wait for.
        db.wake(key);
    }
    Ok(existed)
}

/// Creates a consumer in a consumer group.
#[command("XGROUP CREATECONSUMER", since = "6.2.0", complexity = "O(1)", flags(DENYOOM))]
fn xgroup_createconsumer(db: &mut Db, #[key(RW, INSERT)] key: Key, group: &[u8], consumer: &[u8]) -> Result<bool> {
    check_group(db, key, group)?;
    let now = db.now();
    let stream = db.get_mut::<Stream>(key)?.ok_or(NO_KEY)?;
    let created = super::group_mut(stream, group).is_some_and(|group| group.create_consumer(consumer, now));
    if created {
        changed(db, key, "xgroup-createconsumer");
    }
    Ok(created)
}

/// Deletes a consumer from a consumer group. Returns how many pending messages it had.
#[command("XGROUP DELCONSUMER", since = "5.0.0", complexity = "O(1)")]
fn xgroup_delconsumer(db: &mut Db, #[key(RW, DELETE)] key: Key, group: &[u8], consumer: &[u8]) -> Result<usize> {
    check_group(db, key, group)?;
    let stream = db.get_mut::<Stream>(key)?.ok_or(NO_KEY)?;
    let removed = super::group_mut(stream, group).and_then(|group| group.remove_consumer(consumer));
    if removed.is_some() {
        changed(db, key, "xgroup-delconsumer");
    }
    Ok(removed.unwrap_or(0))
}

/// Announces a change of a group.
fn changed(db: &mut Db, key: Key, event: &'static str) {
    db.changed_aside(1);
    db.notify(key, event);
}

/// As an error if there is no such group.
fn check_group(db: &Db, key: Key, group: &[u8]) -> Result<()> {
    match db.peek_as::<Stream>(key)? {
        None => Err(NO_KEY),
        Some(stream) if !stream.groups.contains_key(group) => Err(no_group_at_key(db, key, group)),
        Some(_) => Ok(()),
    }
}

/// Logs how far a group has come.
pub(super) fn log_position(db: &Db, key: Key, name: &[u8], log: &mut Propagation) {
    let stream = if log.is_active() { db.peek_as::<Stream>(key) } else { Ok(None) };
    let Some(group) = stream.ok().flatten().and_then(|stream| stream.groups.get(name)) else { return };
    log.add(XGROUP_SETID, |effect| {
        effect.key(db, key).arg(name).arg(&*group.last_id.to_text()).arg("ENTRIESREAD");
        match group.entries_read {
            Some(read) => effect.number(read),
            None => effect.arg("-1"),
        }
    });
}

/// Where a group is put: behind which entry, and how many entries it has read by then.
///
/// Redis notices too many arguments later than anything that is wrong with one of them, and after it has looked at the
/// key; so that error is kept.
pub(super) struct Position<'a> {
    id: &'a [u8],
    entries_read: Option<u64>,
    surplus: Option<Error>,
}

/// How a group is made.
pub(super) struct Creation<'a> {
    position: Position<'a>,
    /// Whether a missing stream is made too.
    make_stream: bool,
}

impl<'a> Position<'a> {
    /// The text of the id, if there were not too many options.
    fn id(&self) -> Result<&'a [u8]> {
        match &self.surplus {
            Some(error) => Err(error.clone()),
            None => Ok(self.id),
        }
    }

    /// Reads an id and then options, at most so many arguments of them.
    fn read(cursor: &mut Cursor<'a>, most: usize, make_stream: Option<&mut bool>) -> Result<Self> {
        let id = cursor.next()?;
        let surplus = (cursor.left() > most).then(|| cursor.wrong_subcommand());
        let mut position = Position { id, entries_read: None, surplus };
        let mut make_stream = make_stream;
        while cursor.left() > 0 {
            if let Some(make_stream) = &mut make_stream
                && cursor.take_token("MKSTREAM")
            {
                **make_stream = true;
            } else if cursor.left() > 1 && cursor.take_token("ENTRIESREAD") {
                position.entries_read = entries_read(cursor.next()?)?;
            } else {
                return Err(cursor.wrong_subcommand());
            }
        }
        Ok(position)
    }
}

/// Reads a number of entries, or -1 if it is not known.
fn entries_read(text: &[u8]) -> Result<Option<u64>> {
    match integer(text)? {
        -1 => Ok(None),
        number => {
            let number = u64::try_from(number);
            number.map(Some).map_err(|_| Error::new("ERR value for ENTRIESREAD must be positive or -1"))
        }
    }
}

const ID: ArgDoc = ArgDoc::of(
    ArgKind::OneOf,
    &[ArgDoc::new(ArgKind::String).named("id"), ArgDoc::new(ArgKind::PureToken).named("new-id").token("$")],
)
.named("id-selector");
const MKSTREAM: ArgDoc = ArgDoc::new(ArgKind::PureToken).named("mkstream").token("MKSTREAM").optional();
const ENTRIESREAD: ArgDoc = ArgDoc::new(ArgKind::Integer).named("entriesread").token("ENTRIESREAD").optional();

impl<'a> Argument<'a> for Position<'a> {
    type Raw = Position<'a>;
    const SHAPE: Shape = Shape::at_least(1).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, &[ID, ENTRIESREAD]);

    fn shape(cursor: &mut Cursor<'a>) -> Result<Position<'a>> {
        Position::read(cursor, 2, None)
    }

    fn value(read: Position<'a>, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

impl<'a> Argument<'a> for Creation<'a> {
    type Raw = Creation<'a>;
    const SHAPE: Shape = Shape::at_least(1).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, &[ID, MKSTREAM, ENTRIESREAD]);

    fn shape(cursor: &mut Cursor<'a>) -> Result<Creation<'a>> {
        let mut make_stream = false;
        let position = Position::read(cursor, 3, Some(&mut make_stream))?;
        Ok(Creation { position, make_stream })
    }

    fn value(read: Creation<'a>, _: &Context) -> Result<Self> {
        Ok(read)
    }
}
