//! Streams against plain maps that do the same, and foreign bytes against streams.

use std::collections::BTreeMap;

use super::*;
use crate::rng::below;
use crate::value::Limits;
use crate::value::listpack::{Element, Listpack};

/// An entry's fields with their values.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn fields_of(entry: &StreamEntry<'_>) -> Fields {
    let fields: Fields = entry.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(fields.len(), entry.field_count());
    fields
}

fn append(entries: &mut Entries, id: StreamId, fields: &Fields, limits: &Limits) -> Result<(), AppendError> {
    let fields: Vec<(&[u8], &[u8])> = fields.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    entries.append(id, &fields, limits)
}

fn random_fields() -> Fields {
    let text = || match below(4) {
        0 => below(1000).to_string().into_bytes(),
        1 => vec![b'x'; below(90)],
        _ => vec![b'a' + below(3) as u8],
    };
    (0..=below(3)).map(|index| (vec![b'f', b'0' + index as u8, b'0' + (below(8) == 0) as u8], text())).collect()
}

fn small_nodes() -> Limits {
    Limits { stream_node_max_entries: 5, stream_node_max_bytes: 300, ..Limits::default() }
}

/// A stream of `len` entries with ids `1-0`, `2-0` ...
fn stream_of(len: u64, limits: &Limits) -> Stream {
    let mut stream = Stream::new();
    for ms in 1..=len {
        stream.entries.append(StreamId::new(ms, 0), &[(b"f", b"v")], limits).expect("ids ascend");
    }
    stream
}

fn ids<'a>(entries: impl Iterator<Item = StreamEntry<'a>>) -> Vec<u64> {
    entries.map(|entry| entry.id.ms).collect()
}

/// What a stream is, done plainly.
#[derive(Default)]
struct Model {
    entries: BTreeMap<StreamId, Fields>,
    last_id: StreamId,
    max_deleted_id: StreamId,
    added: u64,
}

impl Model {
    fn check(&self, entries: &Entries) {
        assert_eq!(entries.len(), self.entries.len() as u64);
        assert_eq!((entries.last_id(), entries.max_deleted_id()), (self.last_id, self.max_deleted_id));
        assert_eq!(entries.entries_added(), self.added);
        assert_eq!(entries.first_id(), self.entries.keys().next().copied().unwrap_or_default());
        let all: Vec<_> =
            entries.range(StreamId::MIN, StreamId::MAX).map(|entry| (entry.id, fields_of(&entry))).collect();
        assert!(all.iter().map(|(id, fields)| (id, fields)).eq(&self.entries));
        assert!(entries.nodes().all(|(_, listpack)| listpack.get(0) != Some(Element::Int(0))));
    }

    fn check_range(&self, entries: &Entries, from: StreamId, to: StreamId) {
        let expected: Vec<_> = self.entries.keys().copied().filter(|id| (from..=to).contains(id)).collect();
        let forward: Vec<_> = entries.range(from, to).map(|entry| entry.id).collect();
        let mut backward: Vec<_> = entries.range(from, to).rev().map(|entry| entry.id).collect();
        backward.reverse();
        assert_eq!((&forward, &backward), (&expected, &expected), "{from} to {to}");
        let mut both = entries.range(from, to);
        let mut left = expected.len();
        while left > 0 {
            let entry = if below(2) == 0 { both.next() } else { both.next_back() };
            assert_eq!(entry.map(|entry| fields_of(&entry)).is_some(), left > 0);
            left -= 1;
        }
        assert!(both.next().is_none() && both.next_back().is_none());
    }

    fn any_id(&self) -> StreamId {
        match self.entries.keys().nth(below(self.entries.len() + 1)) {
            Some(id) if below(4) > 0 => *id,
            _ => StreamId::new(below(self.last_id.ms as usize + 3) as u64, below(4) as u64),
        }
    }
}

