//! From return values to replies.

use smallvec::SmallVec;

use super::argument::{Keys, Timeout};
use super::def::{Outcome, Waiting};
use super::schema::Schema;
use crate::db::Key;
use crate::error::{Error, Result};
use crate::num::LongDouble;
use crate::resp::Reply;
use crate::value::{Element, Kind, Str};

/// A type that a handler may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply of a command",
    label = "no reply can be made of this",
    note = "return an integer, `bool`, `f64`, `&Str`, `&[u8]`, `&str`, `Bulk`, `Simple`, `Okay`, `Map`, `SetOf`, `Option<_>`, `Vec<_>` or a tuple of these, or `Result<_>` of one; or take `reply: &mut Reply` and return nothing"
)]
pub trait IntoReply: Sized {
    /// The shape of the reply.
    const SCHEMA: Schema;

    /// Writes the reply.
    fn write(self, reply: &mut Reply);

    /// Writes what stands for a missing value of this type.
    fn write_nil(reply: &mut Reply) {
        reply.nil();
    }

    /// Writes what a command that waited for this answers when its time is over.
    fn write_timeout(reply: &mut Reply) {
        reply.nil_array();
    }
}

/// What a handler as a whole may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a command returns",
    label = "no reply can be made of this",
    note = "return an integer, `bool`, `f64`, `&Str`, `&[u8]`, `&str`, `Bulk`, `Simple`, `Okay`, `Map`, `SetOf`, `Option<_>`, `Vec<_>` or a tuple of these; `Result<_>` or `Wait<_>` of one; or take `reply: &mut Reply` and return nothing"
)]
pub trait IntoOutcome {
    /// The shape of the reply.
    const SCHEMA: Schema;

    /// Writes the reply, unless there is an error or the command has to wait.
    ///
    /// # Errors
    /// The error that the handler returned.
    fn into_outcome(self, reply: &mut Reply) -> Result<Outcome>;
}

impl<T: IntoReply> IntoOutcome for T {
    const SCHEMA: Schema = <T as IntoReply>::SCHEMA;

    #[inline]
    fn into_outcome(self, reply: &mut Reply) -> Result<Outcome> {
        self.write(reply);
        Ok(Outcome::Done)
    }
}

impl<T: IntoOutcome> IntoOutcome for Result<T> {
    const SCHEMA: Schema = T::SCHEMA;

    #[inline]
    fn into_outcome(self, reply: &mut Reply) -> Result<Outcome> {
        self?.into_outcome(reply)
    }
}

/// What a command that may block returns. It borrows nothing, so that handlers need not name a lifetime.
///
/// The wait ends with a null array when its time is over, as those of Redis do that wait for a key, unless `T` says
/// otherwise. Where waiting is not possible (inside EXEC), the answer is `T`'s nil.
pub enum Wait<T> {
    /// It did not need to wait.
    Ready(T),
    /// Run it again when one of the keys changes.
    For(WaitKeys, Timeout),
    /// Run it again when one of the keys holds a value of this kind, and then as if it had asked for that key only: an
    /// element goes to those who wait for the key that it came to, whatever happened to the other keys meanwhile.
    ForOne(WaitKeys, Kind, Timeout),
}

/// The keys that a command waits for: `key.into()`, `keys.into()` or collected.
#[derive(Clone, Debug, Default)]
pub struct WaitKeys {
    keys: SmallVec<[Key; 4]>,
    remembered: Vec<(usize, Box<[u8]>)>,
}

impl WaitKeys {
    /// Puts `text` in the place of argument `index` of the request when the command runs again: for arguments that
    /// stand for what was there when the wait began (`$` of XREAD).
    pub fn remember(&mut self, index: usize, text: impl Into<Box<[u8]>>) {
        self.remembered.push((index, text.into()));
    }
}

impl FromIterator<Key> for WaitKeys {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        WaitKeys { keys: keys.into_iter().collect(), remembered: Vec::new() }
    }
}

impl From<Keys<'_>> for WaitKeys {
    fn from(keys: Keys<'_>) -> Self {
        keys.iter().collect()
    }
}

impl From<Key> for WaitKeys {
    fn from(key: Key) -> Self {
        [key].into_iter().collect()
    }
}

impl<T: IntoReply> IntoOutcome for Wait<T> {
    const SCHEMA: Schema = Schema::OneOf(&[<T as IntoReply>::SCHEMA, Schema::Null]);

    fn into_outcome(self, reply: &mut Reply) -> Result<Outcome> {
        let (keys, kind, timeout) = match self {
            Wait::Ready(value) => return value.into_outcome(reply),
            Wait::For(keys, timeout) => (keys, None, timeout),
            Wait::ForOne(keys, kind, timeout) => (keys, Some(kind), timeout),
        };
        Ok(Outcome::Wait(Box::new(Waiting {
            keys: keys.keys,
            remembered: keys.remembered,
            kind,
            timeout: timeout.0,
            instead: T::write_nil,
            at_timeout: T::write_timeout,
        })))
    }
}

