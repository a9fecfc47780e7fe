//! The arguments that the commands for single fields share: options, the word FIELDS, a number, and so many fields.
//!
//! The number says nothing that the arguments do not say themselves, and must be right nevertheless. (Valkey's COMMAND DOCS
//! mostly gives it a key specification, as if it were a key; ours does not.)

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;

const WRONG_NUMBER: Error =
    Error::new("ERR numfields should be greater than 0 and match the provided number of fields");

/// Takes the word FIELDS, a number, and the rest of the arguments, which must be so many times `width`.
fn counted<'a>(cursor: &mut Cursor<'a>, width: usize) -> Result<Cursor<'a>> {
    if !cursor.take_token("FIELDS") {
        return Err(Error::SYNTAX);
    }
    let number = integer(cursor.next()?)?;
    let left = cursor.left();
    let wanted = usize::try_from(number).ok().and_then(|number| number.checked_mul(width));
    if left == 0 || wanted != Some(left) {
        return Err(WRONG_NUMBER);
    }
    cursor.split(left)
}

/// `FIELDS numfields field ...`
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(Cursor<'a>);

impl<'a> Fields<'a> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.left()
    }

    /// The fields in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || rest.next().ok())
    }
}

impl<'a> Argument<'a> for Fields<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(3).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Block,
        &[ArgDoc::new(ArgKind::Integer).named("numfields"), ArgDoc::new(ArgKind::String).named("field").multiple()],
    )
    .token("FIELDS");

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        counted(cursor, 1)
    }

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(Fields(raw))
    }
}

/// [`Fields`] of commands that only ask about them: to these a wrong number is a syntax error.
pub(super) struct AskedFields<'a>(pub(super) Fields<'a>);

impl<'a> Argument<'a> for AskedFields<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Fields::SHAPE;
    const DOC: ArgDoc = Fields::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        counted(cursor, 1).map_err(|error| if error == WRONG_NUMBER { Error::SYNTAX } else { error })
    }

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(AskedFields(Fields(raw)))
    }
}

/// `FIELDS numfields field value ...`
#[derive(Clone, Copy)]
pub(super) struct FieldValues<'a>(Cursor<'a>);

impl<'a> FieldValues<'a> {
    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.0.left() / 2
    }

    /// The fields with their values, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || Some((rest.next().ok()?, rest.next().ok()?)))
    }
}

impl<'a> Argument<'a> for FieldValues<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(4).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Block,
        &[
            ArgDoc::new(ArgKind::Integer).named("numfields"),
            ArgDoc::of(
                ArgKind::Block,
                &[ArgDoc::new(ArgKind::String).named("field"), ArgDoc::new(ArgKind::String).named("value")],
            )
            .named("data")
            .multiple(),
        ],
    )
    .token("FIELDS");

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        counted(cursor, 2)
    }

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(FieldValues(raw))
    }
}

/// Options in front of the word FIELDS. That word is looked for first, and only what stands before it is read as options:
/// so where it is missing nothing else is wrong.
pub(super) struct BeforeFields<T>(pub(super) T);

impl<'a, T: Argument<'a>> Argument<'a> for BeforeFields<T> {
    type Raw = T::Raw;
    const SHAPE: Shape = T::SHAPE;
    const DOC: ArgDoc = T::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<T::Raw> {
        // What is kept for the fields may hold options too, if there are not enough fields.
        cursor.reserve(0);
        let mut ahead = *cursor;
        let mut options = 0;
        while !ahead.take_token("FIELDS") {
            ahead.next().map_err(|_| WRONG_NUMBER)?;
            options += 1;
        }
        if ahead.left() == 0 {
            return Err(WRONG_NUMBER);
        }
        let mut before = cursor.split(options)?;
        let raw = T::shape(&mut before)?;
        before.finish(true)?;
        T::check_shape(&raw)?;
        Ok(raw)
    }

    fn value(raw: T::Raw, context: &Context) -> Result<Self> {
        T::value(raw, context).map(Self)
    }
}