#[test]
fn entries_do_what_a_map_does() {
    for limits in [small_nodes(), Limits::default(), Limits { stream_node_max_entries: 0, ..small_nodes() }] {
        let (mut entries, mut model) = (Entries::default(), Model::default());
        for _ in 0..4_000 {
            let id = model.any_id();
            match below(20) {
                0..12 => {
                    let wanted = match below(4) {
                        0 => NewId::Auto,
                        1 => NewId::InMillis(model.last_id.ms + below(2) as u64),
                        2 => NewId::Exact(id),
                        _ => NewId::Exact(StreamId::new(model.last_id.ms + 1, below(1000) as u64)),
                    };
                    let Ok(id) = entries.new_id(wanted, model.last_id.ms + below(2) as u64) else { continue };
                    assert!(id > model.last_id);
                    let fields = random_fields();
                    append(&mut entries, id, &fields, &limits).expect("the id is above all others");
                    model.entries.insert(id, fields);
                    (model.last_id, model.added) = (id, model.added + 1);
                }
                12..17 => {
                    let there = model.entries.remove(&id).is_some();
                    assert_eq!(entries.contains(id), there);
                    assert_eq!(entries.delete(id), there, "{id}");
                    if there {
                        model.max_deleted_id = model.max_deleted_id.max(id);
                    }
                }
                17 => {
                    let len = model.entries.len() as u64;
                    let keep = len.saturating_sub(below(12) as u64);
                    assert_eq!(entries.trim(Trim::MaxLen(keep), false, 0), len - keep);
                    while model.entries.len() as u64 > keep {
                        model.entries.pop_first();
                    }
                }
                18 => {
                    let id = model.entries.keys().nth(below(8)).copied().unwrap_or(id);
                    let kept = model.entries.split_off(&id);
                    assert_eq!(entries.trim(Trim::MinId(id), false, 0), model.entries.len() as u64);
                    model.entries = kept;
                }
                _ => {
                    let keep = model.entries.len().saturating_sub(below(20)) as u64;
                    let limit = below(10) as u64;
                    let removed = entries.trim(Trim::MaxLen(keep), true, limit);
                    assert!((limit == 0 || removed <= limit) && entries.len() >= keep.min(model.entries.len() as u64));
                    (0..removed).for_each(|_| drop(model.entries.pop_first()));
                }
            }
            if below(10) == 0 {
                model.check(&entries);
                model.check_range(&entries, model.any_id(), model.any_id());
                assert_eq!(entries.get(id).map(|entry| fields_of(&entry)).as_ref(), model.entries.get(&id));
            }
        }
        model.check(&entries);
        model.check(&reloaded(&entries));
    }
}

/// The entries that come out of a dump of these.
fn reloaded(entries: &Entries) -> Entries {
    let mut copy = Entries::default();
    for (master, listpack) in entries.nodes() {
        let listpack = Listpack::from_dump(&listpack.to_dump()).expect("it is one");
        assert_eq!(copy.load_node(master, listpack), Ok(()));
    }
    let (max_deleted, added) = (entries.max_deleted_id(), entries.entries_added());
    assert_eq!(copy.load_counters(entries.len(), entries.last_id(), max_deleted, added), Ok(()));
    copy
}

#[test]
fn the_bytes_of_a_node_are_those_of_redis() {
    let mut entries = Entries::default();
    let limits = Limits::default();
    entries.append(StreamId::new(1000, 7), &[(b"a", b"1"), (b"b", b"x")], &limits).expect("ids ascend");
    entries.append(StreamId::new(1001, 0), &[(b"a", b"2"), (b"b", b"y")], &limits).expect("ids ascend");
    entries.append(StreamId::new(1001, 9), &[(b"b", b"z")], &limits).expect("ids ascend");
    assert!(entries.delete(StreamId::new(1001, 0)));
    let (master, listpack) = entries.nodes().next().expect("there is a node");
    assert_eq!(master, StreamId::new(1000, 7));
    let node = "[2, 1, 2, \"a\", \"b\", 0, 2, 0, 0, 1, \"x\", 5, 3, 1, -7, 2, \"y\", 5, 0, 1, 2, 1, \"b\", \"z\", 6]";
    assert_eq!(format!("{listpack:?}"), node);
}

