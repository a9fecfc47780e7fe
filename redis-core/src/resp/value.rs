//! A reply taken apart: what in-process callers and tests look at instead of bytes.
//!
//! Printing a [`Value`] gives the text that a person at `redis-cli` would see.

use std::fmt;

use super::inline::quote;
use crate::num::{parse_f64, parse_i64};

/// How deep replies may nest. Reading and printing recurse, so there must be an end.
const MAX_DEPTH: usize = 128;

/// One reply, or one part of it.
///
/// ```
/// use redis_core::resp::Value;
/// let (value, len) = Value::parse(b"*2\r\n$1\r\na\r\n:1\r\n").unwrap().unwrap();
/// assert_eq!(value, Value::Array(vec![Value::Bulk(b"a".to_vec()), Value::Integer(1)]));
/// assert_eq!(len, 15);
/// assert_eq!(value.to_string(), "1) \"a\"\n2) (integer) 1");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A status.
    Simple(Vec<u8>),
    /// An error with its code.
    Error(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// A string.
    Bulk(Vec<u8>),
    /// Nothing; version 2's absent string or version 3's null.
    Null,
    /// Version 2's absent array.
    NullArray,
    /// An array.
    Array(Vec<Value>),
    /// A map, its pairs in the order they came.
    Map(Vec<(Value, Value)>),
    /// A set.
    Set(Vec<Value>),
    /// A message that answers no request.
    Push(Vec<Value>),
    /// A float.
    Double(f64),
    /// A truth value.
    Boolean(bool),
    /// An integer of any size, as its digits.
    BigNumber(Vec<u8>),
    /// A text for people.
    Verbatim {
        /// Three letters, such as `txt`.
        format: Vec<u8>,
        /// The text itself.
        text: Vec<u8>,
    },
    /// A reply with attributes in front of it.
    Attribute {
        /// The attributes.
        attributes: Vec<(Value, Value)>,
        /// The reply they describe.
        value: Box<Value>,
    },
}

/// Bytes that are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueError;

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed reply")
    }
}

impl std::error::Error for ValueError {}

impl Value {
    /// Reads the reply at the beginning of `input`, in either protocol version, and gives its length in bytes too.
    /// `None` means that it is incomplete.
    pub fn parse(input: &[u8]) -> Result<Option<(Value, usize)>, ValueError> {
        let mut parser = Parser { input, position: 0 };
        match parser.value(0) {
            Ok(value) => Ok(Some((value, parser.position))),
            Err(Stop::Incomplete) => Ok(None),
            Err(Stop::Malformed) => Err(ValueError),
        }
    }

    /// Reads the replies that make up the whole of `input`.
    pub fn parse_all(mut input: &[u8]) -> Result<Vec<Value>, ValueError> {
        let mut values = Vec::new();
        while !input.is_empty() {
            let (value, len) = Value::parse(input)?.ok_or(ValueError)?;
            values.push(value);
            input = &input[len..];
        }
        Ok(values)
    }

    /// Whether printing takes several lines.
    fn is_tall(&self) -> bool {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => {
                items.len() > 1 || items.iter().any(Value::is_tall)
            }
            Value::Map(pairs) => pairs.len() > 1 || pairs.iter().any(|(key, value)| key.is_tall() || value.is_tall()),
            Value::Attribute { value, .. } => value.is_tall(),
            _ => false,
        }
    }

    /// Prints the value, with `indent` blanks at the beginning of every line but the first.
    fn print(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        match self {
            Value::Simple(text) => f.write_str(&String::from_utf8_lossy(text)),
            Value::Error(text) => write!(f, "(error) {}", String::from_utf8_lossy(text)),
            Value::Integer(value) => write!(f, "(integer) {value}"),
            Value::Bulk(bytes) | Value::BigNumber(bytes) => {
                let mut text = Vec::new();
                quote(bytes, &mut text);
                f.write_str(&String::from_utf8_lossy(&text))
            }
            Value::Null | Value::NullArray => f.write_str("(nil)"),
            Value::Double(value) => {
                let mut text = Vec::new();
                crate::num::format_f64(*value, &mut text);
                write!(f, "(double) {}", String::from_utf8_lossy(&text))
            }
            Value::Boolean(value) => write!(f, "({value})"),
            Value::Verbatim { text, .. } => f.write_str(&String::from_utf8_lossy(text)),
            Value::Array(items) => print_items(f, items, "array", ')', indent),
            Value::Set(items) => print_items(f, items, "set", '~', indent),
            Value::Push(items) => print_items(f, items, "push", '>', indent),
            Value::Map(pairs) => print_pairs(f, pairs, indent),
            Value::Attribute { value, .. } => value.print(f, indent),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, 0)
    }
}

