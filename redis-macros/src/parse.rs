//! The small pieces that all attributes are made of.

use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Ident, LitBool, LitInt, LitStr, Path, Result, Token, parenthesized};

use crate::words::Words;

/// A word that has been read, and the words that may be read.
pub(crate) struct WordReader {
    words: &'static Words,
    seen: Vec<String>,
}

impl WordReader {
    pub(crate) fn new(words: &'static Words) -> Self {
        WordReader { words, seen: Vec::new() }
    }

    /// Reads a word that is known and was not read before.
    pub(crate) fn read(&mut self, input: ParseStream<'_>) -> Result<Ident> {
        let word = input.call(Ident::parse_any)?;
        self.words.check(&word)?;
        if self.seen.iter().any(|seen| word == seen) {
            return Err(Error::new(word.span(), format!("`{word}` is said twice")));
        }
        self.seen.push(word.to_string());
        Ok(word)
    }
}

/// Reads items to the end, with commas between them.
pub(crate) fn comma_separated(
    input: ParseStream<'_>,
    mut item: impl FnMut(ParseStream<'_>) -> Result<()>,
) -> Result<()> {
    while !input.is_empty() {
        item(input)?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

/// Reads the inside of an attribute such as `#[arg(..)]`.
pub(crate) fn attribute(attribute: &Attribute, item: impl FnMut(ParseStream<'_>) -> Result<()>) -> Result<()> {
    let tokens = attribute.meta.require_list()?.tokens.clone();
    let mut item = Some(item);
    let parser = move |input: ParseStream<'_>| match item.take() {
        Some(item) => comma_separated(input, item),
        None => Ok(()),
    };
    parser.parse2(tokens)
}

/// `= ".."`
pub(crate) fn text(input: ParseStream<'_>) -> Result<LitStr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// `= "1.0.0"`
pub(crate) fn version(input: ParseStream<'_>) -> Result<LitStr> {
    let literal = text(input)?;
    check_version(&literal)?;
    Ok(literal)
}

/// Refuses what does not look like `7.0.0`.
pub(crate) fn check_version(literal: &LitStr) -> Result<()> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if literal.value().split('.').all(is_number) {
        Ok(())
    } else {
        Err(Error::new(literal.span(), "this is not a version: write it as in `\"7.0.0\"`"))
    }
}

/// `= true`
pub(crate) fn boolean(input: ParseStream<'_>) -> Result<LitBool> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// `= 3`, `= -3`
pub(crate) fn number(input: ParseStream<'_>) -> Result<i16> {
    input.parse::<Token![=]>()?;
    let negative = input.parse::<Option<Token![-]>>()?.is_some();
    let number: i16 = input.parse::<LitInt>()?.base10_parse()?;
    Ok(if negative { -number } else { number })
}

/// `= some::path`
pub(crate) fn path(input: ParseStream<'_>) -> Result<Path> {
    input.parse::<Token![=]>()?;
    input.call(Path::parse_mod_style)
}

/// `= "some::path"`, as the attributes of other crates spell the path of their runtime.
pub(crate) fn crate_path(input: ParseStream<'_>) -> Result<Path> {
    text(input)?.parse_with(Path::parse_mod_style)
}

/// `(ONE, TWO)`
pub(crate) fn list(input: ParseStream<'_>, words: &Words) -> Result<Vec<Ident>> {
    let content;
    parenthesized!(content in input);
    let mut found: Vec<Ident> = Vec::new();
    for word in Punctuated::<Ident, Token![,]>::parse_terminated(&content)? {
        words.check(&word)?;
        if found.contains(&word) {
            return Err(Error::new(word.span(), format!("`{word}` is said twice")));
        }
        found.push(word);
    }
    Ok(found)
}

/// `("one", "two")`
pub(crate) fn texts(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

/// `("7.0.0" = "What changed.", ..)`
pub(crate) fn history(input: ParseStream<'_>) -> Result<Vec<(LitStr, LitStr)>> {
    let content;
    parenthesized!(content in input);
    let mut history = Vec::new();
    comma_separated(&content, |input| {
        let since: LitStr = input.parse()?;
        check_version(&since)?;
        history.push((since, text(input)?));
        Ok(())
    })?;
    Ok(history)
}
