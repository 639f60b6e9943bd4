//! The records of mutators that could not register.

#[cfg(not(model))]
use super::record::BUSY;
use super::record::Record;
use crate::bits::handle::OperationError;

impl Record {
    /// The record of mutators that could not register: it is always in an operation.
    #[cfg(not(model))]
    pub(crate) const fn refused(error: OperationError) -> &'static Record {
        static REFUSED: [Record; 3] = [const { Record::with(0, BUSY) }; 3];
        &REFUSED[error as usize]
    }

    /// In a model each registers.
    #[cfg(model)]
    pub(crate) fn refused(error: OperationError) -> &'static Record {
        unreachable!("{error}")
    }

    /// The reason, if the record is that of [`refused`](Self::refused).
    pub(crate) fn refusal(&self) -> Option<OperationError> {
        use OperationError::{Forked, OutOfMemory, Reentered};
        let is_it = |&error: &OperationError| core::ptr::eq(self, Self::refused(error));
        [Reentered, Forked, OutOfMemory].into_iter().find(|error| cfg!(not(model)) && is_it(error))
    }
}
