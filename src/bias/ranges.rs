//! The words of the ranges: a word for each 64 slots.

#[cfg(not(model))]
use core::ptr::NonNull;

use super::sequence::Condition;
use crate::sync::AtomicU64;

/// A range has 2^this slots: those that a participant takes at once by default.
const SHIFT: u32 = if cfg!(model) { 1 } else { 6 };

/// In the word of a range, or in a phase: the bias is being revoked.
pub(super) const REVOKING: u64 = 1;

/// In the word of a range, or in a phase: changes are compare-and-swaps.
pub(super) const SHARED: u64 = 2;

/// In a phase that is *revoking* or *shared*, and never in the word of a range. So the sum of such
/// a phase and a tag is no range's word.
pub(super) const OFF: u64 = 4;

/// The bits of these. All clear: biased toward the participant with the number above them.
pub(super) const KIND: u64 = REVOKING | SHARED | OFF;

/// The lowest bit of the epoch.
pub(super) const EPOCH: u64 = 1 << 32;

/// The greatest number of a participant. A participant without one has 0.
pub(crate) const NUMBER_MAX: u32 = (1 << 29) - 1;

/// The tag of a participant: its number, where the word of a range has it.
pub(crate) fn tag(number: u32) -> u32 {
    number << KIND.count_ones()
}

/// Where a word is changed, and by which participant.
#[derive(Clone, Copy)]
pub(crate) struct At {
    /// The slot.
    pub(crate) index: u32,
    /// The participant's tag, 0 if it has no number.
    pub(crate) tag: u32,
}

/// Returns how many of `count` neighbors, from slot `first` on, end with a range. All, if none
/// does.
pub(crate) fn whole(first: u32, count: u32) -> u32 {
    let behind = (first + count) % (1 << SHIFT);
    if behind < count { count - behind } else { count }
}

/// The bytes for the words of all ranges of a table.
#[cfg(not(model))]
pub(crate) fn bytes_for(slots: usize) -> usize {
    slots.div_ceil(1 << SHIFT) * size_of::<AtomicU64>()
}

/// The place of the word of a slot's range, from slot 0 on.
#[cfg(not(model))]
#[inline(always)]
fn nth(index: u32) -> isize {
    !((index >> SHIFT) as isize)
}

/// The words, in descending order below slot 0: so they grow with the committed segments, and the
/// two are one mapping. A null pointer if nothing is ever biased.
#[cfg(not(model))]
#[derive(Debug)]
pub(super) struct Ranges(*const AtomicU64);

// SAFETY: it refers to atomics.
#[cfg(not(model))]
unsafe impl Send for Ranges {}
// SAFETY: as for `Send`.
#[cfg(not(model))]
unsafe impl Sync for Ranges {}

#[cfg(not(model))]
impl Ranges {
    /// # Safety
    ///
    /// Below the address lie the words of all ranges, zeros at first, as long as the result lives.
    pub(super) unsafe fn below(end: Option<NonNull<AtomicU64>>) -> Self {
        Self(end.map_or(core::ptr::null(), |end| end.as_ptr().cast_const()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// The word of the range of a slot.
    ///
    /// # Safety
    ///
    /// There are ranges, and the slot is one of the table's.
    #[inline(always)]
    pub(super) unsafe fn of(&self, index: u32) -> &AtomicU64 {
        // SAFETY: inside, by the contract of this function, and aligned as slots are.
        unsafe { &*self.0.wrapping_offset(nth(index)) }
    }

    /// What a sequence depends on that changes this slot.
    #[inline(always)]
    pub(super) fn condition<'a>(&'a self, phase: &'a AtomicU64, at: At) -> Condition<'a> {
        let At { index, tag } = at;
        Condition { phase, tag: u64::from(tag), ranges: self.0, nth: nth(index) }
    }
}

/// The words, in a model. Empty if nothing is ever biased.
#[cfg(model)]
#[derive(Debug)]
pub(super) struct Ranges(Box<[AtomicU64]>);

#[cfg(model)]
impl Ranges {
    pub(super) fn new(slots: u32) -> Self {
        Self((0..slots.div_ceil(1 << SHIFT)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Safety
    ///
    /// None is needed: a model checks the index.
    pub(super) unsafe fn of(&self, index: u32) -> &AtomicU64 {
        &self.0[(index >> SHIFT) as usize]
    }

    pub(super) fn condition<'a>(&'a self, phase: &'a AtomicU64, at: At) -> Condition<'a> {
        let range = &self.0[(at.index >> SHIFT) as usize];
        Condition { phase, tag: u64::from(at.tag), range }
    }
}
