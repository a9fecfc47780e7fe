//! The dense encoding: six bits a register, from the lowest bit of the first byte on.

use super::{HEADER, REGISTERS};

/// The length of a dense HyperLogLog with its header.
pub(super) const DENSE_LEN: usize = HEADER + REGISTERS * WIDTH / 8;
/// The bits of a register.
const WIDTH: usize = 6;
/// The largest value of a register.
const MAX: u8 = (1 << WIDTH) - 1;

/// Visits all registers, with their indexes. Four at a time, because they are three bytes.
pub(super) fn for_each(registers: &[u8], mut visit: impl FnMut(usize, u8)) {
    let (groups, _) = registers.as_chunks::<3>();
    for (group, [a, b, c]) in groups.iter().enumerate() {
        let bits = u32::from_le_bytes([*a, *b, *c, 0]);
        for i in 0..4 {
            visit(group * 4 + i, (bits >> (i * WIDTH)) as u8 & MAX);
        }
    }
}

/// Makes a register at least `value`. Answers whether it was less.
pub(super) fn raise(registers: &mut [u8], index: usize, value: u8) -> bool {
    let (byte, shift) = (index * WIDTH / 8, index * WIDTH % 8);
    // The last register ends with the last byte: there is no second one to look at.
    let second = registers.get(byte + 1).copied().unwrap_or_default();
    let pair = u16::from_le_bytes([registers[byte], second]);
    if (pair >> shift) as u8 & MAX >= value {
        return false;
    }
    let raised = pair & !(u16::from(MAX) << shift) | u16::from(value & MAX) << shift;
    let [first, second] = raised.to_le_bytes();
    registers[byte] = first;
    if let Some(byte) = registers.get_mut(byte + 1) {
        *byte = second;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_do_not_disturb_each_other() {
        let mut bytes = vec![0; DENSE_LEN - HEADER];
        let mut model = vec![0; REGISTERS];
        for step in 0..100_000_usize {
            let (index, value) = (step * 7919 % REGISTERS, (step * 31 % 64) as u8);
            assert_eq!(raise(&mut bytes, index, value), model[index] < value);
            model[index] = value.max(model[index]);
        }
        let mut found = vec![0; REGISTERS];
        for_each(&bytes, |index, value| found[index] = value);
        assert_eq!(found, model);
    }
}
