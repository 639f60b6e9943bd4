//! The slots as readers see them.

use core::ptr::NonNull;

use super::memory::Memory;
use super::slot::Slot;
use crate::bits::word::Word;

/// The slots of an arena as readers see them: where slot 0 is read, and the greatest index.
///
/// A copy of what the arena says, so that a lookup finds all in one cache line of the caller.
#[derive(Debug)]
pub(crate) struct View<W: Word> {
    base: NonNull<Slot<W>>,
    last: u32,
    /// The least power of two above the greatest index, minus 1.
    mask: u32,
}

// SAFETY: the base is only read, and what it points to are atomics and payloads that are shared.
unsafe impl<W: Word> Send for View<W> {}
// SAFETY: as for `Send`.
unsafe impl<W: Word> Sync for View<W> {}

copy!([W: Word] View<W>);

impl<W: Word> View<W> {
    /// `true` if a power of two of slots is reserved, so that a mask keeps a load inside. Not where
    /// addresses are scarce, nor in a model, in which nothing guesses.
    const IS_MASKED: bool =
        Memory::<W>::LOADS_RESERVED && cfg!(all(target_pointer_width = "64", not(model)));

    /// How many segments are reserved for so many.
    pub(super) const fn reserved(segments: u32) -> usize {
        if Self::IS_MASKED { (segments as usize).next_power_of_two() } else { segments as usize }
    }

    /// The most slots for which no more than `slots` are reserved.
    pub(crate) const fn within(slots: u32) -> u32 {
        if Self::IS_MASKED { 1 << slots.ilog2() } else { slots }
    }

    pub(super) fn new(base: NonNull<Slot<W>>, last: u32) -> Self {
        Self { base, last, mask: u32::MAX >> last.leading_zeros() }
    }

    #[inline(always)]
    pub(crate) fn base(&self) -> NonNull<Slot<W>> {
        self.base
    }

    #[inline(always)]
    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// The slot at any number whatever. `None`, or slot 0, which is never in use, beyond the
    /// greatest index.
    ///
    /// A processor that guesses the comparison's outcome wrong loads a slot that the mask allows.
    /// All of those are reserved, so nothing is loaded out of bounds even then. Only a small slab,
    /// whose keys come from the program itself, has fewer.
    ///
    /// # Safety
    ///
    /// The arena lives, and [`Memory::LOADS_RESERVED`] says that reserved slots can be loaded.
    #[inline(always)]
    pub(crate) unsafe fn slot(&self, raw: u32) -> Option<&Slot<W>> {
        let index = match raw <= self.last {
            true if Self::IS_MASKED => raw & self.mask,
            true => raw,
            false if Self::IS_MASKED => return None,
            false => 0,
        };
        // SAFETY: at most the greatest index; the rest by the contract of this function.
        Some(unsafe { self.slot_unchecked(index) })
    }

    /// # Safety
    ///
    /// The arena lives, the index is at most [`last`](Self::last), and its segment is committed
    /// unless [`Memory::LOADS_RESERVED`] says that reserved slots can be loaded.
    #[inline(always)]
    pub(crate) unsafe fn slot_unchecked(&self, index: u32) -> &Slot<W> {
        debug_assert!(index <= self.last);
        // SAFETY: inside the memory (Invariant 6), by the contract of this function.
        let slot = unsafe { self.base.byte_add(index as usize * Memory::<W>::STRIDE) };
        // SAFETY: the memory is there as long as the arena. A slot is made of atomics, of which any
        // bits are valid, and of cells.
        unsafe { slot.as_ref() }
    }
}
