//! Requests, found in a connection's read buffer.
//!
//! A request is an array of bulk strings (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`), whose arguments are [`Span`]s of the
//! buffer, so that nothing is copied. Or, for people with a terminal, it is a line of words; those may be quoted and
//! escaped (see [`split_args`]), so they cannot be pieces of the input and come as copies. (They are not unquoted in
//! place: a caller that decodes ahead may have to put requests back and decode them again.)
//!
//! Bytes arrive in pieces of any size. The decoder keeps its place in an incomplete request: how far it has read, the
//! arguments found, the length announced for the next. When more bytes have come the caller presents the
//! request again from its first byte, and the decoder goes on where it stopped. A request that comes byte by byte
//! costs no more than one that comes at once.
//!
//! What a client announces is believed only up to the limits, and memory follows the bytes that have arrived, not the
//! announcement: see [`Decoder::room`]. Before a client has authenticated, tiny limits keep it from filling memory.
//!
//! The errors, their texts and the conditions for them are Redis's. So is what is *not* an error: the two bytes
//! behind a bulk and the one behind a header's `\r` are skipped unseen (Valkey 9 checks them); an array of no or
//! negative length and an empty line are requests for nothing. In one thing we differ: a NUL byte in a header or a
//! line is a byte like any other, while Redis stops looking for the line's end there and waits for ever.

use super::inline::split_args;
use super::protocol_error::ProtocolError;
use crate::num::parse_i64;

/// The longest inline request, and the longest line that announces a length.
const MAX_LINE: usize = 64 * 1024;

/// What a client that has not authenticated may announce.
const MAX_UNAUTHENTICATED_ARGS: i64 = 10;
const MAX_UNAUTHENTICATED_BULK: i64 = 16 * 1024;

/// The least that is worth reading at once.
const MIN_ROOM: usize = 16 * 1024;

/// A piece of the input: an argument's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where the argument begins, counted from the first byte of its request.
    pub start: u32,
    /// Its length in bytes.
    pub len: u32,
}

impl Span {
    /// The argument itself, given the input from the request's first byte on.
    #[inline]
    pub fn of(self, input: &[u8]) -> &[u8] {
        let start = self.start as usize;
        &input[start..start + self.len as usize]
    }
}

/// How much a client may announce.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most arguments of a request.
    pub args: usize,
    /// The longest argument: `proto-max-bulk-len`.
    pub bulk_len: usize,
    /// Whether the client has authenticated, or need not. As long as it has not, decode one request at a time: the one
    /// just decoded may lift the limits for the next.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { args: 1024 * 1024, bulk_len: 512 * 1024 * 1024, authenticated: true }
    }
}

/// A request that was found at the beginning of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// An array; its arguments were appended to the caller's spans.
    Multibulk {
        /// The request's length in bytes.
        consumed: usize,
    },
    /// A line of words.
    Inline {
        /// The request's length in bytes.
        consumed: usize,
        /// Its arguments.
        args: Vec<Vec<u8>>,
    },
}

/// Finds requests in a stream of bytes; one for each connection.
///
/// ```
/// use redis_core::resp::{Decoder, Request, Limits};
/// let (mut decoder, limits, mut spans) = (Decoder::new(), Limits::default(), Vec::new());
/// let input = b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPI";
/// assert_eq!(decoder.next(input, &limits, &mut spans), Ok(Some(Request::Multibulk { consumed: 22 })));
/// assert_eq!(spans.iter().map(|span| span.of(input)).collect::<Vec<_>>(), [b"ECHO", &b"hi"[..]]);
/// // What is left is not a whole request yet.
/// assert_eq!(decoder.next(&input[22..], &limits, &mut spans), Ok(None));
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    /// Where reading goes on, counted like all places here from the request's first byte; 0 between requests.
    position: usize,
    /// How far the line at `position` was searched for its end.
    searched: usize,
    /// Arguments still to come.
    remaining: usize,
    /// The length of the argument at `position`, once its header was read.
    bulk_len: Option<usize>,
    /// Arguments found, while the request is incomplete.
    found: Vec<Span>,
    /// The least input that lets reading go on.
    wanted: usize,
}

impl Decoder {
    /// A decoder between requests.
    pub const fn new() -> Decoder {
        Decoder { position: 0, searched: 0, remaining: 0, bulk_len: None, found: Vec::new(), wanted: 0 }
    }

