//! The memory of all slots of a table.

mod slot;

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::protection::{Protection, Rights};
use crate::segment::Geometry;
#[cfg(all(loom, feature = "loom"))]
use crate::sync::Ordering;
use crate::word::Word;
#[cfg(not(all(loom, feature = "loom")))]
use crate::{error::NO_MEMORY, segment::SEGMENT_BYTES};

pub(crate) use slot::Slot;

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

impl<W: Word> Memory<W> {
    /// The slot with this index and the seven behind it, as [`slot`](Self::slot) gives them.
    ///
    /// # Safety
    ///
    /// As there, for all of them.
    #[inline(always)]
    pub(crate) unsafe fn eight_slots(&self, index: u32) -> [&Slot<W>; 8] {
        debug_assert!(index as usize + 8 <= self.slot_count);
        // SAFETY: by the contract of this function.
        let first = NonNull::from(unsafe { self.slot(index) });
        core::array::from_fn(|i| {
            // SAFETY: as above, for each; distances from the first are constants.
            let slot = unsafe { first.byte_add(i * Self::STRIDE) };
            // SAFETY: as in `slot`.
            unsafe { slot.as_ref() }
        })
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
            slot.make_writable();
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
            slot.release();
        }
        Ok(())
    }
}
