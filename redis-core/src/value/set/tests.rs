//! Against a `BTreeSet`, and the rules of conversion.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn set_of(members: impl IntoIterator<Item = i64>, limits: &Limits) -> Set {
    let mut set = Set::new();
    members.into_iter().for_each(|member| assert!(set.add(member.to_string().as_bytes(), limits)));
    set
}

fn members(set: &Set) -> BTreeSet<Vec<u8>> {
    let members: Vec<_> = set.iter().map(|member| member.to_vec()).collect();
    assert_eq!(members.len(), set.len());
    members.into_iter().collect()
}

#[test]
fn conversions() {
    let limits = Limits::default();
    assert_eq!(set_of(0..512, &limits).encoding(), "intset");
    assert_eq!(set_of(0..513, &limits).encoding(), "hashtable");
    let with_text = |count| {
        let mut set = set_of(0..count, &limits);
        assert!(set.add(b"text", &limits));
        set.encoding()
    };
    assert_eq!(with_text(127), "listpack");
    assert_eq!(with_text(128), "hashtable");
    let mut set = set_of(0..3, &limits);
    assert!(set.add(&[b'x'; 65], &limits));
    assert_eq!(set.encoding(), "hashtable");
    let narrow = Limits { set_max_listpack_value: 4, ..limits };
    let mut set = set_of([-10_000, 3], &narrow);
    assert!(set.add(b"x", &narrow));
    assert_eq!(set.encoding(), "hashtable", "an integer was too long for a listpack");
    let few = Limits { set_max_intset_entries: 100, ..limits };
    assert_eq!(set_of(0..101, &few).encoding(), "hashtable", "although a listpack would hold them");
}

#[test]
fn expected_sizes_decide_beforehand() {
    let limits = Limits::default();
    let encoding = |first: &[u8], count| Set::for_members(first, count, &limits).encoding();
    assert_eq!(encoding(b"1", 512), "intset");
    assert_eq!(encoding(b"1", 513), "hashtable");
    assert_eq!(encoding(b"a", 128), "listpack");
    assert_eq!(encoding(b"a", 129), "hashtable");
    let mut set = set_of(0..3, &limits);
    set.expect(512, &limits);
    assert_eq!(set.encoding(), "intset");
    set.expect(513, &limits);
    assert_eq!(set.encoding(), "hashtable");
}

#[test]
fn integers_in_a_listpack_become_an_intset_when_asked() {
    let limits = Limits::default();
    let mut set = Set::for_members(b"a", 1, &limits);
    ["1", "a", "-3"].iter().for_each(|member| assert!(set.add(member.as_bytes(), &limits)));
    set.compact_integers(&limits);
    assert_eq!(set.encoding(), "listpack");
    assert!(set.remove(b"a"));
    set.compact_integers(&limits);
    assert_eq!(set.encoding(), "intset");
    assert_eq!(set.len(), 2);
}

#[test]
fn foreign_encodings() {
    let limits = Limits::default();
    let listpack = |texts: &[&[u8]]| texts.iter().map(|&text| Element::from(text)).collect::<Listpack>();
    let set = Set::from_listpack(listpack(&[b"a", b"1", b"b"]), &limits).expect("distinct");
    assert_eq!((set.len(), set.encoding()), (3, "listpack"));
    assert!(Set::from_listpack(listpack(&[b"a", b"1", b"a"]), &limits).is_none());
    let few = Limits { set_max_listpack_entries: 2, set_max_intset_entries: 1, ..limits };
    let set = Set::from_listpack(listpack(&[b"a", b"1", b"b"]), &few).expect("distinct");
    assert_eq!((set.len(), set.encoding()), (3, "hashtable"));
    let mut intset = IntSet::new();
    intset.insert(1);
    intset.insert(2);
    assert_eq!(Set::from_intset(intset.clone(), &limits).as_intset().map(IntSet::len), Some(2));
    assert_eq!(Set::from_intset(intset, &few).encoding(), "hashtable");
}

