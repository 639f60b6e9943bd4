//! The word in a slot: what its bits say, and the atomic that holds it.
//!
//! ```text
//!   low word   bit 63   bit 62   bits 61..32   bits 31..0
//!   live          1     <------- the entry's own bits ------->
//!   uninitialized 0       1      <----------- 0 ------------->
//!   free          0       0         cycle         link
//! ```
//!
//! A two-word entry has a second word, which is the entry's own while live and 0 otherwise. In
//! memory the low word comes first on little-endian machines.

use core::fmt::Debug;

use crate::sync::{AtomicU64, AtomicU128, Ordering};

/// Bit 63 of the low word: the slot is live. Entries leave it clear; the table sets it.
pub const LIVE_BIT: u64 = 1 << 63;

/// Bit 62 of the low word of a slot that is not live: handed out, but without an entry yet.
pub(crate) const UNINITIALIZED_BIT: u64 = 1 << 62;

pub(crate) mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for u128 {}
}

/// The number of the last sweep that stopped the world. A slot that is freed, or linked, says in
/// which cycle that was, so that a sweep can tell the free slots that it found when it stopped the
/// world from those that have come since.
///
/// In place, bits 61 to 32, so that it is the word of a free slot whose link is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Cycle(u64);

impl Cycle {
    /// That of memory that reads as zeros.
    pub(crate) const FIRST: Cycle = Cycle(0);

    /// The first that a sweep begins.
    pub(crate) const SECOND: Cycle = Cycle(1 << 32);

    /// The greatest. Small enough in models to be met.
    pub(crate) const LAST: Cycle = Cycle(if cfg!(model) { 2 } else { (1 << 30) - 1 } << 32);

    /// The cycle in a word whose other bits are something else.
    pub(crate) const fn from_bits(bits: u64) -> Cycle {
        Cycle(bits & Cycle::MASK)
    }

    /// The cycle in a word that is nothing else.
    #[inline(always)]
    pub(crate) fn exactly(bits: u64) -> Cycle {
        debug_assert!(bits & !Cycle::MASK == 0);
        Cycle(bits)
    }

    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    const MASK: u64 = ((1 << 30) - 1) << 32;

    /// The cycle after this one, or nothing if the numbers are used up.
    pub(crate) fn next(self) -> Option<Cycle> {
        if self == Cycle::LAST { None } else { Some(Cycle(self.0 + (1 << 32))) }
    }
}

/// What a slot holds: `u64` for one-word entries, `u128` for two-word ones. (The words of a
/// [`Slab`](crate::Slab) are its own.) Not to be implemented elsewhere.
pub trait Word: Copy + Eq + Debug + Send + Sync + sealed::Sealed + 'static {
    #[doc(hidden)]
    #[allow(private_bounds)]
    type Atomic: AtomicWord<Self>;

    /// What a slot has beside its word.
    #[doc(hidden)]
    #[allow(private_bounds)]
    type Payload: Payload;

    /// Can a slot be loaded from memory that may not be written? 128-bit loads on some processors
    /// are compare-and-swaps in disguise.
    #[doc(hidden)]
    const LOADS_READ_ONLY: bool;

    #[doc(hidden)]
    fn low(self) -> u64;
    #[doc(hidden)]
    fn from_low(low: u64) -> Self;
    #[doc(hidden)]
    fn with_low(self, low: u64) -> Self;
    /// All bits, for messages.
    #[doc(hidden)]
    fn widen(self) -> u128;
}

/// What a slot has beside its word. While the slot is free it is the owner's, as the link is.
///
/// Memory full of zeros is a valid payload of a free slot.
pub(crate) trait Payload: Sized {
    /// `true` if a free slot has a generation for its next owner, which must survive the
    /// decommission of its segment. Then the pages of a segment that is not wholly free stay.
    const HAS_GENERATION: bool;

    /// A payload of zeros.
    #[cfg(model)]
    fn new() -> Self;

    /// The generation of a free slot. Of a decommitted segment the greatest is saved.
    fn generation_floor(&self) -> u32;

    /// Hands the saved generation to a slot of a segment that is committed again.
    fn restore(&self, floor: u32);
}

impl Payload for () {
    const HAS_GENERATION: bool = false;

    #[cfg(model)]
    fn new() {}