/// `+OK`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Okay;

/// A status: `+TEXT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simple(pub &'static str);

/// A string that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulk(pub Vec<u8>);

/// A map, in the order of its pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Map<K, V>(pub Vec<(K, V)>);

/// A set, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub struct SetOf<T>(pub Vec<T>);

impl<T: AsRef<[u8]> + ?Sized> From<&T> for Bulk {
    fn from(bytes: &T) -> Self {
        Bulk(bytes.as_ref().to_vec())
    }
}

impl From<Vec<u8>> for Bulk {
    fn from(bytes: Vec<u8>) -> Self {
        Bulk(bytes)
    }
}

macro_rules! replies {
    ($(($($generic:tt)*) $ty:ty, $schema:ident, |$value:ident, $reply:ident| $write:expr;)*) => {$(
        impl<$($generic)*> IntoReply for $ty {
            const SCHEMA: Schema = Schema::$schema;

            #[inline]
            fn write(self, $reply: &mut Reply) {
                let $value = self;
                $write
            }
        }
    )*};
}

replies! {
    () (), Nothing, |_value, _reply| ();
    () Okay, Status, |_value, reply| reply.simple("OK");
    () Simple, Status, |value, reply| reply.simple(value.0);
    () i64, Integer, |value, reply| reply.integer(value);
    () u64, Integer, |value, reply| reply.integer(i64::try_from(value).unwrap_or(i64::MAX));
    () usize, Integer, |value, reply| reply.integer(i64::try_from(value).unwrap_or(i64::MAX));
    () bool, Integer, |value, reply| reply.integer(i64::from(value));
    () f64, Double, |value, reply| reply.double(value);
    () LongDouble, Double, |value, reply| {
        let mut digits = Vec::new();
        value.format(&mut digits);
        reply.double_digits(&digits);
    };
    () &[u8], Bulk, |value, reply| reply.bulk(value);
    () &Str, Bulk, |value, reply| reply.bulk(value.as_bytes());
    () &str, Bulk, |value, reply| reply.bulk(value.as_bytes());
    () String, Bulk, |value, reply| reply.bulk(value.as_bytes());
    () Bulk, Bulk, |value, reply| reply.bulk(&value.0);
    () Element<'_>, Bulk, |value, reply| match value {
        Element::Int(number) => reply.bulk_integer(number),
        Element::Bytes(bytes) => reply.bulk(bytes),
    };
    () Error, Nothing, |value, reply| reply.error(value.bytes());
}

impl<T: IntoReply> IntoReply for Option<T> {
    const SCHEMA: Schema = Schema::OneOf(&[<T as IntoReply>::SCHEMA, Schema::Null]);

    #[inline]
    fn write(self, reply: &mut Reply) {
        match self {
            Some(value) => value.write(reply),
            None => T::write_nil(reply),
        }
    }

    fn write_nil(reply: &mut Reply) {
        T::write_nil(reply);
    }
}

impl<T: IntoReply> IntoReply for Vec<T> {
    const SCHEMA: Schema = Schema::Array(&<T as IntoReply>::SCHEMA);

    fn write(self, reply: &mut Reply) {
        reply.array(self.len());
        self.into_iter().for_each(|item| item.write(reply));
    }

    fn write_nil(reply: &mut Reply) {
        reply.nil_array();
    }
}

impl<T: IntoReply> IntoReply for SetOf<T> {
    const SCHEMA: Schema = Schema::Set(&<T as IntoReply>::SCHEMA);

    fn write(self, reply: &mut Reply) {
        reply.set(self.0.len());
        self.0.into_iter().for_each(|item| item.write(reply));
    }
}

impl<K: IntoReply, V: IntoReply> IntoReply for Map<K, V> {
    const SCHEMA: Schema = Schema::Map(&<K as IntoReply>::SCHEMA, &<V as IntoReply>::SCHEMA);

    fn write(self, reply: &mut Reply) {
        reply.map(self.0.len());
        for (key, value) in self.0 {
            key.write(reply);
            value.write(reply);
        }
    }
}

impl<A: IntoReply, B: IntoReply> IntoReply for (A, B) {
    const SCHEMA: Schema = Schema::Tuple(&[<A as IntoReply>::SCHEMA, <B as IntoReply>::SCHEMA]);

    fn write(self, reply: &mut Reply) {
        reply.array(2);
        self.0.write(reply);
        self.1.write(reply);
    }

    fn write_nil(reply: &mut Reply) {
        reply.nil_array();
    }
}

impl<A: IntoReply, B: IntoReply, C: IntoReply> IntoReply for (A, B, C) {
    const SCHEMA: Schema =
        Schema::Tuple(&[<A as IntoReply>::SCHEMA, <B as IntoReply>::SCHEMA, <C as IntoReply>::SCHEMA]);

    fn write(self, reply: &mut Reply) {
        reply.array(3);
        self.0.write(reply);
        self.1.write(reply);
        self.2.write(reply);
    }

    fn write_nil(reply: &mut Reply) {
        reply.nil_array();
    }
}
