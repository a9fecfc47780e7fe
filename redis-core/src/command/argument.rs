//! From arguments to parameters: what a type must tell so that a handler can ask for it.
//!
//! A request is understood in two passes, because Redis reports its errors in that order. The *shape* pass walks the
//! arguments once from left to right and looks at tokens and counts only; what it keeps are raw slices. The *value*
//! pass then converts them, left to right, each type with its own error. Whatever concerns the keyspace comes after
//! both, in the handler.

use std::time::Duration;

use smallvec::SmallVec;

use super::docs::{ArgDoc, ArgKind};
use super::flags::{Begin, Find, KeyFlags, KeySpec};
use crate::args::Args;
use crate::db::{Deadline, Key};
use crate::error::{Error, Result};
use crate::num::{self, LongDouble};

/// How many arguments a parameter takes, and which of them are keys.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The least number of arguments.
    pub min: u16,
    /// Whether it always takes exactly that many.
    pub fixed: bool,
    /// Whether it looks for tokens (surplus arguments are then a syntax error).
    pub tokens: bool,
    /// Which arguments are keys.
    pub keys: KeyShape,
}

/// Which arguments of a parameter are keys.
#[derive(Clone, Copy, Debug)]
pub enum KeyShape {
    /// None.
    None,
    /// This many, side by side.
    Fixed(u16),
    /// One in every `step`, to the parameter's end.
    Repeated {
        /// Distance between keys.
        step: u16,
    },
    /// A number, then that many, `step` apart.
    Counted {
        /// Distance between keys.
        step: u16,
    },
    /// As these specifications say (keys inside options).
    Specs(&'static [KeySpec]),
}

impl Shape {
    /// Exactly `n` arguments, no key.
    #[must_use]
    pub const fn exactly(n: u16) -> Self {
        Shape { min: n, fixed: true, tokens: false, keys: KeyShape::None }
    }

    /// `n` or more arguments, no key.
    #[must_use]
    pub const fn at_least(n: u16) -> Self {
        Shape { min: n, fixed: false, tokens: false, keys: KeyShape::None }
    }

    /// The same with keys.
    #[must_use]
    pub const fn with_keys(mut self, keys: KeyShape) -> Self {
        self.keys = keys;
        self
    }

    /// The same, looking for tokens.
    #[must_use]
    pub const fn with_tokens(mut self) -> Self {
        self.tokens = true;
        self
    }
}

/// What the value pass knows beside the arguments.
#[derive(Clone, Copy)]
pub struct Context {
    /// The command's name as errors show it: `set`, `config|get`.
    pub command: &'static str,
    /// The time of the command, in milliseconds since 1970.
    pub now: u64,
}

impl Context {
    /// `wrong number of arguments for '...' command`
    #[must_use]
    pub fn wrong_arity(&self) -> Error {
        wrong_arity(self.command)
    }

