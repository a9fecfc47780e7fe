//! Keyspace events: what `notify-keyspace-events` selects and subscribers are told.

use crate::value::Kind;

/// A set of event classes, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u32);

/// The letters of `notify-keyspace-events` in the order Redis prints them, with their bits. `A` stands for all but
/// K, E, m and n.
const LETTERS: [(char, EventClasses); 14] = [
    ('g', EventClasses::GENERIC),
    ('$', EventClasses::STRING),
    ('l', EventClasses::LIST),
    ('s', EventClasses::SET),
    ('h', EventClasses::HASH),
    ('z', EventClasses::ZSET),
    ('x', EventClasses::EXPIRED),
    ('e', EventClasses::EVICTED),
    ('t', EventClasses::STREAM),
    ('d', EventClasses::MODULE),
    ('n', EventClasses::NEW),
    ('K', EventClasses::KEYSPACE),
    ('E', EventClasses::KEYEVENT),
    ('m', EventClasses::KEY_MISS),
];

impl EventClasses {
    /// `K`: publish to `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Self = Self(1 << 0);
    /// `E`: publish to `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// `g`: commands of no type: DEL, EXPIRE, RENAME, ...
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`
    pub const STRING: Self = Self(1 << 3);
    /// `l`
    pub const LIST: Self = Self(1 << 4);
    /// `s`
    pub const SET: Self = Self(1 << 5);
    /// `h`
    pub const HASH: Self = Self(1 << 6);
    /// `z`
    pub const ZSET: Self = Self(1 << 7);
    /// `x`: a key expired.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: a key was evicted.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: a key was asked for and is not there.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `d`: custom types.
    pub const MODULE: Self = Self(1 << 12);
    /// `n`: a key came into being.
    pub const NEW: Self = Self(1 << 13);
    /// `A`
    pub const ALL: Self = Self(0b1_0111_1111_1100);

    /// Nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// The bits of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any bit of `other` is here.
    #[must_use]
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing would ever be published: without `K` or `E` the classes mean nothing.
    #[must_use]
    pub const fn is_silent(self) -> bool {
        self.0 & 3 == 0 || self.0 & !3 == 0
    }

    /// The bits as one number, for an atomic cell.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// From [`EventClasses::bits`].
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Reads the directive's letters.
    #[must_use]
    pub fn parse(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self(0), |classes, letter| {
            let class = match letter {
                'A' => Self::ALL,
                _ => LETTERS.iter().find(|(known, _)| *known == letter)?.1,
            };
            Some(classes.union(class))
        })
    }

    /// The directive's letters, in Redis's order, with `A` where all of its classes are set. Redis leaves `n` out beside
    /// `A`, although it is no part of it.
    #[must_use]
    pub fn letters(self) -> String {
        let all = self.0 & Self::ALL.0 == Self::ALL.0;
        let mut letters = String::from(if all { "A" } else { "" });
        let hidden = if all { Self::ALL.union(Self::NEW) } else { Self::none() };
        let shown = LETTERS.iter().filter(|(_, class)| self.has_any(*class) && !hidden.has_any(*class));
        letters.extend(shown.map(|(letter, _)| letter));
        letters
    }

    /// The class of an event at a key that holds (or held) a value of that kind. Some events are generic whatever the
    /// type.
    #[must_use]
    pub fn of(event: &str, kind: Option<Kind>) -> Self {
        match (event, kind) {
            ("expired", _) => Self::EXPIRED,
            ("evicted", _) => Self::EVICTED,
            ("keymiss", _) => Self::KEY_MISS,
            ("new", _) => Self::NEW,
            (
                "del" | "expire" | "persist" | "rename_from" | "rename_to" | "move_from" | "move_to" | "copy_to"
                | "restore",
                _,
            )
            | (_, None) => Self::GENERIC,
            (_, Some(Kind::Str)) => Self::STRING,
            (_, Some(Kind::List)) => Self::LIST,
            (_, Some(Kind::Set)) => Self::SET,
            (_, Some(Kind::Hash)) => Self::HASH,
            (_, Some(Kind::ZSet)) => Self::ZSET,
            (_, Some(Kind::Stream)) => Self::STREAM,
            (_, Some(Kind::Custom)) => Self::MODULE,
        }
    }
}

/// Something that happened to a key, to be told to subscribers once the command is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The logical database.
    pub database: usize,
    /// The event's name: `set`, `lpush`, `expired`, ...
    pub name: &'static str,
    /// The key.
    pub key: Box<[u8]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_round_trip() {
        for (given, shown) in
            [("KEA", "AKE"), ("Kg$", "g$K"), ("", ""), ("Elm", "lEm"), ("KEAmn", "AKEm"), ("mngEKd$", "g$dnKEm")]
        {
            assert_eq!(EventClasses::parse(given).map(EventClasses::letters).as_deref(), Some(shown));
        }
        assert_eq!(EventClasses::parse("Kq"), None);
    }
}