    /// Reads one request from the beginning of `input`. The arguments of an array are appended to `spans`.
    ///
    /// `None` means that the request is incomplete, or that there is no input: call again with the same bytes and more.
    /// A request without arguments is no mistake; it is to be skipped without a reply.
    #[inline]
    pub fn next(
        &mut self,
        input: &[u8],
        limits: &Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<Request>, ProtocolError> {
        if !self.is_idle() || input.first() != Some(&b'*') {
            return self.next_slowly(input, limits, spans);
        }
        let mark = spans.len();
        match self.advance(input, limits, spans) {
            Ok(true) => Ok(Some(Request::Multibulk { consumed: self.finish() })),
            Ok(false) => {
                // The caller's list holds whole requests only.
                self.found.extend(spans.drain(mark..));
                Ok(None)
            }
            Err(error) => {
                spans.truncate(mark);
                self.reset();
                Err(error)
            }
        }
    }

    /// Reads what is not an array that begins here: the rest of one, a line, or nothing.
    #[cold]
    fn next_slowly(
        &mut self,
        input: &[u8],
        limits: &Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<Request>, ProtocolError> {
        if input.len() < self.wanted {
            return Ok(None);
        }
        let request = match input.first() {
            None => return Ok(None),
            Some(b'*') => self.resume(input, limits, spans),
            Some(_) => self.read_inline(input),
        };
        if request.is_err() {
            self.reset();
        }
        request
    }

    /// Goes on with an array that was incomplete.
    fn resume(
        &mut self,
        input: &[u8],
        limits: &Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<Request>, ProtocolError> {
        let mut found = std::mem::take(&mut self.found);
        if self.advance(input, limits, &mut found)? {
            spans.append(&mut found);
            return Ok(Some(Request::Multibulk { consumed: self.finish() }));
        }
        self.found = found;
        Ok(None)
    }

    fn read_inline(&mut self, input: &[u8]) -> Result<Option<Request>, ProtocolError> {
        let Some(end) = self.find_in_line(input, b'\n', ProtocolError::TooBigInlineRequest)? else {
            return Ok(None);
        };
        let args = split_args(&input[..end]).map_err(|_| ProtocolError::UnbalancedQuotes)?;
        self.finish();
        Ok(Some(Request::Inline { consumed: end + 1, args }))
    }

    /// Whether no request is incomplete.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.wanted == 0
    }

    /// How much input, from the request's first byte on, there must be at least before [`next`](Self::next) can get
    /// further; 0 between requests.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// How much of an incomplete request has been read: its header and whole arguments.
    pub fn decoded(&self) -> usize {
        self.position
    }

    /// How many bytes to make room for behind the `have` bytes of an incomplete request.
    ///
    /// A large argument should be read into a buffer that fits it, but a client that only announces one must not be
    /// given its memory. So this is what is wanted, but never more than has already arrived: the buffer grows at
    /// most twofold.
    pub fn room(&self, have: usize) -> usize {
        self.wanted.saturating_sub(have).clamp(MIN_ROOM, have.max(MIN_ROOM))
    }

    /// Makes that room behind the input. A buffer that is there for one large argument ends where that ends.
    pub fn make_room(&self, input: &mut Vec<u8>) {
        let most = self.bulk_len.is_some_and(|len| len >= MIN_ROOM && len >= self.wanted / 2);
        let missing = self.wanted.saturating_sub(input.len());
        if most && missing > 0 {
            input.reserve_exact(missing.min(input.len().max(MIN_ROOM)));
        } else {
            input.reserve(self.room(input.len()));
        }
    }

    /// Forgets the request that is incomplete.
    pub fn reset(&mut self) {
        *self = Decoder::new();
    }

    /// Bytes kept for the request that is incomplete, for accounting.
    pub fn memory(&self) -> usize {
        self.found.capacity() * size_of::<Span>()
    }

    /// Ends a request, of which nothing else is left to forget, and gives its length.
    #[inline]
    fn finish(&mut self) -> usize {
        self.wanted = 0;
        self.searched = 0;
        std::mem::take(&mut self.position)
    }

    /// Reads on from `position`. `true`: the request is complete and ends at `position`.
    #[inline(always)]
    fn advance(&mut self, input: &[u8], limits: &Limits, spans: &mut Vec<Span>) -> Result<bool, ProtocolError> {
        if self.remaining == 0 {
            match self.read_count(input, limits)? {
                Some(count) => self.remaining = count,
                None => return Ok(false),
            }
        }
        if self.bulk_len.is_none() && limits.bulk_len >= SHORT && input.len() <= u32::MAX as usize {
            self.advance_over_short(input, spans);
        }
        while self.remaining > 0 {
            let len = match self.bulk_len {
                Some(len) => len,
                None => match self.read_bulk_len(input, limits)? {
                    Some(len) => len,
                    None => return Ok(false),
                },
            };
            let end = self.position + len + 2;
            if end > input.len() {
                self.bulk_len = Some(len);
                self.wanted = end;
                return Ok(false);
            }
            spans.push(Span { start: self.position as u32, len: len as u32 });
            self.position = end;
            self.bulk_len = None;
            self.remaining -= 1;
        }
        Ok(true)
    }

    /// Reads on as long as arguments are short and whole, which mostly is to the end.
    #[inline(always)]
    fn advance_over_short(&mut self, input: &[u8], spans: &mut Vec<Span>) {
        let (mut position, mut remaining) = (self.position, self.remaining);
        while remaining > 0 {
            let Some((len, width)) = input.get(position..).and_then(|rest| short_header(rest, b'$')) else { break };
            let start = position + width;
            if start + len + 2 > input.len() {
                break;
            }
            spans.push(Span { start: start as u32, len: len as u32 });
            position = start + len + 2;
            remaining -= 1;
        }
        (self.position, self.remaining) = (position, remaining);
    }

    /// Reads the number of arguments, if the line that announces it is complete.
    #[inline]
    fn read_count(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        if let Some((count, width)) = short_header(input, b'*')
            && count <= limits.args
            && (count <= MAX_UNAUTHENTICATED_ARGS as usize || limits.authenticated)
        {
            self.position = width;
            return Ok(Some(count));
        }
        self.read_long_count(input, limits)
    }

    #[cold]
    fn read_long_count(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        let Some(end) = self.header_end(input, ProtocolError::TooBigMultibulkCountString)? else {
            return Ok(None);
        };
        let count = parse_i64(&input[1..end]).ok_or(ProtocolError::InvalidMultibulkLength)?;
        if count > i64::try_from(limits.args).unwrap_or(i64::MAX) {
            return Err(ProtocolError::InvalidMultibulkLength);
        }
        if count > MAX_UNAUTHENTICATED_ARGS && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        self.position = end + 2;
        Ok(Some(usize::try_from(count).unwrap_or(0)))
    }

    /// Reads the length of the argument at `position`, if the line that announces it is complete.
    #[inline]
    fn read_bulk_len(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        // In a buffer below 4 GiB a short argument cannot begin where its span could not tell.
        if let Some((len, width)) = short_header(&input[self.position..], b'$')
            && len <= limits.bulk_len
            && input.len() <= u32::MAX as usize
        {
            self.position += width;
            return Ok(Some(len));
        }
        self.read_long_bulk_len(input, limits)
    }

    #[cold]
    fn read_long_bulk_len(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        let Some(end) = self.header_end(input, ProtocolError::TooBigBulkCountString)? else {
            return Ok(None);
        };
        let marker = input[self.position];
        if marker != b'$' {
            return Err(ProtocolError::ExpectedDollar(marker));
        }
        let announced = parse_i64(&input[self.position + 1..end])
            .filter(|&len| len <= i64::try_from(limits.bulk_len).unwrap_or(i64::MAX));
        let len = announced.and_then(|len| usize::try_from(len).ok()).ok_or(ProtocolError::InvalidBulkLength)?;
        if len > MAX_UNAUTHENTICATED_BULK as usize && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        let start = end + 2;
        // Spans count in 32 bits, so a request ends before 4 GiB whatever the limits say.
        if start.saturating_add(len) > u32::MAX as usize - 2 {
            return Err(ProtocolError::InvalidBulkLength);
        }
        self.position = start;
        Ok(Some(len))
    }

    /// The place of the `\r` that ends the header at `position`, once the byte behind it has come too.
    fn header_end(&mut self, input: &[u8], too_big: ProtocolError) -> Result<Option<usize>, ProtocolError> {
        match self.find_in_line(input, b'\r', too_big)? {
            Some(end) if end + 1 < input.len() => Ok(Some(end)),
            Some(end) => {
                self.searched = end;
                self.wanted = end + 2;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Searches the line at `position` for its last byte, from where an earlier search ended.
    fn find_in_line(&mut self, input: &[u8], last: u8, too_big: ProtocolError) -> Result<Option<usize>, ProtocolError> {
        let from = self.searched.max(self.position);
        let to = input.len().min(self.position + MAX_LINE + 1);
        if let Some(offset) = input[from..to].iter().position(|&byte| byte == last) {
            return Ok(Some(from + offset));
        }
        if to - self.position > MAX_LINE {
            return Err(too_big);
        }
        self.searched = to;
        self.wanted = to + 1;
        Ok(None)
    }
}

/// The largest number of two digits.
const SHORT: usize = 99;

/// A header whose number has one or two digits and is complete: the number, and the header's width.
#[inline]
fn short_header(input: &[u8], marker: u8) -> Option<(usize, usize)> {
    let digit = |byte: u8| usize::from(byte.wrapping_sub(b'0'));
    match *input {
        [first, a, b'\r', b'\n', ..] if first == marker && digit(a) < 10 => Some((digit(a), 4)),
        [first, a @ b'1'..=b'9', b, b'\r', b'\n', ..] if first == marker && digit(b) < 10 => {
            Some((digit(a) * 10 + digit(b), 5))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Requests = Vec<Vec<Vec<u8>>>;

    /// Decodes a stream that comes in pieces ending at `cuts`, as a connection would: bytes of whole requests are
    /// dropped, the rest is presented again. Gives the requests and what ended the stream, if anything did.
    fn decode_in_pieces(stream: &[u8], cuts: &[usize], limits: &Limits) -> (Requests, Option<ProtocolError>) {
        let (mut decoder, mut buffer, mut requests, mut sent) = (Decoder::new(), Vec::new(), Vec::new(), 0);
        for &cut in cuts.iter().chain([&stream.len()]) {
            buffer.extend_from_slice(&stream[sent..cut]);
            sent = cut;
            loop {
                let mut spans = Vec::new();
                match decoder.next(&buffer, limits, &mut spans) {
                    Ok(Some(request)) => {
                        assert!(decoder.is_idle() && decoder.memory() == 0);
                        let (consumed, args) = match request {
                            Request::Multibulk { consumed } => {
                                (consumed, spans.iter().map(|span| span.of(&buffer).to_vec()).collect())
                            }
                            Request::Inline { consumed, args } => (consumed, args),
                        };
                        requests.push(args);
                        buffer.drain(..consumed);
                    }
                    Ok(None) => {
                        assert!(spans.is_empty());
                        assert_eq!(decoder.is_idle(), buffer.is_empty());
                        assert!(buffer.is_empty() || decoder.wanted() > buffer.len());
                        break;
                    }
                    Err(error) => {
                        assert!(spans.is_empty());
                        return (requests, Some(error));
                    }
                }
            }
        }
        (requests, None)
    }

    #[track_caller]
    fn check_with(limits: &Limits, stream: &[u8], expected: &[&[&[u8]]], error: Option<ProtocolError>) {
        let expected: Requests =
            expected.iter().map(|request| request.iter().map(|arg| arg.to_vec()).collect()).collect();
        let expected = (expected, error);
        assert_eq!(decode_in_pieces(stream, &[], limits), expected, "at once");
        if stream.len() < 1_000 {
            for cut in 0..=stream.len() {
                assert_eq!(decode_in_pieces(stream, &[cut], limits), expected, "cut at {cut}");
            }
        }
        let every: Vec<usize> = (0..stream.len()).collect();
        assert_eq!(decode_in_pieces(stream, &every, limits), expected, "byte by byte");
    }

    #[track_caller]
    fn check(stream: &[u8], expected: &[&[&[u8]]]) {
        check_with(&Limits::default(), stream, expected, None);
    }

    #[track_caller]
    fn fails(stream: &[u8], error: ProtocolError) {
        check_with(&Limits::default(), stream, &[], Some(error));
        let ping = [b"PING\r\n", stream].concat();
        check_with(&Limits::default(), &ping, &[&[b"PING"]], Some(error));
    }

    #[test]
    fn arrays_of_bulks() {
        check(b"*1\r\n$4\r\nPING\r\n", &[&[b"PING"]]);
        check(b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$2\r\n\r\n\r\n", &[&[b"GET", b""], &[b"\r\n"]]);
        let long = [
            b"*12\r\n".to_vec(),
            b"$10\r\n0123456789\r\n".repeat(11),
            b"$123\r\n".to_vec(),
            b"x".repeat(123),
            b"\r\n".to_vec(),
        ];
        let mut args = vec![&b"0123456789"[..]; 11];
        args.push(&[b'x'; 123]);
        check(&long.concat(), &[&args]);
    }

    #[test]
    fn requests_for_nothing() {
        check(b"*0\r\n*-1\r\n*-5\r\n*-9223372036854775808\r\n\r\n\n  \r\n", &[&[], &[], &[], &[], &[], &[], &[]]);
    }

    #[test]
    fn line_ends_are_skipped_unseen() {
        check(b"*1\rx$4\rxPINGxx*1\r\n$0\r\n\n\r", &[&[b"PING"], &[b""]]);
    }

    #[test]
    fn inline_requests() {
        check(b"PING\nPING\r\n ECHO  hi \r\n", &[&[b"PING"], &[b"PING"], &[b"ECHO", b"hi"]]);
        check(b"PING\rfoo\r\r\n$4\r\n", &[&[b"PING", b"foo"], &[b"$4"]]);
        check(b"set \"a\\tb\\x41\" 'c d' \"\"\r\nget k\r\n", &[&[b"set", b"a\tbA", b"c d", b""], &[b"get", b"k"]]);
        check(b"\0a\0b c\0\n", &[&[b"\0a\0b", b"c\0"]]);
        fails(b"PING \"a\r\n", ProtocolError::UnbalancedQuotes);
        fails(b"PING 'a'b\r\n", ProtocolError::UnbalancedQuotes);
    }

    #[test]
    fn wrong_headers() {
        for count in [
            "",
            "a",
            "+1",
            " 1",
            "01",
            "-0",
            "1a",
            "1\n$4\nPING\n",
            "\0",
            "1048577",
            "2147483648",
            "9223372036854775808",
        ] {
            fails(format!("*{count}\r\n").as_bytes(), ProtocolError::InvalidMultibulkLength);
        }
        for len in ["", "a", "+1", "01", "-0", "-1", "-2", "\0", "536870913", "2147483647", "99999999999999999999"] {
            fails(format!("*3\r\n$3\r\nSET\r\n$1\r\nx\r\n${len}\r\n").as_bytes(), ProtocolError::InvalidBulkLength);
        }
        for (line, byte) in [("PING", b'P'), ("", b'\r'), ("\0", 0), ("*1", b'*'), ("4", b'4')] {
            fails(format!("*1\r\n{line}\r\n").as_bytes(), ProtocolError::ExpectedDollar(byte));
        }
    }

    #[test]
    fn endless_lines() {
        let limits = Limits::default();
        let line = |start: &[u8], len: usize| [start, &b"1".repeat(len - 1)].concat();
        check_with(&limits, &line(b"*", 65_536), &[], None);
        fails(&line(b"*", 65_537), ProtocolError::TooBigMultibulkCountString);
        check_with(&limits, &[b"*1\r\n".to_vec(), line(b"$", 65_536)].concat(), &[], None);
        fails(&[b"*1\r\n".to_vec(), line(b"$", 65_537)].concat(), ProtocolError::TooBigBulkCountString);
        check_with(&limits, &line(b"A", 65_536), &[], None);
        fails(&line(b"A", 65_537), ProtocolError::TooBigInlineRequest);
        // Whether the end of a line that is too long has come already makes no difference.
        fails(&[line(b"A", 65_537), b"\r\n".to_vec()].concat(), ProtocolError::TooBigInlineRequest);
    }

    #[test]
    fn limits_before_authentication() {
        let limits = Limits { authenticated: false, ..Limits::default() };
        check_with(&limits, b"*10\r\n", &[], None);
        check_with(&limits, b"*11\r\n", &[], Some(ProtocolError::UnauthenticatedMultibulkLength));
        check_with(&limits, b"*1048577\r\n", &[], Some(ProtocolError::InvalidMultibulkLength));
        check_with(&limits, b"*1\r\n$16384\r\n", &[], None);
        check_with(&limits, b"*1\r\n$16385\r\n", &[], Some(ProtocolError::UnauthenticatedBulkLength));
        check_with(&limits, b"*1\r\n$536870913\r\n", &[], Some(ProtocolError::InvalidBulkLength));
    }

    #[test]
    fn limits_can_be_set() {
        let limits = Limits { args: 5, bulk_len: 7, authenticated: true };
        check_with(&limits, b"*5\r\n$7\r\n", &[], None);
        check_with(&limits, b"*6\r\n", &[], Some(ProtocolError::InvalidMultibulkLength));
        check_with(&limits, b"*1\r\n$8\r\n", &[], Some(ProtocolError::InvalidBulkLength));
        // No limit at all still leaves the 4 GiB that spans can count.
        let limits = Limits { args: usize::MAX, bulk_len: usize::MAX, authenticated: true };
        check_with(&limits, b"*9223372036854775807\r\n$4294967200\r\n", &[], None);
        check_with(&limits, b"*1\r\n$4294967290\r\n", &[], Some(ProtocolError::InvalidBulkLength));
        check_with(&limits, b"*1\r\n$9223372036854775807\r\n", &[], Some(ProtocolError::InvalidBulkLength));
    }

    #[test]
    fn wanted_tells_what_is_missing() {
        let (mut decoder, limits, mut spans) = (Decoder::new(), Limits::default(), Vec::new());
        let mut input = b"*2\r\n$3\r\nGET\r\n$1000000\r\nabc".to_vec();
        assert_eq!(decoder.next(&input, &limits, &mut spans), Ok(None));
        assert_eq!(decoder.wanted(), input.len() - 3 + 1_000_000 + 2);
        assert_eq!(decoder.room(input.len()), MIN_ROOM);
        assert_eq!(decoder.room(400_000), 400_000);
        assert_eq!(decoder.room(decoder.wanted() - 5), MIN_ROOM);
        // Less input than before is only a reason to wait.
        assert_eq!(decoder.next(&input[..5], &limits, &mut spans), Ok(None));
        input.resize(decoder.wanted(), b'x');
        assert_eq!(decoder.next(&input, &limits, &mut spans), Ok(Some(Request::Multibulk { consumed: input.len() })));
        assert_eq!(spans.len(), 2);
        assert_eq!((decoder.wanted(), decoder.memory()), (0, 0));
    }

    #[test]
    fn announcements_cost_no_memory() {
        let (mut decoder, limits, mut spans) = (Decoder::new(), Limits::default(), Vec::new());
        let input = b"*1048576\r\n$536870912\r\n".to_vec();
        assert_eq!(decoder.next(&input, &limits, &mut spans), Ok(None));
        assert_eq!((decoder.memory(), spans.capacity()), (0, 0));
    }

    #[test]
    fn a_long_request_in_small_pieces_takes_linear_time() {
        let stream = [b"*200000\r\n".to_vec(), b"$1\r\nx\r\n".repeat(200_000)].concat();
        let (mut decoder, limits, mut spans) = (Decoder::new(), Limits::default(), Vec::new());
        let input = stream.clone();
        for end in (0..stream.len()).step_by(7) {
            assert_eq!(decoder.next(&input[..end], &limits, &mut spans), Ok(None));
        }
        assert_eq!(decoder.next(&input, &limits, &mut spans), Ok(Some(Request::Multibulk { consumed: stream.len() })));
        assert_eq!(spans.len(), 200_000);
    }

    #[test]
    fn garbage_is_survived() {
        let alphabet = b"**$$\r\r\n\n\r\n0123-19 \"'\\xaP\0\xff";
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as usize
        };
        for round in 0..20_000 {
            let mut stream: Vec<u8> = if round % 2 == 0 { b"*2\r\n$1\r\na\r\n".to_vec() } else { Vec::new() };
            stream.extend((0..next() % 40).map(|_| alphabet[next() % alphabet.len()]));
            let limits = Limits { args: 1 + next() % 20, bulk_len: 1 + next() % 20, authenticated: next() % 2 == 0 };
            let whole = decode_in_pieces(&stream, &[], &limits);
            let cut = next() % (stream.len() + 1);
            assert_eq!(
                decode_in_pieces(&stream, &[cut], &limits),
                whole,
                "{:?} cut at {cut}",
                stream.escape_ascii().to_string()
            );
        }
    }
}
