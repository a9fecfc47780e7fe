//! The table against a model, with a good hash function and with broken ones.
//!
//! Under Miri, which takes a thousand times as long, there are fewer of everything, and what is only about sizes or chances is
//! left out.

use std::collections::{HashMap, HashSet};

use super::segment::SIZES;
use super::*;
use crate::rng::{below, next_u64};

/// The first of two numbers; under Miri the second.
const fn many(number: u64, with_miri: u64) -> u64 {
    if cfg!(miri) { with_miri } else { number }
}

/// An entry that hashes its key in one of several ways, and counts those alive so that nothing leaks or is dropped
/// twice.
struct Item<H>(Box<Content<H>>);

struct Content<H> {
    key: [u8; 8],
    value: u64,
    deadline: u64,
    hash: std::marker::PhantomData<H>,
}

trait TestHash {
    fn hash(key: &[u8]) -> u64;
}

/// What the server uses.
struct Good;
/// All keys collide in every bit.
struct Constant;
/// Sixteen different prefixes, and nothing else differs.
struct FourTopBits;
/// The prefixes are the same for ever, only homes deep down differ.
struct LowBits;
/// Some of each: mostly good, a cluster of keys collides.
struct Clustered;

impl TestHash for Good {
    fn hash(key: &[u8]) -> u64 {
        crate::hash::hash(key)
    }
}
impl TestHash for Constant {
    fn hash(_: &[u8]) -> u64 {
        0x0123_4567_89ab_cdef
    }
}
impl TestHash for FourTopBits {
    fn hash(key: &[u8]) -> u64 {
        crate::hash::hash(key) << 60
    }
}
impl TestHash for LowBits {
    fn hash(key: &[u8]) -> u64 {
        u64::MAX << 32 | crate::hash::hash(key) >> 32
    }
}
impl TestHash for Clustered {
    fn hash(key: &[u8]) -> u64 {
        let hash = crate::hash::hash(key);
        if hash & 0xf == 0 { hash & 0xfff | 7 << 61 } else { hash }
    }
}

thread_local! {
    static ALIVE: std::cell::Cell<isize> = const { std::cell::Cell::new(0) };
}

fn alive() -> isize {
    ALIVE.get()
}

impl<H> Item<H> {
    fn new(id: u64, value: u64) -> Self {
        Self::ending(id, value, NO_DEADLINE)
    }

    fn ending(id: u64, value: u64, deadline: u64) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self(Box::new(Content { key: id.to_be_bytes(), value, deadline, hash: std::marker::PhantomData }))
    }

    fn id(&self) -> u64 {
        u64::from_be_bytes(self.0.key)
    }
}

