//! Positions as numbers: the geohash.
//!
//! The world is cut in half 26 times from west to east and 26 times from south to north, which makes a grid of cells
//! about half a metre wide. A cell is named by its column and its row, and its *hash* is their bits in turn, the column's
//! first:
//!
//! ```text
//! column  1 . 0 . 1       row  . 1 . 1 . 0       hash  1 1 0 1 1 0
//! ```
//!
//! These 52 bits are the score of a member: a double holds them exactly. Cells that lie together have hashes that begin
//! alike, so all that lies in a cell of a coarser grid, of fewer halvings, is one range of scores. That is the whole
//! trick: a search in the plane becomes a few searches in a sorted set.
//!
//! A member has lost its exact position: it is found again at the centre of its cell. The grid does not reach the poles;
//! its latitudes are those of the square map of the web (EPSG:3857). The geohash that other programs know uses the whole
//! range of latitudes, so GEOHASH hashes a position anew for them.
//!
//! Every expression here is written as Redis evaluates it, operation by operation: positions are compared and printed to
//! the last digit.

/// The longitudes of a position.
const LONGITUDES: Extent = Extent { min: -180.0, max: 180.0 };

/// The latitudes of a position.
const LATITUDES: Extent = Extent { min: -85.051_128_78, max: 85.051_128_78 };

/// The latitudes of the geohash that other programs know.
const ALL_LATITUDES: Extent = Extent { min: -90.0, max: 90.0 };

/// The halvings in each direction that make the finest grid.
pub(super) const STEPS: u32 = 26;

/// The digits of a geohash as a text.
const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The length of a geohash as a text.
pub(super) const TEXT_LEN: usize = 11;

/// From one coordinate to another, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Extent {
    fn contains(self, coordinate: f64) -> bool {
        self.min <= coordinate && coordinate <= self.max
    }

    /// Which of `2^steps` equal parts a coordinate lies in. The upper end lies in the part behind the last one.
    fn part_of(self, coordinate: f64, steps: u32) -> u32 {
        let fraction = (coordinate - self.min) / (self.max - self.min);
        (fraction * (1_u64 << steps) as f64) as u32
    }

    /// One of `2^steps` equal parts.
    fn part(self, index: u32, steps: u32) -> Extent {
        let parts = (1_u64 << steps) as f64;
        let at = |index: f64| self.min + index / parts * (self.max - self.min);
        Extent { min: at(f64::from(index)), max: at(f64::from(index) + 1.0) }
    }

    fn centre(self) -> f64 {
        (self.min + self.max) / 2.0
    }
}

/// A position on earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Position {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

impl Position {
    /// The position, if the grid reaches there.
    pub(super) fn new(longitude: f64, latitude: f64) -> Option<Position> {
        let in_grid = LONGITUDES.contains(longitude) && LATITUDES.contains(latitude);
        in_grid.then_some(Position { longitude, latitude })
    }

    /// The nearest position that the grid reaches.
    pub(super) fn clamped(longitude: f64, latitude: f64) -> Position {
        Position {
            longitude: longitude.clamp(LONGITUDES.min, LONGITUDES.max),
            latitude: latitude.clamp(LATITUDES.min, LATITUDES.max),
        }
    }

    /// The position that the score of a member stands for: the centre of its cell.
    ///
    /// A sorted set may hold any score. One that is no hash is taken as the bits that an x86 processor makes of it, and
    /// what comes out beyond the grid is brought back to its edge.
    pub(super) fn of_score(score: f64) -> Position {
        const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
        let bits = if score >= 2.0 * TWO_POW_63 {
            0
        } else if score <= -TWO_POW_63 {
            1 << 63
        } else {
            score as i128 as u64
        };
        let (longitude, latitude) = Cell::of_hash(bits, STEPS).extents();
        Position::clamped(longitude.centre(), latitude.centre())
    }

    /// The score of a member at this position.
    pub(super) fn score(self) -> f64 {
        Cell::around(self, STEPS).hash() as f64
    }

    /// The geohash as other programs know it. Ten digits take 50 of the 52 bits; the last digit says nothing.
    pub(super) fn text(self) -> [u8; TEXT_LEN] {
        let column = LONGITUDES.part_of(self.longitude, STEPS);
        let row = ALL_LATITUDES.part_of(self.latitude, STEPS);
        let hash = interleave(row, column);
        let mut text = [DIGITS[0]; TEXT_LEN];
        for (i, digit) in text[..TEXT_LEN - 1].iter_mut().enumerate() {
            *digit = DIGITS[(hash >> (2 * STEPS as usize - 5 * (i + 1)) & 31) as usize];
        }
        text
    }
}

