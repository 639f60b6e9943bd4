//! Who takes part in a slab, and begins and ends guards. The events are those of `reclaim.rs`.

use core::ptr::NonNull;

use crate::key::Key;
use crate::member::{Alone, Member, Seat};
use crate::memory::Slot;
use crate::slab_core::Core;
use crate::slab_error::InsertError;
use crate::stamp::Stamped;
use crate::sync::Ordering;
use crate::thread_cache::Shared;

impl<T: Send + Sync + 'static> Core<T> {
    /// Begins a guard of the member's.
    ///
    /// # Safety
    ///
    /// The caller owns the member.
    #[inline(always)]
    pub(crate) unsafe fn begin_guard(&self, member: &Member) {
        if !member.alone.get().has_guard() {
            if !member.alone.get().is_reader() {
                self.become_reader(member);
            }
            member.announcement.begin(self.clock.now(), self.clock.birth()); // GA
            self.light_fence(member); // GF
        }
        member.alone.set(member.alone.get().with_guard());
    }

    #[cold]
    #[inline(never)]
    fn become_reader(&self, member: &Member) {
        // Relaxed: the heavy fence that follows orders it before the guard's loads.
        // site: pin.become_reader.fetch_add
        self.readers.fetch_add(Alone::READER, Ordering::Relaxed);
        // Should it panic, there is one reader too many, which delays drops and does no other harm.
        self.heavy_fence();
        member.alone.set(member.alone.get().with_reader());
    }

    /// Ends a guard of the member's.
    ///
    /// # Safety
    ///
    /// As for `begin_guard`, which has been called once more than this; nothing that the guard has
    /// shown is used any more.
    #[inline(always)]
    pub(crate) unsafe fn end_guard(&self, member: &Member) {
        let alone = member.alone.get().without_guard();
        member.alone.set(alone);
        if !alone.has_guard() {
            member.announcement.end();
            if member.is_leaving.get() {
                self.leave(NonNull::from(member));
            }
        }
    }

    /// Raises the interval of the member's guard so that it covers a value whose word was read as
    /// live but is born above it; `false` if the value has been removed meanwhile.
    ///
    /// # Safety
    ///
    /// The caller owns the member, which has a guard.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn raise(
        &self,
        member: &Member,
        slot: &Slot<Stamped<T>>,
        word: Stamped<T>,
    ) -> bool {
        // Not below the value's birth: its word was acquired.
        member.announcement.raise(self.clock.birth()); // GA
        self.light_fence(member); // GF
        slot.load() == word // GL
    }

    /// Inserts a value that the member's guard sees from the first.
    ///
    /// # Safety
    ///
    /// As for `insert`; the member has a guard.
    pub(crate) unsafe fn insert_guarded<M>(
        &self,
        member: &Member,
        value: T,
    ) -> Result<Key<M>, InsertError<T>> {
        // SAFETY: as for `insert`.
        let key = match unsafe { self.reserve(member) } {
            Ok(key) => key,
            Err(cause) => return Err(InsertError::new(value, cause)),
        };
        let birth = self.clock.birth();
        member.announcement.raise(birth); // GA
        self.light_fence(member); // GF
        // SAFETY: reserved just now.
        unsafe { self.fill_born(member, key, value, birth) };
        Ok(key)
    }

    /// Ends a participation whose owner has no guard. What it has removed is left to the others.
    fn leave(&self, member: NonNull<Member>) {
        // SAFETY: members live as long as this.
        let seat = unsafe { member.as_ref() };
        if let Some(registration) = seat.registration.take() {
            self.allocator.unregister(registration);
        }
        seat.is_leaving.set(false);
        if seat.alone.replace(Alone::NOBODY).is_reader() {
            // Release: what it saw, it saw before. Partner: `reader_count`.
            // site: pin.leave.fetch_sub
            self.readers.fetch_sub(Alone::READER, Ordering::Release);
        }
        self.members.leave(Seat::of(member));
    }
}

impl<T: Send + Sync + 'static> Shared for Core<T> {
    type Record = Member;
    type Registration = Seat;

    fn register(&self) -> Seat {
        let seat = self.members.join();
        // SAFETY: members live as long as this.
        let member = unsafe { seat.member().as_ref() };
        member.sit(self.allocator.world.register());
        seat
    }

    fn record(&self, seat: &Seat) -> NonNull<Member> {
        seat.member()
    }

    fn unregister(&self, seat: Seat) {
        // SAFETY: members live as long as this.
        let member = unsafe { seat.member().as_ref() };
        if member.alone.get().has_guard() {
            // The last guard to go does the rest.
            member.is_leaving.set(true);
        } else {
            self.leave(seat.member());
        }
    }
}
