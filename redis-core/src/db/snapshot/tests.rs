//! A snapshot has every key as it was at the beginning, once, whatever happens while it is taken.

use std::collections::BTreeMap;

use super::{Portion, Slice, Sweeper};
use crate::db::{AccessClock, Deadline, Entry, EventClasses, Key, Keyspace, Settings, Store, Ttl};
use crate::rdb::{Error, Loaded, Loading, Progress, Reader, VERSION_VALKEY, Writer, load_object, save_part};
use crate::rng::below;
use crate::table::NO_DEADLINE;
use crate::value::list::Side;
use crate::value::{Hash, Limits, List, Object, Set, ZSet};

const NOW: u64 = 1_700_000_000_000;
const DATABASES: usize = 3;

/// Long strings are compressed, and large collections have many elements.
const LONG: usize = 6_000;

fn keyspace(shards: usize) -> Keyspace {
    let clock =
        AccessClock { frequency: false, changes_only: false, log_factor: 10, decay_minutes: 1, seconds: NOW / 1000 };
    let notify = EventClasses::default();
    let settings = Settings { limits: Limits::default(), notify, clock, expire: true };
    let mut keyspace = Keyspace::new(Store::new(shards, DATABASES), settings);
    keyspace.begin(0, NOW, true);
    keyspace
}

fn record(writer: &mut Writer, entry: &Entry, progress: &mut Progress) -> bool {
    if !progress.has_begun() {
        writer.millis(entry.expires_at() as i64);
        writer.string(entry.key());
        writer.type_byte(entry.value().form());
    }
    save_part(writer, &entry.value(), 0, progress)
}

