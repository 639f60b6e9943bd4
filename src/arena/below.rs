//! What is kept below slot 0: it grows with the committed segments, in the same mapping.

use core::marker::PhantomData;

use super::holder::Holder;
use super::memory::Memory;
#[cfg(model)]
use super::slots::Mapping;
use crate::bits::geometry::SEGMENT_BYTES;
use crate::bits::word::Word;
use crate::sys::Protection;
#[cfg(not(model))]
use crate::sys::{Mapping, page_bytes};

/// The bytes that are kept below slot 0 for the lowest slots, given their number.
pub(crate) type Below = fn(usize) -> usize;

// SAFETY: the address belongs to the mapping, which may be sent.
unsafe impl<W: Word> Send for Memory<W> {}
// SAFETY: as for `Send`. The address is only read.
unsafe impl<W: Word> Sync for Memory<W> {}

impl<W: Word> Memory<W> {
    /// The memory of so many slots in a mapping, which begins with the bytes below slot 0.
    pub(super) fn over(
        #[cfg(not(model))] mapping: Mapping,
        #[cfg(model)] mapping: Mapping<W>,
        slot_count: usize,
        below: usize,
        protection: Protection,
    ) -> Self {
        // SAFETY: inside the mapping.
        let base = unsafe { mapping.base().byte_add(below) }.cast();
        // SAFETY: inside the mapping.
        let write_base = unsafe { mapping.write_base().byte_add(below) }.cast();
        let (mapping, marker) = (Holder::One(mapping), PhantomData);
        Self { mapping, base, write_base, slot_count, below, protection, marker }
    }

    /// Where a slot is in the mapping.
    pub(super) fn offset(&self, first: usize) -> usize {
        self.below + first * Self::SLOT_BYTES
    }

    /// Makes slots writable, and with them what is below slot 0, up to the distance that `reach`
    /// gives for a number of slots.
    pub(crate) fn make_writable(
        &self,
        first: usize,
        count: usize,
        reach: impl Fn(usize) -> usize,
    ) -> Result<(), i32> {
        let lowest = |slots: usize| {
            self.below - reach(slots).next_multiple_of(SEGMENT_BYTES).min(self.below)
        };
        let (from, to) = (lowest(first + count), lowest(first));
        let (offset, bytes) = (self.offset(first), count * Self::SLOT_BYTES);
        if from == to {
            return self.mapping.make_writable(offset, bytes);
        }
        if first == 0 {
            return self.mapping.make_writable(from, offset + bytes - from);
        }
        self.mapping.make_writable(from, to - from)?;
        self.mapping.make_writable(offset, bytes)
    }

    /// Gives the memory of whole segments back, and what is kept below slot 0 for them alone. Both
    /// read as zeros again.
    ///
    /// # Safety
    ///
    /// None of these slots is in use, and no thread stores to them, or for them, concurrently.
    pub(super) unsafe fn decommit_segments(
        &self,
        first: usize,
        count: usize,
        reach: Below,
    ) -> Result<(), i32> {
        // SAFETY: by the contract of this function.
        unsafe { self.decommit(first, count) }?;
        #[cfg(not(model))]
        if let Some(page) = page_bytes() {
            let (end, unit) = (first + count, reach(1));
            let (from, to) = (reach(first), reach(end));
            // A unit may be kept for the slots behind them too.
            let to = if reach(end + 1) > to { to } else { to.saturating_sub(unit) };
            let (from, to) = (from.next_multiple_of(page), to - to % page);
            if from < to && end < self.slot_count() {
                // Best effort: the rest is an eighth of a byte a slot.
                // SAFETY: by the contract of this function.
                let _ = unsafe { self.mapping.decommit(self.below - to, to - from) };
            }
        }
        let _ = reach;
        Ok(())
    }
}
