//! Against a `Vec`, at limits small enough to cross every conversion, and the rules of conversion.

use std::collections::BTreeMap;

use super::*;
use crate::rng::below;

fn limits(list_max_listpack_size: i64) -> Limits {
    Limits { list_max_listpack_size, ..Limits::default() }
}

fn list_of(count: usize, limits: &Limits) -> List {
    let mut list = List::new();
    (0..count).for_each(|number| list.push(Side::Back, number.to_string().as_bytes(), limits));
    list
}

#[test]
fn conversions() {
    let by_count = limits(10);
    let mut list = list_of(10, &by_count);
    assert_eq!(list.encoding(), "listpack");
    list.push(Side::Back, b"x", &by_count);
    assert_eq!((list.encoding(), list.node_count()), ("quicklist", 2));
    let mut encodings = Vec::new();
    while list.pop(Side::Back, &by_count).is_some() {
        encodings.push((list.len(), list.encoding()));
    }
    assert_eq!(encodings[4..6], [(6, "quicklist"), (5, "listpack")]);

    let by_size = limits(-1);
    let mut list = List::new();
    list.push(Side::Front, &[b'x'; 4089], &by_size);
    assert_eq!(list.encoding(), "listpack", "header and text are what is counted");
    let mut list = List::new();
    list.push(Side::Front, &[b'x'; 4090], &by_size);
    assert_eq!(list.encoding(), "quicklist");
    assert!(list.set(0, b"short", &by_size) && !list.set(1, b"short", &by_size));
    assert_eq!(list.encoding(), "listpack");
    list.push_all(Side::Back, &[&[b'x'; 2040], &[b'y'; 2039]], &by_size);
    assert_eq!(list.encoding(), "listpack", "several at once are counted by their texts");
    list.trim(1, 1, &by_size);
    assert_eq!(list.encoding(), "listpack");
}

#[test]
fn long_elements_have_nodes_of_their_own() {
    let limits = limits(-1);
    let mut list = list_of(3, &limits);
    let long = vec![b'l'; 5000];
    list.insert(1, &long, &limits);
    let plain: Vec<bool> = list.nodes_from(0).map(|node| matches!(node, NodeRef::Plain(_))).collect();
    assert_eq!(plain, [false, true, false]);
    assert_eq!((list.len(), list.get(1)), (4, Some(Element::Bytes(&long))));
    assert!(list.set(-4, &long, &limits) && list.set(-1, &long, &limits));
    assert_eq!(list.remove(&long, -2, &limits), 2);
    assert_eq!(list.iter().map(|element| element.text_len()).collect::<Vec<_>>(), [5000, 1]);
    assert_eq!(list.pop(Side::Front, &limits), Some(long));
    assert_eq!((list.encoding(), list.len()), ("listpack", 1));
}

#[test]
fn nodes_of_a_file() {
    let limits = limits(4);
    let mut list = List::new();
    let listpack: Listpack = [b"1", b"2", b"3"].into_iter().map(Element::from).collect();
    list.append_listpack(listpack.clone());
    list.append_listpack(Listpack::new());
    list.settle(&limits);
    assert_eq!((list.encoding(), list.len()), ("listpack", 3));
    list.append_plain(b"4".to_vec());
    list.append_listpack(listpack.clone());
    list.settle(&limits);
    assert_eq!((list.encoding(), list.len(), list.node_count()), ("quicklist", 7, 3));
    assert!(list.get(3).is_some_and(|element| element.eq_text(b"4")));
    assert_eq!(list.positions(b"3", -1, 0, 0), [6, 2]);
    let mut list = List::new();
    list.append_plain(b"4".to_vec());
    list.append_listpack(listpack);
    assert_eq!(list.remove(b"4", 0, &limits), 1);
    list.settle(&limits);
    assert_eq!(list.encoding(), "listpack");
}

#[test]
fn positions() {
    let limits = limits(2);
    let mut list = List::new();
    list.push_all(Side::Back, &[b"a", b"b", b"c", b"1", b"2", b"3", b"c", b"c"], &limits);
    assert_eq!(list.positions(b"c", 1, 1, 0), [2]);
    assert_eq!(list.positions(b"c", 1, 0, 0), [2, 6, 7]);
    assert_eq!(list.positions(b"c", 2, 1, 0), [6]);
    assert_eq!(list.positions(b"c", -1, 2, 0), [7, 6]);
    assert_eq!(list.positions(b"c", -3, 0, 0), [2]);
    assert_eq!(list.positions(b"c", 1, 0, 2), []);
    assert_eq!(list.positions(b"c", -1, 0, 1), [7]);
    assert_eq!(list.positions(b"2", 1, 0, 0), [4]);
    assert_eq!(list.positions(b"c", i64::MIN, 0, 0), []);
}

fn some_text() -> Vec<u8> {
    match below(12) {
        0 => vec![b'x'; below(120)],
        1 => vec![b'a' + below(3) as u8; 3],
        _ => below(20).to_string().into_bytes(),
    }
}

