//! Against a sorted `Vec`, and the rules of conversion.

use std::collections::HashMap;

use super::*;
use crate::rng::below;

/// What a sorted set should be.
#[derive(Default)]
struct Model(Vec<(f64, Vec<u8>)>);

impl Model {
    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let rank = self.0.iter().position(|(_, other)| other == member)?;
        Some(self.0.remove(rank).0)
    }

    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.remove(member);
        // A zero keeps its sign.
        let score = old.filter(|old| *old == score).unwrap_or(score);
        let rank = self.0.partition_point(|(s, m)| compare((*s, m), (score, member)).is_lt());
        self.0.insert(rank, (score, member.to_vec()));
        old
    }
}

/// A score to be compared exactly, but for the sign of zero, which a listpack does not keep.
fn bits(score: f64) -> u64 {
    (score + 0.0).to_bits()
}

fn check(set: &ZSet, model: &Model) {
    let own: Vec<_> = set.iter().map(|(member, score)| (member.to_vec(), bits(score))).collect();
    let expected: Vec<_> = model.0.iter().map(|(score, member)| (member.clone(), bits(*score))).collect();
    assert_eq!(own, expected);
    assert_eq!((set.len(), set.is_empty()), (expected.len(), expected.is_empty()));
    let mut backwards: Vec<_> = set.iter().rev().map(|(member, score)| (member.to_vec(), bits(score))).collect();
    backwards.reverse();
    assert_eq!(backwards, expected);
}

/// Members of all lengths, some of them numbers; scores with many ties and all the odd ones.
fn any_member(variety: usize) -> Vec<u8> {
    let number = below(variety);
    match number % 5 {
        0 => number.to_string().into_bytes(),
        1 => vec![b'm'; number % 90],
        2 => [b"some-rather-long-prefix:", number.to_string().as_bytes()].concat(),
        _ => format!("m{number}").into_bytes(),
    }
}

fn any_score() -> f64 {
    const ODD: [f64; 8] =
        [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, 1e17, 9_007_199_254_740_993.0];
    match below(4) {
        0 => ODD[below(ODD.len())],
        1 => below(5) as f64,
        2 => below(1_000) as f64 / 7.0,
        _ => -(below(100_000) as f64),
    }
}

fn random_operations(limits: &Limits, variety: usize, steps: usize, encoding: &str) {
    let mut set = ZSet::for_members(0, limits.zset_max_listpack_entries + usize::from(encoding == "skiplist"), limits);
    let mut model = Model::default();
    for step in 0..steps {
        let member = any_member(variety);
        match below(20) {
            0..12 => {
                let score = any_score();
                assert_eq!(set.insert(&member, score, limits).map(bits), model.insert(&member, score).map(bits));
            }
            12..15 => assert_eq!(set.remove(&member).map(bits), model.remove(&member).map(bits)),
            15 => {
                let start = below(model.0.len() + 1);
                let end = start + below(10);
                set.remove_range(start..end);
                model.0.drain(start..end.min(model.0.len()));
            }
            16 => {
                let expected = (!model.0.is_empty()).then(|| model.0.remove(0));
                let popped = set.pop_first().map(|(member, score)| (score, member.into_vec()));
                assert_eq!(popped, expected);
            }
            17 => {
                let popped = set.pop_last().map(|(member, score)| (score, member.into_vec()));
                assert_eq!(popped, model.0.pop());
            }
            18 => {
                let score = any_score();
                let expected = model.0.partition_point(|(other, _)| *other < score);
                assert_eq!(set.partition_point(|_, other| other < score), expected);
                let (start, end) = (below(model.0.len() + 2), below(model.0.len() + 2));
                let own: Vec<_> = set.range(start..end).map(|(member, score)| (score, member.to_vec())).collect();
                let end = end.min(model.0.len());
                assert_eq!(own, model.0[start.min(end)..end]);
            }
            _ => {
                let expected = model.0.iter().position(|(_, other)| *other == member);
                assert_eq!(set.rank(&member).map(|(rank, _)| rank), expected);
                assert_eq!(set.score(&member), expected.map(|rank| model.0[rank].0));
            }
        }
        if step % 64 == 0 {
            check(&set, &model);
            check(&set.clone(), &model);
        }
    }
    check(&set, &model);
    assert_eq!(set.encoding(), encoding);
}

#[test]
fn a_listpack_does_what_a_vector_does() {
    let limits = Limits { zset_max_listpack_entries: 1_000, zset_max_listpack_value: 1_000, ..Limits::default() };
    random_operations(&limits, 100, 5_000, "listpack");
}

#[test]
fn a_tree_does_what_a_vector_does() {
    for variety in [10, 1_000, 20_000] {
        random_operations(&Limits { zset_max_listpack_entries: 0, ..Limits::default() }, variety, 20_000, "skiplist");
    }
}

