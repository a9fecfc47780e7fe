//! The words that declarations may use, and what to say about those they may not.
//!
//! They are repeated here, although the runtime defines them, because only the macro can point at the wrong word and
//! name the right one.

use syn::{Error, Ident, Result};

/// The words that may stand in one place.
pub(crate) struct Words {
    /// What they are, for messages: `flag`.
    pub(crate) kind: &'static str,
    /// Where they stand, if that is worth saying: ` in `#[arg]``.
    pub(crate) place: &'static str,
    /// All of them.
    pub(crate) known: &'static [&'static str],
}

/// The words of `#[command(..)]`.
pub(crate) const COMMAND: Words = Words {
    kind: "word",
    place: " in `#[command]`",
    known: &[
        "since",
        "complexity",
        "flags",
        "acl",
        "tips",
        "history",
        "deprecated",
        "extra",
        "access",
        "readonly",
        "write",
        "reply",
        "crate",
    ],
};

/// The words of `deprecated(..)`.
pub(crate) const DEPRECATED: Words =
    Words { kind: "word", place: " in `deprecated`", known: &["since", "replaced_by"] };

/// The words of `container!`.
pub(crate) const CONTAINER: Words = Words {
    kind: "word",
    place: " in `container!`",
    known: &["since", "acl", "flags", "help", "help_since", "help_flags", "help_acl", "crate"],
};

/// The words of `family!`.
pub(crate) const FAMILY: Words = Words { kind: "word", place: " in `family!`", known: &["acl", "crate"] };

/// The words of `#[data_type(..)]`.
pub(crate) const DATA_TYPE: Words =
    Words { kind: "word", place: " in `#[data_type]`", known: &["name", "version", "crate"] };

/// The words of `#[options(..)]`.
pub(crate) const OPTIONS: Words = Words {
    kind: "word",
    place: " in `#[options]`",
    known: &["check", "once", "order", "sequence", "to_args", "crate"],
};

/// The words of `#[arg(..)]` on a parameter.
pub(crate) const PARAMETER: Words = Words {
    kind: "word",
    place: " in `#[arg]`",
    known: &["name", "names", "since", "deprecated_since", "token", "error", "optional", "multiple", "key_spec"],
};

/// The words of `#[arg(..)]` on a field.
pub(crate) const FIELD: Words = Words {
    kind: "word",
    place: " in `#[arg]`",
    known: &["name", "names", "since", "deprecated_since", "token", "error", "conflict", "missing", "multiple"],
};

/// The words of `#[arg(..)]` on a variant.
pub(crate) const VARIANT: Words = Words {
    kind: "word",
    place: " in `#[arg]`",
    known: &["name", "names", "since", "deprecated_since", "token", "error"],
};

/// The flags that a declaration may set.
pub(crate) const FLAGS: Words = Words {
    kind: "flag",
    place: "",
    known: &[
        "WRITE",
        "READONLY",
        "DENYOOM",
        "ADMIN",
        "PUBSUB",
        "NOSCRIPT",
        "BLOCKING",
        "LOADING",
        "STALE",
        "SKIP_MONITOR",
        "SKIP_COMMANDLOG",
        "ASKING",
        "FAST",
        "NO_AUTH",
        "MAY_REPLICATE",
        "NO_MANDATORY_KEYS",
        "NO_MULTI",
        "NO_ASYNC_LOADING",
        "ALLOW_BUSY",
        "MOVABLEKEYS",
        "IMMEDIATE",
        "SUBSCRIBER",
        "HEALTH",
        "UNPAUSED",
        "SYSTEM",
        "CLOSES_MULTI",
    ],
};

/// The ACL categories.
pub(crate) const CATEGORIES: Words = Words {
    kind: "ACL category",
    place: "",
    known: &[
        "KEYSPACE",
        "READ",
        "WRITE",
        "SET",
        "SORTEDSET",
        "LIST",
        "HASH",
        "STRING",
        "BITMAP",
        "HYPERLOGLOG",
        "GEO",
        "STREAM",
        "PUBSUB",
        "ADMIN",
        "FAST",
        "SLOW",
        "BLOCKING",
        "DANGEROUS",
        "CONNECTION",
        "TRANSACTION",
        "SCRIPTING",
    ],
};

