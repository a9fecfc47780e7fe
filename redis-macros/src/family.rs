//! `family!` and `container!`: the declarations that are not functions.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Path, Result, Token};

use crate::arg::union;
use crate::name::Name;
use crate::parse::{self, WordReader};
use crate::{types, words};

/// `family!("string", acl = STRING)`
struct Family {
    group: LitStr,
    acl: Vec<Ident>,
    root: Option<Path>,
}

impl Parse for Family {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let group: LitStr = input.parse()?;
        if group.value().is_empty() || group.value().contains(|c: char| c.is_ascii_uppercase() || c.is_whitespace()) {
            return Err(Error::new(group.span(), "a group is one word in lower case, as COMMAND DOCS shows it"));
        }
        input.parse::<Option<Token![,]>>()?;
        let mut family = Family { group, acl: Vec::new(), root: None };
        let mut reader = WordReader::new(&words::FAMILY);
        parse::comma_separated(input, |input| {
            if reader.read(input)? == "acl" {
                family.acl = alternatives(input)?;
            } else {
                family.root = Some(parse::crate_path(input)?);
            }
            Ok(())
        })?;
        Ok(family)
    }
}

/// `= ONE | TWO`
fn alternatives(input: ParseStream<'_>) -> Result<Vec<Ident>> {
    input.parse::<Token![=]>()?;
    let mut found = Vec::new();
    loop {
        let category = input.call(Ident::parse_any)?;
        words::CATEGORIES.check(&category)?;
        found.push(category);
        if input.parse::<Option<Token![|]>>()?.is_none() {
            return Ok(found);
        }
    }
}

/// Expands `family!`. A declaration that is refused still makes a family, so that its commands do not miss it.
pub(crate) fn expand_family(input: TokenStream) -> TokenStream {
    let (family, error) = match syn::parse2(input) {
        Ok(family) => (family, None),
        Err(error) => {
            let group = LitStr::new("", Span::call_site());
            (Family { group, acl: Vec::new(), root: None }, Some(error.into_compile_error()))
        }
    };
    let rt = types::runtime(family.root.as_ref());
    let group = &family.group;
    let acl = union(&quote!(#rt::Categories), &family.acl);
    let doc = format!("The family of the commands in this module: group `{}`.", group.value());
    quote! {
        #error
        #[doc = #doc]
        static FAMILY: #rt::Family = #rt::Family { group: #group, acl: #acl };
    }
}

/// `container!("CONFIG", since = "2.0.0", "A container for server configuration commands.")`
struct Container {
    name: String,
    summary: String,
    since: LitStr,
    flags: Vec<Ident>,
    acl: Vec<Ident>,
    /// HELP, unless the container has none.
    help: Option<Help>,
    root: Option<Path>,
}

/// The subcommand that every container has.
struct Help {
    since: LitStr,
    flags: Vec<Ident>,
    acl: Vec<Ident>,
}

impl Parse for Container {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = Name::single(&input.parse()?)?.name;
        input.parse::<Option<Token![,]>>()?;
        let (mut summary, mut since, mut flags, mut acl, mut root) = (None, None, Vec::new(), Vec::new(), None);
        let (mut help, mut help_since, mut help_acl) = (true, None, Vec::new());
        let mut help_flags = ["LOADING", "STALE"].map(|flag| Ident::new(flag, Span::call_site())).to_vec();
        let mut reader = WordReader::new(&words::CONTAINER);
        parse::comma_separated(input, |input| {
            if input.peek(LitStr) {
                let literal: LitStr = input.parse()?;
                return match summary.replace(literal.clone()) {
                    None => Ok(()),
                    Some(_) => Err(Error::new(literal.span(), "a container has one summary")),
                };
            }
            match reader.read(input)?.to_string().as_str() {
                "since" => since = Some(parse::version(input)?),
                "flags" => flags = parse::list(input, &words::FLAGS)?,
                "acl" => acl = parse::list(input, &words::CATEGORIES)?,
                "help" => help = parse::boolean(input)?.value,
                "help_since" => help_since = Some(parse::version(input)?),
                "help_flags" => help_flags = parse::list(input, &words::FLAGS)?,
                "help_acl" => help_acl = parse::list(input, &words::CATEGORIES)?,
                _ => root = Some(parse::crate_path(input)?),
            }
            Ok(())
        })?;
        let missing = |what| Error::new(Span::call_site(), format!("a container must say {what}"));
        let since = since.ok_or_else(|| missing("`since = \"..\"`, the version that brought it"))?;
        let summary: LitStr = summary.ok_or_else(|| missing("in a literal what its subcommands are for"))?;
        let help_since = help_since.unwrap_or_else(|| since.clone());
        let help = help.then_some(Help { since: help_since, flags: help_flags, acl: help_acl });
        Ok(Container { name, summary: summary.value(), since, flags, acl, help, root })
    }
}

/// Expands `container!`.
pub(crate) fn expand_container(input: TokenStream) -> TokenStream {
    match syn::parse2::<Container>(input) {
        Ok(container) => container.expand(),
        Err(error) => error.into_compile_error(),
    }
}

impl Container {
    fn expand(&self) -> TokenStream {
        let rt = &types::runtime(self.root.as_ref());
        let Container { name, summary, since, flags, acl, .. } = self;
        let container = Entry {
            name,
            container: None,
            full_name: name.to_ascii_lowercase(),
            arity: -2,
            flags,
            acl,
            run: quote!(#rt::Run::Container),
            summary,
            since,
            complexity: "Depends on subcommand.",
        };
        let help = self.help.as_ref().map(|help| Entry {
            name: "HELP",
            container: Some(name),
            full_name: format!("{}|help", name.to_ascii_lowercase()),
            arity: 2,
            flags: &help.flags,
            acl: &help.acl,
            run: quote!(#rt::Run::Sync(#rt::help)),
            summary: "Returns helpful text about the different subcommands.",
            since: &help.since,
            complexity: "O(1)",
        });
        let entries = [Some(container), help].into_iter().flatten().map(|entry| entry.submit(rt));
        quote!(const _: () = { #(#entries)* };)
    }
}

/// An entry in the list of commands that has no keys and no arguments.
struct Entry<'a> {
    name: &'a str,
    container: Option<&'a str>,
    full_name: String,
    arity: i16,
    flags: &'a [Ident],
    acl: &'a [Ident],
    run: TokenStream,
    summary: &'a str,
    since: &'a LitStr,
    complexity: &'a str,
}

impl Entry<'_> {
    fn submit(&self, rt: &TokenStream) -> TokenStream {
        let Entry { name, full_name, arity, run, summary, since, complexity, .. } = self;
        let container = types::option(self.container);
        let flags = union(&quote!(#rt::Flags), self.flags);
        let acl = union(&quote!(#rt::Categories), self.acl);
        quote! {
            #rt::inventory::submit! {
                #rt::CommandDef {
                    name: #name,
                    container: #container,
                    full_name: #full_name,
                    family: &FAMILY,
                    arity: #arity,
                    flags: #flags,
                    acl: #acl,
                    keys: &[],
                    access: #rt::Access::None,
                    run: #run,
                    reply: #rt::Schema::Array(&#rt::Schema::Status),
                    docs: #rt::Docs {
                        summary: #summary,
                        since: #since,
                        complexity: #complexity,
                        history: &[],
                        deprecated_since: ::core::option::Option::None,
                        replaced_by: ::core::option::Option::None,
                        tips: &[],
                        arguments: &[],
                    },
                }
            }
        }
    }
}
