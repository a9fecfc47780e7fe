//! The fields of options: what each takes from the request.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Error, Fields, Ident, LitStr, Type, Visibility, parse_quote};

use crate::arg::{Arg, KeyUse};
use crate::errors::Errors;
use crate::{name, types, words};

/// An option.
pub(super) struct Field {
    pub(super) visibility: Visibility,
    pub(super) ident: Ident,
    pub(super) take: Take,
    /// The word that announces it, unless its type brings its own.
    pub(super) token: LitStr,
    /// Its name in COMMAND DOCS, unless told otherwise.
    pub(super) name: String,
    pub(super) arg: Arg,
    pub(super) key: Option<KeyUse>,
}

/// What an option takes, and how often.
pub(super) enum Take {
    /// `bool`: the token alone.
    Flag,
    /// `Option<T>`: once or not at all.
    Optional(Type),
    /// `Vec<T>`: any number of times. (`Vec<u8>` is one argument, which owns its bytes.)
    Repeated(Type),
    /// `T`: once.
    Required(Type),
}

impl Take {
    fn of(ty: &Type) -> Self {
        if types::is(ty, "bool") {
            Take::Flag
        } else if let Some(inner) = types::inner(ty, "Option") {
            Take::Optional(inner.clone())
        } else if let Some(inner) = types::inner(ty, "Vec").filter(|inner| !types::is(inner, "u8")) {
            Take::Repeated(inner.clone())
        } else {
            Take::Required(ty.clone())
        }
    }

    /// The type that stands behind the token, if any.
    pub(super) fn ty(&self) -> Option<&Type> {
        match self {
            Take::Flag => None,
            Take::Optional(ty) | Take::Repeated(ty) | Take::Required(ty) => Some(ty),
        }
    }
}

impl Field {
    /// Takes the attributes of the fields away, and tells what each takes. `None` if these are no options.
    pub(super) fn read_all(fields: &mut Fields, sequence: bool, errors: &mut Errors) -> Option<Vec<Field>> {
        match fields {
            Fields::Named(fields) if !fields.named.is_empty() => {
                Some(fields.named.iter_mut().filter_map(|field| Field::read(field, sequence, errors)).collect())
            }
            fields => {
                let problem = "options are fields with names: the name is the token";
                errors.push(match fields {
                    Fields::Unnamed(fields) => Error::new_spanned(fields, problem),
                    _ => Error::new(proc_macro2::Span::call_site(), problem),
                });
                None
            }
        }
    }

    fn read(field: &mut syn::Field, sequence: bool, errors: &mut Errors) -> Option<Field> {
        let ident = field.ident.clone()?;
        let take = Take::of(&field.ty);
        if let (true, Take::Repeated(_)) = (sequence, &take) {
            errors.push(Error::new_spanned(&field.ty, "in a sequence, take `Many<_>` or `Rest<_>`"));
        }
        let arg = Arg::take(&mut field.attrs, &words::FIELD, errors);
        if let (Some(text), false) = (&arg.missing, matches!(take, Take::Required(_)) && !sequence) {
            errors.push(Error::new(
                text.span(),
                "`missing` is for options that must be there, of a type without `Option`",
            ));
        }
        if let (Some(text), false) = (&arg.conflict, matches!(take, Take::Optional(_) | Take::Required(_)) && !sequence)
        {
            errors.push(Error::new(text.span(), "`conflict` is for what is said once: an `Option`"));
        }
        let key = key_use(&mut field.attrs, take.ty(), errors);
        let token = arg.token.clone().unwrap_or_else(|| LitStr::new(&name::token(&ident), ident.span()));
        let name = name::documented(&ident);
        Some(Field { visibility: field.vis.clone(), ident, take, token, name, arg, key })
    }

    /// A name for what the first pass keeps of the option, which stands where the type stands.
    pub(super) fn kept(&self) -> Ident {
        format_ident!("kept_{}", self.ident, span = self.span())
    }

    /// The field itself, which also stands where the type stands.
    pub(super) fn member(&self) -> Ident {
        let mut ident = self.ident.clone();
        ident.set_span(self.span());
        ident
    }

    /// A name for what was found, which stands where the type stands.
    pub(super) fn found(&self) -> Ident {
        Ident::new("found", self.span())
    }

    fn span(&self) -> Span {
        self.take.ty().map_or_else(|| self.ident.span(), Spanned::span)
    }

    /// The key specifications that the option brings, as an expression for a list of them.
    pub(super) fn specs(&self, rt: &TokenStream) -> TokenStream {
        match self.take.ty() {
            None => quote!(&[]),
            Some(ty) => specs(rt, &types::anonymous(ty), &self.key, &self.token),
        }
    }

    /// Whether the type's own tokens announce it, as an expression.
    pub(super) fn tokened(&self, rt: &TokenStream, ty: &Type) -> TokenStream {
        match &self.arg.token {
            Some(_) => quote!(false),
            None => types::argument(rt, ty, "TOKENED"),
        }
    }
}

/// What `#[key(..)]` says, which must be said of every key.
pub(super) fn key_use(attributes: &mut Vec<syn::Attribute>, ty: Option<&Type>, errors: &mut Errors) -> Option<KeyUse> {
    let key = KeyUse::take(attributes, errors);
    let is_key = ty.is_some_and(|ty| ["Key", "Keys", "NumKeys"].iter().any(|name| types::is(ty, name)));
    match (key, ty) {
        (Some(key), None) => {
            errors.push(Error::new_spanned(&key.attribute, "`#[key(..)]` is for options that are keys"));
            None
        }
        (None, Some(ty)) if is_key => {
            errors.push(Error::new(
                ty.span(),
                "say how this key is used: `#[key(RO, ACCESS)]`, `#[key(OW, UPDATE)]`, ...",
            ));
            let attribute = parse_quote!(#[key(RO)]);
            Some(KeyUse { flags: Vec::new(), unknown: false, from: None, attribute })
        }
        (key, _) => key,
    }
}

/// The key specifications of what stands behind `token`, as an expression for a list of them.
pub(super) fn specs(rt: &TokenStream, ty: &Type, key: &Option<KeyUse>, token: &LitStr) -> TokenStream {
    let shape = types::argument(rt, ty, "SHAPE");
    match key {
        None => quote!(#rt::own_specs(#shape)),
        Some(key) if key.unknown => {
            let flags = key.value(rt);
            quote!(&[#rt::KeySpec { flags: #flags, begin: #rt::Begin::Unknown(None), find: #rt::Find::Unknown }])
        }
        Some(key) => {
            let (flags, from) = (key.value(rt), types::option(key.from));
            quote!(&[#rt::spec_behind_token(#shape, #flags, #token, #from)])
        }
    }
}

/// The constants that both kinds of options have: the key specifications, as `KEYS`.
pub(super) fn spec_constants(rt: &TokenStream, specs: &[TokenStream]) -> TokenStream {
    let n = specs.len();
    quote! {
        const SPECS: [&[#rt::KeySpec]; #n] = [#(#specs),*];
        const KEYS: [#rt::KeySpec; #rt::total_specs(&SPECS)] = #rt::all_specs(&SPECS);
    }
}

/// How many key specifications come before those of option `i`, as an expression.
pub(super) fn specs_before(rt: &TokenStream, i: usize) -> TokenStream {
    quote!(#rt::total_specs(SPECS.split_at(#i).0))
}
