//! `#[command]`: from a function to an entry in the list of commands.
//!
//! The function stays as it is. Beside it come a constant with the command's name, for effects, and an anonymous
//! constant that holds the rest: the parameters as data, the function that fills them from a call, and the entry. All
//! the generated code is straight-line and calls ordinary functions of the runtime.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, Result, ReturnType};

use crate::arg::union;
use crate::attribute::{Access, CommandAttribute};
use crate::errors::Errors;
use crate::handler::{Handler, Parameter, Requested};
use crate::name::Name;
use crate::provided::Provided;
use crate::{asynchronous, docs, types, words};

/// Expands `#[command(attribute)] item`.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut handler: Handler = match syn::parse2(item.clone()) {
        Ok(handler) => handler,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let mut errors = Errors::default();
    let parameters = handler.parameters(&mut errors);
    handler.check(&parameters, &mut errors);
    let name = errors.check(name(&attribute, &handler.signature.ident));
    // The constant stays even if the declaration is refused: other handlers may mention it.
    let constant = name.as_ref().map(|name| name_constant(name, &types::runtime(None)));
    let command = errors
        .check(syn::parse2(attribute))
        .zip(name)
        .and_then(|(attribute, name)| errors.check(Command::new(attribute, name, &handler, parameters)));
    match command {
        Some(command) if errors.is_empty() => command.expand(&handler),
        _ => {
            let (errors, handler) = (errors.into_tokens(), handler.refused());
            quote!(#errors #constant #handler)
        }
    }
}

/// The command's name: the attribute's first word if it is a literal, or else the function's name.
fn name(attribute: &TokenStream, function: &Ident) -> Result<Name> {
    match attribute.clone().into_iter().next() {
        Some(first @ TokenTree::Literal(_)) => Name::from_literal(&syn::parse2(first.into())?),
        _ => Name::from_function(function),
    }
}

/// The constant that stands for the command in effects.
fn name_constant(name: &Name, rt: &TokenStream) -> TokenStream {
    let (constant, spoken) = (name.constant(), name.spoken());
    let doc = format!("The name of {spoken}, for effects.");
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        pub(crate) const #constant: #rt::CommandName = #rt::CommandName(#spoken);
    }
}

/// A command that can be declared.
struct Command {
    attribute: CommandAttribute,
    name: Name,
    summary: String,
    parameters: Vec<Parameter>,
    /// It answers later, and locks its keys by itself.
    is_async: bool,
    rt: TokenStream,
}

impl Command {
    fn new(attribute: CommandAttribute, name: Name, handler: &Handler, parameters: Vec<Parameter>) -> Result<Self> {
        let summary = docs::summary(&handler.attributes).ok_or_else(|| {
            Error::new(
                handler.signature.ident.span(),
                "a command needs a doc comment: its first paragraph is the summary that COMMAND DOCS shows",
            )
        })?;
        let rt = types::runtime(attribute.root.as_ref());
        let command = Command { attribute, name, summary, parameters, is_async: handler.is_async(), rt };
        command.check_flags(handler)?;
        command.check_reply(handler)?;
        Ok(command)
    }

    fn expand(&self, handler: &Handler) -> TokenStream {
        let rt = &self.rt;
        let cfg: Vec<_> = conditions(&handler.attributes).collect();
        let constant = name_constant(&self.name, rt);
        let name = self.name.argument_number();
        let (parameters, arguments) = (self.parameter_table(), self.arguments());
        let (reply, run, entry) = (self.reply(handler), self.run(handler), self.entry(handler));
        quote! {
            #[allow(elided_lifetimes_in_paths)]
            #handler

            #(#cfg)*
            #constant

            #(#cfg)*
            #[allow(elided_lifetimes_in_paths, unused_qualifications, clippy::all)]
            const _: () = {
                const PARAMETERS: &[#rt::Parameter] = &[#parameters];
                const KEYS: [#rt::KeySpec; #rt::key_spec_count(PARAMETERS)] = #rt::key_specs(#name, PARAMETERS);
                const ARGUMENTS: &[#rt::ArgDoc] = &[#arguments];
                const REPLY: #rt::Schema = #reply;
                #run
                #rt::inventory::submit! { #entry }
            };
        }
    }

    fn requested(&self) -> impl Iterator<Item = &Requested> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Requested(requested) => Some(&**requested),
            Parameter::Provided(_) => None,
        })
    }

