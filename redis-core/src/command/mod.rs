//! Commands: how they are declared, found, run, and what follows from a run.
//!
//! A command is one annotated function; everything about it follows from the function's parameters, its return type
//! and its documentation. The pieces, in the order in which a request meets them: `registry` finds the command, `keys`
//! its keys, `dispatch` runs it under their locks, `argument` turns arguments into parameters, `reply` the return
//! value into bytes, `propagation` the change into what is logged. `blocking` and `transaction` run commands again or
//! together, through the same door; `caller` lets `async` ones run in pieces.

mod accounting;
mod argument;
mod blocking;
mod call;
mod caller;
mod def;
mod dispatch;
mod docs;
mod eviction;
mod flags;
#[doc(hidden)]
pub mod generated;
mod help;
pub mod keys;
mod names;
mod notify;
mod propagation;
mod registry;
mod reply;
mod reset;
mod schema;
pub(crate) mod transaction;
mod worker;

pub use argument::{
    Argument, Context, Count, Cursor, Early, KeyShape, Keys, Late, Lazy, Many, Millis, NumKeys, Parameter, Pattern,
    Rest, ScanCursor, Seconds, Secret, Secrets, Shape, Timeout, UnixMillis, UnixSeconds, arity, integer,
    key_spec_count, key_specs, wrong_arity,
};
pub(crate) use blocking::serve;
pub use blocking::{settle, unblock};
pub use call::Call;
pub use caller::{Answer, Caller, LendWorker, Task};
pub use def::{Access, CommandDef, Family, Outcome, Run, Waiting};
pub(crate) use dispatch::tell;
pub use dispatch::{Flow, Recognised, disconnect, execute, recognise};
pub use docs::{ArgDoc, ArgKind, Docs};
pub use flags::{Begin, Categories, Find, Flags, KeyFlags, KeySpec};
pub use help::{describe, help};
pub use propagation::{CommandName, EffectArgs, Propagation, ToArgs};
pub use registry::{Command, Registry, RegistryError};
pub use reply::{Bulk, IntoOutcome, IntoReply, Map, Okay, SetOf, Simple, Wait, WaitKeys};
pub use schema::Schema;
pub use worker::{Runner, Worker};
