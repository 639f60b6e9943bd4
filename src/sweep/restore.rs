//! Slots that a collector has freed become unswept.

use super::unswept::Unswept;
use crate::sync::Ordering;

impl Unswept {
    /// Makes a segment unswept, of which the caller owns `slots` more unswept slots. The caller has
    /// claimed it, or it is new to this space.
    pub(crate) fn restore(&self, segment: u32, slots: u64) {
        self.add(slots);
        let bit = 1u64 << (segment % 64);
        // Release: what the caller did to the words comes before the next claim. Partner:
        // unswept.claim.fetch_and.
        self.segments[(segment / 64) as usize].fetch_or(bit, Ordering::Release);
        self.mark_promising(segment);
    }

    /// Counts slots that their owner has freed, and that no thread finds before the next cycle.
    pub(crate) fn add(&self, slots: u64) {
        // Relaxed: a figure, exact with the world stopped like unswept.slots.load.
        self.slots.fetch_add(slots, Ordering::Relaxed);
    }
}
