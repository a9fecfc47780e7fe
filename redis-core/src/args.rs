//! The arguments of one request, borrowed or owned.
//!
//! A request on the wire stays where it was read: its arguments are spans of the input buffer. A request that must
//! outlive the buffer (queued by MULTI, blocked on a key) owns a tight copy in the same form, so that nothing behind
//! the dispatcher can tell the two apart.

use crate::resp::Span;

/// The arguments of a request, the command's name first.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    input: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// The arguments that stand at `spans` of `input`.
    #[must_use]
    #[inline]
    pub fn new(input: &'a [u8], spans: &'a [Span]) -> Self {
        Args { input, spans }
    }

    /// How many there are, the name included.
    #[must_use]
    #[inline]
    pub fn len(self) -> usize {
        self.spans.len()
    }

    /// Whether the request is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[inline]
    pub fn get(self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        &self.input[span.start as usize..][..span.len as usize]
    }

    /// All of them in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.spans.iter().map(move |span| &self.input[span.start as usize..][..span.len as usize])
    }

    /// Those from `index` on, as a request of their own.
    ///
    /// # Panics
    /// If there are fewer than `index`.
    #[must_use]
    pub fn behind(self, index: usize) -> Self {
        Args { spans: &self.spans[index..], ..self }
    }

    /// The bytes of all arguments together.
    #[must_use]
    pub fn byte_len(self) -> usize {
        self.spans.iter().map(|span| span.len as usize).sum()
    }

    /// The bytes of what they are part of, which are not fewer.
    #[must_use]
    #[inline]
    pub fn input_len(self) -> usize {
        self.input.len()
    }

    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_owned(self) -> OwnedArgs {
        OwnedArgs::with_room(self.byte_len(), self.len(), self.iter())
    }

    /// Copies the arguments behind other bytes, and where each begins, counted from the first one, behind other spans.
    pub(crate) fn copy_to(self, bytes: &mut Vec<u8>, spans: &mut Vec<Span>) {
        copy(self.iter(), bytes, spans);
    }
}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|arg| arg.escape_ascii().to_string())).finish()
    }
}

fn copy<'a>(args: impl Iterator<Item = &'a [u8]>, bytes: &mut Vec<u8>, spans: &mut Vec<Span>) {
    let first = bytes.len();
    for arg in args {
        let start = u32::try_from(bytes.len() - first).expect("requests stay below 4 GiB");
        let len = u32::try_from(arg.len()).expect("requests stay below 4 GiB");
        spans.push(Span { start, len });
        bytes.extend_from_slice(arg);
    }
}

/// Arguments that own their bytes.
#[derive(Clone, Default)]
pub struct OwnedArgs {
    bytes: Box<[u8]>,
    spans: Box<[Span]>,
}

impl OwnedArgs {
    /// Copies the given arguments.
    ///
    /// # Panics
    /// If they hold 4 GiB or more together, which no request can (the query buffer limit is below).
    pub fn new<'a>(args: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::with_room(0, 0, args)
    }

    /// Copies `len` arguments of together `byte_len` bytes, as far as that is known, so that nothing is copied twice.
    fn with_room<'a>(byte_len: usize, len: usize, args: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut bytes = Vec::with_capacity(byte_len);
        let mut spans = Vec::with_capacity(len);
        copy(args.into_iter(), &mut bytes, &mut spans);
        OwnedArgs { bytes: bytes.into(), spans: spans.into() }
    }

    /// The same arguments, borrowed.
    #[must_use]
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }

    /// The heap bytes that this copy occupies.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.spans)
    }
}

impl std::fmt::Debug for OwnedArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_args().fmt(f)
    }
}
