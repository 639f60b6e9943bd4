//! The entries of the two tables.

use core::ptr::NonNull;

use super::error::EntryError;
use super::word::sealed::Sealed;
use super::word::{Collected, POINTER, RESERVED, bits};
use crate::table::Packed;

/// The entry of an [`ExternalPointerTable`](super::ExternalPointerTable), as its word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternalEntry(pub(super) u64);

impl Packed for ExternalEntry {
    type Word = u64;

    #[inline(always)]
    fn to_word(self) -> u64 {
        self.0
    }

    #[inline(always)]
    unsafe fn from_word(word: u64) -> Self {
        Self(word)
    }
}

impl Sealed for ExternalEntry {}

impl Collected for ExternalEntry {
    const HAS_TAGS: bool = true;
}

/// An entry of a [`DispatchTable`](super::DispatchTable): code, the object that it belongs to, and
/// the number of parameters that it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DispatchEntry {
    /// The address of the code.
    pub code: usize,
    /// The address of the object: 48 bits.
    pub object: usize,
    /// The number of parameters: up to [`PARAMETERS_MAX`](Self::PARAMETERS_MAX).
    pub parameters: u16,
}

impl DispatchEntry {
    /// The greatest number of parameters: 16,367.
    pub const PARAMETERS_MAX: u16 = RESERVED - 1;

    /// Checks the widths, and returns the entry as a word.
    pub(super) fn word(self) -> Result<Dispatch, EntryError> {
        let Self { code, object, parameters } = self;
        if object as u64 > POINTER {
            return Err(EntryError::Pointer { address: object });
        }
        if parameters > Self::PARAMETERS_MAX {
            return Err(EntryError::Parameters { count: parameters });
        }
        Ok(Dispatch(u128::from(code as u64) << 64 | u128::from(bits(parameters, object as u64))))
    }
}

/// A [`DispatchEntry`] as its two words. See [`DispatchTable`](super::DispatchTable).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dispatch(pub(super) u128);

impl Packed for Dispatch {
    type Word = u128;

    #[inline(always)]
    fn to_word(self) -> u128 {
        self.0
    }

    #[inline(always)]
    unsafe fn from_word(word: u128) -> Self {
        Self(word)
    }
}

impl Sealed for Dispatch {}

impl Collected for Dispatch {
    const HAS_TAGS: bool = false;
}

/// Returns the pointer's address, if it has at most 48 bits. Exposes its provenance.
pub(super) fn address<T>(pointer: NonNull<T>) -> Result<u64, EntryError> {
    let address = pointer.as_ptr().expose_provenance();
    if address as u64 > POINTER { Err(EntryError::Pointer { address }) } else { Ok(address as u64) }
}
