//! What a command answers: the shape of its reply, as its declaration states it.
//!
//! The shape follows from the type that the handler returns ([`IntoReply::SCHEMA`](super::IntoReply::SCHEMA)); a handler
//! that writes its reply itself says `reply = ..` in its attribute. Shapes are those of protocol version 3. What becomes
//! of them in version 2, which knows less, follows from that.
//!
//! A debug build holds every command to its word: [`check`] looks at each reply as it is written, in whatever test or
//! program the server runs.

use std::fmt;

use super::registry::Command;
use crate::num;
use crate::resp::{Reply, Value};

/// The shape of a reply. An error may come instead of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Whatever it is.
    Any,
    /// No reply at all.
    Nothing,
    /// Messages, one for each thing asked for, instead of a reply.
    Messages,
    /// A word such as `OK`.
    Status,
    /// An integer.
    Integer,
    /// A string.
    Bulk,
    /// A float; a string to version 2.
    Double,
    /// A truth value; 0 or 1 to version 2.
    Boolean,
    /// An integer of any size; a string to version 2.
    BigNumber,
    /// A text for people; a string to version 2.
    Verbatim,
    /// Nothing where something was asked for; to version 2 a missing string or a missing array.
    Null,
    /// Any number of the same.
    Array(&'static Schema),
    /// These, one after the other.
    Tuple(&'static [Schema]),
    /// Any number of the same, in no order; an array to version 2.
    Set(&'static Schema),
    /// Any number of pairs; an array of keys and values in turn to version 2.
    Map(&'static Schema, &'static Schema),
    /// One of these.
    OneOf(&'static [Schema]),
}

impl Schema {
    /// Whether a reply in the given protocol version has this shape.
    ///
    /// ```
    /// use redis_core::command::Schema;
    /// use redis_core::resp::Value;
    /// let shape = Schema::Map(&Schema::Bulk, &Schema::Integer);
    /// let (key, value) = (Value::Bulk(b"a".to_vec()), Value::Integer(1));
    /// assert!(shape.admits(&Value::Map(vec![(key.clone(), value.clone())]), 3));
    /// assert!(shape.admits(&Value::Array(vec![key.clone(), value]), 2));
    /// assert!(!shape.admits(&Value::Array(vec![key]), 2));
    /// ```
    #[must_use]
    pub fn admits(&self, value: &Value, protocol: u8) -> bool {
        let all = |items: &[Value], schema: &Schema| items.iter().all(|item| schema.admits(item, protocol));
        match (self, value) {
            (Schema::Any, _)
            | (Schema::Status, Value::Simple(_))
            | (Schema::Integer, Value::Integer(_))
            | (Schema::Bulk, Value::Bulk(_))
            | (Schema::Null, Value::Null | Value::NullArray) => true,
            (Schema::Array(item), Value::Array(items)) => all(items, item),
            (Schema::Tuple(parts), Value::Array(items)) => {
                parts.len() == items.len() && parts.iter().zip(items).all(|(part, item)| part.admits(item, protocol))
            }
            (Schema::OneOf(schemas), value) => schemas.iter().any(|schema| schema.admits(value, protocol)),
            (schema, value) if protocol >= 3 => match (schema, value) {
                (Schema::Double, Value::Double(_))
                | (Schema::Boolean, Value::Boolean(_))
                | (Schema::BigNumber, Value::BigNumber(_))
                | (Schema::Verbatim, Value::Verbatim { .. })
                | (Schema::Messages, Value::Push(_)) => true,
                (Schema::Set(item), Value::Set(items)) => all(items, item),
                (Schema::Map(key, item), Value::Map(pairs)) => {
                    pairs.iter().all(|(k, v)| key.admits(k, protocol) && item.admits(v, protocol))
                }
                _ => false,
            },
            (Schema::Double, Value::Bulk(text)) => num::parse_f64(text).is_some() || text.ends_with(b"nan"),
            (Schema::Boolean, Value::Integer(truth)) => matches!(truth, 0 | 1),
            (Schema::BigNumber | Schema::Verbatim, Value::Bulk(_)) | (Schema::Messages, Value::Array(_)) => true,
            (Schema::Set(item), Value::Array(items)) => all(items, item),
            (Schema::Map(key, item), Value::Array(items)) => {
                let turns = [key, item].into_iter().cycle();
                items.len().is_multiple_of(2) && items.iter().zip(turns).all(|(item, part)| part.admits(item, protocol))
            }
            _ => false,
        }
    }

    /// Whether these replies, in the given protocol version, are what a command of this shape answers.
    fn admits_all(&self, values: &[Value], protocol: u8) -> bool {
        match (self, values) {
            (_, [Value::Error(_)]) | (Schema::Any, _) => true,
            (Schema::Nothing, values) => values.is_empty(),
            (Schema::Messages, values) => values.iter().all(|value| self.admits(value, protocol)),
            (Schema::OneOf(schemas), []) => schemas.contains(&Schema::Nothing),
            (schema, [value]) => schema.admits(value, protocol),
            _ => false,
        }
    }
}

/// As the attribute of a command has it.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, name: &str, parts: &[Schema]| {
            write!(f, "{name}(&[")?;
            for (i, part) in parts.iter().enumerate() {
                write!(f, "{}{part}", if i == 0 { "" } else { ", " })?;
            }
            f.write_str("])")
        };
        match self {
            Schema::Array(item) => write!(f, "Array(&{item})"),
            Schema::Set(item) => write!(f, "Set(&{item})"),
            Schema::Map(key, value) => write!(f, "Map(&{key}, &{value})"),
            Schema::Tuple(parts) => list(f, "Tuple", parts),
            Schema::OneOf(parts) => list(f, "OneOf", parts),
            plain => write!(f, "{plain:?}"),
        }
    }
}

