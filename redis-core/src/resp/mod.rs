//! The wire format, RESP versions 2 and 3. No other module knows it.
//!
//! - [`Decoder`] finds the arguments of requests in a connection's read buffer, without copying them.
//! - [`Reply`] writes what commands answer, in the protocol version the client chose.
//! - [`Value`] is a reply taken apart again, for callers inside the process and for tests.
//! - [`split_args`] and [`quote`] are the quoting rules of inline requests, which configuration files share.
//!
//! Everything here works on bytes in memory and never sees a socket.

mod decode;
mod encode;
mod inline;
mod protocol_error;
mod value;

pub use decode::{Decoder, Limits, Request, Span};
pub use encode::{Mark, Reply, error_code, write_command};
pub use inline::{UnbalancedQuotes, quote, split_args};
pub use protocol_error::ProtocolError;
pub use value::{Value, ValueError};
