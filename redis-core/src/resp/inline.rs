//! Words on a line: the quoting rules of inline requests, configuration files and command lines.
//!
//! Words are separated by blanks. `"..."` may hold blanks and the escapes `\n \r \t \b \a \xHH`, where `\` before
//! any other byte means that byte; `'...'` may hold blanks and knows `\'` alone. A closing quote ends its word, so a
//! blank must follow it: `"a"b` is an error to Redis. (Valkey 9 reads it as `ab`.)

use std::fmt;

/// A quote that is not closed, or is followed by something other than a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbalancedQuotes;

impl fmt::Display for UnbalancedQuotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unbalanced quotes")
    }
}

impl std::error::Error for UnbalancedQuotes {}

/// Splits a line into words and takes their quotes away.
///
/// ```
/// use redis_core::resp::split_args;
/// assert_eq!(split_args(br#"set "a key" 'it\'s'"#).unwrap(), [&b"set"[..], b"a key", b"it's"]);
/// assert!(split_args(b"\"open").is_err());
/// ```
pub fn split_args(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
    let (mut words, mut at) = (Vec::new(), 0);
    loop {
        while line.get(at).copied().is_some_and(is_blank) {
            at += 1;
        }
        if at == line.len() {
            return Ok(words);
        }
        let mut word = Vec::new();
        at = read_word(line, at, &mut word)?;
        words.push(word);
    }
}

/// Appends `bytes` in double quotes and with escapes, so that it shows on one line and [`split_args`] reads it back.
pub fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\x07' => out.extend_from_slice(b"\\a"),
            b'\x08' => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(&[b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
    out.push(b'"');
}

/// Reads the word at `at` without its quotes, and gives the position behind it.
fn read_word(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Result<usize, UnbalancedQuotes> {
    loop {
        match line.get(at) {
            None | Some(b' ' | b'\n' | b'\r' | b'\t') => return Ok(at),
            // Quotes may open within a word, as in `a"b c"`, but they end it.
            Some(&quote @ (b'"' | b'\'')) => {
                at = read_quoted(line, quote, at + 1, word)?;
                let ends = line.get(at).copied().is_none_or(is_blank);
                return if ends { Ok(at) } else { Err(UnbalancedQuotes) };
            }
            Some(&byte) => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// Reads quoted text from behind its opening quote, and gives the position behind the closing one.
fn read_quoted(line: &[u8], quote: u8, mut at: usize, word: &mut Vec<u8>) -> Result<usize, UnbalancedQuotes> {
    loop {
        let (byte, width) = match (quote, &line[at..]) {
            (_, []) => return Err(UnbalancedQuotes),
            (_, &[byte, ..]) if byte == quote => return Ok(at + 1),
            (b'\'', [b'\\', b'\'', ..]) => (b'\'', 2),
            (b'"', &[b'\\', b'x', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex_digit(high) << 4 | hex_digit(low), 4)
            }
            (b'"', &[b'\\', escaped, ..]) => (unescape(escaped), 2),
            (_, &[byte, ..]) => (byte, 1),
        };
        word.push(byte);
        at += width;
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => b'\x08',
        b'a' => b'\x07',
        other => other,
    }
}

/// The value of a byte that is known to be a hexadecimal digit.
fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

/// What C calls space. Between words all of it counts, but vertical tab and form feed do not end a word.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, words: &[&[u8]]) {
        assert_eq!(
            split_args(line.as_bytes()).as_deref(),
            Ok(&words.iter().map(|word| word.to_vec()).collect::<Vec<_>>()[..]),
            "{line:?}"
        );
    }

    #[test]
    fn words_are_separated_by_blanks() {
        check("", &[]);
        check(" \t\r\n\x0b\x0c ", &[]);
        check("a", &[b"a"]);
        check("  set key\tvalue  ", &[b"set", b"key", b"value"]);
        check("a\rb", &[b"a", b"b"]);
        check("\x0ba\x0bb\x0c", &[b"a\x0bb\x0c"]);
        check("a\0b \0", &[b"a\0b", b"\0"]);
    }

    #[test]
    fn double_quotes_know_escapes() {
        check(r#""" "a b""#, &[b"", b"a b"]);
        check(r#""\n\r\t\b\a\x41\xfF\xg1\q\\\"""#, &[b"\n\r\t\x08\x07A\xffxg1q\\\""]);
        check(r#"a"b c" d"#, &[b"ab c", b"d"]);
        check(r#""'""#, &[b"'"]);
        check(r#""\x4""#, &[b"x4"]);
    }

    #[test]
    fn single_quotes_know_one_escape() {
        check(r"'a b' '' 'it\'s'", &[b"a b", b"", b"it's"]);
        check(r"'\n\x41\\ '", &[br"\n\x41\\ "]);
        check("'\"'", &[b"\""]);
    }

    #[test]
    fn quotes_must_close_and_end_the_word() {
        for line in [
            "\"",
            "'",
            "a \"b",
            "'a",
            r#""a\""#,
            r"'a\'",
            r#""a"b"#,
            "'a'b",
            r#"a"b"c"#,
            "\"\"\"key\"\"\"",
            "\"\\",
            "\"\\x4",
            "\"a\"\0",
        ] {
            assert_eq!(split_args(line.as_bytes()), Err(UnbalancedQuotes), "{line:?}");
        }
    }

    #[test]
    fn what_is_quoted_reads_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut line = Vec::new();
        quote(&all, &mut line);
        assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)));
        assert_eq!(split_args(&line), Ok(vec![all]));
        line.clear();
        quote(b"a\"\n\x01\xad", &mut line);
        assert_eq!(line, br#""a\"\n\x01\xad""#);
    }
}
