//! XADD and XSETID.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer, wrong_arity};
use redis_core::prelude::*;
use redis_core::value::listpack::SAFETY_LIMIT;
use redis_core::value::stream::{AppendError, NewId, StreamId};

use super::FAMILY;
use super::id;
use super::references;
use super::trim::{self, TrimOptions, Trimming};

/// Appends a new message to a stream. Creates the key if it doesn't exist.
#[command(
    since = "5.0.0",
    complexity = "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
    flags(DENYOOM, FAST),
    tips(NONDETERMINISTIC_OUTPUT),
    history(
        "6.2.0" = "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option.",
        "7.0.0" = "Added support for the `<ms>-*` explicit ID form.",
        "8.2.0" = "Added the `KEEPREF`, `DELREF` and `ACKED` options."
    )
)]
fn xadd(db: &mut Db, #[key(RW, UPDATE)] key: Key, addition: Addition, log: &mut Propagation) -> Result<Option<Added>> {
    let Addition { only_existing, trimming, wanted, fields } = addition;
    if wanted == NewId::Exact(StreamId::MIN) {
        return Err(Error::new("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (now, limits) = (db.now(), db.limits());
    // Whatever can be refused is refused before the key comes into being.
    let id = match db.peek_as::<Stream>(key)? {
        None if only_existing => return Ok(None),
        None => Stream::new().entries.new_id(wanted, now),
        Some(stream) => stream.entries.new_id(wanted, now),
    };
    let (id, pairs) = (id.map_err(refusal)?, fields.pairs());
    if pairs.iter().map(|(field, value)| field.len() + value.len()).sum::<usize>() > SAFETY_LIMIT {
        return Err(refusal(AppendError::TooLarge));
    }
    let stream = db.get_or_insert::<Stream>(key)?;
    stream.entries.append(id, &pairs, &limits).map_err(refusal)?;
    let trimmed = trimming.map_or(0, |trimming| trimming.run(stream, &limits));
    let left = trimming.map(|trimming| trimming.what_is_left(&stream.entries));
    db.changed(key, "xadd");
    if trimmed > 0 {
        db.notify(key, "xtrim");
    }
    log.rewrite(XADD, |effect| {
        effect.key(db, key);
        if only_existing {
            effect.arg("NOMKSTREAM");
        }
        effect.options(&left.filter(|_| trimmed > 0)).arg(&*id.to_text());
        pairs.iter().fold(effect, |effect, (field, value)| effect.arg(field).arg(value))
    });
    Ok(Some(Added(id)))
}

/// Redis's words for an entry that cannot be added.
fn refusal(error: AppendError) -> Error {
    Error::new(match error {
        AppendError::Exhausted => "ERR The stream has exhausted the last possible ID, unable to add more items",
        AppendError::NotAbove => "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        AppendError::TooLarge => "ERR Elements are too large to be stored",
    })
}

/// The id of the new entry; without one, a null.
struct Added(StreamId);

impl IntoReply for Added {
    const SCHEMA: Schema = Schema::Bulk;

    fn write(self, reply: &mut Reply) {
        reply.bulk(&self.0.to_text());
    }
}

/// What XADD adds, and how: options, an id, and the fields.
///
/// The id is the first argument that is no option. Its text decides where the fields begin, so all is read in one go.
pub(super) struct Addition<'a> {
    only_existing: bool,
    trimming: Option<Trimming>,
    wanted: NewId,
    fields: Fields<'a>,
}

/// Fields and values by turns.
#[derive(Clone, Copy)]
struct Fields<'a>(Cursor<'a>);

impl<'a> Fields<'a> {
    fn pairs(mut self) -> Vec<(&'a [u8], &'a [u8])> {
        let mut pairs = Vec::with_capacity(self.0.left() / 2);
        while let (Ok(field), Ok(value)) = (self.0.next(), self.0.next()) {
            pairs.push((field, value));
        }
        pairs
    }
}

impl<'a> Argument<'a> for Addition<'a> {
    type Raw = Addition<'a>;
    const SHAPE: Shape = Shape::at_least(3);
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Inline,
        &[
            ArgDoc::new(ArgKind::PureToken).named("nomkstream").token("NOMKSTREAM").since("6.2.0").optional(),
            references::DOC,
            trim::DOC.optional(),
            ArgDoc::of(
                ArgKind::OneOf,
                &[
                    ArgDoc::new(ArgKind::PureToken).named("auto-id").token("*"),
                    ArgDoc::new(ArgKind::String).named("id"),
                ],
            )
            .named("id-selector"),
            ArgDoc::of(
                ArgKind::Block,
                &[ArgDoc::new(ArgKind::String).named("field"), ArgDoc::new(ArgKind::String).named("value")],
            )
            .named("data")
            .multiple(),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Addition<'a>> {
        let (mut only_existing, mut options) = (false, TrimOptions::default());
        while cursor.left() > 0 {
            if cursor.take_token("NOMKSTREAM") {
                only_existing = true;
            } else if !options.take(cursor)? {
                break;
            }
        }
        // Options to the end: there is neither an id nor a field.
        let wanted = cursor.peek().map(|_| NewId::parse(cursor.next()?).ok_or(id::INVALID)).transpose()?;
        let trimming = options.finish()?;
        let left = cursor.left();
        match wanted {
            Some(wanted) if left >= 2 && left.is_multiple_of(2) => {
                Ok(Addition { only_existing, trimming, wanted, fields: Fields(cursor.split(left)?) })
            }
            _ => Err(wrong_arity(cursor.command())),
        }
    }

    fn value(read: Addition<'a>, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

/// Sets what a stream remembers: its last id, how many entries it ever got, and the greatest id deleted. Internal.
#[command(
    since = "5.0.0",
    complexity = "O(1)",
    flags(DENYOOM, FAST),
    history("7.0.0" = "Added the `entries_added` and `max_deleted_entry_id` arguments.")
)]
fn xsetid(db: &mut Db, #[key(RW, UPDATE)] key: Key, memory: Memory) -> Result<Okay> {
    const BELOW_TOP: Error = Error::new("ERR The ID specified in XSETID is smaller than the target stream top item");
    const TOO_FEW: Error =
        Error::new("ERR The entries_added specified in XSETID is smaller than the target stream length");
    let Memory { last_id, entries_added, max_deleted_id } = memory;
    let entries = &mut db.get_mut::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?.entries;
    if entries.last().is_some_and(|top| last_id < top.id) {
        return Err(BELOW_TOP);
    }
    if entries_added.is_some_and(|number| number < entries.len()) {
        return Err(TOO_FEW);
    }
    entries.set_id(last_id, entries_added, max_deleted_id.filter(|id| *id != StreamId::MIN));
    db.changed_aside(1);
    db.notify(key, "xsetid");
    Ok(Okay)
}