    fn generation_floor(&self) -> u32 {
        0
    }

    fn restore(&self, _floor: u32) {}
}

/// The accesses that a slot needs.
pub(crate) trait AtomicWord<W>: Send + Sync {
    #[cfg_attr(not(model), allow(dead_code))]
    fn new(value: W) -> Self;
    fn load(&self, order: Ordering) -> W;
    fn store(&self, value: W, order: Ordering);
    fn compare_exchange(
        &self,
        current: W,
        new: W,
        success: Ordering,
        failure: Ordering,
    ) -> Result<W, W>;
}

macro_rules! word {
    ($word:ty, $atomic:ty, $read_only:expr, $with_low:expr) => {
        impl Word for $word {
            type Atomic = $atomic;
            type Payload = ();
            const LOADS_READ_ONLY: bool = $read_only;

            #[inline(always)]
            fn low(self) -> u64 {
                self as u64
            }
            #[inline(always)]
            fn from_low(low: u64) -> Self {
                low as $word
            }
            #[inline(always)]
            fn with_low(self, low: u64) -> Self {
                $with_low(self, low)
            }
            #[inline(always)]
            fn widen(self) -> u128 {
                self as u128
            }
        }

        impl AtomicWord<$word> for $atomic {
            fn new(value: $word) -> Self {
                <$atomic>::new(value)
            }
            #[inline(always)]
            fn load(&self, order: Ordering) -> $word {
                self.load(order)
            }
            #[inline(always)]
            fn store(&self, value: $word, order: Ordering) {
                self.store(value, order)
            }
            #[inline(always)]
            fn compare_exchange(
                &self,
                current: $word,
                new: $word,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$word, $word> {
                self.compare_exchange(current, new, success, failure)
            }
        }
    };
}

word!(u64, AtomicU64, true, |_, low| low);
word!(u128, AtomicU128, false, |word: u128, low| (word >> 64) << 64 | u128::from(low));

/// Which of the three kinds of slot a word belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Live,
    Uninitialized,
    Free,
}

#[inline(always)]
pub(crate) fn is_live<W: Word>(word: W) -> bool {
    word.low() & LIVE_BIT != 0
}

#[inline(always)]
pub(crate) fn state<W: Word>(word: W) -> State {
    match word.low() {
        low if low & LIVE_BIT != 0 => State::Live,
        low if low & UNINITIALIZED_BIT != 0 => State::Uninitialized,
        _ => State::Free,
    }
}

/// Is this the word of a slot that has been free since before this cycle? No free word is of a
/// later one.
#[inline(always)]
pub(crate) fn is_unswept<W: Word>(word: W, cycle: Cycle) -> bool {
    // One of this cycle has its number, and one in use a bit above it.
    word.low() < cycle.0
}

/// The word of a slot that is handed out without an entry.
pub(crate) fn uninitialized<W: Word>() -> W {
    W::from_low(UNINITIALIZED_BIT)
}

/// The word of a slot that is freed or linked in this cycle.
#[inline(always)]
pub(crate) fn free_with<W: Word>(cycle: Cycle, link: u32) -> W {
    // They have no bit in common.
    W::from_low(cycle.0 + u64::from(link))
}

/// The word of memory that nobody has written to since its segment was committed: a free slot's.
#[inline(always)]
pub(crate) fn zero<W: Word>() -> W {
    W::from_low(0)
}

/// The link in the word of a free slot.
pub(crate) fn link<W: Word>(word: W) -> u32 {
    word.low() as u32
}

/// The live word for an entry's bits, or nothing if they need the live bit.
#[inline(always)]
pub(crate) fn try_live<W: Word>(bits: W) -> Option<W> {
    if is_live(bits) { None } else { Some(bits.with_low(bits.low() + LIVE_BIT)) }
}

/// The entry's bits in a live word.
#[inline(always)]
pub(crate) fn bits<W: Word>(live: W) -> W {
    live.with_low(live.low() & !LIVE_BIT)
}

#[cfg(not(model))]
const _: () = {
    assert!(size_of::<<u64 as Word>::Atomic>() == 8);
    assert!(size_of::<<u128 as Word>::Atomic>() == 16);
};

#[cfg(test)]
#[path = "../../tests/unit/word.rs"]
mod tests;
