//! What is searched: a circle, a box or a polygon on the surface of the earth.
//!
//! The earth is a sphere here, and distances are those of great circles (the haversine formula), so they are off by up to
//! half a percent near the poles. As in `geohash.rs`, the operations and their order are part of the interface.

use super::geohash::Position;

/// Metres.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// Half of the equator, as long as the square map of the web has it, in metres.
pub(super) const HALF_EQUATOR: f64 = 20_037_726.37;

/// One degree in radians.
const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// The distance between two positions, in metres.
pub(super) fn distance(from: Position, to: Position) -> f64 {
    let east = ((to.longitude * DEGREE - from.longitude * DEGREE) / 2.0).sin();
    if east == 0.0 {
        return distance_of_latitudes(from.latitude, to.latitude);
    }
    let (from, to) = (from.latitude * DEGREE, to.latitude * DEGREE);
    let north = ((to - from) / 2.0).sin();
    let haversine = north * north + from.cos() * to.cos() * east * east;
    2.0 * EARTH_RADIUS * haversine.sqrt().asin()
}

/// The distance between two positions on one meridian, in metres.
fn distance_of_latitudes(from: f64, to: f64) -> f64 {
    EARTH_RADIUS * (to * DEGREE - from * DEGREE).abs()
}

/// An area around a centre. Lengths are in metres.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// All that is near enough.
    Circle {
        centre: Position,
        radius: f64,
    },
    /// All whose latitude and, along its own parallel, whose longitude are near enough. The sides are bent: a box is as
    /// wide at its top as at its bottom.
    Box {
        centre: Position,
        width: f64,
        height: f64,
    },
    Polygon(Polygon),
}

/// The area within straight lines on the map, from corner to corner and back to the first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Polygon {
    corners: Vec<Position>,
    centre: Position,
}

/// Coordinates between which a shape lies. They may be off the grid, where a shape reaches around its edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) west: f64,
    pub(super) south: f64,
    pub(super) east: f64,
    pub(super) north: f64,
}

impl Shape {
    pub(super) fn centre(&self) -> Position {
        match self {
            Shape::Circle { centre, .. } | Shape::Box { centre, .. } => *centre,
            Shape::Polygon(polygon) => polygon.centre,
        }
    }

    /// How far a position is from the centre, if it lies in the shape.
    pub(super) fn distance_within(&self, position: Position) -> Option<f64> {
        let is_within = match self {
            Shape::Circle { centre, radius } => {
                let distance = distance(*centre, position);
                return (distance <= *radius).then_some(distance);
            }
            Shape::Box { centre, width, height } => {
                let across = Position { longitude: centre.longitude, ..position };
                distance_of_latitudes(position.latitude, centre.latitude) <= height / 2.0
                    && distance(position, across) <= width / 2.0
            }
            Shape::Polygon(polygon) => polygon.contains(position),
        };
        is_within.then(|| distance(self.centre(), position))
    }

    /// No point of the shape is farther than this from the centre, in metres.
    pub(super) fn reach(&self) -> f64 {
        match self {
            Shape::Circle { radius, .. } => *radius,
            Shape::Box { width, height, .. } => (width / 2.0 * (width / 2.0) + height / 2.0 * (height / 2.0)).sqrt(),
            Shape::Polygon(polygon) => {
                let Bounds { west, south, east, north } = polygon.bounds();
                let corners = [(west, north), (east, north), (west, south), (east, south)];
                let distances =
                    corners.map(|(longitude, latitude)| distance(polygon.centre, Position { longitude, latitude }));
                distances.into_iter().fold(0.0, f64::max)
            }
        }
    }

    /// Where the shape begins and ends. Going by the side that is nearer to a pole, where a degree of longitude is
    /// shortest.
    pub(super) fn bounds(&self) -> Bounds {
        let (centre, to_side, to_top) = match self {
            Shape::Circle { centre, radius } => (centre, *radius, *radius),
            Shape::Box { centre, width, height } => (centre, width / 2.0, height / 2.0),
            Shape::Polygon(polygon) => return polygon.bounds(),
        };
        let north = to_top / EARTH_RADIUS / DEGREE;
        let polewards = if centre.latitude < 0.0 { centre.latitude - north } else { centre.latitude + north };
        let east = to_side / EARTH_RADIUS / (polewards * DEGREE).cos() / DEGREE;
        Bounds {
            west: centre.longitude - east,
            south: centre.latitude - north,
            east: centre.longitude + east,
            north: centre.latitude + north,
        }
    }
}

impl Polygon {
    /// The polygon with these corners, of which there must be one.
    pub(super) fn new(corners: Vec<Position>) -> Polygon {
        let centre = centroid(&corners);
        Polygon { corners, centre }
    }

    fn bounds(&self) -> Bounds {
        let nowhere =
            Bounds { west: f64::INFINITY, south: f64::INFINITY, east: f64::NEG_INFINITY, north: f64::NEG_INFINITY };
        self.corners.iter().fold(nowhere, |bounds, corner| Bounds {
            west: bounds.west.min(corner.longitude),
            south: bounds.south.min(corner.latitude),
            east: bounds.east.max(corner.longitude),
            north: bounds.north.max(corner.latitude),
        })
    }

