//! The arena: one reserved range of addresses, of which segments are committed on demand.

use super::below::Below;
use super::committed::Committed;
use super::generations::Generations;
use super::lease::Lease;
use super::memory::Memory;
use super::slot::Slot;
use super::view::View;
use crate::bits::chain::Chain;
use crate::bits::geometry::Geometry;
#[cfg(not(model))]
use crate::bits::word;
use crate::bits::word::{Payload, Word};
use crate::error::BuildError;
use crate::sync::{AtomicU32, Ordering, try_box};
use crate::sys::Protection;
use crate::sys::code::NO_MEMORY;

/// The segments that one system call makes writable.
const WRITABLE_BATCH: u32 = 16;

/// The most segments that are committed together. A stop, and the thread that allocates, wait for
/// the system to clear that many.
const GROW_BATCH: u32 = 4;

/// A table grows by at most this fraction of itself.
const GROW_FRACTION: u32 = 64;

/// All slots of a table.
///
/// | field | writer | when |
/// |---|---|---|
/// | `writable` | growers, upwards only | inside an operation |
/// | `generations` | the sweeper, a grower | while the segment's bit in `committed` is its own |
#[derive(Debug)]
pub(crate) struct Arena<W: Word> {
    pub(super) memory: Memory<W>,
    pub(super) geometry: Geometry,
    pub(crate) committed: Committed,
    /// The segments below this number are writable. They form a prefix, so that there are at most
    /// three mappings, however many segments have been decommitted.
    writable: AtomicU32,
    /// A page has 2^this slots, where single pages can be purged.
    pub(super) page_shift: Option<u32>,
    generations: Generations,
    pub(super) below: Below,
    /// Where other arenas have segments in the same memory.
    pub(super) lease: Option<Box<Lease>>,
}

/// The reason why there is no further segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Every segment is committed.
    Full,
    /// The system refused memory, with this code.
    OutOfMemory(i32),
}

impl<W: Word> Arena<W> {
    /// Reserves addresses for `capacity` slots. With `step_down`, tries half as many, and so on,
    /// while the system refuses. A small arena has allocated memory, if it `may_be_small`.
    pub(crate) fn new(
        capacity: u32,
        step_down: bool,
        shift: u32,
        protection: Protection,
        below: Below,
        may_be_small: bool,
    ) -> Result<Self, BuildError> {
        let segment_bytes = Memory::<W>::SLOT_BYTES << shift;
        let bytes = |g: Geometry| View::<W>::reserved(g.segments()).checked_mul(segment_bytes);
        let mut geometry = Geometry::new(capacity, shift);
        let asked = bytes(geometry).unwrap_or(usize::MAX);
        let half = |g: Geometry| Geometry::new((g.capacity() / 2).max(1), shift);
        let mut refused_before = false;
        let memory = loop {
            let (bytes, can_halve) = (bytes(geometry), step_down && geometry.segments() > 1);
            if can_halve && bytes.is_none_or(|bytes| bytes > Memory::<W>::BYTES_MAX) {
                geometry = half(geometry);
                continue;
            }
            let slots = geometry.capacity() as usize + 1;
            let before = below(slots);
            let small = may_be_small.then(|| Memory::small(slots, before)).flatten();
            let new = |bytes| small.map_or_else(|| Memory::new(bytes, before, protection), Ok);
            match bytes.ok_or(NO_MEMORY).and_then(new) {
                // Where addresses are scarce, this leaves as many to the rest of the process.
                Ok(memory) if refused_before && geometry.segments() > 2 => {
                    drop(memory);
                    geometry = half(geometry);
                    refused_before = false;
                }
                Ok(memory) => break memory,
                Err(_) if can_halve => {
                    refused_before = true;
                    geometry = half(geometry);
                }
                Err(code) => {
                    let refused = bytes.unwrap_or(usize::MAX);
                    return Err(BuildError::Reserve { asked, refused, code });
                }
            }
        };
        Self::over(memory, geometry, below, None).ok_or(BuildError::OutOfMemory)
    }

