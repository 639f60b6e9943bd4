//! Retired values: removed, and not dropped yet, since a guard may still see them.
//!
//! Each participant has a limbo of its own. A removal appends to it. When it is long enough, the
//! participant finds out which of its values no guard can see any more.

use core::mem::needs_drop;

use super::era::{Birth, Era, Guards};
use crate::freelist::OVERFLOW_MAX;

/// The number of values that a participant collects before it looks at the guards: 1,024, or as
/// many as fill 256 KiB, but at least 32. Values that need no drop keep nothing but their slots. So
/// of those it collects more, for the look costs a system call: as many as a local store takes back
/// at once, less two magazines.
///
/// In a small slab it is fewer. A guard that is kept may delay a batch of each participant, and
/// each participant may have such a guard. All of them together leave half of the capacity.
pub(crate) fn batch<T>(capacity: u32, participants: usize) -> usize {
    if cfg!(model) {
        return 1;
    }
    let most = if needs_drop::<T>() { 1024 } else { OVERFLOW_MAX - 2 * 64 };
    let most = (256 * 1024usize).checked_div(size_of::<T>()).unwrap_or(most).clamp(32, most);
    let delayed = participants.saturating_mul(participants).max(1);
    most.min(capacity as usize / 2 / delayed).max(1)
}

/// The retired values of a participant: indices of slots whose words say *removed*.
#[derive(Debug, Default)]
pub(crate) struct Limbo {
    /// Retired since the last look at the guards.
    pending: Vec<Retired>,
    /// A guard could see them at some look.
    delayed: Vec<Delayed>,
    /// No guard can see them.
    unseen: Vec<Retired>,
    /// The values sorted since the delayed ones were last reconsidered.
    sorted: usize,
}

#[derive(Clone, Copy, Debug)]
struct Retired {
    birth: Birth,
    index: u32,
}

#[derive(Clone, Copy, Debug)]
struct Delayed {
    value: Retired,
    retired: Era,
}

impl Limbo {
    pub(crate) const EMPTY: Limbo =
        Limbo { pending: Vec::new(), delayed: Vec::new(), unseen: Vec::new(), sorted: 0 };

    /// Adds a value. Returns `false` if there is no memory for it.
    #[inline(always)]
    pub(crate) fn push(&mut self, index: u32, birth: Birth) -> bool {
        if self.pending.len() == self.pending.capacity() && !self.make_room() {
            return false;
        }
        self.pending.push(Retired { birth, index });
        true
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) -> bool {
        self.pending.try_reserve(self.pending.len().max(256)).is_ok()
    }

    /// Returns `true` if there are enough values for a look at the guards, or if one that found
    /// values to drop was interrupted by a panic. `needs_drop` says whether any are dropped.
    #[inline(always)]
    pub(crate) fn is_due(&self, batch: usize, needs_drop: bool) -> bool {
        self.pending.len() >= batch || needs_drop && !self.unseen.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len() + self.delayed.len() + self.unseen.len()
    }

    /// Sorts out the values that no guard can see. Returns `true` if a guard delays any.
    ///
    /// The caller has passed the heavy fence since the last value was added, and has then read the
    /// clock and the guards. Delayed values are reconsidered once half as many have been sorted,
    /// so that the work is proportional to the removals. They are reconsidered immediately if there
    /// is no guard, or if the caller asks for `all`. Where memory is short, values stay in place.
    pub(crate) fn sort(&mut self, now: Era, guards: &Guards, all: bool) -> bool {
        if guards.are_none() && self.unseen.is_empty() {
            // All at once, without a copy.
            core::mem::swap(&mut self.pending, &mut self.unseen);
        }
        let mut room = self.unseen.try_reserve(self.pending.len()).is_ok();
        room &= self.delayed.try_reserve(self.pending.len()).is_ok();
        if room {
            self.sorted += self.pending.len();
            for value in self.pending.drain(..) {
                if guards.may_see(value.birth, now) {
                    self.delayed.push(Delayed { value, retired: now });
                } else {
                    self.unseen.push(value);
                }
            }
        }
        if all || guards.are_none() || 2 * self.sorted >= self.delayed.len() {
            self.sorted = 0;
            if self.unseen.try_reserve(self.delayed.len()).is_ok() {
                let unseen = &mut self.unseen;
                self.delayed.retain(|Delayed { value, retired }| {
                    let seen = guards.may_see(value.birth, *retired);
                    if !seen {
                        unseen.push(*value);
                    }
                    seen
                });
            }
        }
        !self.delayed.is_empty()
    }

    /// The number of values that no guard can see.
    pub(crate) fn unseen(&self) -> usize {
        self.unseen.len()
    }

    /// Takes the value that was retired last among those that no guard can see.
    pub(crate) fn pop_unseen(&mut self) -> Option<u32> {
        self.unseen.pop().map(|value| value.index)
    }

    /// Takes several of them, as many as there are or have room in `indices`. Returns their number.
    pub(crate) fn pop_unseen_into(&mut self, indices: &mut [u32]) -> usize {
        let rest = self.unseen.len().saturating_sub(indices.len());
        let values = self.unseen.drain(rest..).rev();
        indices.iter_mut().zip(values).map(|(place, value)| *place = value.index).count()
    }

    /// Moves all values of another limbo here. Returns those that there is no memory for.
    pub(crate) fn append(&mut self, mut other: Limbo) -> Limbo {
        fn append<T>(to: &mut Vec<T>, from: &mut Vec<T>) {
            if to.try_reserve(from.len()).is_ok() {
                to.append(from);
            }
        }
        append(&mut self.pending, &mut other.pending);
        append(&mut self.delayed, &mut other.delayed);
        append(&mut self.unseen, &mut other.unseen);
        other
    }
}
