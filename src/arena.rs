//! The arena: one reservation for all slots, of which segments become usable and stop being so.

mod claims;

use crate::error::{BuildError, NO_MEMORY};
use crate::head::Head;
use crate::kept::Kept;
use crate::memory::{Memory, Slot};
use crate::protection::{Protection, Rights};
use crate::segment::Geometry;
use crate::sync::{AtomicU32, Ordering};
use crate::word::{Payload, Word};

use claims::Claims;

/// How many segments are made writable by one system call.
const WRITABLE_BATCH: u32 = 16;

/// How many segments are committed at once, at most: a stop, and whoever allocates, waits for the
/// system to clear so many.
const GROW_BATCH: u32 = 4;

/// A table grows by at most this part of itself.
const GROW_PART: u32 = 64;

/// All slots of a table.
///
/// | field | who writes | when |
/// |---|---|---|
/// | `writable` | growers, upwards only | inside an operation |
/// | `kept` | who releases a segment | while the claim to it is his |
#[derive(Debug)]
pub(crate) struct Arena<W: Word> {
    memory: Memory<W>,
    geometry: Geometry,
    pub(crate) claims: Claims,
    /// The segments below this number are writable: a prefix, so that there are two mappings
    /// at most, however many segments have been released.
    writable: AtomicU32,
    /// A page has 2^this slots, where pages can be given back.
    page_shift: Option<u32>,
    kept: Kept,
}

/// Why there is no further segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Every segment is committed.
    Full,
    /// The system refused memory, with this code.
    OutOfMemory(i32),
}

impl<W: Word> Arena<W> {
    /// An arena for `capacity` slots. With `step_down`, half as many and so on while the system
    /// refuses.
    pub(crate) fn new(
        capacity: u32,
        step_down: bool,
        shift: u32,
        protection: Protection,
    ) -> Result<Self, BuildError> {
        let segment_bytes = Memory::<W>::SLOT_BYTES << shift;
        let bytes = |g: Geometry| (g.segments() as usize).checked_mul(segment_bytes);
        let wanted = Geometry::new(capacity, shift);
        let asked = bytes(wanted).unwrap_or(usize::MAX);
        let mut geometry = wanted;
        if step_down {
            while bytes(geometry).is_none_or(|bytes| bytes > Memory::<W>::BYTES_MAX) {
                geometry = Geometry::new(geometry.capacity() / 2, shift);
            }
        }
        let mut refused_before = false;
        let memory = loop {
            let bytes = bytes(geometry).unwrap_or(usize::MAX);
            let result = match bytes {
                usize::MAX => Err(NO_MEMORY),
                bytes => Memory::new(bytes, protection),
            };
            match result {
                // Where addresses are scarce, leave as many to the rest of the process.
                Ok(memory) if refused_before && geometry.segments() > 2 => {
                    drop(memory);
                    geometry = Geometry::new(geometry.capacity() / 2, shift);
                    refused_before = false;
                }
                Ok(memory) => break memory,
                Err(_) if step_down && geometry.segments() > 1 => {
                    refused_before = true;
                    geometry = Geometry::new((geometry.capacity() / 2).max(1), shift);
                }
                Err(code) => {
                    return Err(BuildError::Reserve { asked, refused: bytes, code });
                }
            }
        };
        let can_discard = |slots: &usize| slots.is_power_of_two() && !W::Payload::KEEPS;
        let page_slots = memory.page_slots().filter(can_discard);
        Ok(Self {
            memory,
            geometry,
            claims: Claims::new(geometry),
            writable: AtomicU32::new(0),
            page_shift: page_slots
                .map(usize::trailing_zeros)
                .filter(|page| (page + 1..=page + 6).contains(&shift)),
            kept: Kept::new::<W::Payload>(geometry.segments()),
        })
    }

    /// Has the next `count` segments refused.
    #[cfg(all(loom, feature = "loom"))]
    pub(crate) fn refuse(&self, count: usize) {
        self.memory.refuse(count);
    }

