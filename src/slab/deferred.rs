//! How values that had to wait are dropped. The events RH and RA are those of
//! [`reclaim`](super::reclaim).

use core::mem::needs_drop;

use super::inner::{Inner, SlabOwner, Unlinked};
use super::on_drop::OnDrop;
use super::reclaim::era::Guards;
use super::reclaim::limbo::Limbo;
use super::reclaim::participant::Participant;
use super::reclaim::participants::Walk;

/// Every so many looks at its own limbo, a participant looks at the others' too. It adopts the
/// values of participants that have left. With the world stopped, it also takes those of a
/// participant that has not looked between two such looks.
pub(crate) const LOOKS: u32 = 4;

/// The values without a drop that one operation frees. A stop waits for no more.
const CHUNK: usize = 64;

impl<T: Send + Sync + 'static> Inner<T> {
    /// Collects the reservations of all guards.
    pub(super) fn guards(&self) -> Guards {
        let walk = self.participants.walk();
        Guards::collect(walk.iter().map(|participant| &participant.reservation)) // RA
    }
}

/// The other participants in whose limbos values wait.
fn others<'a>(walk: &'a Walk<'_>, own: &'a Participant) -> impl Iterator<Item = &'a Participant> {
    let apart = |other: &&Participant| !core::ptr::eq(*other, own) && other.waiting() > 0;
    walk.iter().filter(apart)
}

/// Moves all that waits in another limbo to the own one.
///
/// # Safety
///
/// Same as [`Participant::with_limbo`], of both.
unsafe fn move_limbo(own: &Participant, other: &Participant) {
    // SAFETY: by the contract of this function.
    let theirs = unsafe { other.with_limbo(|theirs| core::mem::replace(theirs, Limbo::EMPTY)) };
    // SAFETY: by the contract of this function.
    let rest = unsafe { own.with_limbo(|own| own.append(theirs)) };
    // SAFETY: by the contract of this function.
    unsafe { other.with_limbo(|limbo| *limbo = rest) };
}

impl<T: Send + Sync + 'static> SlabOwner<'_, T> {
    /// Drops a removed value and frees its slot, also if the drop panics.
    ///
    /// # Safety
    ///
    /// The caller has removed the value, and no guard sees it.
    pub(super) unsafe fn drop_value(&mut self, unlinked: Unlinked) {
        let slot = self.inner.allocator.space.arena.slot(unlinked.index);
        let _finish = OnDrop(self, |owner: &mut &mut Self| {
            // What the value's drop did on this participant has ended.
            let inner = owner.inner;
            // Refused only in a child that has lost the slab.
            let Some(mut operation) = owner.enter() else { return };
            // SAFETY: the value is gone.
            unsafe { inner.free(&mut operation, unlinked, true) };
        });
        // SAFETY: no guard sees it, and it is dropped once.
        unsafe { slot.payload().drop_in_place() };
    }

    /// Looks at the guards if this many of the participant's values wait, besides those that a
    /// guard delayed at the last time.
    #[cold]
    pub(crate) fn reclaim_if(mut self, waiting: u64) {
        let (participant, delayed) = (self.participant, &self.private().delayed);
        delayed.set(delayed.get().min(participant.waiting()));
        if participant.waiting() >= delayed.get() + waiting {
            self.reborrow().reclaim();
            delayed.set(participant.waiting());
        }
    }

