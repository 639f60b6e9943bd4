//! Values that have been removed and that a guard might still see.
//!
//! Each participant has a list of its own. A removal appends to it; when it is long enough, the
//! participant looks which of them no guard can see any more.

use crate::era::{Birth, Era, Guards};

/// How many removals a participant collects before it looks: 1,024 values, or 256 KiB of them, but
/// 32 at least.
pub(crate) const fn batch<T>() -> usize {
    if cfg!(all(loom, feature = "loom")) {
        return 1;
    }
    match (256 * 1024usize).checked_div(size_of::<T>()) {
        Some(values) if values < 32 => 32,
        Some(values) if values < 1024 => values,
        _ => 1024,
    }
}

/// A participant's removed values. What it holds are indices of slots whose words say *removed*.
#[derive(Debug, Default)]
pub(crate) struct Limbo {
    /// Not looked at yet.
    pending: Vec<Removed>,
    /// Some guard might have seen them when they were looked at.
    delayed: Vec<Delayed>,
    /// Nobody can see them.
    unseen: Vec<u32>,
    /// How many have been looked at since the delayed ones were.
    looked_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Removed {
    birth: Birth,
    index: u32,
}

#[derive(Clone, Copy, Debug)]
struct Delayed {
    removed: Removed,
    retired: Era,
}

impl Limbo {
    /// Adds a value. `false` if there is no memory for it.
    #[inline(always)]
    pub(crate) fn push(&mut self, index: u32, birth: Birth) -> bool {
        if self.pending.len() == self.pending.capacity() && !self.make_room() {
            return false;
        }
        self.pending.push(Removed { birth, index });
        true
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) -> bool {
        self.pending.try_reserve(self.pending.len().max(256)).is_ok()
    }

    /// Are there enough to look?
    #[inline(always)]
    pub(crate) fn is_due(&self, batch: usize) -> bool {
        self.pending.len() >= batch
    }

    /// How many values are in it.
    pub(crate) fn len(&self) -> usize {
        self.pending.len() + self.delayed.len() + self.unseen.len()
    }

    /// Sorts out what no guard can see. The caller has passed the heavy fence since the last was
    /// added, and then read the clock and the guards. Returns whether a guard delays any.
    ///
    /// The delayed ones are looked at again once as many others have been, so that the work is in
    /// proportion to the removals; and at once if there is no guard, or if `all` are asked for.
    /// Where memory is short, values stay where they are.
    pub(crate) fn look(&mut self, now: Era, guards: &Guards, all: bool) -> bool {
        let mut room = self.unseen.try_reserve(self.pending.len()).is_ok();
        room &= self.delayed.try_reserve(self.pending.len()).is_ok();
        if room {
            self.looked_at += self.pending.len();
            for removed in self.pending.drain(..) {
                if guards.may_see(removed.birth, now) {
                    self.delayed.push(Delayed { removed, retired: now });
                } else {
                    self.unseen.push(removed.index);
                }
            }
        }
        if all || guards.are_none() || self.looked_at >= self.delayed.len() {
            self.looked_at = 0;
            if self.unseen.try_reserve(self.delayed.len()).is_ok() {
                let unseen = &mut self.unseen;
                self.delayed.retain(|Delayed { removed, retired }| {
                    let seen = guards.may_see(removed.birth, *retired);
                    if !seen {
                        unseen.push(removed.index);
                    }
                    seen
                });
            }
        }
        !self.delayed.is_empty()
    }

    /// Takes one that nobody can see.
    pub(crate) fn pop_unseen(&mut self) -> Option<u32> {
        self.unseen.pop()
    }

    /// Moves all of another's here, and returns what there is no memory for.
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