/// Holds a command to its word: what it has written since the reply was `mark` bytes long must have the shape that is
/// declared.
///
/// # Panics
/// If it has not. (What calls handlers catches that: the client gets an error, and the log says why.)
pub(crate) fn check(command: &Command, reply: &Reply, mark: usize) {
    let written = &reply.as_bytes()[mark..];
    let schema = &command.def.reply;
    let is_admitted = Value::parse_all(written).is_ok_and(|values| schema.admits_all(&values, reply.protocol()));
    assert!(
        is_admitted,
        "'{}' is declared to answer {schema}, but wrote {}",
        command.def.full_name,
        written.escape_ascii()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &[u8]) -> Value {
        Value::parse(text).expect("well-formed").expect("complete").0
    }

    #[test]
    fn each_shape_admits_what_both_versions_make_of_it() {
        let cases: [(Schema, &[u8], &[u8]); 11] = [
            (Schema::Status, b"+OK\r\n", b"+OK\r\n"),
            (Schema::Integer, b":1\r\n", b":1\r\n"),
            (Schema::Bulk, b"$1\r\na\r\n", b"$1\r\na\r\n"),
            (Schema::Double, b"$3\r\n1.5\r\n", b",1.5\r\n"),
            (Schema::Boolean, b":1\r\n", b"#t\r\n"),
            (Schema::BigNumber, b"$2\r\n12\r\n", b"(12\r\n"),
            (Schema::Verbatim, b"$1\r\na\r\n", b"=5\r\ntxt:a\r\n"),
            (Schema::Null, b"*-1\r\n", b"_\r\n"),
            (Schema::Array(&Schema::Integer), b"*2\r\n:1\r\n:2\r\n", b"*2\r\n:1\r\n:2\r\n"),
            (Schema::Set(&Schema::Bulk), b"*1\r\n$1\r\na\r\n", b"~1\r\n$1\r\na\r\n"),
            (Schema::Map(&Schema::Bulk, &Schema::Integer), b"*2\r\n$1\r\na\r\n:1\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"),
        ];
        for (i, (schema, two, three)) in cases.iter().enumerate() {
            assert!(schema.admits(&value(two), 2) && schema.admits(&value(three), 3), "{schema}");
            assert!(Schema::OneOf(&[Schema::Any]).admits(&value(three), 3));
            let others = cases.iter().enumerate().filter(|(j, _)| *j != i);
            assert!(others.into_iter().all(|(_, (other, ..))| !other.admits(&value(three), 3)), "{schema}");
        }
    }

    #[test]
    fn parts_are_looked_at() {
        let pair = Schema::Tuple(&[Schema::Bulk, Schema::OneOf(&[Schema::Integer, Schema::Null])]);
        assert!(pair.admits(&value(b"*2\r\n$1\r\na\r\n_\r\n"), 3));
        assert!(!pair.admits(&value(b"*2\r\n$1\r\na\r\n$1\r\na\r\n"), 3));
        assert!(!pair.admits(&value(b"*1\r\n$1\r\na\r\n"), 3));
        assert!(!Schema::Map(&Schema::Bulk, &Schema::Integer).admits(&value(b"*1\r\n$1\r\na\r\n"), 2));
        assert!(!Schema::Double.admits(&value(b"$1\r\na\r\n"), 2));
        assert_eq!(pair.to_string(), "Tuple(&[Bulk, OneOf(&[Integer, Null])])");
    }

    #[test]
    fn a_reply_is_one_value_unless_it_is_said_otherwise() {
        let (one, error) = ([Value::Integer(1)], [Value::Error(b"ERR".to_vec())]);
        assert!(Schema::Integer.admits_all(&one, 3) && Schema::Integer.admits_all(&error, 3));
        assert!(
            !Schema::Integer.admits_all(&[], 3) && !Schema::Integer.admits_all(&[one.clone(), one.clone()].concat(), 3)
        );
        assert!(Schema::Nothing.admits_all(&[], 3) && !Schema::Nothing.admits_all(&one, 3));
        assert!(Schema::OneOf(&[Schema::Nothing, Schema::Status]).admits_all(&[], 3));
        assert!(Schema::Messages.admits_all(&[Value::Push(Vec::new()), Value::Push(Vec::new())], 3));
        assert!(!Schema::Messages.admits_all(&one, 3));
    }
}
