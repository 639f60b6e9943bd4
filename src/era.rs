//! Eras, and which values a guard may see.
//!
//! The slab's clock counts *eras*. A value is *born* in the era in which it is inserted; once
//! removed, it is *retired* in the era in which that was first looked at. A guard announces the
//! *interval* of eras from the one in which it began to the latest birth of a value that it has
//! looked at. What was born after that, or retired before, it cannot see:
//!
//! ```text
//!   eras          1    2    3    4    5    6
//!   guard                  [lower . . upper]      looked at values born up to 5
//!   value a       born . . . . . retired          may be seen: the intervals meet
//!   value b       b . r                           no: retired before the guard began
//!   value c                                b . r  no: born after all that it looked at
//! ```
//!
//! So a guard that sleeps delays the values that were there while it was awake and nothing that
//! came later. (Interval-based reclamation, after Wen et al., PPoPP 2018, with births that are
//! checked when a value is looked at, as hazard eras do.)
//!
//! Births have 31 bits. The clock has 64 and ticks only when a guard has delayed something; should
//! it ever pass 2^31, values born later all count as born in the last era: a guard that sleeps then
//! delays what is removed after it began, as with plain epochs. Nothing else changes.

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The era of a value's insertion, up to [`Birth::LAST`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub(crate) struct Birth(u32);

impl Birth {
    /// That of all eras from this one on. Small enough in models to be met.
    const LAST: u64 = if cfg!(all(loom, feature = "loom")) { 3 } else { (1 << 31) - 1 };

    const MASK: u32 = (1 << 31) - 1;

    /// That in the lowest 31 bits.
    #[inline(always)]
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits & Self::MASK)
    }

    #[inline(always)]
    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }
}

/// What the clock shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Era(u64);

impl Era {
    const FIRST: Era = Era(1);

    /// Greater than any: the lower end of an interval that is empty.
    const NEVER: Era = Era(u64::MAX);

    /// The birth of what is inserted in this era.
    #[inline(always)]
    pub(crate) fn birth(self) -> Birth {
        Birth(self.0.min(Birth::LAST) as u32)
    }
}

/// Counts eras.
///
/// Births are read from a number of their own, which follows the clock, so that an insertion has
/// nothing to work out. It does not matter that a birth may be too low for the era: that is as if
/// the value had been inserted earlier. All births and all upper ends of intervals come from this
/// number, and are compared with one another alone; so no guard's upper end ever falls.
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
    /// caller knows of. Wait-free.
    #[inline(always)]
    pub(crate) fn birth(&self) -> Birth {
        // Relaxed: one too low is the same as having come earlier. A birth that another thread has
        // put into a word was read here before, and so is not greater than what is read here once
        // that word is acquired (Invariant 7).
        // site: era.birth.load
        Birth(self.0.birth.load(Ordering::Relaxed))
    }

    /// The era, now or a moment ago. Wait-free.
    #[inline(always)]
    pub(crate) fn now(&self) -> Era {
        // Relaxed: an era too low is the same as having come earlier. Where it must not be lower
        // than one that another thread has read, the two are ordered by what that thread released
        // since (a value's word, Invariant 7), or by the fences (`slab_core.rs`).
        // site: era.now.load
        Era(self.0.era.load(Ordering::Relaxed))
    }

    /// Ends an era, unless it has ended. Wait-free.
    pub(crate) fn tick(&self, era: Era) {
        let next = era.0 + 1;
        // Relaxed: as in `now`. Nothing is handed over by a tick.
        // site: era.tick.compare_exchange
        let _ = self.0.era.compare_exchange(era.0, next, Ordering::Relaxed, Ordering::Relaxed);
        // Relaxed: as in `birth`. The era has begun, whoever began it, and births never fall.
        // site: era.tick.fetch_max
        self.0.birth.fetch_max(Era(next).birth().0, Ordering::Relaxed);
    }
}

/// A guard's interval, for all to see; its owner alone writes to it.
#[derive(Debug)]
pub(crate) struct Announcement {
    /// The era in which the guard began; [`Era::NEVER`] if there is none.
    lower: AtomicU64,
    upper: AtomicU32,
}

impl Announcement {
    pub(crate) fn none() -> Self {
        Self { lower: AtomicU64::new(Era::NEVER.0), upper: AtomicU32::new(0) }
    }

    /// Announces that a guard begins, which may look at values born up to then. It protects once
    /// the owner's light fence is passed.
    #[inline(always)]
    pub(crate) fn begin(&self, now: Era, birth: Birth) {
        self.raise(birth);
        // Release: who sees the interval begin sees where it ends. Partner: `interval`.
        // site: era.begin.store
        self.lower.store(now.0, Ordering::Release);
    }

