//! How values go out: removal, and what gives back a pool's memory.

use super::common::{Inner, Mine};
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::bits::word::{State, state};
use crate::slab::{OnDrop, TakeError};
use crate::sweep::{self, Resume, SweepReport};
use crate::sync::{Ordering, backoff};

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
        // Relaxed: the first stop orders it (see `is_shrinking`).
        self.shrinking.fetch_add(1, Ordering::Relaxed);
        let _end = OnDrop(&self.shrinking, |shrinking| {
            // Relaxed: a value that is dropped for nothing does no harm.
            shrinking.fetch_sub(1, Ordering::Relaxed);
        });
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

    /// Frees stranded slots, and sweeps.
    pub(super) fn sweep(&self, threshold: u64) -> SweepReport {
        self.with(|mut owner| self.rescue(&mut owner), |_| ());
        sweep::sweep(&self.allocator.space, threshold, Resume::Soon)
    }
}
