//! BITFIELD and BITFIELD_RO: a string as a record of integers.
//!
//! The operations of a request are read one after the other, each completely before the next, and none is done before
//! all are understood. Then the string is made long enough for whatever is written, once, and they are done in order.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num;
use redis_core::prelude::*;

use super::field::{FieldType, Overflow};
use super::{FAMILY, INVALID_OFFSET};

const ENCODING: ArgDoc = ArgDoc::new(ArgKind::String).named("encoding");
const OFFSET: ArgDoc = ArgDoc::new(ArgKind::Integer).named("offset");
const VALUE: ArgDoc = ArgDoc::new(ArgKind::Integer).named("value");
const INCREMENT: ArgDoc = ArgDoc::new(ArgKind::Integer).named("increment");

const GET: ArgDoc = ArgDoc::of(ArgKind::Block, &[ENCODING, OFFSET]).named("get-block").token("GET");
const SET: ArgDoc = ArgDoc::of(ArgKind::Block, &[ENCODING, OFFSET, VALUE]).named("set-block").token("SET");
const INCRBY: ArgDoc = ArgDoc::of(ArgKind::Block, &[ENCODING, OFFSET, INCREMENT]).named("incrby-block").token("INCRBY");
const OVERFLOW: ArgDoc = ArgDoc::of(
    ArgKind::OneOf,
    &[
        ArgDoc::new(ArgKind::PureToken).named("wrap").token("WRAP"),
        ArgDoc::new(ArgKind::PureToken).named("sat").token("SAT"),
        ArgDoc::new(ArgKind::PureToken).named("fail").token("FAIL"),
    ],
)
.named("overflow-block")
.token("OVERFLOW")
.optional();
const WRITE: ArgDoc =
    ArgDoc::of(ArgKind::Block, &[OVERFLOW, ArgDoc::of(ArgKind::OneOf, &[SET, INCRBY]).named("write-operation")])
        .named("write");

/// What BITFIELD is asked to do, not yet understood: what an offset may be is known to the handler only.
struct Operations<'a>(Cursor<'a>);

impl<'a> Argument<'a> for Operations<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(0);
    const DOC: ArgDoc = ArgDoc::of(ArgKind::OneOf, &[GET, WRITE]).named("operation").multiple().optional();

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        cursor.split(cursor.left())
    }

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(Operations(raw))
    }
}

/// What BITFIELD_RO is asked to do: the same, but reading is all that is allowed.
struct Reads<'a>(Operations<'a>);

impl<'a> Argument<'a> for Reads<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(0);
    const DOC: ArgDoc = GET.multiple().multiple_token().optional();

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        Operations::shape(cursor)
    }

    fn value(raw: Cursor<'a>, context: &Context) -> Result<Self> {
        Operations::value(raw, context).map(Reads)
    }
}

/// One of the operations.
#[derive(Clone, Copy, Debug)]
struct Operation {
    field: FieldType,
    offset: u64,
    /// What is written; nothing by GET.
    write: Option<Write>,
}

/// An operation that writes, and what it does with a result that does not fit.
#[derive(Clone, Copy, Debug)]
struct Write {
    change: Change,
    overflow: Overflow,
}

/// What is written.
#[derive(Clone, Copy, Debug)]
enum Change {
    Set(i64),
    Add(i64),
}

impl Operations<'_> {
    /// Reads all operations. An offset must lie within `max_bytes`.
    fn read(&self, max_bytes: u64) -> Result<Vec<Operation>> {
        let Operations(mut cursor) = *self;
        let mut overflow = Overflow::default();
        let mut operations = Vec::new();
        while cursor.left() > 0 {
            let change: Option<fn(i64) -> Change> = if cursor.take_token("GET") {
                None
            } else if cursor.take_token("SET") {
                Some(Change::Set)
            } else if cursor.take_token("INCRBY") {
                Some(Change::Add)
            } else if cursor.take_token("OVERFLOW") {
                overflow = read_overflow(cursor.next()?)?;
                continue;
            } else {
                return Err(Error::SYNTAX);
            };
            // Whether all arguments are there comes before what they are.
            let mut arguments = cursor.split(if change.is_some() { 3 } else { 2 })?;
            let field = FieldType::parse(arguments.next()?)?;
            let offset = read_offset(arguments.next()?, field, max_bytes)?;
            let write = match change {
                None => None,
                Some(change) => {
                    let number = num::parse_i64(arguments.next()?).ok_or(Error::NOT_INTEGER)?;
                    Some(Write { change: change(number), overflow })
                }
            };
            operations.push(Operation { field, offset, write });
        }
        Ok(operations)
    }
}

