//! A slab's counts at one moment.

use super::inner::Inner;

/// A [`Slab`](crate::Slab)'s counts at one moment.
///
/// `live + waiting + reserved + exhausted + free = slots_committed` (Invariant 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The most values that there can be at one time.
    pub capacity: u32,
    /// Values that a key finds.
    pub live: u64,
    /// Values that are removed and wait to be dropped.
    pub waiting: u64,
    /// Slots handed out as vacant entries, or whose value is being dropped at this moment.
    pub reserved: u64,
    /// Slots that have used up their generations.
    pub exhausted: u64,
    /// Free slots of committed segments.
    pub free: u64,
    /// Usable slots of committed segments.
    pub slots_committed: u64,
    /// Committed segments.
    pub segments_committed: u64,
    /// Bytes of the committed segments.
    pub bytes_committed: u64,
    /// The most bytes that hold the generation floors of decommitted segments: 4 for each segment
    /// that there can be. The system holds only the pages that have been written to.
    pub bytes_generations: u64,
    /// Participants: mutators, and threads that have used the slab without one.
    pub mutators: usize,
    /// `true` if ranges of slots are biased toward participants, which remove there without a
    /// locked instruction. See [`table::Stats`](crate::Stats::bias).
    pub bias: bool,
    /// Ranges that are biased toward a participant, since the last sweep.
    pub ranges_biased: u64,
    /// Ranges that all participants share, since the last sweep.
    pub ranges_shared: u64,
    /// Revocations of a bias since the slab was made.
    pub revocations: u64,
    /// `true` if the counts are exact. See [`table::Stats`](crate::Stats::exact).
    pub exact: bool,
}

impl Stats {
    /// Stops the world for as long as counting takes.
    pub(super) fn of<T: Send + Sync + 'static>(inner: &Inner<T>) -> Self {
        let space = &inner.allocator.space;
        let stopped = space.safepoint.stop().ok();
        let counts = space.counts(stopped.as_ref());
        let (waiting, exhausted) = (inner.waiting(), inner.exhausted());
        let bias = space.bias.figures();
        Self {
            capacity: inner.allocator.capacity(),
            live: counts.live,
            waiting,
            // Saturating: a value may be on its way from one to the other.
            reserved: counts.uninitialized.saturating_sub(waiting + exhausted),
            exhausted,
            free: counts.free(),
            slots_committed: counts.slots_committed,
            segments_committed: counts.segments_committed,
            bytes_committed: counts.segments_committed * space.arena.segment_bytes() as u64,
            bytes_generations: 4 * u64::from(space.arena.geometry().segments()),
            mutators: inner.participants.owned(),
            bias: bias.is_on,
            ranges_biased: bias.biased,
            ranges_shared: bias.shared,
            revocations: bias.revocations,
            exact: stopped.is_some(),
        }
    }
}
