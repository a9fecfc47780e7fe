//! What a declaration says for people: COMMAND DOCS, and the grammar of arguments behind it.

/// The documentation of a command.
#[derive(Debug)]
pub struct Docs {
    /// First paragraph of the handler's doc comment.
    pub summary: &'static str,
    /// Version of Redis (or of the family's author) that brought the command.
    pub since: &'static str,
    /// Cost in O notation.
    pub complexity: &'static str,
    /// What changed in which version.
    pub history: &'static [(&'static str, &'static str)],
    /// Version that deprecated the command, if any.
    pub deprecated_since: Option<&'static str>,
    /// What to use instead of a deprecated command.
    pub replaced_by: Option<&'static str>,
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    /// The arguments, one list for each parameter of the handler.
    pub arguments: &'static [ArgDoc],
}

/// The kinds of arguments that COMMAND DOCS names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Any text.
    String,
    /// A 64-bit integer.
    Integer,
    /// A floating point number.
    Double,
    /// The name of a key.
    Key,
    /// A glob pattern.
    Pattern,
    /// Seconds or milliseconds since 1970.
    UnixTime,
    /// A word that stands for itself.
    PureToken,
    /// One of the children.
    OneOf,
    /// All of the children, in order.
    Block,
    /// Not an argument of its own: the children stand in its place.
    Inline,
}

impl ArgKind {
    /// The name in COMMAND DOCS.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key => "key",
            ArgKind::Pattern => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf => "oneof",
            ArgKind::Block | ArgKind::Inline => "block",
        }
    }
}

/// One node in the tree of arguments.
#[derive(Clone, Copy, Debug)]
pub struct ArgDoc {
    /// Name as documented: lower case, words joined by `-`.
    pub name: &'static str,
    /// What may stand here.
    pub kind: ArgKind,
    /// The word that announces it.
    pub token: Option<&'static str>,
    /// Version that brought it.
    pub since: Option<&'static str>,
    /// Version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// When repeated, the token is repeated too.
    pub multiple_token: bool,
    /// For keys: which key specification finds them.
    pub key_spec: Option<u8>,
    /// What it consists of.
    pub children: &'static [ArgDoc],
}

impl ArgDoc {
    /// A plain argument.
    #[must_use]
    pub const fn new(kind: ArgKind) -> Self {
        ArgDoc {
            name: "",
            kind,
            token: None,
            since: None,
            deprecated_since: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            key_spec: None,
            children: &[],
        }
    }

    /// The same with children.
    #[must_use]
    pub const fn of(kind: ArgKind, children: &'static [ArgDoc]) -> Self {
        ArgDoc { children, ..Self::new(kind) }
    }

    /// The same under another name, unless it is spliced into its parent.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// The same under `name` if it has none yet.
    #[must_use]
    pub const fn named_by_default(self, name: &'static str) -> Self {
        if self.name.is_empty() { self.named(name) } else { self }
    }

    /// The same behind a token, which makes one block of what would be spliced into the parent.
    #[must_use]
    pub const fn token(mut self, token: &'static str) -> Self {
        if matches!(self.kind, ArgKind::Inline) {
            self.kind = ArgKind::Block;
        }
        self.token = Some(token);
        self
    }

    /// The same, since a version.
    #[must_use]
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    /// The same, deprecated since a version.
    #[must_use]
    pub const fn deprecated_since(mut self, version: &'static str) -> Self {
        self.deprecated_since = Some(version);
        self
    }

    /// The same, but it may be left out.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same, but it may be repeated.
    #[must_use]
    pub const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    /// The same, repeated together with its token.
    #[must_use]
    pub const fn multiple_token(mut self) -> Self {
        self.multiple = true;
        self.multiple_token = true;
        self
    }

    /// The same, found by the given key specification.
    #[must_use]
    pub const fn key_spec(mut self, index: u8) -> Self {
        self.key_spec = Some(index);
        self
    }
}
