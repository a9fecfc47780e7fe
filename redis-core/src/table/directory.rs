//! The directory: which segment holds the hashes that begin with given bits.
//!
//! An array of segment numbers, indexed by the top bits of a hash. A segment of less depth than the directory stands
//! in it several times in a row. A table of one segment has no array at all.

#[derive(Default)]
pub(super) struct Directory {
    segments: Option<Box<[u32]>>,
}

impl Directory {
    pub(super) const fn new() -> Self {
        Self { segments: None }
    }

    /// The number of hash bits it looks at.
    #[inline]
    pub(super) fn depth(&self) -> u8 {
        self.segments.as_ref().map_or(0, |segments| segments.len().trailing_zeros() as u8)
    }

    /// The number of the segment that a hash belongs to.
    #[inline]
    pub(super) fn segment_of(&self, hash: u64) -> usize {
        match &self.segments {
            None => 0,
            // There are at least two, so the shift is at most 63.
            Some(segments) => segments[(hash >> (64 - segments.len().trailing_zeros())) as usize] as usize,
        }
    }

    /// The number of the segment that begins with the `depth` bits of `prefix`.
    pub(super) fn segment_at(&self, prefix: u32, depth: u8) -> usize {
        match depth {
            0 => 0,
            _ => self.segment_of(u64::from(prefix) << (64 - depth)),
        }
    }

    /// Enters a segment that holds the hashes beginning with the `depth` bits of `prefix`.
    pub(super) fn enter(&mut self, prefix: u32, depth: u8, segment: usize) {
        let width = self.depth() - depth;
        if let Some(segments) = &mut self.segments {
            let first = (prefix as usize) << width;
            segments[first..first + (1 << width)].fill(segment as u32);
        }
    }

    /// Looks at one bit more.
    pub(super) fn double(&mut self) {
        let doubled = match &self.segments {
            None => Box::from([0, 0]),
            Some(segments) => segments.iter().flat_map(|&segment| [segment, segment]).collect(),
        };
        self.segments = Some(doubled);
    }

    /// Looks at as few bits as the segments allow.
    pub(super) fn shrink(&mut self) {
        while let Some(segments) = &self.segments
            && segments.chunks_exact(2).all(|pair| pair[0] == pair[1])
        {
            self.segments = (segments.len() > 2).then(|| segments.iter().step_by(2).copied().collect());
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.segments.as_deref().map_or(0, size_of_val)
    }
}
