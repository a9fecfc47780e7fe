//! Which keys MIGRATE moves, and how.

use redis_core::command::{ArgDoc, ArgKind, Cursor, KeyShape, Shape};
use redis_core::prelude::*;
use redis_core::resp::write_command;

/// The one key that is moved, or an empty text if others are named behind the word KEYS.
pub(super) struct Selector {
    /// The key; without KEYS, the empty text is a key's name like any other.
    key: Option<Key>,
    is_named: bool,
}

impl Selector {
    /// All keys that are named.
    pub(super) fn keys(self, keys: Option<Rest<Key>>) -> Result<Vec<Key>> {
        const BOTH: Error =
            Error::new("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
        match keys {
            Some(_) if self.is_named => Err(BOTH),
            Some(keys) => Ok(keys.into_iter().collect()),
            None => Ok(self.key.into_iter().collect()),
        }
    }
}

impl<'a> Argument<'a> for Selector {
    type Raw = Selector;
    const SHAPE: Shape = Shape::exactly(1).with_keys(KeyShape::Fixed(1));
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::OneOf,
        &[
            ArgDoc::new(ArgKind::Key).named("key").key_spec(0),
            ArgDoc::new(ArgKind::PureToken).named("empty-string").token(""),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Selector> {
        let is_named = cursor.peek().is_some_and(|name| !name.is_empty());
        match cursor.next_key() {
            Ok(key) => Ok(Selector { key: Some(key), is_named }),
            Err(_) if cursor.take_token("") => Ok(Selector { key: None, is_named }),
            Err(error) => Err(error),
        }
    }

    fn value(read: Selector, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

/// How keys are moved.
#[derive(Options)]
pub(super) struct MigrateOptions {
    /// The keys stay here.
    #[arg(since = "3.0.0")]
    pub(super) copy: bool,
    /// Keys that are there already are replaced.
    #[arg(since = "3.0.0")]
    pub(super) replace: bool,
    /// Who the other server is told to be asked by.
    pub(super) authentication: Option<Authentication>,
    /// The keys.
    #[arg(since = "3.0.6")]
    #[key(RW, ACCESS, DELETE, INCOMPLETE, from = -2)]
    pub(super) keys: Option<Rest<Key>>,
}

/// What the other server wants to know first.
#[derive(Options)]
pub(super) enum Authentication {
    /// A password.
    #[arg(since = "4.0.7")]
    Auth(Secret),
    /// A user and a password.
    #[arg(since = "6.0.0")]
    Auth2 {
        /// The user.
        username: Secret,
        /// The user's password.
        password: Secret,
    },
}

impl Authentication {
    /// The request that tells it.
    pub(super) fn request(self) -> Vec<u8> {
        match self {
            Authentication::Auth(password) => write_command(&[b"AUTH", &password.0]),
            Authentication::Auth2 { username, password } => write_command(&[b"AUTH", &username.0, &password.0]),
        }
    }
}
