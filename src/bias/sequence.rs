//! The sequence by which a participant changes a word of its own, and how all are restarted.

pub(super) use imp::{Condition, Sequences};

#[cfg(not(model))]
mod imp {
    use crate::arena::Slot;
    use crate::bits::word::Word;
    use crate::sync::backoff;
    use crate::sys::membarrier;
    pub(in super::super) use crate::sys::rseq::Condition;
    use crate::sys::rseq::{Area, probe, replace_equal, replace_live};

    /// The system's sequences.
    #[derive(Debug)]
    pub(in super::super) struct Sequences(Area);

    impl Sequences {
        /// `None` if the system has none, or cannot restart them.
        pub(in super::super) fn new() -> Option<Self> {
            probe().filter(|_| membarrier::probe_restart()).map(Self)
        }

        /// For a table without ranges, which uses none.
        pub(in super::super) const NONE: Self = Self(Area::NONE);

        /// Replaces the word of a slot if it is live, and if the range's word is the sum of the
        /// phase and the tag, without a locked instruction. Returns what it was, or a free slot's
        /// word if nothing was changed: also if the sequence was interrupted.
        ///
        /// # Safety
        ///
        /// The slot can be written to. The table has ranges.
        #[inline(always)]
        pub(in super::super) unsafe fn replace_live<W: Word>(
            &self,
            condition: Condition<'_>,
            slot: &Slot<W>,
            new: W,
        ) -> W {
            // SAFETY: by the contract of this function.
            let seen = unsafe { replace_live(self.0, condition, slot.address().cast(), new.low()) };
            W::from_low(seen)
        }

        /// The same, if the word is `current`, one in use. Returns `false` if nothing was changed.
        ///
        /// # Safety
        ///
        /// Same as [`replace_live`](Self::replace_live).
        #[inline(always)]
        pub(in super::super) unsafe fn replace<W: Word>(
            &self,
            condition: Condition<'_>,
            slot: &Slot<W>,
            [current, new]: [W; 2],
        ) -> bool {
            let ([current, new], word) = ([current.low(), new.low()], slot.address().cast());
            // SAFETY: by the contract of this function.
            unsafe { replace_equal(self.0, condition, word, new, current) != 0 }
        }

        /// Restarts the sequences of all other threads that are inside one. `None` if the system
        /// refuses, for good, the barrier that it granted at the first call, and its substitute.
        pub(in super::super) fn restart(&self, _numbers: core::ops::Range<u32>) -> Option<()> {
            // The kernel may be short of memory for a moment.
            let again = |&attempt: &u32| {
                let done = membarrier::restart();
                if !done {
                    backoff(attempt);
                }
                done
            };
            (0..1000).find(again).map(drop)
        }
    }
}

#[cfg(model)]
mod imp {
    use crate::arena::Slot;
    use crate::bits::word::{self, Word};
    use crate::sync::unmodelled::AtomicU32;
    use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};

    /// What a sequence reads.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Condition<'a> {
        pub(in super::super) phase: &'a AtomicU64,
        pub(in super::super) tag: u64,
        pub(in super::super) range: &'a AtomicU64,
    }

    /// The participants that a model can have.
    const PARTICIPANTS: usize = 6;

    /// Stands for the system's sequences. What a participant does inside one is a step that is
    /// atomic against a restart: both take the participant's lock. The lock orders what is before a
    /// restart, and what is behind it, as much as the real barrier does, and no more: restarts do
    /// not meet one another, nor do the sequences of two participants.
    #[derive(Debug)]
    pub(in super::super) struct Sequences {
        locks: [Mutex<()>; PARTICIPANTS],
        /// The sequences of the first participant that are interrupted without a restart, as by a
        /// signal. Not modelled: one thread has it.
        interruptions: AtomicU32,
    }

    impl Sequences {
        pub(in super::super) fn new(interruptions: u32) -> Self {
            let locks = core::array::from_fn(|_| Mutex::new(()));
            Self { locks, interruptions: AtomicU32::new(interruptions) }
        }

        /// # Safety
        ///
        /// None is needed: a model checks the accesses.
        pub(in super::super) unsafe fn replace_live<W: Word>(
            &self,
            condition: Condition<'_>,
            slot: &Slot<W>,
            new: W,
        ) -> W {
            let word = |_: &_| slot.store_if(word::is_live, new);
            self.inside(condition).as_ref().and_then(word).unwrap_or_else(word::zero)
        }

        /// # Safety
        ///
        /// None is needed: a model checks the accesses.
        pub(in super::super) unsafe fn replace<W: Word>(
            &self,
            condition: Condition<'_>,
            slot: &Slot<W>,
            [current, new]: [W; 2],
        ) -> bool {
            let word = |_: &_| slot.store_if(|word| word == current, new);
            self.inside(condition).as_ref().and_then(word).is_some()
        }

        /// Begins a sequence. `None` if its condition is not met.
        fn inside(&self, condition: Condition<'_>) -> Option<MutexGuard<'_, ()>> {
            let Condition { phase, tag, range } = condition;
            let number = tag as usize >> 3;
            // Relaxed: not modelled.
            let left = self.interruptions.load(Ordering::Relaxed);
            if left > 0 && number == 1 {
                // Relaxed: not modelled.
                self.interruptions.store(left - 1, Ordering::Relaxed);
                return None;
            }
            let sequence = self.locks[number].lock().expect("no panic");
            // Relaxed: what a restart has ordered before is seen, by the lock.
            let sum = phase.load(Ordering::Relaxed).wrapping_add(tag);
            // Relaxed: likewise.
            (sum == range.load(Ordering::Relaxed)).then_some(sequence)
        }

        /// Restarts the sequences of the participants with these numbers.
        pub(in super::super) fn restart(&self, numbers: core::ops::Range<u32>) -> Option<()> {
            for (number, of) in (0..).zip(&self.locks) {
                if numbers.contains(&number) {
                    drop(of.lock().expect("no panic"));
                }
            }
            Some(())
        }
    }
}
