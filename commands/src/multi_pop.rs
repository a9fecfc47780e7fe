//! What LMPOP and ZMPOP have in common, with the commands that wait for what these pop.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;
use redis_core::value::Value;

/// The first of the keys that holds a `T`. A key before it that holds something else is an error.
pub(crate) fn first_of<T: Value>(db: &mut Db, keys: Keys<'_>) -> Result<Option<Key>> {
    for key in keys.iter() {
        if db.get_mut::<T>(key)?.is_some() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// What was found, or else the wait for a value of that kind at one of the keys.
pub(crate) fn ready_or_wait<T>(found: Option<T>, keys: impl Into<WaitKeys>, kind: Kind, timeout: Timeout) -> Wait<T> {
    match found {
        Some(value) => Wait::Ready(value),
        None => Wait::ForOne(keys.into(), kind, timeout),
    }
}

/// What was popped, and from which key, is in the reply already. Where nothing was, the reply is a null array.
pub(crate) struct Popped;

impl IntoReply for Popped {
    // What that is, the commands say.
    const SCHEMA: Schema = Schema::Any;

    fn write(self, _: &mut Reply) {}

    fn write_nil(reply: &mut Reply) {
        reply.nil_array();
    }
}

/// How many elements to pop, at least one. It is read in the first pass, before what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PopCount(pub(crate) usize);

impl Default for PopCount {
    fn default() -> Self {
        PopCount(1)
    }
}

impl<'a> Argument<'a> for PopCount {
    type Raw = PopCount;
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer).named("count");

    fn shape(cursor: &mut Cursor<'a>) -> Result<PopCount> {
        const TOO_SMALL: Error = Error::new("ERR count should be greater than 0");
        match integer(cursor.next()?) {
            Ok(count @ 1..) => Ok(PopCount(usize::try_from(count).unwrap_or(usize::MAX))),
            _ => Err(TOO_SMALL),
        }
    }

    fn value(count: PopCount, _: &Context) -> Result<Self> {
        Ok(count)
    }
}
