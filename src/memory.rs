//! A slot, and the memory of all slots of a table.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::head::{follow, link_to};
use crate::protection::{Protection, Rights};
use crate::segment::Geometry;
use crate::sync::Ordering;
use crate::word::{self, AtomicWord, Round, Word};
#[cfg(not(all(loom, feature = "loom")))]
use crate::{error::NO_MEMORY, segment::SEGMENT_BYTES};

/// One slot of a table.
///
/// Who may touch the word, by its state:
///
/// | state | load | store |
/// |---|---|---|
/// | live | anybody | anybody inside an operation, by compare-and-swap only |
/// | uninitialized | anybody | as for live |
/// | free, in a chain or magazine | anybody, to see that it is free | its owner: who took the chain, whose magazine it is, or the stopper |
/// | free, detached | the same | who claimed its segment from the sweep, or the stopper |
///
/// Fresh memory is all zeros, which is the word of a free slot with link 0.
///
/// The payload of a free slot is its owner's, as the link is; who may touch that of a slot in use
/// is for those to say who put one there. One-word and two-word entries have none.
#[cfg_attr(not(all(loom, feature = "loom")), repr(C))]
pub(crate) struct Slot<W: Word> {
    word: W::Atomic,
    payload: W::Payload,
    /// Stands for the exclusive ownership of a free slot: loom reports two owners as a race.
    #[cfg(all(loom, feature = "loom"))]
    owner: crate::sync::UnsafeCell<()>,
    /// Stands for the page under the slot: loom reports a store that meets its release.
    #[cfg(all(loom, feature = "loom"))]
    page: crate::sync::UnsafeCell<()>,
    /// Stands for the right to write to it. Not for one-word entries, whose models would only grow.
    #[cfg(all(loom, feature = "loom"))]
    writable: crate::sync::AtomicBool,
}

impl<W: Word> Slot<W> {
    #[cfg(all(loom, feature = "loom"))]
    fn new() -> Self {
        let (owner, page) = (crate::sync::UnsafeCell::new(()), crate::sync::UnsafeCell::new(()));
        let writable = crate::sync::AtomicBool::new(false);
        let (word, payload) =
            (W::Atomic::new(word::zero()), <W::Payload as crate::word::Payload>::new());
        Self { word, payload, owner, page, writable }
    }

    /// What the slot has beside its word.
    #[inline(always)]
    pub(crate) fn payload(&self) -> &W::Payload {
        &self.payload
    }

    /// An access that only the owner of the free slot may make (Invariants 1 and 2).
    #[inline(always)]
    fn as_owner(&self) {
        #[cfg(all(loom, feature = "loom"))]
        self.owner.with_mut(|_| ());
    }

    /// An access that makes the page dirty, also a compare-and-swap that fails: not while its
    /// segment is released (Invariant 5).
    #[inline(always)]
    fn touch(&self) {
        #[cfg(all(loom, feature = "loom"))]
        {
            self.page.with(|_| ());
            self.expect_writable();
        }
    }

    #[cfg(all(loom, feature = "loom"))]
    fn expect_writable(&self) {
        // Relaxed: the orderings of the prefix have to be enough.
        let writable = W::LOADS_READ_ONLY || self.writable.load(Ordering::Relaxed);
        assert!(writable, "Invariant 5: not committed yet");
    }

    /// The word, as any reader may see it.
    #[inline(always)]
    pub(crate) fn load(&self) -> W {
        #[cfg(all(loom, feature = "loom"))]
        self.expect_writable();
        // Acquire: what was written before the entry was published is seen by who reads it
        // (Invariant 7). Partner: `publish` and `replace`.
        self.word.load(Ordering::Acquire)
    }

    /// Turns the owner's free slot into a live or uninitialized one.
    #[inline(always)]
    pub(crate) fn publish(&self, word: W) {
        self.as_owner();
        self.touch();
        // Release: what the owner wrote before is seen by whoever reads the entry (Invariant 7),
        // and its own use of the free slot happens before that of whoever frees it (Invariant
        // 3). Partner: `load`, and the compare-and-swap of `retire`.
        self.word.store(word, Ordering::Release);
    }

