//! Random choices that a seed repeats: what fuzzing tests draw from.

/// A generator of random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`; 0 if that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() % n.max(1) as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        &choices[self.below(choices.len())]
    }

    /// Bytes of all values.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.number() as u8).collect()
    }

    /// A text such as values are made of: numbers near the limits of every width, words, what compresses well and what does
    /// not, and now and then something long.
    pub fn text(&mut self) -> Vec<u8> {
        match self.below(12) {
            0 => self.below(300).to_string().into_bytes(),
            1 => (self.number() as i64 >> self.below(64)).to_string().into_bytes(),
            2 => {
                let limit = *self.pick(&[0, 1 << 7, 1 << 12, 1 << 15, 1 << 23, 1 << 31, i64::MAX]);
                let near = limit.wrapping_add(self.below(5) as i64 - 2);
                if self.one_in(2) { near } else { near.wrapping_neg() }.to_string().into_bytes()
            }
            3 => vec![b'x'; self.below(200)],
            4 => b"abcdefgh".repeat(self.below(30)),
            5 if self.one_in(20) => {
                let len = self.below(70_000);
                if self.one_in(2) { self.bytes(len) } else { b"0123456789abcdef".repeat(len / 16) }
            }
            6 => Vec::new(),
            7 => {
                let len = self.below(100);
                self.bytes(len)
            }
            _ => format!("word{}", self.below(2000)).into_bytes(),
        }
    }
}