    /// Whether a line from the position to the east leaves the polygon once more than it enters it.
    fn contains(&self, position: Position) -> bool {
        let Position { longitude, latitude } = position;
        let crosses = |a: &Position, b: &Position| {
            (a.latitude > latitude) != (b.latitude > latitude)
                && longitude
                    < (b.longitude - a.longitude) * (latitude - a.latitude) / (b.latitude - a.latitude) + a.longitude
        };
        let before = self.corners.iter().cycle().skip(self.corners.len().saturating_sub(1));
        self.corners.iter().zip(before).filter(|(a, b)| crosses(a, b)).count() % 2 == 1
    }
}

/// The position in the midst of others: that of the mean of their places in space. One beyond the grid, next to a pole,
/// is brought back to its edge.
fn centroid(positions: &[Position]) -> Position {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for position in positions {
        let (longitude, latitude) = (position.longitude * DEGREE, position.latitude * DEGREE);
        x += EARTH_RADIUS * latitude.cos() * longitude.cos();
        y += EARTH_RADIUS * latitude.cos() * longitude.sin();
        z += EARTH_RADIUS * latitude.sin();
    }
    let count = positions.len() as f64;
    let (x, y, z) = (x / count, y / count, z / count);
    let longitude = y.atan2(x);
    let latitude = z.atan2((x * x + y * y).sqrt());
    Position::clamped(longitude / DEGREE, latitude / DEGREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(longitude: f64, latitude: f64) -> Position {
        Position { longitude, latitude }
    }

    fn assert_near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 0.00005, "{got} is not {expected}");
    }

    #[test]
    fn distances_are_those_of_the_real_server() {
        let (palermo, catania) =
            (at(13.361_389_338_970_184, 38.115_556_395_496_3), at(15.087_267_458_438_873, 37.502_668_423_331_62));
        assert_near(distance(palermo, catania), 166_274.151_6);
        assert_eq!(distance(palermo, catania), distance(catania, palermo));
        assert_eq!(distance(palermo, palermo), 0.0);
        // On one meridian.
        assert_near(distance(at(10.0, -20.0), at(10.0, 30.0)), 5_561_315.0);
    }

    #[test]
    fn circles_and_boxes_contain_what_is_near() {
        let centre = at(15.0, 37.0);
        let circle = Shape::Circle { centre, radius: 200_000.0 };
        assert!(circle.distance_within(at(13.4, 38.1)).is_some_and(|distance| distance < 190_000.1));
        assert_eq!(circle.distance_within(at(12.5, 38.8)), None);
        let square = Shape::Box { centre, width: 400_000.0, height: 400_000.0 };
        // The corners of a box are not in the circle.
        assert!(square.distance_within(at(12.758_489, 38.788_135)).is_some_and(|distance| distance > 270_000.0));
        assert_eq!(square.distance_within(at(12.6, 38.788_135)), None);
        assert_eq!(square.distance_within(at(15.0, 38.8)), None);
    }

    #[test]
    fn bounds_enclose_and_reach_reaches() {
        let shapes = [
            Shape::Circle { centre: at(15.0, 60.0), radius: 100_000.0 },
            Shape::Box { centre: at(15.0, -60.0), width: 100_000.0, height: 300_000.0 },
            Shape::Polygon(Polygon::new(vec![at(10.0, 50.0), at(20.0, 50.0), at(15.0, 55.0)])),
        ];
        for shape in shapes {
            let (bounds, reach) = (shape.bounds(), shape.reach());
            for step in 0..10_000 {
                let position = at(f64::from(step % 100) * 0.3, f64::from(step / 100) * 0.3);
                let position = at(position.longitude, position.latitude.copysign(shape.centre().latitude) * 2.5);
                if let Some(distance) = shape.distance_within(position) {
                    assert!(distance <= reach);
                    assert!(bounds.west <= position.longitude && position.longitude <= bounds.east);
                    assert!(bounds.south <= position.latitude && position.latitude <= bounds.north);
                }
            }
        }
    }

    #[test]
    fn polygons_may_be_hollow() {
        let horseshoe =
            [(0.0, 0.0), (6.0, 0.0), (6.0, 6.0), (4.0, 6.0), (4.0, 2.0), (2.0, 2.0), (2.0, 6.0), (0.0, 6.0)];
        let horseshoe = Polygon::new(horseshoe.map(|(longitude, latitude)| at(longitude, latitude)).to_vec());
        assert!(
            horseshoe.contains(at(1.0, 5.0)) && horseshoe.contains(at(5.0, 5.0)) && horseshoe.contains(at(3.0, 1.0))
        );
        assert!(
            !horseshoe.contains(at(3.0, 5.0))
                && !horseshoe.contains(at(7.0, 1.0))
                && !horseshoe.contains(at(-1.0, 1.0))
        );
        assert!(Shape::Polygon(horseshoe).distance_within(at(3.0, 5.0)).is_none());
    }

    #[test]
    fn the_midst_of_a_polygon_stays_on_the_grid() {
        let around_the_pole = Polygon::new(vec![at(0.0, 84.0), at(120.0, 84.0), at(-120.0, 84.0)]);
        assert!(Position::new(around_the_pole.centre.longitude, around_the_pole.centre.latitude).is_some());
        let centre = Polygon::new(vec![at(0.0, 0.0), at(20.0, 0.0), at(20.0, 45.0), at(0.0, 45.0)]).centre;
        assert!((centre.longitude - 10.0).abs() < 1e-9 && (centre.latitude - 22.8).abs() < 0.1);
    }
}
