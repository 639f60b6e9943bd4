//! Small slabs: their slots lie in allocated memory, and take no addresses and no system call.
//!
//! What the slots of a small slab take is less than a page. A mapping of its own would take a page,
//! five system calls, and a page fault. A sweep cannot give a part of a page back. So the slots are
//! allocated with the slab, zeroed, and freed with it. A sweep clears them.
//!
//! Not those of tables, whose addresses a program may see, and whose pages may have rights.

use super::arena::Arena;
use super::memory::Memory;
#[cfg(not(model))]
use super::slot::Slot;
use crate::bits::word::Word;
use crate::sync::Place;
#[cfg(not(model))]
use crate::sys::{Mapping, Protection, SMALL_BYTES};

impl<W: Word> Memory<W> {
    /// Allocates the memory of so many slots, and of the bytes below slot 0. `None` if that is not
    /// little, or if there is no memory.
    #[cfg(not(model))]
    pub(super) fn small(slots: usize, below: usize) -> Option<Self> {
        // Slots are visited by eights.
        let slot_count = slots.checked_next_multiple_of(8)?;
        let below = below.checked_next_multiple_of(align_of::<Slot<W>>())?;
        let bytes = slot_count.checked_mul(Self::SLOT_BYTES)?.checked_add(below)?;
        if bytes > SMALL_BYTES {
            return None;
        }
        let mapping = Mapping::small(bytes, align_of::<Slot<W>>())?;
        Some(Self::over(mapping, slot_count, below, Protection::None))
    }

    /// A model's tables are small anyway.
    #[cfg(model)]
    pub(super) fn small(_: usize, _: usize) -> Option<Self> {
        None
    }

    /// Returns `true` if the slots lie in allocated memory.
    pub(super) fn is_small(&self) -> bool {
        #[cfg(not(model))]
        return self.mapping.is_small();
        #[cfg(model)]
        false
    }
}

impl<W: Word> Arena<W> {
    /// Where the parts of a table of this arena lie.
    pub(crate) fn place(&self) -> Place {
        // The threads of a model have small stacks.
        if cfg!(model) || self.memory.is_small() { Place::Anywhere } else { Place::Apart }
    }
}
