//! The sweeper's sample of a segment: whether it is wholly free, or worth a scan.

use crate::arena::{Arena, Slot};
use crate::bits::word::{self, Cycle, Word};

/// One slot in this many is sampled.
const SAMPLED: u32 = 128;

/// The result of a sample of a segment. Any thread may take one, whether the segment is claimed or
/// not: concurrently other threads can only claim it.
///
/// A sample loads one slot in [`SAMPLED`], another one in each cycle, and all slots of a page only
/// if the sampled ones are free. Most lines stay in the caches of the threads that use them.
pub(crate) struct Sample {
    /// Every usable slot is unswept. That stays true until a thread claims the segment.
    pub(crate) is_wholly_unswept: bool,
    /// Every slot of some page is unswept, and the page was not purged before.
    pub(crate) has_page: bool,
    /// One of the sampled slots is unswept.
    pub(crate) is_promising: bool,
}

impl Sample {
    pub(crate) fn at<W: Word>(arena: &Arena<W>, segment: u32, cycle: Cycle) -> Self {
        let geometry = arena.geometry();
        let start = segment * geometry.slots_per_segment();
        let end = geometry.first(segment) - start + geometry.usable(segment);
        let page = arena.page_shift().map_or(end, |shift| 1 << shift);
        let mut sample = Self { is_wholly_unswept: true, has_page: false, is_promising: false };
        for offset in (0..end).step_by(page as usize) {
            let (from, slots) = (start + offset, page.min(end - offset));
            let promising = Self::samples(from, slots, cycle)
                .map(|index| word::is_unswept(arena.slot(index).peek(), cycle))
                .fold((true, false), |(all, any), one| (all && one, any || one));
            sample.is_promising |= promising.1;
            // Slot 0 counts as unswept.
            let is_free = promising.0 && Self::are_unswept(arena, from, slots, cycle);
            sample.is_wholly_unswept &= is_free;
            sample.has_page |= is_free
                && slots == page
                && arena.page_shift().is_some()
                && (0..slots).any(|i| arena.slot(from + i).peek().low() != 0);
        }
        sample
    }

    /// Returns the sampled indices among `slots` slots from `from` on.
    fn samples(from: u32, slots: u32, cycle: Cycle) -> impl Iterator<Item = u32> {
        let number = (cycle.to_bits() >> 32) as u32;
        (0..slots).step_by(SAMPLED as usize).map(move |offset| {
            let mixed = (from + offset).wrapping_add(number).wrapping_mul(0x9e37_79b1) >> 16;
            from + offset + mixed % SAMPLED.min(slots - offset)
        })
    }

    /// Returns `true` if all of `slots` slots from `from` on are unswept.
    fn are_unswept<W: Word>(arena: &Arena<W>, from: u32, slots: u32, cycle: Cycle) -> bool {
        let is_unswept = |slot: &Slot<W>| word::is_unswept(slot.peek(), cycle);
        let eights = slots & !7;
        let mut all = (0..eights).step_by(8).map(|i| arena.eight_slots(from + i));
        // Eight at a time without a branch.
        all.all(|eight| eight.into_iter().fold(true, |all, slot| all & is_unswept(slot)))
            && (eights..slots).all(|i| is_unswept(arena.slot(from + i)))
    }
}
