//! Counts.

use crate::allocator::{Allocator, FreeSlots};
use crate::word::Word;
use crate::world::Stopped;

/// A table's counts at one moment.
///
/// `live + uninitialized + free_in_stripes + free_in_magazines + free_detached = slots_committed`
/// (Invariant 4). `live` is what the chain lengths leave over; [`audit`](crate::Table::audit)
/// counts it slot by slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Usable slots of the whole table.
    pub capacity: u32,
    /// Segments that are committed.
    pub segments_committed: u64,
    /// Their bytes.
    pub bytes_committed: u64,
    /// Their usable slots.
    pub slots_committed: u64,
    /// Slots that hold an entry.
    pub live: u64,
    /// Slots handed out without an entry.
    pub uninitialized: u64,
    /// Free slots of committed segments: the three that follow together.
    pub free: u64,
    /// Free slots that all participants find.
    pub free_in_stripes: u64,
    /// Free slots in the participants' private stores.
    pub free_in_magazines: u64,
    /// Free slots that a sweep has taken out of the others, and nobody has wanted since.
    pub free_detached: u64,
    /// Participants: mutators, and threads that have used the table without one.
    pub mutators: usize,
    /// Shared chains.
    pub stripes: usize,
    /// How many slots a participant takes or gives at once.
    pub magazine_size: usize,
    /// Is entering an operation free of fence instructions (`membarrier` is there)?
    pub asymmetric_fence: bool,
}

impl Stats {
    pub(crate) fn of<W: Word>(allocator: &Allocator<W>, stopped: &Stopped<'_>) -> Self {
        let (segments, slots) = allocator.arena.claims.committed_count();
        let FreeSlots { shared, private, detached } = allocator.free_slots(stopped);
        let free = shared + private + detached;
        let uninitialized =
            stopped.records().fold(0u64, |sum, r| sum.wrapping_add(r.uninitialized()));
        Self {
            capacity: allocator.capacity(),
            segments_committed: segments,
            bytes_committed: segments * allocator.arena.segment_bytes() as u64,
            slots_committed: slots,
            live: slots.wrapping_sub(free + uninitialized),
            uninitialized,
            free,
            free_in_stripes: shared,
            free_in_magazines: private,
            free_detached: detached,
            mutators: stopped.participants(),
            stripes: allocator.stripes.len(),
            magazine_size: allocator.magazine_size as usize,
            asymmetric_fence: allocator.world.is_asymmetric(),
        }
    }
}
