//! What depends on what a string is: conditions on its text or on its digest.
//!
//! A digest stands for a text that is too long to be sent for a comparison: XXH3 with 64 bits and no seed, as sixteen
//! hexadecimal digits. A client can have it from DIGEST, or compute it.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape, wrong_arity};
use redis_core::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::{FAMILY, delete};

/// How many digits a digest has.
const DIGEST_LEN: usize = 16;

/// A condition on the text of a string.
#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison<'a> {
    /// It is this one.
    Equal(&'a [u8]),
    /// It is another one.
    NotEqual(&'a [u8]),
    /// It has this digest.
    DigestEqual(&'a [u8]),
    /// It has another digest.
    DigestNotEqual(&'a [u8]),
}

impl Comparison<'_> {
    /// Whether the text is as wanted.
    ///
    /// # Errors
    /// What can be no digest because of its length is refused; of other characters than digits there is no mention.
    pub(super) fn holds(self, text: &[u8]) -> Result<bool> {
        match self {
            Comparison::Equal(other) => Ok(text == other),
            Comparison::NotEqual(other) => Ok(text != other),
            Comparison::DigestEqual(other) => has_digest(text, other),
            Comparison::DigestNotEqual(other) => has_digest(text, other).map(|equal| !equal),
        }
    }

    /// Whether it holds of a key that does not exist, which is no text and has no digest.
    pub(super) fn holds_of_nothing(self) -> bool {
        matches!(self, Comparison::NotEqual(_) | Comparison::DigestNotEqual(_))
    }
}

fn has_digest(text: &[u8], digest: &[u8]) -> Result<bool> {
    if digest.len() != DIGEST_LEN {
        return Err(Error::new("ERR must be exactly 16 hexadecimal characters"));
    }
    Ok(digest.eq_ignore_ascii_case(digest_of(text).as_bytes()))
}

fn digest_of(text: &[u8]) -> String {
    format!("{:0DIGEST_LEN$x}", xxh3_64(text))
}

/// Returns the digest of a string value, as hexadecimal digits.
#[command(since = "8.4.0", complexity = "O(N) where N is the length of the string.", flags(FAST))]
fn digest(db: &Db, key: Key) -> Result<Option<String>> {
    Ok(db.get::<Str>(key)?.map(|text| digest_of(text.as_bytes())))
}

/// Deletes a key if its string value is equal to the given one.
#[command(since = "9.0.0", complexity = "O(1)", flags(FAST))]
fn delifeq(db: &mut Db, #[key(RM, DELETE)] key: Key, value: &[u8], log: &mut Propagation) -> Result<bool> {
    let equal = db.peek_as::<Str>(key)?.is_some_and(|current| current.as_bytes() == value);
    if equal {
        delete(db, key, log);
    }
    Ok(equal)
}

/// The condition of DELEX: a name and what to compare with, or nothing at all. Only a key that exists has it read.
struct Condition<'a>(Option<(&'a [u8], &'a [u8])>);

impl<'a> Argument<'a> for Condition<'a> {
    type Raw = Self;
    const SHAPE: Shape = Shape::at_least(0);
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::OneOf,
        &[
            ArgDoc::new(ArgKind::String).named("ifeq-value").token("IFEQ"),
            ArgDoc::new(ArgKind::String).named("ifne-value").token("IFNE"),
            ArgDoc::new(ArgKind::String).named("ifdeq-digest").token("IFDEQ"),
            ArgDoc::new(ArgKind::String).named("ifdne-digest").token("IFDNE"),
        ],
    )
    .optional();

    fn shape(cursor: &mut Cursor<'a>) -> Result<Self> {
        match cursor.left() {
            0 => Ok(Condition(None)),
            2 => Ok(Condition(Some((cursor.next()?, cursor.next()?)))),
            _ => Err(wrong_arity(cursor.command())),
        }
    }

    fn value(raw: Self, _: &Context) -> Result<Self> {
        Ok(raw)
    }
}

/// Deletes a key, if its string value or the digest of that is, or is not, the given one.
#[command(
    since = "8.4.0",
    complexity = "O(1) for IFEQ and IFNE, O(N) for IFDEQ and IFDNE where N is the length of the string.",
    flags(FAST)
)]
fn delex(
    db: &mut Db,
    #[key(RW, DELETE, VARIABLE_FLAGS)] key: Key,
    condition: Condition,
    log: &mut Propagation,
) -> Result<bool> {
    let Some(entry) = db.peek(key) else { return Ok(false) };
    if let Condition(Some((name, operand))) = condition {
        let text = entry.text().ok_or(Error::new("ERR Key should be of string type if conditions are specified"))?;
        if !comparison(name, operand)?.holds(text.as_bytes())? {
            return Ok(false);
        }
    }
    delete(db, key, log);
    Ok(true)
}

fn comparison<'a>(name: &[u8], operand: &'a [u8]) -> Result<Comparison<'a>> {
    let comparison = match name.to_ascii_lowercase().as_slice() {
        b"ifeq" => Comparison::Equal,
        b"ifne" => Comparison::NotEqual,
        b"ifdeq" => Comparison::DigestEqual,
        b"ifdne" => Comparison::DigestNotEqual,
        _ => return Err(Error::new("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")),
    };
    Ok(comparison(operand))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_redis() {
        let cases: [(&[u8], &str); 4] = [
            (b"", "2d06800538d394c2"),
            (b"hello", "9555e8555c62dcfd"),
            (b"Hello world", "b6acb9d84a38ff74"),
            (
                b"v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd",
                "00006c38adf31777",
            ),
        ];
        for (text, digest) in cases {
            assert_eq!(digest_of(text), digest);
        }
    }

    #[test]
    fn conditions_hold_or_not() {
        let digest = b"9555E8555c62dcfd";
        for (comparison, expected) in [
            (Comparison::Equal(b"hello"), true),
            (Comparison::Equal(b"hello "), false),
            (Comparison::NotEqual(b"hello"), false),
            (Comparison::NotEqual(b""), true),
            (Comparison::DigestEqual(digest), true),
            (Comparison::DigestEqual(b"zzzzzzzzzzzzzzzz"), false),
            (Comparison::DigestNotEqual(digest), false),
        ] {
            assert_eq!(comparison.holds(b"hello"), Ok(expected), "{comparison:?}");
        }
        assert!(Comparison::DigestEqual(b"9555e8555c62dcf").holds(b"hello").is_err());
    }
}
