//! Glob patterns as KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL rules match them, over bytes.
//!
//! `*` stands for any bytes, `?` for one, `[a-z]` for one of a set, `[^a-z]` for one outside it, and `\` takes the
//! next byte literally. Redis's odd corners are part of the interface and kept:
//!
//! - a set that is not closed ends with the pattern;
//! - `]` closes a set even as its first byte, but not as the end of a range: `[a-]` goes on;
//! - the ends of a range may stand in either order;
//! - an escaped byte in a set is compared with its case even when case is ignored;
//! - an empty text is matched by an empty pattern only, not even by `*`; commands that take `*` for "all" say so;
//! - a pattern that needs more than a thousand stars for its match matches nothing.
//!
//! Patterns come from clients, so their cost matters. Matching each `*` by recursion takes exponential time for
//! `a*a*a*a*b`. It is enough to return to the *last* star: what stood before it has matched as early as
//! possible, and no later match could leave more of the text for the rest. The time is then at most the product of
//! both lengths.

/// How many stars, neighbours counting as one, are followed: as deep as Redis goes.
const MAX_STARS: usize = 1000;

/// Whether `pattern` matches the whole of `text`.
///
/// ```
/// use redis_core::glob;
/// assert!(glob::matches(b"user:*:name", b"user:1000:name"));
/// assert!(glob::matches(b"h[^e]llo", b"hallo"));
/// assert!(!glob::matches(b"h?llo", b"hllo"));
/// ```
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, false)
}

/// As [`matches()`], with ASCII letters equal in either case.
pub fn matches_ignore_case(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, true)
}

fn run(pattern: &[u8], text: &[u8], fold: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut stars = 0;
    // Where to go on after a mismatch: behind the last star, and one byte further in the text each time.
    let mut retry = None;
    while at_text < text.len() {
        if pattern.get(at_pattern) == Some(&b'*') {
            while pattern.get(at_pattern) == Some(&b'*') {
                at_pattern += 1;
            }
            if at_pattern == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > MAX_STARS {
                return false;
            }
            retry = Some((at_pattern, at_text));
        } else if let Some(width) = match_one(&pattern[at_pattern..], text[at_text], fold) {
            at_pattern += width;
            at_text += 1;
        } else {
            let Some((after_star, from)) = retry else {
                return false;
            };
            (at_pattern, at_text) = (after_star, from + 1);
            retry = Some((at_pattern, at_text));
        }
    }
    pattern[at_pattern..].iter().all(|&byte| byte == b'*')
}

/// Matches one byte against the first element of `pattern`, which is no star. Gives the element's width if it
/// matches.
#[inline]
fn match_one(pattern: &[u8], byte: u8, fold: bool) -> Option<usize> {
    match *pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', ref set @ ..] => match_set(set, byte, fold).map(|width| width + 1),
        [b'\\', escaped, ..] => equal(escaped, byte, fold).then_some(2),
        [literal, ..] => equal(literal, byte, fold).then_some(1),
    }
}