#[test]
fn a_scan_finds_what_stays() {
    let limits = Limits { zset_max_listpack_entries: 0, ..Limits::default() };
    let member = |n: usize| [&b"member"[..n % 7], n.to_string().as_bytes()].concat();
    let mut set = ZSet::new();
    // How many go and come at each step: few holes, holes that are filled, and more holes than there may be.
    for (removals, insertions) in [(1, 1), (3, 3), (9, 0)] {
        for n in 0..3_000 {
            set.insert(&member(n), n as f64, &limits);
        }
        let (len, memory) = (set.len(), set.memory());
        let (mut seen, mut cursor, mut calls) = (HashMap::<Vec<u8>, usize>::new(), 0, 0);
        loop {
            cursor = set.scan(cursor, &mut |member, _| *seen.entry(member.to_vec()).or_default() += 1);
            // Meanwhile every eighth member stays, whatever its score, others go, and others come.
            assert!(set.insert(&member(8 * below(375)), below(100) as f64, &limits).is_some());
            for n in (0..removals).map(|_| below(6_000)).filter(|n| *n >= 3_000 || n % 8 != 0) {
                set.remove(&member(n));
            }
            for _ in 0..insertions {
                set.insert(&member(3_000 + below(3_000)), 1.0, &limits);
            }
            calls += 1;
            assert!(cursor < 1 << 48 && calls < 20_000);
            if cursor == 0 {
                break;
            }
        }
        assert!((0..3_000).step_by(8).all(|n| seen.contains_key(&member(n))));
        assert!(insertions > 0 || set.len() < len / 4 && set.memory() < memory);
    }
    for cursor in [1, 40 << 40, 300 << 40, u64::MAX, (3 << 40) + 5, 5 << 40 | 0xFF_FFFF_FFFF] {
        let next = set.scan(cursor, &mut |_, _| ());
        assert!(next < 1 << 48, "{cursor} is answered by {next}");
    }
}

