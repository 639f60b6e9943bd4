//! The subject of a sweep: an arena, the free lists, the safepoint, and the unswept segments.

use crossbeam_utils::CachePadded;

use super::pace::Pace;
use super::unswept::Unswept;
use crate::arena::Arena;
use crate::bias::Bias;
use crate::bits::word::Word;
use crate::freelist::FreeList;
use crate::safepoint::{Safepoint, Stopped};
use crate::sync::try_slice;

/// An arena and all records of its free slots.
///
/// Conservation (Invariant 4), with the world stopped: live slots, uninitialized slots, the lengths
/// of all free lists and local stores, and the unswept slots add up to the usable slots of the
/// committed segments.
#[derive(Debug)]
pub(crate) struct Space<W: Word> {
    pub(crate) arena: Arena<W>,
    pub(crate) bias: Bias,
    pub(crate) lists: Box<[CachePadded<FreeList>]>,
    pub(crate) safepoint: Safepoint,
    /// The number of slots that a local store takes or gives in one step.
    pub(crate) magazine_size: u32,
    pub(crate) unswept: Unswept,
    pub(super) pace: Pace,
}

/// The numbers of slots and segments at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) segments_committed: u64,
    pub(crate) slots_committed: u64,
    pub(crate) live: u64,
    pub(crate) uninitialized: u64,
    pub(crate) free_in_lists: u64,
    pub(crate) free_in_stores: u64,
    /// Free slots in segments that no thread has swept since the last stop.
    pub(crate) free_unswept: u64,
}

impl Counts {
    pub(crate) fn free(&self) -> u64 {
        self.free_in_lists + self.free_in_stores + self.free_unswept
    }
}

impl<W: Word> Space<W> {
    /// `None` if there is no memory.
    pub(crate) fn new(
        arena: Arena<W>,
        bias: Bias,
        stripes: usize,
        magazine_size: u32,
    ) -> Option<Self> {
        let lists = try_slice(stripes, |_| CachePadded::new(FreeList::new()))?;
        let safepoint = Safepoint::new(lists.len(), arena.place())?;
        let unswept = Unswept::new(arena.geometry().segments())?;
        Some(Self { arena, bias, lists, safepoint, magazine_size, unswept, pace: Pace::new() })
    }

    fn free_in_lists(&self) -> u64 {
        self.lists.iter().map(|list| u64::from(list.length())).sum()
    }

    /// The approximate number of free slots outside of local stores.
    pub(crate) fn free_outside(&self) -> u64 {
        self.free_in_lists() + self.unswept.slots()
    }

    /// The free slots, and the slots without an entry. Exact while no operation is under way, even
    /// if threads end. Blocks while the world is stopped.
    pub(crate) fn figures(&self) -> (u64, u64) {
        self.safepoint.figures(|| self.free_outside())
    }

    /// Returns the approximate number of free slots. If those outside of local stores reach
    /// `enough`, returns their number alone. Else it is as exact as [`figures`](Self::figures), and
    /// blocks like that.
    pub(crate) fn roughly_free(&self, enough: u64) -> u64 {
        let free = self.free_outside();
        if free >= enough { free } else { self.figures().0 }
    }

    /// Counts. The counts are exact if the world is stopped, since nothing is in transit then.
    pub(crate) fn counts(&self, stopped: Option<&Stopped<'_>>) -> Counts {
        let (segments_committed, slots_committed) = self.arena.committed.count();
        let mut counts = Counts {
            segments_committed,
            slots_committed,
            live: 0,
            uninitialized: stopped.map_or(0, Stopped::uninitialized),
            free_in_lists: self.free_in_lists(),
            free_in_stores: stopped.map_or(0, Stopped::free_in_stores),
            free_unswept: self.unswept.slots(),
        };
        counts.live = slots_committed.wrapping_sub(counts.free() + counts.uninitialized);
        counts
    }
}