/// How a key can be used.
pub(crate) const KEY_FLAGS: Words = Words {
    kind: "key flag",
    place: "",
    known: &["RO", "RW", "OW", "RM", "ACCESS", "UPDATE", "INSERT", "DELETE", "NOT_KEY", "INCOMPLETE", "VARIABLE_FLAGS"],
};

/// The key flags that only a command which writes may declare.
pub(crate) const WRITING_KEY_FLAGS: &[&str] = &["RW", "OW", "RM", "UPDATE", "INSERT", "DELETE"];

/// The hints for clients and proxies.
pub(crate) const TIPS: Words = Words {
    kind: "tip",
    place: "",
    known: &[
        "NONDETERMINISTIC_OUTPUT",
        "NONDETERMINISTIC_OUTPUT_ORDER",
        "REQUEST_POLICY_ALL_NODES",
        "REQUEST_POLICY_ALL_SHARDS",
        "REQUEST_POLICY_MULTI_SHARD",
        "REQUEST_POLICY_SPECIAL",
        "RESPONSE_POLICY_ONE_SUCCEEDED",
        "RESPONSE_POLICY_ALL_SUCCEEDED",
        "RESPONSE_POLICY_AGG_LOGICAL_AND",
        "RESPONSE_POLICY_AGG_LOGICAL_OR",
        "RESPONSE_POLICY_AGG_MIN",
        "RESPONSE_POLICY_AGG_MAX",
        "RESPONSE_POLICY_AGG_SUM",
        "RESPONSE_POLICY_SPECIAL",
    ],
};

/// A tip as COMMAND INFO shows it: `request_policy:all_shards`.
pub(crate) fn tip_text(tip: &Ident) -> String {
    let text = tip.to_string().to_ascii_lowercase();
    ["request_policy", "response_policy"]
        .iter()
        .find_map(|policy| Some(format!("{policy}:{}", text.strip_prefix(policy)?.strip_prefix('_')?)))
        .unwrap_or(text)
}

impl Words {
    /// The error for a word that is not known, at that word.
    pub(crate) fn check(&self, word: &Ident) -> Result<()> {
        if self.known.iter().any(|known| word == known) { Ok(()) } else { Err(self.unknown(word)) }
    }

    /// The error for a word that is not known.
    pub(crate) fn unknown(&self, word: &Ident) -> Error {
        let advice = match self.nearest(&word.to_string()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("known are `{}`", self.known.join("`, `")),
        };
        Error::new(word.span(), format!("unknown {} `{word}`{}: {advice}", self.kind, self.place))
    }

    /// The known word that was most likely meant.
    fn nearest(&self, word: &str) -> Option<&'static str> {
        let folded = word.to_ascii_lowercase();
        let distance = |known: &&str| edits(&folded, &known.to_ascii_lowercase());
        let nearest = self.known.iter().copied().min_by_key(distance)?;
        (distance(&nearest) <= 1 + word.len() / 4).then_some(nearest)
    }
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to get from one word to the
/// other.
fn edits(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        assert_eq!(FLAGS.nearest("FATS"), Some("FAST"));
        assert_eq!(FLAGS.nearest("no_script"), Some("NOSCRIPT"));
        assert_eq!(FLAGS.nearest("DENY_OOM"), Some("DENYOOM"));
        assert_eq!(FLAGS.nearest("QUICK"), None);
    }

    #[test]
    fn policies_are_written_with_a_colon() {
        let text = |tip| tip_text(&Ident::new(tip, Span::call_site()));
        assert_eq!(text("NONDETERMINISTIC_OUTPUT"), "nondeterministic_output");
        assert_eq!(text("REQUEST_POLICY_ALL_SHARDS"), "request_policy:all_shards");
        assert_eq!(text("RESPONSE_POLICY_AGG_SUM"), "response_policy:agg_sum");
    }
}