/// Matches one byte against a set, given from behind its `[`. Gives the set's width, with its `]`, if it matches.
fn match_set(set: &[u8], byte: u8, fold: bool) -> Option<usize> {
    let negated = set.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match set[at..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [start, b'-', end, ..] => {
                found |= in_range(start, end, byte, fold);
                at += 3;
            }
            [literal, ..] => {
                found |= equal(literal, byte, fold);
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

fn in_range(start: u8, end: u8, byte: u8, fold: bool) -> bool {
    // The ends are put in order before their case is dropped, so `[Z-a]` holds nothing when case is ignored.
    let (low, high) = if start <= end { (start, end) } else { (end, start) };
    if fold {
        (low.to_ascii_lowercase()..=high.to_ascii_lowercase()).contains(&byte.to_ascii_lowercase())
    } else {
        (low..=high).contains(&byte)
    }
}

#[inline]
fn equal(a: u8, b: u8, fold: bool) -> bool {
    a == b || fold && a.eq_ignore_ascii_case(&b)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern:?} should match {text:?}");
        }
        for text in no {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern:?} should not match {text:?}");
        }
    }

    #[test]
    fn a_thousand_stars_are_followed() {
        let (pattern, text) = (b"*?".repeat(1000), vec![b'a'; 1000]);
        assert!(matches(&pattern, &text));
        let (pattern, text) = (b"*?".repeat(1001), vec![b'a'; 1001]);
        assert!(!matches(&pattern, &text));
        assert!(matches(&[b'*'; 5000], &text));
    }

    #[test]
    fn stars_and_question_marks() {
        check("", &[""], &["a"]);
        check("*", &["a", "abc"], &[""]);
        check("**", &["a", "abc"], &[""]);
        check("a*", &["a", "ab", "abc"], &["", "b", "ba"]);
        check("**a**", &["a", "ba", "ab", "bab"], &["", "b"]);
        check("a*b*c", &["abc", "axbxc", "abcbc", "aabbcc"], &["ab", "acb", "abcd"]);
        check("?", &["a", "*"], &["", "ab"]);
        check("a??", &["abc"], &["ab", "abcd"]);
        check("*?", &["a", "ab"], &[""]);
        check("a*?", &["ab", "abc"], &["a"]);
    }

    #[test]
    fn sets() {
        check("h[ae]llo", &["hallo", "hello"], &["hillo", "hllo"]);
        check("h[^e]llo", &["hallo", "hbllo"], &["hello"]);
        check("[a-c]", &["a", "b", "c"], &["d", "-"]);
        check("[c-a]", &["a", "b", "c"], &["d"]);
        check("[a-]", &["a", "_", "]", "^"], &["-", "b"]);
        check("[]", &[], &["", "]", "a"]);
        check("[^]", &["a", "]", "^"], &[""]);
        check("[]a]", &[], &["]a]", "a"]);
        check("[abc", &["a", "c"], &["d", "[abc"]);
        check("[a-", &["a", "-"], &["b"]);
        check("[", &[], &["[", ""]);
        check("[\\]]", &["]"], &["\\"]);
        check("[\\a-z]", &["a", "-", "z"], &["b", "\\"]);
        check("[\\", &["\\"], &["["]);
        check("*[0-9]x", &["1x", "aa7x"], &["x", "ax"]);
    }

    #[test]
    fn escapes() {
        check("\\*", &["*"], &["a", "\\*"]);
        check("a\\?b", &["a?b"], &["acb"]);
        check("\\[a]", &["[a]"], &["a"]);
        check("\\a", &["a"], &["\\a"]);
        check("a\\", &["a\\"], &["a"]);
        check("\\\\", &["\\"], &["\\\\"]);
    }

    #[test]
    fn case_is_ignored_when_asked_for() {
        let cases = [
            ("MAX*", "maxmemory", true),
            ("[M]ax", "max", true),
            ("[A-Z]ax", "max", true),
            ("[Z-A]ax", "max", true),
            ("[N-_]ax", "max", false),
            ("[^M]ax", "max", false),
            ("[\\M]ax", "max", false),
            ("[\\m]ax", "max", true),
            ("\\Max", "max", true),
            ("m[a]x", "MAX", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches_ignore_case(pattern.as_bytes(), text.as_bytes()), expected, "{pattern:?} {text:?}");
        }
        assert!(!matches(b"MAX*", b"maxmemory"));
    }

    #[test]
    fn bytes_need_not_be_text() {
        assert!(matches(b"\xff[\x80-\x90]*\0", b"\xff\x85\n\0"));
        assert!(!matches(b"[\x80-\x90]", b"\x91"));
    }

    #[test]
    fn hostile_patterns_take_no_exponential_time() {
        let begin = Instant::now();
        let text = vec![b'a'; 20_000];
        assert!(!matches(&[b"*a".repeat(1_000), b"b".to_vec()].concat(), &text));
        assert!(!matches(&[b"a*".repeat(1_000), b"b".to_vec()].concat(), &text));
        assert!(matches(&b"a*".repeat(1_000), &text));
        assert!(matches(&b"*".repeat(100_000), &text));
        assert!(!matches(&[b"*".to_vec(), b"[^b-z]".repeat(1_000), b"[".to_vec()].concat(), &text));
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    }
}
