//! The words of a command's declaration: flags, ACL categories, key access, key specifications.
//!
//! All are Redis's own, as COMMAND INFO prints them, and all can be computed in constants: a declaration costs nothing
//! at run time.

/// A set of named bits that can be combined in constants.
macro_rules! bit_set {
    ($(#[$doc:meta])* $set:ident: $int:ty { $($(#[$bit_doc:meta])* $name:ident = $bit:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        pub struct $set($int);

        impl $set {
            /// Nothing.
            pub const NONE: Self = Self(0);
            $($(#[$bit_doc])* pub const $name: Self = Self(1 << $bit);)*

            /// The bits of either.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The bits without those of `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether all bits of `other` are here.
            #[must_use]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is here.
            #[must_use]
            pub const fn has_any(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// The names of the bits, for those that have one (an empty name is internal and never shown).
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$((Self::$name, $text)),*].into_iter()
                    .filter(move |(bit, text)| self.has(*bit) && !text.is_empty())
                    .map(|(_, text)| text)
            }

            /// The bit of that name.
            #[must_use]
            pub fn by_name(name: &[u8]) -> Option<Self> {
                [$((Self::$name, $text)),*].into_iter()
                    .find(|(_, text)| !text.is_empty() && text.as_bytes().eq_ignore_ascii_case(name))
                    .map(|(bit, _)| bit)
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_set().entries(self.names()).finish()
            }
        }
    };
}

bit_set! {
    /// What a command is like and where it may run.
    Flags: u32 {
        /// May change the keyspace.
        WRITE = 0, "write";
        /// Reads keys and never changes them.
        READONLY = 1, "readonly";
        /// May grow memory: refused when the limit is reached.
        DENYOOM = 2, "denyoom";
        /// For administrators.
        ADMIN = 3, "admin";
        /// Belongs to pub/sub.
        PUBSUB = 4, "pubsub";
        /// May not be called by a script.
        NOSCRIPT = 5, "noscript";
        /// May wait for a key.
        BLOCKING = 6, "blocking";
        /// Allowed while a data set is being loaded.
        LOADING = 7, "loading";
        /// Allowed on a replica whose data are stale.
        STALE = 8, "stale";
        /// Not shown by MONITOR.
        SKIP_MONITOR = 9, "skip_monitor";
        /// Not entered into the command logs.
        SKIP_COMMANDLOG = 10, "skip_commandlog";
        /// Goes on to an importing cluster node.
        ASKING = 11, "asking";
        /// Constant or logarithmic time.
        FAST = 12, "fast";
        /// Allowed before authentication.
        NO_AUTH = 13, "no_auth";
        /// Its effect may be logged though it is no write. Internal.
        MAY_REPLICATE = 14, "";
        /// May be called with no key at all.
        NO_MANDATORY_KEYS = 15, "no_mandatory_keys";
        /// Refused inside MULTI.
        NO_MULTI = 16, "no_multi";
        /// Not allowed while a replica loads in the background.
        NO_ASYNC_LOADING = 17, "no_async_loading";
        /// Allowed while a script overruns its time.
        ALLOW_BUSY = 18, "allow_busy";
        /// The positions of its keys depend on its arguments.
        MOVABLEKEYS = 19, "movablekeys";
        /// Runs at once even inside MULTI (EXEC, DISCARD, ...). Internal.
        IMMEDIATE = 20, "";
        /// Allowed to a RESP2 connection that has subscribed. Internal.
        SUBSCRIBER = 21, "";
        /// Not held up by CLIENT PAUSE. Internal.
        UNPAUSED = 22, "";
        /// For servers and their tests, not for applications: `syscmd` in COMMAND DOCS. Internal.
        SYSTEM = 23, "";
        /// Ends MULTI, even when it is refused (EXEC). Internal.
        CLOSES_MULTI = 24, "";
        /// Tells whether the server is well (PING): refused when writes are because of a disk error. Internal.
        HEALTH = 25, "";
    }
}

bit_set! {
    /// ACL categories.
    Categories: u32 {
        /// `@keyspace`
        KEYSPACE = 0, "keyspace";
        /// `@read`
        READ = 1, "read";
        /// `@write`
        WRITE = 2, "write";
        /// `@set`
        SET = 3, "set";
        /// `@sortedset`
        SORTEDSET = 4, "sortedset";
        /// `@list`
        LIST = 5, "list";
        /// `@hash`
        HASH = 6, "hash";
        /// `@string`
        STRING = 7, "string";
        /// `@bitmap`
        BITMAP = 8, "bitmap";
        /// `@hyperloglog`
        HYPERLOGLOG = 9, "hyperloglog";
        /// `@geo`
        GEO = 10, "geo";
        /// `@stream`
        STREAM = 11, "stream";
        /// `@pubsub`
        PUBSUB = 12, "pubsub";
        /// `@admin`
        ADMIN = 13, "admin";
        /// `@fast`
        FAST = 14, "fast";
        /// `@slow`
        SLOW = 15, "slow";
        /// `@blocking`
        BLOCKING = 16, "blocking";
        /// `@dangerous`
        DANGEROUS = 17, "dangerous";
        /// `@connection`
        CONNECTION = 18, "connection";
        /// `@transaction`
        TRANSACTION = 19, "transaction";
        /// `@scripting`
        SCRIPTING = 20, "scripting";
    }
}

impl Categories {
    /// The categories that follow from a command's flags, beside those of its family.
    #[must_use]
    pub const fn implied_by(flags: Flags, scripting: bool) -> Self {
        let mut categories = if flags.has(Flags::FAST) { Self::FAST } else { Self::SLOW };
        if flags.has(Flags::WRITE) {
            categories = categories.union(Self::WRITE);
        }
        if flags.has(Flags::READONLY) && !scripting {
            categories = categories.union(Self::READ);
        }
        if flags.has(Flags::ADMIN) {
            categories = categories.union(Self::ADMIN).union(Self::DANGEROUS);
        }
        if flags.has(Flags::PUBSUB) {
            categories = categories.union(Self::PUBSUB);
        }
        if flags.has(Flags::BLOCKING) {
            categories = categories.union(Self::BLOCKING);
        }
        categories
    }
}

bit_set! {
    /// How a command uses a key.
    KeyFlags: u16 {
        /// Reads the value.
        RO = 0, "RO";
        /// Reads and changes the value.
        RW = 1, "RW";
        /// Overwrites the value.
        OW = 2, "OW";
        /// Removes the key.
        RM = 3, "RM";
        /// Returns or copies what the user stored.
        ACCESS = 4, "access";
        /// Changes what the user stored.
        UPDATE = 5, "update";
        /// Adds without looking at what is there.
        INSERT = 6, "insert";
        /// Deletes part of the value, or the key.
        DELETE = 7, "delete";
        /// Looks like a key but is none (a channel).
        NOT_KEY = 8, "not_key";
        /// There may be more keys than the specification finds.
        INCOMPLETE = 9, "incomplete";
        /// The flags depend on the arguments.
        VARIABLE_FLAGS = 10, "variable_flags";
    }
}

/// Where a run of keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument (the command's name is argument 0).
    Index(u16),
    /// After this token, searched from argument `from` on (from the end when negative).
    Keyword {
        /// The token, in capitals.
        token: &'static str,
        /// Where the search begins.
        from: i16,
    },
    /// Cannot be said in Redis's terms. With a token, this server's own walk takes the argument after its last
    /// occurrence (the STORE of SORT).
    Unknown(Option<&'static str>),
}

/// Which arguments are keys, from where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Up to `last` (relative to the beginning; counted from the end when negative), every `step`th.
    Range {
        /// The last key, relative to the first; negative values count from the last argument (-1) backwards.
        last: i16,
        /// Distance between keys.
        step: u16,
        /// With `last` = -1: take only the first 1/`limit` of what is left.
        limit: u16,
    },
    /// As many as the argument at `index` says.
    KeyNum {
        /// The argument that holds the number, relative to the beginning.
        index: u16,
        /// The first key, relative to the beginning.
        first: u16,
        /// Distance between keys.
        step: u16,
    },
    /// Cannot be said in Redis's terms.
    Unknown,
}

/// One key specification, as COMMAND INFO shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// How these keys are used.
    pub flags: KeyFlags,
    /// Where they begin.
    pub begin: Begin,
    /// Which they are from there on.
    pub find: Find,
}
