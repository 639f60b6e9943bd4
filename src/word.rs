//! The word in a slot: what its bits say, and the atomic that holds it.
//!
//! ```text
//!   low word   bit 63   bit 62   bits 61..32   bits 31..0
//!   live          1     <------- the entry's own bits ------->
//!   uninitialized 0       1      <----------- 0 ------------->
//!   free          0       0         round         link
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
/// which round that was, so that a sweep can tell the free slots that it found when it stopped the
/// world from those that have come since.
///
/// In place, bits 61 to 32, so that it is the word of a free slot whose link is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Round(u64);

impl Round {
    /// That of memory that reads as zeros.
    pub(crate) const FIRST: Round = Round(0);

    /// The first that a sweep begins.
    pub(crate) const SECOND: Round = Round(1 << 32);

    /// The greatest. Small enough in models to be met.
    pub(crate) const LAST: Round =
        Round(if cfg!(all(loom, feature = "loom")) { 2 } else { (1 << 30) - 1 } << 32);

    /// The round in a word whose other bits are something else.
    pub(crate) const fn from_bits(bits: u64) -> Round {
        Round(bits & Round::MASK)
    }

    /// The round in a word that is nothing else.
    #[inline(always)]
    pub(crate) fn exactly(bits: u64) -> Round {
        debug_assert!(bits & !Round::MASK == 0);
        Round(bits)
    }

    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    const MASK: u64 = ((1 << 30) - 1) << 32;

    /// The round after this one, or nothing if the numbers are used up.
    pub(crate) fn next(self) -> Option<Round> {
        if self == Round::LAST { None } else { Some(Round(self.0 + (1 << 32))) }
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

/// What a slot has beside its word. While the slot is free it is the owner's, as the link is.
///
/// Memory full of zeros is a valid payload of a free slot.
pub(crate) trait Payload: Sized {
    /// Has a free slot something to tell its next owner, also across a release of its segment?
    /// If so, `kept` and `restore` are called, and the pages of a segment that is not wholly
    /// free stay.
    const KEEPS: bool;

    /// One of zeros.
    #[cfg(all(loom, feature = "loom"))]
    fn new() -> Self;

    /// What a free slot tells. Of a released segment the greatest is kept.
    fn kept(&self) -> u32;

    /// Tells it to a slot of a segment that has been released and is committed again.
    fn restore(&self, kept: u32);
}

impl Payload for () {
    const KEEPS: bool = false;

    #[cfg(all(loom, feature = "loom"))]
    fn new() {}

    fn kept(&self) -> u32 {
        0
    }

    fn restore(&self, _kept: u32) {}
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

/// Is this the word of a slot that has been free since before this round? No free word is of a
/// later one.
#[inline(always)]
pub(crate) fn is_detached<W: Word>(word: W, round: Round) -> bool {
    // One of this round has its number, and one in use a bit above it.
    word.low() < round.0
}

/// The word of a slot that is handed out without an entry.
pub(crate) fn uninitialized<W: Word>() -> W {
    W::from_low(UNINITIALIZED_BIT)
}

/// The word of a slot that is freed or linked in this round.
#[inline(always)]
pub(crate) fn free<W: Word>(round: Round, link: u32) -> W {
    // They have no bit in common.
    W::from_low(round.0 + u64::from(link))
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
pub(crate) fn live<W: Word>(bits: W) -> Option<W> {
    if is_live(bits) { None } else { Some(bits.with_low(bits.low() + LIVE_BIT)) }
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
        assert_eq!(state(free::<u64>(Round::LAST, u32::MAX)), State::Free);
        assert_eq!(state(free::<u128>(Round::FIRST, 0)), State::Free);
        assert_eq!(state(zero::<u64>()), State::Free);
        assert_eq!(live(LIVE_BIT), None);
        assert_eq!(live(u128::from(LIVE_BIT)), None);
        assert!(live(u128::MAX ^ u128::from(LIVE_BIT)).is_some());
    }

    #[test]
    fn a_slot_freed_in_this_round_is_not_detached() {
        let (round, later) = (Round::SECOND, Round::from_bits(2 << 32));
        assert!(!is_detached(free::<u64>(round, 7), round));
        assert!(!is_detached(free::<u64>(later, 0), later));
        assert!(!is_detached(free::<u64>(Round::LAST, u32::MAX), Round::LAST));
        assert!(is_detached(free::<u64>(round, 7), later));
        assert!(is_detached(zero::<u64>(), round) && !is_detached(zero::<u64>(), Round::FIRST));
    }

    #[test]
    fn a_slot_in_use_is_not_detached_whatever_its_other_bits() {
        for round in [Round::FIRST, Round::SECOND, Round::from_bits(u64::MAX)] {
            for state in [UNINITIALIZED_BIT, LIVE_BIT, UNINITIALIZED_BIT | LIVE_BIT] {
                for other in [Round::FIRST, Round::SECOND, Round::from_bits(u64::MAX)] {
                    assert!(!is_detached(state | other.to_bits() | 7, round));
                }
            }
        }
    }

    #[test]
    fn rounds_end_below_the_bits_of_the_state() {
        assert_eq!(Round::from_bits(u64::MAX).to_bits(), (UNINITIALIZED_BIT - 1) & !0xffff_ffff);
        assert_eq!(Round::FIRST.next(), Some(Round::SECOND));
        assert_eq!(Round::SECOND.to_bits(), 1 << 32);
        assert_eq!(Round::LAST.next(), None);
        assert_eq!(state(free::<u64>(Round::from_bits(u64::MAX), 7)), State::Free);
    }

    quickcheck::quickcheck! {
        fn an_entrys_bits_survive(low: u64, high: u64) -> bool {
            let low = low & !LIVE_BIT;
            let wide = u128::from(high) << 64 | u128::from(low);
            live(low).map(bits) == Some(low) && live(wide).map(bits) == Some(wide)
        }

        fn a_free_word_keeps_its_link(round: u32, x: u32) -> bool {
            let round = Round::from_bits(u64::from(round) << 32);
            link(free::<u64>(round, x)) == x && link(free::<u128>(round, x)) == x
        }

        fn only_a_free_word_of_an_earlier_round_is_detached(low: u64, round: u32) -> bool {
            let round = Round::from_bits(u64::from(round) << 32);
            let is_earlier = Round::from_bits(low).to_bits() < round.to_bits();
            is_detached(low, round) == (state(low) == State::Free && is_earlier)
        }
    }
}
