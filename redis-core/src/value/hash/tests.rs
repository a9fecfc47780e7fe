//! Against a `HashMap` with deadlines, and the rules of conversion.

use std::collections::{BTreeMap, HashMap};

use super::*;

const NOW: u64 = 1000;

fn hash_of(count: usize, limits: &Limits) -> Hash {
    let mut hash = Hash::new();
    (0..count).for_each(|number| assert!(hash.set(format!("f{number}").as_bytes(), b"value", NOW, limits)));
    hash
}

#[test]
fn conversions() {
    let limits = Limits::default();
    assert_eq!(hash_of(512, &limits).encoding(), "listpack");
    assert_eq!(hash_of(513, &limits).encoding(), "hashtable");
    let with_pair = |field: &[u8], value: &[u8]| {
        let mut hash = hash_of(3, &limits);
        assert!(hash.set(field, value, NOW, &limits));
        hash.encoding()
    };
    assert_eq!(with_pair(&[b'x'; 64], &[b'x'; 64]), "listpack");
    assert_eq!(with_pair(&[b'x'; 65], b"x"), "hashtable");
    assert_eq!(with_pair(b"x", &[b'x'; 65]), "hashtable");
    let mut hash = hash_of(3, &limits);
    hash.expect(512, &limits);
    assert_eq!(hash.encoding(), "listpack");
    assert_eq!(hash.set_deadline(b"absent", 2000, NOW), None);
    assert_eq!(hash.persist(b"f1", NOW), Some(false));
    assert_eq!(hash.encoding(), "listpack", "nothing has a deadline yet");
    assert_eq!(hash.set_deadline(b"f1", 2000, NOW), Some(NO_DEADLINE));
    assert_eq!((hash.encoding(), hash.next_deadline()), ("hashtable", 2000));
    let mut hash = hash_of(3, &limits);
    hash.expect(513, &limits);
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 3));
}

#[test]
fn foreign_listpacks() {
    let limits = Limits::default();
    let listpack = |texts: &[&[u8]]| texts.iter().map(|&text| Element::from(text)).collect::<Listpack>();
    let hash = Hash::from_listpack(listpack(&[b"a", b"1", b"1", b"a"]), &limits).expect("well formed");
    assert_eq!((hash.len(), hash.encoding()), (2, "listpack"));
    assert!(hash.get(b"1", NOW).is_some_and(|value| value.eq_text(b"a")));
    assert!(Hash::from_listpack(listpack(&[b"a", b"1", b"b"]), &limits).is_none());
    assert!(Hash::from_listpack(listpack(&[b"a", b"1", b"a", b"2"]), &limits).is_none());
    let few = Limits { hash_max_listpack_entries: 1, ..limits };
    let hash = Hash::from_listpack(listpack(&[b"a", b"1", b"1", b"a"]), &few).expect("well formed");
    assert_eq!((hash.len(), hash.encoding()), (2, "hashtable"));
}

#[test]
fn an_expired_field_is_out_of_sight() {
    let limits = Limits::default();
    let mut hash = hash_of(3, &limits);
    assert_eq!(hash.set_deadline(b"f0", 2000, NOW), Some(NO_DEADLINE));
    assert_eq!((hash.deadline(b"f0", 1999), hash.deadline(b"f1", NOW)), (Some(2000), Some(NO_DEADLINE)));
    assert!(hash.contains(b"f0", 1999) && !hash.contains(b"f0", 2000));
    assert_eq!((hash.value_len(b"f0", 1999), hash.value_len(b"f0", 2000)), (5, 0));
    assert_eq!((hash.iter(1999).count(), hash.iter(2000).count(), hash.len()), (3, 2, 3));
    assert!(!hash.remove(b"f0", 2000));
    assert_eq!((hash.deadline(b"f0", 2000), hash.persist(b"f0", 2000)), (None, None));
    assert_eq!((hash.set_deadline(b"f0", 3000, 2000), hash.len()), (None, 3));
    assert!(hash.set_keeping_deadline(b"f0", b"1", 2000, &limits), "a field that has expired is made anew");
    assert_eq!((hash.deadline(b"f0", 2000), hash.next_deadline()), (Some(NO_DEADLINE), NO_DEADLINE));
}

