//! The wire format, RESP versions 2 and 3. No other module knows it.
//!
//! - [`Decoder`] finds the arguments of requests in a connection's read buffer, without copying them.
//! - [`Reply`] writes what commands answer, in the protocol version the client chose.
//! - [`append_command`] writes commands, as clients send them and as the change log has them.
//! - [`Value`] is a reply taken apart again, for callers inside the process and for tests.
//! - [`split_args`] and [`quote`] are the quoting rules of inline requests, which configuration files share.
//!
//! Everything here works on bytes in memory and never sees a socket.

mod command;
mod decode;
mod encode;
mod inline;
mod protocol_error;
mod value;

pub use command::{
    MalformedCommand, append_argument, append_command, append_command_header, parse_command, write_command,
};
pub use decode::{Decoder, Limits, Request, Span};
pub use encode::{Mark, Reply, error_code};
pub use inline::{UnbalancedQuotes, quote, split_args};
pub use protocol_error::ProtocolError;
pub use value::{Value, ValueError};
