//! What must hold of HyperLogLogs whatever their encoding, and what must hold of strings that only look like one.

use super::*;
use crate::rng;

const MAX_SPARSE: usize = 3000;

fn values(hll: Hll<'_>) -> Vec<u8> {
    let mut registers = Registers::new();
    registers.add(hll).unwrap();
    registers.values().to_vec()
}

#[test]
fn sparse_and_dense_are_as_plain_registers() {
    for round in 0..10 {
        let max_sparse = [0, 18, 300, 3000, 20_000][round % 5];
        let (mut hll, mut model) = (HllBuf::new(), vec![0_u8; REGISTERS]);
        for _ in 0..800 {
            // Neighbours often, so that runs are split and joined.
            let index = if rng::below(2) == 0 { rng::below(50) } else { rng::below(REGISTERS) };
            let value = 1 + rng::below(if rng::below(500) == 0 { 50 } else { 4 }) as u8;
            assert_eq!(hll.raise(index, value, max_sparse), Ok(model[index] < value));
            model[index] = value.max(model[index]);
            let sparse = hll.as_hll().encoding() == Encoding::Sparse;
            assert!(!sparse || hll.as_bytes().len() <= max_sparse.max(18));
        }
        assert_eq!(values(hll.as_hll()), model);
        // What is read back from the string is the same.
        let read = Hll::new(hll.as_bytes()).unwrap();
        assert_eq!((values(read), read.encoding()), (model.clone(), hll.as_hll().encoding()));
        let count = read.count();
        hll.make_dense().unwrap();
        assert_eq!((values(hll.as_hll()), hll.as_hll().count()), (model, count));
    }
}

#[test]
fn estimates_are_as_good_as_promised() {
    let (mut hll, mut seen) = (HllBuf::new(), 0_u64);
    assert_eq!(hll.as_hll().count(), Ok(0));
    for checkpoint in [1, 10, 100, 1000, 10_000, 100_000] {
        while seen < checkpoint {
            hll.add(&seen.to_le_bytes(), MAX_SPARSE).unwrap();
            seen += 1;
        }
        let count = hll.as_hll().count().unwrap();
        // Six standard errors; below a hundred it is exact but for collisions.
        let allowed = (checkpoint as f64 * 0.0081 * 6.0).max(1.0);
        assert!((count as f64 - checkpoint as f64).abs() <= allowed, "{count} for {checkpoint}");
        let mut registers = Registers::new();
        registers.add(hll.as_hll()).unwrap();
        assert_eq!(registers.count(), count);
    }
    assert_eq!(hll.as_hll().encoding(), Encoding::Dense);
    // The same again changes nothing.
    assert_eq!(hll.add(&7_u64.to_le_bytes(), MAX_SPARSE), Ok(false));
}

#[test]
fn a_dense_one_sees_elements_where_it_stands() {
    let mut hll = HllBuf::new();
    hll.make_dense().unwrap();
    let mut string = hll.as_bytes().to_vec();
    for element in 0..1000_u32 {
        let element = element.to_le_bytes();
        assert_eq!(add_to_dense(&mut string, &element), hll.add(&element, MAX_SPARSE).unwrap());
    }
    assert_eq!(string, hll.as_bytes());
}

#[test]
fn estimates_are_kept_until_they_are_out_of_date() {
    let mut hll = HllBuf::new();
    assert_eq!(hll.as_hll().known_count(), Some(0));
    hll.add(b"a", MAX_SPARSE).unwrap();
    assert_eq!(hll.as_hll().known_count(), None);
    let mut string = hll.as_bytes().to_vec();
    remember_count(&mut string, 1);
    assert_eq!(Hll::new(&string).unwrap().known_count(), Some(1));
    forget_count(&mut string);
    assert_eq!(Hll::new(&string).unwrap().known_count(), None);
}

/// What these elements lead to in Redis 7.0.
#[test]
fn bytes_are_those_of_redis() {
    let mut hll = HllBuf::new();
    assert_eq!(hll.as_bytes(), b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    for element in ["a", "b", "c", "foo", "a longer element"] {
        assert_eq!(hll.add(element.as_bytes(), MAX_SPARSE), Ok(true));
    }
    let expected =
        b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x43\xf4\x80\x58\xbd\x90\x44\x3e\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a";
    assert_eq!(hll.as_bytes(), expected);
}

#[test]
fn foreign_strings_are_refused() {
    let dense = {
        let mut hll = HllBuf::new();
        hll.make_dense().unwrap();
        hll.as_bytes().to_vec()
    };
    assert!(Hll::new(&dense).is_ok());
    let mut unknown = dense.clone();
    unknown[ENCODING] = 2;
    let longer = [&dense[..], b"x"].concat();
    for string in [&b""[..], b"HYLL", &dense[..15], &dense[1..], &dense[..dense.len() - 1], &longer, &unknown] {
        assert_eq!(Hll::new(string).err(), Some(HllError::Foreign));
    }
}

#[test]
fn corrupt_registers_are_noticed() {
    let string = |runs: &[u8]| [b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0", runs].concat();
    let corrupt: [&[u8]; 8] =
        [b"", b"\x7f", b"\x7f\xfe", b"\x7f\xff\x00", b"\x7f\xff\x7f", b"\x7f\xff\x80", b"\x7f\xfe\x81", &[0; 255]];
    for runs in corrupt {
        let string = string(runs);
        let hll = Hll::new(&string).unwrap();
        assert_eq!(hll.count(), Err(HllError::Corrupt), "{runs:?}");
        assert_eq!(Registers::new().add(hll), Err(HllError::Corrupt));
        assert_eq!(HllBuf::from(hll).make_dense(), Err(HllError::Corrupt));
        // A value that sparse ones cannot have makes it dense, and so notices.
        assert_eq!(HllBuf::from(hll).raise(0, 50, MAX_SPARSE), Err(HllError::Corrupt));
    }
    assert_eq!(HllBuf::from(Hll::new(&string(b"\x3f")).unwrap()).raise(64, 1, MAX_SPARSE), Err(HllError::Corrupt));
}

#[test]
fn no_string_is_too_strange() {
    for _ in 0..1000 {
        let mut string = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        string.extend((0..rng::below(400)).map(|_| rng::next_u64() as u8));
        let mut hll = HllBuf::from(Hll::new(&string).unwrap());
        for _ in 0..20 {
            let _ = hll.raise(rng::below(REGISTERS), 1 + rng::below(34) as u8, rng::below(MAX_SPARSE));
            let _ = hll.as_hll().count();
            let _ = Registers::new().add(hll.as_hll());
            let _ = hll.as_hll().runs().count();
        }
    }
    // Values that no element leads to.
    let mut string = vec![0xff; DENSE_LEN];
    string[..HEADER].copy_from_slice(b"HYLL\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(Hll::new(&string).unwrap().count(), Ok(1 << 63));
}