#[test]
fn overwriting_takes_the_deadline_away_and_counting_keeps_it() {
    let limits = Limits::default();
    let mut hash = hash_of(2, &limits);
    hash.set_deadline(b"f0", 2000, NOW);
    assert!(!hash.set_keeping_deadline(b"f0", b"12345678", NOW, &limits));
    assert_eq!(hash.deadline(b"f0", NOW), Some(2000));
    assert!(!hash.set(b"f0", b"12345679", NOW, &limits));
    assert_eq!((hash.deadline(b"f0", NOW), hash.next_deadline()), (Some(NO_DEADLINE), NO_DEADLINE));
    assert!(hash.set_with_deadline(b"new", b"1", 3000, NOW, &limits));
    assert_eq!((hash.persist(b"new", NOW), hash.persist(b"new", NOW)), (Some(true), Some(false)));
}

#[test]
fn reaping_in_pieces() {
    let limits = Limits::default();
    let mut hash = hash_of(20_000, &limits);
    for number in 0..20_000_u64 {
        hash.set_deadline(format!("f{number}").as_bytes(), 2000 + number % 10, NOW);
    }
    assert_eq!(hash.reap(1999, 10, &mut |_, _| panic!("nothing is due")), 0);
    let mut gone = 0;
    let mut calls = 0;
    while hash.next_deadline() <= 2004 {
        let removed = hash.reap(2004, 1000, &mut |_, value| assert_eq!(value, b"value"));
        assert!(removed <= 1000);
        gone += removed;
        calls += 1;
    }
    assert_eq!((gone, hash.len(), hash.iter(2004).count()), (10_000, 10_000, 10_000));
    assert_eq!(calls, 10);
    while hash.next_deadline() <= 5000 {
        hash.reap(5000, usize::MAX, &mut |_, _| ());
    }
    assert!(hash.is_empty());
    assert_eq!((hash.next_deadline(), hash.reap(9000, 10, &mut |_, _| ())), (NO_DEADLINE, 0));
    assert!(hash.memory() < 300, "{}", hash.memory());
}

#[test]
fn a_small_hash_knows_its_next_deadline() {
    let limits = Limits::default();
    let mut hash = hash_of(100, &limits);
    hash.set_deadline(b"f0", 2000, NOW);
    hash.set_deadline(b"f1", 3000, NOW);
    assert_eq!(hash.reap(2500, 1000, &mut |field, _| assert_eq!(field, b"f0")), 1);
    assert_eq!(hash.next_deadline(), 3000);
}

type Model = HashMap<Vec<u8>, (Vec<u8>, u64)>;

fn check(hash: &Hash, model: &Model, now: u64) {
    let live: BTreeMap<_, _> = model
        .iter()
        .filter(|(_, (_, deadline))| *deadline > now)
        .map(|(key, (value, _))| (key.clone(), value.clone()))
        .collect();
    let owned = |(field, value): (Element<'_>, Element<'_>)| (field.to_vec(), value.to_vec());
    assert_eq!(hash.len(), model.len());
    assert_eq!(hash.iter(now).map(owned).collect::<BTreeMap<_, _>>(), live);
    assert_eq!(hash.iter(now).count(), live.len());
    assert_eq!(hash.iter_with_deadlines().count(), model.len());
    let soonest = model.values().map(|(_, deadline)| *deadline).min().unwrap_or(NO_DEADLINE);
    assert!(hash.next_deadline() <= soonest);
    let mortal = model.values().any(|(_, deadline)| *deadline != NO_DEADLINE);
    assert_eq!(hash.next_deadline() == NO_DEADLINE, !mortal);
    let mut seen = BTreeMap::new();
    let mut cursor = 0;
    loop {
        cursor = hash.scan(cursor, now, &mut |field, value| drop(seen.insert(field.to_vec(), value.to_vec())));
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, live);
    assert_eq!(hash.random(now).is_none(), live.is_empty());
    for count in [0, 1, 3, 100] {
        let mut sample = BTreeMap::new();
        let mut visits = 0;
        hash.sample(count, now, &mut |field, value| {
            visits += 1;
            sample.insert(field.to_vec(), value.to_vec());
        });
        assert_eq!((visits, sample.len()), (count.min(live.len()), count.min(live.len())));
        assert!(sample.iter().all(|(field, value)| live.get(field) == Some(value)));
        let mut draws = 0;
        hash.sample_with_repeats(count, now, &mut |field, _| {
            assert!(live.contains_key(&field.to_vec()));
            draws += 1;
        });
        assert_eq!(draws, if live.is_empty() { 0 } else { count });
    }
}

