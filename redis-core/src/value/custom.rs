//! Values of types that are not built in.
//!
//! Such a type comes from another crate, so nothing here knows it: an object holds it behind a pointer with the few
//! questions that the keyspace has for any value, and whoever names the type gets it back by a checked cast. How a type
//! is declared, saved and loaded is told in [`data_type`](crate::rdb::data_type).

use std::any::Any;
use std::fmt;
use std::hash::Hasher;

/// What the keyspace asks any value of a custom type.
pub(crate) trait CustomValue: Any + Send + Sync {
    fn type_name(&self) -> &'static str;
    fn is_empty(&self) -> bool;
    fn memory(&self) -> usize;
    fn free_effort(&self) -> usize;
    fn digest(&self, state: &mut dyn Hasher);
    fn boxed_clone(&self) -> Box<dyn CustomValue>;
}

/// A value of a type that is not built in.
pub struct Custom(Box<dyn CustomValue>);

impl Custom {
    pub(crate) fn new(value: impl CustomValue) -> Self {
        Custom(Box::new(value))
    }

    /// The name of its type, which TYPE replies: nine characters.
    pub fn type_name(&self) -> &'static str {
        self.0.type_name()
    }

    /// Whether nothing is left, so that the key must go.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes the value takes.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    /// About how many allocations there are to free.
    pub fn free_effort(&self) -> usize {
        self.0.free_effort()
    }

    /// Feeds a hash with what makes the value differ from others of its type.
    pub fn digest(&self, state: &mut dyn Hasher) {
        self.0.digest(state);
    }

    /// The value, if it is a `T`.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        (&*self.0 as &dyn Any).downcast_ref()
    }

    /// The value to be changed, if it is a `T`.
    pub fn downcast_mut<T: 'static>(&mut self) -> Option<&mut T> {
        (&mut *self.0 as &mut dyn Any).downcast_mut()
    }
}

impl Clone for Custom {
    fn clone(&self) -> Self {
        Custom(self.0.boxed_clone())
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Custom").field(&self.type_name()).finish()
    }
}
