//! The slots of a range and their lessees, at hand for a loop over many.

use core::ptr::NonNull;

use super::arena::Arena;
use super::lease::{Common, Lessee};
use super::memory::Memory;
use super::slot::Slot;
use super::view::View;
use crate::bits::word::Word;
use crate::sync::AtomicU32;

/// Where slots are written, and where their lessees are: copies, so that a loop with a locked
/// instruction in it does not load them again each time.
#[derive(Debug)]
pub(crate) struct Window<W: Word> {
    view: View<W>,
    shift: u32,
    lessees: NonNull<AtomicU32>,
}

// SAFETY: only atomics are reached through it.
unsafe impl<W: Word> Send for Window<W> {}
// SAFETY: as for `Send`.
unsafe impl<W: Word> Sync for Window<W> {}

impl<W: Word> Arena<W> {
    /// # Safety
    ///
    /// This arena and `common`, which its range shares, live as long as the result.
    pub(crate) unsafe fn window(&self, common: &Common) -> Window<W> {
        Window {
            view: View::new(self.memory.write_base, self.geometry.capacity()),
            shift: self.geometry.slots_per_segment().trailing_zeros(),
            lessees: common.first(),
        }
    }
}

impl<W: Word> Window<W> {
    /// Asks the processor for the slot's cache line, for a write. Does nothing beyond the capacity.
    #[inline(always)]
    pub(crate) fn prefetch(&self, raw: u32) {
        #[cfg(all(target_arch = "x86_64", not(any(miri, model))))]
        if raw <= self.view.last() {
            use core::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
            let slot = self.view.base().as_ptr().cast::<i8>();
            let slot = slot.wrapping_add(raw as usize * Memory::<W>::STRIDE);
            // SAFETY: a hint, which never faults.
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(slot) };
        }
        let _ = raw;
    }

    /// The slot of any number, its word, and the lessee of its segment. `None` beyond the capacity,
    /// and where the slot was never committed and cannot be loaded.
    #[inline(always)]
    pub(crate) fn find(&self, raw: u32) -> Option<(&Slot<W>, W, Lessee)> {
        if raw > self.view.last() {
            return None;
        }
        // SAFETY: a word for each segment, of which the number's is one.
        let lessee = unsafe { self.lessees.add((raw >> self.shift) as usize) };
        // SAFETY: the words live as long as this, by the contract of `window`.
        let lessee = unsafe { lessee.as_ref() };
        if !Memory::<W>::LOADS_RESERVED && Common::load(lessee).number() == 0 {
            return None;
        }
        // SAFETY: at most the greatest index (Invariant 6). The arena lives. A segment that has a
        // lessee was committed once.
        let slot = unsafe { self.view.slot_unchecked(raw) };
        // The word first: a lessee that is seen with it has had the segment since.
        let word = slot.load();
        Some((slot, word, Common::load(lessee)))
    }
}