fn remove_from_model(model: &mut Vec<Vec<u8>>, text: &[u8], count: i64) -> usize {
    let limit = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let mut places: Vec<usize> = (0..model.len()).filter(|&index| model[index] == text).collect();
    if count < 0 {
        places.reverse();
    }
    places.truncate(limit);
    places.sort_unstable();
    places.iter().rev().for_each(|&index| drop(model.remove(index)));
    places.len()
}

fn change(list: &mut List, model: &mut Vec<Vec<u8>>, limits: &Limits, grows: bool) {
    let text = some_text();
    let len = model.len();
    let index = below(len + 1);
    match below(if grows { 12 } else { 18 }) {
        0..4 => {
            list.push(Side::Back, &text, limits);
            model.push(text);
        }
        4 | 5 => {
            list.push(Side::Front, &text, limits);
            model.insert(0, text);
        }
        6 | 7 => {
            list.insert(index, &text, limits);
            model.insert(index, text);
        }
        8 => {
            let pivot = some_text();
            let after = below(2);
            let found = model.iter().position(|other| *other == pivot);
            assert_eq!(list.insert_beside(&pivot, after == 1, &text, limits), found.is_some());
            if let Some(index) = found {
                model.insert(index + after, text);
            }
        }
        9 | 10 => {
            let negative = index as i64 - len as i64;
            let named = if below(2) == 0 && negative < 0 { negative } else { index as i64 };
            assert_eq!(list.set(named, &text, limits), index < len);
            if index < len {
                model[index] = text;
            }
        }
        11 => {
            let count = below(5) as i64 - 2;
            assert_eq!(list.remove(&text, count, limits), remove_from_model(model, &text, count));
        }
        12 | 13 => {
            assert_eq!(list.pop(Side::Front, limits), (len > 0).then(|| model.remove(0)));
        }
        14 | 15 => assert_eq!(list.pop(Side::Back, limits), model.pop()),
        16 => {
            let count = below(12);
            list.remove_range(index, count, limits);
            model.drain(index..(index + count).min(len));
        }
        _ => {
            let count = below(len + 2);
            list.trim(index, count, limits);
            *model = model.iter().skip(index).take(count).cloned().collect();
        }
    }
}

fn check(list: &List, model: &[Vec<u8>]) {
    assert_eq!(list.len(), model.len());
    assert!(list.iter().map(|element| element.to_vec()).eq(model.iter().cloned()), "{list:?}\n{model:?}");
    assert!(list.iter_back().map(|element| element.to_vec()).eq(model.iter().rev().cloned()));
    assert_eq!(list.iter().len(), model.len());
    let nodes: usize = list.nodes_from(0).map(|node| node.len()).sum();
    assert_eq!(nodes, model.len());
    if let Repr::Quick(quicklist) = &list.repr {
        assert!(list.nodes_from(0).all(|node| !node.is_empty()));
        quicklist.check_counts();
    }
    let index = below(model.len() + 1);
    assert_eq!(list.get(index as i64), model.get(index).map(Element::from));
    assert_eq!(list.get(-1 - index as i64), model.iter().rev().nth(index).map(Element::from));
    assert!(list.iter_from(index).eq(model[index..].iter().map(Element::from)));
    if index < model.len() {
        assert!(list.iter_back_from(index).eq(model[..=index].iter().rev().map(Element::from)));
        let all: Vec<usize> = (0..model.len()).filter(|&other| model[other] == model[index]).collect();
        assert_eq!(list.positions(&model[index], 1, 0, 0), all);
        assert!(list.positions(&model[index], -1, 0, 0).iter().rev().eq(&all));
    }
}

#[test]
fn agrees_with_a_vec() {
    let mut encodings = BTreeMap::new();
    for round in 0..200 {
        let threshold = if round % 5 == 4 { 50 } else { 0 };
        let fill = [1, 2, 5, 16, -1][round % 5];
        let limits = Limits { quicklist_packed_threshold: threshold, ..limits(fill) };
        let mut list = List::new();
        let mut model = Vec::new();
        for step in 0..160 {
            change(&mut list, &mut model, &limits, step % 80 < 40);
            check(&list, &model);
            *encodings.entry(list.encoding()).or_insert(0) += 1;
        }
        check(&list.clone(), &model);
    }
    assert_eq!(encodings.len(), 2, "{encodings:?}");
}

#[test]
fn insertions_in_the_middle_keep_nodes_filled() {
    let limits = limits(-1);
    let mut list = list_of(1, &limits);
    for _ in 0..20_000 {
        list.insert(below(list.len()), b"some text or other", &limits);
    }
    let bytes = 20_000 * 20;
    assert!(list.node_count() < 3 * bytes / 4096, "{}", list.node_count());
    assert!(list.memory() < 2 * bytes, "{}", list.memory());
    list.trim(7, 3, &limits);
    assert_eq!((list.len(), list.encoding()), (3, "listpack"));
}
