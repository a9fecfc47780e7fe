//! An enum of options: one of them, told by its token.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Error, Fields, Ident, LitStr, Token, Type};

use super::fields::{key_use, spec_constants, specs, specs_before};
use super::{Manner, Target, call};
use crate::arg::{Arg, KeyUse};
use crate::errors::Errors;
use crate::{name, types, words};

/// Expands the derive for an enum.
pub(super) fn expand(
    target: &Target,
    manner: &Manner,
    variants: &mut Punctuated<syn::Variant, Token![,]>,
    errors: &mut Errors,
) -> Option<TokenStream> {
    if variants.is_empty() {
        errors.push(Error::new(target.ident.span(), "a choice needs something to choose: a variant for each token"));
        return None;
    }
    if manner.order || manner.sequence {
        errors.push(Error::new(
            target.ident.span(),
            "`order` and `sequence` are for structs: an enum is one of its variants",
        ));
    }
    let members = variants.iter_mut().map(|variant| Member::read(variant, errors)).collect();
    let choice = Choice { target, manner, members, rt: manner.runtime() };
    Some(choice.expand())
}

/// One of the variants: a token, and what stands behind it.
struct Member {
    ident: Ident,
    token: LitStr,
    /// The types behind the token, each with its name in COMMAND DOCS if it has one.
    parts: Vec<(Type, Option<String>)>,
    /// The names of the fields, for a variant that has some.
    fields: Option<Vec<Ident>>,
    arg: Arg,
    key: Option<KeyUse>,
}

impl Member {
    fn read(variant: &mut syn::Variant, errors: &mut Errors) -> Member {
        let ident = variant.ident.clone();
        let arg = Arg::take(&mut variant.attrs, &words::VARIANT, errors);
        let fields = match &variant.fields {
            Fields::Named(fields) => Some(fields.named.iter().filter_map(|field| field.ident.clone()).collect()),
            _ => None,
        };
        let parts: Vec<(Type, Option<String>)> =
            variant.fields.iter().map(|field| (field.ty.clone(), field.ident.as_ref().map(name::documented))).collect();
        if parts.len() > 1 && fields.is_none() && !arg.names_parts() {
            errors.push(Error::new_spanned(
                &variant.fields,
                "name the parts, for COMMAND DOCS: use named fields, or `#[arg(names(\"..\", \"..\"))]`",
            ));
        }
        let only = if let [(ty, _)] = &parts[..] { Some(ty) } else { None };
        let key = key_use(&mut variant.attrs, only, errors);
        let token = arg.token.clone().unwrap_or_else(|| LitStr::new(&name::token(&ident), ident.span()));
        Member { ident, token, parts, fields, arg, key }
    }

