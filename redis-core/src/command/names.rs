//! Which command a name is for.
//!
//! It is looked up for every request, so each name has a place of its own, for which a seed is searched when the table is
//! made; and it is compared as two words, not letter by letter: in small letters these are, with the length, the whole of
//! a name that is not long. (73 instructions for GET, where a loop over the letters took 114.)

/// A name and what it is for.
pub(super) type Named<T> = (&'static [u8], T);

/// Names of more bytes are not told from each other by two words.
const LONG: usize = 2 * size_of::<u64>();

/// All names at fixed places.
#[derive(Debug)]
pub(super) struct NameTable<T> {
    names: Vec<Named<T>>,
    /// Such that no two names have the same place.
    seed: u64,
    shift: u32,
    places: Vec<Option<Place<T>>>,
}

#[derive(Clone, Copy, Debug)]
struct Place<T> {
    words: (u64, u64),
    name: &'static [u8],
    command: T,
}

impl<T: Copy> NameTable<T> {
    /// A table of different names.
    pub(super) fn new(names: Vec<Named<T>>) -> Self {
        let mut bits = usize::BITS - (names.len() * 4).leading_zeros();
        loop {
            for seed in (1..2000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1) {
                let shift = 64 - bits;
                let mut places = vec![None; 1 << bits];
                let free = names.iter().all(|&(name, command)| {
                    let words = words_of(name);
                    places[place_of(name, words, seed, shift)].replace(Place { words, name, command }).is_none()
                });
                if free {
                    return NameTable { names, seed, shift, places };
                }
            }
            bits += 1;
        }
    }

    /// All names.
    pub(super) fn names(&self) -> &[Named<T>] {
        &self.names
    }

    /// The command of that name, in any case.
    #[inline(always)]
    pub(super) fn find(&self, name: &[u8]) -> Option<T> {
        let words = words_of(name);
        let place = self.places[place_of(name, words, self.seed, self.shift)].as_ref()?;
        let same = place.words == words
            && place.name.len() == name.len()
            && (name.len() <= LONG || place.name.eq_ignore_ascii_case(name));
        same.then_some(place.command)
    }
}

/// The beginning and the end of a name in small letters.
#[inline]
fn words_of(name: &[u8]) -> (u64, u64) {
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        return (small_letters(u64::from_le_bytes(*first)), small_letters(u64::from_le_bytes(*last)));
    }
    let word = match (name.first_chunk(), name.last_chunk(), name) {
        (Some(first), Some(last), _) => half(first) | half(last) << 32,
        (_, _, [first, .., last]) => u64::from(*first) | u64::from(name[name.len() / 2]) << 8 | u64::from(*last) << 16,
        (_, _, [only]) => u64::from(*only),
        _ => 0,
    };
    (small_letters(word), 0)
}

/// Eight bytes, the letters among them small.
#[inline]
const fn small_letters(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * EACH);
    // The top bit of each byte says whether it is at least `A`, and whether it is above `Z`.
    let letters = (low + (0x80 - b'A' as u64) * EACH) & !(low + (0x7f - b'Z' as u64) * EACH) & !word & (0x80 * EACH);
    word | letters >> 2
}

#[inline]
fn place_of(name: &[u8], (first, last): (u64, u64), seed: u64, shift: u32) -> usize {
    // Multiplied in between, so that for any two names there is a seed that tells them apart.
    let mut hash = ((first ^ name.len() as u64).wrapping_mul(seed).rotate_left(29) ^ last).wrapping_mul(seed);
    if name.len() > LONG {
        hash = mix_middle(name, hash, seed);
    }
    (hash >> shift) as usize
}

#[cold]
fn mix_middle(name: &[u8], hash: u64, seed: u64) -> u64 {
    let middle = &name[size_of::<u64>()..name.len() - size_of::<u64>()];
    middle.iter().fold(hash, |hash, byte| (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_become_small() {
        for byte in 0..=u8::MAX {
            let expected = u64::from(byte.to_ascii_lowercase());
            assert_eq!(small_letters(u64::from(byte) << 24 | 0x41 << 32), expected << 24 | 0x61 << 32, "{byte}");
        }
    }

    #[test]
    fn different_names_of_one_length_have_different_words() {
        let words = |name: &str| words_of(name.as_bytes());
        for (a, b) in
            [("get", "set"), ("a", "b"), ("ab", "ba"), ("hgetall", "hgetalL"), ("zrangebyscore", "zrangebylex..")]
        {
            assert_eq!(words(a) == words(b), a.eq_ignore_ascii_case(b), "{a} {b}");
        }
        assert_ne!(words("zrangebyscore"), words("zrangebyscorf"));
        assert_ne!(words("[get"), words("{get"));
    }
}
