//! Which parts of the grid a search has to look at.
//!
//! A grid is chosen that is so coarse that the shape cannot reach beyond the neighbours of the cell with its centre. These
//! nine cells, less those that the shape does not touch, are nine ranges of scores. The order in which they are visited is
//! the order of an answer that is not sorted.

use super::geohash::{Cell, STEPS};
use super::shape::{Bounds, HALF_EQUATOR, Shape};

/// The cells around a cell, in the order in which they are searched after it: columns to the east and rows to the north.
const NEIGHBOURS: [(i32, i32); 8] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// The cells that a shape lies in.
///
/// On the coarsest grids a cell is its own neighbour's neighbour. It is left out where it would follow itself, and a
/// member is found once more where it would not; on a grid of four cells, all that are the same follow one another.
pub(super) fn cells(shape: &Shape) -> impl Iterator<Item = Cell> {
    let bounds = shape.bounds();
    let mut steps = estimated_steps(shape.reach(), shape.centre().latitude);
    if steps > 1 && !is_covered(&bounds, Cell::around(shape.centre(), steps)) {
        steps -= 1;
    }
    let centre = Cell::around(shape.centre(), steps);
    let (longitudes, latitudes) = centre.extents();
    let is_needless = move |(east, north): (i32, i32)| {
        steps >= 2
            && (north < 0 && latitudes.min < bounds.south
                || north > 0 && latitudes.max > bounds.north
                || east < 0 && longitudes.min < bounds.west
                || east > 0 && longitudes.max > bounds.east)
    };
    let around = NEIGHBOURS.into_iter().filter(move |by| !is_needless(*by));
    let mut last = None;
    let around = around.map(move |(east, north)| centre.neighbour(east, north)).filter(move |cell| {
        let is_new = last != Some(*cell);
        last = Some(*cell);
        is_new
    });
    std::iter::once(centre).chain(around)
}

/// How fine a grid may be for a shape that reaches so many metres.
fn estimated_steps(reach: f64, latitude: f64) -> u32 {
    if reach == 0.0 {
        return STEPS;
    }
    let (mut steps, mut reach) = (1, reach);
    while reach < HALF_EQUATOR {
        reach *= 2.0;
        steps += 1;
    }
    // One cell less than it takes, and fewer towards the poles, where cells are narrow.
    let margin = match latitude.abs() {
        latitude if latitude > 80.0 => 4,
        latitude if latitude > 66.0 => 3,
        _ => 2,
    };
    (steps - margin).clamp(1, STEPS as i32) as u32
}

/// Whether the neighbours of a cell reach as far as the shape. Around the edge of the grid they never do.
fn is_covered(bounds: &Bounds, centre: Cell) -> bool {
    let extents = |east, north| centre.neighbour(east, north).extents();
    let falls_short = extents(0, 1).1.max < bounds.north
        || extents(0, -1).1.min > bounds.south
        || extents(1, 0).0.max < bounds.east
        || extents(-1, 0).0.min > bounds.west;
    !falls_short
}

#[cfg(test)]
mod tests {
    use super::super::geohash::Position;
    use super::*;
    use redis_core::rng;

    fn circle(longitude: f64, latitude: f64, radius: f64) -> Shape {
        Shape::Circle { centre: Position { longitude, latitude }, radius }
    }

    #[test]
    fn a_point_is_one_cell() {
        assert_eq!(cells(&circle(10.0, 20.0, 0.0)).count(), 1);
        assert_eq!(estimated_steps(0.0, 0.0), STEPS);
        assert_eq!(estimated_steps(f64::MIN_POSITIVE, 0.0), STEPS);
    }

    #[test]
    fn the_whole_world_is_four_cells() {
        let all: Vec<Cell> = cells(&circle(10.0, 20.0, 5e7)).collect();
        assert_eq!(all.len(), 4);
        assert!(all.iter().enumerate().all(|(i, cell)| !all[..i].contains(cell)));
        assert_eq!(cells(&circle(10.0, 20.0, f64::INFINITY)).count(), 4);
    }

    #[test]
    fn grids_become_coarser_towards_the_poles() {
        let steps = |latitude| estimated_steps(100_000.0, latitude);
        assert_eq!([steps(0.0), steps(-66.0), steps(70.0), steps(-85.0)], [7, 7, 6, 5]);
    }

    #[test]
    fn what_is_in_a_circle_is_in_its_cells() {
        for _ in 0..200 {
            let random = |min: f64, max: f64| min + (max - min) * rng::below(1 << 20) as f64 / f64::from(1 << 20);
            let shape = circle(random(-170.0, 170.0), random(-70.0, 70.0), random(10.0, 300_000.0));
            let ranges: Vec<_> = cells(&shape).map(Cell::scores).collect();
            for _ in 0..200 {
                let centre = shape.centre();
                let near = (centre.longitude + random(-3.0, 3.0), centre.latitude + random(-3.0, 3.0));
                let score = Position { longitude: near.0, latitude: near.1 }.score();
                if shape.distance_within(Position::of_score(score)).is_some() {
                    assert!(ranges.iter().any(|(first, end)| *first <= score && score < *end), "{shape:?} {near:?}");
                }
            }
        }
    }
}
