//! `#[data_type]`: from an implementation of `DataType` to an entry in the list of data types.
//!
//! The implementation stays as it is. Beside it come the type's name and version, and the entry. Only the outside of the
//! `impl` is read: what is inside is the compiler's matter.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Generics, LitInt, LitStr, Path, Result, Token, Type, parse2};

use crate::errors::Errors;
use crate::parse::{self, WordReader};
use crate::{types, words};

/// How many characters a name has.
const NAME_LEN: usize = 9;

/// The largest version: it is saved in ten bits.
const VERSION_MAX: u16 = 1023;

/// A name that Redis keeps for itself.
const RESERVED: &str = "AAAAAAAAA";

/// Expands `#[data_type(attribute)] item`.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let attribute = errors.check(parse2::<DataTypeAttribute>(attribute));
    let outside = errors.check(parse2::<Outside>(item.clone()));
    if let Some(Outside { generic: Some(generic), .. }) = outside {
        // Without the implementation, or the compiler would ask for the bounds of a trait that cannot be implemented.
        errors.push(generic);
        return errors.into_tokens();
    }
    match (attribute, outside) {
        (Some(DataTypeAttribute { name, version, root }), Some(Outside { attributes, ty, .. })) => {
            let rt = types::runtime(root.as_ref());
            let cfg = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect::<Vec<_>>();
            let (named, def) = (types::located(quote!(#rt::Named), ty.span()), quote!(#rt::DataTypeDef));
            let implementation = quote_spanned!(ty.span()=> impl #named for #ty);
            quote! {
                #item

                #(#cfg)*
                #implementation {
                    const NAME: &'static str = #name;
                    const VERSION: u16 = #version;
                }

                #(#cfg)*
                const _: () = {
                    #rt::inventory::submit! { #def::of::<#ty>() }
                };
            }
        }
        (attribute, outside) => {
            // A name all the same, so that it does not seem to be missing as well.
            let named = outside.map(|Outside { ty, .. }| {
                let rt = types::runtime(attribute.and_then(|attribute| attribute.root).as_ref());
                quote!(impl #rt::Named for #ty { const NAME: &'static str = ""; const VERSION: u16 = 0; })
            });
            let errors = errors.into_tokens();
            quote!(#errors #item #named)
        }
    }
}

/// `name = "acme-bckt", version = 1`
struct DataTypeAttribute {
    name: LitStr,
    version: u16,
    root: Option<Path>,
}

impl Parse for DataTypeAttribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version, mut root) = (None, None, None);
        let mut reader = WordReader::new(&words::DATA_TYPE);
        parse::comma_separated(input, |input| {
            let word = reader.read(input)?;
            match word.to_string().as_str() {
                "name" => name = Some(type_name(input)?),
                "version" => version = Some(encoding_version(input)?),
                _ => root = Some(parse::crate_path(input)?),
            }
            Ok(())
        })?;
        let missing = |what: &str| Error::new(Span::call_site(), format!("a data type must say {what}"));
        Ok(DataTypeAttribute {
            name: name.ok_or_else(|| missing("`name = \"..\"`: nine characters, under which its values are saved"))?,
            version: version.ok_or_else(|| missing("`version = 1`: the version of what it saves"))?,
            root,
        })
    }
}

/// `= "acme-bckt"`
fn type_name(input: ParseStream<'_>) -> Result<LitStr> {
    let literal = parse::text(input)?;
    let name = literal.value();
    let problem = if let Some(other) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_".contains(*c)) {
        format!("`{other}` cannot be in the name of a data type: it consists of letters, digits, `-` and `_`")
    } else if name.len() != NAME_LEN {
        let len = name.len();
        format!("the name of a data type has nine characters, as the id of a Redis module's type; this one has {len}")
    } else if name == RESERVED {
        "this name is reserved by Redis".into()
    } else {
        return Ok(literal);
    };
    Err(Error::new(literal.span(), problem))
}

/// `= 1`
fn encoding_version(input: ParseStream<'_>) -> Result<u16> {
    input.parse::<Token![=]>()?;
    let literal: LitInt = input.parse()?;
    let version = literal.base10_parse::<u16>().ok().filter(|version| *version <= VERSION_MAX);
    version.ok_or_else(|| Error::new(literal.span(), format!("a version is a number from 0 to {VERSION_MAX}")))
}

/// `impl DataType for Bucket`, whatever is inside.
struct Outside {
    attributes: Vec<Attribute>,
    ty: Type,
    /// What is wrong with it if it is generic.
    generic: Option<Error>,
}

impl Parse for Outside {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        const WANTED: &str = "`#[data_type]` belongs on an `impl DataType for ..`";
        let attributes = input.call(Attribute::parse_outer)?;
        if !input.peek(Token![impl]) {
            return Err(input.error(WANTED));
        }
        input.parse::<Token![impl]>()?;
        let generics: Generics = input.parse()?;
        let problem = "a data type cannot be generic: it has one name, so it is one type";
        let generic = generics.params.first().map(|generic| Error::new_spanned(generic, problem));
        let implemented: Type = input.parse()?;
        if !types::is(&implemented, "DataType") || !input.peek(Token![for]) {
            return Err(Error::new_spanned(implemented, WANTED));
        }
        input.parse::<Token![for]>()?;
        let ty = input.parse()?;
        while !input.is_empty() {
            input.parse::<TokenTree>()?;
        }
        Ok(Outside { attributes, ty, generic })
    }
}
