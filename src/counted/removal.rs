//! How values go out: removal, and what gives back a pool's memory.

use super::common::{Inner, Mine};
use crate::allocator::Owner;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::bits::word::{State, state};
use crate::slab::{OnDrop, TakeError};
use crate::sweep::{self, Resume, SweepReport};
use crate::sync::{Lock, Ordering, backoff};

/// The most cleared values that one stop takes out of their slots.
const CHUNK: usize = if cfg!(model) { 1 } else { 4096 };

impl<T: Send + Sync + 'static> Inner<T> {
    /// Removes a value. Drops or clears it now if nothing references it. Runs user code.
    #[inline(always)]
    pub(super) fn remove<M>(&self, key: Key<M>) -> Result<bool, OperationError> {
        let Some((slot, word)) = self.update(key, |word| word.marked(key))? else {
            return Ok(false);
        };
        if word.is_over() {
            // SAFETY: over by this call, which borrows the slab.
            unsafe { self.finish(Mine { slot, key: key.cast() }) };
        }
        Ok(true)
    }

    /// Removes a value, and moves it out if nothing references it. With `wait`, once nothing does.
    pub(super) fn take<M>(&self, key: Key<M>, wait: bool) -> Result<T, TakeError> {
        // While it waits, the call has a reference itself, so no other one is the last.
        let mut waits = false;
        let marked = self.update(key, |word| {
            let counted = word.found(key).filter(|_| wait);
            waits = counted.is_some();
            counted.unwrap_or(word).marked(key)
        });
        let Some((slot, word)) = marked? else { return Err(TakeError::Absent) };
        if waits {
            (0..).take_while(|_| slot.load().count() > 1).for_each(backoff);
        } else if !word.is_over() {
            return Err(TakeError::Guarded);
        }
        let mine = Mine { slot, key: key.cast() };
        let _free = OnDrop((), |()| {
            // SAFETY: removed by this call, which borrows the slab, and nothing references it.
            unsafe { self.finish(mine) };
        });
        // SAFETY: as above.
        Ok(unsafe { slot.payload().take() })
    }

    /// Drops the cleared values of free slots, and gives back the memory of segments that hold
    /// nothing. Runs user code.
    pub(super) fn shrink(&self) {
        self.stop_keeping();
        let _end = OnDrop((), |()| self.keep_again());
        let mut values = Vec::new();
        let mut cursor = 1;
        // Behind the cursor no free slot has a value: none is kept from the first stop on.
        while cursor != 0 {
            if values.try_reserve(CHUNK).is_err() || !self.take_cleared(&mut values, &mut cursor) {
                return;
            }
            values.clear();
        }
        self.sweep(0);
    }

    /// Moves the cleared values of some free slots out, with the world stopped. Returns `false` if
    /// it could not be stopped.
    fn take_cleared(&self, values: &mut Vec<T>, cursor: &mut u32) -> bool {
        let Ok(_stopped) = self.allocator.space.safepoint.stop() else { return false };
        for _ in 0..CHUNK {
            let Some((_, slot)) = self.next_slot(cursor) else { break };
            if state(slot.peek()) != State::Free {
                continue;
            }
            // SAFETY: free slots are the stopper's.
            if unsafe { slot.payload().has_value() } {
                // SAFETY: as above.
                values.push(unsafe { slot.payload().take() });
            }
        }
        true
    }

    /// Keeps no more cleared values, as long as one call more than have ended makes this one.
    fn stop_keeping(&self) {
        // Relaxed: the first stop orders it (see `is_shrinking`).
        self.shrinking.fetch_add(1, Ordering::Relaxed);
    }

    fn keep_again(&self) {
        // Relaxed: a value that is dropped for nothing does no harm.
        self.shrinking.fetch_sub(1, Ordering::Relaxed);
    }

    /// Gives back what is free, if it is time. A magazine of slots has been spilled. From then on
    /// no cleared value is kept, until one is wanted. Runs user code, unless a panic is under way.
    #[cold]
    pub(super) fn trim(&self) {
        let space = &self.allocator.space;
        let (_, committed) = space.arena.committed.count();
        let free = space.free_outside();
        let (spilled, in_use) = (space.magazine_size.into(), committed.saturating_sub(free));
        // Where another thread has it, that thread looks.
        let Some(mut trimming) = self.trimming.as_ref().and_then(Lock::try_lock) else { return };
        if !trimming.is_time(spilled, in_use, committed) || std::thread::panicking() {
            return;
        }
        if self.clear.is_some() && !core::mem::replace(&mut trimming.keeps_none, true) {
            self.stop_keeping();
        }
        drop(trimming);
        if self.clear.is_some() {
            self.shrink();
        } else {
            self.sweep(0);
        }
        // It was allocated at the peak, so that no memory above it could go back.
        let take = |mut owner: Owner<'_, _>| Some(owner.enter()?.store().take_overflow());
        let overflow = self.with(take, |_| None);
        drop(overflow);
    }

    /// Notes that a value is wanted, and none was kept.
    #[cold]
    pub(super) fn want_values(&self) {
        let Some(mut trimming) = self.trimming.as_ref().and_then(Lock::try_lock) else { return };
        if core::mem::take(&mut trimming.keeps_none) {
            self.keep_again();
        }
    }

    /// Frees stranded slots, and sweeps.
    pub(super) fn sweep(&self, threshold: u64) -> SweepReport {
        self.with(|mut owner| self.rescue(&mut owner), |_| ());
        sweep::sweep(&self.allocator.space, threshold, Resume::Soon)
    }
}