    /// Has pages of 2^`shift` slots given back.
    #[cfg(all(loom, feature = "loom"))]
    pub(crate) fn with_page_shift(self, page_shift: Option<u32>) -> Self {
        Self { page_shift, ..self }
    }

    /// A page has 2^this slots, where pages inside a segment can be given back.
    pub(crate) fn page_shift(&self) -> Option<u32> {
        self.page_shift
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The calling thread's right to touch slots.
    pub(crate) fn rights(&self) -> Rights {
        self.memory.rights()
    }

    /// What keeps slots from being written to.
    pub(crate) fn protection(&self) -> Protection {
        self.memory.protection()
    }

    /// Makes the lowest `count` segments read-only for everybody, or writable again. They are
    /// committed.
    pub(crate) fn seal_lowest(&self, count: u32, sealed: bool) -> Result<(), i32> {
        self.memory.seal(0, (count * self.geometry.slots_per_segment()) as usize, sealed)
    }

    /// Where slot 0 is read.
    pub(crate) fn base(&self) -> core::ptr::NonNull<Slot<W>> {
        self.memory.base()
    }

    /// Bytes of the whole reservation.
    pub(crate) fn reserved_bytes(&self) -> usize {
        self.memory.slot_count() * Memory::<W>::SLOT_BYTES
    }

    /// Bytes of a segment.
    pub(crate) fn segment_bytes(&self) -> usize {
        Memory::<W>::SLOT_BYTES << self.geometry.slots_per_segment().trailing_zeros()
    }

    /// The slot at any number whatever; slot 0, which is never in use, for those out of bounds
    /// (Invariant 6).
    #[inline(always)]
    pub(crate) fn slot_clamped(&self, raw: u32) -> Option<&Slot<W>> {
        let index = if raw <= self.geometry.capacity() { raw } else { 0 };
        if !Memory::<W>::LOADS_RESERVED {
            // Acquire: the segment was made writable before; partner: `make_writable`.
            // site: arena.slot_clamped.load
            let writable = self.writable.load(Ordering::Acquire);
            if self.geometry.segment_of(index) >= writable {
                return None;
            }
        }
        // SAFETY: at most the capacity, so inside (Invariant 6); committed if that is needed.
        Some(unsafe { self.memory.slot(index) })
    }

    /// As [`slot_clamped`](Self::slot_clamped), but nothing beyond the capacity: by a branch, that
    /// the address does not wait for. Not for `get`, which loads nothing from outside even where
    /// the processor guesses.
    #[inline(always)]
    pub(crate) fn slot_checked(&self, raw: u32) -> Option<&Slot<W>> {
        if raw > self.geometry.capacity() { None } else { self.slot_clamped(raw) }
    }

    /// The slot of an index that came out of a chain, a magazine or a committed segment.
    #[inline(always)]
    pub(crate) fn slot(&self, index: u32) -> &Slot<W> {
        debug_assert!(index <= self.geometry.capacity());
        // SAFETY: chains, magazines and segments hold indices of committed segments alone
        // (Invariants 1 and 2), which lie inside (Invariant 6).
        unsafe { self.memory.slot(index) }
    }

    /// Eight slots in a row, as [`slot`](Self::slot) gives each.
    #[inline(always)]
    pub(crate) fn eight_slots(&self, index: u32) -> [&Slot<W>; 8] {
        // SAFETY: as in `slot`.
        unsafe { self.memory.eight_slots(index) }
    }

    /// Commits one more segment, or a few in a row if there are many already, and returns their
    /// slots, which the caller then owns. Lock-free but for the system's calls.
    pub(crate) fn grow(&self) -> Result<Head, Refusal> {
        let first = self.claims.claim().ok_or(Refusal::Full)?;
        let wanted = (first / GROW_PART).min(GROW_BATCH - 1);
        let mut last = first;
        while last < first + wanted && self.claims.claim_this(last + 1) {
            last += 1;
        }
        let mut result = self.commit(first, last);
        if result.is_err() {
            self.claims.give_up(first + 1..last + 1);
            if last > first {
                last = first;
                result = self.commit(first, first);
            }
        }
        match result {
            // Zeros are an ascending chain: no link needs writing.
            Ok(()) => {
                let slots = (first..=last).map(|segment| self.geometry.usable(segment)).sum();
                Ok(Head::new(self.geometry.first(first), slots))
            }
            Err(code) => {
                self.claims.give_up(first..first + 1);
                Err(Refusal::OutOfMemory(code))
            }
        }
    }

    /// Makes the next segments come from the top of the reservation.
    #[cfg(test)]
    #[cfg_attr(any(loom, slotarena_heap), allow(dead_code))]
    pub(crate) fn grow_from_the_top(&self) {
        self.claims.begin_at_the_top();
    }

    /// Commits the segments `first` to `last`, which the caller has claimed.
    fn commit(&self, first: u32, last: u32) -> Result<(), i32> {
        self.make_writable(last)?;
        let slots = self.geometry.slots_per_segment() as usize;
        let segments = first..last + 1;
        let (first, count) = (first as usize * slots, (last - first + 1) as usize * slots);
        self.memory.populate(first, count).inspect_err(|_| {
            // A part may have been populated. If this is refused too, it stays so until the
            // segments are used or released.
            // SAFETY: the caller claimed the segments and nobody has an index in them.
            let _ = unsafe { self.memory.release(first, count) };
        })?;
        self.kept.remind(segments, |segment| self.usable(segment));
        Ok(())
    }

    /// The usable slots of a segment.
    fn usable(&self, segment: u32) -> impl Iterator<Item = &Slot<W>> {
        let first = self.geometry.first(segment);
        // By offsets: beyond the topmost segment there is no index.
        (0..self.geometry.usable(segment)).map(move |offset| self.slot(first + offset))
    }

    /// Extends the writable prefix to `segment`, several segments at once where that works.
    fn make_writable(&self, segment: u32) -> Result<(), i32> {
        // Acquire: what is said to be writable has been made so; partner: the maximum below.
        // site: arena.make_writable.load
        let writable = self.writable.load(Ordering::Acquire);
        if segment < writable {
            return Ok(());
        }
        let slots = self.geometry.slots_per_segment() as usize;
        let ahead = segment.saturating_add(WRITABLE_BATCH).min(self.geometry.segments());
        let mut result = Ok(());
        for end in [ahead, segment + 1] {
            let first = writable as usize * slots;
            result = self.memory.commit(first, end as usize * slots - first);
            if result.is_ok() {
                // Release: partner is the acquire above and that of `slot_clamped`.
                // site: arena.make_writable.fetch_max
                self.writable.fetch_max(end, Ordering::Release);
                break;
            }
        }
        result
    }

    /// Gives pages inside a segment back, from slot `first` on: they read as zeros, and the segment
    /// stays committed.
    ///
    /// # Safety
    ///
    /// The caller owns every slot in them but slot 0, and is inside an operation or has stopped the
    /// world.
    pub(crate) unsafe fn give_back(&self, first: u32, slots: u32) -> Result<(), i32> {
        // SAFETY: nobody stores to a free slot but its owner (Invariants 1 and 5), or to slot 0.
        unsafe { self.memory.discard(first as usize, slots as usize) }
    }

    /// Releases the segments `first` to `first + count - 1`: their memory goes back, they read
    /// as zeros, and growing may claim them again (Invariant 5).
    ///
    /// # Safety
    ///
    /// The caller owns every slot in them, and is inside an operation or has stopped the world.
    pub(crate) unsafe fn release(&self, first: u32, count: u32) -> Result<(), i32> {
        self.kept.remember(first..first + count, |segment| self.usable(segment));
        let slots = self.geometry.slots_per_segment() as usize;
        // SAFETY: nobody stores to a free slot but its owner (Invariants 1 and 5): an operation
        // that began while one of them was in use ended before they were detached.
        unsafe { self.memory.release(first as usize * slots, count as usize * slots) }?;
        self.claims.give_up(first..first + count);
        Ok(())
    }
}