    /// The parameter that lends the data, if there is one.
    fn data(&self) -> Option<&Provided> {
        self.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Provided(provided) if provided.kind.is_data() => Some(provided),
            _ => None,
        })
    }

    /// The parameters as data: how many arguments they take and which of them are keys.
    fn parameter_table(&self) -> TokenStream {
        let rt = &self.rt;
        let writes = self.is_async || self.data().is_some_and(|data| data.mutable);
        let default = if writes {
            quote!(#rt::KeyFlags::RW.union(#rt::KeyFlags::ACCESS).union(#rt::KeyFlags::UPDATE))
        } else {
            quote!(#rt::KeyFlags::RO.union(#rt::KeyFlags::ACCESS))
        };
        let rows = self.requested().map(|requested| {
            let shape = requested.shape(rt);
            match &requested.key {
                None => quote!(#rt::Parameter { shape: #shape, keys: #default }),
                Some(key) => {
                    let keys = key.value(rt);
                    let holding_keys = types::located(quote!(#rt::holding_keys), key.attribute.path().span());
                    let shape = quote_spanned!(key.attribute.path().span()=> #holding_keys(#shape));
                    quote!(#rt::Parameter { shape: #shape, keys: #keys })
                }
            }
        });
        quote!(#(#rows),*)
    }

    /// The documentation of the parameters.
    fn arguments(&self) -> TokenStream {
        let rt = &self.rt;
        let docs = self.requested().enumerate().map(|(i, requested)| {
            let specs = quote!(#rt::key_spec_count(PARAMETERS.split_at(#i).0));
            let doc = requested.arg.doc(rt, &requested.ty, &specs, &requested.name);
            match &requested.arg.token {
                Some(token) => quote!(#doc.token(#token)),
                None => doc,
            }
        });
        quote!(#(#docs),*)
    }

    /// The function that fills the parameters from a call, in the two passes that the runtime describes.
    fn run(&self, handler: &Handler) -> TokenStream {
        let rt = &self.rt;
        let [call, cursor, context, caller] =
            ["call", "cursor", "context", "caller"].map(|name| Ident::new(name, Span::mixed_site()));
        // What has a type of the user's stands where that type stands, for the sake of the compiler's messages.
        let places: Vec<Ident> = self
            .requested()
            .enumerate()
            .map(|(i, requested)| format_ident!("argument{i}", span = requested.ty.span()))
            .collect();
        let shapes = self.requested().zip(&places).enumerate().map(|(i, (requested, place))| {
            let shape = requested.shape_pass(rt, &cursor);
            let shape = quote_spanned!(place.span()=> let #place = #shape;);
            quote! {
                if VARIABLE {
                    #cursor.reserve(const { #rt::behind(PARAMETERS, #i) });
                }
                #shape
            }
        });
        let checks = self.requested().zip(&places).map(|(requested, place)| {
            let ty = &requested.ty;
            let check = types::argument(rt, ty, "check_shape");
            quote_spanned!(ty.span()=> #check(&#place)?;)
        });
        let values = self.requested().zip(&places).map(|(requested, place)| {
            let value = requested.value_pass(rt, place, &context);
            quote_spanned!(place.span()=> let #place = #value;)
        });
        let passes = if places.is_empty() {
            TokenStream::new()
        } else {
            let syntax = match self.attribute.surplus_is_syntax {
                Some(syntax) => quote!(#syntax),
                None => quote!(const { #rt::any_tokens(PARAMETERS) }),
            };
            quote! {
                const VARIABLE: bool = !#rt::all_fixed(PARAMETERS);
                let mut #cursor = #call.cursor();
                #(#shapes)*
                #cursor.finish(#syntax)?;
                #(#checks)*
            }
        };
        let mut places = places.iter();
        let lent = self.parameters.iter().map(|parameter| match parameter {
            Parameter::Provided(provided) => provided.lend(rt, &call, &context, &caller),
            Parameter::Requested(_) => {
                let place = places.next();
                quote!(#place)
            }
        });
        let function = &handler.signature.ident;
        let reply_span = match &handler.signature.output {
            ReturnType::Default => function.span(),
            ReturnType::Type(_, ty) => ty.span(),
        };
        let returned = Ident::new("returned", reply_span);
        let into_outcome = types::located(quote!(#rt::IntoOutcome::into_outcome), reply_span);
        let answer = if self.is_async {
            let reply = Ident::new("reply", reply_span);
            let write = quote_spanned!(reply_span=> |#returned, #reply| #into_outcome(#returned, #reply));
            let answers_later = Ident::new("answers_later", function.span());
            quote! {
                let #caller = #rt::Caller::new(&*#call);
                let future = #function(#(#lent),*);
                #rt::Result::Ok(#caller.#answers_later(future, #write))
            }
        } else {
            let answer = quote_spanned!(reply_span=> #into_outcome(#returned, &mut *#call.reply));
            quote! {
                let #returned = #function(#(#lent),*);
                #answer
            }
        };
        quote! {
            #[allow(unused_variables)]
            fn __run(#call: &mut #rt::Call<'_>) -> #rt::Result<#rt::Outcome> {
                #passes
                let #context = #call.context();
                #(#values)*
                #answer
            }
        }
    }

    /// The shape of the reply: what the attribute says, or else that of the return type.
    fn reply(&self, handler: &Handler) -> TokenStream {
        let rt = &self.rt;
        if let Some(shape) = &self.attribute.reply {
            let shape = quote_spanned!(shape.span()=> { use #rt::Schema::*; #shape });
            return quote!({ #[allow(unused_imports)] #shape });
        }
        let ReturnType::Type(_, ty) = &handler.signature.output else {
            return quote!(#rt::Schema::Nothing);
        };
        // All of it stands where the type stands, so that a type which is no reply is one mistake to the compiler.
        let span = ty.span();
        let ty = types::anonymous(ty);
        types::located(quote!(<#ty as #rt::IntoOutcome>::SCHEMA), span)
    }

    /// Refuses a handler that writes its reply itself and does not say what that is.
    fn check_reply(&self, handler: &Handler) -> Result<()> {
        let returns_nothing = match &handler.signature.output {
            ReturnType::Default => true,
            ReturnType::Type(_, ty) => types::is_nothing(ty),
        };
        let writer = self.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Provided(provided) => ["Reply", "Call"].contains(&provided.kind.name()).then_some(provided),
            Parameter::Requested(_) => None,
        });
        match writer {
            Some(writer) if returns_nothing && self.attribute.reply.is_none() => Err(Error::new_spanned(
                &writer.ty,
                "what is written here must be stated in the attribute: `reply = Array(&Bulk)`, for instance",
            )),
            _ => Ok(()),
        }
    }

    /// The entry in the list of commands.
    fn entry(&self, handler: &Handler) -> TokenStream {
        let rt = &self.rt;
        let CommandAttribute { since, complexity, flags, acl, tips, history, deprecated, .. } = &self.attribute;
        let (name, full_name, summary) = (&self.name.name, self.name.full(), &self.summary);
        let container = types::option(self.name.container.as_ref());
        let number = self.name.argument_number();
        let mut flags = flags.clone();
        flags.extend(self.derived_flags(handler).into_iter().map(|(flag, _)| Ident::new(flag, Span::call_site())));
        if self.is_async {
            // A script waits for nobody. To say so in the declaration is no mistake.
            flags.push(Ident::new("NOSCRIPT", Span::call_site()));
        }
        let (flags, acl) = (union(&quote!(#rt::Flags), &flags), union(&quote!(#rt::Categories), acl));
        let access = self.access();
        let tips = tips.iter().map(words::tip_text);
        let (versions, changes) = (history.iter().map(|(version, _)| version), history.iter().map(|(_, text)| text));
        let (deprecated_since, replaced_by) =
            (types::option(deprecated.since.as_ref()), types::option(deprecated.replaced_by.as_ref()));
        quote! {
            #rt::CommandDef {
                name: #name,
                container: #container,
                full_name: #full_name,
                family: &FAMILY,
                arity: #rt::arity(#number, PARAMETERS),
                flags: #flags,
                acl: #acl,
                keys: &KEYS,
                access: #access,
                run: #rt::Run::Sync(__run),
                reply: REPLY,
                docs: #rt::Docs {
                    summary: #summary,
                    since: #since,
                    complexity: #complexity,
                    history: &[#((#versions, #changes)),*],
                    deprecated_since: #deprecated_since,
                    replaced_by: #replaced_by,
                    tips: &[#(#tips),*],
                    arguments: ARGUMENTS,
                },
            }
        }
    }

    /// What the command touches: what it can see of the data, or else the keys that it names, if any.
    fn access(&self) -> TokenStream {
        let rt = &self.rt;
        if self.is_async {
            // It takes the locks itself, when it needs them.
            return quote!(#rt::Access::None);
        }
        let declared = self.attribute.access.or_else(|| self.data().and_then(|data| data.kind.access()));
        match declared {
            Some(Access::None) => quote!(#rt::Access::None),
            Some(Access::Keys) => quote!(#rt::Access::Keys),
            Some(Access::All) => quote!(#rt::Access::All),
            Some(Access::Each) => quote!(#rt::Access::Each),
            None => quote!(if KEYS.is_empty() { #rt::Access::None } else { #rt::Access::Keys }),
        }
    }

    /// The flags that follow from the function, and from what.
    fn derived_flags(&self, handler: &Handler) -> Vec<(&'static str, String)> {
        let mut flags = Vec::new();
        let denied = |word: &Option<syn::LitBool>| word.as_ref().is_some_and(|word| !word.value);
        if let Some(data) = self.data() {
            let name = data.kind.name();
            match data.mutable {
                false if !denied(&self.attribute.readonly) => {
                    let lent = if data.kind.is_given() { "" } else { "&" };
                    flags.push(("READONLY", format!("`{lent}{name}`")));
                }
                true if !denied(&self.attribute.write) => flags.push(("WRITE", format!("`&mut {name}`"))),
                _ => {}
            }
        }
        if self.is_async {
            flags.push(("NO_MULTI", "`async fn`".into()));
            let mut writes = self.requested().filter_map(asynchronous::may_write).peekable();
            if writes.peek().is_some() {
                flags.push((if writes.any(|writes| writes) { "WRITE" } else { "READONLY" }, "its keys".into()));
            }
        }
        if types::mentions(&handler.signature.output, "Wait") {
            flags.push(("BLOCKING", "`Wait<_>`".into()));
        }
        if self.requested().any(|requested| types::has_zero(&requested.ty, "NumKeys")) {
            flags.push(("NO_MANDATORY_KEYS", "`NumKeys<0>`".into()));
        }
        flags
    }

    /// Refuses flags that are derived anyway, and to deny those that are not.
    fn check_flags(&self, handler: &Handler) -> Result<()> {
        let derived = self.derived_flags(handler);
        for flag in &self.attribute.flags {
            if let Some((_, source)) = derived.iter().find(|(derived, _)| flag == derived) {
                return Err(Error::new(flag.span(), format!("leave this out: `{flag}` follows from {source}")));
            }
            if flag == "MOVABLEKEYS" {
                return Err(Error::new(flag.span(), "leave this out: `MOVABLEKEYS` follows from the keys"));
            }
        }
        let mutable = self.data().map(|data| data.mutable);
        if let Some(word) = self.attribute.readonly.as_ref().filter(|word| word.value || mutable != Some(false)) {
            return Err(Error::new(
                word.span(),
                "`readonly = false` is for commands that take `&Db`, `&Keyspace` or `Walk`",
            ));
        }
        if let Some(word) = self.attribute.write.as_ref().filter(|word| word.value || mutable != Some(true)) {
            return Err(Error::new(
                word.span(),
                "`write = false` is for commands that take `&mut Db` or `&mut Keyspace`",
            ));
        }
        Ok(())
    }
}

impl Requested {
    fn shape(&self, rt: &TokenStream) -> TokenStream {
        match (&self.arg.token, types::inner(&self.ty, "Option")) {
            (None, _) => types::argument(rt, &self.ty, "SHAPE"),
            (Some(_), None) => {
                let shape = types::argument(rt, &self.ty, "SHAPE");
                quote!(#rt::behind_token(#shape))
            }
            (Some(_), Some(inner)) => {
                let shape = types::argument(rt, inner, "SHAPE");
                quote!(#rt::optional(#rt::behind_token(#shape)))
            }
        }
    }

    fn shape_pass(&self, rt: &TokenStream, cursor: &Ident) -> TokenStream {
        let reworded = self.arg.reworded(rt, &quote!(#cursor.command()));
        let optional = types::inner(&self.ty, "Option").filter(|_| self.arg.token.is_some());
        let ty = optional.unwrap_or(&self.ty);
        let shape = types::argument(rt, ty, "shape");
        let shape = quote_spanned!(ty.span()=> #shape(&mut #cursor) #reworded?);
        match (&self.arg.token, optional) {
            (None, _) => shape,
            (Some(token), Some(_)) => quote!(if #cursor.take_token(#token) { Some(#shape) } else { None }),
            (Some(token), None) => {
                let missing = match &self.arg.error {
                    Some(text) => quote!(#rt::Error::new(#text)),
                    None => quote!(#rt::Error::SYNTAX),
                };
                quote!({
                    if !#cursor.take_token(#token) {
                        return Err(#missing);
                    }
                    #shape
                })
            }
        }
    }

    fn value_pass(&self, rt: &TokenStream, raw: &Ident, context: &Ident) -> TokenStream {
        let reworded = self.arg.reworded(rt, &quote!(#context.command));
        let value = types::argument(rt, &self.ty, "value");
        quote_spanned!(self.ty.span()=> #value(#raw, &#context) #reworded?)
    }
}

impl Name {
    /// How many arguments the name takes.
    fn argument_number(&self) -> i16 {
        if self.container.is_some() { 2 } else { 1 }
    }
}

/// The conditions under which the function is compiled, which hold for everything beside it too.
fn conditions(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"))
}
