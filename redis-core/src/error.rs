//! The error a command answers with: Redis's own words, code first.
//!
//! An error is text for the client and nothing else, so one small type is enough: fixed texts are constants, composed
//! ones own their string. What goes wrong inside the server (a file, a configuration) has error types of its own.

use std::borrow::Cow;
use std::fmt;

/// What a command answers when it refuses: the text after the `-` of the protocol, beginning with its code
/// (`ERR`, `WRONGTYPE`, ...).
///
/// It is bytes, because it may repeat what the client sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Cow<'static, [u8]>);

/// The result of a command or of one of its steps.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl Error { $($(#[$doc])* pub const $name: Error = Error::new($text);)* }
    };
}

fixed! {
    /// The key holds a value of another type.
    WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    /// Tokens or their counts are off.
    SYNTAX = "ERR syntax error";
    /// An integer was expected.
    NOT_INTEGER = "ERR value is not an integer or out of range";
    /// A count must not be negative.
    NOT_POSITIVE = "ERR value is out of range, must be positive";
    /// An integer lies outside the range of its argument.
    OUT_OF_RANGE = "ERR value is out of range";
    /// A floating point number was expected.
    NOT_FLOAT = "ERR value is not a valid float";
    /// The key must exist.
    NO_SUCH_KEY = "ERR no such key";
    /// The index lies outside the list.
    INDEX_OUT_OF_RANGE = "ERR index out of range";
    /// A string would grow past `proto-max-bulk-len`.
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    /// Incrementing would leave the range of 64-bit integers.
    OVERFLOW = "ERR increment or decrement would overflow";
    /// Incrementing would leave the range of floating point numbers.
    FLOAT_OVERFLOW = "ERR increment would produce NaN or Infinity";
    /// The database number does not exist.
    DB_OUT_OF_RANGE = "ERR DB index is out of range";
    /// The text of a SCAN cursor is no number.
    INVALID_CURSOR = "ERR invalid cursor";
    /// Source and destination are one.
    SAME_OBJECT = "ERR source and destination objects are the same";
    /// The memory limit is reached and nothing can be evicted.
    OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
    /// The data set is not there yet.
    LOADING = "LOADING Redis is loading the dataset in memory";
    /// The last snapshot failed, so that changes might be lost.
    CANNOT_SAVE = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
                   Commands that may modify the data set are disabled, because this instance is configured to report \
                   errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check \
                   the Redis logs for details about the RDB error.";
    /// The connection has not authenticated.
    NO_AUTH = "NOAUTH Authentication required.";
    /// A queued command was refused earlier.
    EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors.";
    /// The command may not be queued.
    NOT_IN_MULTI = "ERR Command not allowed inside a transaction";
    /// A request names a key that its declaration does not.
    UNDECLARED_KEY = "ERR Invalid arguments specified for command";
}

impl Error {
    /// An error with a fixed text, code included: `Error::new("ERR no such thing")`.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Error(Cow::Borrowed(text.as_bytes()))
    }

    /// An error that repeats words of the client. Each part ends at its first zero byte, since Redis takes it for a text
    /// of C.
    #[must_use]
    pub fn quoting(parts: &[&[u8]]) -> Self {
        let shown = |part: &[u8]| part.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        Error(Cow::Owned(parts.iter().flat_map(|part| shown(part)).collect()))
    }

    /// The error as it is sent, code first, without the leading `-`.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same for people to read.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The code: the text up to its first space.
    #[must_use]
    pub fn code(&self) -> &[u8] {
        self.0.split(|byte| *byte == b' ').next().unwrap_or_default()
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Error(Cow::Owned(text.into_bytes()))
    }
}

impl From<Vec<u8>> for Error {
    fn from(text: Vec<u8>) -> Self {
        Error(Cow::Owned(text))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?})", self.text())
    }
}

impl std::error::Error for Error {}
