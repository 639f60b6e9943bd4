//! Entries at the bottom of a table that nobody can change, but for whoever unseals them.
//!
//! The slots of the lowest segments are taken out of the allocator when the table is made: it
//! counts them as handed out. The pages are writable only while a
//! [`ReadOnlyScope`](crate::ReadOnlyScope) is there.

use crate::code_error::CodePointerError;
use crate::handle::Handle;
use crate::sync::{Mutex, lock};

/// The read-only slots of a table.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    pub(crate) segments: u32,
    /// The first index that is not one of them; 1 if there are none.
    pub(crate) end: u32,
    pub(crate) free: Mutex<Free>,
}

/// Which of them have no entry.
#[derive(Debug)]
pub(crate) struct Free {
    /// From this one on, none has.
    pub(crate) next: u32,
    /// Below that, these have none.
    pub(crate) freed: Vec<Handle>,
}

impl ReadOnly {
    pub(crate) fn new(segments: u32, end: u32) -> Self {
        Self { segments, end, free: Mutex::new(Free { next: 1, freed: Vec::new() }) }
    }

    /// Is the slot with this number one of them? (Slot 0 is nobody's.)
    #[inline]
    pub(crate) fn check(&self, handle: Handle) -> Result<(), CodePointerError> {
        let (raw, end) = (handle.to_raw(), self.end);
        if raw < end { Err(CodePointerError::ReadOnly { raw, end }) } else { Ok(()) }
    }

    /// How many slots there are, and how many of them have no entry.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let free = lock(&self.free);
        let unused = self.end - free.next + free.freed.len() as u32;
        (u64::from(self.end - 1), u64::from(unused))
    }
}