    /// Puts `new` in the place of `current`, in a slot that is in use; says what is there if
    /// it is not `current`.
    #[inline(always)]
    pub(crate) fn replace(&self, current: W, new: W) -> Result<(), W> {
        self.touch();
        // AcqRel: Release as in `publish`; Acquire, since the caller gets the old entry, as in
        // `load`: it may be the same as one that was there before, put back since.
        // Relaxed: on failure, since the caller looks again.
        self.word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Relaxed).map(drop)
    }

    /// Turns a slot in use into a free one that the caller owns; says what is there if it is
    /// not `current`. Of several that try at once, one succeeds.
    #[inline(always)]
    pub(crate) fn retire(&self, current: W, round: Round) -> Result<(), W> {
        let free = word::free(round, 0);
        self.touch();
        // Acquire: the new owner's use of the slot comes after that of whoever published it
        // (Invariant 3; partner: `publish`), who may be another than `current` came from. Nothing
        // is published by it: the next owner gets the slot through a head or a stop, which order
        // it. Relaxed: on failure, since the caller looks again.
        self.word.compare_exchange(current, free, Ordering::Acquire, Ordering::Relaxed)?;
        self.as_owner();
        Ok(())
    }

    /// Turns a live slot that nobody else frees or sets into a free one that the caller owns.
    #[inline(always)]
    pub(crate) fn retire_own(&self, round: Round) {
        self.touch();
        // Relaxed: the caller's exclusive right to the slot came with the entry, which `load` has
        // acquired; readers may see the entry or that the slot is free.
        self.word.store(word::free(round, 0), Ordering::Relaxed);
        self.as_owner();
    }

    /// The index that follows in the chain. For the owner of the chain; `index` is this slot's.
    #[inline(always)]
    pub(crate) fn next(&self, index: u32) -> u32 {
        self.as_owner();
        // Relaxed: only the owner reads or writes a link (Invariant 2), and the chain came to it
        // through an acquire (a head's swap, or the end of a stop).
        follow(index, word::link(self.word.load(Ordering::Relaxed)))
    }

    /// Makes `next` follow this slot, whose index is `index`. For the owner of the chain.
    #[inline(always)]
    pub(crate) fn set_next(&self, index: u32, next: u32, round: Round) {
        self.as_owner();
        self.touch();
        // Relaxed: as in `next`; the release of the head's compare-and-swap, or of the end of
        // the stop, hands it on.
        self.word.store(word::free(round, link_to(index, next)), Ordering::Relaxed);
    }

    /// As `set_next`, but stores nothing where the link is right already, whatever the round, so
    /// that memory that nobody wrote to stays so.
    pub(crate) fn set_next_if_needed(&self, index: u32, next: u32, round: Round) {
        self.as_owner();
        // Relaxed: as in `next`.
        if word::link(self.word.load(Ordering::Relaxed)) != link_to(index, next) {
            self.set_next(index, next, round);
        }
    }

    /// Makes the slot, a free one of the caller's, as if it had never been written to.
    pub(crate) fn wipe(&self) {
        if self.look() != word::zero() {
            self.as_owner();
            self.touch();
            // Relaxed: as in `set_next`.
            self.word.store(word::zero(), Ordering::Relaxed);
        }
    }

    /// The word as the last stop left it, or what came after.
    #[inline(always)]
    pub(crate) fn look(&self) -> W {
        // Relaxed: every operation before the last stop has ended, and its end was acquired by the
        // stop, whose end was acquired by the caller's operation (Invariant 8).
        self.word.load(Ordering::Relaxed)
    }
}

/// The memory of all slots: a reservation of the system's, or under loom a vector of modelled
/// slots (loom's atomics must be made; zeroed bytes would alias one another silently).
#[derive(Debug)]
pub(crate) struct Memory<W: Word> {
    #[cfg(not(all(loom, feature = "loom")))]
    mapping: crate::sys::Mapping,
    #[cfg(all(loom, feature = "loom"))]
    slots: Box<[Slot<W>]>,
    /// How many more times memory is refused.
    #[cfg(all(loom, feature = "loom"))]
    refusals: crate::sync::unmodelled::AtomicUsize,
    slot_count: usize,
    protection: Protection,
    marker: PhantomData<W>,
}

