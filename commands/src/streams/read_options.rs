//! The arguments of XREAD and XREADGROUP: options, then the word STREAMS, as many keys, and as many ids.
//!
//! Redis reads them one by one and refuses the first that is wrong. What the ids mean, and whether they are ids at all,
//! is looked at stream by stream, after the stream itself; so here they stay texts.

use redis_core::command::{ArgDoc, ArgKind, Begin, Cursor, Find, KeyFlags, KeyShape, KeySpec, Shape, integer};
use redis_core::prelude::*;

/// A group, and who reads as one of it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
}

/// A stream that is read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) key: Key,
    /// What is to be read: entries behind this.
    pub(super) after: &'a [u8],
    /// The position of that argument.
    pub(super) index: usize,
}

/// What is read, and how.
pub(super) struct Reading<'a> {
    /// How many entries of each stream; all, if it is not positive.
    pub(super) count: i64,
    /// How long to wait if there is nothing; not at all without.
    pub(super) block: Option<Timeout>,
    /// Whether entries count as acknowledged at once.
    pub(super) no_ack: bool,
    reader: Option<Reader<'a>>,
    pub(super) sources: Vec<Source<'a>>,
}

/// The arguments of XREAD.
pub(super) struct PlainReading<'a>(pub(super) Reading<'a>);

/// The arguments of XREADGROUP.
pub(super) struct GroupReading<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) reading: Reading<'a>,
}

impl<'a> Reading<'a> {
    fn read(cursor: &mut Cursor<'a>, for_group: bool) -> Result<Self> {
        const NO_ACK: Error =
            Error::new("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
        const GROUP: Error =
            Error::new("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
        const UNBALANCED: Error =
            Error::new("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
        const NO_GROUP: Error = Error::new("ERR Missing GROUP option for XREADGROUP");
        let mut reading = Reading { count: 0, block: None, no_ack: false, reader: None, sources: Vec::new() };
        loop {
            // Each option but NOACK is one only if something follows.
            let left = cursor.left();
            if left > 1 && cursor.take_token("BLOCK") {
                reading.block = Some(Timeout::from_millis(cursor.next()?)?);
            } else if left > 1 && cursor.take_token("COUNT") {
                reading.count = integer(cursor.next()?)?;
            } else if left > 1 && cursor.take_token("STREAMS") {
                if !cursor.left().is_multiple_of(2) {
                    return Err(UNBALANCED);
                }
                break;
            } else if left > 2 && cursor.take_token("GROUP") {
                if !for_group {
                    return Err(GROUP);
                }
                reading.reader = Some(Reader { group: cursor.next()?, consumer: cursor.next()? });
            } else if cursor.take_token("NOACK") {
                if !for_group {
                    return Err(NO_ACK);
                }
                reading.no_ack = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if for_group && reading.reader.is_none() {
            return Err(NO_GROUP);
        }
        let keys = cursor.next_keys(cursor.left() / 2)?;
        for key in keys.iter() {
            let index = cursor.index();
            reading.sources.push(Source { key, after: cursor.next()?, index });
        }
        Ok(reading)
    }
}

const COUNT: ArgDoc = ArgDoc::new(ArgKind::Integer).named("count").token("COUNT").optional();
const BLOCK: ArgDoc = ArgDoc::new(ArgKind::Integer).named("milliseconds").token("BLOCK").optional();
const STREAMS: ArgDoc = ArgDoc::of(
    ArgKind::Block,
    &[
        ArgDoc::new(ArgKind::Key).named("key").key_spec(0).multiple(),
        ArgDoc::new(ArgKind::String).named("id").multiple(),
    ],
)
.named("streams")
.token("STREAMS");

/// The keys are the first half of what stands behind the word STREAMS.
const fn keys_from(from: i16) -> KeySpec {
    KeySpec {
        flags: KeyFlags::RO.union(KeyFlags::ACCESS),
        begin: Begin::Keyword { token: "STREAMS", from },
        find: Find::Range { last: -1, step: 1, limit: 2 },
    }
}

impl<'a> Argument<'a> for PlainReading<'a> {
    type Raw = PlainReading<'a>;
    const SHAPE: Shape = Shape::at_least(3).with_tokens().with_keys(KeyShape::Specs(&[keys_from(1)]));
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, &[COUNT, BLOCK, STREAMS]);

    fn shape(cursor: &mut Cursor<'a>) -> Result<PlainReading<'a>> {
        Reading::read(cursor, false).map(PlainReading)
    }

    fn value(read: PlainReading<'a>, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

impl<'a> Argument<'a> for GroupReading<'a> {
    type Raw = GroupReading<'a>;
    const SHAPE: Shape = Shape::at_least(6).with_tokens().with_keys(KeyShape::Specs(&[keys_from(4)]));
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Inline,
        &[
            ArgDoc::of(
                ArgKind::Block,
                &[ArgDoc::new(ArgKind::String).named("group"), ArgDoc::new(ArgKind::String).named("consumer")],
            )
            .named("group-block")
            .token("GROUP"),
            COUNT,
            BLOCK,
            ArgDoc::new(ArgKind::PureToken).named("noack").token("NOACK").optional(),
            STREAMS,
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<GroupReading<'a>> {
        let reading = Reading::read(cursor, true)?;
        let reader = reading.reader.ok_or(Error::SYNTAX)?;
        Ok(GroupReading { reader, reading })
    }

    fn value(read: GroupReading<'a>, _: &Context) -> Result<Self> {
        Ok(read)
    }
}
