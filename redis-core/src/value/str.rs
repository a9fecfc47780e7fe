//! Strings: the one kind of value that lives inline in its entry.
//!
//! A string's bytes are always its text, so reading one never converts anything. What Redis calls its encoding is kept
//! beside the bytes for those who ask (`OBJECT ENCODING`) and for the fast path of INCR.

use std::fmt;

use super::member;
use crate::num::parse_i64;

/// The longest string that is reported as `embstr`.
pub const EMBSTR_MAX: usize = 44;

/// What OBJECT ENCODING says of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrEncoding {
    /// The text is exactly how a 64-bit integer prints.
    Int,
    /// A short text that was set as a whole.
    Embstr,
    /// A long text, or one that was changed in place.
    Raw,
}

impl StrEncoding {
    /// The encoding of a text that is set as a whole.
    pub fn of(text: &[u8]) -> Self {
        if parse_i64(text).is_some() {
            Self::Int
        } else if text.len() <= EMBSTR_MAX {
            Self::Embstr
        } else {
            Self::Raw
        }
    }

    /// The name that OBJECT ENCODING replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Embstr => "embstr",
            Self::Raw => "raw",
        }
    }
}

/// A string value, borrowed from its entry: to `[u8]` what `str` is, a view with a meaning.
#[derive(PartialEq, Eq)]
#[repr(transparent)]
pub struct Str(pub(super) [u8]);

impl Str {
    /// The string with this text.
    pub fn new(text: &[u8]) -> &Self {
        member::as_str(text)
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes the text has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The integer that the text is exactly, if it is one.
    pub fn to_i64(&self) -> Option<i64> {
        parse_i64(&self.0)
    }
}

impl AsRef<[u8]> for Str {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let cases: [(&[u8], &str); 6] = [
            (b"12", "int"),
            (b"-9223372036854775808", "int"),
            (b"012", "embstr"),
            (b"", "embstr"),
            (&[b'x'; 44], "embstr"),
            (&[b'x'; 45], "raw"),
        ];
        for (text, encoding) in cases {
            assert_eq!(StrEncoding::of(text).name(), encoding);
        }
        assert_eq!(Str::new(b"-7").to_i64(), Some(-7));
        assert_eq!(format!("{:?}", Str::new(b"a\n")), "\"a\\n\"");
    }
}