impl<W: Word> Memory<W> {
    /// Bytes from one slot to the next; in models, whose slots are a vector's, only a figure.
    pub(crate) const SLOT_BYTES: usize = if cfg!(all(loom, feature = "loom")) {
        size_of::<W>()
    } else {
        Geometry::stride_for(size_of::<Slot<W>>())
    };

    /// The distance from one slot to the next in memory.
    pub(crate) const STRIDE: usize =
        if cfg!(all(loom, feature = "loom")) { size_of::<Slot<W>>() } else { Self::SLOT_BYTES };

    /// May a slot be loaded while its segment was never committed?
    pub(crate) const LOADS_RESERVED: bool = LOADS_RESERVED && W::LOADS_READ_ONLY;

    /// How many slots there are, in use or not.
    pub(crate) fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// The calling thread's right to touch slots, at the address where they are written.
    pub(crate) fn rights(&self) -> Rights {
        Rights::open(self.protection)
    }

    /// What keeps slots from being written to.
    pub(crate) fn protection(&self) -> Protection {
        self.protection
    }

    /// The slot with this index, at the address where it may be written (Invariant 13).
    ///
    /// # Safety
    ///
    /// `index` is less than [`slot_count`](Self::slot_count), and unless
    /// [`LOADS_RESERVED`](Self::LOADS_RESERVED) its segment has been committed once.
    #[inline(always)]
    pub(crate) unsafe fn slot(&self, index: u32) -> &Slot<W> {
        debug_assert!((index as usize) < self.slot_count);
        if cfg!(any(debug_assertions, all(loom, feature = "loom"))) {
            assert!(Rights::are_open(self.protection), "Invariant 13: no write scope is open");
        }
        // SAFETY: inside the memory, by the contract of this function.
        let slot = unsafe { self.write_base().byte_add(index as usize * Self::STRIDE) };
        // SAFETY: aligned, since the base is; any bits are a valid word; shared references to
        // atomics are all that is ever made of it, and the memory lives as long as `self`.
        unsafe { slot.as_ref() }
    }
}

#[cfg(not(all(loom, feature = "loom")))]
const _: () = {
    assert!(size_of::<Slot<u64>>() == 8 && Memory::<u64>::SLOT_BYTES == 8);
    assert!(size_of::<Slot<u128>>() == 16 && Memory::<u128>::SLOT_BYTES == 16);
};

#[cfg(not(all(loom, feature = "loom")))]
const LOADS_RESERVED: bool = crate::sys::READS_RESERVED;
#[cfg(all(loom, feature = "loom"))]
const LOADS_RESERVED: bool = true;

#[cfg(not(all(loom, feature = "loom")))]
impl<W: Word> Memory<W> {
    /// The most bytes it makes sense to ask for.
    pub(crate) const BYTES_MAX: usize = crate::sys::RESERVE_BYTES_MAX;

    /// Reserves `bytes`, a multiple of the segment's. The error is the system's code.
    pub(crate) fn new(bytes: usize, protection: Protection) -> Result<Self, i32> {
        let units = bytes.checked_next_multiple_of(SEGMENT_BYTES).ok_or(NO_MEMORY)?;
        let mapping = crate::sys::Mapping::new(units, protection)?;
        let slot_count = bytes / Self::SLOT_BYTES;
        Ok(Self { mapping, slot_count, protection, marker: PhantomData })
    }

    /// Where slot 0 is read.
    pub(crate) fn base(&self) -> NonNull<Slot<W>> {
        self.mapping.base().cast()
    }

    /// Where slot 0 is written: the same, unless the memory is protected.
    #[inline(always)]
    fn write_base(&self) -> NonNull<Slot<W>> {
        self.mapping.write_base().cast()
    }

    /// Makes writable slots read-only for everybody, or writable again.
    pub(crate) fn seal(&self, first: usize, count: usize, sealed: bool) -> Result<(), i32> {
        self.mapping.seal(first * Self::SLOT_BYTES, count * Self::SLOT_BYTES, sealed)
    }

    /// Makes slots writable. Idempotent.
    pub(crate) fn commit(&self, first: usize, count: usize) -> Result<(), i32> {
        self.mapping.commit(first * Self::SLOT_BYTES, count * Self::SLOT_BYTES)
    }

