//! What can be chosen about an allocator, and how it is made.

use crate::allocator::Allocator;
use crate::arena::Arena;
use crate::error::BuildError;
use crate::memory::Memory;
use crate::protection::Protection;
use crate::record::{MAGAZINE_SIZE_MAX, STASH_MAX};
use crate::segment::Geometry;
use crate::word::Word;

/// The most stripes a table can have.
const STRIPES_MAX: usize = 1024;

/// The magazine size if none is asked for.
const MAGAZINE_SIZE: usize = 64;

/// By default a stash holds at most this part of a table's slots.
const STASH_PART: u32 = 64;

/// The choices. Who offers them says what they mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) capacity: u32,
    pub(crate) step_down: bool,
    /// 0 for as many as there are processors.
    pub(crate) stripes: usize,
    pub(crate) stripes_set: bool,
    pub(crate) magazine_size: usize,
    /// `None` for what suits the capacity.
    pub(crate) stash: Option<usize>,
    pub(crate) segment_shift: Option<u32>,
    #[cfg(all(loom, feature = "loom"))]
    pub(crate) page_shift: Option<u32>,
    /// Whoever touches the slots needs rights if there is one (Invariant 13).
    pub(crate) protection: Protection,
}

impl Plan {
    pub(crate) const fn new() -> Self {
        Self {
            capacity: u32::MAX,
            step_down: true,
            stripes: 0,
            stripes_set: false,
            magazine_size: MAGAZINE_SIZE,
            stash: None,
            segment_shift: None,
            #[cfg(all(loom, feature = "loom"))]
            page_shift: None,
            protection: Protection::None,
        }
    }

    /// Reserves the addresses, and commits nothing yet.
    pub(crate) fn allocator<W: Word>(&self) -> Result<Allocator<W>, BuildError> {
        if self.capacity == 0 {
            return Err(BuildError::ZeroCapacity);
        }
        let stripes = if self.stripes_set { self.stripes } else { default_stripes() };
        if !stripes.is_power_of_two() || stripes > STRIPES_MAX {
            return Err(BuildError::Stripes { asked: stripes, limit: STRIPES_MAX });
        }
        let magazine_size = self.magazine_size;
        if magazine_size == 0 || magazine_size > MAGAZINE_SIZE_MAX {
            let limit = MAGAZINE_SIZE_MAX;
            return Err(BuildError::MagazineSize { asked: magazine_size, limit });
        }
        if let Some(asked) = self.stash.filter(|&slots| slots > STASH_MAX) {
            return Err(BuildError::Stash { asked, limit: STASH_MAX });
        }
        let shift = match self.segment_shift {
            Some(shift) => shift,
            None => Geometry::shift_for(Memory::<W>::SLOT_BYTES),
        };
        if !self.protection.is_available() {
            return Err(BuildError::Protection { asked: self.protection });
        }
        let arena = Arena::new(self.capacity, self.step_down, shift, self.protection)?;
        #[cfg(all(loom, feature = "loom"))]
        let arena = arena.with_page_shift(self.page_shift);
        let part = (arena.geometry().capacity() / STASH_PART) as usize;
        let stash = self.stash.unwrap_or(part.min(STASH_MAX)) as u32;
        Ok(Allocator::new(arena, stripes, magazine_size as u32, stash))
    }
}

/// One stripe a processor, for threads that exchange slots.
fn default_stripes() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    processors.next_power_of_two().min(64)
}
