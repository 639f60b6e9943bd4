//! The word in a slot: what its bits say, and the atomic that holds it.
//!
//! ```text
//!   low word   bit 63   bit 62   bits 61..32   bits 31..0
//!   live          1     <------- the entry's own bits ------->
//!   uninitialized 0       1      <----------- 0 ------------->
//!   free          0       0           0           link
//! ```
//!
//! A two-word entry has a second word, which is the entry's own while live and 0 otherwise. In
//! memory the low word comes first on little-endian machines.

use core::fmt::Debug;

use crate::sync::{AtomicU64, AtomicU128, Ordering};

/// Bit 63 of the low word: the slot is live. Entries leave it clear; the table sets it.
pub const LIVE_BIT: u64 = 1 << 63;

/// Bit 62 of the low word of a slot that is not live: handed out, but without an entry yet.
const UNINITIALIZED_BIT: u64 = 1 << 62;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for u128 {}
}

/// What a slot holds: `u64` for one-word entries, `u128` for two-word ones. Not to be
/// implemented elsewhere.
pub trait Word: Copy + Eq + Debug + Send + Sync + sealed::Sealed + 'static {
    #[doc(hidden)]
    #[allow(private_bounds)]
    type Atomic: AtomicWord<Self>;

    /// Can a slot be loaded from memory that may not be written? 128-bit loads on some
    /// processors are compare-and-swaps in disguise.
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

/// The accesses that a slot needs.
pub(crate) trait AtomicWord<W>: Send + Sync {
    #[cfg_attr(not(all(loom, feature = "loom")), allow(dead_code))]
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

/// Is this the word of a free slot, or several such words in one?
#[inline(always)]
pub(crate) fn is_free<W: Word>(word: W) -> bool {
    word.low() & (LIVE_BIT | UNINITIALIZED_BIT) == 0
}

/// The word of a slot that is handed out without an entry.
pub(crate) fn uninitialized<W: Word>() -> W {
    W::from_low(UNINITIALIZED_BIT)
}

/// The word of a free slot with this link.
pub(crate) fn free<W: Word>(link: u32) -> W {
    W::from_low(u64::from(link))
}

/// The link in the word of a free slot.
pub(crate) fn link<W: Word>(word: W) -> u32 {
    word.low() as u32
}

/// The live word for an entry's bits, or nothing if they need the live bit.
#[inline(always)]
pub(crate) fn live<W: Word>(bits: W) -> Option<W> {
    if is_live(bits) { None } else { Some(bits.with_low(bits.low() | LIVE_BIT)) }
}

/// The entry's bits in a live word.
#[inline(always)]
pub(crate) fn bits<W: Word>(live: W) -> W {
    live.with_low(live.low() & !LIVE_BIT)
}

#[cfg(not(all(loom, feature = "loom")))]
const _: () = {
    assert!(size_of::<<u64 as Word>::Atomic>() == 8);
    assert!(size_of::<<u128 as Word>::Atomic>() == 16);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_states_are_told_apart() {
        assert_eq!(state(live(0u64).unwrap()), State::Live);
        assert_eq!(state(live(!LIVE_BIT).unwrap()), State::Live);
        assert_eq!(state(uninitialized::<u64>()), State::Uninitialized);
        assert_eq!(state(free::<u64>(u32::MAX)), State::Free);
        assert_eq!(state(free::<u128>(0)), State::Free);
        assert_eq!(live(LIVE_BIT), None);
        assert_eq!(live(u128::from(LIVE_BIT)), None);
        assert!(live(u128::MAX ^ u128::from(LIVE_BIT)).is_some());
    }

    quickcheck::quickcheck! {
        fn an_entrys_bits_survive(low: u64, high: u64) -> bool {
            let low = low & !LIVE_BIT;
            let wide = u128::from(high) << 64 | u128::from(low);
            live(low).map(bits) == Some(low) && live(wide).map(bits) == Some(wide)
        }

        fn a_free_word_keeps_its_link(x: u32) -> bool {
            link(free::<u64>(x)) == x && link(free::<u128>(x)) == x
        }
    }
}
