//! Deleting entries by their ids, with or without what groups remember of them.
//!
//! An entry that is pending in a group when it is deleted stays pending there: whoever reads it again is told that it is
//! gone. XDELEX and XACKDEL let the caller choose. (Both are newer than Valkey 9.1; they follow Redis 8.2.)

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num::parse_i64;
use redis_core::prelude::*;
use redis_core::value::stream::{References, StreamId};

use super::{FAMILY, id, references};

/// Returns the number of messages after removing them from a stream.
#[command(
    since = "5.0.0",
    complexity = "O(1) for each single item to delete in the stream, regardless of the stream size.",
    flags(FAST)
)]
fn xdel(db: &mut Db, #[key(RW, DELETE)] key: Key, #[arg(name = "id")] ids: Many<&[u8]>) -> Result<usize> {
    let Some(stream) = db.get_mut::<Stream>(key)? else { return Ok(0) };
    let ids = ids.iter().map(|id| id::exact(id)).collect::<Result<Vec<_>>>()?;
    let deleted = ids.into_iter().filter(|id| stream.entries.delete(*id)).count();
    if deleted > 0 {
        db.changed_by(key, "xdel", deleted as u64);
    }
    Ok(deleted)
}

/// Deletes messages from a stream, and tells for each what became of it: 1 if it was deleted, -1 if there is none, 2 if
/// it was not deleted because a consumer group has still to do with it.
#[command(
    since = "8.2.0",
    complexity = "O(1) for each single item to delete in the stream, regardless of the stream size.",
    flags(FAST)
)]
fn xdelex(db: &mut Db, #[key(RW, DELETE)] key: Key, deletion: Deletion) -> Result<Vec<i64>> {
    let Deletion { references, ids } = deletion;
    let Some(stream) = db.get_mut::<Stream>(key)? else { return Ok(vec![Fate::Missing as i64; ids.len()]) };
    let mut forgotten = 0;
    let delete = |id: &StreamId| {
        let exists = stream.entries.contains(*id);
        match references {
            References::Acked if exists && stream.is_referenced(*id) => return Fate::Referenced,
            References::DelRef => forgotten += u64::from(stream.forget(*id)),
            _ => {}
        }
        if exists && stream.entries.delete(*id) { Fate::Deleted } else { Fate::Missing }
    };
    let fates: Vec<Fate> = ids.iter().map(delete).collect();
    announce(db, key, &fates, forgotten);
    Ok(fates.into_iter().map(|fate| fate as i64).collect())
}

/// Acknowledges messages for a consumer group and deletes them from the stream, and tells for each what became of it: 1
/// if it was acknowledged and deleted, -1 if it is not pending in the group, 2 if it was acknowledged, but not deleted
/// because a consumer group has still to do with it.
#[command(since = "8.2.0", complexity = "O(1) for each message ID processed.", flags(FAST))]
fn xackdel(db: &mut Db, #[key(RW, DELETE)] key: Key, group: &[u8], deletion: Deletion) -> Result<Vec<i64>> {
    let Deletion { references, ids } = deletion;
    let stream = db.get_mut::<Stream>(key)?.filter(|stream| stream.groups.contains_key(group));
    let Some(stream) = stream else { return Ok(vec![Fate::Missing as i64; ids.len()]) };
    let mut acknowledged = 0;
    let delete = |id: &StreamId| {
        if !super::group_mut(stream, group).is_some_and(|group| group.ack(*id)) {
            return Fate::Missing;
        }
        acknowledged += 1;
        match references {
            References::Acked if stream.is_referenced(*id) => return Fate::Referenced,
            References::DelRef => drop(stream.forget(*id)),
            _ => {}
        }
        stream.entries.delete(*id);
        Fate::Deleted
    };
    let fates: Vec<Fate> = ids.iter().map(delete).collect();
    announce(db, key, &fates, acknowledged);
    Ok(fates.into_iter().map(|fate| fate as i64).collect())
}

/// Announces what was deleted; `aside` is how often something changed for groups only.
fn announce(db: &mut Db, key: Key, fates: &[Fate], aside: u64) {
    let deleted = fates.iter().filter(|fate| **fate == Fate::Deleted).count();
    db.changed_aside(aside);
    if deleted > 0 {
        db.changed_by(key, "xdel", deleted as u64);
    }
}

/// What became of an id; the number is what the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Missing = -1,
    Deleted = 1,
    Referenced = 2,
}

/// What XDELEX and XACKDEL delete, and how: a choice, and the ids behind the word IDS, in either order.
struct Deletion {
    references: References,
    ids: Vec<StreamId>,
}

impl<'a> Argument<'a> for Deletion {
    type Raw = Deletion;
    const SHAPE: Shape = Shape::at_least(3).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Inline,
        &[
            references::DOC,
            ArgDoc::of(
                ArgKind::Block,
                &[ArgDoc::new(ArgKind::Integer).named("numids"), ArgDoc::new(ArgKind::String).named("id").multiple()],
            )
            .named("ids")
            .token("IDS"),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Deletion> {
        let (mut references, mut ids) = (None, None);
        while cursor.left() > 0 {
            if ids.is_none() && cursor.take_token("IDS") {
                ids = Some(counted(cursor)?);
            } else if references.is_none()
                && let Some(choice) = references::take(cursor)
            {
                references = Some(choice);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        let ids = ids.ok_or(Error::SYNTAX)?;
        Ok(Deletion { references: references.unwrap_or_default(), ids })
    }

    fn value(read: Deletion, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

/// Takes a number, and that many ids.
fn counted(cursor: &mut Cursor<'_>) -> Result<Vec<StreamId>> {
    const NO_NUMBER: Error = Error::new("ERR Number of IDs must be a positive integer");
    const TOO_FEW: Error = Error::new("ERR The `numids` parameter must match the number of arguments");
    let number = parse_i64(cursor.next()?).and_then(|number| usize::try_from(number).ok());
    let mut ids = cursor.split(number.filter(|number| *number > 0).ok_or(NO_NUMBER)?).map_err(|_| TOO_FEW)?;
    let mut read = Vec::with_capacity(ids.left());
    while ids.left() > 0 {
        read.push(id::exact(ids.next()?)?);
    }
    Ok(read)
}
