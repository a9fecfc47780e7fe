//! Arguments that are converted sooner or later than the passes would, where Redis reports their errors elsewhere.

use std::marker::PhantomData;

use super::{Argument, Context, Cursor, Shape};
use crate::command::docs::ArgDoc;
use crate::error::Result;

/// An argument that is converted only when the handler asks, for the few commands that look at the key first.
#[derive(Clone, Copy)]
pub struct Lazy<'a, T> {
    raw: &'a [u8],
    context: Context,
    convert: PhantomData<T>,
}

impl<'a, T: Argument<'a, Raw = &'a [u8]>> Lazy<'a, T> {
    /// Converts the argument.
    ///
    /// # Errors
    /// The error of `T`.
    pub fn get(&self) -> Result<T> {
        T::value(self.raw, &self.context)
    }
}

impl<'a, T: Argument<'a, Raw = &'a [u8]>> Argument<'a> for Lazy<'a, T> {
    type Raw = &'a [u8];
    const SHAPE: Shape = T::SHAPE;
    const DOC: ArgDoc = T::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        T::shape(cursor)
    }

    fn value(raw: &'a [u8], context: &Context) -> Result<Self> {
        Ok(Lazy { raw, context: *context, convert: PhantomData })
    }
}

/// An argument that is converted at once, for the few commands that read their options one by one, so that an option's
/// value is refused before the token behind it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Early<T>(pub T);

impl<'a, T: Argument<'a, Raw = &'a [u8]>> Argument<'a> for Early<T> {
    type Raw = T;
    const SHAPE: Shape = T::SHAPE;
    const DOC: ArgDoc = T::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<T> {
        let context = Context { command: cursor.command(), now: 0 };
        T::value(T::shape(cursor)?, &context)
    }

    fn value(raw: T, _: &Context) -> Result<Self> {
        Ok(Early(raw))
    }
}

/// Arguments to the end of the request that are looked at only when the handler asks: for commands whose answer does not
/// depend on their options when the key is missing, and which then accept any.
#[derive(Clone, Copy)]
pub struct Late<'a, T> {
    rest: Cursor<'a>,
    context: Context,
    read: PhantomData<T>,
}

impl<'a, T: Argument<'a>> Late<'a, T> {
    /// Both passes at once.
    ///
    /// # Errors
    /// Those of `T`, and the error for surplus arguments.
    pub fn get(&self) -> Result<T> {
        let mut rest = self.rest;
        let raw = T::shape(&mut rest)?;
        rest.finish(T::SHAPE.tokens)?;
        T::check_shape(&raw)?;
        T::value(raw, &self.context)
    }
}

impl<'a, T: Argument<'a>> Argument<'a> for Late<'a, T> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = T::SHAPE;
    const DOC: ArgDoc = T::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        cursor.split(cursor.left())
    }

    fn value(rest: Cursor<'a>, context: &Context) -> Result<Self> {
        Ok(Late { rest, context: *context, read: PhantomData })
    }
}
