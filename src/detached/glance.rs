//! The sweeper's look at a segment.

use crate::arena::Arena;
use crate::memory::Slot;
use crate::word::{self, Round, Word};

/// Of so many slots a glance falls on one.
const SAMPLED: u32 = 128;

/// What a glance at a segment tells, which anybody may have, claimed or not: others can only claim
/// it meanwhile.
///
/// One slot in [`SAMPLED`] is looked at, another one in each round, and all those of a page only if
/// that is needed: most of the lines are in the caches of those who use them, and stay there.
pub(crate) struct Glance {
    /// Every usable slot is detached. So it stays until somebody claims the segment.
    pub(crate) is_wholly_detached: bool,
    /// Such is a page, which was not given back before.
    pub(crate) has_page: bool,
    /// One of the slots that were looked at is detached.
    pub(crate) is_promising: bool,
}

impl Glance {
    pub(crate) fn at<W: Word>(arena: &Arena<W>, segment: u32, round: Round) -> Self {
        let geometry = arena.geometry();
        let start = segment * geometry.slots_per_segment();
        let end = geometry.first(segment) - start + geometry.usable(segment);
        let page = arena.page_shift().map_or(end, |shift| 1 << shift);
        let mut glance = Self { is_wholly_detached: true, has_page: false, is_promising: false };
        for offset in (0..end).step_by(page as usize) {
            let (from, slots) = (start + offset, page.min(end - offset));
            let promising = Self::samples(from, slots, round)
                .map(|index| word::is_detached(arena.slot(index).look(), round))
                .fold((true, false), |(all, any), one| (all && one, any || one));
            glance.is_promising |= promising.1;
            // Slot 0 is as if it were.
            let is_free = promising.0 && Self::are_detached(arena, from, slots, round);
            glance.is_wholly_detached &= is_free;
            glance.has_page |= is_free
                && slots == page
                && arena.page_shift().is_some()
                && (0..slots).any(|i| arena.slot(from + i).look().low() != 0);
        }
        glance
    }

    /// Which of `slots` slots from one on to look at.
    fn samples(from: u32, slots: u32, round: Round) -> impl Iterator<Item = u32> {
        let number = (round.to_bits() >> 32) as u32;
        (0..slots).step_by(SAMPLED as usize).map(move |offset| {
            let mixed = (from + offset).wrapping_add(number).wrapping_mul(0x9e37_79b1) >> 16;
            from + offset + mixed % SAMPLED.min(slots - offset)
        })
    }

    /// Are all of `slots` slots from one on detached?
    fn are_detached<W: Word>(arena: &Arena<W>, from: u32, slots: u32, round: Round) -> bool {
        let is_detached = |slot: &Slot<W>| word::is_detached(slot.look(), round);
        let eights = slots & !7;
        let mut all = (0..eights).step_by(8).map(|i| arena.eight_slots(from + i));
        // Eight at a time without a branch.
        all.all(|eight| eight.into_iter().fold(true, |all, slot| all & is_detached(slot)))
            && (eights..slots).all(|i| is_detached(arena.slot(from + i)))
    }
}