fn print_items(f: &mut fmt::Formatter<'_>, items: &[Value], name: &str, mark: char, indent: usize) -> fmt::Result {
    if items.is_empty() {
        return write!(f, "(empty {name})");
    }
    let width = digits(items.len());
    for (index, item) in items.iter().enumerate() {
        print_number(f, index, width, mark, indent)?;
        item.print(f, indent + width + 2)?;
    }
    Ok(())
}

fn print_pairs(f: &mut fmt::Formatter<'_>, pairs: &[(Value, Value)], indent: usize) -> fmt::Result {
    if pairs.is_empty() {
        return f.write_str("(empty hash)");
    }
    let width = digits(pairs.len());
    let inner = indent + width + 2;
    for (index, (key, value)) in pairs.iter().enumerate() {
        print_number(f, index, width, '#', indent)?;
        key.print(f, inner)?;
        f.write_str(" => ")?;
        if value.is_tall() {
            write!(f, "\n{:inner$}", "")?;
        }
        value.print(f, inner)?;
    }
    Ok(())
}

fn print_number(f: &mut fmt::Formatter<'_>, index: usize, width: usize, mark: char, indent: usize) -> fmt::Result {
    if index > 0 {
        write!(f, "\n{:indent$}", "")?;
    }
    write!(f, "{:>width$}{mark} ", index + 1)
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Why a value could not be read.
enum Stop {
    Incomplete,
    Malformed,
}

struct Parser<'a> {
    input: &'a [u8],
    position: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::Malformed);
        }
        let line = self.line()?;
        let (&marker, text) = line.split_first().ok_or(Stop::Malformed)?;
        Ok(match marker {
            b'+' => Value::Simple(text.to_vec()),
            b'-' => Value::Error(text.to_vec()),
            b':' => Value::Integer(parse_i64(text).ok_or(Stop::Malformed)?),
            b'$' if text == b"-1" => Value::Null,
            b'$' => Value::Bulk(self.body(text)?.to_vec()),
            b'*' if text == b"-1" => Value::NullArray,
            b'*' => Value::Array(self.items(text, depth)?),
            b'_' if text.is_empty() => Value::Null,
            b'#' if text == b"t" => Value::Boolean(true),
            b'#' if text == b"f" => Value::Boolean(false),
            b',' if text == b"nan" => Value::Double(f64::NAN),
            b',' => Value::Double(parse_f64(text).ok_or(Stop::Malformed)?),
            b'(' => Value::BigNumber(text.to_vec()),
            b'=' => match self.body(text)?.split_at_checked(4) {
                Some((&[a, b, c, b':'], text)) => Value::Verbatim { format: vec![a, b, c], text: text.to_vec() },
                _ => return Err(Stop::Malformed),
            },
            b'%' => Value::Map(self.pairs(text, depth)?),
            b'~' => Value::Set(self.items(text, depth)?),
            b'>' => Value::Push(self.items(text, depth)?),
            b'|' => Value::Attribute { attributes: self.pairs(text, depth)?, value: Box::new(self.value(depth + 1)?) },
            _ => return Err(Stop::Malformed),
        })
    }

    fn items(&mut self, len: &[u8], depth: usize) -> Result<Vec<Value>, Stop> {
        (0..length(len)?).map(|_| self.value(depth + 1)).collect()
    }

    fn pairs(&mut self, len: &[u8], depth: usize) -> Result<Vec<(Value, Value)>, Stop> {
        (0..length(len)?).map(|_| Ok((self.value(depth + 1)?, self.value(depth + 1)?))).collect()
    }

    /// Everything up to the next line's end, which is skipped.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.input[self.position..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n").ok_or(Stop::Incomplete)?;
        self.position += end + 2;
        Ok(&rest[..end])
    }

    /// The bytes whose number a header has announced, with the line's end behind them.
    fn body(&mut self, len: &[u8]) -> Result<&'a [u8], Stop> {
        let len = length(len)?;
        let rest = &self.input[self.position..];
        let end = len.checked_add(2).ok_or(Stop::Malformed)?;
        let (body, line_end) = rest.get(..end).ok_or(Stop::Incomplete)?.split_at(len);
        if line_end != b"\r\n" {
            return Err(Stop::Malformed);
        }
        self.position += end;
        Ok(body)
    }
}

fn length(text: &[u8]) -> Result<usize, Stop> {
    parse_i64(text).and_then(|len| usize::try_from(len).ok()).ok_or(Stop::Malformed)
}

