//! Byte buffers of two words whose used length is written in the bytes themselves.
//!
//! Listpacks and intsets carry their own length in their header, so a `Vec` would keep it twice. They live in a
//! `Box<[u8]>` that may be longer than what is used. How much longer is no waste: the buffer is always as long as the
//! size class an allocator would round the request up to, which turns most insertions into a move of bytes without a
//! call to the allocator.

/// The size class that holds `size` bytes: multiples of 16 up to 128, then four classes to each doubling.
pub(super) fn size_class(size: usize) -> usize {
    match size {
        0..=8 => 8,
        9..=128 => size.next_multiple_of(16),
        _ => {
            let step = (size - 1).ilog2() - 2;
            size.next_multiple_of(1 << step)
        }
    }
}

/// A buffer of `used` bytes copied from `bytes`.
pub(super) fn from_slice(bytes: &[u8]) -> Box<[u8]> {
    let mut buffer = Vec::with_capacity(size_class(bytes.len()));
    buffer.extend_from_slice(bytes);
    buffer.resize(buffer.capacity(), 0);
    buffer.into_boxed_slice()
}

/// Replaces the `old` bytes at `at` by a gap of `new` bytes whose content is unspecified, moving what lies between
/// them and `used`. Grows the buffer when it must, shrinks it when less than half would be left in use.
pub(super) fn splice(buffer: &mut Box<[u8]>, used: usize, at: usize, old: usize, new: usize) {
    let after = used - old + new;
    if after > buffer.len() {
        resize(buffer, size_class(after));
    }
    buffer.copy_within(at + old..used, at + new);
    if new < old {
        let class = size_class(after);
        if class <= buffer.len() / 2 {
            resize(buffer, class);
        }
    }
}

fn resize(buffer: &mut Box<[u8]>, len: usize) {
    let mut bytes = Vec::from(std::mem::take(buffer));
    bytes.reserve_exact(len.saturating_sub(bytes.len()));
    bytes.resize(len, 0);
    *buffer = bytes.into_boxed_slice();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_allocator() {
        let classes = [(7, 8), (9, 16), (17, 32), (128, 128), (129, 160), (256, 256), (257, 320), (8193, 10240)];
        for (size, class) in classes {
            assert_eq!(size_class(size), class, "{size}");
        }
    }

    #[test]
    fn splice_moves_the_tail() {
        let mut buffer = from_slice(b"0123456789");
        splice(&mut buffer, 10, 2, 3, 5);
        buffer[2..7].copy_from_slice(b"abcde");
        assert_eq!(&buffer[..12], b"01abcde56789");
        splice(&mut buffer, 12, 0, 11, 0);
        assert_eq!((buffer[0], buffer.len()), (b'9', 8));
    }
}
