//! Libraries of functions, as text that nobody reads.
//!
//! There is nothing here yet that could run them. They come with the data, and go with them again, so that a server that
//! can run them finds them as they were.

use std::sync::Arc;

use parking_lot::RwLock;

/// The source texts.
#[derive(Debug, Default)]
pub struct Libraries(RwLock<Arc<[Box<[u8]>]>>);

impl Libraries {
    /// All of them, in the order in which they were loaded.
    pub fn get(&self) -> Arc<[Box<[u8]>]> {
        self.0.read().clone()
    }

    /// Takes these instead of all there were.
    pub fn replace(&self, libraries: Vec<Box<[u8]>>) {
        *self.0.write() = libraries.into();
    }
}