#[test]
fn nodes_end_where_the_limits_say() {
    let nodes = |max_bytes, max_entries, len| {
        let limits =
            Limits { stream_node_max_bytes: max_bytes, stream_node_max_entries: max_entries, ..Limits::default() };
        stream_of(len, &limits).entries.nodes().len()
    };
    assert_eq!((nodes(0, 10, 100), nodes(0, 10, 101), nodes(4096, 100, 100)), (10, 11, 1));
    assert_eq!((nodes(0, 0, 2_000), nodes(1, 0, 5), nodes(0, 1, 5)), (1, 5, 5));
    // A deleted entry keeps its place in the node.
    let limits = Limits { stream_node_max_entries: 3, ..Limits::default() };
    let mut stream = stream_of(3, &limits);
    assert!(stream.entries.delete(StreamId::new(2, 0)));
    stream.entries.append(StreamId::new(4, 0), &[(b"f", b"v")], &limits).expect("ids ascend");
    assert_eq!(stream.entries.nodes().len(), 2);
    // An entry is too large for one node, but not for a node of its own.
    let limits = Limits { stream_node_max_bytes: 100, ..Limits::default() };
    stream.entries.append(StreamId::new(5, 0), &[(b"f", &[b'v'; 300])], &limits).expect("ids ascend");
    assert_eq!(stream.entries.nodes().len(), 3);
}

#[test]
fn trimming_nodes_as_a_whole() {
    let limits = Limits { stream_node_max_entries: 10, ..Limits::default() };
    let trimmed = |to, limit| {
        let mut stream = stream_of(100, &limits);
        (stream.entries.trim(to, true, limit), stream.entries.first_id().ms)
    };
    assert_eq!(trimmed(Trim::MaxLen(55), 0), (40, 41));
    assert_eq!(trimmed(Trim::MaxLen(55), 30), (30, 31));
    assert_eq!(trimmed(Trim::MaxLen(55), 5), (0, 1));
    assert_eq!(trimmed(Trim::MaxLen(0), 0), (100, 0));
    assert_eq!(trimmed(Trim::MaxLen(100), 0), (0, 1));
    assert_eq!(trimmed(Trim::MinId(StreamId::new(30, 0)), 0), (20, 21));
    assert_eq!(trimmed(Trim::MinId(StreamId::new(31, 0)), 0), (30, 31));
    assert_eq!(trimmed(Trim::MinId(StreamId::MAX), 95), (90, 91));
}

#[test]
fn trimming_with_regard_to_groups() {
    for round in 0..300 {
        let mut stream = stream_of(1 + below(40) as u64, &small_nodes());
        for name in 0..below(3) {
            let mut group = Group::new(StreamId::new(below(45) as u64, 0), None);
            for _ in 0..below(20) {
                group.assign(StreamId::new(1 + below(44) as u64, 0), b"consumer", 0, 1);
            }
            stream.groups.insert(Box::new([b'0' + name as u8]), group);
        }
        let before = ids(stream.entries.range(StreamId::MIN, StreamId::MAX));
        let (approximate, references) = (below(2) == 0, [References::Acked, References::DelRef][below(2)]);
        let max = below(40) as u64;
        let to = [Trim::MaxLen(max), Trim::MinId(StreamId::new(max, 0))][below(2)];
        let free = |ms: &u64| references == References::DelRef || !stream.is_referenced(StreamId::new(*ms, 0));
        let free: Vec<_> = before.iter().copied().filter(free).collect();
        let wanted = match to {
            Trim::MaxLen(max) => free.len().min(before.len().saturating_sub(max as usize)),
            Trim::MinId(id) => free.iter().filter(|ms| **ms < id.ms).count(),
        };
        let mut copy = stream.clone();
        let removed = stream.trim(to, approximate, 0, references) as usize;
        let left = ids(stream.entries.range(StreamId::MIN, StreamId::MAX));
        assert!(removed == wanted || (approximate && removed < wanted), "{round}: {removed} of {wanted}");
        let goes = &free[..removed];
        assert_eq!(left, before.iter().copied().filter(|ms| !goes.contains(ms)).collect::<Vec<_>>());
        assert_eq!(stream.entries.len(), left.len() as u64);
        for ms in goes.iter().filter(|_| references == References::DelRef) {
            assert!(stream.groups.values().all(|group| group.nack(StreamId::new(*ms, 0)).is_none()));
        }
        // What went can be said by a length, to somebody whose nodes are others.
        copy.trim(Trim::MaxLen(stream.entries.len()), false, 0, references);
        assert_eq!(ids(copy.entries.range(StreamId::MIN, StreamId::MAX)), left);
    }
}

