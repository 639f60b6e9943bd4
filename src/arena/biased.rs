//! What a bias needs of the arena: the address of a slot's word, and of what is below slot 0.

#[cfg(not(model))]
use core::ptr::NonNull;

#[cfg(not(model))]
use super::arena::Arena;
use super::slot::Slot;
use crate::bits::word::Word;
#[cfg(model)]
use crate::bits::word::{self, AtomicWord};
#[cfg(model)]
use crate::sync::Ordering;

impl<W: Word> Slot<W> {
    /// The address of the word.
    #[cfg(not(model))]
    #[inline(always)]
    pub(crate) fn address(&self) -> *const W::Atomic {
        &raw const self.word
    }

    /// Stores a word, if that of the slot is expected, and returns that. Only one thread may do so
    /// at a time, and no other changes the word of a slot in use (Invariant 14).
    #[cfg(model)]
    pub(crate) fn store_if(&self, expected: impl Fn(W) -> bool, new: W) -> Option<W> {
        // Acquire: as in `free`. Partner: slot.publish.store.
        let word = self.word.load(Ordering::Acquire);
        if !expected(word) {
            return None;
        }
        self.touch();
        // Release: as in `replace`. Partner: slot.load.load.
        self.word.store(new, Ordering::Release);
        if word::state(new) == word::State::Free {
            self.as_owner();
        }
        Some(word)
    }
}

#[cfg(not(model))]
impl<W: Word> Arena<W> {
    /// Returns `true` if something is kept below slot 0.
    pub(crate) fn has_below(&self) -> bool {
        (self.below)(1) > 0
    }

    /// Where slot 0 is written.
    pub(crate) fn write_base(&self) -> NonNull<Slot<W>> {
        self.memory.write_base
    }
}