    /// Sets memory aside for writable slots, so that a refusal shows now.
    pub(crate) fn populate(&self, first: usize, count: usize) -> Result<(), i32> {
        self.mapping.populate(first * Self::SLOT_BYTES, count * Self::SLOT_BYTES)
    }

    /// How many slots a page of the system's has, the least that `discard` takes.
    pub(crate) fn page_slots(&self) -> Option<usize> {
        Some(crate::sys::discard_unit()? / Self::SLOT_BYTES)
    }

    /// Gives the memory of writable slots back, whole pages; they read as zero, and remain
    /// writable.
    ///
    /// # Safety
    ///
    /// Nobody stores to these slots meanwhile.
    pub(crate) unsafe fn discard(&self, first: usize, count: usize) -> Result<(), i32> {
        let (offset, bytes) = (first * Self::SLOT_BYTES, count * Self::SLOT_BYTES);
        // SAFETY: by the contract of this function.
        unsafe { self.mapping.discard(offset, bytes) }
    }

    /// Gives the memory of writable slots back; they read as zero again.
    ///
    /// # Safety
    ///
    /// Nobody stores to these slots meanwhile.
    pub(crate) unsafe fn release(&self, first: usize, count: usize) -> Result<(), i32> {
        let (offset, bytes) = (first * Self::SLOT_BYTES, count * Self::SLOT_BYTES);
        // SAFETY: by the contract of this function.
        unsafe { self.mapping.release(offset, bytes) }
    }
}

#[cfg(all(loom, feature = "loom"))]
impl<W: Word> Memory<W> {
    pub(crate) const BYTES_MAX: usize = 1 << 10;

    pub(crate) fn new(bytes: usize, protection: Protection) -> Result<Self, i32> {
        let slot_count = bytes / Self::SLOT_BYTES;
        let slots = (0..slot_count).map(|_| Slot::new()).collect();
        let refusals = crate::sync::unmodelled::AtomicUsize::new(0);
        Ok(Self { slots, refusals, slot_count, protection, marker: PhantomData })
    }

    pub(crate) fn base(&self) -> NonNull<Slot<W>> {
        NonNull::from(&*self.slots).cast()
    }

    fn write_base(&self) -> NonNull<Slot<W>> {
        self.base()
    }

    pub(crate) fn seal(&self, _: usize, _: usize, _: bool) -> Result<(), i32> {
        Ok(())
    }

    /// Has the next `count` requests for memory refused.
    pub(crate) fn refuse(&self, count: usize) {
        // Relaxed: before the model begins.
        self.refusals.store(count, Ordering::Relaxed);
    }

    pub(crate) fn commit(&self, first: usize, count: usize) -> Result<(), i32> {
        for slot in &self.slots[first..first + count] {
            if !W::LOADS_READ_ONLY {
                // Relaxed: see `expect_writable`.
                slot.writable.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    pub(crate) fn populate(&self, _first: usize, _count: usize) -> Result<(), i32> {
        let less = |left: usize| left.checked_sub(1);
        // Relaxed: a count and nothing else.
        match self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Err(crate::error::NO_MEMORY),
            Err(_) => Ok(()),
        }
    }

    /// Models say so themselves.
    pub(crate) fn page_slots(&self) -> Option<usize> {
        None
    }

    /// # Safety
    ///
    /// Nobody stores to these slots meanwhile.
    pub(crate) unsafe fn discard(&self, first: usize, count: usize) -> Result<(), i32> {
        // SAFETY: by the contract of this function.
        unsafe { self.release(first, count) }
    }

    /// # Safety
    ///
    /// Nobody stores to these slots meanwhile.
    pub(crate) unsafe fn release(&self, first: usize, count: usize) -> Result<(), i32> {
        for slot in &self.slots[first..first + count] {
            slot.as_owner();
            slot.page.with_mut(|_| ());
            // Relaxed: the segment's bit hands it on.
            slot.word.store(word::zero(), Ordering::Relaxed);
        }
        Ok(())
    }
}

impl<W: Word> core::fmt::Debug for Slot<W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Slot")
    }
}