#[test]
fn ids_run_out() {
    let mut entries = Entries::default();
    let limits = Limits::default();
    assert_eq!(entries.new_id(NewId::Exact(StreamId::MIN), 5), Err(AppendError::NotAbove));
    assert_eq!(entries.new_id(NewId::Auto, 0), Ok(StreamId::new(0, 1)));
    assert_eq!(entries.new_id(NewId::InMillis(0), 5), Ok(StreamId::new(0, 1)));
    let id = StreamId::new(9, u64::MAX);
    entries.append(id, &[(b"f", b"v")], &limits).expect("the first");
    assert_eq!(entries.new_id(NewId::InMillis(9), 5), Err(AppendError::NotAbove));
    assert_eq!(entries.new_id(NewId::InMillis(8), 5), Err(AppendError::NotAbove));
    assert_eq!(entries.new_id(NewId::Auto, 5), Ok(StreamId::new(10, 0)));
    assert_eq!(entries.append(id, &[(b"f", b"v")], &limits), Err(AppendError::NotAbove));
    entries.append(StreamId::MAX, &[(b"f", b"v")], &limits).expect("the last");
    assert_eq!(entries.new_id(NewId::Auto, 5), Err(AppendError::Exhausted));
    assert_eq!(ids(entries.range(StreamId::MIN, StreamId::MAX).rev()), [u64::MAX, 9]);
    assert!(entries.delete(StreamId::MAX) && entries.delete(id) && !entries.delete(id));
    assert!(entries.is_empty() && entries.first().is_none() && entries.last().is_none());
}

#[test]
fn the_lag_is_known_where_redis_knows_it() {
    let limits = Limits::default();
    let lags = |stream: &Stream| -> Vec<Option<i64>> {
        (0..=6).map(|ms| stream.lag(&Group::new(StreamId::new(ms, 0), None))).collect()
    };
    let unknown = None;
    let mut stream = stream_of(5, &limits);
    assert_eq!(lags(&stream), [Some(5), Some(4), unknown, unknown, unknown, Some(0), unknown]);
    assert_eq!(stream.lag(&Group::new(StreamId::new(3, 0), Some(3))), Some(2));
    assert_eq!(stream.lag(&Group::new(StreamId::new(3, 0), Some(9))), Some(-4));
    assert!(stream.entries.delete(StreamId::new(3, 0)));
    assert_eq!(lags(&stream), [unknown, unknown, unknown, unknown, unknown, Some(0), unknown]);
    assert_eq!(stream.lag(&Group::new(StreamId::new(2, 0), Some(2))), unknown);
    assert_eq!(stream.lag(&Group::new(StreamId::new(4, 0), Some(4))), Some(1));
    assert_eq!(stream.entries.trim(Trim::MinId(StreamId::new(4, 0)), false, 0), 2);
    assert_eq!(
        stream.lag(&Group::new(StreamId::new(2, 0), Some(2))),
        Some(3),
        "as Redis, which trusts the counter again"
    );
    assert_eq!(lags(&stream), [Some(2), Some(2), Some(2), Some(2), Some(1), Some(0), unknown]);
    assert_eq!(stream.entries.trim(Trim::MaxLen(0), false, 0), 2);
    assert_eq!(lags(&stream), [Some(0), Some(0), Some(0), Some(0), Some(0), Some(0), unknown]);
    assert_eq!(lags(&Stream::new()), [Some(0); 7]);
}

