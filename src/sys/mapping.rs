//! The memory of a table: a reservation, with or without a protection.

use core::ptr::NonNull;

#[cfg(linux_mappings)]
use super::dual_mapping::DualMapping;
use super::imp::Region;
use super::protection::Protection;

/// A reservation with two addresses, which are one where it is not protected.
#[derive(Debug)]
pub(crate) struct Mapping {
    kind: Kind,
    /// Kept here, so that it is found without asking which kind it is.
    write_base: NonNull<u8>,
}

#[derive(Debug)]
enum Kind {
    Plain(Region),
    #[cfg(linux_mappings)]
    Dual(DualMapping),
}

// SAFETY: the address belongs to what `kind` owns, which may be sent.
unsafe impl Send for Mapping {}
// SAFETY: as above; the address is only read.
unsafe impl Sync for Mapping {}

/// Calls a method of whichever kind it is.
macro_rules! each {
    ($kind:expr, $memory:ident => $call:expr) => {
        match $kind {
            Kind::Plain($memory) => $call,
            #[cfg(linux_mappings)]
            Kind::Dual($memory) => $call,
        }
    };
}

impl Mapping {
    /// The protection is available.
    pub(crate) fn new(bytes: usize, protection: Protection) -> Result<Self, i32> {
        let kind = match protection {
            #[cfg(linux_mappings)]
            Protection::DualMapping | Protection::Keys => {
                Kind::Dual(DualMapping::new(bytes, protection == Protection::Keys)?)
            }
            _ => Kind::Plain(Region::new(bytes)?),
        };
        let write_base = each!(&kind, memory => memory.write_base());
        Ok(Self { kind, write_base })
    }

    /// Where it is read.
    pub(crate) fn base(&self) -> NonNull<u8> {
        each!(&self.kind, memory => memory.base())
    }

    /// Where it is written, and may be read by who has rights.
    #[inline(always)]
    pub(crate) fn write_base(&self) -> NonNull<u8> {
        self.write_base
    }

    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        each!(&self.kind, memory => memory.make_writable(offset, bytes))
    }

    pub(crate) fn prefault(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        each!(&self.kind, memory => memory.prefault(offset, bytes))
    }

    /// # Safety
    ///
    /// Nobody stores to the range meanwhile, and the range is writable.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        // SAFETY: by the contract of this function.
        each!(&self.kind, memory => unsafe { memory.decommit(offset, bytes) })
    }

    /// Takes the right to write to a writable range from everybody, or gives it back.
    pub(crate) fn seal(&self, offset: usize, bytes: usize, sealed: bool) -> Result<(), i32> {
        each!(&self.kind, memory => memory.seal(offset, bytes, sealed))
    }
}
