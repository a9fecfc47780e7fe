//! What is wrong with input that is no request, in the words clients know.

use std::fmt;

use super::encode::Reply;

/// Input that is no request. There is no way to go on after it: the client gets the error, and its connection is
/// closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each says what its text says")]
pub enum ProtocolError {
    TooBigInlineRequest,
    UnbalancedQuotes,
    TooBigMultibulkCountString,
    InvalidMultibulkLength,
    UnauthenticatedMultibulkLength,
    TooBigBulkCountString,
    InvalidBulkLength,
    UnauthenticatedBulkLength,
    /// An argument does not begin with `$` but with this byte.
    ExpectedDollar(u8),
}

impl ProtocolError {
    /// Writes the error as the client gets it.
    pub fn write_to(self, reply: &mut Reply) {
        let mut text = b"ERR Protocol error: ".to_vec();
        match self {
            // Not as text: the byte is sent as it came.
            ProtocolError::ExpectedDollar(byte) => {
                text.extend_from_slice(&[b"expected '$', got '", &[byte][..], b"'"].concat())
            }
            other => text.extend_from_slice(other.text().as_bytes()),
        }
        reply.error(text);
    }

    fn text(self) -> &'static str {
        match self {
            ProtocolError::TooBigInlineRequest => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolError::TooBigMultibulkCountString => "too big mbulk count string",
            ProtocolError::InvalidMultibulkLength => "invalid multibulk length",
            ProtocolError::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            ProtocolError::TooBigBulkCountString => "too big bulk count string",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedBulkLength => "unauthenticated bulk length",
            ProtocolError::ExpectedDollar(_) => "expected '$'",
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Protocol error: {}", self.text())?;
        match self {
            ProtocolError::ExpectedDollar(byte) => write!(f, ", got '{}'", byte.escape_ascii()),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_worded_as_clients_know_them() {
        let text = |error: ProtocolError| {
            let mut reply = Reply::new(2);
            error.write_to(&mut reply);
            reply.take()
        };
        assert_eq!(text(ProtocolError::InvalidBulkLength), b"-ERR Protocol error: invalid bulk length\r\n");
        assert_eq!(text(ProtocolError::ExpectedDollar(b'P')), b"-ERR Protocol error: expected '$', got 'P'\r\n");
        assert_eq!(text(ProtocolError::ExpectedDollar(b'\r')), b"-ERR Protocol error: expected '$', got ' '\r\n");
        assert_eq!(text(ProtocolError::ExpectedDollar(0xff)), b"-ERR Protocol error: expected '$', got '\xff'\r\n");
        assert_eq!(ProtocolError::ExpectedDollar(0xff).to_string(), "Protocol error: expected '$', got '\\xff'");
        assert_eq!(ProtocolError::UnbalancedQuotes.to_string(), "Protocol error: unbalanced quotes in request");
    }
}
