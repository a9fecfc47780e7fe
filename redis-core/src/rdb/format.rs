//! The bytes that say what follows: types of values, and opcodes between them.

/// The version that is written: that of Redis 7.0.
pub const VERSION: u16 = 10;

/// The version of Valkey 9, which is written where fields of a hash have deadlines.
pub const VERSION_VALKEY: u16 = 80;

/// The newest of Redis's versions that is read: that of Redis 7.4 and 8.0.
pub const VERSION_MAX: u16 = 12;

/// Whether bytes of this version can be read. The versions between Redis's and Valkey's are nobody's yet.
#[must_use]
pub const fn is_readable(version: u16) -> bool {
    version <= VERSION_MAX || version == VERSION_VALKEY
}

macro_rules! types {
    ($($(#[doc = $doc:literal])* $name:ident = $byte:literal,)*) => {
        /// What a value is and in which form it is written. The comments tell the version in which the form came.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Type { $($(#[doc = $doc])* $name,)* }

        impl Type {
            /// The byte that stands for the type.
            #[must_use]
            pub const fn byte(self) -> u8 {
                match self { $(Self::$name => $byte,)* }
            }

            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

types! {
    /// A string. Version 1.
    Str = 0,
    /// A list, element by element. Version 1.
    List = 1,
    /// A set, member by member. Version 1.
    Set = 2,
    /// A sorted set, members and scores in decimal text. Version 1.
    ZSet = 3,
    /// A hash, fields and values. Version 1.
    Hash = 4,
    /// A sorted set, members and scores of eight bytes. Version 8.
    ZSet2 = 5,
    /// A value of a module's, in fields that tell their type. Version 8.
    Module2 = 7,
    /// A hash as one zipmap. Version 2.
    HashZipmap = 9,
    /// A list as one ziplist. Version 3.
    ListZiplist = 10,
    /// A set as one intset. Version 3.
    SetIntset = 11,
    /// A sorted set as one ziplist of members and scores. Version 3.
    ZSetZiplist = 12,
    /// A hash as one ziplist of fields and values. Version 4.
    HashZiplist = 13,
    /// A list as ziplists. Version 7.
    ListQuicklist = 14,
    /// A stream as listpacks. Version 9.
    StreamListpacks = 15,
    /// A hash as one listpack of fields and values. Version 10.
    HashListpack = 16,
    /// A sorted set as one listpack of members and scores. Version 10.
    ZSetListpack = 17,
    /// A list as listpacks and as long elements of their own. Version 10.
    ListQuicklist2 = 18,
    /// A stream with its counters: first id, greatest id deleted, entries added and read. Version 10.
    StreamListpacks2 = 19,
    /// A set as one listpack. Version 11.
    SetListpack = 20,
    /// A stream whose consumers know when they were last active. Version 11.
    StreamListpacks3 = 21,
    /// A hash with a deadline at each field, in milliseconds since 1970, -1 for none. Version 80.
    Hash2 = 22,
    /// As `HashMetadata` before it was released: the deadlines are whole.
    HashMetadataPreGa = 22,
    /// As `HashListpackEx` before it was released: the earliest deadline is left out.
    HashListpackExPreGa = 23,
    /// A hash with a deadline at each field, counted from the earliest. Version 12.
    HashMetadata = 24,
    /// A hash as one listpack of fields, values and deadlines. Version 12.
    HashListpackEx = 25,
}

impl Type {
    /// The type that the byte stands for. Byte 22 is one type in Redis's versions and another in Valkey's.
    #[must_use]
    pub const fn of(byte: u8, version: u16) -> Option<Self> {
        Some(match byte {
            0 => Self::Str,
            1 => Self::List,
            2 => Self::Set,
            3 => Self::ZSet,
            4 => Self::Hash,
            5 => Self::ZSet2,
            7 => Self::Module2,
            9 => Self::HashZipmap,
            10 => Self::ListZiplist,
            11 => Self::SetIntset,
            12 => Self::ZSetZiplist,
            13 => Self::HashZiplist,
            14 => Self::ListQuicklist,
            15 => Self::StreamListpacks,
            16 => Self::HashListpack,
            17 => Self::ZSetListpack,
            18 => Self::ListQuicklist2,
            19 => Self::StreamListpacks2,
            20 => Self::SetListpack,
            21 => Self::StreamListpacks3,
            22 if version >= VERSION_VALKEY => Self::Hash2,
            22 => Self::HashMetadataPreGa,
            23 => Self::HashListpackExPreGa,
            24 => Self::HashMetadata,
            25 => Self::HashListpackEx,
            _ => return None,
        })
    }

    /// The lowest version that has what is written here in this form.
    #[must_use]
    pub const fn version(self) -> u16 {
        match self {
            Self::Hash2 => VERSION_VALKEY,
            _ => VERSION,
        }
    }
}

/// What stands in a file where no type of a value stands.
pub mod opcode {
    /// Slots on their way to another node. It is the smallest opcode; types are below it.
    pub const SLOT_IMPORT: u8 = 243;
    /// How large the slot is whose keys follow.
    pub const SLOT_INFO: u8 = 244;
    /// A library of functions.
    pub const FUNCTION2: u8 = 245;
    /// A function, as versions before the release of Redis 7.0 wrote it.
    pub const FUNCTION_PRE_GA: u8 = 246;
    /// What a module keeps besides its values.
    pub const MODULE_AUX: u8 = 247;
    /// For how many seconds the next key has not been used.
    pub const IDLE: u8 = 248;
    /// How often the next key is used.
    pub const FREQ: u8 = 249;
    /// A fact about the file: a name and a value.
    pub const AUX: u8 = 250;
    /// How many keys the database has, and how many of them expire.
    pub const RESIZE_DB: u8 = 251;
    /// When the next key expires, in milliseconds since 1970.
    pub const EXPIRE_TIME_MS: u8 = 252;
    /// When the next key expires, in seconds since 1970.
    pub const EXPIRE_TIME: u8 = 253;
    /// The number of the database that the next keys are in.
    pub const SELECT_DB: u8 = 254;
    /// The end, before the checksum.
    pub const EOF: u8 = 255;
}

/// The module type as which a set is written whose members have deadlines.
pub(super) const SET_WITH_DEADLINES: &str = "SetExpiry";

/// The module type as which a sorted set is written whose members have deadlines.
pub(super) const ZSET_WITH_DEADLINES: &str = "ZSetExpir";

/// The letters of a module type's name, six bits each.
const NAME_LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How many letters the name of a module's type has.
const NAME_LEN: usize = 9;

/// How many bits of a module type's id are the version of its encoding.
const ENCODING_BITS: u32 = 10;

/// The id under which values of a module's type are written: nine letters of the name and, in the ten lowest bits, the
/// version of the encoding. `None` if it is no such name.
#[must_use]
pub fn module_id(name: &str, encoding: u16) -> Option<u64> {
    if name.len() != NAME_LEN || encoding >= 1 << ENCODING_BITS {
        return None;
    }
    let mut id = 0;
    for letter in name.bytes() {
        let value = NAME_LETTERS.iter().position(|candidate| *candidate == letter)?;
        id = id << 6 | value as u64;
    }
    Some(id << ENCODING_BITS | u64::from(encoding))
}

/// The name in a module type's id.
#[must_use]
pub fn module_name(id: u64) -> String {
    (0..NAME_LEN)
        .rev()
        .map(|place| char::from(NAME_LETTERS[(id >> ENCODING_BITS >> (6 * place) & 63) as usize]))
        .collect()
}

/// The version of the encoding in a module type's id.
#[must_use]
pub fn module_encoding(id: u64) -> u16 {
    (id & ((1 << ENCODING_BITS) - 1)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_types_agree() {
        for &form in Type::ALL {
            let version = if form == Type::Hash2 { 80 } else { 12 };
            assert_eq!(Type::of(form.byte(), version), Some(form));
        }
        assert_eq!(Type::of(22, 80), Some(Type::Hash2));
        assert!([6, 8, 26, 200, 255].iter().all(|byte| Type::of(*byte, 12).is_none()));
        assert!(is_readable(0) && is_readable(12) && is_readable(80) && !is_readable(13) && !is_readable(81));
    }

    #[test]
    fn module_ids_hold_a_name_and_a_version() {
        assert!(module_id(SET_WITH_DEADLINES, 0).is_some() && module_id(ZSET_WITH_DEADLINES, 0).is_some());
        let id = module_id("bloom-_09", 5).unwrap();
        assert_eq!((module_name(id).as_str(), module_encoding(id)), ("bloom-_09", 5));
        assert_eq!(module_id("AAAAAAAAA", 1), Some(1));
        assert_eq!(module_id("AAAAAAAAB", 0), Some(1 << 10));
        assert!(module_id("short", 0).is_none() && module_id("with space", 0).is_none());
        assert!(module_id("AAAAAAAA.", 0).is_none() && module_id("AAAAAAAAA", 1024).is_none());
    }
}
