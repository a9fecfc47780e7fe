//! Parameters that come from the server and take no argument.
//!
//! Most are lent for the length of the call, some given. They are told by the last word of their type, so that the macro can
//! derive from them what the command touches.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, Result, Type};

use crate::attribute::Access;
use crate::types;

/// What the server lends to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The keys that the command declares.
    Db,
    /// All keys.
    Keyspace,
    /// All keys, one shard at a time: given, as it does the locking.
    Walk,
    Server,
    SharedServer,
    Client,
    Reply,
    Propagation,
    Context,
    /// Everything at once.
    Call,
    /// The way of an `async` command to its keys, which is not lent but given.
    Caller,
}

/// A parameter that the server lends.
pub(crate) struct Provided {
    pub(crate) kind: Kind,
    /// Whether it is lent for changing.
    pub(crate) mutable: bool,
    /// Its type, for errors.
    pub(crate) ty: Box<Type>,
}

impl Kind {
    fn of(ty: &Type) -> Option<Self> {
        let segment = types::last_segment(ty)?;
        Some(match segment.ident.to_string().as_str() {
            "Db" => Kind::Db,
            "Keyspace" => Kind::Keyspace,
            "Walk" => Kind::Walk,
            "Server" => Kind::Server,
            "Arc" if types::inner(ty, "Arc").is_some_and(|inner| types::is(inner, "Server")) => Kind::SharedServer,
            "Client" => Kind::Client,
            "Reply" => Kind::Reply,
            "Propagation" => Kind::Propagation,
            "Context" => Kind::Context,
            "Call" => Kind::Call,
            "Caller" => Kind::Caller,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Db => "Db",
            Kind::Keyspace => "Keyspace",
            Kind::Walk => "Walk",
            Kind::Server => "Server",
            Kind::SharedServer => "Arc<Server>",
            Kind::Client => "Client",
            Kind::Reply => "Reply",
            Kind::Propagation => "Propagation",
            Kind::Context => "Context",
            Kind::Call => "Call",
            Kind::Caller => "Caller",
        }
    }

    /// Whether it gives access to the data.
    pub(crate) fn is_data(self) -> bool {
        matches!(self, Kind::Db | Kind::Keyspace | Kind::Walk)
    }

    /// What a command touches that takes it, if it gives access to the data.
    pub(crate) fn access(self) -> Option<Access> {
        match self {
            Kind::Db => Some(Access::Keys),
            Kind::Keyspace => Some(Access::All),
            Kind::Walk => Some(Access::Each),
            _ => None,
        }
    }

    /// Whether it is given, not lent.
    pub(crate) fn is_given(self) -> bool {
        matches!(self, Kind::Walk | Kind::Caller)
    }

    /// Whether it can be lent for reading only, and for changing.
    fn lent(self) -> (bool, bool) {
        match self {
            Kind::Db | Kind::Keyspace | Kind::Client => (true, true),
            Kind::Server | Kind::SharedServer | Kind::Context => (true, false),
            Kind::Reply | Kind::Propagation | Kind::Call => (false, true),
            Kind::Walk | Kind::Caller => (false, false),
        }
    }
}

impl Provided {
    /// The parameter, if the server lends such a thing.
    pub(crate) fn find(ty: &Type) -> Result<Option<Self>> {
        let (target, lent) = match ty {
            Type::Reference(reference) => (&*reference.elem, Some(reference.mutability.is_some())),
            ty => (ty, None),
        };
        let Some(kind) = Kind::of(target) else { return Ok(None) };
        let (shared, mutable) = kind.lent();
        let name = kind.name();
        match lent {
            None if kind.is_given() => Ok(Some(Provided { kind, mutable: false, ty: Box::new(ty.clone()) })),
            Some(_) if kind.is_given() => {
                Err(Error::new_spanned(ty, format!("this is given, not lent: take `{name}`")))
            }
            Some(true) if mutable => Ok(Some(Provided { kind, mutable: true, ty: Box::new(ty.clone()) })),
            Some(false) if shared => Ok(Some(Provided { kind, mutable: false, ty: Box::new(ty.clone()) })),
            _ => {
                let forms = match (shared, mutable) {
                    (true, true) => format!("`&{name}` or `&mut {name}`"),
                    (true, false) => format!("`&{name}`"),
                    _ => format!("`&mut {name}`"),
                };
                Err(Error::new_spanned(ty, format!("the server lends this: take {forms}")))
            }
        }
    }

    /// The expression that lends it, where `call` is the call, `context` the context of the value pass, and `caller` the
    /// `Caller` of an `async` command.
    pub(crate) fn lend(&self, rt: &TokenStream, call: &Ident, context: &Ident, caller: &Ident) -> TokenStream {
        match (self.kind, self.mutable) {
            (Kind::Db, false) => quote!(#call.keyspace.db()),
            (Kind::Db, true) => quote!(#call.keyspace.db_mut()),
            (Kind::Keyspace, false) => quote!(&*#call.keyspace),
            (Kind::Keyspace, true) => quote!(&mut *#call.keyspace),
            (Kind::Walk, _) => quote!(#rt::Walk::new(&mut *#call.keyspace)),
            (Kind::Server, _) => quote!(&*#call.worker.server),
            (Kind::SharedServer, _) => quote!(&#call.worker.server),
            (Kind::Client, false) => quote!(&*#call.client),
            (Kind::Client, true) => quote!(&mut *#call.client),
            (Kind::Reply, _) => quote!(&mut *#call.reply),
            (Kind::Propagation, _) => quote!(&mut *#call.log),
            (Kind::Context, _) => quote!(&#context),
            (Kind::Call, _) => quote!(&mut *#call),
            (Kind::Caller, _) => quote!(#caller.clone()),
        }
    }
}
