//! Keys: one, several side by side, all that are left, or as many as a number says.

use super::{Argument, Context, Cursor, KeyShape, Shape, wrong_arity};
use crate::command::docs::{ArgDoc, ArgKind};
use crate::db::Key;
use crate::error::{Error, Result};
use crate::num;

impl<'a> Argument<'a> for Key {
    type Raw = Key;
    const SHAPE: Shape = Shape::exactly(1).with_keys(KeyShape::Fixed(1));
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Key).key_spec(0);

    #[inline]
    fn shape(cursor: &mut Cursor<'a>) -> Result<Key> {
        cursor.next_key()
    }

    #[inline]
    fn value(raw: Key, _: &Context) -> Result<Key> {
        Ok(raw)
    }
}

impl<'a, const N: usize> Argument<'a> for [Key; N] {
    type Raw = [Key; N];
    const SHAPE: Shape = Shape::exactly(N as u16).with_keys(KeyShape::Fixed(N as u16));
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Inline,
        &[ArgDoc::new(ArgKind::Key).named("key1").key_spec(0), ArgDoc::new(ArgKind::Key).named("key2").key_spec(0)],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<[Key; N]> {
        Ok(cursor.next_keys(N)?.0.try_into().expect("next_keys answers as many as asked for"))
    }

    fn value(raw: [Key; N], _: &Context) -> Result<Self> {
        Ok(raw)
    }
}

/// One or more keys.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a>(pub(crate) &'a [Key]);

impl<'a> Keys<'a> {
    /// The keys in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Key> + DoubleEndedIterator + 'a {
        self.0.iter().copied()
    }

    /// How many they are.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The keys as a slice.
    #[must_use]
    pub fn as_slice(self) -> &'a [Key] {
        self.0
    }
}

impl<'a> Argument<'a> for Keys<'a> {
    type Raw = Keys<'a>;
    const SHAPE: Shape = Shape::at_least(1).with_keys(KeyShape::Repeated { step: 1 });
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Key).named("key").key_spec(0).multiple();

    fn shape(cursor: &mut Cursor<'a>) -> Result<Keys<'a>> {
        match cursor.left() {
            0 => Err(wrong_arity(cursor.command())),
            n => cursor.next_keys(n),
        }
    }

    fn value(raw: Keys<'a>, _: &Context) -> Result<Self> {
        Ok(raw)
    }
}

/// A number of keys, then the keys. `MIN` is the least number: 0 or 1.
#[derive(Clone, Copy, Debug)]
pub struct NumKeys<'a, const MIN: usize>(pub Keys<'a>);

impl<'a, const MIN: usize> std::ops::Deref for NumKeys<'a, MIN> {
    type Target = Keys<'a>;

    fn deref(&self) -> &Keys<'a> {
        &self.0
    }
}

impl<'a, const MIN: usize> Argument<'a> for NumKeys<'a, MIN> {
    type Raw = Keys<'a>;
    const SHAPE: Shape = Shape::at_least(1 + MIN as u16).with_keys(KeyShape::Counted { step: 1 });
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::Inline,
        &[
            ArgDoc::new(ArgKind::Integer).named("numkeys"),
            ArgDoc::new(ArgKind::Key).named("key").key_spec(0).multiple(),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Keys<'a>> {
        let n = num::parse_i64(cursor.next()?).and_then(|n| usize::try_from(n).ok()).filter(|n| *n >= MIN);
        let n = n.ok_or(Error::new("ERR numkeys should be greater than 0"))?;
        cursor.next_keys(n)
    }

    fn value(raw: Keys<'a>, _: &Context) -> Result<Self> {
        Ok(NumKeys(raw))
    }
}
