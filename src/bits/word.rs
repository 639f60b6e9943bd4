//! The word in a slot: its bits, and the atomic that holds it.
//!
//! ```text
//!   low word   bit 63   bit 62   bits 61..32   bits 31..0
//!   live          1     <------- the entry's own bits ------->
//!   uninitialized 0       1      <----------- 0 ------------->
//!   free          0       0         cycle         link
//! ```
//!
//! A two-word entry has a second word, which belongs to the entry while live and is 0 otherwise. In
//! memory the low word comes first on little-endian machines.

use core::fmt::Debug;

use crate::sync::{AtomicU64, AtomicU128, Ordering};

/// Bit 63 of the low word: the slot is live. Entries leave it clear; the table sets it.
pub const LIVE_BIT: u64 = 1 << 63;

/// Bit 62 of the low word of a slot that is not live: handed out, but without an entry yet.
pub(crate) const UNINITIALIZED_BIT: u64 = 1 << 62;

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The number of a sweep cycle: that of the last sweep that stopped the world. The word of a slot
/// notes the cycle in which the slot was freed or linked. So a sweep tells the slots that were free
/// when it stopped the world from those that were freed since.
///
/// In place, bits 61 to 32, so that it is the word of a free slot with link 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Cycle(u64);

impl Cycle {
    /// The cycle of memory that reads as zeros.
    pub(crate) const FIRST: Cycle = Cycle(0);

    /// The first cycle that a sweep begins.
    pub(crate) const SECOND: Cycle = Cycle(1 << 32);

    /// The greatest cycle. Small enough in models to be reached.
    pub(crate) const LAST: Cycle = Cycle(if cfg!(model) { 2 } else { (1 << 30) - 1 } << 32);

    /// Extracts the cycle from a word with other bits.
    pub(crate) const fn from_bits(bits: u64) -> Cycle {
        Cycle(bits & Cycle::MASK)
    }

    /// Makes the cycle of a word without other bits.
    #[inline(always)]
    pub(crate) fn exactly(bits: u64) -> Cycle {
        debug_assert!(bits & !Cycle::MASK == 0);
        Cycle(bits)
    }

    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    const MASK: u64 = ((1 << 30) - 1) << 32;

    /// Returns the next cycle. `None` if the numbers are used up.
    pub(crate) fn next(self) -> Option<Cycle> {
        if self == Cycle::LAST { None } else { Some(Cycle(self.0 + (1 << 32))) }
    }
}

/// The word of a slot: `u64` for one-word entries, `u128` for two-word ones. A
/// [`Slab`](crate::Slab) has another word. Sealed: not for implementation elsewhere.
pub trait Word: Copy + Eq + Debug + Send + Sync + sealed::Sealed + 'static {
    #[doc(hidden)]
    #[allow(private_bounds)]
    type Atomic: AtomicWord<Self>;

    /// The part of a slot after its word.
    #[doc(hidden)]
    #[allow(private_bounds)]
    type Payload: Payload;

    /// `true` if a slot can be loaded from read-only memory. On some processors a 128-bit load is a
    /// compare-and-swap.
    #[doc(hidden)]
    const LOADS_READ_ONLY: bool;

    #[doc(hidden)]
    fn low(self) -> u64;
    #[doc(hidden)]
    fn from_low(low: u64) -> Self;
    #[doc(hidden)]
    fn with_low(self, low: u64) -> Self;
    /// Returns all bits, for messages.
    #[doc(hidden)]
    fn widen(self) -> u128;
}

/// The part of a slot after its word. In a free slot it belongs to the owner, like the link.
///
/// Memory full of zeros is a valid payload of a free slot.
pub(crate) trait Payload: Sized {
    /// `true` if a free slot has a generation for its next owner, which must survive the decommit
    /// of its segment. Then the pages of a segment that is not wholly free stay.
    const HAS_GENERATION: bool;

    #[cfg(model)]
    fn new() -> Self;

    /// Returns the generation of a free slot. The greatest of a decommitted segment is saved.
    fn generation_floor(&self) -> u32;

    /// Gives the saved generation to a slot of a segment that is committed again.
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

/// Implements [`Word`] and its atomic for a type that is a `$bits` in memory.
macro_rules! word {
    ([$($of:tt)*] $word:ty: $bits:ty, $atomic:ty, $payload:ty, $read_only:expr,
        $to:expr, $from:expr) => {
        impl<$($of)*> $crate::bits::word::sealed::Sealed for $word {}

        impl<$($of)*> $crate::bits::word::Word for $word {
            type Atomic = $atomic;
            type Payload = $payload;
            const LOADS_READ_ONLY: bool = $read_only;

            #[inline(always)]
            fn low(self) -> u64 {
                $to(self) as u64
            }
            #[inline(always)]
            fn from_low(low: u64) -> Self {
                $from(low as $bits)
            }
            #[inline(always)]
            fn with_low(self, low: u64) -> Self {
                $from((self.widen() >> 64 << 64 | u128::from(low)) as $bits)
            }
            #[inline(always)]
            fn widen(self) -> u128 {
                $to(self) as u128
            }
        }

        impl<$($of)*> $crate::bits::word::AtomicWord<$word> for $atomic {
            fn new(value: $word) -> Self {
                <$atomic>::new($to(value))
            }
            #[inline(always)]
            fn load(&self, order: Ordering) -> $word {
                $from(self.load(order))
            }
            #[inline(always)]
            fn store(&self, value: $word, order: Ordering) {
                self.store($to(value), order)
            }
            #[inline(always)]
            fn compare_exchange(
                &self,
                current: $word,
                new: $word,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$word, $word> {
                let result = self.compare_exchange($to(current), $to(new), success, failure);
                result.map($from).map_err($from)
            }
        }
    };
}
pub(crate) use word;

word!([] u64: u64, AtomicU64, (), true, core::convert::identity, core::convert::identity);
word!([] u128: u128, AtomicU128, (), false, core::convert::identity, core::convert::identity);

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

/// Returns `true` for the word of a slot that has been free since before this cycle. No free word
/// is of a later cycle.
#[inline(always)]
pub(crate) fn is_unswept<W: Word>(word: W, cycle: Cycle) -> bool {
    // A free word of this cycle has its number. A word in use has a bit above it.
    word.low() < cycle.0
}

pub(crate) fn uninitialized<W: Word>() -> W {
    W::from_low(UNINITIALIZED_BIT)
}

/// Makes the word of a slot that is freed or linked in this cycle.
#[inline(always)]
pub(crate) fn free_with<W: Word>(cycle: Cycle, link: u32) -> W {
    // The two have no bit in common.
    W::from_low(cycle.0 + u64::from(link))
}

/// Makes the word of memory without a store since its segment was committed: a free slot's.
#[inline(always)]
pub(crate) fn zero<W: Word>() -> W {
    W::from_low(0)
}

pub(crate) fn link<W: Word>(word: W) -> u32 {
    word.low() as u32
}

/// Makes the live word for an entry's bits. `None` if they need the live bit.
#[inline(always)]
pub(crate) fn try_live<W: Word>(bits: W) -> Option<W> {
    if is_live(bits) { None } else { Some(bits.with_low(bits.low() + LIVE_BIT)) }
}

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
