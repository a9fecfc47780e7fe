//! What is known of a directive, and the macro by which each is declared once.
//!
//! A declaration reads
//!
//! ```text
//! /// Connections beyond this number are refused.
//! maxclients: Int(10_000, 1..=U32) => Mutable;
//! ```
//!
//! and is all there is: the doc comment is the comment in the example file and the documentation of the field; the type
//! and its arguments say what is accepted; the name, with `-` for `_`, is the directive. The configuration file, the
//! command line, the environment, CONFIG GET, SET and REWRITE follow from the table that `declare!` makes.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use super::cell::Cell;
use super::{Config, directives, inert};

/// A property of a directive. One that lists none of [`Flag::Dormant`], [`Flag::Absent`], [`Flag::Refused`] has effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// CONFIG SET may change it.
    Mutable,
    /// It is what it was at the start.
    Immutable,
    /// CONFIG SET may change it where `enable-protected-configs` allows.
    Protected,
    /// CONFIG GET shows it only when asked by its full name.
    Hidden,
    /// A detail of something that this server does not do: kept and shown, and said to have no effect yet.
    Dormant,
    /// A request for something that this server does not do. Only its default is true, so only that is ever shown: a
    /// configuration file that asks for more gets a log line, CONFIG SET an error.
    Absent,
    /// As [`Flag::Absent`], but to start without it would leave the server open, so a start with it fails.
    Refused,
}

/// One directive, as declared.
pub struct Directive {
    /// Its name in small letters.
    pub name: &'static str,
    /// Further names that mean the same.
    pub aliases: &'static [&'static str],
    /// The lines of its description.
    pub doc: &'static [&'static str],
    /// The heading under which the example file has it.
    pub section: &'static str,
    /// Whether its value must stay out of logs and error messages.
    pub is_secret: bool,
    pub(super) flags: &'static [Flag],
    pub(super) cell: fn(&Config) -> &dyn Cell,
}

impl Directive {
    /// Whether it was declared with this flag.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether its value makes a difference.
    pub fn is_live(&self) -> bool {
        ![Flag::Dormant, Flag::Absent, Flag::Refused].into_iter().any(|flag| self.has(flag))
    }

    /// All names, the proper one first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// What to log when a value other than the default is given to a directive that has no effect.
    pub fn note(&self) -> Option<String> {
        if self.is_live() {
            return None;
        }
        let kept = if self.has(Flag::Dormant) {
            "accepted and kept"
        } else {
            "accepted, but this server does not do what it asks for"
        };
        Some(format!("Directive '{}' is {kept}: it has no effect yet", self.name))
    }
}

impl fmt::Debug for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directive").field("name", &self.name).field("flags", &self.flags).finish_non_exhaustive()
    }
}

/// Every directive, in the order of the example file.
pub fn all() -> impl Iterator<Item = &'static Directive> {
    directives::Live::DIRECTIVES.iter().chain(inert::Inert::DIRECTIVES)
}

/// The directive of that name or alias, in any case.
pub fn find(name: &[u8]) -> Option<&'static Directive> {
    static NAMES: OnceLock<HashMap<&'static str, &'static Directive>> = OnceLock::new();
    let names = NAMES
        .get_or_init(|| all().flat_map(|directive| directive.names().map(move |name| (name, directive))).collect());
    names.get(str::from_utf8(name).ok()?.to_ascii_lowercase().as_str()).copied()
}

/// A field's name as the directive's: with `-` for `_`.
pub(super) const fn dashed<const N: usize>(name: &str) -> [u8; N] {
    let mut dashed = [0; N];
    let mut index = 0;
    while index < N {
        let byte = name.as_bytes()[index];
        dashed[index] = if byte == b'_' { b'-' } else { byte };
        index += 1;
    }
    dashed
}

/// Declares a struct of cells and the table of its directives.
macro_rules! declare {
    (
        $(#[$meta:meta])*
        pub struct $group:ident at $place:ident;
        $(section $section:literal {
            $(
                $(#[doc = $doc:literal])+
                $name:ident: $cell:ident $(<$param:ty>)? ($($spec:expr),* $(,)?) $(.$modifier:ident($($argument:expr),*))*
                    => $($flag:ident)+ $(, alias $($alias:literal)+)?;
            )*
        })*
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $group {
            $($($(#[doc = $doc])+ pub $name: $cell $(<$param>)?,)*)*
        }

        impl $group {
            /// The declarations.
            pub(super) const DIRECTIVES: &'static [$crate::config::Directive] = &[$($(
                $crate::config::Directive {
                    name: {
                        const NAME: [u8; stringify!($name).len()] = $crate::config::directive::dashed(stringify!($name));
                        match str::from_utf8(&NAME) {
                            Ok(name) => name,
                            Err(_) => panic!("directives have ASCII names"),
                        }
                    },
                    aliases: &[$($($alias),+)?],
                    doc: &[$($doc),+],
                    section: $section,
                    is_secret: matches!(stringify!($cell).as_bytes(), b"Secret"),
                    flags: &[$($crate::config::Flag::$flag),+],
                    cell: |config| &config.$place.$name,
                },
            )*)*];

            /// Every setting at its default.
            pub(super) fn new() -> Self {
                Self {
                    $($($name: $cell::new($($spec),*) $(.$modifier($($argument),*))*,)*)*
                }
            }
        }
    };
}

pub(super) use declare;
