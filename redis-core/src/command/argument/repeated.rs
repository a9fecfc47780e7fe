//! Arguments made of others: any number of the same, one that may be missing, and some in sequence.

use smallvec::SmallVec;

use super::{Argument, Context, Cursor, KeyShape, Shape, wrong_arity};
use crate::command::docs::{ArgDoc, ArgKind};
use crate::error::Result;

/// Declares the two kinds of repetition, which differ in their least number only.
macro_rules! repetition {
    ($(#[$doc:meta])* $name:ident, $least:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<T>(SmallVec<[T; 6]>);

        impl<T> std::ops::Deref for $name<T> {
            type Target = [T];

            fn deref(&self) -> &[T] {
                &self.0
            }
        }

        impl<T> IntoIterator for $name<T> {
            type Item = T;
            type IntoIter = smallvec::IntoIter<[T; 6]>;

            fn into_iter(self) -> Self::IntoIter {
                self.0.into_iter()
            }
        }

        impl<'t, T> IntoIterator for &'t $name<T> {
            type Item = &'t T;
            type IntoIter = std::slice::Iter<'t, T>;

            fn into_iter(self) -> Self::IntoIter {
                self.0.iter()
            }
        }

        impl<'a, T: Argument<'a>> Argument<'a> for $name<T> {
            type Raw = Cursor<'a>;
            const SHAPE: Shape = Shape::at_least($least * T::SHAPE.min).with_keys(match T::SHAPE.keys {
                KeyShape::Fixed(1) => KeyShape::Repeated { step: T::SHAPE.min },
                _ => KeyShape::None,
            });
            const DOC: ArgDoc = if $least == 0 { T::DOC.multiple().optional() } else { T::DOC.multiple() };

            fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
                let n = cursor.left();
                if n < usize::from(Self::SHAPE.min) || n % usize::from(T::SHAPE.min) != 0 {
                    return Err(wrong_arity(cursor.command()));
                }
                cursor.split(n)
            }

            fn value(mut raw: Cursor<'a>, context: &Context) -> Result<Self> {
                let mut items = SmallVec::with_capacity(raw.left() / usize::from(T::SHAPE.min));
                while raw.left() > 0 {
                    items.push(T::value(T::shape(&mut raw)?, context)?);
                }
                Ok($name(items))
            }
        }
    };
}

repetition! {
    /// One or more of the same, to the end of the arguments.
    Many, 1
}
repetition! {
    /// Any number of the same, to the end of the arguments.
    Rest, 0
}

impl<'a, T: Argument<'a>> Argument<'a> for Option<T> {
    type Raw = Option<T::Raw>;
    const SHAPE: Shape = Shape {
        min: 0,
        fixed: false,
        tokens: T::SHAPE.tokens,
        keys: match T::SHAPE.keys {
            KeyShape::Specs(specs) => KeyShape::Specs(specs),
            _ => KeyShape::None,
        },
    };
    const DOC: ArgDoc = T::DOC.optional();

    fn shape(cursor: &mut Cursor<'a>) -> Result<Option<T::Raw>> {
        if cursor.left() == 0 {
            return Ok(None);
        }
        if T::TOKENED { T::try_shape(cursor) } else { T::shape(cursor).map(Some) }
    }

    fn check_shape(raw: &Option<T::Raw>) -> Result<()> {
        raw.as_ref().map_or(Ok(()), T::check_shape)
    }

    fn value(raw: Option<T::Raw>, context: &Context) -> Result<Self> {
        raw.map(|raw| T::value(raw, context)).transpose()
    }
}

/// Tuples: one after the other.
macro_rules! tuple {
    ($($ty:ident $raw:ident),+) => {
        impl<'a, $($ty: Argument<'a>),+> Argument<'a> for ($($ty,)+) {
            type Raw = ($($ty::Raw,)+);
            const SHAPE: Shape = {
                let mut shape = Shape::exactly(0);
                let mut keys = KeyShape::None;
                $(
                    if shape.min == 0 {
                        keys = $ty::SHAPE.keys;
                    }
                    shape.min += $ty::SHAPE.min;
                    shape.fixed = shape.fixed && $ty::SHAPE.fixed;
                )+
                shape.with_keys(keys)
            };
            const DOC: ArgDoc = ArgDoc::of(ArgKind::Block, &[$($ty::DOC),+]);

            fn shape(cursor: &mut Cursor<'a>) -> Result<Self::Raw> {
                Ok(($($ty::shape(cursor)?,)+))
            }

            fn value(raw: Self::Raw, context: &Context) -> Result<Self> {
                let ($($raw,)+) = raw;
                Ok(($($ty::value($raw, context)?,)+))
            }
        }
    };
}

tuple!(A a, B b);
tuple!(A a, B b, C c);
