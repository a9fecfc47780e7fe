//! What is different for an `async fn`.
//!
//! Its future lives on when the call is over, so it can borrow neither from the server nor from the request; and since
//! it holds no lock while it waits, it asks for its keys by a `Caller`. It cannot be part of a transaction, which happens
//! at one time.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, ReturnType, Type};

use crate::errors::Errors;
use crate::handler::{Handler, Parameter, Requested};
use crate::provided::{Kind, Provided};
use crate::{types, words};

/// Refuses what an `async` command cannot take or return.
pub(crate) fn check(handler: &Handler, parameters: &[Parameter], errors: &mut Errors) {
    for parameter in parameters {
        let problem = match parameter {
            Parameter::Provided(provided) => problem_of_provided(provided),
            Parameter::Requested(requested) => problem_of_requested(&requested.ty),
        };
        let ty = match parameter {
            Parameter::Provided(provided) => &*provided.ty,
            Parameter::Requested(requested) => &requested.ty,
        };
        if let Some(problem) = problem {
            errors.push(Error::new_spanned(ty, problem));
        }
    }
    let signature = &handler.signature;
    let nothing = "an async command returns its reply, or its client waits for ever: `Okay` if there is nothing to say";
    match &signature.output {
        ReturnType::Default => errors.push(Error::new(signature.ident.span(), nothing)),
        ReturnType::Type(_, ty) if types::mentions(ty, "Wait") => {
            errors.push(Error::new_spanned(ty, "an async command waits by `.await`: return the reply itself"));
        }
        ReturnType::Type(_, ty) if types::is_nothing(ty) => errors.push(Error::new_spanned(ty, nothing)),
        ReturnType::Type(..) => {}
    }
}

/// Refuses what only an `async` command can take.
pub(crate) fn check_plain(parameters: &[Parameter], errors: &mut Errors) {
    for parameter in parameters {
        if let Parameter::Provided(provided) = parameter
            && provided.kind == Kind::Caller
        {
            errors.push(Error::new_spanned(
                &provided.ty,
                "`Caller` is for an `async fn`: a plain one takes `&Db` or `&mut Db`, and its keys are locked while it runs",
            ));
        }
    }
}

fn problem_of_provided(provided: &Provided) -> Option<String> {
    match provided.kind {
        Kind::Caller => None,
        kind if kind.is_data() => Some(
            "an async command cannot hold the keyspace across `.await`; take `Caller` and use `caller.read(key, ..)` or \
             `caller.write(key, ..)`"
                .into(),
        ),
        Kind::Server | Kind::SharedServer => {
            Some("an async command outlives the call and cannot borrow: take `Caller` and use `caller.server()`".into())
        }
        Kind::Reply => Some("an async command cannot borrow the reply: return it".into()),
        kind => Some(format!("an async command outlives the call and cannot borrow `{}`: take `Caller`", kind.name())),
    }
}

fn problem_of_requested(ty: &Type) -> Option<String> {
    let instead = match borrowed(ty)? {
        Borrowed::Bytes => "`Vec<u8>` or `String` instead of a reference",
        Borrowed::Keys => "`Many<Key>`",
        Borrowed::Other => "a type that owns what it holds, such as `String`, `Vec<u8>` or `i64`",
    };
    Some(format!("an async command outlives its request and cannot borrow from it: take {instead}"))
}

/// What a type borrows from the request.
enum Borrowed {
    Bytes,
    Keys,
    Other,
}

fn borrowed(ty: &Type) -> Option<Borrowed> {
    let mentions = |names: &[&str]| names.iter().any(|name| types::mentions(ty, name));
    if mentions(&["Keys", "NumKeys"]) {
        Some(Borrowed::Keys)
    } else if mentions(&["Pattern", "Lazy", "Late"]) {
        Some(Borrowed::Other)
    } else if has_lifetime(ty.to_token_stream()) {
        Some(if matches!(ty, Type::Reference(_)) || mentions(&["u8", "str"]) {
            Borrowed::Bytes
        } else {
            Borrowed::Other
        })
    } else {
        None
    }
}

/// Whether a reference or a lifetime, other than `'static`, occurs in these tokens.
fn has_lifetime(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match token {
            TokenTree::Group(group) => has_lifetime(group.stream()),
            // A lifetime is an apostrophe and a word.
            TokenTree::Punct(mark) if mark.as_char() == '\'' => {
                tokens.next().is_some_and(|word| word.to_string() != "static")
            }
            TokenTree::Punct(mark) if mark.as_char() == '&' => {
                !matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '\'')
            }
            _ => false,
        };
        if found {
            return true;
        }
    }
    false
}

/// Whether an `async` command may change this parameter's keys: unless it says that it only reads them. `None` if the
/// parameter holds no key that the macro can see.
pub(crate) fn may_write(requested: &Requested) -> Option<bool> {
    match &requested.key {
        Some(key) => Some(key.flags.iter().any(|flag| words::WRITING_KEY_FLAGS.iter().any(|name| flag == name))),
        None => types::mentions(&requested.ty, "Key").then_some(true),
    }
}