    /// An arena without segments over this memory. `None` if there is no memory for it.
    pub(super) fn over(
        memory: Memory<W>,
        geometry: Geometry,
        below: Below,
        lease: Option<Lease>,
    ) -> Option<Self> {
        let can_purge = |slots: &usize| slots.is_power_of_two() && !W::Payload::HAS_GENERATION;
        let page_slots = memory.page_slots().filter(can_purge);
        Some(Self {
            committed: Committed::new(geometry)?,
            generations: Generations::new::<W::Payload>(geometry.segments())?,
            lease: match lease {
                Some(lease) => Some(try_box(lease)?),
                None => None,
            },
            memory,
            geometry,
            writable: AtomicU32::new(0),
            page_shift: page_slots.map(usize::trailing_zeros).filter(|page| {
                (page + 1..=page + 6).contains(&geometry.slots_per_segment().trailing_zeros())
            }),
            below,
        })
    }

    pub(crate) fn page_shift(&self) -> Option<u32> {
        self.page_shift
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.geometry
    }

    pub(crate) fn view(&self) -> View<W> {
        View::new(self.memory.base(), self.geometry.capacity())
    }

    pub(crate) fn reserved_bytes(&self) -> usize {
        self.memory.slot_count() * Memory::<W>::SLOT_BYTES
    }

    pub(crate) fn segment_bytes(&self) -> usize {
        Memory::<W>::SLOT_BYTES << self.geometry.slots_per_segment().trailing_zeros()
    }

    /// The slot at any number whatever. Out of bounds it is slot 0, never in use (Invariant 6).
    #[inline(always)]
    pub(crate) fn slot_clamped(&self, raw: u32) -> Option<&Slot<W>> {
        let index = if raw <= self.geometry.capacity() { raw } else { 0 };
        if !Memory::<W>::LOADS_RESERVED {
            // Acquire: the segment was made writable before. Partner:
            // arena.make_writable.fetch_max.
            let writable = self.prefix().load(Ordering::Acquire);
            if self.geometry.segment_of(index) >= writable {
                return None;
            }
        }
        // SAFETY: at most the capacity, so inside (Invariant 6); committed if that is needed.
        Some(unsafe { self.memory.slot(index) })
    }

    /// Like [`slot_clamped`](Self::slot_clamped), but rejects out-of-range numbers with a branch,
    /// so that the load does not depend on a conditional move. Not for `get`, which must not load
    /// out of bounds even speculatively.
    #[inline(always)]
    pub(crate) fn slot_checked(&self, raw: u32) -> Option<&Slot<W>> {
        if raw > self.geometry.capacity() { None } else { self.slot_clamped(raw) }
    }

    /// The slot at any number whatever, at the address where it is read (Invariant 6). `None`, or
    /// slot 0, beyond the capacity, or where it cannot be loaded. `view` is a copy of this arena's.
    #[inline(always)]
    pub(crate) fn read<'a>(&'a self, view: &'a View<W>, raw: u32) -> Option<&'a Slot<W>> {
        if !Memory::<W>::LOADS_RESERVED {
            return self.slot_clamped(raw);
        }
        // SAFETY: the arena lives, and reserved slots can be loaded.
        unsafe { view.slot(raw) }
    }

    /// The slot of an index that came out of a chain, a local store, or a committed segment.
    #[inline(always)]
    pub(crate) fn slot(&self, index: u32) -> &Slot<W> {
        debug_assert!(index <= self.geometry.capacity());
        // SAFETY: chains, local stores, and segments hold only indices of committed segments
        // (Invariants 1 and 2), which lie inside (Invariant 6).
        unsafe { self.memory.slot(index) }
    }

    /// Eight slots in a row, each as [`slot`](Self::slot) gives it.
    #[inline(always)]
    pub(crate) fn eight_slots(&self, index: u32) -> [&Slot<W>; 8] {
        // SAFETY: as in `slot`.
        unsafe { self.memory.eight_slots(index) }
    }

    /// Commits one more segment, or a few in a row if there are many already. Returns their slots,
    /// which the caller then owns. Lock-free but for the system's calls.
    pub(crate) fn grow(&self) -> Result<Chain, Refusal> {
        let lease = self.lease.as_deref();
        let first = self.committed.take_lowest(lease).ok_or(Refusal::Full)?;
        let wanted = (first / GROW_FRACTION).min(GROW_BATCH - 1);
        let mut last = first;
        while last < first + wanted && self.committed.take(lease, last + 1) {
            last += 1;
        }
        let mut result = self.commit(first, last);
        if result.is_err() {
            self.committed.give_back(lease, first + 1..last + 1);
            if last > first {
                last = first;
                result = self.commit(first, first);
            }
        }
        match result {
            // Zeros are an ascending chain: no link needs writing.
            Ok(()) => {
                let slots = (first..=last).map(|segment| self.geometry.usable(segment)).sum();
                Ok(Chain::new(self.geometry.first(first), slots))
            }
            Err(code) => {
                self.committed.give_back(lease, first..first + 1);
                Err(Refusal::OutOfMemory(code))
            }
        }
    }

