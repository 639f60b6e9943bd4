//! How values go out. The events RC, RH, and RA are those of [`reclaim`](super::reclaim).

use core::mem::needs_drop;

use super::error::TakeError;
use super::inner::{Inner, SlabOwner, Unlinked};
use super::reclaim::participant::{Participant, Private, SoleReader};
use super::word::SlabWord;
use crate::bits::key::Key;
use crate::safepoint::Operation;
use crate::sync::{Ordering, backoff};

impl<T: Send + Sync + 'static> Inner<T> {
    #[inline(always)]
    fn reader_count(&self) -> u64 {
        // Acquire: what a reader that has left saw, it saw before. Partner: pin.leave.fetch_sub.
        self.readers.load(Ordering::Acquire)
    }

    /// Turns the live word that the key names into a removed one. `None` if it is not there. Of
    /// several simultaneous calls, one succeeds.
    #[inline(always)]
    fn unlink<M>(&self, operation: &Operation<'_>, key: Key<M>) -> Option<SlabWord<T>> {
        let (slot, word) = self.find(key)?;
        let removed = |word: SlabWord<T>| word.is(key).then(|| word.removed());
        self.allocator.replace_word(operation, slot, key.index(), word, removed).ok()?; // RC
        Some(word)
    }

    /// Returns `true` if no guard sees what the participant has just removed. `false` if that is
    /// not known. For the owner, which has `private`.
    #[inline(always)]
    fn is_unseen(&self, participant: &Participant, private: &Private) -> bool {
        self.fence.light(participant.side());
        let sole_reader = private.sole_reader.get();
        sole_reader.is(self.reader_count())
            || !self.fence.is_asymmetric() && self.is_unseen_fenced(participant, sole_reader)
    }

    /// `is_unseen`, where `readers` says that the light fence is not enough.
    #[cold]
    #[inline(never)]
    fn is_unseen_fenced(&self, participant: &Participant, sole_reader: SoleReader) -> bool {
        self.fence.full(participant.side());
        sole_reader.is(self.reader_count() - SoleReader::FENCED)
    }

    /// Notes that a value is to be dropped once no guard can see it. Returns `true` if it is time
    /// to look at the guards. The operation is the participant's.
    #[inline(never)]
    fn defer(
        &self,
        participant: &Participant,
        mut operation: Operation<'_>,
        index: u32,
        word: SlabWord<T>,
        counted: bool,
    ) -> bool {
        if !counted {
            operation.store().count_uninitialized(1);
        }
        // SAFETY: the owner, inside an operation.
        let (noted, is_due) =
            unsafe { participant.retire(index, word.birth(), self.batch(), needs_drop::<T>()) };
        if !noted {
            // Relaxed: a figure.
            self.stranded.fetch_add(1, Ordering::Relaxed);
        }
        is_due
    }

    /// Moves a removed value out, and frees its slot.
    ///
    /// # Safety
    ///
    /// The caller has removed the value, and no guard sees it.
    #[inline(always)]
    unsafe fn move_out<M>(&self, operation: &mut Operation<'_>, key: Key<M>, counted: bool) -> T {
        // SAFETY: removed, seen by no guard, and used once.
        let value = unsafe { self.allocator.space.arena.slot(key.index()).payload().take() };
        // SAFETY: the slot has no value any more.
        unsafe { self.free(operation, Unlinked::new(key), counted) };
        value
    }
}

