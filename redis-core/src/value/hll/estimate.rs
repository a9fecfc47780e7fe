//! From registers to a number: Otmar Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog sketches",
//! arXiv:1702.01284, 2017).
//!
//! It needs only how many registers have which value, is good over the whole range, and has no constants that come from
//! measurements. The sums run until nothing is added any more in double precision, in the order that Redis adds in, so
//! that both find the same number to the last digit.

use super::{REGISTERS, RUN_BITS};

/// `1 / (2 ln 2)`
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The estimate. `histogram` has for each value the number of registers that have it.
pub(super) fn cardinality(histogram: &[u32; 64]) -> u64 {
    let registers = REGISTERS as f64;
    let largest = RUN_BITS as usize + 1;
    let below_largest = registers - f64::from(histogram[largest]);
    let mut sum = registers * tau(below_largest / registers);
    for count in histogram[1..largest].iter().rev() {
        sum = 0.5 * (sum + f64::from(*count));
    }
    sum += registers * sigma(f64::from(histogram[0]) / registers);
    let estimate = (ALPHA * registers * registers / sum).round();
    // Registers that no hash leads to can make it infinite. Redis has the most negative number then.
    if estimate.is_finite() { estimate as u64 } else { 1 << 63 }
}

/// Corrects for registers that have reached the largest value.
fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let former = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == former {
            return z / 3.0;
        }
    }
}

/// Corrects for registers that are still zero. Infinite if all are, which makes the estimate zero.
fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let former = z;
        z += x * y;
        y += y;
        if z == former {
            return z;
        }
    }
}