#[test]
fn agrees_with_a_hash_map() {
    let limits = Limits { hash_max_listpack_entries: 12, hash_max_listpack_value: 12, ..Limits::default() };
    let mut encodings = BTreeMap::new();
    for round in 0..150 {
        let mut hash = Hash::new();
        let mut model = Model::new();
        let mut now = NOW;
        let mortal = round % 3 == 0;
        for _ in 0..100 {
            let field = format!("{}", below(if round % 2 == 0 { 12 } else { 40 })).into_bytes();
            let value = vec![b'0' + below(10) as u8; below(12) + 5 * usize::from(below(60) == 0)];
            let is_new = |model: &Model| model.get(&field).is_none_or(|(_, deadline)| *deadline <= now);
            let old = model.get(&field).map_or(NO_DEADLINE, |(_, deadline)| *deadline);
            match below(10) {
                0..4 => {
                    assert_eq!(hash.set(&field, &value, now, &limits), is_new(&model));
                    model.insert(field.clone(), (value, NO_DEADLINE));
                }
                4 => {
                    let kept = if is_new(&model) { NO_DEADLINE } else { old };
                    assert_eq!(hash.set_keeping_deadline(&field, &value, now, &limits), is_new(&model));
                    model.insert(field.clone(), (value, kept));
                }
                5 | 6 => {
                    let there = !is_new(&model);
                    assert_eq!(hash.remove(&field, now), there);
                    if there {
                        model.remove(&field);
                    }
                }
                7 if mortal => {
                    let deadline = if below(4) == 0 { NO_DEADLINE } else { now + 1 + below(40) as u64 };
                    let there = !is_new(&model);
                    assert_eq!(hash.set_deadline(&field, deadline, now), there.then_some(old));
                    if there && let Some((_, of_model)) = model.get_mut(&field) {
                        *of_model = deadline;
                    }
                }
                8 if mortal => {
                    hash.reap(now, 1 + below(100), &mut |field, _| {
                        assert!(model.remove(field).is_some_and(|(_, deadline)| deadline <= now));
                    });
                }
                _ => now += below(10) as u64,
            }
            let seen = model.get(&field).filter(|(_, deadline)| *deadline > now).map(|(value, _)| value.clone());
            assert_eq!(hash.get(&field, now).map(|value| value.to_vec()), seen);
            assert_eq!(hash.value_len(&field, now), seen.map_or(0, |value| value.len()));
            check(&hash, &model, now);
            *encodings.entry(hash.encoding()).or_insert(0) += 1;
        }
        check(&hash.clone(), &model, now);
    }
    assert_eq!(encodings.len(), 2, "{encodings:?}");
}

#[test]
fn memory_is_counted_and_given_back() {
    let limits = Limits::default();
    let mut hash = hash_of(1000, &limits);
    let full = hash.memory();
    assert!(full > 1000 * 20);
    (0..1000).for_each(|number| assert!(!hash.set(format!("f{number}").as_bytes(), &[b'x'; 200], NOW, &limits)));
    assert!(hash.memory() > full + 1000 * 150);
    (0..1000).for_each(|number| assert!(hash.remove(format!("f{number}").as_bytes(), NOW)));
    assert!(hash.memory() < 300, "{}", hash.memory());
}
