//! A struct of options: any of them in any order, or (`order`) in the order of the fields, or (`sequence`) no options
//! at all but positional arguments that belong together.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Fields, Type, parse_quote_spanned};

use super::fields::{Field, Take, spec_constants, specs_before};
use super::{Manner, Target, call};
use crate::errors::Errors;
use crate::types;

/// Expands the derive for a struct.
pub(super) fn expand(
    target: &Target,
    manner: &Manner,
    fields: &mut Fields,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let fields = Field::read_all(fields, manner.sequence, errors)?;
    let group = Group { target, manner, fields, rt: manner.runtime() };
    Some(group.expand())
}

struct Group<'t> {
    target: &'t Target,
    manner: &'t Manner,
    fields: Vec<Field>,
    rt: TokenStream,
}

impl Group<'_> {
    fn expand(&self) -> TokenStream {
        let rt = &self.rt;
        let Target { raw, lifetime, ty, .. } = self.target;
        let definition = self.raw_definition();
        let (specs, children) = (self.spec_constants(), self.children());
        let kind = if self.manner.sequence { quote!(Block) } else { quote!(Inline) };
        let (argument_shape, shape) = (self.argument_shape(), self.shape_pass());
        let (checks, values) = (self.checks(), self.values());
        let to_args = self.manner.to_args(self.target, self.written());
        quote! {
            #definition

            #[allow(unused_qualifications, clippy::all)]
            const _: () = {
                #specs
                const CHILDREN: &[#rt::ArgDoc] = &[#(#children),*];

                #[automatically_derived]
                impl<#lifetime> #rt::Argument<#lifetime> for #ty {
                    type Raw = #raw<#lifetime>;
                    const SHAPE: #rt::Shape = #argument_shape;
                    const DOC: #rt::ArgDoc = #rt::ArgDoc::of(#rt::ArgKind::#kind, CHILDREN);

                    fn shape(cursor: &mut #rt::Cursor<#lifetime>) -> #rt::Result<Self::Raw> {
                        #shape
                    }

                    #[allow(unused_variables)]
                    fn check_shape(raw: &Self::Raw) -> #rt::Result<()> {
                        #checks
                        Ok(())
                    }

                    #[allow(unused_variables)]
                    fn value(raw: Self::Raw, context: &#rt::Context) -> #rt::Result<Self> {
                        #values
                    }
                }

                #to_args
            };
        }
    }

    /// The struct that holds what the first pass found.
    fn raw_definition(&self) -> TokenStream {
        let rt = &self.rt;
        let Target { visibility, raw, lifetime, .. } = self.target;
        let doc = self.target.raw_doc();
        let fields = self.fields.iter().map(|field| {
            let Field { visibility, ident, .. } = field;
            let Some(ty) = field.take.ty() else { return quote!(#visibility #ident: bool,) };
            let raw = types::argument_for(rt, ty, lifetime, "Raw");
            let generic = match &field.take {
                Take::Required(_) if self.manner.sequence => return quote!(#visibility #ident: #raw,),
                Take::Repeated(_) => quote!(::std::vec::Vec),
                _ => quote!(::core::option::Option),
            };
            let generic = types::located(generic, ty.span());
            let ty = quote_spanned!(ty.span()=> #generic<#raw>);
            quote!(#visibility #ident: #ty,)
        });
        let borrows = self.fields.iter().any(|field| field.take.ty().is_some());
        let lifetime_user = (!borrows).then(|| quote!(__request: ::core::marker::PhantomData<&#lifetime ()>,));
        let conflict = self.has_conflict().then(|| quote!(__conflict: ::core::option::Option<&'static str>,));
        quote! {
            #[doc = #doc]
            #[allow(missing_docs)]
            #visibility struct #raw<#lifetime> { #(#fields)* #conflict #lifetime_user }
        }
    }

    /// Whether a field has a text for two members of its choice.
    fn has_conflict(&self) -> bool {
        self.fields.iter().any(|field| field.arg.conflict.is_some())
    }

    fn spec_constants(&self) -> TokenStream {
        let rt = &self.rt;
        if self.manner.sequence {
            return TokenStream::new();
        }
        let specs: Vec<_> = self.fields.iter().map(|field| field.specs(rt)).collect();
        spec_constants(rt, &specs)
    }

    fn argument_shape(&self) -> TokenStream {
        let rt = &self.rt;
        if self.manner.sequence {
            let parts = self.fields.iter().map(|field| self.positional_shape(field));
            return quote!(#rt::in_sequence(&[#(#parts),*]));
        }
        let required = self.fields.iter().filter_map(|field| match &field.take {
            Take::Required(ty) => {
                let tokened = field.tokened(rt, ty);
                let shape = types::argument(rt, ty, "SHAPE");
                Some(quote!(#rt::named_option(#shape, #tokened)))
            }
            _ => None,
        });
        quote!(#rt::in_any_order(&[#(#required),*], &KEYS))
    }

    fn positional_shape(&self, field: &Field) -> TokenStream {
        let rt = &self.rt;
        let shape = |ty: &Type| types::argument(rt, ty, "SHAPE");
        match (&field.take, &field.arg.token) {
            (Take::Flag, _) => quote!(#rt::optional(#rt::behind_token(#rt::Shape::exactly(0)))),
            (Take::Optional(ty), Some(_)) => {
                let shape = shape(ty);
                quote!(#rt::optional(#rt::behind_token(#shape)))
            }
            (Take::Optional(ty), None) => shape(&optional(ty)),
            (Take::Required(ty) | Take::Repeated(ty), Some(_)) => {
                let shape = shape(ty);
                quote!(#rt::behind_token(#shape))
            }
            (Take::Required(ty) | Take::Repeated(ty), None) => shape(ty),
        }
    }

    /// The documentation of each field.
    fn children(&self) -> Vec<TokenStream> {
        let rt = &self.rt;
        let docs = self.fields.iter().enumerate().map(|(i, field)| {
            let Field { take, token, name, arg, .. } = field;
            let specs = if self.manner.sequence { quote!(0) } else { specs_before(rt, i) };
            let announced = arg.token.is_some() || !self.manner.sequence;
            let doc = |ty: &Type| {
                let ty = types::anonymous(ty);
                let doc = arg.doc(rt, &ty, &specs, name);
                let tokened = field.tokened(rt, &ty);
                match announced {
                    true => quote!((if #tokened { #doc } else { #doc.token(#token) })),
                    false => doc,
                }
            };
            match take {
                Take::Flag => {
                    let name = arg.name.as_ref().map_or_else(|| name.clone(), syn::LitStr::value);
                    let words = arg.doc_words();
                    quote!(#rt::ArgDoc::new(#rt::ArgKind::PureToken).named(#name).token(#token).optional() #words)
                }
                Take::Optional(ty) => {
                    let doc = doc(ty);
                    quote!(#doc.optional())
                }
                Take::Repeated(ty) => {
                    let doc = doc(ty);
                    quote!(#doc.multiple_token().optional())
                }
                Take::Required(ty) => doc(ty),
            }
        });
        docs.collect()
    }

    fn shape_pass(&self) -> TokenStream {
        if self.manner.sequence { self.sequence_pass() } else { self.options_pass() }
    }

    /// One argument after the other.
    fn sequence_pass(&self) -> TokenStream {
        let rt = &self.rt;
        let raw = &self.target.raw;
        let takes = self.fields.iter().map(|field| {
            let Field { ident, take, token, arg, .. } = field;
            let reworded = arg.reworded(rt, &quote!(cursor.command()));
            let shape = |ty: &Type| {
                let shape = call(rt, ty, "shape", quote!(cursor));
                quote!(#shape #reworded?)
            };
            let taken = match (take, &arg.token) {
                (Take::Flag, _) => quote!(cursor.take_token(#token)),
                (Take::Optional(ty), None) => shape(&optional(ty)),
                (Take::Optional(ty), Some(_)) => {
                    let shape = shape(ty);
                    quote!(if cursor.take_token(#token) { Some(#shape) } else { None })
                }
                (Take::Required(ty) | Take::Repeated(ty), None) => shape(ty),
                (Take::Required(ty) | Take::Repeated(ty), Some(_)) => {
                    let shape = shape(ty);
                    quote!(if cursor.take_token(#token) { #shape } else { return Err(#rt::Error::SYNTAX) })
                }
            };
            quote!(#ident: #taken)
        });
        let lifetime_user = self.lifetime_user();
        quote!(Ok(#raw { #(#takes,)* #lifetime_user }))
    }

    /// Tokens until one comes that is no option.
    fn options_pass(&self) -> TokenStream {
        let rt = &self.rt;
        let raw = &self.target.raw;
        let empty = self.fields.iter().map(|field| {
            let kept = field.kept();
            let nothing = match &field.take {
                Take::Flag => quote!(false),
                Take::Repeated(_) => quote!(::std::vec::Vec::new()),
                Take::Optional(_) | Take::Required(_) => quote!(None),
            };
            let nothing = types::located(nothing, kept.span());
            quote_spanned!(kept.span()=> let mut #kept = #nothing;)
        });
        let (idents, all_kept) = (self.fields.iter().map(Field::member), self.fields.iter().map(Field::kept));
        let conflict = self.has_conflict().then(|| quote!(let mut conflict = None;));
        let conflict_field = self.has_conflict().then(|| quote!(__conflict: conflict,));
        let lifetime_user = self.lifetime_user();
        let tries = self.fields.iter().map(|field| self.try_option(field));
        let tries = if self.manner.order {
            quote!(#(#tries)*)
        } else {
            quote! {
                while cursor.left() != 0 {
                    #(#tries)*
                    break;
                }
            }
        };
        let required = self.fields.iter().filter(|field| matches!(field.take, Take::Required(_)));
        let required = required.filter(|field| field.arg.missing.is_none()).map(Field::kept);
        quote! {
            #(#empty)*
            #conflict
            #tries
            #(if #required.is_none() {
                return Err(#rt::Error::SYNTAX);
            })*
            Ok(#raw { #(#idents: #all_kept,)* #conflict_field #lifetime_user })
        }
    }

    /// Takes one option if it is next. In any order, the search then begins again.
    fn try_option(&self, field: &Field) -> TokenStream {
        let rt = &self.rt;
        let Field { take, token, arg, .. } = field;
        let (again, each) =
            if self.manner.order { (None, quote!(while)) } else { (Some(quote!(continue;)), quote!(if)) };
        let reworded = arg.reworded(rt, &quote!(cursor.command()));
        let (kept, found) = (field.kept(), field.found());
        let Some(ty) = take.ty() else {
            let again_refused = self.manner.once.then(|| quote!(if #kept { return Err(#rt::Error::SYNTAX); }));
            return quote! {
                if cursor.take_token(#token) {
                    #again_refused
                    #kept = true;
                    #again
                }
            };
        };
        let shape = call(rt, ty, "shape", quote!(cursor));
        let behind_token = quote!(if cursor.take_token(#token) { Some(#shape #reworded?) } else { None });
        let taken = match &arg.token {
            Some(_) => quote!({ #behind_token }),
            None => {
                let tokened = types::argument(rt, ty, "TOKENED");
                let try_shape = call(rt, ty, "try_shape", quote!(cursor));
                quote!({ if #tokened { #try_shape #reworded? } else #behind_token })
            }
        };
        match take {
            Take::Repeated(_) => quote! {
                #each let Some(#found) = #taken {
                    #kept.push(#found);
                    #again
                }
            },
            _ => {
                let tokened = types::argument(rt, ty, "TOKENED");
                let (other_member, said_twice) = match &arg.conflict {
                    Some(text) => (quote!(conflict.get_or_insert(#text);), quote!(!#tokened && #kept.is_some())),
                    None => (quote!(return Err(#rt::Error::SYNTAX);), quote!(false)),
                };
                let again_refused =
                    self.manner.once.then(|| quote!(if #kept.is_some() { return Err(#rt::Error::SYNTAX); }));
                quote! {
                    if let Some(#found) = #taken {
                        #again_refused
                        if #said_twice || !#rt::keep_option(&mut #kept, #found, #tokened) {
                            #other_member
                        }
                        #again
                    }
                }
            }
        }
    }

    /// Between the passes: each option by itself, then all of them together.
    fn checks(&self) -> TokenStream {
        let rt = &self.rt;
        let own = self.fields.iter().filter_map(|field| {
            let (ty, kept, found) = (field.take.ty()?, field.kept(), field.found());
            let check = call(rt, ty, "check_shape", quote!(#found));
            Some(match &field.take {
                Take::Required(_) if self.manner.sequence => quote!({ let #found = #kept; #check?; }),
                Take::Repeated(_) => quote!(for #found in #kept { #check?; }),
                _ => quote!(if let Some(#found) = #kept { #check?; }),
            })
        });
        let conflict = self
            .has_conflict()
            .then(|| quote!(if let Some(text) = raw.__conflict { return Err(#rt::Error::new(text)); }));
        let missing = self.fields.iter().filter_map(|field| {
            let (kept, text) = (field.kept(), field.arg.missing.as_ref()?);
            Some(quote!(if #kept.is_none() { return Err(#rt::Error::new(#text)); }))
        });
        let together = self.manner.check_call();
        let opened = self.opened();
        quote!(#opened #(#own)* #conflict #(#missing)* #together)
    }

    /// The second pass of each field.
    fn values(&self) -> TokenStream {
        let rt = &self.rt;
        let values = self.fields.iter().map(|field| {
            let (ident, kept, found) = (field.member(), field.kept(), field.found());
            let reworded = field.arg.reworded(rt, &quote!(context.command));
            let Some(ty) = field.take.ty() else { return quote!(#ident: #kept,) };
            let value = call(rt, ty, "value", quote!(#found, context));
            let value = quote!(#value #reworded?);
            let value = match &field.take {
                Take::Required(_) if self.manner.sequence => quote!({ let #found = #kept; #value }),
                Take::Required(_) => quote!(match #kept {
                    Some(#found) => #value,
                    None => return Err(#rt::Error::SYNTAX),
                }),
                Take::Repeated(_) => quote!({
                    let mut values = ::std::vec::Vec::with_capacity(#kept.len());
                    for #found in #kept {
                        values.push(#value);
                    }
                    values
                }),
                _ => quote!(match #kept {
                    Some(#found) => Some(#value),
                    None => None,
                }),
            };
            quote!(#ident: #value,)
        });
        let opened = self.opened();
        quote! {
            #opened
            Ok(Self { #(#values)* })
        }
    }

    /// Each field as arguments again.
    fn written(&self) -> TokenStream {
        let rt = &self.rt;
        let fields = self.fields.iter().map(|field| {
            let (ident, token, found) = (field.member(), &field.token, field.found());
            let Some(ty) = field.take.ty() else { return quote!(if self.#ident { effect.arg(#token); }) };
            let tokened = field.tokened(rt, &types::anonymous(ty));
            let announce = match self.manner.sequence {
                true => field.arg.token.as_ref().map(|token| quote!(effect.arg(#token);)),
                false => Some(quote!(if !#tokened { effect.arg(#token); })),
            };
            let write = quote!({ #announce #rt::ToArgs::to_args(#found, effect); });
            match &field.take {
                Take::Optional(_) => quote!(if let Some(#found) = &self.#ident #write),
                Take::Repeated(_) => quote!(for #found in &self.#ident #write),
                _ => quote!({ let #found = &self.#ident; #write }),
            }
        });
        quote!(#(#fields)*)
    }

    /// Takes what the first pass kept apart.
    fn opened(&self) -> TokenStream {
        let raw = &self.target.raw;
        let (idents, all_kept) = (self.fields.iter().map(Field::member), self.fields.iter().map(Field::kept));
        quote!(let #raw { #(#idents: #all_kept,)* .. } = raw;)
    }

    /// The field that uses the lifetime, if no other does.
    fn lifetime_user(&self) -> Option<TokenStream> {
        let borrows = self.fields.iter().any(|field| field.take.ty().is_some());
        (!borrows).then(|| quote!(__request: ::core::marker::PhantomData,))
    }
}

/// `Option<T>`, standing where `T` stands.
fn optional(ty: &Type) -> Type {
    parse_quote_spanned!(ty.span()=> ::core::option::Option<#ty>)
}