fn check(set: &Set, model: &BTreeSet<Vec<u8>>) {
    assert_eq!(members(set), *model);
    assert_eq!(set.random().is_none(), model.is_empty());
    let mut seen = BTreeSet::new();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, &mut |member| {
            seen.insert(member.to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, *model);
    for count in [0, 1, 3, 1000] {
        let mut sample = Vec::new();
        set.sample(count, &mut |member| sample.push(member.to_vec()));
        assert_eq!(sample.len(), count.min(model.len()));
        let distinct: BTreeSet<_> = sample.into_iter().collect();
        assert_eq!(distinct.len(), count.min(model.len()));
        assert!(distinct.is_subset(model));
        let mut drawn = 0;
        set.sample_with_repeats(count, &mut |member| {
            assert!(model.contains(&member.to_vec()));
            drawn += 1;
        });
        assert_eq!(drawn, if model.is_empty() { 0 } else { count });
    }
}

#[test]
fn agrees_with_a_btree_set() {
    let limits = Limits {
        set_max_intset_entries: 8,
        set_max_listpack_entries: 12,
        set_max_listpack_value: 10,
        ..Limits::default()
    };
    let mut encodings = BTreeMap::new();
    for round in 0..200 {
        let mut set = Set::new();
        let mut model = BTreeSet::new();
        for _ in 0..80 {
            let number = below(30).to_string();
            let member = match below(20) {
                0 if round % 2 == 0 => vec![b'y'; below(14)],
                1 if round % 3 == 0 => format!("m{number}").into_bytes(),
                _ => number.into_bytes(),
            };
            match below(8) {
                0..4 => assert_eq!(set.add(&member, &limits), model.insert(member.clone())),
                4..6 => assert_eq!(set.remove(&member), model.remove(&member)),
                6 => match set.pop() {
                    Some(popped) => assert!(model.remove(&popped)),
                    None => assert!(model.is_empty()),
                },
                _ => set.pop_many(below(4), &mut |popped| assert!(model.remove(popped))),
            }
            assert_eq!(set.contains(&member), model.contains(&member));
            assert_eq!(set.contains_element(Element::from(&member)), model.contains(&member));
            check(&set, &model);
            *encodings.entry(set.encoding()).or_insert(0) += 1;
        }
        check(&set.clone(), &model);
        set.pop_many(usize::MAX, &mut |popped| assert!(model.remove(popped)));
        assert!(set.is_empty() && model.is_empty());
    }
    assert_eq!(encodings.len(), 3, "{encodings:?}");
}

#[test]
fn memory_follows_the_members() {
    let limits = Limits::default();
    let mut set = set_of(0..1000, &limits);
    let full = set.memory();
    (0..999).for_each(|member| assert!(set.remove(member.to_string().as_bytes())));
    assert!(set.memory() < full / 10, "{full} and then {}", set.memory());
    assert_eq!(set.free_effort(), 1);
}

#[test]
fn random_members_are_equally_likely() {
    let limits = Limits::default();
    for set in [set_of(0..10, &limits), set_of(0..10, &Limits { set_max_intset_entries: 1, ..limits })] {
        let mut counts = [0; 10];
        set.sample_with_repeats(10_000, &mut |member| counts[member.to_i64().unwrap_or(0) as usize] += 1);
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }
}

#[test]
fn a_deadline_makes_a_table() {
    let limits = Limits::default();
    let mut set = set_of(0..3, &limits);
    assert_eq!((set.set_deadline(b"9", 5), set.set_deadline(b"1", NO_DEADLINE)), (None, Some(NO_DEADLINE)));
    assert_eq!((set.encoding(), set.next_deadline(), set.deadline(b"1")), ("intset", NO_DEADLINE, Some(NO_DEADLINE)));
    assert_eq!(set.set_deadline(b"1", 5), Some(NO_DEADLINE));
    assert_eq!((set.encoding(), set.next_deadline(), set.deadline(b"1")), ("hashtable", 5, Some(5)));
    assert!(!set.add(b"1", &limits), "it is there");
    assert_eq!(set.deadline(b"1"), Some(5));
    assert!(set.remove(b"1") && set.add(b"1", &limits));
    assert_eq!((set.deadline(b"1"), set.next_deadline()), (Some(NO_DEADLINE), NO_DEADLINE));
}

#[test]
fn members_with_deadlines_do_what_a_map_does() {
    let limits = Limits::default();
    let mut set = Set::new();
    let mut model: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for step in 0..20_000_u64 {
        let grows = step < 10_000;
        let member = format!("m{}", below(if grows { 3_000 } else { 300 })).into_bytes();
        match below(if grows { 12 } else { 16 }) {
            0..4 => {
                assert_eq!(set.add(&member, &limits), !model.contains_key(&member));
                model.entry(member).or_insert(NO_DEADLINE);
            }
            4..8 => {
                let deadline = if below(4) == 0 { NO_DEADLINE } else { step + below(2_000) as u64 };
                assert_eq!(set.set_deadline(&member, deadline), model.get(&member).copied());
                model.entry(member).and_modify(|old| *old = deadline);
            }
            8 => assert_eq!(set.remove(&member), model.remove(&member).is_some()),
            9 => {
                let popped = set.pop();
                assert_eq!(popped.is_some(), !model.is_empty());
                popped.into_iter().for_each(|member| assert!(model.remove(&member).is_some()));
            }
            _ => {
                let mut gone = Vec::new();
                let limit = 1 + below(50);
                let reaped = set.reap(step, limit, &mut |member| gone.push(member.to_vec()));
                assert!(reaped == gone.len() && reaped <= limit);
                let ends: Vec<u64> = gone.iter().map(|member| model.remove(member).unwrap()).collect();
                assert!(ends.is_sorted() && ends.iter().all(|end| *end <= step), "{ends:?}");
                assert!(reaped == limit || set.next_deadline() > step);
            }
        }
        assert_eq!(set.next_deadline(), model.values().copied().min().unwrap_or(NO_DEADLINE));
        if step % 1_000 == 0 {
            for set in [&set, &set.clone()] {
                let own: BTreeMap<_, _> = set.iter_with_deadlines().map(|(m, end)| (m.to_vec(), end)).collect();
                assert_eq!((own == model, set.len()), (true, model.len()));
            }
        }
    }
    let mortal = model.values().filter(|end| **end != NO_DEADLINE).count();
    assert_eq!(set.reap(NO_DEADLINE - 1, usize::MAX, &mut |_| ()), mortal);
    assert_eq!((set.len(), set.next_deadline()), (model.len() - mortal, NO_DEADLINE));
}
