//! The configuration file: lines of a name and words, quoted as in a shell, but not quite.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// Bytes as the path that they are on a Unix system.
pub(super) fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// What ends a word: C's `isspace`, and the end of a C string.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0)
}

/// Splits a line into words.
///
/// `"a b"` is one word in which `\n`, `\t`, `\x41` and the like stand for bytes; in `'a b'` only `\'` is special. A closing
/// quote must end its word, an opening one need not begin it. `None` for quotes that do not match.
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        while let [blank, after @ ..] = rest
            && is_blank(*blank)
        {
            rest = after;
        }
        if rest.is_empty() {
            return Some(words);
        }
        let (word, after) = take_word(rest)?;
        words.push(word);
        rest = after;
    }
}

/// The word with which the text begins, and what follows it.
fn take_word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] => return Some((word, rest)),
            [byte, ..] if is_blank(*byte) => return Some((word, rest)),
            [quote @ (b'"' | b'\''), after @ ..] => {
                rest = take_quoted(*quote, after, &mut word)?;
                // Only a blank or the end may follow a closing quote.
                return rest.first().is_none_or(|byte| is_blank(*byte)).then_some((word, rest));
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// Reads up to the closing quote and returns what follows it.
fn take_quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, after) = match (quote, rest) {
            (_, []) => return None,
            (quote, [byte, after @ ..]) if *byte == quote => return Some(after),
            (b'\'', [b'\\', b'\'', after @ ..]) => (b'\'', after),
            (b'"', [b'\\', b'x', high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), after)
            }
            (b'"', [b'\\', escaped, after @ ..]) => (unescape(*escaped), after),
            (_, [byte, after @ ..]) => (*byte, after),
        };
        word.push(byte);
        rest = after;
    }
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or(0) as u8
}

fn unescape(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        other => other,
    }
}

/// A word in double quotes, from which [`split_words`] gives the same bytes back.
pub fn quote(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for &byte in word {
        match byte {
            b'\\' | b'"' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(b"\\n"),
            b'\r' => quoted.extend(b"\\r"),
            b'\t' => quoted.extend(b"\\t"),
            0x07 => quoted.extend(b"\\a"),
            0x08 => quoted.extend(b"\\b"),
            b' '..=b'~' => quoted.push(byte),
            _ => quoted.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

/// The lines of a file with their numbers, without the blanks around them. Comments and empty lines are left out.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let numbered = text.split(|byte| *byte == b'\n').enumerate().map(|(index, line)| (index + 1, line.trim_ascii()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split_words(line.as_bytes())?;
        Some(words.into_iter().map(|word| String::from_utf8(word).expect("printable")).collect())
    }

    #[test]
    fn lines_are_split_as_redis_splits_them() {
        let cases: [(&str, Option<&[&str]>); 17] = [
            ("", Some(&[])),
            ("  port\t6379 ", Some(&["port", "6379"])),
            (r#"dir "a b""#, Some(&["dir", "a b"])),
            (r"dir 'a \'b'", Some(&["dir", "a 'b"])),
            (r"dir 'a\nb'", Some(&["dir", r"a\nb"])),
            (r#"dir "\x41\n\q\"""#, Some(&["dir", "A\nq\""])),
            (r#"dir "\xzz""#, Some(&["dir", "xzz"])),
            (r#"save """#, Some(&["save", ""])),
            ("save ''", Some(&["save", ""])),
            (r#"bind a"b c""#, Some(&["bind", "ab c"])),
            (r#"port "6379"x"#, None),
            (r#"port "6379"#, None),
            ("port '6379", None),
            (r#"port '6379""#, None),
            (r#"port "6379\"#, None),
            (r"a\b", Some(&[r"a\b"])),
            ("port 1 # no comment here", Some(&["port", "1", "#", "no", "comment", "here"])),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn quoted_bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(split_words(&quote(&all)), Some(vec![all]));
        assert_eq!(quote(b"a \"b\"\n"), br#""a \"b\"\n""#);
    }

    #[test]
    fn comments_and_empty_lines_are_skipped_but_counted() {
        let text = b"# one\n\n  port 1\r\n\t# four\ndir x";
        let found: Vec<_> = lines(text).collect();
        assert_eq!(found, [(3, &b"port 1"[..]), (5, &b"dir x"[..])]);
    }
}