    /// `invalid expire time in '...' command`
    #[must_use]
    pub fn invalid_expire(&self) -> Error {
        Error::from(format!("ERR invalid expire time in '{}' command", self.command))
    }
}

/// `wrong number of arguments for '...' command`
#[must_use]
pub fn wrong_arity(command: &str) -> Error {
    Error::from(format!("ERR wrong number of arguments for '{command}' command"))
}

/// A type that a handler may take as a parameter and that comes from the request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a command",
    label = "not an argument and not something the server provides",
    note = "a parameter comes from the request (`Key`, `Keys`, `NumKeys<1>`, `i64`, `f64`, `&[u8]`, `String`, `Many<_>`, `Rest<_>`, `Option<_>`, a type with `#[derive(Options)]`) or from the server (`&Db`, `&mut Db`, `&Keyspace`, `&mut Keyspace`, `&Server`, `&mut Client`, `&mut Reply`, `&mut Propagation`, or `Caller` for an `async fn`)"
)]
pub trait Argument<'a>: Sized {
    /// What the shape pass keeps for the value pass.
    type Raw;
    /// How many arguments it takes, and which are keys.
    const SHAPE: Shape;
    /// Its place in COMMAND DOCS; without a name it gets the parameter's. Key specifications count from 0 here.
    const DOC: ArgDoc;
    /// Whether it begins with a token of its own (an `enum` of options).
    const TOKENED: bool = false;

    /// First pass: take the arguments, looking at tokens and counts only.
    ///
    /// # Errors
    /// A syntax or arity error.
    fn shape(cursor: &mut Cursor<'a>) -> Result<Self::Raw>;

    /// As `shape`, but answers `None` and takes nothing if the next argument is none of its tokens.
    ///
    /// # Errors
    /// A syntax error behind the token.
    fn try_shape(cursor: &mut Cursor<'a>) -> Result<Option<Self::Raw>> {
        Self::shape(cursor).map(Some)
    }

    /// Between the passes, when the shape of all arguments is known: refuse what does not go together.
    ///
    /// # Errors
    /// Incompatible options, in their own words.
    fn check_shape(_raw: &Self::Raw) -> Result<()> {
        Ok(())
    }

    /// Second pass: convert.
    ///
    /// # Errors
    /// The error of this type for a value that it does not accept.
    fn value(raw: Self::Raw, context: &Context) -> Result<Self>;
}

/// A place among the arguments, moving forward.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    args: Args<'a>,
    keys: &'a [Key],
    next: usize,
    end: usize,
    command: &'static str,
}

impl<'a> Cursor<'a> {
    /// At argument `next`. `keys` are those of the key walk.
    #[must_use]
    pub fn new(args: Args<'a>, keys: &'a [Key], next: usize, command: &'static str) -> Self {
        Cursor { args, keys, next, end: args.len(), command }
    }

    /// Leaves the last `n` arguments to later parameters.
    #[inline]
    pub fn reserve(&mut self, n: usize) {
        self.end = self.args.len().saturating_sub(n).max(self.next);
    }

    /// The index of the next argument in the request.
    #[must_use]
    pub fn index(&self) -> usize {
        self.next
    }

    /// How many arguments are left.
    #[must_use]
    #[inline]
    pub fn left(&self) -> usize {
        self.end - self.next
    }

