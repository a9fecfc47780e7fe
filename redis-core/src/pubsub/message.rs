//! One published message, encoded at most once for each protocol.

use bytes::Bytes;

use crate::resp::Reply;

/// Room for the header and the lengths of up to four elements; a guess, the buffer grows if it is too small.
const FRAMING: usize = 48;

/// A message on its way to the subscribers of one channel or pattern.
///
/// Most channels are read by connections that speak one protocol, so neither form is made before someone needs it.
pub(super) struct Message<'a> {
    text: Text<'a>,
    resp2: Option<Bytes>,
    resp3: Option<Bytes>,
}

struct Text<'a> {
    verb: &'static str,
    pattern: Option<&'a [u8]>,
    channel: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// `verb` is `message`, `smessage`, or `pmessage` which goes with a pattern.
    pub(super) fn new(verb: &'static str, pattern: Option<&'a [u8]>, channel: &'a [u8], payload: &'a [u8]) -> Self {
        Self { text: Text { verb, pattern, channel, payload }, resp2: None, resp3: None }
    }

    /// The bytes to send to a subscriber of that protocol, shared with all others of it.
    pub(super) fn encoded(&mut self, protocol: u8) -> &Bytes {
        let Self { text, resp2, resp3 } = self;
        let form = if protocol == 3 { resp3 } else { resp2 };
        form.get_or_insert_with(|| text.encode(protocol))
    }
}

impl Text<'_> {
    fn encode(&self, protocol: u8) -> Bytes {
        let pattern_len = self.pattern.map_or(0, <[u8]>::len);
        let texts = self.verb.len() + pattern_len + self.channel.len() + self.payload.len();
        let mut reply = Reply::with_buffer(protocol, Vec::with_capacity(texts + FRAMING));
        reply.push(if self.pattern.is_some() { 4 } else { 3 });
        reply.bulk(self.verb.as_bytes());
        if let Some(pattern) = self.pattern {
            reply.bulk(pattern);
        }
        reply.bulk(self.channel);
        reply.bulk(self.payload);
        Bytes::from(reply.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_and_sharing() {
        let mut message = Message::new("message", None, b"ch", b"hi");
        assert_eq!(message.encoded(2), "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n");
        assert_eq!(message.encoded(3), ">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n");
        let one = message.encoded(3).as_ptr();
        assert_eq!(one, message.encoded(3).as_ptr());

        let mut matched = Message::new("pmessage", Some(b"c*"), b"ch", b"");
        assert_eq!(matched.encoded(2), "*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$0\r\n\r\n");
    }
}
