//! The arguments that name fields or members one by one: options, the word FIELDS or MEMBERS, a number, and so many names.
//!
//! The number says nothing that the arguments do not say themselves, and must be right nevertheless. (Valkey's COMMAND DOCS
//! mostly gives it a key specification, as if it were a key; ours does not.)

use std::marker::PhantomData;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, integer};
use redis_core::prelude::*;

/// What the elements of a collection are called.
pub(crate) trait Noun {
    /// The word before the number.
    const TOKEN: &'static str;
    /// What is said of a wrong number.
    const WRONG_NUMBER: Error;
    /// Number and names, for COMMAND DOCS.
    const PARTS: &'static [ArgDoc];
}

/// Fields of a hash.
#[derive(Clone, Copy)]
pub(crate) struct Field;

impl Noun for Field {
    const TOKEN: &'static str = "FIELDS";
    const WRONG_NUMBER: Error =
        Error::new("ERR numfields should be greater than 0 and match the provided number of fields");
    const PARTS: &'static [ArgDoc] =
        &[ArgDoc::new(ArgKind::Integer).named("numfields"), ArgDoc::new(ArgKind::String).named("field").multiple()];
}

/// Members of a set or a sorted set.
#[derive(Clone, Copy)]
pub(crate) struct Member;

impl Noun for Member {
    const TOKEN: &'static str = "MEMBERS";
    const WRONG_NUMBER: Error =
        Error::new("ERR nummembers should be greater than 0 and match the provided number of members");
    const PARTS: &'static [ArgDoc] =
        &[ArgDoc::new(ArgKind::Integer).named("nummembers"), ArgDoc::new(ArgKind::String).named("member").multiple()];
}

/// Takes the word, a number, and the rest of the arguments, which must be so many times `width`.
pub(crate) fn counted<'a, N: Noun>(cursor: &mut Cursor<'a>, width: usize) -> Result<Cursor<'a>> {
    if !cursor.take_token(N::TOKEN) {
        return Err(Error::SYNTAX);
    }
    let number = integer(cursor.next()?)?;
    let left = cursor.left();
    let wanted = usize::try_from(number).ok().and_then(|number| number.checked_mul(width));
    if left == 0 || wanted != Some(left) {
        return Err(N::WRONG_NUMBER);
    }
    cursor.split(left)
}

/// `FIELDS numfields field ...` or `MEMBERS nummembers member ...`
#[derive(Clone, Copy)]
pub(crate) struct Names<'a, N>(Cursor<'a>, PhantomData<N>);

/// `FIELDS numfields field ...`
pub(crate) type Fields<'a> = Names<'a, Field>;
/// `MEMBERS nummembers member ...`
pub(crate) type Members<'a> = Names<'a, Member>;

impl<'a, N> Names<'a, N> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.left()
    }

    /// The names in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a, N> {
        let mut rest = self.0;
        std::iter::from_fn(move || rest.next().ok())
    }
}

impl<'a, N: Noun> Argument<'a> for Names<'a, N> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(3).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Block, N::PARTS).token(N::TOKEN);

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        counted::<N>(cursor, 1)
    }

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(Names(raw, PhantomData))
    }
}

/// [`Names`] of commands that only ask about them: to these a wrong number is a syntax error.
pub(crate) struct Asked<'a, N>(pub(crate) Names<'a, N>);

impl<'a, N: Noun> Argument<'a> for Asked<'a, N> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Names::<'a, N>::SHAPE;
    const DOC: ArgDoc = Names::<'a, N>::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        counted::<N>(cursor, 1).map_err(|error| if error == N::WRONG_NUMBER { Error::SYNTAX } else { error })
    }

    fn value(raw: Cursor<'a>, context: &Context) -> Result<Self> {
        Names::value(raw, context).map(Asked)
    }
}

/// Options in front of the word. That word is looked for first, and only what stands before it is read as options: so
/// where it is missing nothing else is wrong.
pub(crate) struct Before<N, T>(pub(crate) T, PhantomData<N>);

/// Options in front of FIELDS.
pub(crate) type BeforeFields<T> = Before<Field, T>;
/// Options in front of MEMBERS.
pub(crate) type BeforeMembers<T> = Before<Member, T>;

impl<'a, N: Noun, T: Argument<'a>> Argument<'a> for Before<N, T> {
    type Raw = T::Raw;
    const SHAPE: Shape = T::SHAPE;
    const DOC: ArgDoc = T::DOC;

    fn shape(cursor: &mut Cursor<'a>) -> Result<T::Raw> {
        // What is kept for the names may hold options too, if there are not enough names.
        cursor.reserve(0);
        let mut ahead = *cursor;
        let mut options = 0;
        while !ahead.take_token(N::TOKEN) {
            ahead.next().map_err(|_| N::WRONG_NUMBER)?;
            options += 1;
        }
        if ahead.left() == 0 {
            return Err(N::WRONG_NUMBER);
        }
        let mut before = cursor.split(options)?;
        let raw = T::shape(&mut before)?;
        before.finish(true)?;
        T::check_shape(&raw)?;
        Ok(raw)
    }

    fn value(raw: T::Raw, context: &Context) -> Result<Self> {
        Ok(Before(T::value(raw, context)?, PhantomData))
    }
}
