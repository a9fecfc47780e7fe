//! The function under `#[command]`: its text, its signature, and where each parameter comes from.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Error, FnArg, GenericParam, Ident, Pat, PatType, Result, Safety, Signature, Token, Type, Visibility,
};

use crate::arg::{Arg, KeyUse};
use crate::errors::Errors;
use crate::provided::{Kind, Provided};
use crate::{asynchronous, name, types, words};

/// A function, without a look into its body: that is the compiler's matter, and parsing it here would cost time and
/// report its errors twice.
pub(crate) struct Handler {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    body: TokenTree,
}

impl Parse for Handler {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if !is_function(input) {
            return Err(input.error("a command is a function: put `#[command]` on an `fn`"));
        }
        let signature = input.parse()?;
        if input.peek(Token![;]) {
            return Err(input.error("a command needs a body"));
        }
        Ok(Handler { attributes, visibility, signature, body: input.parse()? })
    }
}

impl ToTokens for Handler {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Handler { attributes, visibility, signature, body } = self;
        tokens.extend(quote!(#(#attributes)* #visibility #signature #body));
    }
}

/// Whether a function begins here.
fn is_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    while !ahead.is_empty() && !ahead.peek(Token![fn]) {
        let qualifier = ahead.peek(Token![const])
            || ahead.peek(Token![async])
            || ahead.peek(Token![unsafe])
            || ahead.peek(Token![extern])
            || ahead.peek(syn::LitStr);
        if !qualifier || ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    !ahead.is_empty()
}

/// Where a parameter comes from.
pub(crate) enum Parameter {
    /// From the server.
    Provided(Provided),
    /// From the request.
    Requested(Box<Requested>),
}

/// A parameter that comes from the request.
pub(crate) struct Requested {
    /// Its name in COMMAND DOCS, unless told otherwise.
    pub(crate) name: String,
    /// Its type, without the names of lifetimes.
    pub(crate) ty: Type,
    /// What `#[arg(..)]` says.
    pub(crate) arg: Arg,
    /// What `#[key(..)]` says.
    pub(crate) key: Option<KeyUse>,
}

impl Handler {
    /// Takes the attributes of the parameters away, and tells where each parameter comes from.
    pub(crate) fn parameters(&mut self, errors: &mut Errors) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for input in &mut self.signature.inputs {
            match input {
                FnArg::Receiver(receiver) => errors.push(Error::new(
                    receiver.self_token.span,
                    "a command is not a method: the server has no `self` for it; take `&Db`, `&Server` or `&mut Client`",
                )),
                FnArg::Typed(input) => parameters.extend(parameter(input, errors)),
            }
        }
        check_provided(&parameters, errors);
        check_repeated(&parameters, errors);
        check_keys(&parameters, errors);
        parameters
    }

    /// What stands for it where the declaration is refused: itself. Of an `async fn` only the outside, since the compiler
    /// would complain once more about the lifetimes of what it cannot borrow.
    pub(crate) fn refused(&self) -> TokenStream {
        if !self.is_async() {
            return quote!(#[allow(dead_code, elided_lifetimes_in_paths)] #self);
        }
        let Handler { attributes, visibility, signature, .. } = self;
        let signature = Signature { asyncness: None, ..signature.clone() };
        quote! {
            #[allow(unused, elided_lifetimes_in_paths)]
            #(#attributes)* #visibility #signature { ::core::unreachable!() }
        }
    }

    /// Whether it is an `async fn`.
    pub(crate) fn is_async(&self) -> bool {
        self.signature.asyncness.is_some()
    }

    /// Refuses what no handler can be.
    pub(crate) fn check(&self, parameters: &[Parameter], errors: &mut Errors) {
        let signature = &self.signature;
        if self.is_async() {
            asynchronous::check(self, parameters, errors);
        } else {
            asynchronous::check_plain(parameters, errors);
        }
        if let Safety::Unsafe(keyword) = &signature.safety {
            errors.push(Error::new(keyword.span, "a command cannot be `unsafe`: clients keep no promises"));
        }
        if let Some(abi) = &signature.abi {
            errors.push(Error::new_spanned(abi, "a command is a plain Rust function"));
        }
        for generic in &signature.generics.params {
            let (GenericParam::Type(syn::TypeParam { ident, .. }) | GenericParam::Const(syn::ConstParam { ident, .. })) =
                generic
            else {
                continue;
            };
            errors.push(Error::new(
                ident.span(),
                "a command cannot be generic: it is registered once, so its types must be known",
            ));
        }
    }
}

/// Reads one parameter and strips it of what only the macro understands.
fn parameter(input: &mut PatType, errors: &mut Errors) -> Option<Parameter> {
    let arg_attribute = input.attrs.iter().find(|attribute| attribute.path().is_ident("arg")).cloned();
    let arg = Arg::take(&mut input.attrs, &words::PARAMETER, errors);
    let key = KeyUse::take(&mut input.attrs, errors);
    input.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
    if let Some(provided) = errors.check(Provided::find(&input.ty))? {
        if let Some(attribute) = arg_attribute.or_else(|| key.map(|key| key.attribute)) {
            errors.push(Error::new_spanned(attribute, "this parameter comes from the server, not from the request"));
        }
        return Some(Parameter::Provided(provided));
    }
    if let Some(key) = &key {
        errors.check(key.check_parameter());
    }
    if let Type::ImplTrait(ty) = &*input.ty {
        errors.push(Error::new_spanned(ty, "a command cannot be generic: name a type"));
        return None;
    }
    let name = errors.check(parameter_name(&input.pat))?;
    let ty = types::anonymous(&input.ty);
    Some(Parameter::Requested(Box::new(Requested { name: name::documented(name), ty, arg, key })))
}

fn parameter_name(pattern: &Pat) -> Result<&Ident> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => Ok(&pattern.ident),
        pattern => Err(Error::new_spanned(
            pattern,
            "give this parameter a plain name: COMMAND DOCS shows it, and patterns belong in the body",
        )),
    }
}

