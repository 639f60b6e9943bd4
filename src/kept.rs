//! What released segments have to tell: a number for each, outside of their memory.

use core::ops::Range;

use crate::memory::Slot;
use crate::sync::Ordering;
use crate::sync::unmodelled::AtomicU32;
use crate::word::{Payload, Word};

/// A number for each segment, 0 at first; for none, where payloads keep nothing.
#[derive(Debug)]
pub(crate) struct Kept(Box<[AtomicU32]>);

impl Kept {
    pub(crate) fn new<P: Payload>(segments: u32) -> Self {
        let segments = if P::KEEPS { segments as usize } else { 0 };
        // From zeroed memory, no page of which is there before it is written to.
        let zeros = vec![0u32; segments].into_boxed_slice();
        let numbers = Box::into_raw(zeros) as *mut [AtomicU32];
        // SAFETY: just made; an atomic has the size and the alignment of what it holds.
        Self(unsafe { Box::from_raw(numbers) })
    }

    fn of(&self, segment: u32) -> &AtomicU32 {
        &self.0[segment as usize]
    }

    /// Keeps the greatest number that the slots of each segment tell. The caller is about to
    /// release them.
    pub(crate) fn remember<'a, W: Word, S: Iterator<Item = &'a Slot<W>>>(
        &self,
        segments: Range<u32>,
        usable: impl Fn(u32) -> S,
    ) {
        for segment in segments.filter(|_| W::Payload::KEEPS) {
            let kept = usable(segment).map(|slot| slot.payload().kept()).max();
            // Relaxed: read by who claims the segment next: the bit of the claim orders them
            // (Invariant 5).
            // site: kept.remember.store
            self.of(segment).store(kept.unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// Tells each slot of the segments what was kept. The caller has committed them.
    pub(crate) fn remind<'a, W: Word, S: Iterator<Item = &'a Slot<W>>>(
        &self,
        segments: Range<u32>,
        usable: impl Fn(u32) -> S,
    ) {
        for segment in segments.filter(|_| W::Payload::KEEPS) {
            // Relaxed: as in `remember`.
            // site: kept.remind.load
            let kept = self.of(segment).load(Ordering::Relaxed);
            if kept > 0 {
                usable(segment).for_each(|slot| slot.payload().restore(kept));
            }
        }
    }
}
