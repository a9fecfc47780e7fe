//! Why bytes are not what they should be.

/// What is wrong with bytes that should be a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More must follow.
    #[error("the bytes end too early")]
    Truncated,
    /// There is no such type, or not in this version.
    #[error("no type has the byte {0}")]
    UnknownType(u8),
    /// A value of a module's type that this server does not have.
    #[error("no data type is called {}", super::module_name(*.0))]
    UnknownModule(u64),
    /// The bytes break the rules of their form.
    #[error("{0}")]
    Malformed(&'static str),
    /// A collection has an element, member or field twice.
    #[error("an element is there twice")]
    Duplicate,
    /// A collection is empty.
    #[error("the collection is empty")]
    Empty,
    /// All fields of a hash have expired. The bytes are in order, but nothing comes of them.
    #[error("all fields have expired")]
    Expired,
    /// A payload's footer has an unknown version, or a checksum that is not that of the payload.
    #[error("the version or the checksum is wrong")]
    Footer,
}
