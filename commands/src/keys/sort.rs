//! SORT: the elements of a list or set in an order, by what other keys say about them, and what others say instead of
//! them.
//!
//! BY and GET name keys by a pattern in which `*` stands for an element, and with `->` a field of a hash. So SORT may read
//! any key, which is why it holds all locks, however little it turns out to read. Those keys are read as if by GET: it
//! counts as an access.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num;
use redis_core::prelude::*;
use redis_core::value::list::Side;
use redis_core::value::{Element, Object};

use super::FAMILY;
use crate::limit::Limit;

/// Sorts the elements of a list or set and returns or stores them, or what other keys hold for them.
#[command(
    since = "1.0.0",
    complexity = "O(N*log(N)) where N is the number of elements; O(N) if their order is left as it is.",
    flags(DENYOOM),
    acl(SET, SORTEDSET, LIST, DANGEROUS),
    reply = OneOf(&[Array(&OneOf(&[Bulk, Null])), Integer])
)]
fn sort(keyspace: &mut Keyspace, #[key(RO, ACCESS)] key: Key, options: SortOptions, reply: &mut Reply) -> Result<()> {
    let SortOptions { by, limit, get, order, alpha, store } = options;
    let sort = Sort { by, limit, get, descending: order.as_ref().is_some_and(Order::is_descending), alpha };
    let Some(destination) = store else {
        answer(&sort.run(keyspace, key, false)?, reply);
        return Ok(());
    };
    let result = sort.run(keyspace, key, true)?;
    let count = result.len();
    reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
    if count > 0 {
        let mut list = List::new();
        for element in &result {
            list.push(Side::Back, element.as_deref().unwrap_or_default(), &keyspace.limits());
        }
        keyspace.set_object(destination, Object::List(list), Ttl::Clear);
        keyspace.changed_by(destination, "sortstore", count as u64);
    } else if keyspace.remove(destination) {
        keyspace.changed(destination, "del");
    }
    Ok(())
}

/// Sorts the elements of a list or set and returns them, or what other keys hold for them.
#[command(
    "SORT_RO",
    since = "7.0.0",
    complexity = "O(N*log(N)) where N is the number of elements; O(N) if their order is left as it is.",
    acl(SET, SORTEDSET, LIST, DANGEROUS),
    reply = Array(&OneOf(&[Bulk, Null]))
)]
fn sort_ro(keyspace: &Keyspace, key: Key, options: SortRoOptions, reply: &mut Reply) -> Result<()> {
    let SortRoOptions { by, limit, get, order, alpha } = options;
    let sort = Sort { by, limit, get, descending: order.as_ref().is_some_and(Order::is_descending), alpha };
    answer(&sort.run(keyspace, key, false)?, reply);
    Ok(())
}

/// Writes elements, of which some may be missing.
fn answer(result: &[Option<Cow<'_, [u8]>>], reply: &mut Reply) {
    reply.array(result.len());
    for element in result {
        match element {
            Some(text) => reply.bulk(text),
            None => reply.nil(),
        }
    }
}

/// The options of SORT.
#[derive(Options)]
struct SortOptions<'a> {
    /// Order the elements by the keys that this pattern leads to; not at all if it has no `*`.
    #[arg(token = "BY", name = "by-pattern")]
    by: Option<KeyPattern<'a>>,
    /// Answer this part only.
    limit: Option<Limit>,
    /// Answer what this pattern leads to instead of each element.
    #[key(RO, ACCESS, unknown)]
    #[arg(token = "GET", name = "get-pattern")]
    get: Vec<KeyPattern<'a>>,
    /// Which end comes first.
    order: Option<Order>,
    /// Compare texts, not numbers.
    #[arg(token = "ALPHA", name = "sorting")]
    alpha: bool,
    /// Make a list of the result, under this key.
    #[key(OW, UPDATE)]
    #[arg(token = "STORE", name = "destination")]
    store: Option<Key>,
}

/// The options of SORT_RO: those of SORT without STORE.
#[derive(Options)]
struct SortRoOptions<'a> {
    /// Order the elements by the keys that this pattern leads to; not at all if it has no `*`.
    #[arg(token = "BY", name = "by-pattern")]
    by: Option<KeyPattern<'a>>,
    /// Answer this part only.
    limit: Option<Limit>,
    /// Answer what this pattern leads to instead of each element.
    #[key(RO, ACCESS, unknown)]
    #[arg(token = "GET", name = "get-pattern")]
    get: Vec<KeyPattern<'a>>,
    /// Which end comes first.
    order: Option<Order>,
    /// Compare texts, not numbers.
    #[arg(token = "ALPHA", name = "sorting")]
    alpha: bool,
}

/// A pattern in which `*` stands for an element. The keys that it leads to are no arguments, so one specification, that of
/// unknown keys, has to do for BY and GET together.
#[derive(Clone, Copy)]
struct KeyPattern<'a>(&'a [u8]);

