//! What a local store keeps beyond two magazines.

use crate::bits::chain::Chain;

/// The most free slots that an overflow holds.
pub(crate) const OVERFLOW_MAX: usize = 8192;

/// A participant that has allocated this many times the slots of a segment, and freed none, keeps a
/// fresh segment as a contiguous run.
const WHOLE_SEGMENT_FACTOR: u32 = 4;

/// Free slots that a participant puts aside whole magazines at a time.
///
/// A thread whose demand oscillates by more than two magazines would otherwise spill slots to a
/// shared list and take them back, link by link.
#[derive(Debug)]
pub(crate) struct Overflow {
    slots: Vec<u32>,
    /// The most slots that `slots` may hold. Grows when slots go to a shared list and come back.
    limit: u32,
    /// Neighbours, as they are in segments that were just committed.
    fresh_run: Chain,
    /// The slots that have come from shared lists since the last spill to one.
    refilled: u32,
}

impl Overflow {
    pub(super) const EMPTY: Self =
        Self { slots: Vec::new(), limit: 0, fresh_run: Chain::EMPTY, refilled: 0 };

    pub(super) fn len(&self) -> usize {
        self.slots.len() + self.fresh_run.length() as usize
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let run = (0..self.fresh_run.length()).map(|i| self.fresh_run.first() + i);
        self.slots.iter().copied().chain(run)
    }

    /// Forgets all slots and how many it may hold.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        (self.limit, self.fresh_run, self.refilled) = (0, Chain::EMPTY, 0);
    }

    pub(super) fn count_refill(&mut self, slots: u32) {
        self.refilled = self.refilled.saturating_add(slots);
    }

    /// Raises the limit to `count`, up to `most`: the owner frees so many at a time.
    pub(super) fn expect(&mut self, count: u32, most: u32) {
        self.limit = self.limit.max(count.min(most));
    }

    /// Makes room for `count` more slots. Returns `false` if they must go to a shared list.
    ///
    /// The limit then doubles, up to `most`, if slots have come from a shared list since the last
    /// spill: they go back and forth.
    pub(super) fn reserve(&mut self, count: u32, most: u32) -> bool {
        let held = self.slots.len() as u32;
        if held + count > self.limit {
            if core::mem::take(&mut self.refilled) > 0 {
                self.limit = (2 * self.limit).max(2 * count).min(most);
            }
            return false;
        }
        // For the most that there may ever be. Where memory is short, a shared list will do.
        self.slots.try_reserve_exact((most - held) as usize).is_ok()
    }

    /// Adds slots. There is room: see [`reserve`](Self::reserve).
    pub(super) fn extend(&mut self, slots: &[u32]) {
        self.slots.extend_from_slice(slots);
    }

    /// Returns `true` if the owner has allocated many times this number of slots and freed none.
    pub(super) fn wants_whole_segment(&self, slots: u32) -> bool {
        self.refilled / WHOLE_SEGMENT_FACTOR >= slots
    }

    /// Keeps a chain of neighbours. There is no other.
    pub(super) fn keep_fresh_run(&mut self, run: Chain) {
        debug_assert!(self.fresh_run.is_empty());
        self.fresh_run = run;
        self.count_refill(run.length());
    }

    pub(super) fn take_fresh_run(&mut self) -> Chain {
        core::mem::take(&mut self.fresh_run)
    }

    /// Moves slots to `places`, as many as there are of either. Returns how many.
    pub(super) fn move_to(&mut self, places: &mut [u32]) -> u32 {
        if self.slots.is_empty() {
            let (first, length) = (self.fresh_run.first(), self.fresh_run.length());
            let count = length.min(places.len() as u32);
            let run = &mut places[..count as usize];
            run.iter_mut().rev().zip(0..).for_each(|(place, i)| *place = first + i);
            self.fresh_run = Chain::new(first.wrapping_add(count), length - count);
            return count;
        }
        let left = self.slots.len().saturating_sub(places.len());
        let count = self.slots.len() - left;
        places[..count].copy_from_slice(&self.slots[left..]);
        self.slots.truncate(left);
        count as u32
    }
}
