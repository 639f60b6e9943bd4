//! Counts at one moment.

use super::allocator::Allocator;
use crate::bits::word::Word;
use crate::safepoint::Stopped;

/// A table's counts at one moment.
///
/// `live + uninitialized + free = slots_committed`, and `free` is the sum of the three figures that
/// follow it (Invariant 4). `live` is what the lengths of the chains leave over.
/// [`audit`](crate::Table::audit) counts it slot by slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Usable slots of the whole table.
    pub capacity: u32,
    /// Committed segments.
    pub segments_committed: u64,
    /// Bytes of the committed segments.
    pub bytes_committed: u64,
    /// Usable slots of the committed segments.
    pub slots_committed: u64,
    /// Slots that hold an entry.
    pub live: u64,
    /// Slots handed out without an entry.
    pub uninitialized: u64,
    /// Free slots of the committed segments.
    pub free: u64,
    /// Free slots on the shared free lists, which all participants find.
    pub free_in_stripes: u64,
    /// Free slots in the local stores of participants, also of some that have ended.
    pub free_in_local_stores: u64,
    /// Free slots in segments that no thread has swept since the last sweep stopped the world.
    pub free_unswept: u64,
    /// Participants: mutators, and threads that have used the table without one.
    pub mutators: usize,
    /// Shared free lists.
    pub stripes: usize,
    /// Slots that a participant takes or gives at once.
    pub magazine_size: usize,
    /// `true` if an operation enters without a fence instruction (`membarrier` is there).
    pub asymmetric_fence: bool,
    /// `true` if ranges of slots are biased toward participants, which free there without a locked
    /// instruction (see [`Builder::bias`](crate::Builder::bias)).
    pub bias: bool,
    /// Ranges that are biased toward a participant, since the last sweep.
    pub ranges_biased: u64,
    /// Ranges that all participants share, since the last sweep. If the bias of all ranges has been
    /// revoked, they are not counted one by one.
    pub ranges_shared: u64,
    /// Revocations of a bias since the table was made. At most 5 between two sweeps that stop the
    /// world, and one more for each thread that revokes at the same moment.
    pub revocations: u64,
    /// `true` if the counts are exact. `false` if the world could not be stopped: the call comes
    /// from inside another one on this table, or the table is that of the parent process. Then
    /// local stores and uninitialized slots count as 0, and live slots as all that are not free.
    pub exact: bool,
}

impl Stats {
    pub(crate) fn of<W: Word>(allocator: &Allocator<W>) -> Self {
        let space = &allocator.space;
        let stopped = space.safepoint.stop().ok();
        let counts = space.counts(stopped.as_ref());
        let bias = space.bias.figures();
        Self {
            capacity: allocator.capacity(),
            segments_committed: counts.segments_committed,
            bytes_committed: counts.segments_committed * space.arena.segment_bytes() as u64,
            slots_committed: counts.slots_committed,
            live: counts.live,
            uninitialized: counts.uninitialized,
            free: counts.free(),
            free_in_stripes: counts.free_in_lists,
            free_in_local_stores: counts.free_in_stores,
            free_unswept: counts.free_unswept,
            mutators: stopped.as_ref().map_or(0, Stopped::participants),
            stripes: space.lists.len(),
            magazine_size: space.magazine_size as usize,
            asymmetric_fence: space.safepoint.is_asymmetric(),
            bias: bias.is_on,
            ranges_biased: bias.biased,
            ranges_shared: bias.shared,
            revocations: bias.revocations,
            exact: stopped.is_some(),
        }
    }
}