/// A cell of the grid of `2^steps` columns and as many rows. Positions at the eastern and northern ends of the grid lie in
/// a column or row of their own, behind the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    column: u32,
    row: u32,
    steps: u32,
}

impl Cell {
    /// The cell in which a position lies.
    pub(super) fn around(position: Position, steps: u32) -> Cell {
        let column = LONGITUDES.part_of(position.longitude, steps);
        Cell { column, row: LATITUDES.part_of(position.latitude, steps), steps }
    }

    fn of_hash(hash: u64, steps: u32) -> Cell {
        Cell { column: every_other_bit(hash >> 1), row: every_other_bit(hash), steps }
    }

    fn hash(self) -> u64 {
        interleave(self.row, self.column)
    }

    /// The longitudes and latitudes of the cell.
    pub(super) fn extents(self) -> (Extent, Extent) {
        (LONGITUDES.part(self.column, self.steps), LATITUDES.part(self.row, self.steps))
    }

    /// The scores of all that lies in the cell: from the first on and below the second.
    pub(super) fn scores(self) -> (f64, f64) {
        let score = |hash: u64| (hash << (2 * (STEPS - self.steps))) as f64;
        (score(self.hash()), score(self.hash() + 1))
    }

    /// The cell so many columns to the east and rows to the north (-1, 0 or 1), around the edges of the grid.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Cell {
        let moved = |index: u32, by: i32| match by {
            0 => index,
            by => index.wrapping_add_signed(by) & ((1 << self.steps) - 1),
        };
        Cell { column: moved(self.column, east), row: moved(self.row, north), ..self }
    }
}

/// The bits of both numbers in turn, the last one being that of `even`.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

/// How far bits are moved apart in each round, and which ones belong to the number after it.
const ROUNDS: [(u32, u64); 5] = [
    (16, 0x0000_ffff_0000_ffff),
    (8, 0x00ff_00ff_00ff_00ff),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
];

/// The bits of a number with a zero before each of them.
fn spread(number: u32) -> u64 {
    ROUNDS.iter().fold(u64::from(number), |bits, (distance, mask)| (bits | bits << distance) & mask)
}

/// The number whose bits are every other one of these, the last one included: undoes [`spread`].
fn every_other_bit(bits: u64) -> u32 {
    let (.., all) = ROUNDS[ROUNDS.len() - 1];
    let mut number = bits & all;
    for i in (0..ROUNDS.len()).rev() {
        let mask = if i == 0 { u64::from(u32::MAX) } else { ROUNDS[i - 1].1 };
        number = (number | number >> ROUNDS[i].0) & mask;
    }
    number as u32
}

#[cfg(test)]
mod tests {
    use redis_core::rng;

    use super::*;

    fn position(longitude: f64, latitude: f64) -> Position {
        Position::new(longitude, latitude).expect("in the grid")
    }

    #[test]
    fn bits_take_turns() {
        assert_eq!(interleave(0b011, 0b101), 0b10_01_11);
        assert_eq!(interleave(u32::MAX, 0), 0x5555_5555_5555_5555);
        for _ in 0..1000 {
            let (even, odd) = (rng::next_u64() as u32, rng::next_u64() as u32);
            let hash = interleave(even, odd);
            assert_eq!((every_other_bit(hash), every_other_bit(hash >> 1)), (even, odd));
            let one_by_one = (0..32)
                .fold(0, |hash, i| hash | u64::from(even >> i & 1) << (2 * i) | u64::from(odd >> i & 1) << (2 * i + 1));
            assert_eq!(hash, one_by_one);
        }
    }

    #[test]
    fn scores_are_those_of_the_real_server() {
        let cases = [
            (-73.945_496_6, 40.747_533, 1_791_875_804_419_201.0),
            (-74.013_160_4, 40.712_667_4, 1_791_873_972_053_020.0),
            (13.361_389, 38.115_556, 3_479_099_956_230_698.0),
            (15.087_269, 37.502_669, 3_479_447_370_796_909.0),
            (-180.0, -85.051_128_78, 0.0),
            (-180.0, 85.051_128_78, 4_503_599_627_370_496.0),
            (180.0, -85.051_128_78, 9_007_199_254_740_992.0),
            (180.0, 85.051_128_78, 13_510_798_882_111_488.0),
        ];
        for (longitude, latitude, score) in cases {
            assert_eq!(position(longitude, latitude).score(), score, "{longitude} {latitude}");
        }
    }