impl<'a, T: Send + Sync + 'static> SlabOwner<'a, T> {
    /// What removals use inside an operation, which borrows the token.
    #[inline(always)]
    fn parts(&self) -> (&'a Inner<T>, &'a Participant, &'a Private) {
        (self.inner, self.participant, self.private())
    }

    /// Removes a value, and drops it now or later. Returns `false` if the key names none,
    /// and `None` if no operation can begin.
    #[inline(always)]
    pub(crate) fn remove<M>(&mut self, key: Key<M>) -> Option<bool> {
        if !needs_drop::<T>() {
            // SAFETY: the value needs no drop.
            return unsafe { self.remove_plain(key) };
        }
        let (inner, participant, private) = self.parts();
        let mut operation = self.enter()?;
        let Some(word) = inner.unlink(&operation, key) else { return Some(false) };
        if inner.is_unseen(participant, private) {
            operation.store().count_uninitialized(1);
            drop(operation);
            // SAFETY: just removed, and no guard sees it (Invariant 11).
            unsafe { self.drop_value(Unlinked::new(key)) };
        } else if inner.defer(participant, operation, key.index(), word, false) {
            self.reborrow().reclaim();
        }
        Some(true)
    }

    /// Removes a value that needs no drop. Its slot becomes free immediately, and a removed one
    /// only if a guard may see the value. In between it is in transit, and keeps the value.
    ///
    /// # Safety
    ///
    /// No value needs to be dropped.
    #[inline(always)]
    unsafe fn remove_plain<M>(&mut self, key: Key<M>) -> Option<bool> {
        let (inner, participant, private) = self.parts();
        let mut operation = self.enter()?;
        let Some((slot, word)) = inner.find(key) else { return Some(false) };
        let is_it = |word: SlabWord<T>| word.is(key);
        if !is_it(inner.allocator.free_slot(&operation, slot, key.index(), word, is_it)) {
            return Some(false);
        }
        if inner.is_unseen(participant, private) {
            // SAFETY: just freed. No guard sees the value, and it needs no drop.
            unsafe { inner.renew(&mut operation, slot, Unlinked::new(key), false) };
        } else {
            // No sweep has taken the free slot: its cycle is that of the operation under way.
            slot.publish(word.removed());
            if inner.defer(participant, operation, key.index(), word, false) {
                self.reborrow().reclaim();
            }
        }
        Some(true)
    }

    /// Removes a value, and moves it out if no guard may see it. With `wait`, once none may.
    pub(crate) fn take<M>(&mut self, key: Key<M>, wait: bool) -> Result<T, TakeError> {
        let (inner, participant, private) = self.parts();
        if wait && private.sole_reader.get().has_guard() {
            return Err(TakeError::OwnGuard);
        }
        let Some(mut operation) = self.enter() else { return Err(self.refusal().into()) };
        let Some(word) = inner.unlink(&operation, key) else { return Err(TakeError::Absent) };
        let counted = !inner.is_unseen(participant, private);
        if counted {
            operation.store().count_uninitialized(1);
            drop(operation);
            inner.heavy_fence(); // RH
            let now = inner.clock.now();
            let may_be_seen = || inner.guards().may_see(word.birth(), now);
            let mut is_seen = may_be_seen();
            if is_seen {
                // A guard that begins from now on does not see it, nor delay this. The guards that
                // there are do not see what is inserted from now on, unless they look at it.
                inner.clock.tick(now);
                if wait {
                    (0..).take_while(|_| may_be_seen()).for_each(backoff);
                    is_seen = false;
                }
            }
            // It is the caller's second, and refused only in a child that has lost the slab.
            operation = self.enter().ok_or(TakeError::Guarded)?;
            if is_seen {
                if inner.defer(participant, operation, key.index(), word, true) {
                    self.reborrow().reclaim();
                }
                return Err(TakeError::Guarded);
            }
        }
        // SAFETY: just removed, and no guard sees it (Invariant 11).
        Ok(unsafe { inner.move_out(&mut operation, key, counted) })
    }

    /// Removes a value, and moves it out.
    ///
    /// # Safety
    ///
    /// There is no guard of this slab.
    pub(crate) unsafe fn take_unseen<M>(&mut self, key: Key<M>) -> Option<T> {
        let inner = self.inner;
        let mut operation = self.enter()?;
        inner.unlink(&operation, key)?;
        // SAFETY: just removed, and there is no guard.
        Some(unsafe { inner.move_out(&mut operation, key, false) })
    }
}
