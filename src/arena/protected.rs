//! What only the memory of a protected table does: rights, sealing, and children of the process.

use super::arena::Arena;
use super::memory::Memory;
use crate::bits::word::Word;
use crate::sys::{Protection, Rights};

impl<W: Word> Memory<W> {
    /// Makes writable slots read-only for all threads, or writable again.
    fn seal(&self, first: usize, count: usize, sealed: bool) -> Result<(), i32> {
        self.mapping.seal(self.offset(first), count * Self::SLOT_BYTES, sealed)
    }

    /// Sees to it that sealing these slots, all of them, is not refused for want of mappings.
    fn set_apart(&self, first: usize, count: usize) -> Result<(), i32> {
        #[cfg(not(model))]
        self.mapping.set_apart(self.offset(first), count * Self::SLOT_BYTES)?;
        let _ = (first, count);
        Ok(())
    }

    /// Returns `true` in a child of the process that may not write to the slots, since it shares
    /// them with its parent.
    fn is_foreign(&self) -> bool {
        #[cfg(not(model))]
        return self.mapping.is_foreign();
        #[cfg(model)]
        false
    }

    /// Makes slots that the calling process shares with its parent read as zero. For a child of the
    /// process. Async-signal-safe.
    fn after_fork(&self) {
        #[cfg(not(model))]
        self.mapping.after_fork();
    }
}

impl<W: Word> Arena<W> {
    pub(crate) fn rights(&self) -> Rights {
        self.memory.rights()
    }

    pub(crate) fn protection(&self) -> Protection {
        self.memory.protection()
    }

    /// Makes the lowest `count` segments, which are committed, read-only or writable again.
    pub(crate) fn seal_lowest(&self, count: u32, sealed: bool) -> Result<(), i32> {
        self.memory.seal(0, (count * self.geometry.slots_per_segment()) as usize, sealed)
    }

    /// Sees to it that sealing the lowest `count` segments is not refused for want of mappings.
    pub(crate) fn set_lowest_apart(&self, count: u32) -> Result<(), i32> {
        self.memory.set_apart(0, (count * self.geometry.slots_per_segment()) as usize)
    }

    /// Returns `true` in a child of the process that may not write to any slot, since it shares the
    /// memory with its parent.
    pub(crate) fn is_foreign(&self) -> bool {
        self.memory.is_foreign()
    }

    /// Makes all slots read as zero in a child of the process, where it shares the memory with its
    /// parent. Does nothing elsewhere. Async-signal-safe.
    pub(crate) fn after_fork(&self) {
        self.memory.after_fork();
    }
}