    #[test]
    fn a_member_is_at_the_centre_of_its_cell() {
        let palermo = Position::of_score(position(13.361_389, 38.115_556).score());
        assert_eq!(palermo, position(13.361_389_338_970_184, 38.115_556_395_496_3));
        for _ in 0..1000 {
            let random = |extent: Extent| extent.min + (extent.max - extent.min) * (rng::below(1 << 30) as f64 / 1e9);
            let given = position(random(LONGITUDES).min(179.0), random(LATITUDES).min(85.0));
            let found = Position::of_score(given.score());
            assert!((given.longitude - found.longitude).abs() < 360.0 / f64::from(1 << 26));
            assert!((given.latitude - found.latitude).abs() < 180.0 / f64::from(1 << 26));
            assert_eq!(found.score(), given.score());
        }
    }

    #[test]
    fn any_score_is_a_position() {
        let (west, south) = (-179.999_997_317_790_99, -85.051_127_512_639_43);
        let cases = [
            (0.0, west, south),
            (1.5, west, -85.051_124_977_918_25),
            (-1.0, 180.0, LATITUDES.max),
            (-5.0, 180.0, LATITUDES.max),
            (1e16, 180.0, -35.096_437_349_001_874),
            (1.8e19, 180.0, LATITUDES.max),
            (1.9e19, west, south),
            (-1e19, 180.0, south),
            (f64::INFINITY, west, south),
            (f64::NEG_INFINITY, 180.0, south),
        ];
        for (score, longitude, latitude) in cases {
            assert_eq!(Position::of_score(score), Position { longitude, latitude }, "{score}");
        }
    }

    #[test]
    fn texts_are_those_of_other_programs() {
        let text =
            |longitude, latitude| String::from_utf8(position(longitude, latitude).text().to_vec()).expect("ASCII");
        assert_eq!(text(-5.6, 42.6), "ezs42e44yx0");
        assert_eq!(text(180.0, LATITUDES.max), "bp05b5048p0");
        assert_eq!(text(-180.0, LATITUDES.min), "00bh0hbj200");
    }

    #[test]
    fn positions_outside_the_grid_are_none() {
        assert!(Position::new(-180.0, LATITUDES.max).is_some());
        for (longitude, latitude) in [(180.1, 0.0), (-180.1, 0.0), (0.0, 85.1), (0.0, -90.0), (f64::INFINITY, 0.0)] {
            assert_eq!(Position::new(longitude, latitude), None);
        }
    }

    #[test]
    fn a_cell_is_a_range_of_scores() {
        for steps in 1..=STEPS {
            let here = position(13.361_389, 38.115_556);
            let cell = Cell::around(here, steps);
            let (first, end) = cell.scores();
            assert!(first <= here.score() && here.score() < end);
            let (longitudes, latitudes) = cell.extents();
            assert!(longitudes.contains(here.longitude) && latitudes.contains(here.latitude));
            assert_eq!(end - first, 4_f64.powi((STEPS - steps) as i32));
        }
    }

    #[test]
    fn neighbours_go_around_the_edges() {
        let corner = Cell { column: 3, row: 0, steps: 2 };
        assert_eq!(corner.neighbour(1, 0), Cell { column: 0, row: 0, steps: 2 });
        assert_eq!(corner.neighbour(-1, -1), Cell { column: 2, row: 3, steps: 2 });
        assert_eq!(corner.neighbour(0, 1), Cell { column: 3, row: 1, steps: 2 });
        // Where a position at the edge of the grid is searched from.
        let beyond = Cell::around(position(180.0, LATITUDES.max), 2);
        assert_eq!(beyond, Cell { column: 4, row: 4, steps: 2 });
        assert_eq!(beyond.neighbour(1, 0), Cell { column: 1, row: 4, steps: 2 });
        assert_eq!(beyond.neighbour(-1, -1), Cell { column: 3, row: 3, steps: 2 });
    }
}
