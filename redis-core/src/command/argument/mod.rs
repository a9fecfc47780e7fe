//! From arguments to parameters: what a type must tell so that a handler can ask for it.
//!
//! A request is understood in two passes, because Redis reports its errors in that order. The *shape* pass walks the
//! arguments once from left to right and looks at tokens and counts only; what it keeps are raw slices. The *value*
//! pass then converts them, left to right, each type with its own error. Whatever concerns the keyspace comes after
//! both, in the handler.

mod cursor;
mod declaration;
mod deferred;
mod keys;
mod repeated;
mod single;
mod time;

pub use cursor::{Cursor, Secrets};
pub use declaration::{Parameter, arity, key_spec_count, key_specs};
pub use deferred::{Early, Late, Lazy};
pub use keys::{Keys, NumKeys};
pub use repeated::{Many, Rest};
pub use single::{Count, Pattern, ScanCursor, Secret, integer};
pub use time::{Millis, Seconds, Timeout, UnixMillis, UnixSeconds};

use super::docs::ArgDoc;
use super::flags::KeySpec;
use crate::error::{Error, Result};

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
    note = "a parameter comes from the request (`Key`, `Keys`, `NumKeys<1>`, `i64`, `f64`, `&[u8]`, `String`, `Many<_>`, `Rest<_>`, `Option<_>`, a type with `#[derive(Options)]`) or from the server (`&Db`, `&mut Db`, `&Keyspace`, `&mut Keyspace`, `Walk`, `&Server`, `&mut Client`, `&mut Reply`, `&mut Propagation`, or `Caller` for an `async fn`)"
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
