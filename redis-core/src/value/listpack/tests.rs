//! Against bytes of a real server, against a `Vec`, and against mutated bytes.

use super::*;
use crate::rng::below;

/// What DUMP shows of a list of the elements of [`every_width`].
const DUMPED: &str = "89000000180000017f01c08002dfff02cfff02d00002f1001003f1ffef03f1ff7f03f1008003f200800004f2ffff7f04f20000800\
     4f30000800005f3ffffff7f05f30000008005f4000000800000000009f4ffffffffffffff7f09f400000000000000800980018161028330\
     303704822d3003933932323333373230333638353437373538303814ff";

fn every_width() -> Vec<&'static [u8]> {
    "0 127 128 -1 4095 -4096 4096 -4097 32767 -32768 32768 8388607 -8388608 8388608 2147483647 -2147483648 2147483648 \
     9223372036854775807 -9223372036854775808  a 007 -0 9223372036854775808"
        .split(' ')
        .map(str::as_bytes)
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().map(|digit| (digit as char).to_digit(16).expect("hexadecimal") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn bytes_are_those_of_redis() {
    let mut listpack = Listpack::new();
    every_width().into_iter().for_each(|element| listpack.push_back(element));
    assert_eq!(listpack.to_dump(), unhex(DUMPED));
    let read = Listpack::from_dump(&unhex(DUMPED)).expect("a real listpack is accepted");
    assert!(read.iter().map(|element| element.to_vec()).eq(every_width()));
    assert!(read.iter().rev().map(|element| element.to_vec()).eq(every_width().into_iter().rev()));
    for element in read.iter() {
        assert_eq!(element.text_len(), element.to_vec().len());
    }
}

#[test]
fn strings_of_every_head() {
    for len in [0, 1, 63, 64, 125, 126, 127, 4095, 4096, 16_377, 16_378, 16_379, 16_383, 16_384, 2_097_150, 2_097_152] {
        let text = vec![b'x'; len];
        let mut listpack = Listpack::new();
        listpack.push_back(&text);
        listpack.push_front(b"front");
        listpack.push_back(i64::MAX);
        assert_eq!(listpack.get(1), Some(Element::Bytes(&text)));
        assert_eq!(listpack.get(-2), Some(Element::Bytes(&text)));
        assert_eq!(listpack.find(&text, 0, 0), listpack.seek(1));
        assert!(Listpack::from_dump(&listpack.to_dump()).is_some(), "{len}");
    }
}

fn some_text() -> Vec<u8> {
    match below(6) {
        0 => below(200).to_string().into_bytes(),
        1 => format!("-{}", below(1 << (1 + below(50)))).into_bytes(),
        2 => vec![b'a' + below(26) as u8; below(100)],
        3 => vec![b'z'; below(6000)],
        4 => format!("0{}", below(10)).into_bytes(),
        _ => (0..below(10)).map(|_| below(256) as u8).collect(),
    }
}

fn is_well_formed(listpack: &Listpack) -> bool {
    let dump = listpack.to_dump();
    validate::entries_of(&dump).is_some_and(|(_, count)| count as usize == listpack.len())
}

fn check(listpack: &Listpack, model: &[Vec<u8>]) {
    assert!(is_well_formed(listpack));
    assert_eq!(listpack.len(), model.len());
    assert_eq!(listpack.is_empty(), model.is_empty());
    assert!(listpack.iter().map(|element| element.to_vec()).eq(model.iter().cloned()));
    assert!(listpack.iter().rev().eq(model.iter().rev().map(Element::from)));
}

#[test]
fn agrees_with_a_vec() {
    for _ in 0..100 {
        let mut listpack = Listpack::new();
        let mut model: Vec<Vec<u8>> = Vec::new();
        for _ in 0..60 {
            let text = some_text();
            let index = below(model.len() + 1);
            match below(9) {
                0 | 1 => {
                    listpack.push_back(&text);
                    model.push(text);
                }
                2 => {
                    listpack.push_front(&text);
                    model.insert(0, text);
                }
                3 if index < model.len() => {
                    listpack.insert_before(listpack.seek(index as i64).expect("in range"), &text);
                    model.insert(index, text);
                }
                4 if index < model.len() => {
                    let back = index as i64 - model.len() as i64;
                    listpack.insert_after(listpack.seek(back).expect("in range"), &text);
                    model.insert(index + 1, text);
                }
                5 if index < model.len() => {
                    listpack.replace(listpack.seek(index as i64).expect("in range"), &text);
                    model[index] = text;
                }
                6 => {
                    let count = below(4);
                    listpack.remove_range(index as i64, count);
                    model.drain(index..(index + count).min(model.len()));
                }
                7 => {
                    let tail = listpack.split_off(index);
                    check(&tail, &model[index..]);
                    check(&listpack, &model[..index]);
                    listpack.append(&tail);
                }
                _ => {
                    let found = model.iter().position(|other| *other == text).map(|index| listpack.seek(index as i64));
                    assert_eq!(listpack.find(&text, 0, 0), found.flatten());
                }
            }
            check(&listpack, &model);
            assert_eq!(listpack.seek(model.len() as i64), None);
            assert_eq!(listpack.seek(-1 - model.len() as i64), None);
        }
    }
}

#[test]
fn several_elements_at_once() {
    let texts: [&[u8]; 5] = [b"a", b"12", b"-70000", &[b'x'; 100], b""];
    let (mut one_by_one, mut at_once) = (Listpack::new(), Listpack::new());
    for _ in 0..3 {
        texts.into_iter().for_each(|text| one_by_one.push_back(text));
        at_once.push_all_back(texts.into_iter().map(Element::from_text));
        assert_eq!(at_once.to_dump(), one_by_one.to_dump());
    }
    at_once.push_all_back(std::iter::empty());
    assert_eq!(at_once.len(), 15);
    assert_eq!(at_once.iter().nth(3), Some(Element::Bytes(texts[3])));
    assert_eq!(at_once.iter().nth_back(3), Some(Element::Int(12)));
    assert!(at_once.iter().nth(15).is_none() && at_once.iter().nth_back(15).is_none());
}

#[test]
fn find_passes_over() {
    let listpack: Listpack = [b"a", b"b", b"b", b"a", b"5", b"b"].into_iter().map(Element::from).collect();
    assert_eq!(listpack.find(b"b", 0, 1), listpack.seek(2));
    assert_eq!(listpack.find(b"5", 0, 1), listpack.seek(4));
    assert_eq!(listpack.find(b"05", 0, 0), None);
    assert_eq!(listpack.iter_from(listpack.seek(4).expect("in range")).count(), 2);
    assert_eq!(listpack.iter_through(listpack.seek(1).expect("in range")).next_back(), Some(Element::Bytes(b"b")));
    let range = |numbers| listpack.iter_range(numbers).collect::<Listpack>().len();
    assert_eq!((range(0..6), range(1..3), range(4..9), range(6..9), range(2..2)), (6, 2, 2, 0, 0));
}

#[test]
fn more_elements_than_the_header_counts() {
    let mut listpack = Listpack::new();
    (0..65_540).for_each(|number| listpack.push_back(number & 63));
    assert_eq!(listpack.len(), 65_540);
    assert_eq!(listpack.get(65_539), Some(Element::Int(65_539 & 63)));
    assert_eq!(listpack.get(65_540), None);
    let tail = listpack.split_off(10);
    assert_eq!((listpack.len(), tail.len()), (10, 65_530));
    assert!(is_well_formed(&listpack) && is_well_formed(&tail));
    listpack.append(&tail);
    assert_eq!(listpack.len(), 65_540);
}

#[test]
fn hostile_bytes_never_panic() {
    let mut listpack = Listpack::new();
    every_width().into_iter().for_each(|element| listpack.push_back(element));
    listpack.push_back(&[b'y'; 300]);
    let good = listpack.to_dump();
    let mut accepted = 0;
    for _ in 0..50_000 {
        let mut bytes = good.clone();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            bytes[at] = [below(256) as u8, 0xFF, 0xF0, bytes[at].wrapping_add(1)][below(4)];
        }
        if below(4) == 0 {
            bytes.truncate(below(bytes.len() + 1));
            let len = bytes.len() as u32;
            if let Some(header) = bytes.first_chunk_mut::<4>() {
                *header = len.to_le_bytes();
            }
        }
        if let Some(mut listpack) = Listpack::from_dump(&bytes) {
            accepted += 1;
            let texts: Vec<Vec<u8>> = listpack.iter().map(|element| element.to_vec()).collect();
            assert_eq!(listpack.len(), texts.len());
            assert_eq!(listpack.iter().rev().count(), texts.len());
            listpack.find(b"absent", 0, 0);
            listpack.remove_range(1, 2);
            listpack.push_front(b"x");
        }
    }
    assert!(accepted > 100, "{accepted}");
    assert!(Listpack::from_dump(&[]).is_none());
}
