//! The generation floor of each segment, which survives the decommission of its memory.

use core::ops::Range;

use super::slot::Slot;
use crate::bits::word::{Payload, Word};
use crate::sync::unmodelled::AtomicU32;
use crate::sync::{Ordering, try_zeros};

/// A generation floor for each segment, 0 at first. Empty where payloads have no generation.
#[derive(Debug)]
pub(crate) struct Generations(Box<[AtomicU32]>);

impl Generations {
    /// `None` if there is no memory.
    pub(crate) fn new<P: Payload>(segments: u32) -> Option<Self> {
        let segments = if P::HAS_GENERATION { segments as usize } else { 0 };
        try_zeros(segments).map(Self)
    }

    fn of(&self, segment: u32) -> &AtomicU32 {
        &self.0[segment as usize]
    }

    /// Saves the greatest generation among the slots of each segment. The caller owns the segments
    /// and is about to decommit them.
    pub(crate) fn save<'a, W: Word, S: Iterator<Item = &'a Slot<W>>>(
        &self,
        segments: Range<u32>,
        usable: impl Fn(u32) -> S,
    ) {
        for segment in segments.filter(|_| W::Payload::HAS_GENERATION) {
            let floor = usable(segment).map(|slot| slot.payload().generation_floor()).max();
            // Relaxed: the thread that commits the segment next reads it, and the segment's bit
            // orders the two (Invariant 5): committed.clear.fetch_and, committed.set.fetch_or.
            self.of(segment).store(floor.unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// Hands the saved generation to each slot of the segments. The caller has committed them.
    pub(crate) fn restore<'a, W: Word, S: Iterator<Item = &'a Slot<W>>>(
        &self,
        segments: Range<u32>,
        usable: impl Fn(u32) -> S,
    ) {
        for segment in segments.filter(|_| W::Payload::HAS_GENERATION) {
            // Relaxed: ordered after generations.save.store by the segment's bit.
            let floor = self.of(segment).load(Ordering::Relaxed);
            if floor > 0 {
                usable(segment).for_each(|slot| slot.payload().restore(floor));
            }
        }
    }
}
