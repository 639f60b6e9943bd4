//! Freeing many slots of a segment at once, for a collector.

use super::arena::Arena;
use super::slot::Slot;
use crate::bits::word::Word;
#[cfg(not(model))]
use crate::bits::word::{self, AtomicWord};
#[cfg(not(model))]
use crate::sync::Ordering;

/// What a pass over slots found.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Wiped {
    /// Slots that were wiped.
    pub(crate) wiped: u32,
    /// Live words among them.
    pub(crate) dead: u32,
    /// Live words that stay.
    pub(crate) live: u32,
    /// Slots in a row, up to the last one, without a live word.
    unused: u32,
    /// There may be a page without a live word.
    pub(crate) has_page: bool,
}

impl<W: Word> Arena<W> {
    /// Makes fresh memory's word of each word in a segment whose low part `is_over`, without a
    /// branch: which entries are over may be random. `ALL_FREE` says whether that is so for all
    /// words that are not live, or for none.
    ///
    /// The caller owns these slots, in this operation or for longer.
    pub(crate) fn wipe_where<const ALL_FREE: bool>(
        &self,
        segment: u32,
        is_over: impl Fn(u64) -> bool,
    ) -> Wiped {
        let (first, end) = self.range(segment);
        let page = self.page_shift.map_or(u32::MAX, |shift| 1 << shift);
        let mut counts = Wiped::default();
        // Stands in for the words that stay.
        #[cfg(not(model))]
        let other = W::Atomic::new(word::zero());
        #[cfg(not(model))]
        let mut place = &other;
        let mut start = first;
        while start < end {
            let stop = (start / 64 * 64 + 64).min(end);
            // Live words, and those that are over: all of them live, or none that is not.
            let [mut live, mut over] = [0, 0];
            let mut wipe = |slot: &'_ Slot<W>| {
                let low = slot.peek().low();
                let is_over = is_over(low);
                over += u64::from(is_over);
                live += low >> 63;
                is_over
            };
            #[cfg_attr(model, allow(unused_mut))]
            let mut left = start..stop;
            #[cfg(not(model))]
            if stop - start == 64 {
                for eight in (start..stop).step_by(8) {
                    for slot in self.eight_slots(eight) {
                        // A select and a store, which no branch has to foresee.
                        place = if wipe(slot) { &slot.word } else { place };
                        // Relaxed: the caller owns the slot. The bit of its segment hands it on,
                        // by restore.restore.fetch_or.
                        place.store(word::zero(), Ordering::Relaxed);
                    }
                }
                left = stop..stop;
            }
            for slot in left.map(|index| self.slot(index)) {
                if wipe(slot) {
                    slot.wipe();
                }
            }
            let [live, over, all] = [live as u32, over as u32, stop - start];
            let dead = if ALL_FREE { over - (all - live) } else { over };
            counts.wiped += over;
            counts.dead += dead;
            counts.live += live - dead;
            counts.unused = if live == dead { counts.unused + all } else { 0 };
            counts.has_page |= counts.unused >= page;
            start = stop;
        }
        counts
    }

    /// The usable slots of a segment: the first, and the one behind the last.
    fn range(&self, segment: u32) -> (u32, u32) {
        let first = self.geometry.first(segment);
        (first, first + self.geometry.usable(segment))
    }
}
