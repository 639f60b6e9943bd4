//! What a participant puts aside behind its private store.

use crate::head::Head;
use crate::sync::Ordering;

use super::Magazine;

/// Who has taken this many times as many slots, and given none back, may have a run of neighbours
/// for himself.
const CRAVING: u32 = 4;

/// Whole magazines put aside, for a participant that takes and gives many slots in turn: more than
/// fit beside it, and so would go to a stripe and come back, link by link.
#[derive(Debug, Default)]
pub(super) struct Stash {
    pub(super) slots: Vec<u32>,
    /// How many there may be.
    pub(super) limit: u32,
    /// Neighbours, as they are in segments that were just committed.
    pub(super) run: Head,
    /// How many slots have come from outside since the last time that some went there.
    pub(super) refilled: u32,
}

impl Magazine<'_> {
    pub(super) fn with_stash<R>(&mut self, f: impl FnOnce(&mut Stash) -> R) -> R {
        self.record.stash.with_mut(|stash| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            f(unsafe { &mut *stash })
        })
    }

    pub(super) fn count_stashed(&mut self) {
        let count = self.with_stash(|stash| stash.slots.len() + stash.run.length() as usize);
        // Relaxed: as the length.
        // site: stash.count_stashed.store
        self.record.stashed.store(count, Ordering::Relaxed);
    }

    /// Puts aside the `count` slots that came first, if so many more may be put aside. `false` if
    /// they have to go to a stripe; from then on more may be, up to `most` in all, if slots have
    /// come from a stripe since the last that went there: they go to and fro.
    pub(crate) fn stash(&mut self, count: u32, most: u32) -> bool {
        let has_room = self.with_stash(|stash| {
            let held = stash.slots.len() as u32;
            if held + count > stash.limit {
                if core::mem::take(&mut stash.refilled) > 0 {
                    stash.limit = (2 * stash.limit).max(2 * count).min(most);
                }
                return false;
            }
            // For all that there may ever be. Where memory is short the stripe will do.
            stash.slots.try_reserve_exact((most - held) as usize).is_ok()
        });
        if has_room {
            let mut slots = self.with_stash(|stash| core::mem::take(&mut stash.slots));
            self.drain(count, |oldest| slots.extend_from_slice(oldest));
            self.with_stash(|stash| stash.slots = slots);
            self.count_stashed();
        }
        has_room
    }

    /// Has its owner taken many times as many slots, and given none back?
    pub(crate) fn craves(&mut self, slots: u32) -> bool {
        self.with_stash(|stash| stash.refilled / CRAVING >= slots)
    }

    /// Puts aside a chain of neighbours, in a store whose stash is empty.
    pub(crate) fn stash_run(&mut self, run: Head) {
        self.with_stash(|stash| {
            debug_assert!(stash.run.is_empty());
            stash.run = run;
            stash.refilled = stash.refilled.saturating_add(run.length());
        });
        self.count_stashed();
    }

    /// Takes the neighbours that are left.
    pub(crate) fn take_run(&mut self) -> Head {
        let run = self.with_stash(|stash| core::mem::take(&mut stash.run));
        self.count_stashed();
        run
    }

    /// Fills an empty store with `count` of the slots that were put aside, or as many as there
    /// are. `false` if there are none.
    pub(crate) fn unstash(&mut self, count: u32) -> bool {
        debug_assert_eq!(self.length(), 0);
        // Relaxed: as the length.
        // site: stash.unstash.load
        if self.record.stashed.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut stash = self.with_stash(core::mem::take);
        let length = self.with_slots(|slots| stash.give(&mut slots[..count as usize]));
        self.with_stash(|place| *place = stash);
        self.set_length(length);
        self.count_stashed();
        true
    }
}

impl Stash {
    /// Moves slots to `places`, as many as there are of either, and says how many.
    fn give(&mut self, places: &mut [u32]) -> u32 {
        if self.slots.is_empty() {
            let (first, length) = (self.run.first(), self.run.length());
            let count = length.min(places.len() as u32);
            let run = &mut places[..count as usize];
            run.iter_mut().rev().zip(0..).for_each(|(place, i)| *place = first + i);
            self.run = Head::new(first.wrapping_add(count), length - count);
            return count;
        }
        let left = self.slots.len().saturating_sub(places.len());
        let count = self.slots.len() - left;
        places[..count].copy_from_slice(&self.slots[left..]);
        self.slots.truncate(left);
        count as u32
    }
}
