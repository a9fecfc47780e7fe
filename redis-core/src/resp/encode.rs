//! Replies as bytes.
//!
//! A [`Reply`] is a growing buffer that knows which protocol version its client chose. Commands say *what* they
//! answer (a map, a double, nothing); how that looks to a client of version 2, which knows only strings, integers
//! and arrays, is decided here and nowhere else.
//!
//! Nearly every reply is an integer, a short bulk string, or a flat array of those. Their headers are single stores
//! of a few bytes: lengths below 100 are written digit by digit into one small array, and the buffer is grown at
//! most once a reply.

use crate::num::{format_f64, format_i64};

/// The longest header: a marker, the digits of a 64-bit number, and the line's end.
pub(super) const MAX_HEADER: usize = 23;

/// Writes replies in the client's protocol version.
///
/// ```
/// use redis_core::resp::Reply;
/// let mut reply = Reply::new(2);
/// reply.map(1);
/// reply.bulk(b"pi");
/// reply.double(3.14);
/// assert_eq!(reply.as_bytes(), b"*2\r\n$2\r\npi\r\n$4\r\n3.14\r\n");
/// ```
#[derive(Debug, Default, Clone)]
pub struct Reply {
    out: Vec<u8>,
    resp3: bool,
    /// See [`Reply::set_limit`]; zero is none.
    limit: usize,
}

/// Where a collection of yet unknown length begins; see [`Reply::begin_array`].
#[derive(Debug)]
#[must_use = "a collection that was begun must be finished"]
pub struct Mark(usize);

impl Reply {
    /// An empty reply. Every protocol version from 3 on is written as version 3.
    pub fn new(protocol: u8) -> Reply {
        Reply { out: Vec::new(), resp3: protocol >= 3, limit: 0 }
    }

    /// A reply that goes on at the end of `out`, to use a buffer again.
    pub fn with_buffer(protocol: u8, out: Vec<u8>) -> Reply {
        Reply { out, resp3: protocol >= 3, limit: 0 }
    }

    /// The protocol version in use, 2 or 3.
    pub fn protocol(&self) -> u8 {
        if self.resp3 { 3 } else { 2 }
    }

    /// Changes the version of what is written from now on.
    pub fn set_protocol(&mut self, protocol: u8) {
        self.resp3 = protocol >= 3;
    }

    /// Sets from how many bytes on the reply is too large to be sent; zero for none.
    pub fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// Whether the reply will not be sent because of its size, whatever is written yet. A command that could go on for
    /// very long looks at this now and then.
    #[inline]
    pub fn is_too_large(&self) -> bool {
        self.limit != 0 && self.out.len() > self.limit
    }

    /// The number of bytes written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Takes back all that was written after the reply was `len` bytes long.
    pub fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// Moves the bytes out; the reply is empty afterwards.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Moves the bytes out and goes on with an empty buffer, which may have been used before.
    pub fn exchange(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        debug_assert!(buffer.is_empty());
        std::mem::replace(&mut self.out, buffer)
    }

    /// Forgets the bytes and keeps the buffer.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// Makes room for so many more bytes, where the size of a long reply is known.
    pub fn reserve(&mut self, additional: usize) {
        self.out.reserve(additional);
    }

    /// The bytes' capacity, for accounting.
    pub fn capacity(&self) -> usize {
        self.out.capacity()
    }

    /// Bytes that are a reply, or part of one, already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Moves what was written from `from` on to `to`, which is before it.
    pub fn move_end(&mut self, from: usize, to: usize) {
        self.out[to..].rotate_left(from - to);
    }