impl<'a> Argument<'a> for KeyPattern<'a> {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Pattern).key_spec(0);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        Ok(KeyPattern(raw))
    }
}

/// The part of `len` elements that LIMIT asks for. An offset before the beginning is the beginning.
fn part(limit: Limit, len: usize) -> Range<usize> {
    let start = usize::try_from(limit.offset.max(0)).unwrap_or(usize::MAX).min(len);
    start..start.saturating_add(limit.most()).min(len)
}

/// ASC or DESC. Unlike other choices, the one may take back the other.
struct Order {
    descending: bool,
}

impl Order {
    fn is_descending(&self) -> bool {
        self.descending
    }
}

impl<'a> Argument<'a> for Order {
    type Raw = Order;
    const SHAPE: Shape = Shape::exactly(1).with_tokens();
    const DOC: ArgDoc = {
        const WORDS: &[ArgDoc] = &[
            ArgDoc::new(ArgKind::PureToken).named("asc").token("ASC"),
            ArgDoc::new(ArgKind::PureToken).named("desc").token("DESC"),
        ];
        ArgDoc::of(ArgKind::OneOf, WORDS)
    };
    const TOKENED: bool = true;

    fn shape(cursor: &mut Cursor<'a>) -> Result<Order> {
        Self::try_shape(cursor)?.ok_or(Error::SYNTAX)
    }

    fn try_shape(cursor: &mut Cursor<'a>) -> Result<Option<Order>> {
        let mut order = None;
        loop {
            if cursor.take_token("ASC") {
                order = Some(Order { descending: false });
            } else if cursor.take_token("DESC") {
                order = Some(Order { descending: true });
            } else {
                return Ok(order);
            }
        }
    }

    fn value(order: Order, _: &Context) -> Result<Self> {
        Ok(order)
    }
}

/// What is to be sorted, and how.
struct Sort<'a> {
    by: Option<KeyPattern<'a>>,
    limit: Option<Limit>,
    get: Vec<KeyPattern<'a>>,
    descending: bool,
    alpha: bool,
}

/// An element with what it is sorted by.
struct Row<'k> {
    element: Cow<'k, [u8]>,
    weight: Weight<'k>,
}

enum Weight<'k> {
    Number(f64),
    /// A text, or none if the key that BY leads to is missing. Such elements come first.
    Text(Option<Cow<'k, [u8]>>),
    /// The element itself, as a text.
    Element,
}

impl Sort<'_> {
    /// The result: elements, or what GET makes of them. `store` tells whether it is going to be kept.
    fn run<'k>(&self, keyspace: &'k Keyspace, key: Key, store: bool) -> Result<Vec<Option<Cow<'k, [u8]>>>> {
        let Some(entry) = keyspace.read(key) else { return Ok(Vec::new()) };
        let Some(object @ (Object::List(_) | Object::Set(_) | Object::ZSet(_))) = keyspace.object(entry) else {
            return Err(Error::WRONG_TYPE);
        };
        let part = self.limit.map_or(0..object.len(), |limit| part(limit, object.len()));
        let by = self.by.map(|KeyPattern(pattern)| pattern);
        let as_it_is = by.is_some_and(|by| !by.contains(&b'*'));
        let elements: Vec<Cow<'k, [u8]>> = match object {
            Object::List(list) if as_it_is && self.descending => {
                list.iter_back().skip(part.start).take(part.len()).map(text).collect()
            }
            Object::List(list) if as_it_is => list.iter_from(part.start).take(part.len()).map(text).collect(),
            // The order of a set is not its own, so a result that is kept must have one.
            Object::Set(set) if as_it_is && store => {
                let rows = set.iter().map(|element| Row { element: text(element), weight: Weight::Element });
                self.sorted(rows.collect(), part)
            }
            Object::Set(set) if as_it_is => set.iter().skip(part.start).take(part.len()).map(text).collect(),
            Object::ZSet(set) if as_it_is && self.descending => {
                let ranks = set.len() - part.end..set.len() - part.start;
                set.range(ranks).rev().map(|(member, _)| text(member)).collect()
            }
            Object::ZSet(set) if as_it_is => set.range(part).map(|(member, _)| text(member)).collect(),
            Object::List(list) => self.sorted(self.rows(keyspace, by, list.iter())?, part),
            Object::Set(set) => self.sorted(self.rows(keyspace, by, set.iter())?, part),
            Object::ZSet(set) => self.sorted(self.rows(keyspace, by, set.iter().map(|(member, _)| member))?, part),
            _ => return Err(Error::WRONG_TYPE),
        };
        if self.get.is_empty() {
            return Ok(elements.into_iter().map(Some).collect());
        }
        let mut result = Vec::with_capacity(elements.len() * self.get.len());
        for element in &elements {
            for KeyPattern(pattern) in &self.get {
                result.push(if *pattern == b"#" { Some(element.clone()) } else { follow(keyspace, pattern, element) });
            }
        }
        Ok(result)
    }

    /// Elements with their weights.
    fn rows<'k>(
        &self,
        keyspace: &'k Keyspace,
        by: Option<&[u8]>,
        elements: impl Iterator<Item = Element<'k>>,
    ) -> Result<Vec<Row<'k>>> {
        let mut all_numbers = true;
        let rows = elements.map(|element| {
            let element = text(element);
            let weight = match (by, self.alpha) {
                (None, true) => Weight::Element,
                (Some(by), true) => Weight::Text(follow(keyspace, by, &element)),
                (None, false) => number(&element, &mut all_numbers),
                (Some(by), false) => match follow(keyspace, by, &element) {
                    Some(weight) => number(&weight, &mut all_numbers),
                    None => Weight::Number(0.0),
                },
            };
            Row { element, weight }
        });
        let rows = rows.collect();
        if !all_numbers {
            return Err(Error::new("ERR One or more scores can't be converted into double"));
        }
        Ok(rows)
    }

    /// The elements of the given part, once all are sorted.
    fn sorted<'k>(&self, mut rows: Vec<Row<'k>>, part: Range<usize>) -> Vec<Cow<'k, [u8]>> {
        rows.sort_by(|a, b| if self.descending { a.compare(b).reverse() } else { a.compare(b) });
        rows.drain(part).map(|row| row.element).collect()
    }
}

