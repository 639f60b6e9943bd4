//! The errors of a slab.

use core::error::Error;

use crate::bits::handle::OperationError;
use crate::error::AllocError;

/// The reason why a value was not inserted, and the value. The slab is as it was before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InsertError<T> {
    value: T,
    error: AllocError,
}

impl<T> InsertError<T> {
    pub(crate) fn new(value: T, error: AllocError) -> Self {
        Self { value, error }
    }

    /// Returns the value that was to be inserted.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// Returns the reason: [`AllocError::CapacityExhausted`], [`AllocError::OutOfMemory`], or
    /// [`AllocError::Operation`].
    #[must_use]
    pub fn error(&self) -> AllocError {
        self.error
    }
}

fmt!([T] Debug for InsertError<T>, |this, f| {
    f.debug_struct("InsertError").field("error", &this.error).finish_non_exhaustive()
});
fmt!([T] Display for InsertError<T>, |_, f| f.write_str("the value was not inserted"));

impl<T> Error for InsertError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl<T> From<InsertError<T>> for AllocError {
    fn from(error: InsertError<T>) -> AllocError {
        error.error
    }
}

/// The reason why [`Slab::take`](crate::Slab::take) or
/// [`Slab::take_wait`](crate::Slab::take_wait) returns no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TakeError {
    /// The key names no value: the value was removed before, or never inserted.
    Absent,
    /// The call has removed the value, but a guard may see it, or it is referenced. It is dropped
    /// once no guard can, or with the last reference.
    Guarded,
    /// The caller itself has a guard, for whose end it would wait forever. The value stays.
    OwnGuard,
    /// No operation could begin. The value stays.
    Operation(OperationError),
}

fmt!([] Display for TakeError, |this, f| match this {
    TakeError::Absent => f.write_str("the key names no value"),
    TakeError::Guarded => {
        f.write_str("the value is removed, and is dropped once nothing can see it")
    }
    TakeError::OwnGuard => f.write_str("the value was not removed: the caller has a guard itself"),
    TakeError::Operation(error) => write!(f, "the value was not removed: {error}"),
});

operation_error!(TakeError);
