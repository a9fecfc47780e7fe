//! Questions about types that a macro can only answer by their spelling.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprLit, GenericArgument, Ident, Lifetime, Lit, Path, PathArguments, PathSegment, Type};

/// The type with every named lifetime replaced by `'_`, so that it can be named outside of the function or type that
/// declares the lifetime.
pub(crate) fn anonymous(ty: &Type) -> Type {
    struct Anonymizer;
    impl VisitMut for Anonymizer {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                *lifetime = Lifetime::new("'_", lifetime.span());
            }
            visit_mut::visit_lifetime_mut(self, lifetime);
        }
    }
    let mut ty = ty.clone();
    Anonymizer.visit_type_mut(&mut ty);
    ty
}

/// The last word of a type's path: `Key` of `redis_core::Key`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Whether the last word of the type's path is `name`.
pub(crate) fn is(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The first type argument of a path that ends in `name`: `T` of `Option<T>`.
pub(crate) fn inner<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether this is `()`, or `Result<()>`.
pub(crate) fn is_nothing(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        ty => inner(ty, "Result").is_some_and(is_nothing),
    }
}

/// Whether this is `name<0>`.
pub(crate) fn has_zero(ty: &Type, name: &str) -> bool {
    let Some(segment) = last_segment(ty).filter(|segment| segment.ident == name) else { return false };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return false };
    arguments.args.iter().any(|argument| match argument {
        GenericArgument::Const(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => number.base10_digits() == "0",
        _ => false,
    })
}

/// Whether `word` occurs anywhere in these tokens.
pub(crate) fn mentions(tokens: &impl ToTokens, word: &str) -> bool {
    fn search(tokens: TokenStream, word: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == word,
            TokenTree::Group(group) => search(group.stream(), word),
            _ => false,
        })
    }
    search(tokens.to_token_stream(), word)
}

/// An item of a type's implementation of `Argument`, such as `<i64 as Argument<'_>>::SHAPE`.
///
/// It stands, with all of its tokens, where the type stands: if the type is no argument, the compiler's complaints about
/// all of its uses are then one and the same, and it makes that once.
pub(crate) fn argument(rt: &TokenStream, ty: &Type, item: &str) -> TokenStream {
    argument_for(rt, ty, &Lifetime::new("'_", ty.span()), item)
}

/// The same for a lifetime that has a name.
pub(crate) fn argument_for(rt: &TokenStream, ty: &Type, lifetime: &Lifetime, item: &str) -> TokenStream {
    let span = ty.span();
    let (rt, item) = (located(rt.clone(), span), Ident::new(item, span));
    quote_spanned!(span=> <#ty as #rt::Argument<#lifetime>>::#item)
}

/// The same tokens, as if they stood elsewhere.
pub(crate) fn located(tokens: TokenStream, span: Span) -> TokenStream {
    let locate = |mut token: TokenTree| {
        if let TokenTree::Group(group) = token {
            token = TokenTree::Group(Group::new(group.delimiter(), located(group.stream(), span)));
        }
        token.set_span(span);
        token
    };
    tokens.into_iter().map(locate).collect()
}

/// An `Option` as an expression.
pub(crate) fn option<T: ToTokens>(value: Option<T>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// The path of the runtime's items for generated code, below the crate's path.
pub(crate) fn runtime(root: Option<&Path>) -> TokenStream {
    match root {
        Some(root) => quote!(#root::__private),
        None => quote!(::redis_core::__private),
    }
}
