//! The thread that sweeps: its turn, and its record.

use super::record::Record;
use super::safepoint::{Operation, Safepoint};
use crate::bits::handle::OperationError;
use crate::sync::Held;

/// The right to sweep, which one thread has at a time.
#[derive(Debug)]
pub(crate) struct Sweeper<'a> {
    safepoint: &'a Safepoint,
    record: &'a Record,
    /// Released when this is dropped.
    _turn: Held<'a, ()>,
}

impl Safepoint {
    /// Waits until no other thread sweeps, and takes the right to. Allocates nothing under a lock.
    pub(crate) fn sweeper(&self) -> Result<Sweeper<'_>, OperationError> {
        if self.is_stopped_by_caller() {
            return Err(OperationError::Reentered);
        }
        let record = self.sweeper.make().ok_or(OperationError::OutOfMemory)?;
        Ok(Sweeper { safepoint: self, record, _turn: self.sweeping.lock()? })
    }
}

impl Sweeper<'_> {
    /// Begins an operation of the sweeper's. Blocks while the world is stopped.
    pub(crate) fn enter(&mut self) -> Option<Operation<'_>> {
        // SAFETY: the sweeper owns the record, and the operation borrows this mutably.
        unsafe { self.safepoint.enter(self.record) }
    }
}
