//! `#[arg(..)]` and `#[key(..)]`: what the type of a parameter, field or variant cannot say.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, LitInt, LitStr, Result, Token, Type};

use crate::errors::Errors;
use crate::parse::{self, WordReader};
use crate::types;
use crate::words::{self, Words};

/// What `#[arg(..)]` says. Which of the words may be used depends on the place.
#[derive(Default)]
pub(crate) struct Arg {
    /// The name in COMMAND DOCS.
    pub(crate) name: Option<LitStr>,
    /// The names of its parts.
    names: Vec<LitStr>,
    since: Option<LitStr>,
    deprecated_since: Option<LitStr>,
    /// The word that announces it.
    pub(crate) token: Option<LitStr>,
    /// The text that replaces its errors.
    pub(crate) error: Option<LitStr>,
    /// The error for two members of a choice.
    pub(crate) conflict: Option<LitStr>,
    /// The error if it is not there.
    pub(crate) missing: Option<LitStr>,
    optional: bool,
    multiple: bool,
    key_spec: Option<LitInt>,
}

impl Arg {
    /// Takes the `#[arg(..)]` attributes away and reads them.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, words: &'static Words, errors: &mut Errors) -> Self {
        let mut arg = Arg::default();
        let mut reader = WordReader::new(words);
        for attribute in take(attributes, "arg") {
            let read = parse::attribute(&attribute, |input| {
                let word = reader.read(input)?;
                arg.read(&word, input)
            });
            errors.check(read);
        }
        arg
    }

    fn read(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<()> {
        match word.to_string().as_str() {
            "name" => self.name = Some(parse::text(input)?),
            "names" => self.names = parse::texts(input)?,
            "since" => self.since = Some(parse::version(input)?),
            "deprecated_since" => self.deprecated_since = Some(parse::version(input)?),
            "token" => self.token = Some(parse::text(input)?),
            "error" => self.error = Some(error_text(input)?),
            "conflict" => self.conflict = Some(error_text(input)?),
            "missing" => self.missing = Some(error_text(input)?),
            "optional" => self.optional = true,
            "multiple" => self.multiple = true,
            _ => {
                input.parse::<Token![=]>()?;
                self.key_spec = Some(input.parse()?);
            }
        }
        Ok(())
    }

    /// Whether the parts have names.
    pub(crate) fn names_parts(&self) -> bool {
        !self.names.is_empty()
    }

    /// The name of part `i`, if the parts have names.
    pub(crate) fn part_name(&self, i: usize) -> Option<String> {
        self.names.get(i).map(LitStr::value)
    }

    /// The documentation of an argument of type `ty`. `specs` is an expression for the number of key specifications
    /// that come before its own.
    pub(crate) fn doc(&self, rt: &TokenStream, ty: &Type, specs: &impl ToTokens, default_name: &str) -> TokenStream {
        let names = &self.names;
        let words = self.doc_words();
        let named = match &self.name {
            Some(name) => quote!(.named(#name)),
            None => quote!(.named_by_default(#default_name)),
        };
        let doc = types::argument(rt, ty, "DOC");
        // A refusal of the names belongs at the type that has parts.
        let child_docs = types::located(quote!(#rt::child_docs), ty.span());
        let children = quote_spanned!(ty.span()=> #child_docs(DOC, #specs, &[#(#names),*]));
        quote! {{
            const DOC: #rt::ArgDoc = #doc;
            const CHILDREN: [#rt::ArgDoc; DOC.children.len()] = #children;
            #rt::argument_doc(DOC, #specs, &CHILDREN) #named #words
        }}
    }

    /// The words that only concern the documentation, as calls to put behind it.
    pub(crate) fn doc_words(&self) -> TokenStream {
        let mut words = TokenStream::new();
        if let Some(version) = &self.since {
            words.extend(quote!(.since(#version)));
        }
        if let Some(version) = &self.deprecated_since {
            words.extend(quote!(.deprecated_since(#version)));
        }
        if self.optional {
            words.extend(quote!(.optional()));
        }
        if self.multiple {
            words.extend(quote!(.multiple()));
        }
        if let Some(index) = &self.key_spec {
            words.extend(quote!(.key_spec(#index)));
        }
        words
    }

    /// What to put behind a step of a pass, so that the argument's own text replaces the error.
    pub(crate) fn reworded(&self, rt: &TokenStream, command: &TokenStream) -> TokenStream {
        match &self.error {
            Some(text) => quote!(.map_err(|error| #rt::reworded(error, #command, #text))),
            None => TokenStream::new(),
        }
    }
}

/// The text of an error, which begins with its code.
fn error_text(input: ParseStream<'_>) -> Result<LitStr> {
    let literal = parse::text(input)?;
    let text = literal.value();
    let code = text.split(' ').next().unwrap_or_default();
    if code.len() < text.len() && !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(literal)
    } else {
        Err(Error::new(literal.span(), format!("an error begins with its code: `\"ERR {text}\"`")))
    }
}

/// What `#[key(..)]` says.
pub(crate) struct KeyUse {
    /// `RO`, `ACCESS`, ...
    pub(crate) flags: Vec<Ident>,
    /// Not this argument is a key, but others that depend on it.
    pub(crate) unknown: bool,
    /// Where clients begin to search for its token.
    pub(crate) from: Option<i16>,
    /// The attribute, for errors.
    pub(crate) attribute: Attribute,
}

impl KeyUse {
    /// Takes the `#[key(..)]` attribute away and reads it.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Self> {
        let mut found = take(attributes, "key").into_iter();
        let attribute = found.next()?;
        if let Some(second) = found.next() {
            errors.push(Error::new_spanned(second, "`#[key(..)]` is said twice"));
        }
        let mut key = KeyUse { flags: Vec::new(), unknown: false, from: None, attribute: attribute.clone() };
        let read = parse::attribute(&attribute, |input| key.read(input));
        errors.check(read);
        Some(key)
    }

    fn read(&mut self, input: ParseStream<'_>) -> Result<()> {
        let word: Ident = input.parse()?;
        if word == "unknown" {
            self.unknown = true;
        } else if word == "from" {
            self.from = Some(parse::number(input)?);
        } else {
            words::KEY_FLAGS.check(&word)?;
            self.flags.push(word);
        }
        Ok(())
    }

    /// Refuses what only an option's key can say.
    pub(crate) fn check_parameter(&self) -> Result<()> {
        if self.unknown || self.from.is_some() {
            return Err(Error::new_spanned(&self.attribute, "`unknown` and `from` are for the keys among options"));
        }
        Ok(())
    }

    /// The flags as a value.
    pub(crate) fn value(&self, rt: &TokenStream) -> TokenStream {
        union(&quote!(#rt::KeyFlags), &self.flags)
    }
}

/// Named bits of `set`, together.
pub(crate) fn union(set: &TokenStream, names: &[Ident]) -> TokenStream {
    let mut names = names.iter();
    let first = names.next().map_or_else(|| quote!(#set::NONE), |name| quote!(#set::#name));
    quote!(#first #(.union(#set::#names))*)
}

/// Takes the attributes of that name away.
fn take(attributes: &mut Vec<Attribute>, name: &str) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| attribute.path().is_ident(name)).collect()
}