fn read_overflow(name: &[u8]) -> Result<Overflow> {
    let is = |token: &str| name.eq_ignore_ascii_case(token.as_bytes());
    match () {
        () if is("WRAP") => Ok(Overflow::Wrap),
        () if is("SAT") => Ok(Overflow::Sat),
        () if is("FAIL") => Ok(Overflow::Fail),
        () => Err(Error::new("ERR Invalid OVERFLOW type specified")),
    }
}

/// A number of bits, or with `#` of fields of this type. As in Redis, the product is that of 64 bits.
fn read_offset(text: &[u8], field: FieldType, max_bytes: u64) -> Result<u64> {
    let offset = match text {
        [b'#', fields @ ..] => num::parse_i64(fields).map(|fields| fields.wrapping_mul(i64::from(field.bits()))),
        bits => num::parse_i64(bits),
    };
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    offset.filter(|offset| offset / 8 < max_bytes).ok_or(INVALID_OFFSET)
}

/// Reads and changes integers of any width inside a string.
///
/// Answers for each operation the number read, the number before it was set, or the sum; nothing for one that was not
/// done because the result does not fit. The string is made, or made longer, so that all that is written has a place.
#[command(
    since = "3.2.0",
    complexity = "O(1) for each operation.",
    flags(DENYOOM),
    reply = Array(&OneOf(&[Integer, Null]))
)]
fn bitfield(
    db: &mut Db,
    server: &Server,
    #[key(RW, ACCESS, UPDATE, VARIABLE_FLAGS)] key: Key,
    operations: Operations,
    reply: &mut Reply,
) -> Result<()> {
    let operations = operations.read(server.config.proto_max_bulk_len.get())?;
    let ends = operations.iter().filter(|operation| operation.write.is_some());
    let Some(end) = ends.map(|operation| operation.offset + u64::from(operation.field.bits())).max() else {
        return read_all(db, key, &operations, reply);
    };
    let former_len = db.peek_as::<Str>(key)?.map(Str::len);
    let len = usize::try_from(end.div_ceil(8)).map_err(|_| INVALID_OFFSET)?.max(former_len.unwrap_or(0));
    let grows = former_len != Some(len);
    let bytes = db.resize_string(key, len)?;
    let mut changes = 0;
    reply.array(operations.len());
    for operation in operations {
        let changed = perform(operation, bytes, reply);
        changes += u64::from(changed.is_some_and(|changed| changed || grows));
    }
    if changes > 0 {
        db.changed_by(key, "setbit", changes);
    } else if grows {
        // Longer is different, even if nothing was written into what is new; Redis has no event for it.
        db.changed_quietly(key);
    }
    Ok(())
}

/// Does one operation and replies to it. Answers whether the value is another one now; nothing if it was left alone.
fn perform(operation: Operation, bytes: &mut [u8], reply: &mut Reply) -> Option<bool> {
    let Operation { field, offset, write } = operation;
    let former = field.read(bytes, offset);
    let Some(Write { change, overflow }) = write else {
        write_number(former, reply);
        return None;
    };
    let wanted = match change {
        Change::Set(value) => field.given(value),
        Change::Add(increment) => former + i128::from(increment),
    };
    let Some(value) = field.fit(wanted, overflow) else {
        reply.nil();
        return None;
    };
    field.write(bytes, offset, value);
    write_number(if matches!(change, Change::Set(_)) { former } else { value }, reply);
    Some(former != value)
}

/// Replies a number of a field: there is no type that has larger ones than a reply.
fn write_number(number: i128, reply: &mut Reply) {
    reply.integer(number as i64);
}

/// Reads integers of any width inside a string.
#[command(
    "BITFIELD_RO",
    since = "6.0.0",
    complexity = "O(1) for each operation.",
    flags(FAST),
    reply = Array(&Integer)
)]
fn bitfield_ro(
    db: &Db,
    server: &Server,
    key: Key,
    #[arg(name = "get-block")] operations: Reads,
    reply: &mut Reply,
) -> Result<()> {
    let operations = operations.0.read(server.config.proto_max_bulk_len.get())?;
    if operations.iter().any(|operation| operation.write.is_some()) {
        return Err(Error::new("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read_all(db, key, &operations, reply)
}

fn read_all(db: &Db, key: Key, operations: &[Operation], reply: &mut Reply) -> Result<()> {
    let bytes = db.get::<Str>(key)?.map_or(&[][..], Str::as_bytes);
    reply.array(operations.len());
    for Operation { field, offset, .. } in operations {
        write_number(field.read(bytes, *offset), reply);
    }
    Ok(())
}