    /// A status such as `OK`. It must not contain a line break.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']));
        self.out.reserve(text.len() + 3);
        self.out.push(b'+');
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// An error, its code included: `ERR syntax error`. Line breaks, which may come from a client's own words, turn
    /// into spaces; at the end they are dropped.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.error_bytes(text.as_ref());
    }

    fn error_bytes(&mut self, text: &[u8]) {
        let is_break = |byte: u8| matches!(byte, b'\r' | b'\n');
        let end = text.iter().rposition(|&byte| !is_break(byte)).map_or(0, |last| last + 1);
        self.out.reserve(end + 3);
        self.out.push(b'-');
        self.out.extend(text[..end].iter().map(|&byte| if is_break(byte) { b' ' } else { byte }));
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.header(b':', value),
            Err(_) => self.negative(value),
        }
    }

    #[cold]
    fn negative(&mut self, value: i64) {
        self.out.reserve(MAX_HEADER);
        self.out.push(b':');
        format_i64(value, &mut self.out);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A string of any bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + MAX_HEADER + 2);
        self.header(b'$', bytes.len() as u64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer as a string, as INCRBYFLOAT's relatives and INFO-like replies want it.
    #[inline]
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Nothing, where a string was asked for.
    #[inline]
    pub fn nil(&mut self) {
        self.out.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// Nothing, where an array was asked for.
    #[inline]
    pub fn nil_array(&mut self) {
        self.out.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The header of an array: that many elements must follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as u64);
    }

    /// The header of a map: that many pairs must follow. Version 2 gets a flat array of keys and values.
    #[inline]
    pub fn map(&mut self, pairs: usize) {
        match self.resp3 {
            true => self.header(b'%', pairs as u64),
            false => self.header(b'*', 2 * pairs as u64),
        }
    }

    /// The header of a set, an array to version 2.
    #[inline]
    pub fn set(&mut self, len: usize) {
        self.header(if self.resp3 { b'~' } else { b'*' }, len as u64);
    }

    /// The header of a message that is no reply to a request, an array to version 2.
    #[inline]
    pub fn push(&mut self, len: usize) {
        self.header(if self.resp3 { b'>' } else { b'*' }, len as u64);
    }

    /// The header of attributes, which stand before the reply they describe. Version 2 cannot carry them: `false`
    /// says that nothing was written, and that no pairs may follow.
    pub fn attribute(&mut self, pairs: usize) -> bool {
        if self.resp3 {
            self.header(b'|', pairs as u64);
        }
        self.resp3
    }

    /// A float, a string to version 2.
    pub fn double(&mut self, value: f64) {
        if self.resp3 {
            self.out.push(b',');
            format_f64(value, &mut self.out);
            self.out.extend_from_slice(b"\r\n");
        } else {
            let mark = self.begin();
            let start = self.out.len();
            format_f64(value, &mut self.out);
            let len = self.out.len() - start;
            self.finish(mark, |reply| reply.header(b'$', len as u64));
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// A float whose digits the caller has chosen, where more are wanted than tell it apart from others; a string to
    /// version 2.
    pub fn double_digits(&mut self, digits: &[u8]) {
        if self.resp3 {
            self.out.push(b',');
            self.out.extend_from_slice(digits);
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(digits);
        }
    }

    /// A truth value, 1 or 0 to version 2.
    pub fn boolean(&mut self, value: bool) {
        match (self.resp3, value) {
            (true, true) => self.raw(b"#t\r\n"),
            (true, false) => self.raw(b"#f\r\n"),
            (false, _) => self.integer(i64::from(value)),
        }
    }

    /// An integer of any size, given as its digits; a string to version 2.
    pub fn big_number(&mut self, digits: &str) {
        if self.resp3 {
            self.out.push(b'(');
            self.out.extend_from_slice(digits.as_bytes());
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(digits.as_bytes());
        }
    }

    /// A text for people, with its format in three letters: `txt` or `mkd`. A string to version 2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert!(format.len() == 3);
        if self.resp3 {
            self.header(b'=', text.len() as u64 + 4);
            self.out.extend_from_slice(format.as_bytes());
            self.out.push(b':');
            self.out.extend_from_slice(text);
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text);
        }
    }

    /// Begins an array whose length is known only at its end. Collections begun within it must be finished before it.
    ///
    /// ```
    /// use redis_core::resp::Reply;
    /// let mut reply = Reply::new(2);
    /// let mark = reply.begin_array();
    /// reply.integer(7);
    /// reply.finish_array(mark, 1);
    /// assert_eq!(reply.as_bytes(), b"*1\r\n:7\r\n");
    /// ```
    pub fn begin_array(&mut self) -> Mark {
        self.begin()
    }

    /// Ends an array by putting its header in front of its elements.
    pub fn finish_array(&mut self, mark: Mark, len: usize) {
        self.finish(mark, |reply| reply.array(len));
    }

    /// Begins a map of yet unknown length.
    pub fn begin_map(&mut self) -> Mark {
        self.begin()
    }

    /// Ends a map of so many pairs.
    pub fn finish_map(&mut self, mark: Mark, pairs: usize) {
        self.finish(mark, |reply| reply.map(pairs));
    }

    /// Begins a set of yet unknown length.
    pub fn begin_set(&mut self) -> Mark {
        self.begin()
    }

    /// Ends a set.
    pub fn finish_set(&mut self, mark: Mark, len: usize) {
        self.finish(mark, |reply| reply.set(len));
    }

    /// Leaves room for a header of one digit, so that short collections are not moved when they end.
    fn begin(&mut self) -> Mark {
        let mark = Mark(self.out.len());
        self.array(0);
        mark
    }

    fn finish(&mut self, Mark(start): Mark, header: impl FnOnce(&mut Reply)) {
        const PLACEHOLDER: usize = 4;
        // The header is written at the end, where the buffer has room, and then brought to its place.
        let end = self.out.len();
        header(self);
        let written = self.out.len() - end;
        let mut bytes = [0; MAX_HEADER];
        bytes[..written].copy_from_slice(&self.out[end..]);
        if written > PLACEHOLDER {
            let grown = written - PLACEHOLDER;
            self.out.truncate(end + grown);
            self.out.copy_within(start + PLACEHOLDER..end, start + written);
        } else {
            self.out.truncate(end);
        }
        self.out[start..start + written].copy_from_slice(&bytes[..written]);
    }

    /// A marker, a number and the line's end.
    #[inline]
    fn header(&mut self, marker: u8, number: u64) {
        push_header(&mut self.out, marker, number);
    }
}

