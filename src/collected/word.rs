//! The bits of a collected entry.
//!
//! ```text
//!          bit 63   bits 62..49   bit 48   bits 47..0
//!   live      1        tag        colour    pointer
//! ```
//!
//! In a [dispatch entry](super::DispatchEntry) the count of parameters takes the tag's place, and a
//! second word has the code pointer. Words that are not live are the core's: see `bits::word`.
//!
//! # Colours
//!
//! Marks are not cleared. Between two collections all entries of a space have one colour, *white*.
//! A collection makes the other colour *black*: new entries are black, and a mark turns a white
//! entry black. When it sweeps, white entries are dead. When it is over, all that are left are
//! black, and that is white from then on. A segment that came from another space may have its
//! colours *flipped*.

use crate::bits::word::{self, LIVE_BIT, Word};
use crate::table::Packed;

/// The colour of a live entry.
pub(super) const COLOUR: u64 = 1 << 48;

/// The bits of the pointer.
pub(super) const POINTER: u64 = COLOUR - 1;

/// Where the tag begins.
pub(super) const TAG_SHIFT: u32 = 49;

/// The number of bits of a pointer.
pub(super) const POINTER_BITS: u32 = 48;

/// Tags from this one on are those of entries that own their objects.
pub(super) const OWNED: u16 = 0x2000;

/// Tags from this one on mean something to the table.
pub(super) const RESERVED: u16 = 0x3ff0;

/// The tag of an entry whose pointer is not known yet.
pub(super) const UNPUBLISHED: u16 = 0x3ffd;

/// The tag of an entry that is moved. Nothing but the move changes it.
pub(super) const EVACUATED: u16 = 0x3ffe;

/// The tag of an entry that has been emptied. It is freed when it dies.
pub(super) const ZAPPED: u16 = 0x3fff;

/// An entry that a collector can mark: [`ExternalEntry`](super::ExternalEntry) or
/// [`DispatchEntry`](super::DispatchEntry). Sealed: not for implementation elsewhere.
pub trait Collected: Packed + sealed::Sealed {
    /// `true` if a tag can say that the entry owns its object.
    #[doc(hidden)]
    const HAS_TAGS: bool;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// Makes the bits of an entry. The tag and the pointer fit.
#[inline(always)]
pub(super) fn bits(tag: u16, pointer: u64) -> u64 {
    debug_assert!(pointer <= POINTER && tag < 1 << (63 - TAG_SHIFT));
    u64::from(tag) << TAG_SHIFT | pointer
}

/// Returns the tag of a live word.
#[inline(always)]
pub(super) fn tag<W: Word>(word: W) -> u16 {
    ((word.low() & !LIVE_BIT) >> TAG_SHIFT) as u16
}

#[inline(always)]
pub(super) fn pointer<W: Word>(word: W) -> u64 {
    word.low() & POINTER
}

/// Returns the live word in this colour.
#[inline(always)]
pub(super) fn painted<W: Word>(word: W, colour: u64) -> W {
    word.with_low(word.low() & !COLOUR | colour)
}

#[inline(always)]
pub(super) fn colour<W: Word>(word: W) -> u64 {
    word.low() & COLOUR
}

/// Returns `true` if the word is that of an entry that is moved.
#[inline(always)]
pub(super) fn is_evacuated<W: Word>(word: W) -> bool {
    word::is_live(word) && tag(word) == EVACUATED
}

/// Returns `true` if the word is that of an entry that owns its object.
#[inline(always)]
pub(super) fn owns<E: Collected>(word: E::Word) -> bool {
    E::HAS_TAGS && word::is_live(word) && (OWNED..RESERVED).contains(&tag(word))
}
