//! `UnixTime`: an argument that is a point in time, as the commands about deadlines take it.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

/// A point in time in seconds or milliseconds since 1970; what it leads to depends on the command.
#[derive(Clone, Copy)]
pub(crate) struct UnixTime(pub(crate) i64);

impl<'a> Argument<'a> for UnixTime {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::UnixTime);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        redis_core::command::integer(raw).map(UnixTime)
    }
}