/// What a stream remembers, as XSETID is told it.
#[derive(Clone, Copy)]
struct Memory {
    last_id: StreamId,
    /// How many entries were ever added; left as it is without.
    entries_added: Option<u64>,
    /// The greatest id deleted; left as it is without, and if it is 0-0.
    max_deleted_id: Option<StreamId>,
}

impl<'a> Argument<'a> for Memory {
    type Raw = Memory;
    const SHAPE: Shape = Shape::at_least(1).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Inline,
        &[
            ArgDoc::new(ArgKind::String).named("last-id"),
            ArgDoc::new(ArgKind::Integer).named("entries-added").token("ENTRIESADDED").since("7.0.0").optional(),
            ArgDoc::new(ArgKind::String).named("max-deleted-id").token("MAXDELETEDID").since("7.0.0").optional(),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Memory> {
        const NEGATIVE: Error = Error::new("ERR entries_added must be positive");
        const BELOW_DELETED: Error =
            Error::new("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
        let mut memory = Memory { last_id: id::exact(cursor.next()?)?, entries_added: None, max_deleted_id: None };
        while cursor.left() > 0 {
            if cursor.left() > 1 && cursor.take_token("ENTRIESADDED") {
                let number = u64::try_from(integer(cursor.next()?)?);
                memory.entries_added = Some(number.map_err(|_| NEGATIVE)?);
            } else if cursor.left() > 1 && cursor.take_token("MAXDELETEDID") {
                let deleted = id::exact(cursor.next()?)?;
                if memory.last_id < deleted {
                    return Err(BELOW_DELETED);
                }
                memory.max_deleted_id = Some(deleted);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(memory)
    }

    fn value(read: Memory, _: &Context) -> Result<Self> {
        Ok(read)
    }
}