impl<H> Drop for Item<H> {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

impl<H: TestHash> TableEntry for Item<H> {
    fn key(&self) -> &[u8] {
        &self.0.key
    }
    fn hash(&self) -> u64 {
        H::hash(self.key())
    }
    fn deadline(&self) -> u64 {
        self.0.deadline
    }
}

fn insert<H: TestHash>(table: &mut Table<Item<H>>, item: Item<H>) {
    let id = item.id();
    let inserted = table.insert_new(item.hash(), item);
    assert_eq!(inserted.id(), id);
}

fn find<H: TestHash>(table: &Table<Item<H>>, id: u64) -> Option<&Item<H>> {
    let key = id.to_be_bytes();
    table.find(H::hash(&key), &key)
}

fn remove<H: TestHash>(table: &mut Table<Item<H>>, id: u64) -> Option<Item<H>> {
    let key = id.to_be_bytes();
    table.remove(H::hash(&key), &key)
}

fn filled<H: TestHash>(ids: std::ops::Range<u64>) -> Table<Item<H>> {
    let mut table = Table::new();
    for id in ids {
        insert(&mut table, Item::new(id, id));
    }
    table
}

/// Checks that every entry of a segment is found from its home, and from no other.
fn check_segment<H: TestHash>(segment: &Segment<Item<H>>) {
    assert_eq!(usize::from(segment.count), segment.iter().count());
    let mut homed = 0;
    for home in 0..segment.size() {
        segment.visit_home(home, &mut |item| {
            homed += 1;
            assert_eq!(segment.home(item.hash()), home);
        });
    }
    assert_eq!(homed, usize::from(segment.count), "spill counts");
    for item in segment.iter() {
        assert_eq!(segment.find(item.hash(), item.key()).unwrap().id(), item.id());
    }
}

/// Checks everything that must always hold.
fn check<H: TestHash>(table: &Table<Item<H>>) {
    let mut spans = 0_u128;
    for (index, segment) in table.segments.iter().enumerate() {
        assert!(segment.depth <= table.directory.depth());
        assert!(segment.size() >= LEAST_SIZE || table.segments.len() == 1);
        check_segment(segment);
        assert_eq!(table.directory.segment_at(segment.prefix, segment.depth), index);
        spans += 1 << (64 - segment.depth);
        for item in segment.iter() {
            assert_eq!(table.directory.segment_of(item.hash()), index);
            assert!(segment.deadline <= item.deadline());
        }
    }
    assert!(table.segments.is_empty() || spans == 1 << 64);
    assert_eq!(table.buckets, table.segments.iter().map(Segment::size).sum::<usize>());
    let stashed = table.stash.as_ref().map_or(0, |stash| stash.len());
    let counted: usize = table.segments.iter().map(|segment| usize::from(segment.count)).sum();
    assert_eq!(table.len(), counted + stashed);
    assert_eq!(table.iter().count(), table.len());
}

#[test]
fn a_table_is_small_and_an_empty_one_owns_nothing() {
    assert!(size_of::<Table<Item<Good>>>() <= 64);
    assert_eq!(size_of::<Segment<Item<Good>>>(), 64);
    assert_eq!(size_of::<bucket::Bucket<Item<Good>>>(), 64);
    let mut table = Table::<Item<Good>>::new();
    assert_eq!(table.memory(), 0);
    assert!(find(&table, 1).is_none());
    assert!(remove(&mut table, 1).is_none());
    assert!(table.random(next_u64).is_none());
    assert_eq!(table.scan(0, &mut |_| unreachable!()), 0);
    table.prefetch_bucket(1);
    table.prefetch_entry(1);
    insert(&mut table, Item::new(1, 1));
    assert!(table.memory() > 0);
    assert!(remove(&mut table, 1).is_some());
    assert_eq!(table.memory(), 0);
}

#[test]
fn a_small_table_costs_little() {
    for (len, bytes) in [(7, 128), (14, 192), (100, 2_200), (500, 8_400)] {
        let memory = filled::<Good>(0..len).memory();
        assert!(memory <= bytes, "{len} entries: {memory} bytes");
    }
}

#[test]
#[cfg_attr(miri, ignore = "about sizes and chances")]
fn a_large_table_is_well_filled() {
    // Segments fill at the same pace, so how full they are depends on where all of them stand between two sizes.
    let mut table = filled::<Good>(0..50_000);
    let (mut most, mut sum) = (0.0_f64, 0.0);
    for id in 50_000..100_000 {
        insert(&mut table, Item::new(id, id));
        let per_entry = table.memory() as f64 / table.len() as f64;
        most = most.max(per_entry);
        sum += per_entry;
    }
    check(&table);
    assert!(most < 14.5 && sum / 50_000.0 < 13.5, "{most} {}", sum / 50_000.0);
    assert!(table.stash.is_none());
    let directory_per_segment = table.directory.memory() / table.segments.len();
    assert!(directory_per_segment <= 16, "{directory_per_segment}");
}

#[test]
fn segments_take_every_size_on_their_way_up_and_down() {
    fn note(table: &Table<Item<Good>>, sizes: &mut HashSet<usize>) {
        sizes.extend(table.segments.iter().map(Segment::size));
    }
    let (mut lone, mut grown, mut shrunk) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut table = Table::<Item<Good>>::new();
    let len = many(20_000, 2_000);
    for id in 0..len {
        insert(&mut table, Item::new(id, id));
        note(&table, if table.segments.len() == 1 { &mut lone } else { &mut grown });
        if id % 100 == 0 {
            check(&table);
        }
    }
    for id in 0..len {
        remove(&mut table, id).unwrap();
        note(&table, &mut shrunk);
        if id % 100 == 0 {
            check(&table);
        }
    }
    assert_eq!(lone, HashSet::from(SIZES));
    assert!(SIZES.into_iter().all(|size| size <= LEAST_SIZE || grown.contains(&size)), "{grown:?}");
    // The last eight removals are not looked at one by one.
    assert!(SIZES.into_iter().all(|size| size == 1 || shrunk.contains(&size)), "{shrunk:?}");
}

#[test]
fn homes_are_intervals_that_ascend_with_hashes() {
    for size in SIZES {
        for depth in [0, 1, 7, MAX_DEPTH] {
            let prefix = if depth == 0 { 0 } else { next_u64() as u32 >> (32 - depth) };
            let segment = Segment::<Item<Good>>::new(prefix, depth, size);
            assert_eq!((segment.start(0), segment.start(size)), (0, 1 << POSITION_BITS));
            let begin = |position: u32| {
                let bits = u64::from(prefix) << POSITION_BITS | u64::from(position);
                bits << (64 - depth - POSITION_BITS)
            };
            for home in 0..size {
                let first = begin(segment.start(home));
                let last = begin(segment.start(home + 1) - 1) | ((1 << (64 - depth - POSITION_BITS)) - 1);
                assert_eq!((segment.home(first), segment.home(last)), (home, home));
            }
        }
    }
}

#[test]
fn a_segment_of_another_size_has_the_same_entries() {
    for from in SIZES {
        for to in SIZES {
            let mut segment = Segment::<Item<Good>>::new(0, 0, from);
            let mut placed = 0;
            loop {
                let item = Item::new(next_u64(), 0);
                if segment.place(item.hash(), item).is_err() {
                    break;
                }
                placed += 1;
            }
            let mut left_over = Vec::new();
            segment.resize(to, &mut left_over);
            assert_eq!(segment.size(), to);
            assert_eq!(usize::from(segment.count) + left_over.len(), placed);
            assert!(left_over.iter().all(|(hash, item)| *hash == item.hash()));
            check_segment(&segment);
        }
    }
    assert_eq!(alive(), 0);
}

#[test]
#[cfg_attr(miri, ignore = "about sizes and chances")]
fn removals_of_some_give_memory_back_too() {
    let mut table = filled::<Good>(0..100_000);
    for id in 0..100_000 {
        if id % 3 != 0 {
            remove(&mut table, id).unwrap();
        }
    }
    check(&table);
    let per_entry = table.memory() / table.len();
    assert!(per_entry < 26, "{per_entry}");
}

#[test]
#[cfg_attr(miri, ignore = "about sizes and chances")]
fn entries_that_come_in_the_order_of_their_hashes_find_places() {
    for from in [10_000, 100_000, 200_000] {
        let mut table = filled::<Good>(0..from);
        let full = table.memory();
        let mut items: Vec<_> = table.drain().collect();
        // Some stay away, as when a part of a table is copied.
        for len in [from as usize, from as usize / 10] {
            items.sort_by_key(|item| item.hash());
            items.truncate(len);
            let mut copy = Table::new();
            for item in items {
                insert(&mut copy, item);
            }
            check(&copy);
            assert!(copy.stash.is_none());
            assert!(copy.memory() < full * 2, "{} of {full}", copy.memory());
            items = copy.drain().collect();
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "about sizes and chances")]
fn shrinking_gives_memory_back() {
    let mut table = filled::<Good>(0..100_000);
    let full = table.memory();
    for id in 1_000..100_000 {
        assert_eq!(remove(&mut table, id).unwrap().id(), id);
    }
    check(&table);
    assert!(table.memory() < full / 20, "{} of {full}", table.memory());
    assert!(table.directory.depth() <= 5, "{}", table.directory.depth());
    for id in 0..1_000 {
        assert_eq!(find(&table, id).unwrap().0.value, id);
        remove(&mut table, id).unwrap();
    }
    assert_eq!((table.len(), table.memory(), alive()), (0, 0, 0));
}

fn agrees_with_model<H: TestHash>(operations: u64, ids: u64) {
    let mut table = Table::<Item<H>>::new();
    let mut model = HashMap::new();
    let (operations, checks) = (many(operations, operations / 50), many(50, 3));
    for operation in 0..operations {
        // Phases of growth and of decline.
        let removals = if (operation / (ids * 2)).is_multiple_of(2) { 3 } else { 7 };
        let id = next_u64() % ids;
        let key = id.to_be_bytes();
        if below(10) < removals {
            let removed = remove(&mut table, id).map(|item| item.0.value);
            assert_eq!(removed, model.remove(&id));
        } else if let Some(item) = table.find_mut(H::hash(&key), &key) {
            assert_eq!(model.insert(id, operation), Some(item.0.value));
            *item = Item::new(id, operation);
        } else {
            assert_eq!(model.insert(id, operation), None);
            insert(&mut table, Item::new(id, operation));
        }
        assert_eq!(table.len(), model.len());
        assert_eq!(alive(), model.len() as isize);
        if operation.is_multiple_of(operations / checks) {
            check(&table);
            for id in 0..ids {
                assert_eq!(find(&table, id).map(|item| &item.0.value), model.get(&id));
            }
        }
    }
    let drained: HashMap<_, _> = table.drain().map(|item| (item.id(), item.0.value)).collect();
    assert_eq!(drained, model);
    assert_eq!((table.len(), table.memory(), alive()), (0, 0, 0));
}

#[test]
fn model_with_a_good_hash() {
    agrees_with_model::<Good>(20_000, 12);
    agrees_with_model::<Good>(50_000, 200);
    agrees_with_model::<Good>(200_000, many(5_000, 1_000));
    agrees_with_model::<Good>(200_000, many(20_000, 500));
}

#[test]
fn model_with_broken_hashes() {
    agrees_with_model::<Constant>(10_000, many(200, 50));
    agrees_with_model::<FourTopBits>(20_000, many(1_000, 100));
    agrees_with_model::<LowBits>(20_000, many(1_000, 100));
    agrees_with_model::<Clustered>(60_000, many(6_000, 300));
}

#[test]
#[cfg_attr(miri, ignore = "about sizes and chances")]
fn broken_hashes_do_not_blow_the_table_up() {
    fn memory<H: TestHash>() -> usize {
        let table = filled::<H>(0..3_000);
        check(&table);
        table.memory()
    }
    assert!(memory::<Constant>() < 200_000);
    assert!(memory::<FourTopBits>() < 1_000_000);
    assert!(memory::<LowBits>() < 200_000);
}

/// Scans while the table grows and shrinks under the cursor; what stays all the time must be seen.
fn scan_keeps_its_promise<H: TestHash>(steady: u64, churn: u64, changes_per_call: usize) {
    let mut table = filled::<H>(0..steady);
    let mut passing: Vec<u64> = Vec::new();
    let mut next_id = steady;
    for round in 0..8 {
        let mut seen = HashSet::new();
        let mut cursor = 0;
        loop {
            // Bucket by bucket, or many at once.
            cursor = table.scan_about(cursor, below(2) * below(200), &mut |item| {
                assert!(seen.insert(item.id()), "{} is seen twice in round {round}", item.id());
            });
            assert!(cursor < CURSOR_END);
            if cursor == 0 {
                break;
            }
            for _ in 0..below(changes_per_call + 1) {
                // Grow in even rounds, shrink in odd ones, and both now and then.
                let grow = below(10) < if round % 2 == 0 { 8 } else { 2 };
                if grow && (passing.len() as u64) < churn {
                    insert(&mut table, Item::new(next_id, 0));
                    passing.push(next_id);
                    next_id += 1;
                } else if !passing.is_empty() {
                    let id = passing.swap_remove(below(passing.len()));
                    remove(&mut table, id).unwrap();
                }
            }
        }
        for id in 0..steady {
            assert!(seen.contains(&id), "{id} of {steady} in round {round}");
        }
        check(&table);
    }
}

#[test]
fn scan_sees_what_stays() {
    for steady in [1, 3, 10, 30, 100, 300, 1_000, 3_000].into_iter().filter(|&steady| steady <= many(3_000, 100)) {
        for changes in [1, 10, 100] {
            scan_keeps_its_promise::<Good>(steady, 4 * steady + 500, changes);
        }
    }
}

#[test]
fn scan_sees_what_stays_with_broken_hashes() {
    for changes in [1, 30] {
        scan_keeps_its_promise::<Constant>(60, 100, changes);
        scan_keeps_its_promise::<FourTopBits>(200, 600, changes);
        scan_keeps_its_promise::<LowBits>(100, 200, changes);
        scan_keeps_its_promise::<Clustered>(1_000, 2_000, changes);
    }
}

/// A scan of a table that shrinks to nearly nothing in mid-course, and of one that grows a hundredfold.
#[test]
fn scan_survives_collapse_and_explosion() {
    let len = many(20_000, 1_000);
    for _ in 0..many(20, 2) {
        let mut table = filled::<Good>(0..len);
        let mut seen = HashSet::new();
        let mut cursor = 0;
        let mut call = 0;
        let collapse = below(len as usize / 10);
        loop {
            cursor = table.scan(cursor, &mut |item| {
                seen.insert(item.id());
            });
            if cursor == 0 {
                break;
            }
            if call == collapse {
                (5..len).for_each(|id| drop(remove(&mut table, id)));
            } else if call == collapse + 3 {
                (50_000..50_000 + many(10_000, 1_000)).for_each(|id| insert(&mut table, Item::new(id, 0)));
            }
            call += 1;
        }
        assert!((0..5).all(|id| seen.contains(&id)));
    }
}

#[test]
fn a_scan_of_a_quiet_table_has_no_duplicates() {
    fn quiet<H: TestHash>(len: u64) {
        let table = filled::<H>(0..len);
        let mut seen = vec![0; len as usize];
        let mut cursor = 0;
        loop {
            cursor = table.scan(cursor, &mut |item| seen[item.id() as usize] += 1);
            if cursor == 0 {
                break;
            }
        }
        assert!(seen.iter().all(|&times| times == 1));
    }
    for len in [1, 7, 8, 14, 20, 100, 400, 500, many(5_000, 600), many(50_000, 1_500)] {
        quiet::<Good>(len);
    }
    quiet::<Constant>(300);
    quiet::<FourTopBits>(1_000);
    quiet::<LowBits>(1_000);
    quiet::<Clustered>(many(20_000, 1_000));
}

#[test]
fn any_cursor_is_harmless() {
    let table = filled::<Good>(0..many(5_000, 1_000));
    for cursor in [CURSOR_END - 1, CURSOR_END, u64::MAX] {
        assert_eq!(table.scan(cursor, &mut |_| ()), 0);
    }
    for _ in 0..many(1_000, 20) {
        let cursor = next_u64() >> 16;
        let next = table.scan(cursor, &mut |_| ());
        assert!(next == 0 || next > cursor);
    }
}

#[test]
#[cfg_attr(miri, ignore = "about sizes and chances")]
fn random_is_uniform() {
    fn uniform<H: TestHash>(len: u64) {
        let mut table = filled::<H>(0..len * 3);
        (len..len * 3).for_each(|id| drop(remove(&mut table, id)));
        let mut counts = vec![0_f64; len as usize];
        let draws = len as usize * 200;
        for _ in 0..draws {
            counts[table.random(next_u64).unwrap().id() as usize] += 1.0;
        }
        // Chi-square; its mean is len - 1 and its deviation sqrt(2 len).
        let chi: f64 = counts.iter().map(|count| (count - 200.0).powi(2) / 200.0).sum();
        let limit = len as f64 + 6.0 * (2.0 * len as f64).sqrt() + 10.0;
        assert!(chi < limit, "{chi} > {limit} for {len}");
    }
    for len in [1, 2, 9, 100, 1_000] {
        uniform::<Good>(len);
    }
    uniform::<Constant>(100);
    uniform::<FourTopBits>(500);
    uniform::<LowBits>(300);
}

#[test]
fn random_ends_even_if_its_numbers_are_not() {
    let table = filled::<Good>(0..3);
    assert!(table.random(|| u64::MAX).is_some());
}

/// One round of the expiry cycle.
fn expire<H: TestHash>(table: &mut Table<Item<H>>, now: u64, limit: usize) -> (Vec<u64>, usize) {
    let mut expired = Vec::new();
    let mut position = 0;
    let mut examined = 0;
    loop {
        let step = table.due(now, &mut position, limit, &mut |item| {
            assert!(item.deadline() <= now);
            expired.push(item.id());
            Due::Remove
        });
        assert!(step <= limit.max(FULL_SLOTS) || table.stash.is_some());
        examined += step;
        if position == 0 {
            break;
        }
    }
    expired.sort_unstable();
    (expired, examined)
}

#[test]
fn due_visits_what_has_ended() {
    let mut table = Table::<Item<Good>>::new();
    let len = many(10_000, 1_000);
    let half = len / 2;
    for id in 0..len {
        insert(&mut table, Item::ending(id, 0, if id % 10 == 0 { 1_000 + id } else { NO_DEADLINE }));
    }
    assert_eq!(expire(&mut table, 999, 500), (vec![], 0));
    let (expired, _) = expire(&mut table, 1_000 + half, 500);
    assert_eq!(expired, (0..=half).step_by(10).collect::<Vec<_>>());
    check(&table);
    assert_eq!(expire(&mut table, 1_000 + half, 500), (vec![], 0), "the bounds are exact after a visit");
    let (expired, _) = expire(&mut table, u64::MAX - 1, usize::MAX);
    assert_eq!(expired.len() as u64, half / 10 - 1);
    assert_eq!(table.len() as u64, len / 10 * 9);
    check(&table);
}

#[test]
fn the_next_deadline_is_known_after_a_round() {
    fn rounds<H: TestHash>(len: u64) {
        let mut table = Table::<Item<H>>::new();
        assert_eq!(table.next_deadline(), NO_DEADLINE);
        (0..len).for_each(|id| insert(&mut table, Item::ending(id, 0, 1_000 + id)));
        for ended in 0..len {
            assert_eq!(table.next_deadline(), 1_000 + ended);
            assert_eq!(expire(&mut table, 1_000 + ended, 500).0, [ended]);
        }
        assert_eq!(table.next_deadline(), NO_DEADLINE);
    }
    rounds::<Good>(many(2_000, 100));
    rounds::<Constant>(100);
}

#[test]
fn due_removes_everything() {
    let mut table = Table::<Item<Good>>::new();
    let len = many(10_000, 1_000);
    (0..len).for_each(|id| insert(&mut table, Item::ending(id, 0, id)));
    let (expired, _) = expire(&mut table, len - 6, 100);
    assert_eq!((expired.len() as u64, table.len()), (len - 5, 5));
    check(&table);
    assert!(table.memory() < 5_000, "{}", table.memory());
    expire(&mut table, len, 100);
    assert_eq!((table.len(), table.memory(), alive()), (0, 0, 0));
}

#[test]
fn due_keeps_what_it_is_told_to() {
    let mut table = Table::<Item<Good>>::new();
    (0..1_000).for_each(|id| insert(&mut table, Item::ending(id, 0, 5)));
    let mut position = 0;
    let mut visits = 0;
    while {
        table.due(5, &mut position, usize::MAX, &mut |item| {
            visits += 1;
            item.0.deadline = 50;
            Due::Keep
        });
        position != 0
    } {}
    assert_eq!((visits, table.len()), (1_000, 1_000));
    assert_eq!(expire(&mut table, 49, 10), (vec![], 0));
    assert_eq!(expire(&mut table, 50, 10).0.len(), 1_000);
}

#[test]
fn a_noted_deadline_is_found_even_after_splits_and_merges() {
    fn noted<H: TestHash>(len: u64) {
        let mut table = filled::<H>(0..len);
        for id in 0..10 {
            let key = id * 7;
            let hash = H::hash(&u64::to_be_bytes(key));
            table.find_mut(hash, &key.to_be_bytes()).unwrap().0.deadline = 100 + id;
            table.note_deadline(hash, 100 + id);
        }
        (len..len * 8).for_each(|id| insert(&mut table, Item::new(id, 0)));
        check(&table);
        (70..len * 8).for_each(|id| drop(remove(&mut table, id)));
        check(&table);
        assert_eq!(expire(&mut table, 104, 10).0, [0, 7, 14, 21, 28]);
        assert_eq!(expire(&mut table, 200, 10).0, [35, 42, 49, 56, 63]);
    }
    noted::<Good>(many(1_000, 150));
    noted::<Constant>(100);
    noted::<FourTopBits>(many(1_000, 100));
    noted::<LowBits>(many(300, 100));
}

#[test]
fn a_dropped_table_drops_its_entries() {
    for len in [1, 100, many(10_000, 1_000)] {
        drop(filled::<Good>(0..len));
        drop(filled::<FourTopBits>(0..len.min(1_000)));
        let mut table = filled::<Clustered>(0..len);
        drop(table.drain().next());
        assert_eq!(alive(), 0, "a drain drops what it did not yield");
        table.clear();
        insert(&mut table, Item::new(1, 1));
        table.clear();
        assert_eq!(alive(), 0);
    }
}

#[test]
fn a_table_may_go_to_another_thread() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    is_send_and_sync(&Table::<Item<Good>>::new());
}