    /// The next argument, without taking it.
    #[must_use]
    #[inline]
    pub fn peek(&self) -> Option<&'a [u8]> {
        (self.next < self.end).then(|| self.args.get(self.next))
    }

    /// Takes the next argument; a syntax error if there is none.
    ///
    /// # Errors
    /// [`Error::SYNTAX`]
    #[expect(clippy::should_implement_trait, reason = "the end of the arguments is an error, not the end of a loop")]
    #[inline]
    pub fn next(&mut self) -> Result<&'a [u8]> {
        let arg = self.peek().ok_or(Error::SYNTAX)?;
        self.next += 1;
        Ok(arg)
    }

    /// Takes the next argument if it is `token`, in any case.
    #[inline]
    pub fn take_token(&mut self, token: &str) -> bool {
        let found = self.peek().is_some_and(|arg| arg.eq_ignore_ascii_case(token.as_bytes()));
        self.next += usize::from(found);
        found
    }

    /// Takes the next argument as a key. It must be one that the declaration announced.
    ///
    /// # Errors
    /// [`Error::SYNTAX`] at the end, [`Error::UNDECLARED_KEY`] if the key walk did not find it.
    #[inline]
    pub fn next_key(&mut self) -> Result<Key> {
        self.peek().ok_or(Error::SYNTAX)?;
        let at = self.next as u32;
        // The walk finds keys in the order of the arguments, so the first that is left is the one in all but odd cases.
        let key = match self.keys.first() {
            Some(key) if key.index == at => *key,
            _ => *self.keys.iter().find(|key| key.index == at).ok_or(Error::UNDECLARED_KEY)?,
        };
        if let [first, rest @ ..] = self.keys
            && first.index == at
        {
            self.keys = rest;
        }
        self.next += 1;
        Ok(key)
    }

    /// Takes the next `n` arguments, all keys.
    ///
    /// # Errors
    /// [`Error::SYNTAX`] if there are fewer, [`Error::UNDECLARED_KEY`] if the key walk did not find them.
    pub fn next_keys(&mut self, n: usize) -> Result<Keys<'a>> {
        if n > self.left() {
            return Err(Error::SYNTAX);
        }
        let first = self.keys.iter().position(|key| key.index as usize >= self.next).unwrap_or(self.keys.len());
        let keys = self.keys.get(first..first + n).ok_or(Error::UNDECLARED_KEY)?;
        let expected = self.next..self.next + n;
        if !keys.iter().map(|key| key.index as usize).eq(expected) {
            return Err(Error::UNDECLARED_KEY);
        }
        self.next += n;
        Ok(Keys(keys))
    }

    /// The cursor over the next `n` arguments alone, which are taken.
    ///
    /// # Errors
    /// [`Error::SYNTAX`] if there are fewer.
    pub fn split(&mut self, n: usize) -> Result<Cursor<'a>> {
        if n > self.left() {
            return Err(Error::SYNTAX);
        }
        let part = Cursor { end: self.next + n, ..*self };
        self.next += n;
        Ok(part)
    }

    /// The command's name as errors show it.
    #[must_use]
    pub fn command(&self) -> &'static str {
        self.command
    }

    /// The command's name as the client wrote it.
    #[must_use]
    pub fn written_name(&self) -> &'a [u8] {
        self.args.get(0)
    }

    /// The error of subcommands that count their arguments themselves, as they were before subcommands had an arity.
    #[must_use]
    pub fn wrong_subcommand(&self) -> Error {
        let container = self.command.split('|').next().unwrap_or_default().to_uppercase();
        let (name, container) = (self.args.get(1), container.as_bytes());
        let before: &[u8] = b"ERR unknown subcommand or wrong number of arguments for '";
        Error::quoting(&[before, name, b"'. Try ", container, b" HELP."])
    }

    /// The error for surplus arguments, if there are any.
    ///
    /// # Errors
    /// A syntax error where the command has tokens, an arity error where it has none.
    #[inline]
    pub fn finish(&self, syntax: bool) -> Result<()> {
        match self.left() {
            0 => Ok(()),
            _ if syntax => Err(Error::SYNTAX),
            _ => Err(wrong_arity(self.command)),
        }
    }
}

/// Types that stand for one argument and are converted by a function.
macro_rules! single {
    ($($ty:ty, $kind:ident, $name:literal, $convert:expr;)*) => {$(
        impl<'a> Argument<'a> for $ty {
            type Raw = &'a [u8];
            const SHAPE: Shape = Shape::exactly(1);
            const DOC: ArgDoc = ArgDoc::new(ArgKind::$kind).named($name);

            #[inline]
            fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
                cursor.next()
            }

            #[inline]
            fn value(raw: &'a [u8], context: &Context) -> Result<Self> {
                let convert: fn(&'a [u8], &Context) -> Result<Self> = $convert;
                convert(raw, context)
            }
        }
    )*};
}