impl Row<'_> {
    /// Equal numbers are told apart by the elements, so that the order is always the same.
    fn compare(&self, other: &Self) -> Ordering {
        match (&self.weight, &other.weight) {
            (Weight::Number(a), Weight::Number(b)) => {
                a.partial_cmp(b).unwrap_or(Ordering::Equal).then_with(|| self.element.cmp(&other.element))
            }
            (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
            _ => self.element.cmp(&other.element),
        }
    }
}

/// An element's text, borrowed if it is stored as one.
fn text(element: Element<'_>) -> Cow<'_, [u8]> {
    match element {
        Element::Bytes(text) => Cow::Borrowed(text),
        number => Cow::Owned(number.to_vec()),
    }
}

/// A text as a weight. What C's `strtod` reads is a number: blanks may stand before it, a zero byte ends it, and
/// no text at all is zero.
fn number<'k>(text: &[u8], is_number: &mut bool) -> Weight<'k> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let digits = text.trim_ascii_start();
    let value = if text.is_empty() { Some(0.0) } else { num::parse_f64(digits) };
    *is_number &= value.is_some();
    Weight::Number(value.unwrap_or_default())
}

/// The value of the key, or of the field of a hash, that a pattern leads to with `element` in the place of its `*`.
fn follow<'k>(keyspace: &'k Keyspace, pattern: &[u8], element: &[u8]) -> Option<Cow<'k, [u8]>> {
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = behind.windows(2).position(|pair| pair == b"->").filter(|arrow| arrow + 2 < behind.len());
    let (behind, field) = match arrow {
        Some(arrow) => (&behind[..arrow], Some(&behind[arrow + 2..])),
        None => (behind, None),
    };
    let entry = keyspace.read_named(&[before, element, behind].concat())?;
    match (field, keyspace.object(entry)) {
        (None, None) => Some(Cow::Borrowed(entry.string_bytes())),
        (Some(field), Some(Object::Hash(hash))) => hash.get(field, keyspace.now()).map(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_never_leaves_the_elements() {
        let part = |offset, count, len| part(Limit { offset, count }, len);
        assert_eq!(part(1, 2, 5), 1..3);
        assert_eq!(part(-3, -1, 5), 0..5);
        assert_eq!(part(7, 2, 5), 5..5);
        assert_eq!(part(2, 0, 5), 2..2);
        assert_eq!(part(i64::MAX, i64::MAX, 5), 5..5);
        assert_eq!(part(0, -1, 0), 0..0);
    }

    #[test]
    fn numbers_are_those_of_strtod() {
        let read = |text: &[u8]| {
            let mut is_number = true;
            match number(text, &mut is_number) {
                Weight::Number(value) => is_number.then_some(value),
                _ => None,
            }
        };
        assert_eq!(read(b""), Some(0.0));
        assert_eq!(read(b" 12"), Some(12.0));
        assert_eq!(read(b"-1e3"), Some(-1000.0));
        assert_eq!(read(b"12 "), None);
        assert_eq!(read(b"\0abc"), Some(0.0));
        assert_eq!(read(b"1e400"), None);
        assert_eq!(read(b" "), None);
        assert_eq!(read(b"abc"), None);
    }
}
