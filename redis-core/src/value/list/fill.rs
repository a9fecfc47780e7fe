//! How much a node of a list may hold.

use crate::value::Limits;

/// The size that no node exceeds which is limited by its number of elements.
const SIZE_SAFETY_LIMIT: usize = 8192;

/// The most elements that the limit can be set to; more counts as this.
const COUNT_MAX: i64 = (1 << 15) - 1;

/// What one more element is reckoned to take besides its text, when it is put into a node. Less for most.
const ENTRY_OVERHEAD: usize = 8;

/// The limit of a node: `list-max-listpack-size`, understood.
#[derive(Clone, Copy)]
pub(super) struct Fill {
    size: usize,
    count: usize,
    /// From this length on, an element gets a node of its own.
    large: usize,
}

impl Fill {
    pub(super) fn new(limits: &Limits) -> Self {
        let (size, count, large) = match limits.list_max_listpack_size {
            fill @ 0.. => (SIZE_SAFETY_LIMIT, fill.clamp(1, COUNT_MAX) as usize, SIZE_SAFETY_LIMIT + 1),
            fill => {
                let size = match fill {
                    -1 => 4096,
                    -2 => 8192,
                    -3 => 16_384,
                    -4 => 32_768,
                    _ => 65_536,
                };
                (size, usize::MAX, size + 1)
            }
        };
        let large = match limits.quicklist_packed_threshold {
            0 => large,
            threshold => threshold,
        };
        Self { size, count, large }
    }

    /// Whether a listpack of this size with so many elements is too much.
    pub(super) fn is_exceeded_by(self, size: usize, count: usize) -> bool {
        size > self.size || count > self.count
    }

    /// Whether a node of this size with so many elements can take another one of `len` bytes.
    pub(super) fn allows_another(self, size: usize, count: usize, len: usize) -> bool {
        !self.is_large(len) && !self.is_exceeded_by(size + len + ENTRY_OVERHEAD, count + 1)
    }

    /// Whether an element of this length gets a node of its own.
    pub(super) fn is_large(self, len: usize) -> bool {
        len >= self.large
    }

    /// Whether a listpack of this size with so many elements has at most one `share`th of the limit.
    pub(super) fn has_share(self, size: usize, count: usize, share: usize) -> bool {
        match self.count {
            usize::MAX => size <= self.size / share,
            // The safety limit is none of the user's, so there is no share of it.
            limit => count <= limit / share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(list_max_listpack_size: i64) -> Fill {
        Fill::new(&Limits { list_max_listpack_size, ..Limits::default() })
    }

    #[test]
    fn limits_of_size_and_of_count() {
        assert!(!fill(-2).is_exceeded_by(8192, 1_000_000) && fill(-2).is_exceeded_by(8193, 1));
        assert!(fill(-5).is_exceeded_by(65_537, 1) && fill(-9).is_exceeded_by(65_537, 1));
        assert!(!fill(3).is_exceeded_by(8192, 3) && fill(3).is_exceeded_by(10, 4) && fill(3).is_exceeded_by(8193, 1));
        assert!(fill(0).is_exceeded_by(10, 2) && !fill(i64::MAX).is_exceeded_by(10, 32_767));
        assert!(fill(i64::MAX).is_exceeded_by(10, 32_768));
        assert!(fill(-1).is_large(4097) && !fill(-1).is_large(4096) && !fill(10).is_large(8192));
        assert!(fill(-2).has_share(4096, 9999, 2) && !fill(-2).has_share(4097, 1, 2));
        assert!(fill(10).has_share(9000, 5, 2) && !fill(10).has_share(10, 6, 2) && fill(10).has_share(10, 10, 1));
        let forced = Fill::new(&Limits { quicklist_packed_threshold: 10, ..Limits::default() });
        assert!(forced.is_large(10) && !forced.is_large(9));
    }
}