single! {
    &'a [u8], String, "", |raw, _| Ok(raw);
    Vec<u8>, String, "", |raw, _| Ok(raw.to_vec());
    String, String, "", |raw, _| String::from_utf8(raw.to_vec()).map_err(|_| {
        Error::new("ERR value is not valid UTF-8")
    });
    i64, Integer, "", |raw, _| integer(raw);
    i32, Integer, "", |raw, _| i32::try_from(integer(raw)?).map_err(|_| {
        Error::new("ERR value is out of range, value must between -2147483648 and 2147483647")
    });
    u64, Integer, "", |raw, _| num::parse_u64(raw).ok_or(Error::NOT_INTEGER);
    f64, Double, "", |raw, _| num::parse_f64(raw).ok_or(Error::NOT_FLOAT);
    LongDouble, Double, "", |raw, _| LongDouble::parse(raw).ok_or(Error::NOT_FLOAT);
    Count, Integer, "", |raw, _| match num::parse_i64(raw) {
        Some(n) if n >= 0 => Ok(Count(n)),
        _ => Err(Error::NOT_POSITIVE),
    };
    Pattern<'a>, Pattern, "", |raw, _| Ok(Pattern(raw));
    ScanCursor, Integer, "cursor", |raw, _| ScanCursor::parse(raw).ok_or(Error::INVALID_CURSOR);
    Timeout, Double, "", |raw, _| Timeout::parse(raw);
    Seconds, Integer, "seconds", |raw, context| relative(raw, 1000, context).map(Seconds);
    Millis, Integer, "milliseconds", |raw, context| relative(raw, 1, context).map(Millis);
    UnixSeconds, UnixTime, "unix-time-seconds", |raw, context| absolute(raw, 1000, context).map(UnixSeconds);
    UnixMillis, UnixTime, "unix-time-milliseconds", |raw, context| absolute(raw, 1, context).map(UnixMillis);
}

/// Parses a 64-bit integer as Redis does.
///
/// # Errors
/// [`Error::NOT_INTEGER`]
pub fn integer(raw: &[u8]) -> Result<i64> {
    num::parse_i64(raw).ok_or(Error::NOT_INTEGER)
}

/// A number that must not be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub i64);

impl Count {
    /// The number as a length; what does not fit is as good as unlimited.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A glob pattern.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a>(pub &'a [u8]);

/// The cursor of a SCAN-like command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanCursor(pub u64);

impl ScanCursor {
    /// Reads what C's `strtoul` accepts without blanks: leading zeros and signs count, and no digit at all is zero.
    fn parse(raw: &[u8]) -> Option<Self> {
        let (negative, digits) = match raw {
            [] => return Some(ScanCursor(0)),
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        if digits.is_empty() {
            return None;
        }
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        })?;
        Some(ScanCursor(if negative { number.wrapping_neg() } else { number }))
    }
}

/// A time to live in seconds, as the deadline it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Deadline);

/// A time to live in milliseconds, as the deadline it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Millis(pub Deadline);

/// A deadline in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixSeconds(pub Deadline);

/// A deadline in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixMillis(pub Deadline);

/// A time to live must be positive and its end representable.
fn relative(raw: &[u8], unit: i64, context: &Context) -> Result<Deadline> {
    let amount = integer(raw)?;
    positive(amount, unit)
        .and_then(|millis| millis.checked_add(i64::try_from(context.now).ok()?))
        .map(|at| Deadline::at(at.unsigned_abs()))
        .ok_or_else(|| context.invalid_expire())
}

/// A deadline must be positive; it may have passed.
fn absolute(raw: &[u8], unit: i64, context: &Context) -> Result<Deadline> {
    let amount = integer(raw)?;
    positive(amount, unit).map(|at| Deadline::at(at.unsigned_abs())).ok_or_else(|| context.invalid_expire())
}

fn positive(amount: i64, unit: i64) -> Option<i64> {
    (amount > 0).then(|| amount.checked_mul(unit)).flatten()
}

/// How long a blocking command waits; zero is for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timeout(pub Option<Duration>);

impl Timeout {
    fn parse(raw: &[u8]) -> Result<Self> {
        const NOT_FLOAT: Error = Error::new("ERR timeout is not a float or out of range");
        let seconds = num::parse_f64(raw).or_else(|| saturating(raw)).ok_or(NOT_FLOAT)?;
        let millis = (seconds * 1000.0).ceil();
        // Redis 7.0 converts what is too large for 64 bits into the most negative number, and later versions call it
        // out of range; both refuse it.
        if millis < 0.0 || millis >= i64::MAX as f64 {
            return Err(Error::new("ERR timeout is negative"));
        }
        Ok(Timeout((millis > 0.0).then(|| Duration::from_millis(millis as u64))))
    }

