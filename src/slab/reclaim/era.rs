//! Eras, and which values a guard may see.
//!
//! The slab's clock counts *eras*. A value is *born* in the era in which it is inserted. Once
//! removed, it *retires* in the era of the first look at the guards. A guard holds a *reservation*:
//! the eras from the one in which it began to the latest birth of a value that it has looked at. It
//! cannot see a value that was born after that, or that retired before:
//!
//! ```text
//!   eras          1    2    3    4    5    6
//!   guard                  [lower . . upper]      looked at values born up to 5
//!   value a       born . . . . . retired          may be seen: the reservation covers it
//!   value b       b . r                           no: retired before the guard began
//!   value c                                b . r  no: born after all that it looked at
//! ```
//!
//! So a sleeping guard delays the values that were there while it was awake. It also delays those
//! inserted until the clock ticks next, and no later ones.
//!
//! Births have 31 bits. The clock has 64 and ticks only when a guard has delayed a value. If it
//! ever passes 2^31, later values all count as born in the last era. A sleeping guard then delays
//! what is removed after it began, as with plain epochs. Nothing else changes.

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The era of a value's insertion, up to [`Birth::LAST`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub(crate) struct Birth(u32);

impl Birth {
    /// The birth of all eras from this one on. Small in models, so that they reach it.
    const LAST: u64 = if cfg!(model) { 3 } else { (1 << 31) - 1 };

    const MASK: u32 = (1 << 31) - 1;

    /// The birth in the lowest 31 bits.
    #[inline(always)]
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits & Self::MASK)
    }

    #[inline(always)]
    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }
}

/// A reading of the clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Era(u64);

impl Era {
    const FIRST: Era = Era(1);

    /// Greater than any other: the lower end of an empty reservation.
    const NEVER: Era = Era(u64::MAX);

    /// The birth of what is inserted in this era.
    #[inline(always)]
    pub(crate) fn birth(self) -> Birth {
        Birth(self.0.min(Birth::LAST) as u32)
    }
}

/// Counts eras.
///
/// Births are read from a number of their own, which follows the clock, so that an insertion
/// computes nothing. A birth may be too low for the era: that is as if the value had been inserted
/// earlier. All births and all upper ends of reservations come from this number and are compared
/// only with one another. So no guard's upper end ever falls.
#[derive(Debug)]
pub(crate) struct Clock(CachePadded<Hands>);

#[derive(Debug)]
struct Hands {
    era: AtomicU64,
    /// The birth of what is inserted now: that of some era that has begun.
    birth: AtomicU32,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let (era, birth) = (AtomicU64::new(Era::FIRST.0), AtomicU32::new(Era::FIRST.birth().0));
        Self(CachePadded::new(Hands { era, birth }))
    }

    /// The birth of what is inserted now: not above that of the era, and not below any that the
    /// caller has read. Wait-free.
    #[inline(always)]
    pub(crate) fn birth(&self) -> Birth {
        // Relaxed: a birth that is too low is the same as an earlier insertion. Another thread read
        // the birth in its word here, so it is not greater than what is read here once
        // slot.load.load has acquired that word (Invariant 7).
        Birth(self.0.birth.load(Ordering::Relaxed))
    }

    /// The approximate era. Wait-free.
    #[inline(always)]
    pub(crate) fn now(&self) -> Era {
        // Relaxed: an era that is too low is the same as coming earlier. Where it must not be lower
        // than one that another thread has read, a value's word orders the two (Invariant 7), or
        // the fences in `reclaim` do.
        Era(self.0.era.load(Ordering::Relaxed))
    }

    /// Ends an era, unless it has ended. Wait-free.
    pub(crate) fn tick(&self, era: Era) {
        let next = era.0 + 1;
        // Relaxed: a tick hands nothing over.
        let _ = self.0.era.compare_exchange(era.0, next, Ordering::Relaxed, Ordering::Relaxed);
        // Relaxed: hands nothing over. The era has begun, whichever thread began it, and births
        // never fall.
        self.0.birth.fetch_max(Era(next).birth().0, Ordering::Relaxed);
    }
}