    /// The variant of `ty` with the given contents, as a pattern or an expression.
    fn with(&self, ty: &TokenStream, contents: &[TokenStream]) -> TokenStream {
        let ident = &self.ident;
        match &self.fields {
            Some(fields) => quote!(#ty::#ident { #(#fields: #contents),* }),
            None if contents.is_empty() => quote!(#ty::#ident),
            None => quote!(#ty::#ident(#(#contents),*)),
        }
    }

    /// Names for the contents.
    fn places(&self) -> Vec<TokenStream> {
        (0..self.parts.len()).map(|i| format_ident!("part{i}")).map(|ident| quote!(#ident)).collect()
    }
}

struct Choice<'t> {
    target: &'t Target,
    manner: &'t Manner,
    members: Vec<Member>,
    rt: TokenStream,
}

impl Choice<'_> {
    fn expand(&self) -> TokenStream {
        let rt = &self.rt;
        let Target { lifetime, ty, .. } = self.target;
        // Tokens alone need no second pass, so the type itself can be what the first one keeps.
        let only_tokens = self.members.iter().all(|member| member.parts.is_empty());
        let (definition, raw, value) = if only_tokens {
            (None, quote!(#ty), quote!(Ok(raw)))
        } else {
            let raw = &self.target.raw;
            (Some(self.raw_definition()), quote!(#raw<#lifetime>), self.value_pass())
        };
        let specs: Vec<_> = self.members.iter().map(|member| self.member_specs(member)).collect();
        let specs = spec_constants(rt, &specs);
        let children = self.members.iter().enumerate().map(|(i, member)| self.child(i, member));
        let shapes = self.members.iter().map(|member| {
            let parts = member.parts.iter().map(|(ty, _)| types::argument(rt, ty, "SHAPE"));
            quote!(#rt::in_sequence(&[#(#parts),*]))
        });
        let tries = self.members.iter().map(|member| self.try_member(member, only_tokens));
        let to_args = self.manner.to_args(self.target, self.written());
        let (checks, together) = (self.checks(only_tokens), self.manner.check_call());
        quote! {
            #definition

            #[allow(unused_qualifications, clippy::all)]
            const _: () = {
                #specs
                const CHILDREN: &[#rt::ArgDoc] = &[#(#children),*];

                #[automatically_derived]
                impl<#lifetime> #rt::Argument<#lifetime> for #ty {
                    type Raw = #raw;
                    const SHAPE: #rt::Shape = #rt::one_of(&[#(#shapes),*], &KEYS);
                    const DOC: #rt::ArgDoc = #rt::ArgDoc::of(#rt::ArgKind::OneOf, CHILDREN);
                    const TOKENED: bool = true;

                    fn shape(cursor: &mut #rt::Cursor<#lifetime>) -> #rt::Result<Self::Raw> {
                        <Self as #rt::Argument<#lifetime>>::try_shape(cursor)?.ok_or(#rt::Error::SYNTAX)
                    }

                    fn try_shape(
                        cursor: &mut #rt::Cursor<#lifetime>,
                    ) -> #rt::Result<::core::option::Option<Self::Raw>> {
                        #(#tries)*
                        Ok(None)
                    }

                    fn check_shape(raw: &Self::Raw) -> #rt::Result<()> {
                        #checks
                        #together
                        Ok(())
                    }

                    #[allow(unused_variables)]
                    fn value(raw: Self::Raw, context: &#rt::Context) -> #rt::Result<Self> {
                        #value
                    }
                }

                #to_args
            };
        }
    }

    /// The enum that holds what the first pass found.
    fn raw_definition(&self) -> TokenStream {
        let rt = &self.rt;
        let Target { visibility, raw, lifetime, .. } = self.target;
        let doc = self.target.raw_doc();
        let variants = self.members.iter().map(|member| {
            let ident = &member.ident;
            let parts: Vec<_> =
                member.parts.iter().map(|(ty, _)| types::argument_for(rt, ty, lifetime, "Raw")).collect();
            match &member.fields {
                Some(fields) => quote!(#ident { #(#fields: #parts),* }),
                None if parts.is_empty() => quote!(#ident),
                None => quote!(#ident(#(#parts),*)),
            }
        });
        quote! {
            #[doc = #doc]
            #[allow(missing_docs)]
            #visibility enum #raw<#lifetime> { #(#variants),* }
        }
    }

    fn member_specs(&self, member: &Member) -> TokenStream {
        let rt = &self.rt;
        match &member.parts[..] {
            [] => quote!(&[]),
            [(ty, _), ..] => specs(rt, &types::anonymous(ty), &member.key, &member.token),
        }
    }

    /// The documentation of a member.
    fn child(&self, i: usize, member: &Member) -> TokenStream {
        let rt = &self.rt;
        let Member { token, parts, arg, .. } = member;
        let name = token.value().to_ascii_lowercase();
        let specs = specs_before(rt, i);
        let doc = match &parts[..] {
            [(ty, _)] => arg.doc(rt, &types::anonymous(ty), &specs, &name),
            parts => {
                let kind = if parts.is_empty() { quote!(PureToken) } else { quote!(Block) };
                let docs = parts.iter().enumerate().map(|(i, (ty, name))| {
                    let name = arg.part_name(i).or_else(|| name.clone()).unwrap_or_default();
                    let doc = Arg::default().doc(rt, &types::anonymous(ty), &specs, &name);
                    match arg.part_name(i) {
                        Some(name) => quote!(#doc.named(#name)),
                        None => doc,
                    }
                });
                let name = arg.name.as_ref().map_or(name, LitStr::value);
                let words = arg.doc_words();
                quote!(#rt::ArgDoc::of(#rt::ArgKind::#kind, &[#(#docs),*]).named(#name) #words)
            }
        };
        quote!(#doc.token(#token))
    }

    /// Takes a member if its token is next.
    fn try_member(&self, member: &Member, only_tokens: bool) -> TokenStream {
        let rt = &self.rt;
        let Target { ident, raw, .. } = self.target;
        let reworded = member.arg.reworded(rt, &quote!(cursor.command()));
        let shape = |ty| call(rt, ty, "shape", quote!(cursor));
        let shapes = member.parts.iter().map(|(ty, _)| shape(ty));
        let parts: Vec<_> = shapes.map(|shape| quote!(#shape #reworded?)).collect();
        let kept = member.with(&if only_tokens { quote!(#ident) } else { quote!(#raw) }, &parts);
        let token = &member.token;
        quote! {
            if cursor.take_token(#token) {
                return Ok(Some(#kept));
            }
        }
    }

    fn checks(&self, only_tokens: bool) -> TokenStream {
        let rt = &self.rt;
        let raw = &self.target.raw;
        if only_tokens {
            return TokenStream::new();
        }
        let arms = self.members.iter().map(|member| {
            let places = member.places();
            let pattern = member.with(&quote!(#raw), &places);
            let check = |(ty, place): (_, &TokenStream)| call(rt, ty, "check_shape", place.clone());
            let checks = member.parts.iter().map(|(ty, _)| ty).zip(&places).map(check);
            quote!(#pattern => { #(#checks?;)* })
        });
        quote!(match raw { #(#arms)* })
    }

    /// The member as arguments again.
    fn written(&self) -> TokenStream {
        let rt = &self.rt;
        let arms = self.members.iter().map(|member| {
            let (token, places) = (&member.token, member.places());
            let pattern = member.with(&quote!(Self), &places);
            quote!(#pattern => { effect.arg(#token); #(#rt::ToArgs::to_args(#places, effect);)* })
        });
        quote!(match self { #(#arms)* })
    }

    fn value_pass(&self) -> TokenStream {
        let rt = &self.rt;
        let Target { ident, raw, .. } = self.target;
        let arms = self.members.iter().map(|member| {
            let places = member.places();
            let pattern = member.with(&quote!(#raw), &places);
            let reworded = member.arg.reworded(rt, &quote!(context.command));
            let value = |(ty, place): (_, &TokenStream)| {
                let value = call(rt, ty, "value", quote!(#place, context));
                quote!(#value #reworded?)
            };
            let values: Vec<_> = member.parts.iter().map(|(ty, _)| ty).zip(&places).map(value).collect();
            let value = member.with(&quote!(#ident), &values);
            quote!(#pattern => #value,)
        });
        quote!(Ok(match raw { #(#arms)* }))
    }
}
