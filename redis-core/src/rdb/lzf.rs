//! LZF, the compression of long strings.
//!
//! Compressed bytes are a sequence of runs and of repetitions:
//!
//! ```text
//! 000nnnnn  bytes                  n + 1 bytes as they are
//! nnnooooo  oooooooo               n + 2 bytes (n is 1 to 6) as they stand o + 1 bytes before here
//! 111ooooo  nnnnnnnn  oooooooo     n + 9 bytes likewise
//! ```
//!
//! A repetition may overlap with what it produces: `o` being 0 repeats the last byte.
//!
//! Any sequence that decompresses to the right bytes would do. The compressor makes the choices that the library does
//! which Redis uses (hash of three bytes, which of them are noted, where it gives up), so that the same string is
//! compressed to the same bytes, and a DUMP of equal values is equal.

/// The longest run.
const RUN_MAX: usize = 1 << 5;

/// How far back a repetition reaches.
const OFFSET_MAX: usize = 1 << 13;

/// The longest repetition.
const REPETITION_MAX: usize = (1 << 8) + (1 << 3);

/// A repetition of this many bytes or more takes a length byte.
const LONG: usize = 9;

const HASH_BITS: u32 = 16;

/// The most that one compressed byte can stand for: three make 264.
const EXPANSION_MAX: usize = REPETITION_MAX / 3;

/// Where three bytes were seen last. To be used again and again, as clearing its table would cost more than a short
/// string.
pub(super) struct Compressor {
    /// By hash: `base` and the position.
    seen: Box<[u32; 1 << HASH_BITS]>,
    /// Entries up to here are those of strings before.
    base: u32,
}

impl Compressor {
    pub(super) fn new() -> Self {
        let seen = vec![0; 1 << HASH_BITS].into_boxed_slice().try_into().expect("it is as long as it is made");
        Self { seen, base: 0 }
    }

    /// The place in the table for three bytes.
    #[inline]
    fn slot(three: u32) -> usize {
        let hash = (three >> (24 - HASH_BITS)).wrapping_sub(three.wrapping_mul(5));
        (hash & ((1 << HASH_BITS) - 1)) as usize
    }

    /// Notes the three bytes at `at`, and returns where they were before; perhaps, for the hash may be that of others.
    #[inline]
    fn note(&mut self, three: u32, at: usize) -> Option<usize> {
        // At most `base` plus the length, for which there is room.
        let entry = self.base.wrapping_add(at as u32);
        let before = std::mem::replace(&mut self.seen[Self::slot(three)], entry);
        // The very first byte is never referred to, which saves a mark for "nowhere".
        (before > self.base).then(|| (before - self.base) as usize)
    }

    /// Appends the compressed input. If it would take about `limit` bytes or more, false is returned, and the output is as
    /// it was.
    pub(super) fn compress(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let Ok(len) = u32::try_from(input.len()) else {
            return false;
        };
        if self.base.checked_add(len).is_none() {
            self.seen.fill(0);
            self.base = 0;
        }
        let fits = self.run(input, limit, out).is_some();
        self.base += len;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    fn run(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> Option<()> {
        // What is written never exceeds this by more than a repetition.
        out.reserve(limit.min(input.len()) + 8);
        let mut run = Run::begin(out, limit);
        // Where three bytes can begin.
        let last = input.len().checked_sub(3)?;
        let two = |at: usize| u32::from(input[at]) << 8 | u32::from(input[at + 1]);
        let (mut at, mut three) = (0, two(0));
        while at <= last {
            three = (three << 8 | u32::from(input[at + 2])) & 0xff_ffff;
            let before = self.note(three, at);
            let Some((offset, len)) = before.and_then(|before| repetition(input, before, at)) else {
                run.literal(input[at])?;
                at += 1;
                continue;
            };
            run.repeat(offset, len)?;
            at += len;
            if at > last {
                break;
            }
            // Of what was repeated, only the last two places are noted.
            let (one, other) = (two(at - 2) << 8 | u32::from(input[at]), two(at - 1) << 8 | u32::from(input[at + 1]));
            self.note(one, at - 2);
            self.note(other, at - 1);
            three = two(at);
        }
        run.room(3)?;
        for byte in &input[at..] {
            run.literal_at_end(*byte);
        }
        run.end();
        Some(())
    }
}

/// How far back and how long the repetition is that begins at `at` and stood at `before`, if it is one.
fn repetition(input: &[u8], before: usize, at: usize) -> Option<(usize, usize)> {
    let offset = at - before - 1;
    if offset >= OFFSET_MAX || input[before..before + 3] != input[at..at + 3] {
        return None;
    }
    // The last two bytes are kept out of it, unless that would cut off what the library compares in one stride.
    let longest = match input.len() - at - 2 {
        left @ ..=16 => left.max(3),
        left => left.clamp(19, REPETITION_MAX),
    };
    let more = input[at + 3..at + longest].iter().zip(&input[before + 3..]).take_while(|(a, b)| a == b).count();
    Some((offset, 3 + more))
}

/// The output: what is complete, and the run that is being collected behind the place for its length.
struct Run<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    limit: usize,
    /// Bytes in the run.
    len: usize,
}

impl<'o> Run<'o> {
    fn begin(out: &'o mut Vec<u8>, limit: usize) -> Self {
        let start = out.len();
        out.push(0);
        Self { out, start, limit, len: 0 }
    }

