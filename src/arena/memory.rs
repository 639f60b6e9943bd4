//! The memory of all slots of a table.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::holder::Holder;
use super::slot::Slot;
#[cfg(model)]
use super::slots::{Mapping, READS_RESERVED, RESERVE_BYTES_MAX, page_bytes};
use crate::bits::geometry::{Geometry, SEGMENT_BYTES};
use crate::bits::word::Word;
use crate::sys::code::NO_MEMORY;
#[cfg(not(model))]
use crate::sys::{Mapping, READS_RESERVED, RESERVE_BYTES_MAX, page_bytes};
use crate::sys::{Protection, Rights};

/// The memory of all slots: a mapping of the system's, or in a model a vector of modelled slots.
#[derive(Debug)]
pub(crate) struct Memory<W: Word> {
    #[cfg(not(model))]
    pub(super) mapping: Holder<Mapping>,
    #[cfg(model)]
    pub(super) mapping: Holder<Mapping<W>>,
    /// Where slot 0 is read.
    pub(super) base: NonNull<Slot<W>>,
    /// Where slot 0 is written: at [`base`](Self::base), unless the memory is protected.
    pub(super) write_base: NonNull<Slot<W>>,
    pub(super) slot_count: usize,
    /// The bytes before slot 0. They become writable from the top down.
    pub(super) below: usize,
    pub(super) protection: Protection,
    pub(super) marker: PhantomData<W>,
}

impl<W: Word> Memory<W> {
    /// Bytes from one slot to the next. In models, whose slots are a vector's, only a figure.
    pub(crate) const SLOT_BYTES: usize =
        if cfg!(model) { size_of::<W>() } else { Geometry::stride_for(size_of::<Slot<W>>()) };

    /// The distance from one slot to the next in memory.
    pub(crate) const STRIDE: usize =
        if cfg!(model) { size_of::<Slot<W>>() } else { Self::SLOT_BYTES };

    /// `true` if a slot can be loaded while its segment was never committed.
    pub(crate) const LOADS_RESERVED: bool = READS_RESERVED && W::LOADS_READ_ONLY;

    pub(crate) fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// Opens the calling thread's right to touch slots at the address where they are written.
    pub(crate) fn rights(&self) -> Rights {
        Rights::open(self.protection)
    }

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
        if cfg!(any(debug_assertions, model)) {
            assert!(Rights::are_open(self.protection), "Invariant 13: no write scope is open");
        }
        // SAFETY: inside the memory, by the contract of this function.
        let slot = unsafe { self.write_base.byte_add(index as usize * Self::STRIDE) };
        // SAFETY: aligned, since the base is. Any bits are a valid word. Only shared references to
        // atomics are ever made of it, and the memory lives as long as `self`.
        unsafe { slot.as_ref() }
    }

    /// The slot with this index and the seven behind it.
    ///
    /// # Safety
    ///
    /// Same as [`slot`](Self::slot), for all of them.
    #[inline(always)]
    pub(crate) unsafe fn eight_slots(&self, index: u32) -> [&Slot<W>; 8] {
        debug_assert!(index as usize + 8 <= self.slot_count);
        // SAFETY: by the contract of this function.
        let first = NonNull::from(unsafe { self.slot(index) });
        core::array::from_fn(|i| {
            // SAFETY: inside the memory, by the contract of this function.
            let slot = unsafe { first.byte_add(i * Self::STRIDE) };
            // SAFETY: as for the first, of which the contract holds too.
            unsafe { slot.as_ref() }
        })
    }

    /// The most bytes that are worth asking for.
    pub(crate) const BYTES_MAX: usize = RESERVE_BYTES_MAX;

    /// Reserves `bytes`, a multiple of a segment's, and `below` more before slot 0. The error is
    /// the system's code.
    pub(crate) fn new(bytes: usize, below: usize, protection: Protection) -> Result<Self, i32> {
        let unit = if cfg!(model) { 1 } else { SEGMENT_BYTES };
        let below = below.checked_next_multiple_of(unit).ok_or(NO_MEMORY)?;
        let units = bytes.checked_next_multiple_of(unit).and_then(|bytes| bytes.checked_add(below));
        let mapping = Mapping::new(units.ok_or(NO_MEMORY)?, protection)?;
        let slot_count = bytes / Self::SLOT_BYTES;
        Ok(Self::over(mapping, slot_count, below, protection))
    }

    /// Where slot 0 is read.
    pub(crate) fn base(&self) -> NonNull<Slot<W>> {
        self.base
    }

    /// Makes the next `count` requests for memory fail, in a model.
    #[cfg(model)]
    pub(crate) fn refuse(&self, count: usize) {
        self.mapping.refuse(count);
    }

    pub(crate) fn prefault(&self, first: usize, count: usize) -> Result<(), i32> {
        self.mapping.prefault(self.offset(first), count * Self::SLOT_BYTES)
    }

    /// The slots of a page, where single pages can be decommitted.
    pub(crate) fn page_slots(&self) -> Option<usize> {
        Some(page_bytes()? / Self::SLOT_BYTES)
    }

    /// Gives the memory of writable slots back. They read as zero again.
    ///
    /// # Safety
    ///
    /// No thread stores to these slots concurrently.
    pub(crate) unsafe fn decommit(&self, first: usize, count: usize) -> Result<(), i32> {
        let (offset, bytes) = (self.offset(first), count * Self::SLOT_BYTES);
        // SAFETY: by the contract of this function.
        unsafe { self.mapping.decommit(offset, bytes) }
    }
}

#[cfg(not(model))]
const _: () = {
    assert!(size_of::<Slot<u64>>() == 8 && Memory::<u64>::SLOT_BYTES == 8);
    assert!(size_of::<Slot<u128>>() == 16 && Memory::<u128>::SLOT_BYTES == 16);
};