    /// Looks at the guards, and drops the participant's values that none can see, unless the
    /// participant is dropping values already. Runs user code.
    #[cold]
    #[inline(never)]
    pub(super) fn reclaim(mut self) {
        let private = self.private();
        if private.is_dropping.get() {
            return;
        }
        let looks = private.looks.get().wrapping_add(1);
        private.looks.set(looks);
        self.participant.wake();
        // Of values that need no drop only slots wait. Those had better stay with their own
        // participant, toward which their ranges are biased.
        let is_crowded = self.inner.participants.is_crowded();
        if looks % LOOKS == 0 && (needs_drop::<T>() || is_crowded) {
            self.adopt();
            let asleep = |walk: &Walk<'_>| {
                others(walk, self.participant).filter(|other| other.was_asleep()).count()
            };
            if asleep(&self.inner.participants.walk()) > 0 {
                self.gather();
            }
        }
        self.drop_unseen(false);
    }

    /// Drops all values of all participants that no guard can see. Blocks. Returns the number of
    /// values that still wait. Does nothing if this call has interrupted an operation of the
    /// participant's: a stop would wait for that forever.
    pub(crate) fn flush(&mut self) -> u64 {
        if !self.private().is_dropping.get() && !self.is_entered() {
            self.adopt();
            if others(&self.inner.participants.walk(), self.participant).count() > 0 {
                self.gather();
            }
            self.drop_unseen(true);
        }
        self.inner.waiting()
    }

    /// Drops the participant's values that no guard can see. The owner is not dropping values yet.
    fn drop_unseen(&mut self, all: bool) {
        let (inner, participant) = (self.inner, self.participant);
        let is_dropping = &self.private().is_dropping;
        is_dropping.set(true);
        let _dropping = OnDrop(is_dropping, |is_dropping| is_dropping.set(false));
        loop {
            inner.heavy_fence(); // RH
            let now = inner.clock.now();
            let guards = inner.guards();
            let Some(mut operation) = self.enter() else { return };
            // SAFETY: the owner, inside an operation.
            let (delays, unseen) = unsafe {
                participant.with_limbo(|limbo| (limbo.sort(now, &guards, all), limbo.unseen()))
            };
            // With a magazine more, which may be there.
            let expected = (unseen as u32).saturating_add(inner.allocator.space.magazine_size);
            operation.store().expect(expected, inner.allocator.overflow_limit);
            drop(operation);
            if delays {
                inner.clock.tick(now);
            }
            self.drop_all_unseen();
            // What was dropped may have removed other values.
            let Some(_operation) = self.enter() else { return };
            // SAFETY: the owner, inside an operation.
            let is_due =
                unsafe { participant.with_limbo(|limbo| limbo.is_due(inner.batch(), false)) };
            if !is_due || delays {
                break;
            }
        }
    }

    /// Drops and frees what no guard can see in the participant's limbo.
    fn drop_all_unseen(&mut self) {
        if !needs_drop::<T>() {
            // SAFETY: the values need no drop.
            return unsafe { self.free_all_unseen() };
        }
        while let Some(unlinked) = self.next_unseen() {
            // SAFETY: no guard sees it (Invariant 11).
            unsafe { self.drop_value(unlinked) };
        }
    }

    /// Takes a value that no guard can see out of the participant's limbo, for its drop.
    fn next_unseen(&mut self) -> Option<Unlinked> {
        let (inner, participant) = (self.inner, self.participant);
        let _operation = self.enter()?;
        // SAFETY: the owner, inside an operation.
        let index = unsafe { participant.with_limbo(Limbo::pop_unseen) }?;
        Some(inner.unlinked_at(index))
    }

    /// Frees the slots of what no guard can see in the participant's limbo.
    ///
    /// # Safety
    ///
    /// The values need no drop.
    unsafe fn free_all_unseen(&mut self) {
        let (inner, participant) = (self.inner, self.participant);
        while let Some(mut operation) = self.enter() {
            let mut indices = [0; CHUNK];
            let pop = |limbo: &mut Limbo| limbo.pop_unseen_into(&mut indices);
            // SAFETY: the owner, inside an operation.
            let count = unsafe { participant.with_limbo(pop) };
            if count == 0 {
                return;
            }
            operation.store().count_uninitialized(-(count as i64));
            for &index in &indices[..count] {
                // SAFETY: removed, and seen by no guard (Invariant 11).
                unsafe { inner.free(&mut operation, inner.unlinked_at(index), false) };
            }
        }
    }

    /// Moves the values of participants without an owner to the own limbo.
    fn adopt(&mut self) {
        let (inner, own) = (self.inner, self.participant);
        let walk = inner.participants.walk();
        for other in others(&walk, own) {
            if let Some(registration) = inner.participants.acquire(other) {
                if let Some(_operation) = self.enter() {
                    // SAFETY: the owner of both, inside an operation.
                    unsafe { move_limbo(own, other) };
                }
                inner.participants.release(registration);
            }
        }
    }

    /// Moves all that waits to the own limbo, with the world stopped.
    fn gather(&mut self) {
        let Ok(_stopped) = self.inner.allocator.space.safepoint.stop() else { return };
        let walk = self.inner.participants.walk();
        for other in others(&walk, self.participant) {
            // SAFETY: the world is stopped (Invariant 8).
            unsafe { move_limbo(self.participant, other) };
        }
    }
}
