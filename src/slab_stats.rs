//! A slab's counts.

use crate::allocator::Allocator;
use crate::stats::Stats;
use crate::word::Word;

/// A [`Slab`](crate::Slab)'s counts at one moment.
///
/// `live + waiting + vacant + retired + free = slots_committed` (Invariant 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SlabStats {
    /// How many values there can be at once.
    pub capacity: u32,
    /// Values.
    pub live: u64,
    /// Values that are removed and wait to be dropped.
    pub waiting: u64,
    /// Slots handed out as vacant entries, or whose value is being dropped at this moment.
    pub vacant: u64,
    /// Slots that have used up their generations.
    pub retired: u64,
    /// Free slots of committed segments.
    pub free: u64,
    /// Usable slots of committed segments.
    pub slots_committed: u64,
    /// Committed segments.
    pub segments_committed: u64,
    /// Their bytes.
    pub bytes_committed: u64,
    /// The most bytes that remember the generations of released segments: 4 for each segment that
    /// there can be, of which the system holds as many pages as have been written to.
    pub bytes_kept: u64,
    /// Participants: mutators, and threads that have used the slab without one.
    pub mutators: usize,
}

impl SlabStats {
    pub(crate) fn new<W: Word>(
        stats: &Stats,
        waiting: u64,
        retired: u64,
        allocator: &Allocator<W>,
    ) -> Self {
        let Stats { capacity, live, free, .. } = *stats;
        Self {
            capacity,
            live,
            waiting,
            // Saturating: a value may be on its way from one to the other.
            vacant: stats.uninitialized.saturating_sub(waiting + retired),
            retired,
            free,
            slots_committed: stats.slots_committed,
            segments_committed: stats.segments_committed,
            bytes_committed: stats.bytes_committed,
            bytes_kept: 4 * u64::from(allocator.arena.geometry().segments()),
            mutators: stats.mutators,
        }
    }
}