    /// Announces that the guard will look at values born up to then, once the owner's light fence
    /// is passed.
    #[inline(always)]
    pub(crate) fn raise(&self, birth: Birth) {
        // Relaxed: the light fence that follows orders it before the load of the word.
        // site: era.raise.store
        self.upper.store(birth.to_bits(), Ordering::Relaxed);
    }

    /// Up to when the owner's guard may look.
    #[inline(always)]
    pub(crate) fn upper(&self) -> Birth {
        // Relaxed: the owner's own.
        // site: era.upper.load
        Birth(self.upper.load(Ordering::Relaxed))
    }

    /// Announces that the guard has ended.
    #[inline(always)]
    pub(crate) fn end(&self) {
        // Release: what it saw was seen before the value is dropped. Partner: `interval`.
        // site: era.end.store
        self.lower.store(Era::NEVER.0, Ordering::Release);
    }

    fn interval(&self) -> Option<(Era, Birth)> {
        // Acquire: partner is `end`, `begin`.
        // site: era.interval.load
        let lower = Era(self.lower.load(Ordering::Acquire));
        // Relaxed: at least what went with that lower end, or with a later one; what the guard has
        // raised since is seen by the fences, or the guard sees that the value is removed.
        // site: era.interval.load.2
        let upper = Birth(self.upper.load(Ordering::Relaxed));
        (lower != Era::NEVER).then_some((lower, upper))
    }
}

/// Intervals kept apart; with more guards than that, the last stands for all others.
const INTERVALS: usize = 32;

/// What all guards may see, at one moment.
#[derive(Debug)]
pub(crate) struct Guards {
    intervals: [(Era, Birth); INTERVALS],
    count: usize,
}

impl Guards {
    /// Reads all announcements. The caller has passed the heavy fence since what it wants to know
    /// of was removed.
    pub(crate) fn look<'a>(announcements: impl Iterator<Item = &'a Announcement>) -> Self {
        let mut guards = Self { intervals: [(Era::NEVER, Birth(0)); INTERVALS], count: 0 };
        for (lower, upper) in announcements.filter_map(Announcement::interval) {
            if guards.count < INTERVALS {
                guards.intervals[guards.count] = (lower, upper);
                guards.count += 1;
            } else {
                let last = &mut guards.intervals[INTERVALS - 1];
                *last = (last.0.min(lower), last.1.max(upper));
            }
        }
        guards
    }

    /// Is there none?
    pub(crate) fn are_none(&self) -> bool {
        self.count == 0
    }

    /// May one of them see a value that was born and retired then?
    pub(crate) fn may_see(&self, birth: Birth, retired: Era) -> bool {
        let meets = |&(lower, upper): &(Era, Birth)| lower <= retired && birth <= upper;
        self.intervals[..self.count].iter().any(meets)
    }
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::*;

    #[test]
    fn a_guard_sees_what_its_interval_meets() {
        let announcement = Announcement::none();
        let look = || Guards::look([&announcement].into_iter());
        assert!(look().are_none() && !look().may_see(Birth(1), Era(9)));
        announcement.begin(Era(3), Birth(3));
        announcement.raise(Birth(5));
        for (birth, retired, seen) in
            [(1, 4, true), (1, 2, false), (6, 7, false), (5, 5, true), (1, 3, true)]
        {
            assert_eq!(look().may_see(Birth(birth), Era(retired)), seen, "{birth} {retired}");
        }
        announcement.end();
        assert!(look().are_none());
    }

    #[test]
    fn more_guards_than_are_kept_apart_hide_nothing() {
        let announcements: Vec<_> = (0..INTERVALS + 3).map(|_| Announcement::none()).collect();
        for (era, announcement) in (10u32..).zip(&announcements) {
            announcement.begin(Era(u64::from(era)), Birth(era));
        }
        let guards = Guards::look(announcements.iter());
        for era in 10..10 + announcements.len() as u32 {
            assert!(guards.may_see(Birth(era), Era(u64::from(era))), "{era}");
        }
        assert!(!guards.may_see(Birth(1), Era(9)));
        assert!(!guards.may_see(Birth(99), Era(99)));
    }

    #[test]
    fn births_stay_below_their_limit() {
        assert_eq!(Era(7).birth(), Birth(7));
        assert_eq!(Era(1 << 31).birth(), Birth((1 << 31) - 1));
        assert_eq!(Era(1 << 40).birth(), Birth::from_bits(u32::MAX));
        let clock = Clock::new();
        clock.tick(Era::FIRST);
        clock.tick(Era::FIRST);
        assert_eq!((clock.now(), clock.birth()), (Era(2), Birth(2)));
        clock.0.era.store(1 << 40, Ordering::Relaxed);
        clock.tick(Era(1 << 40));
        assert_eq!(clock.now(), Era((1 << 40) + 1));
        assert_eq!(clock.birth(), Birth::from_bits(u32::MAX));
        clock.tick(Era::FIRST);
        assert_eq!(clock.birth(), Birth::from_bits(u32::MAX), "births never fall");
    }
}
