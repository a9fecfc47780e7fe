//! What MULTI has queued: requests one behind the other, so that another one is no allocation but a copy.

use crate::args::Args;
use crate::db::Key;
use crate::resp::Span;

/// A queue that has more room than this many bytes is not kept for the next transaction.
const KEEP: usize = 4096;

/// Requests that wait for EXEC.
#[derive(Debug, Default)]
pub struct Queue {
    /// The arguments of all requests, and where each argument is in those of its own request.
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// The keys of all requests.
    keys: Vec<Key>,
    requests: Vec<Ends>,
}

/// A request: its command, and where what belongs to it ends.
#[derive(Debug)]
struct Ends {
    command: u16,
    bytes: usize,
    spans: usize,
    keys: usize,
}

/// A request that waits for EXEC.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a> {
    /// Number of the command.
    pub command: u16,
    /// The request.
    pub args: Args<'a>,
    /// Its keys.
    pub keys: &'a [Key],
}

impl Queue {
    /// How many requests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The bytes of all arguments, and of what tells them apart.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.spans)
    }

    /// Adds a request.
    pub fn push(&mut self, command: u16, args: Args<'_>, keys: &[Key]) {
        args.copy_to(&mut self.bytes, &mut self.spans);
        self.keys.extend_from_slice(keys);
        let (bytes, spans, keys) = (self.bytes.len(), self.spans.len(), self.keys.len());
        self.requests.push(Ends { command, bytes, spans, keys });
    }

    /// The requests, in order.
    pub fn iter(&self) -> impl Iterator<Item = Queued<'_>> {
        let mut start = (0, 0, 0);
        self.requests.iter().map(move |ends| {
            let (bytes, spans, keys) = std::mem::replace(&mut start, (ends.bytes, ends.spans, ends.keys));
            let args = Args::new(&self.bytes[bytes..ends.bytes], &self.spans[spans..ends.spans]);
            Queued { command: ends.command, args, keys: &self.keys[keys..ends.keys] }
        })
    }

    /// The keys of all requests.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Forgets the requests, but keeps their room for those of the next transaction, unless it is much.
    pub fn clear(&mut self) {
        let room = self.bytes.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.keys.capacity() * size_of::<Key>()
            + self.requests.capacity() * size_of::<Ends>();
        if room > KEEP {
            *self = Self::default();
        }
        self.bytes.clear();
        self.spans.clear();
        self.keys.clear();
        self.requests.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::OwnedArgs;

    #[test]
    fn requests_come_out_as_they_went_in() {
        let requests = [&[&b"SET"[..], b"key", b""][..], &[b"PING"], &[b"MGET", b"a", b"b"], &[&b"X"[..]; 9]];
        let keys = |request: usize| -> Vec<_> { (0..request as u32).map(|index| Key { hash: 7, index }).collect() };
        let mut queue = Queue::default();
        for round in 0..2 {
            for (request, args) in requests.iter().enumerate() {
                queue.push(request as u16, OwnedArgs::new(args.iter().copied()).as_args(), &keys(request));
            }
            assert_eq!((queue.len(), queue.keys().len()), (4, 6));
            for (request, queued) in queue.iter().enumerate() {
                assert!(queued.args.iter().eq(requests[request].iter().copied()));
                let indices = |keys: &[Key]| keys.iter().map(|key| key.index).collect::<Vec<_>>();
                assert_eq!((queued.command, indices(queued.keys)), (request as u16, indices(&keys(request))));
            }
            queue.clear();
            assert!(queue.is_empty() && queue.memory() == 0 && queue.bytes.capacity() > 0, "{round}");
        }
        queue.push(0, OwnedArgs::new([&[b'x'; KEEP + 1][..]]).as_args(), &[]);
        queue.clear();
        assert_eq!(queue.bytes.capacity(), 0);
    }
}
