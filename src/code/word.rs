//! The bits of an entry of a code pointer table.
//!
//! ```text
//!              bit 63   bits 62..48             bits 47..4      bits 3..0
//!   compiled      1     signature, high 15      entry point     signature, low 4
//!   native        1     all ones                <---- entry point, 48 bits --->
//! ```
//!
//! The entry point and its signature share *one* word. So an ordinary load on any processor never
//! shows the entry point of one entry with the signature of another. The 19 bits are the engine's
//! number of each distinct signature, which is exact, unlike a hash. They fit because user space
//! has addresses of 48 bits, and compiled functions begin at multiples of 16. Functions of the host
//! that are reached by address alone need not, since they have no signature.

use core::num::NonZeroUsize;

use crate::bits::word::{LIVE_BIT, try_live};
use crate::table::Packed;

/// Bits 62 to 48 of a native function's entry, which no signature has.
const NATIVE: u64 = 0x7fff << 48;

/// The bits of an address.
const ADDRESS: u64 = (1 << 48) - 1;

/// The bits of a compiled function's address that are always clear.
const ALIGNMENT: u64 = 0xf;

/// An engine's number for a signature: equal for equal signatures, and for no others.
///
/// ```
/// use slotarena::code::Signature;
/// assert!(Signature::new(7).is_some());
/// assert!(Signature::new(Signature::LIMIT).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Signature(u32);

impl Signature {
    /// The number of signatures: 524,272. Numbers below this are signatures.
    pub const LIMIT: u32 = 0x7_fff0;

    /// The bits of an entry that say its signature, and that it is live. All must be clear after an
    /// exclusive or of an entry with a [`tag`](Self::tag) in generated code.
    pub const MASK: u64 = !(ADDRESS & !ALIGNMENT);

    /// The bits of a native function's entry that say that it is native, and live.
    pub const NATIVE_MASK: u64 = !ADDRESS;

    /// The [`tag`](Self::tag) of all native functions, for [`NATIVE_MASK`](Self::NATIVE_MASK).
    pub const NATIVE_TAG: u64 = LIVE_BIT + NATIVE;

    /// Makes the signature with this number. `None` from [`LIMIT`](Self::LIMIT) on.
    #[must_use]
    pub const fn new(number: u32) -> Option<Signature> {
        if number < Self::LIMIT { Some(Signature(number)) } else { None }
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Returns the bits of a live entry with this signature, less its entry point. An exclusive or
    /// with such an entry gives its entry point, with any other a bit in [`MASK`](Self::MASK).
    #[must_use]
    pub const fn tag(self) -> u64 {
        LIVE_BIT + self.bits()
    }

    const fn bits(self) -> u64 {
        ((self.0 >> 4) as u64) << 48 | (self.0 & 0xf) as u64
    }
}

/// The address of a function. Never null.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryPoint(NonZeroUsize);

impl EntryPoint {
    /// The number of which an address with a signature is a multiple.
    pub const ALIGNMENT: usize = ALIGNMENT as usize + 1;

    /// The number of bits that an address may have.
    pub const ADDRESS_BITS: u32 = ADDRESS.count_ones();

    /// Makes the entry point at this address. `None` for null.
    #[must_use]
    pub fn new(function: *const u8) -> Option<EntryPoint> {
        NonZeroUsize::new(function.expose_provenance()).map(EntryPoint)
    }

    /// Returns the address, for a call.
    #[must_use]
    pub fn as_ptr(self) -> *const u8 {
        core::ptr::with_exposed_provenance(self.0.get())
    }

    /// Returns the address as a number.
    #[must_use]
    pub fn address(self) -> usize {
        self.0.get()
    }

    fn from_bits(bits: u64) -> Option<EntryPoint> {
        NonZeroUsize::new(bits as usize).map(EntryPoint)
    }
}

/// The contents of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CodePointer {
    /// The address of the function.
    pub entry_point: EntryPoint,
    /// Its signature. `None` for a native function.
    pub signature: Option<Signature>,
}

/// The bits of an entry, without the table's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CodeWord(u64);

impl Packed for CodeWord {
    type Word = u64;

    #[inline(always)]
    fn to_word(self) -> u64 {
        self.0
    }

    #[inline(always)]
    unsafe fn from_word(word: u64) -> Self {
        CodeWord(word)
    }
}

impl CodeWord {
    /// Makes a compiled function's entry. `None` if the address is too wide or not aligned.
    pub(crate) fn compiled(entry_point: EntryPoint, signature: Signature) -> Option<CodeWord> {
        let address = entry_point.0.get() as u64;
        let fits = address & Signature::MASK == 0;
        fits.then_some(CodeWord(address | signature.bits()))
    }

    /// Makes a native function's entry. `None` if the address is too wide.
    pub(crate) fn native(entry_point: EntryPoint) -> Option<CodeWord> {
        let address = entry_point.0.get() as u64;
        (address & Signature::NATIVE_MASK == 0).then_some(CodeWord(address | NATIVE))
    }

    /// Returns the word of a live slot that holds this.
    pub(crate) fn live(self) -> u64 {
        // The table's bit is clear in all that `compiled` and `native` make.
        try_live(self.0).unwrap_or(0)
    }

    /// Returns the entry point, if it was stored under this signature.
    #[inline(always)]
    pub(crate) fn under(self, signature: Signature) -> Option<EntryPoint> {
        let rest = self.0 ^ signature.bits();
        if rest & Signature::MASK == 0 { EntryPoint::from_bits(rest) } else { None }
    }

    /// Returns the entry point, if it is a native function's.
    #[inline(always)]
    pub(crate) fn as_native(self) -> Option<EntryPoint> {
        let rest = self.0 ^ NATIVE;
        if rest & Signature::NATIVE_MASK == 0 { EntryPoint::from_bits(rest) } else { None }
    }

    pub(crate) fn read(self) -> Option<CodePointer> {
        if let Some(entry_point) = self.as_native() {
            return Some(CodePointer { entry_point, signature: None });
        }
        let number = ((self.0 & NATIVE) >> 44) as u32 | (self.0 & ALIGNMENT) as u32;
        let signature = Signature::new(number)?;
        let entry_point = self.under(signature)?;
        Some(CodePointer { entry_point, signature: Some(signature) })
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
#[path = "../../tests/unit/code_word.rs"]
mod tests;
