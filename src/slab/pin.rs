//! How guards begin and end, and how participants come and go. The events GA, GF, and GL are those
//! of [`reclaim`](super::reclaim).

use core::ptr::NonNull;

use super::error::InsertError;
use super::inner::{Inner, SlabOwner};
use super::reclaim::participant::{Participant, Private, Registration, SoleReader};
use super::word::SlabWord;
use crate::arena::{Memory, Slot};
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::safepoint::{Safepoint, Shared};
use crate::sync::Ordering;

/// The most memory that a participant leaves to its next owner. In a model, that of one slot.
const LEFT_BYTES: usize = if cfg!(model) { 8 } else { 256 * 1024 };

impl<T: Send + Sync + 'static> SlabOwner<'_, T> {
    #[inline(always)]
    pub(crate) fn begin_guard(&self) {
        let sole_reader = &self.private().sole_reader;
        let is_first = !sole_reader.get().has_guard();
        if is_first && !sole_reader.get().is_reader() {
            self.become_reader();
        }
        // Counted first, so that a guard in a signal handler does not end this one's reservation.
        sole_reader.set(sole_reader.get().with_guard());
        if is_first || self.participant.reservation.is_none() {
            let clock = &self.inner.clock;
            self.participant.reservation.start(clock.now(), clock.birth()); // GA
            self.light_fence(); // GF
        } else if !self.inner.fence.is_asymmetric() {
            // A signal handler may have come before the fence of the guard that it interrupts.
            self.light_fence();
        }
    }

    /// # Safety
    ///
    /// [`begin_guard`](Self::begin_guard) has been called once more than this. Nothing that the
    /// guard has shown is used any more.
    #[inline(always)]
    pub(crate) unsafe fn end_guard(&self) {
        let private = self.private();
        let sole_reader = private.sole_reader.get().without_guard();
        private.sole_reader.set(sole_reader);
        if !sole_reader.has_guard() {
            self.participant.reservation.end();
            if private.is_leaving.get() {
                self.leave();
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn become_reader(&self) {
        // SAFETY: the owner's record, attached when the participant was registered.
        if let Some(error) = unsafe { self.participant.record() }.refusal() {
            panic!("slotarena: no guard by a mutator that could not register: {error}");
        }
        self.inner.become_reader(self.private());
    }

    /// Extends the reservation of a guard to a value whose word was read as live but is born above
    /// it. Returns `false` if the value has been removed in the meantime. The participant has a
    /// guard.
    #[cold]
    #[inline(never)]
    pub(crate) fn extend(&self, slot: &Slot<SlabWord<T>>, word: SlabWord<T>) -> bool {
        // Not below the value's birth, since its word was acquired.
        self.participant.reservation.extend(self.inner.clock.birth()); // GA
        self.light_fence(); // GF
        slot.load() == word // GL
    }

    /// Inserts a value that the participant's guard sees from the first. There is a guard.
    pub(crate) fn insert_guarded<M>(&mut self, value: T) -> Result<Key<M>, InsertError<T>> {
        let key = match self.reserve() {
            Ok(key) => key,
            Err(error) => return Err(InsertError::new(value, error)),
        };
        let birth = self.inner.clock.birth();
        self.participant.reservation.extend(birth); // GA
        self.light_fence(); // GF
        // SAFETY: reserved just now.
        let filled = unsafe { self.fill_born(key, value, birth) };
        filled.map(|()| key).map_err(|(value, error)| InsertError::new(value, error.into()))
    }

    /// Covers all values that are live now. There is a guard, and the world is stopped.
    #[cfg(feature = "serde")]
    pub(crate) fn cover_all(&self) {
        self.participant.reservation.extend(self.inner.clock.birth()); // GA
        self.light_fence(); // GF
    }

    /// Ends a participation without a guard. Its limbo is left to the other participants. Its free
    /// slots are left to the next owner, with the ranges that are biased toward it.
    fn leave(&self) {
        let (inner, private) = (self.inner, self.private());
        if inner.participants.is_crowded() {
            // SAFETY: the owner is about to leave, so no operation of its own is under way.
            unsafe { SlabOwner::new(inner, self.participant) }.trim();
        }
        if self.has_many_slots() {
            let registration = self.participant.detach();
            registration.into_iter().for_each(|one| inner.allocator.unregister(one));
        }
        private.is_leaving.set(false);
        if private.sole_reader.replace(SoleReader::NO_READER).is_reader() {
            // Release: what the reader saw, it saw before. Partner: remove.reader_count.load.
            inner.readers.fetch_sub(SoleReader::READER, Ordering::Release);
        }
        inner.participants.leave(Registration::of(NonNull::from(self.participant)));
    }

    /// Frees the participants that have left, but for those whose values wait.
    #[cold]
    #[inline(never)]
    pub(crate) fn trim(&mut self) {
        let inner = self.inner;
        if inner.participants.is_trimmed() {
            let trimmed = self.enter().and_then(|operation| inner.participants.trim(&operation));
            let records = trimmed.into_iter().flatten();
            records.for_each(|registration| inner.allocator.unregister(registration));
        }
    }

    /// Returns `true` if the participant's free slots are too many to be left to the next owner:
    /// others should have their memory.
    fn has_many_slots(&self) -> bool {
        // SAFETY: the owner's record, attached when the participant was registered.
        let free = unsafe { self.participant.record() }.store().free();
        free > (LEFT_BYTES / Memory::<SlabWord<T>>::SLOT_BYTES) as u64
    }
}

impl<T: Send + Sync + 'static> Inner<T> {
    /// Makes the owner's participant known as a reader. `private` is the participant's.
    fn become_reader(&self, private: &Private) {
        // Relaxed: the heavy fence that follows orders it before the guard's loads.
        self.readers.fetch_add(SoleReader::READER, Ordering::Relaxed);
        // If the fence panics, one reader too many is counted, which only delays drops.
        self.heavy_fence();
        private.sole_reader.set(private.sole_reader.get().with_reader());
    }
}

impl<T: Send + Sync + 'static> Shared for Inner<T> {
    type Record = Participant;
    type Registration = Registration;

    fn register(&self) -> Result<Registration, OperationError> {
        let registration = self.participants.join().ok_or(OperationError::OutOfMemory)?;
        // SAFETY: it lives as long as it has an owner.
        let participant = unsafe { registration.participant().as_ref() };
        // The last owner may have left its record.
        if !participant.is_attached() {
            match self.allocator.register() {
                Ok(record) => participant.attach(record),
                Err(error) => {
                    self.participants.leave(registration);
                    return Err(error);
                }
            }
        }
        self.meet();
        self.set_batch();
        Ok(registration)
    }

    fn record(&self, registration: &Registration) -> NonNull<Participant> {
        registration.participant()
    }

    #[inline(never)]
    fn unregister(&self, registration: Registration) {
        // SAFETY: it lives as long as it has an owner.
        let participant = unsafe { registration.participant().as_ref() };
        // SAFETY: the registration is the ownership, and its owner has no operation under way.
        let owner = unsafe { SlabOwner::new(self, participant) };
        if owner.private().sole_reader.get().has_guard() {
            // The last guard to end does the rest.
            owner.private().is_leaving.set(true);
        } else {
            owner.leave();
        }
    }

    fn safepoint(&self) -> &Safepoint {
        &self.allocator.space.safepoint
    }

    fn adopt(&self) -> bool {
        // Relaxed: no other thread runs.
        self.is_inherited.store(true, Ordering::Relaxed);
        self.participants.after_fork();
        true
    }
}
