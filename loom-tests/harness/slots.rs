//! The memory of a model's table: a vector of modelled slots. `src/arena` includes it.
//!
//! Loom's atomics must be made one by one. Zeroed bytes would alias one another silently.

use core::ptr::NonNull;

use super::slot::Slot;
use crate::bits::word::Word;
use crate::sync::Ordering;
use crate::sync::unmodelled::AtomicUsize;
use crate::sys::Protection;
use crate::sys::code::NO_MEMORY;

/// The most bytes that are worth asking for.
pub(crate) const RESERVE_BYTES_MAX: usize = 1 << 10;

/// A reserved slot can be loaded: it reads as a free one.
pub(crate) const READS_RESERVED: bool = true;

/// `None`: models set the page size themselves.
pub(crate) fn page_bytes() -> Option<usize> {
    None
}

/// Stands for a mapping of the system's, with offsets and sizes in its bytes.
#[derive(Debug)]
pub(crate) struct Mapping<W: Word> {
    slots: Box<[Slot<W>]>,
    /// The number of refusals to come.
    refusals: AtomicUsize,
}

impl<W: Word> Mapping<W> {
    /// Makes the slots. Each stands for as many bytes as its word has.
    pub(crate) fn new(bytes: usize, _: Protection) -> Result<Self, i32> {
        let slots = (0..bytes / size_of::<W>()).map(|_| Slot::new()).collect();
        Ok(Self { slots, refusals: AtomicUsize::new(0) })
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        NonNull::from(&*self.slots).cast()
    }

    pub(crate) fn write_base(&self) -> NonNull<u8> {
        self.base()
    }

    pub(crate) fn seal(&self, _: usize, _: usize, _: bool) -> Result<(), i32> {
        Ok(())
    }

    /// Makes the next `count` requests for memory fail.
    pub(crate) fn refuse(&self, count: usize) {
        // Relaxed: before the model begins.
        self.refusals.store(count, Ordering::Relaxed);
    }

    fn range(&self, offset: usize, bytes: usize) -> &[Slot<W>] {
        &self.slots[offset / size_of::<W>()..(offset + bytes) / size_of::<W>()]
    }

    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        self.range(offset, bytes).iter().for_each(Slot::make_writable);
        Ok(())
    }

    pub(crate) fn prefault(&self, _: usize, _: usize) -> Result<(), i32> {
        let less = |left: usize| left.checked_sub(1);
        // Relaxed: a count only.
        match self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Err(NO_MEMORY),
            Err(_) => Ok(()),
        }
    }

    /// # Safety
    ///
    /// No thread stores to these slots concurrently.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        self.range(offset, bytes).iter().for_each(Slot::decommit);
        Ok(())
    }
}