/// A marker, a number, and the end of the line.
#[inline]
pub(super) fn push_header(out: &mut Vec<u8>, marker: u8, number: u64) {
    if number < 10 {
        out.extend_from_slice(&[marker, b'0' + number as u8, b'\r', b'\n']);
    } else if number < 100 {
        let number = number as u8;
        out.extend_from_slice(&[marker, b'0' + number / 10, b'0' + number % 10, b'\r', b'\n']);
    } else {
        push_long_header(out, marker, number);
    }
}

fn push_long_header(out: &mut Vec<u8>, marker: u8, number: u64) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(number).as_bytes();
    out.reserve(MAX_HEADER);
    out.push(marker);
    out.extend_from_slice(digits);
    out.extend_from_slice(b"\r\n");
}

/// The code of a reply that is an error, as INFO's error statistics count it: the text up to the first blank, or
/// `ERR` where there is no short one. `None` if the reply is no error.
pub fn error_code(reply: &[u8]) -> Option<&[u8]> {
    const MAX_CODE: usize = 30;
    let text = reply.strip_prefix(b"-")?;
    let blank = text.iter().take(MAX_CODE + 1).position(|&byte| byte == b' ');
    Some(blank.map_or(b"ERR", |end| &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl Fn(&mut Reply), resp2: &str, resp3: &str) {
        for (protocol, expected) in [(2, resp2), (3, resp3)] {
            let mut reply = Reply::new(protocol);
            write(&mut reply);
            assert_eq!(String::from_utf8_lossy(reply.as_bytes()), expected, "protocol {protocol}");
        }
    }

    #[track_caller]
    fn same(write: impl Fn(&mut Reply), expected: &str) {
        check(write, expected, expected);
    }

    #[test]
    fn scalars() {
        same(|r| r.simple("OK"), "+OK\r\n");
        same(|r| r.bulk(b""), "$0\r\n\r\n");
        same(|r| r.bulk(b"0123456789"), "$10\r\n0123456789\r\n");
        same(|r| r.bulk(&[b'x'; 100]), &format!("$100\r\n{}\r\n", "x".repeat(100)));
        same(|r| r.bulk_integer(-12), "$3\r\n-12\r\n");
        check(|r| r.nil(), "$-1\r\n", "_\r\n");
        check(|r| r.nil_array(), "*-1\r\n", "_\r\n");
        check(|r| r.boolean(true), ":1\r\n", "#t\r\n");
        check(|r| r.boolean(false), ":0\r\n", "#f\r\n");
        check(|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
        check(|r| r.double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
        check(|r| r.double(-1e20), "$6\r\n-1e+20\r\n", ",-1e+20\r\n");
        check(
            |r| r.double_digits(b"0.10000000000000001"),
            "$19\r\n0.10000000000000001\r\n",
            ",0.10000000000000001\r\n",
        );
        check(|r| r.big_number("12345678901234567890"), "$20\r\n12345678901234567890\r\n", "(12345678901234567890\r\n");
        check(|r| r.verbatim("txt", b"a\nb"), "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n");
    }

    #[test]
    fn integers_of_every_width() {
        for value in [0, 7, 9, 10, 42, 99, 100, 101, 12345, i64::MAX, -1, -10, i64::MIN] {
            same(|r| r.integer(value), &format!(":{value}\r\n"));
        }
    }

    #[test]
    fn errors_stay_on_one_line() {
        same(|r| r.error("ERR syntax error"), "-ERR syntax error\r\n");
        same(|r| r.error(b"ERR a\r\nb\nc\r\n"), "-ERR a  b c\r\n");
        same(|r| r.error(""), "-\r\n");
        let mut reply = Reply::new(2);
        reply.error(b"ERR \xff");
        assert_eq!(reply.as_bytes(), b"-ERR \xff\r\n");
    }

    #[test]
    fn collections() {
        same(|r| r.array(0), "*0\r\n");
        same(|r| r.array(1_000_000), "*1000000\r\n");
        check(|r| r.map(8), "*16\r\n", "%8\r\n");
        check(|r| r.set(3), "*3\r\n", "~3\r\n");
        check(|r| r.push(3), "*3\r\n", ">3\r\n");
        check(|r| assert_eq!(r.attribute(1), r.protocol() == 3), "", "|1\r\n");
    }

    #[test]
    fn lengths_may_be_known_at_the_end() {
        for len in [0, 1, 9, 10, 99, 100, 12_345] {
            let write = |r: &mut Reply| {
                r.simple("before");
                let mark = r.begin_array();
                (0..len).for_each(|n| r.integer(n as i64));
                r.finish_array(mark, len);
                r.simple("after");
            };
            let elements: String = (0..len).map(|n| format!(":{n}\r\n")).collect();
            same(write, &format!("+before\r\n*{len}\r\n{elements}+after\r\n"));
        }
    }

    #[test]
    fn collections_nest_while_open() {
        let write = |r: &mut Reply| {
            let outer = r.begin_map();
            for key in 0..50 {
                r.integer(key);
                let inner = r.begin_set();
                r.bulk(b"member");
                r.finish_set(inner, 1);
            }
            r.finish_map(outer, 50);
        };
        let pairs = |set: char| (0..50).map(|key| format!(":{key}\r\n{set}1\r\n$6\r\nmember\r\n")).collect::<String>();
        check(write, &format!("*100\r\n{}", pairs('*')), &format!("%50\r\n{}", pairs('~')));
    }

    #[test]
    fn a_reply_can_be_taken_back() {
        let mut reply = Reply::with_buffer(3, b"+OK\r\n".to_vec());
        let len = reply.len();
        reply.array(2);
        reply.truncate(len);
        reply.set_protocol(2);
        reply.nil();
        assert_eq!(reply.take(), b"+OK\r\n$-1\r\n");
        assert!(reply.is_empty());
    }

    #[test]
    fn error_codes() {
        assert_eq!(error_code(b"-WRONGTYPE Operation against\r\n"), Some(&b"WRONGTYPE"[..]));
        assert_eq!(error_code(b"-oneword\r\n"), Some(&b"ERR"[..]));
        let long = |len: usize| format!("-{} text\r\n", "X".repeat(len)).into_bytes();
        assert_eq!(error_code(&long(30)), Some(&b"X".repeat(30)[..]));
        assert_eq!(error_code(&long(31)), Some(&b"ERR"[..]));
        assert_eq!(error_code(b"+OK\r\n"), None);
        assert_eq!(error_code(b""), None);
    }
}