/// A value that can be compared: elements as they stand there, ordered where the type has no order.
type Plain = (&'static str, Vec<Vec<u8>>);
type State = BTreeMap<(usize, Vec<u8>), (u64, Plain)>;

fn plain(object: &Object) -> Plain {
    let pair = |one: &[u8], other: &[u8]| [one, b"=", other].concat();
    let mut elements: Vec<Vec<u8>> = match object {
        Object::List(list) => list.iter().map(|element| element.to_vec()).collect(),
        Object::Set(set) => set.iter().map(|element| element.to_vec()).collect(),
        Object::Hash(hash) => hash
            .iter_with_deadlines()
            .map(|(field, value, deadline)| {
                [&pair(&field.to_vec(), &value.to_vec()), &deadline.to_le_bytes()[..]].concat()
            })
            .collect(),
        Object::ZSet(set) => {
            set.iter().map(|(member, score)| pair(&member.to_vec(), score.to_string().as_bytes())).collect()
        }
        Object::Stream(_) | Object::Custom(_) => Vec::new(),
    };
    if !matches!(object, Object::List(_)) {
        elements.sort();
    }
    (object.type_name(), elements)
}

fn plain_entry(entry: &Entry) -> (u64, Plain) {
    let string = || ("string", vec![entry.string_bytes().to_vec()]);
    (entry.expires_at(), entry.object().map_or_else(string, |object| plain(&object)))
}

fn state(keyspace: &Keyspace) -> State {
    let databases = 0..DATABASES;
    let entries = databases.flat_map(|database| keyspace.entries_of(database).map(move |entry| (database, entry)));
    entries.map(|(database, entry)| ((database, entry.key().to_vec()), plain_entry(entry))).collect()
}

/// What has been read of a snapshot.
#[derive(Default)]
struct Taken {
    state: State,
    /// The beginning of a record, and its database.
    open: (usize, Vec<u8>),
}

impl Taken {
    /// Adds what a portion holds.
    fn read(&mut self, portion: &Portion) {
        let mut scratch = Writer::new(true);
        let mut keys = 0;
        let done = portion.finish(&mut scratch, |database, records| {
            assert!(self.open.1.is_empty() || self.open.0 == database, "nothing comes between the parts of a record");
            self.open.0 = database;
            self.open.1.extend_from_slice(records.as_bytes());
            let bytes = std::mem::take(&mut self.open.1);
            let mut reader = Reader::new(&bytes);
            while !reader.is_empty() {
                let rest = reader.rest().to_vec();
                match read_record(&mut reader) {
                    Ok((key, value)) => {
                        let again = self.state.insert((database, key), value);
                        assert_eq!(again, None, "a key is written once");
                        keys += 1;
                    }
                    Err(Error::Truncated) => {
                        self.open.1 = rest;
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        });
        done.expect("what was written can be read");
        assert_eq!(keys, portion.keys());
    }

    /// All that has been read, when it is all that there is.
    fn complete(self) -> State {
        assert!(self.open.1.is_empty(), "the last record is complete");
        self.state
    }
}

fn read_record(reader: &mut Reader<'_>) -> Result<(Vec<u8>, (u64, Plain)), Error> {
    let deadline = reader.millis()? as u64;
    let key = reader.string()?.to_vec();
    let type_byte = reader.byte()?;
    let loading = Loading { version: VERSION_VALKEY, limits: Limits::default(), now: 0 };
    let value = match load_object(reader, type_byte, &loading)? {
        Loaded::Str(text) => ("string", vec![text.to_vec()]),
        Loaded::Object(object) => plain(&object),
    };
    Ok((key, (deadline, value)))
}

fn text() -> Vec<u8> {
    let len = [below(12), below(12), below(300), below(LONG)][below(4)];
    vec![b'a' + below(26) as u8; len]
}

fn some_key(keyspace: &mut Keyspace) -> Key {
    let name = format!("key:{}", below(60));
    keyspace.key(name.as_bytes())
}

/// One change of the data, of any kind that there is.
fn change(keyspace: &mut Keyspace) {
    keyspace.lock_all();
    keyspace.begin(below(DATABASES), NOW, true);
    let limits = keyspace.limits();
    let key = some_key(keyspace);
    match below(if below(100) == 0 { 16 } else { 13 }) {
        0 | 1 => keyspace.set(key, text(), Ttl::Clear),
        2 => keyspace.set(key, text(), Ttl::At(Deadline::at(NOW + below(1000) as u64))),
        3 => keyspace.set(key, text(), Ttl::Keep),
        4 => drop(keyspace.remove(key)),
        5 => {
            if let Ok(bytes) = keyspace.resize_string(key, 1 + below(50)) {
                bytes[0] = b'!';
            }
        }
        6 => drop(keyspace.expire(key, Deadline::at(NOW + below(3) as u64 - 1))),
        7 => drop(keyspace.expire(key, Deadline::NEVER)),
        8 => {
            let other = some_key(keyspace);
            let to = below(DATABASES);
            if let Some(entry) = keyspace.take(key) {
                keyspace.in_database(to, |db| db.put(other, entry));
            }
        }
        9 => {
            if let Ok(list) = keyspace.get_or_insert::<List>(key) {
                list.push(Side::Back, &text(), &limits);
                keyspace.changed(key, "rpush");
            }
        }
        10 => {
            if let Ok(set) = keyspace.get_or_insert::<Set>(key) {
                let (added, gone) = (text(), text());
                set.add(&added, &limits);
                set.remove(&gone);
                keyspace.changed(key, "sadd");
            }
        }
        11 => {
            if let Ok(hash) = keyspace.get_or_insert::<Hash>(key) {
                let deadline = if below(10) == 0 { NOW + below(1000) as u64 } else { NO_DEADLINE };
                hash.set_with_deadline(&text(), &text(), deadline, NOW, &limits);
                keyspace.changed(key, "hset");
            }
        }
        12 => {
            if let Ok(set) = keyspace.get_or_insert::<ZSet>(key) {
                set.insert(&text(), below(100) as f64, &limits);
                keyspace.changed(key, "zadd");
            }
        }
        13 => drop(keyspace.flush(below(DATABASES), below(2) == 0)),
        _ => keyspace.swap(below(DATABASES), below(DATABASES)),
    }
    keyspace.finish(|| false);
    keyspace.take_changes();
    keyspace.unlock();
}

fn begin(keyspace: &mut Keyspace) -> (Sweeper, State) {
    keyspace.lock_all();
    let before = state(keyspace);
    let sweeper = keyspace.begin_snapshot(Box::new(record), true).expect("none is being taken");
    let keys: usize = sweeper.sizes().iter().map(|(keys, _)| keys).sum();
    assert_eq!(keys, before.len());
    keyspace.unlock();
    (sweeper, before)
}

fn slice() -> Slice {
    if below(3) == 0 { Slice::SHORT } else { Slice::LEAST }
}

#[test]
fn a_snapshot_is_of_its_beginning() {
    for shards in [1, 4] {
        let mut keyspace = keyspace(shards);
        for round in 0..60 {
            (0..below(1500)).for_each(|_| change(&mut keyspace));
            let (mut sweeper, before) = begin(&mut keyspace);
            let (mut portion, mut taken) = (Portion::new(true), Taken::default());
            // Sometimes the sweep is done before much has changed, sometimes it comes to nothing but what has.
            let changes = [0, 3, 40][below(3)];
            while sweeper.next(&mut portion, slice()) {
                taken.read(&portion);
                (0..below(changes + 1)).for_each(|_| change(&mut keyspace));
            }
            let taken = taken.complete();
            let missing: Vec<_> = before.iter().filter(|(key, value)| taken.get(*key) != Some(value)).collect();
            assert!(missing.is_empty(), "round {round}: missing or different: {:?}", missing.first());
            assert_eq!(taken.len(), before.len(), "round {round}: what came later is not in it");
        }
    }
}

#[test]
fn marks_of_snapshots_that_were_given_up_do_no_harm() {
    let mut keyspace = keyspace(1);
    (0..300).for_each(|_| change(&mut keyspace));
    // More than there are epochs.
    for round in 0..600 {
        let (mut sweeper, before) = begin(&mut keyspace);
        let (mut portion, mut taken) = (Portion::new(true), Taken::default());
        let given_up_after = if round % 50 == 0 { usize::MAX } else { below(5) };
        let mut steps = 0;
        while steps < given_up_after && sweeper.next(&mut portion, Slice::LEAST) {
            taken.read(&portion);
            (0..below(3)).for_each(|_| change(&mut keyspace));
            steps += 1;
        }
        if given_up_after == usize::MAX {
            assert_eq!(taken.complete(), before, "round {round}");
        }
        drop(sweeper);
        (0..below(3)).for_each(|_| change(&mut keyspace));
    }
}

#[test]
fn there_is_one_at_a_time() {
    let mut keyspace = keyspace(2);
    let (sweeper, _) = begin(&mut keyspace);
    keyspace.lock_all();
    assert!(keyspace.begin_snapshot(Box::new(record), false).is_none());
    keyspace.unlock();
    drop(sweeper);
    begin(&mut keyspace);
}

#[test]
fn one_that_is_called_off_makes_room_for_the_next() {
    let mut keyspace = keyspace(2);
    (0..100).for_each(|_| change(&mut keyspace));
    let mut refused = 0;
    for round in 0..600 {
        let (mut first, _) = begin(&mut keyspace);
        let mut portion = Portion::new(true);
        first.next(&mut portion, Slice::LEAST);
        // It may have gone through all keys and not be over yet.
        while round % 2 == 1 && first.next(&mut portion, Slice::LEAST) {}
        keyspace.lock_all();
        keyspace.cancel_snapshot();
        // After the last epoch it has to be waited for.
        let second = keyspace.begin_snapshot(Box::new(record), true);
        refused += usize::from(second.is_none());
        let before = state(&keyspace);
        keyspace.unlock();
        let mut taken = Taken::default();
        if let Some(mut second) = second {
            assert!(!first.next(&mut portion, Slice::LEAST) || !first.next(&mut portion, Slice::LEAST));
            drop(first);
            keyspace.lock_all();
            assert!(keyspace.begin_snapshot(Box::new(record), true).is_none(), "the second one goes on");
            keyspace.unlock();
            while second.next(&mut portion, Slice::LEAST) {
                taken.read(&portion);
                change(&mut keyspace);
            }
            assert_eq!(taken.complete(), before);
        }
    }
    assert_eq!(refused, 4, "two epochs a round, of which every 255th is the last");
}

#[test]
fn nothing_is_a_snapshot_of_nothing() {
    let mut keyspace = keyspace(2);
    let (mut sweeper, _) = begin(&mut keyspace);
    assert!(!sweeper.next(&mut Portion::new(true), Slice::LEAST));
}

#[test]
fn others_write_while_it_is_taken() {
    let mut keyspace = keyspace(4);
    (0..3000).for_each(|_| change(&mut keyspace));
    for _ in 0..10 {
        let (mut sweeper, before) = begin(&mut keyspace);
        let store = keyspace.store().clone();
        let settings = *keyspace.settings_mut();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let store = store.clone();
                std::thread::spawn(move || {
                    let mut keyspace = Keyspace::new(store, settings);
                    (0..400).for_each(|_| change(&mut keyspace));
                })
            })
            .collect();
        let (mut portion, mut taken) = (Portion::new(true), Taken::default());
        while sweeper.next(&mut portion, Slice::LEAST) {
            taken.read(&portion);
        }
        assert!(taken.complete() == before, "what others wrote is not in it");
        writers.into_iter().for_each(|writer| writer.join().expect("a writer does not panic"));
    }
}

#[test]
fn compression_waits_until_the_locks_are_given_back() {
    let mut keyspace = keyspace(1);
    keyspace.lock_all();
    let key = keyspace.key(b"long");
    keyspace.set(key, vec![b'x'; LONG], Ttl::Clear);
    keyspace.unlock();
    let (mut sweeper, before) = begin(&mut keyspace);
    let (mut portion, mut taken) = (Portion::new(true), Taken::default());
    while sweeper.next(&mut portion, Slice::SHORT) {
        if !portion.is_empty() {
            assert!(portion.len() > LONG);
            let short = portion.finish(&mut Writer::new(true), |_, bytes| {
                assert!(bytes.as_bytes().len() < LONG / 10);
                Err::<(), ()>(())
            });
            assert_eq!(short, Err(()));
            taken.read(&portion);
        }
    }
    assert_eq!(taken.complete(), before);
}
