//! The memory of a table: a region, with or without a protection.

use core::ptr::NonNull;

#[cfg(linux_mappings)]
use super::dual_mapping::DualMapping;
use super::heap;
use super::imp::Region;
use super::protection::Protection;

/// A region with two addresses, which are equal where it is not protected.
#[derive(Debug)]
pub(crate) enum Mapping {
    Plain(Region),
    #[cfg(linux_mappings)]
    Dual(DualMapping),
    /// Of a small slab.
    Small(heap::Region),
}

/// The most bytes of a small slab's slots: the least that any system maps.
pub(crate) const SMALL_BYTES: usize = 4096;

/// Calls a method of the variant.
macro_rules! each {
    ($kind:expr, $memory:ident => $call:expr) => {
        match $kind {
            Mapping::Plain($memory) => $call,
            #[cfg(linux_mappings)]
            Mapping::Dual($memory) => $call,
            Mapping::Small($memory) => $call,
        }
    };
}

impl Mapping {
    /// Reserves a region. The protection is available.
    pub(crate) fn new(bytes: usize, protection: Protection) -> Result<Self, i32> {
        #[cfg(linux_mappings)]
        if protection != Protection::None {
            let dual = DualMapping::new(bytes, protection == Protection::Keys)?;
            return Ok(Self::Dual(dual));
        }
        let _ = protection;
        Ok(Self::Plain(Region::new(bytes)?))
    }

    /// Allocates a small region, which begins at a multiple of `align` and of 64. `None` if there
    /// is no memory, and with the guard, which has to take rights from pages.
    pub(crate) fn small(bytes: usize, align: usize) -> Option<Self> {
        let is_possible = cfg!(not(slotarena_guard));
        is_possible.then(|| heap::Region::small(bytes, align.max(64)))?.map(Self::Small)
    }

    pub(crate) fn is_small(&self) -> bool {
        matches!(self, Self::Small(_))
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        each!(self, memory => memory.base())
    }

    /// Returns the address for stores. A thread with rights may also load there.
    pub(crate) fn write_base(&self) -> NonNull<u8> {
        match self {
            Self::Plain(region) => region.base(),
            #[cfg(linux_mappings)]
            Self::Dual(dual) => dual.write_base(),
            Self::Small(region) => region.base(),
        }
    }

    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        each!(self, memory => memory.make_writable(offset, bytes))
    }

    pub(crate) fn prefault(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        each!(self, memory => memory.prefault(offset, bytes))
    }

    /// # Safety
    ///
    /// No thread stores to the range concurrently, and the range is writable.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        // SAFETY: by the contract of this function.
        each!(self, memory => unsafe { memory.decommit(offset, bytes) })
    }

    pub(crate) fn set_apart(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        each!(self, memory => memory.set_apart(offset, bytes))
    }

    /// Returns `true` in a child of the process, if stores would go to what it shares with its
    /// parent: never for a region without a protection.
    pub(crate) fn is_foreign(&self) -> bool {
        match self {
            Mapping::Plain(_) | Mapping::Small(_) => false,
            #[cfg(linux_mappings)]
            Mapping::Dual(dual) => dual.is_foreign(),
        }
    }

    /// Makes a child of the process read nothing of what it shares with its parent.
    /// Async-signal-safe.
    pub(crate) fn after_fork(&self) {
        each!(self, memory => memory.after_fork())
    }

    pub(crate) fn seal(&self, offset: usize, bytes: usize, sealed: bool) -> Result<(), i32> {
        each!(self, memory => memory.seal(offset, bytes, sealed))
    }
}
