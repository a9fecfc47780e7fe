//! Commands as bytes, the way a client sends them: an array of bulk strings. The change log has this form too.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_arrays_of_bulk_strings() {
        assert_eq!(write_command(&[b"SET", b"k", b"a\r\nb"]), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n");
        assert_eq!(write_command(&[]), b"*0\r\n");
        let long: &[u8] = &[7; 1234];
        assert!(write_command(&[long; 12]).starts_with(b"*12\r\n$1234\r\n\x07"));
    }
}