    /// The end of the writable prefix.
    fn prefix(&self) -> &AtomicU32 {
        self.lease.as_ref().map_or(&self.writable, |lease| &lease.common.writable)
    }

    /// Commits the segments `first` to `last`, whose bits the caller has set.
    fn commit(&self, first: u32, last: u32) -> Result<(), i32> {
        self.make_writable(last)?;
        let slots = self.geometry.slots_per_segment() as usize;
        let segments = first..last + 1;
        let (first, count) = (first as usize * slots, (last - first + 1) as usize * slots);
        // No memory for what lies beyond the last slot, which matters to small tables.
        let used = count.min(self.geometry.capacity() as usize + 1 - first);
        self.memory.prefault(first, used).inspect_err(|_| {
            // A part may have been prefaulted. If the system refuses this too, that part stays
            // until the segments are used or decommitted.
            // SAFETY: the caller has set the segments' bits, and no thread has an index in them.
            let _ = unsafe { self.memory.decommit(first, count) };
        })?;
        #[cfg(not(model))]
        debug_assert!(
            segments.clone().all(|s| self.usable(s).all(|slot| slot.peek() == word::zero())),
            "Invariant 5: a segment that was decommitted, or never committed, reads as zero"
        );
        self.generations.restore(segments, |segment| self.usable(segment));
        Ok(())
    }

    fn usable(&self, segment: u32) -> impl Iterator<Item = &Slot<W>> {
        self.geometry.indices(segment).map(|index| self.slot(index))
    }

    /// Extends the writable prefix to `segment`, several segments at once where that works.
    fn make_writable(&self, segment: u32) -> Result<(), i32> {
        // Acquire: the segments below the number have been made writable. Partner:
        // arena.make_writable.fetch_max.
        let writable = self.prefix().load(Ordering::Acquire);
        if segment < writable {
            return Ok(());
        }
        let slots = self.geometry.slots_per_segment() as usize;
        let ahead = segment.saturating_add(WRITABLE_BATCH).min(self.geometry.segments());
        let mut result = Ok(());
        for end in [ahead, segment + 1] {
            let first = writable as usize * slots;
            result = self.memory.make_writable(first, end as usize * slots - first, self.below);
            if result.is_ok() {
                // Release: the segments are writable for a thread that reads the number. Partners:
                // arena.make_writable.load, arena.slot_clamped.load.
                self.prefix().fetch_max(end, Ordering::Release);
                break;
            }
        }
        result
    }

    /// Purges whole pages inside a segment, from slot `first` on. They read as zeros, and the
    /// segment stays committed.
    ///
    /// # Safety
    ///
    /// The caller owns all their slots but slot 0, inside an operation or with the world stopped.
    pub(crate) unsafe fn purge(&self, first: u32, slots: u32) -> Result<(), i32> {
        // SAFETY: only the owner stores to a free slot (Invariants 1 and 5), and none to slot 0.
        unsafe { self.memory.decommit(first as usize, slots as usize) }
    }

    /// Decommits the segments `first` to `first + count - 1`: their memory goes back, they read as
    /// zeros, and growers may commit them again (Invariant 5).
    ///
    /// # Safety
    ///
    /// The caller owns every slot in them, and is inside an operation or has stopped the world.
    pub(crate) unsafe fn decommit(&self, first: u32, count: u32) -> Result<(), i32> {
        self.generations.save(first..first + count, |segment| self.usable(segment));
        let slots = self.geometry.slots_per_segment() as usize;
        let (at, slots) = (first as usize * slots, count as usize * slots);
        // SAFETY: only the owner stores to a free slot (Invariants 1 and 5). An operation that
        // began while one of them was in use ended before the sweep cycle began.
        unsafe { self.memory.decommit_segments(at, slots, self.below) }?;
        self.committed.give_back(self.lease.as_deref(), first..first + count);
        Ok(())
    }
}