#[cfg(test)]
mod tests {
    use super::super::Reply;
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::Bulk(text.into())
    }

    #[track_caller]
    fn check(wire: &str, value: &Value) {
        assert_eq!(Value::parse(wire.as_bytes()), Ok(Some((value.clone(), wire.len()))), "{wire:?}");
        for end in 0..wire.len() {
            assert_eq!(Value::parse(&wire.as_bytes()[..end]), Ok(None), "{wire:?} up to {end}");
        }
    }

    #[test]
    fn every_type_is_read() {
        check("+OK\r\n", &Value::Simple("OK".into()));
        check("-ERR no\r\n", &Value::Error("ERR no".into()));
        check(":-7\r\n", &Value::Integer(-7));
        check("$0\r\n\r\n", &bulk(""));
        check("$4\r\na\r\nb\r\n", &bulk("a\r\nb"));
        check("$-1\r\n", &Value::Null);
        check("_\r\n", &Value::Null);
        check("*-1\r\n", &Value::NullArray);
        check("*0\r\n", &Value::Array(vec![]));
        check("*2\r\n*1\r\n:1\r\n$1\r\nx\r\n", &Value::Array(vec![Value::Array(vec![Value::Integer(1)]), bulk("x")]));
        check("%1\r\n+a\r\n:1\r\n", &Value::Map(vec![(Value::Simple("a".into()), Value::Integer(1))]));
        check("~1\r\n:1\r\n", &Value::Set(vec![Value::Integer(1)]));
        check(">1\r\n:1\r\n", &Value::Push(vec![Value::Integer(1)]));
        check(",1.5\r\n", &Value::Double(1.5));
        check(",-inf\r\n", &Value::Double(f64::NEG_INFINITY));
        check("#t\r\n", &Value::Boolean(true));
        check("#f\r\n", &Value::Boolean(false));
        check("(123\r\n", &Value::BigNumber("123".into()));
        check("=6\r\ntxt:ab\r\n", &Value::Verbatim { format: "txt".into(), text: "ab".into() });
        let attributes = vec![(Value::Simple("ttl".into()), Value::Integer(3))];
        check("|1\r\n+ttl\r\n:3\r\n:7\r\n", &Value::Attribute { attributes, value: Box::new(Value::Integer(7)) });
    }

    #[test]
    fn malformed_replies_are_refused() {
        let deep = "*1\r\n".repeat(100_000);
        let refused = [
            "x\r\n",
            "\r\n",
            ":\r\n",
            ":1a\r\n",
            "$-2\r\n",
            "$a\r\n",
            "$1\r\nabc",
            "*x\r\n",
            "#x\r\n",
            ",x\r\n",
            "_x\r\n",
            "=3\r\ntxt\r\n",
            &deep,
        ];
        for wire in refused {
            assert_eq!(Value::parse(wire.as_bytes()), Err(ValueError), "{:.20}", wire);
        }
        assert_eq!(Value::parse(b"*9223372036854775807\r\n:1\r\n"), Ok(None));
        assert_eq!(Value::parse(b"$9223372036854775807\r\n"), Ok(None));
    }

    #[test]
    fn replies_follow_each_other() {
        assert_eq!(Value::parse_all(b"+OK\r\n:1\r\n"), Ok(vec![Value::Simple("OK".into()), Value::Integer(1)]));
        assert_eq!(Value::parse_all(b"+OK\r\n:1\r"), Err(ValueError));
        assert_eq!(Value::parse_all(b""), Ok(vec![]));
    }

    #[test]
    fn printed_as_people_know_it() {
        let text = |write: &dyn Fn(&mut Reply)| {
            let mut reply = Reply::new(3);
            write(&mut reply);
            Value::parse_all(reply.as_bytes()).expect("well formed")[0].to_string()
        };
        assert_eq!(text(&|r| r.simple("OK")), "OK");
        assert_eq!(text(&|r| r.error("ERR no")), "(error) ERR no");
        assert_eq!(text(&|r| r.bulk(b"a\"\n\x01\xff")), r#""a\"\n\x01\xff""#);
        assert_eq!(text(&|r| r.nil()), "(nil)");
        assert_eq!(text(&|r| r.double(2.125)), "(double) 2.125");
        assert_eq!(text(&|r| r.boolean(false)), "(false)");
        assert_eq!(text(&|r| r.verbatim("txt", b"two\nlines")), "two\nlines");
        assert_eq!(text(&|r| r.array(0)), "(empty array)");
        assert_eq!(text(&|r| r.map(0)), "(empty hash)");
        assert_eq!(text(&|r| r.set(0)), "(empty set)");
        let write = |r: &mut Reply| {
            r.array(10);
            r.array(2);
            r.integer(1);
            r.set(2);
            r.integer(2);
            r.integer(3);
            (1..9).for_each(|n| r.integer(n));
            r.map(2);
            r.bulk(b"one");
            r.array(1);
            r.integer(1);
            r.bulk(b"two");
            r.array(2);
            r.integer(1);
            r.integer(2);
        };
        let expected = "
 1) 1) (integer) 1
    2) 1~ (integer) 2
       2~ (integer) 3
 2) (integer) 1
 3) (integer) 2
 4) (integer) 3
 5) (integer) 4
 6) (integer) 5
 7) (integer) 6
 8) (integer) 7
 9) (integer) 8
10) 1# \"one\" => 1) (integer) 1
    2# \"two\" => 
       1) (integer) 1
       2) (integer) 2";
        assert_eq!(text(&write), expected[1..]);
    }
}
