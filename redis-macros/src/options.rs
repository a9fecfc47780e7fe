//! `#[derive(Options)]`: options as types.
//!
//! A struct is a set of options in any order, an enum is a choice between tokens. Both become an `Argument` with its
//! two passes, its place in COMMAND DOCS and its key specifications. Beside the type comes a second one, `..Raw`, which
//! holds what the first pass found; a `check` function sees that.

mod choice;
mod fields;
mod group;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Generics, Ident, Lifetime, Path, Type, Visibility};

use crate::errors::Errors;
use crate::parse::{self, WordReader};
use crate::{types, words};

/// Expands `#[derive(Options)]`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let manner = Manner::take(&mut input.attrs, &mut errors);
    let target = Target::new(&input, &mut errors);
    let expanded = match (&mut input.data, target) {
        (Data::Struct(data), Some(target)) => group::expand(&target, &manner, &mut data.fields, &mut errors),
        (Data::Enum(data), Some(target)) => choice::expand(&target, &manner, &mut data.variants, &mut errors),
        (Data::Union(data), _) => {
            errors
                .push(Error::new(data.union_token.span, "options are a struct (any of them) or an enum (one of them)"));
            None
        }
        (_, None) => None,
    };
    // Without an implementation every use of the type would be one more error.
    let expanded = expanded.unwrap_or_else(|| stand_in(&input.ident, &input.generics, &manner.runtime()));
    let errors = errors.into_tokens();
    quote!(#errors #expanded)
}

/// What `#[options(..)]` says.
#[derive(Default)]
struct Manner {
    /// The function that refuses what does not go together.
    check: Option<Path>,
    /// No option may be said again.
    once: bool,
    /// The fields must come in the order of their declaration.
    order: bool,
    /// The fields are positional arguments, not options.
    sequence: bool,
    /// They can be written back as arguments.
    to_args: bool,
    /// The path of the runtime.
    root: Option<Path>,
}

impl Manner {
    fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut manner = Manner::default();
        let mut reader = WordReader::new(&words::OPTIONS);
        for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("options")) {
            let read = parse::attribute(&attribute, |input| {
                match reader.read(input)?.to_string().as_str() {
                    "check" => manner.check = Some(parse::path(input)?),
                    "once" => manner.once = true,
                    "order" => manner.order = true,
                    "sequence" => manner.sequence = true,
                    "to_args" => manner.to_args = true,
                    _ => manner.root = Some(parse::crate_path(input)?),
                }
                Ok(())
            });
            errors.check(read);
        }
        manner
    }

    fn runtime(&self) -> TokenStream {
        types::runtime(self.root.as_ref())
    }

    /// The implementation that writes the options back, if it is wanted; `body` adds arguments to `effect`.
    fn to_args(&self, target: &Target, body: TokenStream) -> Option<TokenStream> {
        let (rt, Target { lifetime, ty, .. }) = (self.runtime(), target);
        self.to_args.then(|| {
            quote! {
                #[automatically_derived]
                impl<#lifetime> #rt::ToArgs for #ty {
                    #[allow(unused_variables)]
                    fn to_args(&self, effect: &mut #rt::EffectArgs) {
                        #body
                    }
                }
            }
        })
    }

    /// The call of the check function on `raw`.
    fn check_call(&self) -> Option<TokenStream> {
        self.check.as_ref().map(|check| quote!(#check(raw)?;))
    }
}

/// The type that becomes an argument.
struct Target {
    visibility: Visibility,
    ident: Ident,
    /// The type that holds what the first pass found.
    raw: Ident,
    /// The lifetime of the request: the type's own, if it borrows.
    lifetime: Lifetime,
    /// The type as the implementation names it.
    ty: TokenStream,
}

impl Target {
    fn new(input: &DeriveInput, errors: &mut Errors) -> Option<Self> {
        let ident = &input.ident;
        let unsupported = input.generics.type_params().map(|param| &param.ident);
        if let Some(param) = unsupported.chain(input.generics.const_params().map(|param| &param.ident)).next() {
            errors.push(Error::new(param.span(), "options cannot be generic: their types are part of a declaration"));
            return None;
        }
        let mut lifetimes = input.generics.lifetimes().map(|param| &param.lifetime);
        let own = lifetimes.next();
        if let Some(second) = lifetimes.next() {
            errors.push(Error::new(second.span(), "options borrow from one thing only, the request: use one lifetime"));
            return None;
        }
        Some(Target {
            visibility: input.vis.clone(),
            raw: format_ident!("{ident}Raw"),
            lifetime: own.cloned().unwrap_or_else(|| Lifetime::new("'__request", Span::call_site())),
            ty: own.map_or_else(|| quote!(#ident), |own| quote!(#ident<#own>)),
            ident: ident.clone(),
        })
    }

    /// The documentation of the type that holds what the first pass found.
    fn raw_doc(&self) -> String {
        format!("What the shape pass keeps of a [`{}`].", self.ident)
    }
}

/// An implementation that is never used, for a type whose declaration is refused.
fn stand_in(ident: &Ident, generics: &Generics, rt: &TokenStream) -> TokenStream {
    let (params, (_, ty, bounds)) = (generics.params.iter(), generics.split_for_impl());
    quote! {
        const _: () = {
            impl<'__request, #(#params),*> #rt::Argument<'__request> for #ident #ty #bounds {
                type Raw = ();
                const SHAPE: #rt::Shape = #rt::Shape::exactly(0);
                const DOC: #rt::ArgDoc = #rt::ArgDoc::new(#rt::ArgKind::Inline);

                fn shape(_: &mut #rt::Cursor<'__request>) -> #rt::Result<()> {
                    Err(#rt::Error::SYNTAX)
                }

                fn value(_: (), _: &#rt::Context) -> #rt::Result<Self> {
                    Err(#rt::Error::SYNTAX)
                }
            }
        };
    }
}

/// A call of a function of a part's implementation of `Argument`.
fn call(rt: &TokenStream, ty: &Type, function: &str, arguments: TokenStream) -> TokenStream {
    let function = types::argument(rt, ty, function);
    quote_spanned!(ty.span()=> #function(#arguments))
}
