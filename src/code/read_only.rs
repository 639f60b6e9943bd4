//! Read-only entries, in the lowest segments of a table.
//!
//! Building the table takes their slots out of the allocator, which counts them as handed out. The
//! pages are writable only while a [`ReadOnlyScope`](crate::code::ReadOnlyScope) exists.

use super::error::CodePointerError;
use crate::bits::handle::Handle;
use crate::sync::Lock;

/// The read-only slots of a table.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    pub(crate) segments: u32,
    /// The first index that is not read-only. 1 if the table has no read-only slots.
    pub(crate) end: u32,
    /// Held while the segments are unsealed.
    pub(crate) free: Lock<Free>,
}

/// The read-only slots without an entry.
#[derive(Debug)]
pub(crate) struct Free {
    /// The slots from this one on have no entry.
    pub(crate) next: u32,
    /// The slots below `next` without an entry.
    pub(crate) freed: Vec<Handle>,
    /// The system's code, once it has refused to seal the segments.
    pub(crate) seal_refused: Option<i32>,
}

impl ReadOnly {
    pub(crate) fn new(segments: u32, end: u32) -> Self {
        let free = Free { next: 1, freed: Vec::new(), seal_refused: None };
        Self { segments, end, free: Lock::new(free) }
    }

    #[inline]
    pub(crate) fn check(&self, handle: Handle) -> Result<(), CodePointerError> {
        let (raw, end) = (handle.to_raw(), self.end);
        if raw < end { Err(CodePointerError::ReadOnly { raw, end }) } else { Ok(()) }
    }

    /// Returns the number of read-only slots, and of those without an entry.
    pub(crate) fn counts(&mut self) -> (u64, u64) {
        let free = self.free.get_mut();
        let unused = self.end - free.next + free.freed.len() as u32;
        (u64::from(self.end - 1), u64::from(unused))
    }
}
