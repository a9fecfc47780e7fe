//! PFSELFTEST: whether HyperLogLogs work on this machine.

use redis_core::prelude::*;
use redis_core::value::hll::{Encoding, HllBuf, REGISTERS, Registers};

use super::{FAMILY, refusal};

/// As many registers are raised.
const RAISES: usize = 100_000;
/// As many elements are seen.
const ELEMENTS: u64 = 1_000_000;
/// The default of `hll-sparse-max-bytes`, whatever the server's is.
const MAX_SPARSE: usize = 3000;

/// Tests the HyperLogLogs of this server against plain registers, and their estimates against the truth.
#[command(since = "2.8.9", complexity = "N/A", flags(ADMIN, SYSTEM))]
fn pfselftest() -> Result<Okay> {
    test_registers()?;
    test_estimates()?;
    Ok(Okay)
}

fn failed(what: &str) -> Error {
    Error::from(format!("ERR TESTFAILED {what}"))
}

/// Raises registers of both encodings, and compares with bytes.
fn test_registers() -> Result<()> {
    let mut model = vec![0; REGISTERS];
    let (mut sparse, mut dense) = (HllBuf::new(), HllBuf::new());
    dense.make_dense().map_err(refusal)?;
    for step in 0..RAISES {
        // Through all registers, as the factor is odd, and through all values that both encodings have.
        let (index, value) = (step * 7919 % REGISTERS, (step * 31 % 32) as u8 + 1);
        let expected = model[index] < value;
        model[index] = value.max(model[index]);
        let results = [sparse.raise(index, value, usize::MAX), dense.raise(index, value, usize::MAX)];
        if results != [Ok(expected); 2] {
            return Err(failed(&format!("Register {index} is not raised to {value}")));
        }
        // Long before the end sparse ones become slow.
        if step == RAISES / 100 {
            compare(&sparse, &model, "sparse")?;
            sparse.make_dense().map_err(refusal)?;
        }
    }
    compare(&sparse, &model, "formerly sparse")?;
    compare(&dense, &model, "dense")
}

fn compare(hll: &HllBuf, model: &[u8], name: &str) -> Result<()> {
    let mut registers = Registers::new();
    registers.add(hll.as_hll()).map_err(refusal)?;
    match registers.values().iter().zip(model).position(|(value, expected)| value != expected) {
        None => Ok(()),
        Some(index) => Err(failed(&format!("Register {index} of a {name} one is wrong"))),
    }
}

/// Lets both encodings see elements, and compares their estimates with their number at 1, 10, 100, ...
fn test_estimates() -> Result<()> {
    // The standard error.
    let error = 1.04 / (REGISTERS as f64).sqrt();
    let (mut growing, mut dense) = (HllBuf::new(), HllBuf::new());
    dense.make_dense().map_err(refusal)?;
    let mut checkpoint = 1;
    for seen in 1..=ELEMENTS {
        for hll in [&mut growing, &mut dense] {
            hll.add(&seen.to_le_bytes(), MAX_SPARSE).map_err(refusal)?;
        }
        if seen < checkpoint {
            continue;
        }
        checkpoint *= 10;
        let sparse = growing.as_hll().encoding() == Encoding::Sparse;
        if sparse != (seen < MAX_SPARSE as u64 / 2) {
            return Err(failed("sparse encoding not used"));
        }
        let (count, of_dense) = (growing.as_hll().count(), dense.as_hll().count());
        if count != of_dense {
            return Err(failed("dense/sparse disagree"));
        }
        let count = count.map_err(refusal)?;
        // At 10 one collision is already ten percent.
        let allowed = if seen == 10 { 1.0 } else { (error * 6.0 * seen as f64).ceil() };
        if count.abs_diff(seen) as f64 > allowed {
            return Err(failed(&format!("Too big error. card:{seen} estimated:{count}")));
        }
    }
    Ok(())
}