#[test]
fn a_group_reads_and_reads_again() {
    let mut stream = stream_of(6, &small_nodes());
    stream.groups.insert(b"g"[..].into(), Group::new(StreamId::MIN, None));
    let mut seen = Vec::new();
    let mut see = |entry: StreamEntry<'_>| seen.push(entry.id.ms);
    assert_eq!(stream.deliver(b"g", b"ann", 2, false, 100, &mut see), Some(2));
    assert_eq!(stream.deliver(b"g", b"bob", 3, false, 200, &mut see), Some(3));
    assert_eq!(stream.deliver(b"g", b"cid", 9, true, 300, &mut see), Some(1));
    assert_eq!(stream.deliver(b"g", b"cid", 9, true, 300, &mut see), Some(0));
    assert_eq!(stream.deliver(b"absent", b"cid", 9, true, 300, &mut see), None);
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
    let group = &stream.groups[&b"g"[..]];
    assert_eq!((group.last_id.ms, group.entries_read, group.pending_len()), (6, Some(6), 5));
    let bob = group.consumer(b"bob").expect("he read");
    assert_eq!((bob.pending_len(), bob.active_time, group.consumers().len()), (3, Some(200), 2));

    assert!(stream.entries.delete(StreamId::new(4, 0)));
    let mut seen = Vec::new();
    let after = StreamId::new(3, 0);
    let mut see = |id: StreamId, entry: Option<StreamEntry<'_>>| seen.push((id.ms, entry.is_some()));
    assert_eq!(stream.redeliver(b"g", b"bob", after, 9, 500, &mut see), Some(2));
    assert_eq!(stream.redeliver(b"g", b"dan", after, 9, 500, &mut see), Some(0));
    assert_eq!(seen, [(4, false), (5, true)]);
    let group = &stream.groups[&b"g"[..]];
    let nack = |ms| group.nack(StreamId::new(ms, 0)).map(|nack| (nack.delivery_time, nack.delivery_count));
    assert_eq!((nack(4), nack(5), nack(6)), (Some((200, 1)), Some((500, 2)), None));

    // Set back, the group delivers to others what was pending.
    stream.groups.get_mut(&b"g"[..]).expect("it is there").last_id = StreamId::MIN;
    assert_eq!(stream.deliver(b"g", b"eve", 2, false, 600, &mut |_| {}), Some(2));
    let group = &stream.groups[&b"g"[..]];
    let pending: Vec<_> = group.consumers().map(|(name, consumer)| (name, consumer.pending_len())).collect();
    assert_eq!(pending, [(&b"ann"[..], 0), (b"bob", 3), (b"eve", 2)]);
    assert!(stream.is_referenced(StreamId::new(1, 0)) && stream.forget(StreamId::new(1, 0)));
    assert!(!stream.is_referenced(StreamId::new(1, 0)) && !stream.forget(StreamId::new(1, 0)));
    assert!(stream.is_referenced(StreamId::new(9, 0)));
}

#[test]
fn pending_entries_have_one_consumer() {
    let mut group = Group::new(StreamId::MIN, None);
    let mut model: BTreeMap<StreamId, (u8, u64)> = BTreeMap::new();
    for time in 0..4_000 {
        let id = StreamId::new(below(60) as u64, 0);
        let consumer = b'a' + below(4) as u8;
        match below(12) {
            0..6 => {
                group.assign(id, &[consumer], time, 1);
                model.insert(id, (consumer, time));
            }
            6..11 => assert_eq!(group.ack(id), model.remove(&id).is_some()),
            _ => {
                let before = model.len();
                model.retain(|_, (owner, _)| *owner != consumer);
                assert_eq!(group.remove_consumer(&[consumer]).unwrap_or(0), before - model.len());
                assert!(group.create_consumer(&[consumer], time) && !group.create_consumer(&[consumer], time));
            }
        }
        let owned = |(id, nack): (StreamId, &Nack)| (id, (nack.consumer()[0], nack.delivery_time));
        assert!(group.pending(StreamId::MIN, StreamId::MAX).map(owned).eq(model.clone()));
        let (from, to) = (StreamId::new(20, 0), StreamId::new(40, 0));
        let range = model.range(from..=to).filter(|(_, (owner, _))| *owner == consumer);
        assert!(group.pending_of(&[consumer], from, to).map(|(id, _)| id).eq(range.map(|(id, _)| *id)));
        assert_eq!(group.consumers().map(|(_, consumer)| consumer.pending_len()).sum::<usize>(), model.len());
        assert_eq!(group.pending(to, from).count() + group.pending_of(&[consumer], to, from).count(), 0);
    }
}