/// Refuses to lend the same thing twice.
fn check_provided(parameters: &[Parameter], errors: &mut Errors) {
    let mut seen: Vec<&Provided> = Vec::new();
    for parameter in parameters {
        let Parameter::Provided(provided) = parameter else { continue };
        let kinds = || seen.iter().map(|seen| seen.kind);
        let problem = if provided.kind.is_data() && kinds().any(Kind::is_data) {
            Some("the keyspace is lent once: keep one of `&Db`, `&mut Db`, `&Keyspace`, `&mut Keyspace` and `Walk`")
        } else if kinds().any(|kind| kind == provided.kind) {
            Some("this is lent once: there is another parameter of this type")
        } else if kinds().any(|kind| kind == Kind::Call) || provided.kind == Kind::Call && !seen.is_empty() {
            Some("`&mut Call` lends everything that the server has: take it, or take its parts")
        } else {
            None
        };
        if let Some(problem) = problem {
            errors.push(Error::new_spanned(&provided.ty, problem));
        }
        seen.push(provided);
    }
}

/// Refuses parameters for which a repeated one can leave nothing.
fn check_repeated(parameters: &[Parameter], errors: &mut Errors) {
    let mut repeated: Option<&Ident> = None;
    for parameter in parameters {
        let Parameter::Requested(requested) = parameter else { continue };
        let Some(segment) = types::last_segment(&requested.ty) else { continue };
        let is_repeated = ["Keys", "Many", "Rest"].iter().any(|name| segment.ident == name);
        match repeated {
            Some(first) if is_repeated || segment.ident == "Option" => errors.push(Error::new_spanned(
                &requested.ty,
                format!("nothing is left for this parameter: the one of type `{first}` takes all arguments it can get"),
            )),
            None if is_repeated => repeated = Some(&segment.ident),
            _ => {}
        }
    }
}

/// Refuses to declare that a key is written where the keyspace can only be read, and any beside a `Walk`.
fn check_keys(parameters: &[Parameter], errors: &mut Errors) {
    let reads_only = parameters.iter().find_map(|parameter| match parameter {
        Parameter::Provided(provided) if provided.kind.is_data() => (!provided.mutable).then_some(provided),
        _ => None,
    });
    let Some(data) = reads_only else { return };
    for parameter in parameters {
        let Parameter::Requested(requested) = parameter else { continue };
        let Some(key) = &requested.key else { continue };
        if data.kind == Kind::Walk {
            let problem = "a `Walk` locks no declared keys: take `&Keyspace`, or leave the key out";
            errors.push(Error::new_spanned(&key.attribute, problem));
            continue;
        }
        if let Some(flag) = key.flags.iter().find(|flag| words::WRITING_KEY_FLAGS.iter().any(|name| *flag == name)) {
            let name = data.kind.name();
            errors.push(Error::new(
                flag.span(),
                format!("`{flag}` says that the key is written, but `&{name}` only reads: take `&mut {name}`"),
            ));
        }
    }
}