#[test]
fn a_scan_of_what_rests_sees_everything_once() {
    let limits = Limits { zset_max_listpack_entries: 0, ..Limits::default() };
    let mut set = ZSet::new();
    (0..1_000_usize).for_each(|n| assert_eq!(set.insert(&vec![b'x'; n], n as f64, &limits), None));
    let (mut sum, mut calls, mut cursor) = (0.0, 0, 0);
    loop {
        cursor = set.scan(cursor, &mut |member, score| {
            assert_eq!(member.text_len() as f64, score);
            sum += score;
        });
        calls += 1;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!((sum, calls), (499_500.0, 1_000));
}

#[test]
fn conversions() {
    let limits = Limits::default();
    let with = |count: usize, member: &[u8]| {
        let mut set = ZSet::new();
        (0..count).for_each(|n| assert_eq!(set.insert(n.to_string().as_bytes(), n as f64, &limits), None));
        assert_eq!(set.encoding(), "listpack");
        set.insert(member, 0.5, &limits);
        assert_eq!(set.at(usize::from(count > 0)).expect("it is there").0.to_vec(), member);
        set.encoding()
    };
    assert_eq!(with(127, b"member"), "listpack");
    assert_eq!(with(128, b"member"), "skiplist");
    assert_eq!(with(128, b"1"), "listpack", "only the score changes");
    assert_eq!(with(0, &[b'x'; 64]), "listpack");
    assert_eq!(with(0, &[b'x'; 65]), "skiplist");
}

#[test]
fn expected_sizes_decide_beforehand() {
    let limits = Limits::default();
    assert_eq!(ZSet::for_members(64, 128, &limits).encoding(), "listpack");
    assert_eq!(ZSet::for_members(65, 128, &limits).encoding(), "skiplist");
    assert_eq!(ZSet::for_members(64, 129, &limits).encoding(), "skiplist");
    let mut set = ZSet::new();
    set.expect(128, &limits);
    assert_eq!(set.encoding(), "listpack");
    set.expect(129, &limits);
    assert_eq!(set.encoding(), "skiplist");
}

#[test]
fn foreign_listpacks() {
    let limits = Limits::default();
    let read = |texts: &[&[u8]], limits: &Limits| {
        ZSet::from_listpack(texts.iter().map(|&text| Element::from(text)).collect(), limits)
    };
    let texts: [&[u8]; 8] = [b"a", b"-inf", b"b", b"-0", b"1", b"0.5", b"10", b"0.50000000000000000"];
    let set = read(&texts, &limits).expect("in order");
    assert_eq!((set.len(), set.encoding(), set.score(b"10")), (4, "listpack", Some(0.5)));
    assert!(set.score(b"b").is_some_and(|score| score == 0.0 && score.is_sign_negative()));
    let few = Limits { zset_max_listpack_entries: 3, ..limits };
    assert_eq!(read(&texts, &few).map(|set| set.encoding()), Some("skiplist"));
    let refused: [&[&[u8]]; 5] = [
        &[b"a", b"1", b"b"],
        &[b"a", b"1", b"b", b"nan"],
        &[b"a", b"2", b"b", b"1"],
        &[b"b", b"1", b"a", b"1"],
        &[b"a", b"1", b"a", b"2"],
    ];
    for texts in refused {
        assert!(read(texts, &limits).is_none(), "{texts:?}");
    }
}

#[test]
fn scores_in_a_listpack_are_short() {
    let mut set = ZSet::new();
    for score in [7.0, 0.1, -0.0, f64::INFINITY, 1e100] {
        set.insert(format!("{score:e}").as_bytes(), score, &Limits::default());
    }
    let texts: Vec<_> = set.as_listpack().expect("it is small").iter().map(|element| element.to_vec()).collect();
    assert_eq!(
        texts.iter().skip(1).step_by(2).map(Vec::as_slice).collect::<Vec<_>>(),
        [&b"0"[..], b"0.1", b"7", b"1e+100", b"inf"]
    );
}

#[test]
fn a_deadline_leaves_the_encoding() {
    let limits = Limits::default();
    let mut set = ZSet::new();
    assert_eq!(set.insert(b"a", 1.0, &limits), None);
    assert_eq!((set.set_deadline(b"b", 5), set.set_deadline(b"a", NO_DEADLINE)), (None, Some(NO_DEADLINE)));
    let plain = set.memory();
    assert_eq!(set.set_deadline(b"a", 5), Some(NO_DEADLINE));
    assert_eq!((set.encoding(), set.next_deadline(), set.deadline(b"a")), ("listpack", 5, Some(5)));
    assert!(set.memory() > plain);
    assert_eq!((set.insert(b"a", 2.0, &limits), set.deadline(b"a")), (Some(1.0), Some(5)));
    assert_eq!((set.set_deadline(b"a", 7), set.next_deadline()), (Some(5), 7));
    assert_eq!(set.set_deadline(b"a", NO_DEADLINE), Some(7));
    assert_eq!((set.memory(), set.deadline(b"a")), (plain, Some(NO_DEADLINE)));
    set.set_deadline(b"a", 5);
    assert_eq!((set.remove(b"a"), set.next_deadline(), set.len()), (Some(2.0), NO_DEADLINE, 0));
    assert!(size_of::<ZSet>() <= 16);
}

/// Against the model with a map of deadlines beside it, while it grows out of its listpack and shrinks again.
#[test]
fn members_with_deadlines_do_what_a_vector_does() {
    let limits = Limits { zset_max_listpack_entries: 60, ..Limits::default() };
    let (mut set, mut model) = (ZSet::new(), Model::default());
    let mut ends: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut encodings = std::collections::BTreeSet::new();
    for step in 0..12_000_u64 {
        let member = any_member(if step < 2_000 { 40 } else { 600 });
        match below(12) {
            0..4 => {
                let score = any_score();
                assert_eq!(set.insert(&member, score, &limits).map(bits), model.insert(&member, score).map(bits));
            }
            4..8 => {
                let end = if below(4) == 0 { NO_DEADLINE } else { step + below(1_000) as u64 };
                let old = model.0.iter().any(|(_, other)| *other == member);
                let old = old.then(|| ends.get(&member).copied().unwrap_or(NO_DEADLINE));
                assert_eq!(set.set_deadline(&member, end), old);
                if old.is_some() && end == NO_DEADLINE {
                    ends.remove(&member);
                } else if old.is_some() {
                    ends.insert(member, end);
                }
            }
            8 => {
                assert_eq!(set.remove(&member).map(bits), model.remove(&member).map(bits));
                ends.remove(&member);
            }
            9 => {
                let start = below(model.0.len() + 1);
                let end = (start + below(6)).min(model.0.len());
                set.remove_range(start..end);
                for (_, member) in model.0.drain(start..end) {
                    ends.remove(&member);
                }
            }
            10 if step % 3 == 0 => {
                let popped = set.pop_first().map(|(member, _)| member.into_vec());
                assert_eq!(popped, (!model.0.is_empty()).then(|| model.0.remove(0).1));
                popped.and_then(|member| ends.remove(&member));
            }
            _ => {
                let mut gone = Vec::new();
                let limit = 1 + below(20);
                let reaped = set.reap(step, limit, &mut |member| gone.push(member.to_vec()));
                assert!(reaped == gone.len() && (reaped == limit || set.next_deadline() > step));
                for member in gone {
                    assert!(ends.remove(&member).is_some_and(|end| end <= step) && model.remove(&member).is_some());
                }
            }
        }
        assert_eq!(set.next_deadline(), ends.values().copied().min().unwrap_or(NO_DEADLINE));
        if step % 300 == 0 {
            encodings.insert(set.encoding());
            for set in [&set, &set.clone()] {
                check(set, &model);
                let own: HashMap<_, _> = set
                    .iter_with_deadlines()
                    .filter(|(.., end)| *end != NO_DEADLINE)
                    .map(|(member, _, end)| (member.to_vec(), end))
                    .collect();
                assert_eq!(own, ends);
            }
        }
    }
    assert_eq!(encodings.len(), 2, "{encodings:?}");
}
