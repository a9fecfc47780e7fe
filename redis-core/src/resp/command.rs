//! Commands as bytes, the way a client sends them: an array of bulk strings. The change log has this form too.
//!
//! What clients send is read by the [`Decoder`](super::Decoder), which is as lenient as Redis. What comes from a file was
//! written by a server, so here the form is held to: what differs from it is a file that is damaged.

use super::Span;
use super::encode::{MAX_HEADER, push_header};

/// Writes a command behind what is in `bytes`.
#[inline]
pub fn append_command<'a>(bytes: &mut Vec<u8>, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    append_command_header(bytes, args.len());
    args.for_each(|arg| append_argument(bytes, arg));
}

/// Begins a command: `len` arguments must follow.
#[inline]
pub fn append_command_header(bytes: &mut Vec<u8>, len: usize) {
    push_header(bytes, b'*', len as u64);
}

/// Writes one argument of a command that was begun.
#[inline]
pub fn append_argument(bytes: &mut Vec<u8>, arg: &[u8]) {
    bytes.reserve(arg.len() + MAX_HEADER + 2);
    push_header(bytes, b'$', arg.len() as u64);
    bytes.extend_from_slice(arg);
    bytes.extend_from_slice(b"\r\n");
}

/// A command as bytes.
pub fn write_command(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(args.iter().map(|arg| arg.len() + MAX_HEADER + 2).sum());
    append_command(&mut bytes, args.iter().copied());
    bytes
}

/// The bytes are no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedCommand;

/// The longest line that announces a number.
const MAX_LINE: usize = 32;

/// Finds the arguments of the command at the beginning of `input`, and appends them to `spans`. Answers its length in
/// bytes; `None` if it is incomplete.
///
/// # Errors
/// If it is none.
pub fn parse_command(input: &[u8], spans: &mut Vec<Span>) -> Result<Option<usize>, MalformedCommand> {
    let mark = spans.len();
    let parsed = parse(input, spans);
    if !matches!(parsed, Ok(Some(_))) {
        spans.truncate(mark);
    }
    parsed
}

fn parse(input: &[u8], spans: &mut Vec<Span>) -> Result<Option<usize>, MalformedCommand> {
    let Some((args, mut position)) = read_number(input, b'*')? else { return Ok(None) };
    if args == 0 {
        return Err(MalformedCommand);
    }
    for _ in 0..args {
        let Some((len, header)) = read_number(&input[position..], b'$')? else { return Ok(None) };
        position += header;
        let end = position.checked_add(len).ok_or(MalformedCommand)?;
        match input.get(end..).unwrap_or_default() {
            [] => return Ok(None),
            [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => {}
            _ => return Err(MalformedCommand),
        }
        let start = u32::try_from(position).map_err(|_| MalformedCommand)?;
        spans.push(Span { start, len: u32::try_from(len).map_err(|_| MalformedCommand)? });
        position = end + 2;
    }
    Ok(Some(position))
}

/// A number behind a marker, and the length of its line. `None` if there is not yet a whole line.
#[inline]
fn read_number(input: &[u8], marker: u8) -> Result<Option<(usize, usize)>, MalformedCommand> {
    match input.first() {
        None => return Ok(None),
        Some(byte) if *byte != marker => return Err(MalformedCommand),
        Some(_) => {}
    }
    let mut number = 0_usize;
    for (index, byte) in input.iter().enumerate().skip(1) {
        match byte {
            b'0'..=b'9' if index < MAX_LINE => {
                let digit = usize::from(byte - b'0');
                number = number.checked_mul(10).and_then(|number| number.checked_add(digit)).ok_or(MalformedCommand)?;
            }
            b'\r' if index > 1 => {
                return match input.get(index + 1) {
                    None => Ok(None),
                    Some(b'\n') => Ok(Some((number, index + 2))),
                    Some(_) => Err(MalformedCommand),
                };
            }
            _ => return Err(MalformedCommand),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = write_command(&[b"SET", b"k", b"a\r\nb"]);
        let len = bytes.len();
        for end in 0..len {
            assert_eq!(parse_command(&bytes[..end], &mut Vec::new()), Ok(None), "{end}");
        }
        bytes.extend_from_slice(b"*1");
        let mut spans = Vec::new();
        assert_eq!(parse_command(&bytes, &mut spans), Ok(Some(len)));
        let args: Vec<_> = spans.iter().map(|span| span.of(&bytes)).collect();
        assert_eq!(args, [&b"SET"[..], b"k", b"a\r\nb"]);
    }

    #[test]
    fn what_is_damaged_is_seen() {
        let damaged: [&[u8]; 9] = [
            b"PING\r\n",
            b"*0\r\n",
            b"*\r\n",
            b"*-1\r\n",
            b"*1\rx",
            b"*1\r\n+3\r\n",
            b"*1\r\n$3\r\nSET!!",
            b"*99999999999999999999999",
            b"*1\r\n$18446744073709551615\r\nx",
        ];
        for bytes in damaged {
            assert_eq!(parse_command(bytes, &mut Vec::new()), Err(MalformedCommand), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn commands_are_arrays_of_bulk_strings() {
        assert_eq!(write_command(&[b"SET", b"k", b"a\r\nb"]), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n");
        assert_eq!(write_command(&[]), b"*0\r\n");
        let long: &[u8] = &[7; 1234];
        assert!(write_command(&[long; 12]).starts_with(b"*12\r\n$1234\r\n\x07"));
    }
}
