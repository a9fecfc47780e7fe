//! What a command's module needs: `use redis_core::prelude::*;`

pub use crate::args::{Args, OwnedArgs};
pub use crate::command::{
    Argument, Bulk, Call, Caller, CommandName, Context, Count, Early, IntoReply, Keys, Late, Lazy, Many, Map, Millis,
    NumKeys, Okay, Pattern, Propagation, Rest, ScanCursor, Schema, Seconds, Secret, SetOf, Simple, Timeout, ToArgs,
    UnixMillis, UnixSeconds, Wait, WaitKeys,
};
pub use crate::db::{Db, Deadline, Key, Keyspace, Stored, Ttl, Walk};
pub use crate::error::{Error, Result};
pub use crate::rdb::{DataType, Error as RdbError, RdbReader, RdbWriter};
pub use crate::resp::Reply;
pub use crate::server::{Client, Server};
pub use crate::value::{Hash, Kind, List, Set, Str, Stream, ZSet};
pub use redis_macros::{Options, command, container, data_type, family};
