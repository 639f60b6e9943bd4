//! What can go wrong with a slab.

use core::fmt;

use crate::error::AllocError;

/// Why a value was not inserted, and the value. The slab is as it was before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InsertError<T> {
    value: T,
    cause: AllocError,
}

impl<T> InsertError<T> {
    pub(crate) fn new(value: T, cause: AllocError) -> Self {
        Self { value, cause }
    }

    /// The value that was to be inserted.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// Why it was not: [`AllocError::CapacityExhausted`] or [`AllocError::OutOfMemory`].
    #[must_use]
    pub fn cause(&self) -> AllocError {
        self.cause
    }
}

impl<T> fmt::Debug for InsertError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsertError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for InsertError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<T> std::error::Error for InsertError<T> {}

impl<T> From<InsertError<T>> for AllocError {
    fn from(error: InsertError<T>) -> AllocError {
        error.cause
    }
}

/// Why [`Slab::try_take`](crate::Slab::try_take) returns no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TakeError {
    /// The key names no value: it was removed, or never inserted.
    Absent,
    /// The value was there and has been removed by this call. But a guard may see it, so it is
    /// dropped when none can any more.
    Guarded,
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TakeError::Absent => "the key names no value",
            TakeError::Guarded => "the value is removed, and dropped once no guard can see it",
        })
    }
}

impl std::error::Error for TakeError {}
