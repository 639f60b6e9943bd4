//! How values go out: removal, and the drop of what no guard can see. The events RC, RH, and RA are
//! those of [`reclaim`](super::reclaim).

use core::mem::needs_drop;

use super::error::TakeError;
use super::inner::{Inner, SlabOwner, Unlinked};
use super::on_drop::OnDrop;
use super::reclaim::era::Guards;
use super::reclaim::limbo::Limbo;
use super::reclaim::participant::{Participant, Private, SoleReader};
use super::reclaim::participants::Walk;
use super::word::SlabWord;
use crate::bits::key::Key;
use crate::safepoint::Operation;
use crate::sync::{Ordering, backoff};

/// Every so many looks at its own limbo, a participant looks at the others' too. It adopts the
/// values of participants that have left. With the world stopped, it also takes those of a
/// participant that has not looked between two such looks.
pub(crate) const LOOKS: u32 = 4;

/// The values without a drop that one operation frees. A stop waits for no more.
const CHUNK: usize = 64;

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
            operation.store().add_uninitialized();
        }
        let push =
            |limbo: &mut Limbo| (limbo.push(index, word.birth()), limbo.is_due(self.batch()));
        // SAFETY: the owner, inside an operation.
        let (noted, is_due) = unsafe { participant.with_limbo(push) };
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

    /// Collects the reservations of all guards.
    fn guards(&self) -> Guards {
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
            operation.store().add_uninitialized();
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
            operation.store().add_uninitialized();
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

    /// Drops a removed value and frees its slot, also if the drop panics.
    ///
    /// # Safety
    ///
    /// The caller has removed the value, and no guard sees it.
    unsafe fn drop_value(&mut self, unlinked: Unlinked) {
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
    fn reclaim(mut self) {
        let private = self.private();
        if private.is_dropping.get() {
            return;
        }
        let looks = private.looks.get().wrapping_add(1);
        private.looks.set(looks);
        self.participant.wake();
        if looks % LOOKS == 0 {
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
    /// values that still wait.
    pub(crate) fn flush(&mut self) -> u64 {
        if !self.private().is_dropping.get() {
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
            let Some(operation) = self.enter() else { return };
            // SAFETY: the owner, inside an operation.
            let delays = unsafe { participant.with_limbo(|limbo| limbo.sort(now, &guards, all)) };
            drop(operation);
            if delays {
                inner.clock.tick(now);
            }
            while let Some(unlinked) = self.next_unseen() {
                // SAFETY: no guard sees it (Invariant 11).
                unsafe { self.drop_value(unlinked) };
            }
            // What was dropped may have removed other values.
            let Some(_operation) = self.enter() else { return };
            // SAFETY: the owner, inside an operation.
            let is_due = unsafe { participant.with_limbo(|limbo| limbo.is_due(inner.batch())) };
            if !is_due || delays {
                break;
            }
        }
    }

    /// Takes a value that no guard can see out of the participant's limbo, for its drop. Values
    /// that need no drop are freed here.
    fn next_unseen(&mut self) -> Option<Unlinked> {
        let (inner, participant) = (self.inner, self.participant);
        loop {
            let mut operation = self.enter()?;
            for _ in 0..CHUNK {
                // SAFETY: the owner, inside an operation.
                let index = unsafe { participant.with_limbo(Limbo::pop_unseen) }?;
                let generation = inner.allocator.space.arena.slot(index).peek().generation();
                let unlinked = Unlinked { index, generation };
                if needs_drop::<T>() {
                    return Some(unlinked);
                }
                // SAFETY: removed, seen by no guard, and it needs no drop.
                unsafe { inner.free(&mut operation, unlinked, true) };
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
                inner.participants.leave(registration);
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