#[test]
fn hostile_nodes_are_refused_or_work() {
    let limits = Limits::default();
    let mut good = stream_of(6, &limits);
    good.entries.append(StreamId::new(7, 1), &[(b"other", b"1"), (b"f", b"2")], &limits).expect("ids ascend");
    assert!(good.entries.delete(StreamId::new(3, 0)));
    let (master, listpack) = good.entries.nodes().next().expect("there is a node");
    let elements: Vec<Element<'_>> = listpack.iter().collect();
    let numbers = [-1, 0, 1, 2, 3, 4, 5, 100, i64::MAX, i64::MIN];
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut elements = elements.clone();
        for _ in 0..=below(2) {
            let (at, number) = (below(elements.len()), numbers[below(numbers.len())]);
            match below(4) {
                0 => drop(elements.remove(at)),
                1 => elements.insert(at, Element::Int(number)),
                2 => elements[at] = Element::Bytes(b"3"),
                _ => elements[at] = Element::Int(number),
            }
        }
        let mut entries = Entries::default();
        if entries.load_node(master, elements.into_iter().collect()).is_ok() {
            accepted += 1;
            assert_eq!(entries.range(StreamId::MIN, StreamId::MAX).count() as u64, entries.len());
            assert_eq!(entries.range(StreamId::MIN, StreamId::MAX).rev().count() as u64, entries.len());
            if let Ok(id) = entries.new_id(NewId::Auto, 100) {
                entries.append(id, &[(b"f", b"v")], &limits).expect("the id is above all others");
            }
            entries.trim(Trim::MaxLen(3), false, 0);
            assert!(entries.delete(entries.first_id()));
            assert!(reloaded(&entries).len() == entries.len());
        }
    }
    assert!(accepted > 100, "{accepted}");
    let mut entries = Entries::default();
    assert_eq!(entries.load_node(master, Listpack::new()), Err(Malformed));
    assert_eq!(entries.load_node(master, listpack.clone()), Ok(()));
    assert_eq!(entries.load_node(master, listpack.clone()), Err(Malformed));
    assert_eq!(entries.load_counters(5, StreamId::MAX, StreamId::MIN, 9), Err(Malformed));
    assert_eq!(entries.load_counters(6, StreamId::new(7, 0), StreamId::MIN, 9), Err(Malformed));
    assert_eq!(entries.load_counters(6, StreamId::new(7, 1), StreamId::MIN, 9), Ok(()));
}

#[test]
fn an_entry_costs_little_more_than_its_bytes() {
    // Redis 7.0 takes 13.5 and 26.2 bytes for entries like these.
    let sensor = |k: u64| vec![("sensor", 1234 + k % 50), ("temperature", 20 + k % 10), ("time", 1_700_000_000 + k)];
    let bytes_per_entry = |fields: &dyn Fn(u64) -> Vec<(&'static str, u64)>| {
        let mut stream = Stream::new();
        for k in 0..10_000 {
            let fields = fields(k).into_iter().map(|(name, value)| (name.into(), value.to_string().into())).collect();
            let id = StreamId::new(1_700_000_000_000 + k / 3, k % 3);
            append(&mut stream.entries, id, &fields, &Limits::default()).expect("ids ascend");
        }
        stream.memory() / 10_000
    };
    assert!(bytes_per_entry(&|_| vec![("f", 7)]) <= 13);
    assert!(bytes_per_entry(&sensor) <= 26);
}
