//! The arguments of HSETEX that are no names alone.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

use crate::member_expiry::{Field, counted};

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
        counted::<Field>(cursor, 2)
    }

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(FieldValues(raw))
    }
}