    fn written(&self) -> usize {
        self.out.len() - self.start
    }

    fn room(&self, bytes: usize) -> Option<()> {
        (self.written() + bytes <= self.limit).then_some(())
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        self.room(1)?;
        self.literal_at_end(byte);
        Some(())
    }

    fn literal_at_end(&mut self, byte: u8) {
        self.out.push(byte);
        self.len += 1;
        if self.len == RUN_MAX {
            self.end();
            self.out.push(0);
        }
    }

    /// Writes the run's length, or takes its place away if there is no run.
    fn end(&mut self) {
        if self.len == 0 {
            self.out.pop();
        } else {
            let head = self.out.len() - self.len - 1;
            self.out[head] = self.len as u8 - 1;
            self.len = 0;
        }
    }

    fn repeat(&mut self, offset: usize, len: usize) -> Option<()> {
        if self.written() - usize::from(self.len == 0) + 4 >= self.limit {
            return None;
        }
        self.end();
        let (high, low) = ((offset >> 8) as u8, offset as u8);
        if len < LONG {
            self.out.push(high | (len as u8 - 2) << 5);
        } else {
            self.out.push(high | 7 << 5);
            self.out.push((len - LONG) as u8);
        }
        self.out.push(low);
        self.out.push(0);
        Some(())
    }
}

/// The bytes that were compressed, if there are exactly `len` of them.
pub(super) fn decompress(mut input: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > input.len().saturating_mul(EXPANSION_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    while let [control, rest @ ..] = input {
        let head = usize::from(control >> 5);
        if head == 0 {
            let (run, rest) = rest.split_at_checked(usize::from(*control) + 1)?;
            if out.len() + run.len() > len {
                return None;
            }
            out.extend_from_slice(run);
            input = rest;
            continue;
        }
        let (repeated, rest) = match (head, rest) {
            (7, [more, rest @ ..]) => (LONG + usize::from(*more), rest),
            (7, []) => return None,
            _ => (head + 2, rest),
        };
        let (low, rest) = rest.split_first()?;
        let offset = usize::from(control & 0x1F) << 8 | usize::from(*low);
        let from = out.len().checked_sub(offset + 1)?;
        if out.len() + repeated > len {
            return None;
        }
        if repeated <= offset {
            out.extend_from_within(from..from + repeated);
        } else {
            (from..from + repeated).for_each(|at| out.push(out[at]));
        }
        input = rest;
    }
    (out.len() == len).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::below;

    fn compressed(input: &[u8], limit: usize) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        let fits = Compressor::new().compress(input, limit, &mut out);
        assert!(out.starts_with(b"before") && (fits || out.len() == 6));
        fits.then(|| out.split_off(6))
    }

    #[test]
    fn bytes_are_those_of_redis() {
        // What DUMP of Redis 7.0.15 has for this string.
        assert_eq!(compressed(&[b'a'; 36], 32).unwrap(), b"\x01aa\xe0\x17\x00\x01aa");
        assert_eq!(compressed(&[b'x'; 22], 18).unwrap(), b"\x01xx\xe0\x0a\x00\x00x");
        assert_eq!(compressed(b"abcdefghijklmnopqrstuvwxyz", 22), None);
    }

    /// Texts from few words, so that there is much to repeat, of all lengths.
    fn random_text() -> Vec<u8> {
        let letters = 1 + below(if below(3) == 0 { 200 } else { 4 });
        let len = below(if below(10) == 0 { 40_000 } else { 300 });
        let mut text = Vec::with_capacity(len + 300);
        while text.len() < len {
            if below(2) == 0 && !text.is_empty() {
                let from = below(text.len());
                let to = (from + below(400)).min(text.len());
                text.extend_from_within(from..to);
            } else {
                text.push(below(letters) as u8);
            }
        }
        text.truncate(len);
        text
    }

    #[test]
    fn what_is_compressed_comes_back() {
        let mut compressor = Compressor::new();
        for round in 0..1500 {
            let text = random_text();
            let mut out = Vec::new();
            // As if the table had served for gigabytes.
            if round == 700 {
                compressor.base = u32::MAX - 1000;
            }
            if compressor.compress(&text, text.len() + 10, &mut out) {
                assert_eq!(decompress(&out, text.len()).as_ref(), Some(&text), "round {round}");
                assert_eq!(decompress(&out, text.len() + 1), None);
                assert!(text.is_empty() || decompress(&out, text.len() - 1).is_none());
            }
        }
    }

    #[test]
    fn the_table_of_strings_before_does_not_matter() {
        let mut compressor = Compressor::new();
        for _ in 0..200 {
            let text = random_text();
            let mut out = Vec::new();
            let fits = compressor.compress(&text, text.len(), &mut out);
            assert_eq!(fits.then_some(out), compressed(&text, text.len()));
        }
    }

    #[test]
    fn hostile_bytes_are_refused() {
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..below(40)).map(|_| below(256) as u8).collect();
            let len = below(600);
            if let Some(out) = decompress(&bytes, len) {
                assert_eq!(out.len(), len);
            }
        }
        assert_eq!(decompress(b"\xff\xff", usize::MAX), None);
        assert_eq!(decompress(b"\x20\x00", 3), None, "there is nothing to repeat");
        assert_eq!(decompress(b"\x00a\xe0\xff\x00", 265), Some(vec![b'a'; 265]), "the most that three bytes can do");
    }
}