/// A guard's reservation, which all threads read and only its owner writes.
#[derive(Debug)]
pub(crate) struct Reservation {
    /// The era in which the guard began; [`Era::NEVER`] if there is none.
    lower: AtomicU64,
    upper: AtomicU32,
}

impl Reservation {
    const_fn! {
        pub(crate) fn none() -> Self {
            Self { lower: AtomicU64::new(Era::NEVER.0), upper: AtomicU32::new(0) }
        }
    }

    /// Reserves the era in which a guard begins, and values born up to `birth`. Protects once the
    /// owner has passed its light fence.
    #[inline(always)]
    pub(crate) fn start(&self, now: Era, birth: Birth) {
        self.extend(birth);
        // Release: a thread that sees the lower end sees the upper one. Partner: era.interval.load.
        self.lower.store(now.0, Ordering::Release);
    }

    /// Returns `true` if there is no reservation. For the owner.
    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        // Relaxed: the owner's own store.
        self.lower.load(Ordering::Relaxed) == Era::NEVER.0
    }

    /// Extends the reservation to values born up to `birth`. Protects after the light fence.
    #[inline(always)]
    pub(crate) fn extend(&self, birth: Birth) {
        // Relaxed: the light fence that follows orders it before the load of the word,
        // slot.load.load.
        self.upper.store(birth.to_bits(), Ordering::Relaxed);
    }

    /// The latest birth that the owner's guard may look at.
    #[inline(always)]
    pub(crate) fn upper(&self) -> Birth {
        // Relaxed: the owner's own store.
        Birth(self.upper.load(Ordering::Relaxed))
    }

    #[inline(always)]
    pub(crate) fn end(&self) {
        // Release: the guard's reads happen before the value is dropped. Partner:
        // era.interval.load.
        self.lower.store(Era::NEVER.0, Ordering::Release);
    }

    fn interval(&self) -> Option<(Era, Birth)> {
        // Acquire: the guard's reads happened before, or its upper end is seen. Partners:
        // era.end.store, era.start.store.
        let lower = Era(self.lower.load(Ordering::Acquire));
        // Relaxed: at least the upper end that went with that lower one, or with a later one. A
        // later extension is seen by the fences, or the guard sees that the value is removed.
        let upper = Birth(self.upper.load(Ordering::Relaxed));
        (lower != Era::NEVER).then_some((lower, upper))
    }
}

/// The reservations that are kept apart. With more guards, the last one covers all others.
const RESERVATIONS: usize = 32;

/// The reservations of all guards at one moment.
#[derive(Debug)]
pub(crate) struct Guards {
    reservations: [(Era, Birth); RESERVATIONS],
    count: usize,
}

impl Guards {
    /// Reads all reservations. The caller has passed the heavy fence since its removals.
    pub(crate) fn collect<'a>(reservations: impl Iterator<Item = &'a Reservation>) -> Self {
        let mut guards = Self { reservations: [(Era::NEVER, Birth(0)); RESERVATIONS], count: 0 };
        for (lower, upper) in reservations.filter_map(Reservation::interval) {
            if guards.count < RESERVATIONS {
                guards.reservations[guards.count] = (lower, upper);
                guards.count += 1;
            } else {
                let last = &mut guards.reservations[RESERVATIONS - 1];
                *last = (last.0.min(lower), last.1.max(upper));
            }
        }
        guards
    }

    pub(crate) fn are_none(&self) -> bool {
        self.count == 0
    }

    /// Returns `true` if a guard may see a value with this birth, retired in this era.
    pub(crate) fn may_see(&self, birth: Birth, retired: Era) -> bool {
        let meets = |&(lower, upper): &(Era, Birth)| lower <= retired && birth <= upper;
        self.reservations[..self.count].iter().any(meets)
    }
}

#[cfg(all(test, not(model)))]
#[path = "../../../tests/unit/era.rs"]
mod tests;