    /// Reads a timeout in whole milliseconds, as WAIT and XREAD take it.
    ///
    /// # Errors
    /// If it is no integer, or negative.
    pub fn from_millis(raw: &[u8]) -> Result<Self> {
        let millis = num::parse_i64(raw).ok_or(Error::new("ERR timeout is not an integer or out of range"))?;
        let millis = u64::try_from(millis).map_err(|_| Error::new("ERR timeout is negative"))?;
        Ok(Timeout((millis > 0).then(|| Duration::from_millis(millis))))
    }
}

/// A number that only the larger float accepts with which Redis reads timeouts: infinite, or next to nothing.
#[cold]
fn saturating(raw: &[u8]) -> Option<f64> {
    num::LongDouble::parse(raw)?;
    str::from_utf8(raw).ok()?.parse().ok()
}

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

/// An argument that is converted only when the handler asks, for the few commands that look at the key first.
#[derive(Clone, Copy)]
pub struct Lazy<'a, T> {
    raw: &'a [u8],
    context: Context,
    convert: std::marker::PhantomData<T>,
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
        Ok(Lazy { raw, context: *context, convert: std::marker::PhantomData })
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
    read: std::marker::PhantomData<T>,
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
        Ok(Late { rest, context: *context, read: std::marker::PhantomData })
    }
}

/// A parameter as the declaration sees it. Part of what `#[command]` generates.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Its arguments.
    pub shape: Shape,
    /// How its keys are used.
    pub keys: KeyFlags,
}

/// The arity that COMMAND INFO shows: negative when more arguments may follow. `name` is 1, or 2 for a subcommand.
#[must_use]
pub const fn arity(name: i16, parameters: &[Parameter]) -> i16 {
    let (mut total, mut fixed, mut i) = (name, true, 0);
    while i < parameters.len() {
        total += parameters[i].shape.min as i16;
        fixed = fixed && parameters[i].shape.fixed;
        i += 1;
    }
    if fixed { total } else { -total }
}

/// How many key specifications the parameters make.
#[must_use]
pub const fn key_spec_count(parameters: &[Parameter]) -> usize {
    let (mut n, mut i) = (0, 0);
    while i < parameters.len() {
        n += match parameters[i].shape.keys {
            KeyShape::None => 0,
            KeyShape::Specs(specs) => specs.len(),
            _ => 1,
        };
        i += 1;
    }
    n
}

/// The key specifications of a command. `name` as in [`arity`].
///
/// # Panics
/// At compile time, if a key stands behind an argument of variable length.
#[must_use]
pub const fn key_specs<const N: usize>(name: i16, parameters: &[Parameter]) -> [KeySpec; N] {
    let unset = KeySpec { flags: KeyFlags::NONE, begin: Begin::Unknown(None), find: Find::Unknown };
    let mut specs = [unset; N];
    let (mut n, mut i, mut at, mut fixed) = (0, 0, name as u16, true);
    while i < parameters.len() {
        let Parameter { shape, keys: flags } = parameters[i];
        let begin = Begin::Index(at);
        let find = match shape.keys {
            KeyShape::None => None,
            KeyShape::Specs(own) => {
                let mut j = 0;
                while j < own.len() {
                    specs[n] = own[j];
                    n += 1;
                    j += 1;
                }
                None
            }
            KeyShape::Fixed(count) => Some(Find::Range { last: count as i16 - 1, step: 1, limit: 0 }),
            KeyShape::Repeated { step } => {
                let (mut behind, mut j) = (0, i + 1);
                while j < parameters.len() {
                    behind += parameters[j].shape.min as i16;
                    j += 1;
                }
                Some(Find::Range { last: -1 - behind, step, limit: 0 })
            }
            KeyShape::Counted { step } => Some(Find::KeyNum { index: 0, first: 1, step }),
        };
        if let Some(find) = find {
            assert!(fixed, "a key cannot stand behind an argument of variable length");
            specs[n] = KeySpec { flags, begin, find };
            n += 1;
        }
        at += shape.min;
        fixed = fixed && shape.fixed;
        i += 1;
    }
    specs
}
