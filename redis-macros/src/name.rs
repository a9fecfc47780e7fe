//! The names of commands: `GET`, `CONFIG GET`, `ACME.INCRCAP`.

use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Error, Ident, LitStr, Result};

/// The name of a command, in capitals.
#[derive(Debug)]
pub(crate) struct Name {
    /// The container, for a subcommand.
    pub(crate) container: Option<String>,
    /// The name itself.
    pub(crate) name: String,
}

impl Name {
    /// The name as written in the attribute.
    pub(crate) fn from_literal(literal: &LitStr) -> Result<Self> {
        let text = literal.value();
        let refuse = |message: String| Err(Error::new(literal.span(), message));
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return refuse(format!("a command's name is written in capitals: `\"{}\"`", text.to_ascii_uppercase()));
        }
        let words: Vec<&str> = text.split(' ').collect();
        if words.len() > 2 || words.iter().any(|word| word.is_empty()) {
            return refuse(
                "a command's name is one word, or a container and a subcommand with one space between".into(),
            );
        }
        let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if let Some(odd) = text.chars().find(|c| *c != ' ' && !u8::try_from(*c).is_ok_and(legal)) {
            return refuse(format!("a command's name consists of letters, digits, `.`, `-` and `_`, not `{odd}`"));
        }
        Ok(match words[..] {
            [container, name] => Name { container: Some(container.into()), name: name.into() },
            _ => Name { container: None, name: text },
        })
    }

    /// The name of a container, or of a command at top level.
    pub(crate) fn single(literal: &LitStr) -> Result<Self> {
        let name = Name::from_literal(literal)?;
        if name.container.is_some() {
            return Err(Error::new(literal.span(), "a container's name is one word"));
        }
        Ok(name)
    }

    /// The name that a function gives to its command.
    pub(crate) fn from_function(function: &Ident) -> Result<Self> {
        let name = function.unraw().to_string();
        let name = name.trim_matches('_').to_ascii_uppercase();
        if name.contains('_') {
            return Err(Error::new(
                function.span(),
                format!("say the command's name: `#[command(\"{}\", ..)]`", name.replacen('_', " ", 1)),
            ));
        }
        Ok(Name { container: None, name })
    }

    /// As errors and COMMAND show it: `config|get`.
    pub(crate) fn full(&self) -> String {
        self.joined("|").to_ascii_lowercase()
    }

    /// As people write it: `CONFIG GET`.
    pub(crate) fn spoken(&self) -> String {
        self.joined(" ")
    }

    /// The constant that stands for the command in effects: `CONFIG_GET`.
    pub(crate) fn constant(&self) -> Ident {
        let name = self.joined("_").replace(['.', '-'], "_");
        if name.starts_with(|c: char| c.is_ascii_digit()) { format_ident!("_{name}") } else { format_ident!("{name}") }
    }

    fn joined(&self, between: &str) -> String {
        match &self.container {
            Some(container) => format!("{container}{between}{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The name of an argument in COMMAND DOCS: lower case, words joined by `-`.
pub(crate) fn documented(ident: &Ident) -> String {
    ident.unraw().to_string().trim_matches('_').replace('_', "-").to_ascii_lowercase()
}

/// The token of a field or variant: its name in capitals, without `_`.
pub(crate) fn token(ident: &Ident) -> String {
    ident.unraw().to_string().replace('_', "").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn literal(text: &str) -> Result<Name> {
        Name::from_literal(&LitStr::new(text, Span::call_site()))
    }

    fn ident(text: &str) -> Ident {
        syn::parse_str(text).expect("an identifier")
    }

    #[test]
    fn a_subcommand_is_named_behind_its_container() {
        let name = literal("CLIENT NO-EVICT").expect("a name");
        assert_eq!((name.full(), name.spoken()), ("client|no-evict".into(), "CLIENT NO-EVICT".into()));
        assert_eq!(name.constant(), "CLIENT_NO_EVICT");
        assert_eq!(literal("ACME.INCRCAP").expect("a name").constant(), "ACME_INCRCAP");
    }

    #[test]
    fn names_that_redis_could_not_find_are_refused() {
        for text in ["", "config get", "A B C", "A  B", "GÉT", "A|B"] {
            assert!(literal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn functions_may_be_called_like_keywords() {
        assert_eq!(Name::from_function(&ident("r#type")).expect("a name").name, "TYPE");
        assert_eq!(Name::from_function(&ident("move_")).expect("a name").name, "MOVE");
        let error = Name::from_function(&ident("config_get")).expect_err("ambiguous");
        assert!(error.to_string().contains("CONFIG GET"));
    }

    #[test]
    fn arguments_and_tokens_follow_their_identifiers() {
        assert_eq!(documented(&ident("r#type")), "type");
        assert_eq!(documented(&ident("min_match_len")), "min-match-len");
        assert_eq!(token(&ident("min_match_len")), "MINMATCHLEN");
        assert_eq!(token(&ident("KeepTtl")), "KEEPTTL");
    }
}
