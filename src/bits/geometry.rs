//! The division of slots into segments. Pure arithmetic.
//!
//! Slot 0 is never allocated, so a table of `capacity` slots uses the indices 1 to `capacity`.
//! Segment 0 has one usable slot fewer than the others, and the last segment may be cut short.

/// The bytes of a segment: the unit in which memory is committed and decommitted.
///
/// A segment has a power of two of slots. So it has fewer bytes where the size of a slot is no
/// power of two, and more where two slots do not fit.
pub const SEGMENT_BYTES: usize = 64 * 1024;

/// An upper bound on the system's page size. Commits and decommits are multiples of it.
pub(crate) const PAGE_BYTES: usize =
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) { 4096 } else { SEGMENT_BYTES };

/// The layout of one table: how its indices fall into segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Geometry {
    /// The number of usable slots, and so the greatest index.
    capacity: u32,
    /// A segment has 2^shift slots.
    shift: u32,
}

impl Geometry {
    /// Makes the layout of `capacity` slots (at least 1), 2^`shift` of them in a segment.
    #[must_use]
    pub(crate) const fn new(capacity: u32, shift: u32) -> Geometry {
        assert!(capacity > 0 && shift < 32);
        Geometry { capacity, shift }
    }

    /// Returns the shift for slots of `slot_bytes`, a multiple of 8. At most 13.
    ///
    /// A segment has as many slots as go into [`SEGMENT_BYTES`], rounded down to a power of two. It
    /// has at least 2, and is a whole number of [`PAGE_BYTES`].
    #[must_use]
    pub(crate) const fn shift_for(slot_bytes: usize) -> u32 {
        assert!(slot_bytes > 0 && slot_bytes % 8 == 0);
        let slots = SEGMENT_BYTES / slot_bytes;
        let fitting = if slots == 0 { 0 } else { slots.ilog2() };
        let whole = PAGE_BYTES.trailing_zeros().saturating_sub(slot_bytes.trailing_zeros());
        let shift = if fitting > whole { fitting } else { whole };
        if shift == 0 { 1 } else { shift }
    }

    /// Returns the distance between slots of `slot_bytes`: rounded up, by less than one part in 16,
    /// so that few slots make a whole number of pages.
    #[must_use]
    pub(crate) const fn stride_for(slot_bytes: usize) -> usize {
        let unit = 1 << slot_bytes.ilog2().saturating_sub(4);
        if unit <= 8 { slot_bytes.next_multiple_of(8) } else { slot_bytes.next_multiple_of(unit) }
    }

    #[must_use]
    pub(crate) const fn capacity(self) -> u32 {
        self.capacity
    }

    /// Returns the number of slots of a whole segment, slot 0 included.
    #[must_use]
    pub(crate) const fn slots_per_segment(self) -> u32 {
        1 << self.shift
    }

    /// Returns the number of segments that hold the indices 0 to `capacity`.
    #[must_use]
    pub(crate) const fn segments(self) -> u32 {
        (self.capacity >> self.shift) + 1
    }

    #[must_use]
    pub(crate) const fn segment_of(self, index: u32) -> u32 {
        index >> self.shift
    }

    /// Returns the first usable slot of `segment`.
    #[must_use]
    pub(crate) const fn first(self, segment: u32) -> u32 {
        if segment == 0 { 1 } else { segment << self.shift }
    }

    /// Returns the usable slots of `segment`, by offsets: no index is beyond the topmost segment.
    pub(crate) fn indices(self, segment: u32) -> impl Iterator<Item = u32> {
        (0..self.usable(segment)).map(move |offset| self.first(segment) + offset)
    }

    /// Returns the number of usable slots of `segment`. 0 beyond the last one.
    #[must_use]
    pub(crate) const fn usable(self, segment: u32) -> u32 {
        if segment >= self.segments() {
            return 0;
        }
        let last = (segment << self.shift) + (self.slots_per_segment() - 1);
        let last = last - last.saturating_sub(self.capacity);
        // Only a capacity of 0, which is refused, would leave slot 0 alone in the last segment.
        last - self.first(segment) + 1
    }
}

#[cfg(test)]
#[path = "../../tests/unit/geometry.rs"]
mod tests;
