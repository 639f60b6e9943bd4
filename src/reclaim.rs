//! Removal, guards, and when a removed value is dropped.
//!
//! # The bad case, and why it does not happen
//!
//! A value must not be dropped while a guard can see it. With named events:
//!
//! ```text
//!   reader (a guard)                         remover
//!   GA  announces its interval               RC  word: live -> removed, by compare-and-swap
//!   GF  light fence                          RH  heavy fence
//!   GL  loads the word: live, and born       RA  reads all announcements: no interval meets
//!       within the interval: uses it             the value's: drops it
//! ```
//!
//! *Bad case*: GL reads *live* and RA does not see GA. The fences are ordered one way or the other:
//!
//! - GF before RH: RA sees GA, or what the guard announced later, which covers no less, or that it
//!   has ended, which it acquires. The lower end of GA is a reading of the clock before GF, so the
//!   reading that follows RH, the era in which the value retires, is not below it; its birth is not
//!   above the upper end. The intervals meet.
//! - RH before GF: GL sees RC, or what came after it: not this value.
//!
//! A guard that wants to look at a value born above its upper end raises that first and passes the
//! same events again.
//!
//! Most values are removed while nobody else has ever had a guard. Who has his first guard counts
//! himself as a reader before GA, and then passes a *heavy* fence. So a remover that passes a light
//! one after RC, and then finds no reader but itself, and has no guard, knows by the same two cases
//! that nobody sees the value, and drops it at once. If there is nothing to drop, RC is from live
//! to free, and on to removed if somebody may see the value: to GL one is as good as the other.

use core::mem::needs_drop;

use crate::era::Guards;
use crate::key::Key;
use crate::limbo::{Limbo, batch};
use crate::member::{Alone, Member};
use crate::slab_core::{Core, Removed};
use crate::stamp::Stamped;
use crate::sync::Ordering;
use crate::world::Operation;

/// Every so many looks at its own limbo a participant looks at the others', too. It takes what
/// those have left who have gone; and, with the world stopped, what somebody has who has not looked
/// between two such looks.
pub(crate) const LOOKS: u32 = 4;

/// How many values that need no drop are freed in one operation: a stop waits for no more.
const CHUNK: usize = 64;

/// What came of an attempt to take a value.
pub(crate) enum Taken<T> {
    Value(T),
    /// Removed, but a guard may see it: it will be dropped.
    Guarded,
    /// The key names no value.
    Absent,
}

impl<T: Send + Sync + 'static> Core<T> {
    /// Does nobody see what the member has just removed? `false` if that is not known.
    #[inline(always)]
    fn is_unseen(&self, member: &Member) -> bool {
        // site: reclaim.is_unseen.light
        self.fence.light(member.side());
        member.alone.get().is(self.reader_count())
            || !self.fence.is_asymmetric() && self.is_unseen_fenced(member)
    }

    /// `is_unseen` where `readers` says that the light fence is not enough.
    #[cold]
    #[inline(never)]
    fn is_unseen_fenced(&self, member: &Member) -> bool {
        // site: reclaim.is_unseen_fenced.full
        self.fence.full(member.side());
        member.alone.get().is(self.reader_count() - Alone::FENCED)
    }

    #[inline(always)]
    fn reader_count(&self) -> u64 {
        // Acquire: what a reader that has gone saw, it saw before. Partner: `leave`.
        // site: reclaim.reader_count.load
        self.readers.load(Ordering::Acquire)
    }

    /// Makes the live word that the key names a removed one, if it is there. Of several that try
    /// at once one succeeds.
    #[inline(always)]
    fn detach<M>(&self, _operation: &Operation<'_>, key: Key<M>) -> Option<Stamped<T>> {
        let (slot, word) = self.find(key)?;
        // A live word changes only by a removal: no second attempt.
        slot.replace(word, word.removed()).ok()?;
        Some(word)
    }

    /// Removes a value, and drops it now or later.
    ///
    /// # Safety
    ///
    /// As for `insert`.
    #[inline(always)]
    pub(crate) unsafe fn remove<M>(&self, member: &Member, key: Key<M>) -> bool {
        if !needs_drop::<T>() {
            // SAFETY: by the contract of this function, and it needs no drop.
            return unsafe { self.remove_plain(member, key) };
        }
        // SAFETY: as for `insert`.
        let mut operation = unsafe { self.enter(member) };
        let Some(word) = self.detach(&operation, key) else { return false };
        if self.is_unseen(member) {
            operation.magazine().count_uninitialized(1);
            drop(operation);
            let removed = Removed { index: key.index(), generation: key.generation() };
            // SAFETY: just removed, and nobody sees it (Invariant 11).
            unsafe { self.drop_value(member, removed) };
        } else {
            self.put_off(member, operation, key.index(), word, false);
        }
        true
    }

    /// `remove` of a value that needs no drop: its slot becomes a free one at once, and a removed
    /// one only if somebody may see the value. In between it is in transit, and keeps the value.
    ///
    /// # Safety
    ///
    /// As for `insert`; no value needs to be dropped.
    #[inline(always)]
    unsafe fn remove_plain<M>(&self, member: &Member, key: Key<M>) -> bool {
        // SAFETY: as for `insert`.
        let mut operation = unsafe { self.enter(member) };
        let Some((slot, word)) = self.find(key) else { return false };
        // A live word changes only by a removal: no second attempt.
        if slot.retire(word, operation.round()).is_err() {
            return false;
        }
        if self.is_unseen(member) {
            let removed = Removed { index: key.index(), generation: key.generation() };
            // SAFETY: just freed, nobody sees the value, and it needs no drop.
            unsafe { self.renew(&mut operation, slot, removed, false) };
        } else {
            // No sweep has taken the free slot: its round is the operation's, which is under way.
            slot.publish(word.removed());
            self.put_off(member, operation, key.index(), word, false);
        }
        true
    }

    /// Notes that a value is to be dropped once nobody can see it.
    #[inline(never)]
    fn put_off(
        &self,
        member: &Member,
        mut operation: Operation<'_>,
        index: u32,
        word: Stamped<T>,
        counted: bool,
    ) {
        if !counted {
            operation.magazine().count_uninitialized(1);
        }
        // SAFETY: the owner, inside an operation.
        let (kept, is_due) = unsafe {
            member.with_limbo(|limbo| (limbo.push(index, word.birth()), limbo.is_due(batch::<T>())))
        };
        if !kept {
            // Relaxed: a figure.
            // site: reclaim.put_off.fetch_add
            self.stranded.fetch_add(1, Ordering::Relaxed);
        }
        drop(operation);
        if is_due && !member.is_dropping.get() {
            self.look(member);
        }
    }

    /// Removes a value and moves it out, if no guard may see it.
    ///
    /// # Safety
    ///
    /// As for `insert`.
    pub(crate) unsafe fn take<M>(&self, member: &Member, key: Key<M>) -> Taken<T> {
        // SAFETY: as for `insert`.
        let mut operation = unsafe { self.enter(member) };
        let Some(word) = self.detach(&operation, key) else { return Taken::Absent };
        let counted = !self.is_unseen(member);
        if counted {
            operation.magazine().count_uninitialized(1);
            drop(operation);
            self.heavy_fence();
            let now = self.clock.now();
            let guards = Guards::look(self.members.iter().map(|member| &member.announcement));
            // SAFETY: as for `insert`, and the first operation has ended.
            operation = unsafe { self.enter(member) };
            if guards.may_see(word.birth(), now) {
                self.put_off(member, operation, key.index(), word, true);
                return Taken::Guarded;
            }
        }
        // SAFETY: just removed, and nobody sees it (Invariant 11).
        Taken::Value(unsafe { self.move_out(&mut operation, key, counted) })
    }

    /// Removes a value and moves it out.
    ///
    /// # Safety
    ///
    /// As for `insert`; there is no guard of this slab.
    pub(crate) unsafe fn take_unseen<M>(&self, member: &Member, key: Key<M>) -> Option<T> {
        // SAFETY: as for `insert`.
        let mut operation = unsafe { self.enter(member) };
        self.detach(&operation, key)?;
        // SAFETY: just removed, and there is no guard.
        Some(unsafe { self.move_out(&mut operation, key, false) })
    }

    /// # Safety
    ///
    /// The caller has removed the value, and nobody sees it.
    #[inline(always)]
    unsafe fn move_out<M>(&self, operation: &mut Operation<'_>, key: Key<M>, counted: bool) -> T {
        let removed = Removed { index: key.index(), generation: key.generation() };
        // SAFETY: removed, seen by nobody, and used once.
        let value = unsafe { self.allocator.arena.slot(removed.index).payload().take() };
        // SAFETY: it has no value any more.
        unsafe { self.free(operation, removed, counted) };
        value
    }

    /// Drops a removed value and frees its slot, also if the drop panics.
    ///
    /// # Safety
    ///
    /// The caller owns the member, has no operation under way on it, has removed the value, and
    /// nobody sees it.
    unsafe fn drop_value(&self, member: &Member, removed: Removed) {
        struct Finish<'a, T: Send + Sync + 'static> {
            core: &'a Core<T>,
            member: &'a Member,
            removed: Removed,
        }
        impl<T: Send + Sync + 'static> Drop for Finish<'_, T> {
            fn drop(&mut self) {
                // SAFETY: the owner; what the value's drop did on this member has ended.
                let mut operation = unsafe { self.core.enter(self.member) };
                // SAFETY: the value is gone.
                unsafe { self.core.free(&mut operation, self.removed, true) };
            }
        }
        let finish = Finish { core: self, member, removed };
        let slot = self.allocator.arena.slot(finish.removed.index);
        // SAFETY: nobody sees it, and it is dropped once.
        unsafe { slot.payload().drop_in_place() };
    }

    /// Looks at the member's removed values, and drops what no guard can see. Runs user code.
    #[cold]
    #[inline(never)]
    fn look(&self, member: &Member) {
        let looks = member.looks.get().wrapping_add(1);
        member.looks.set(looks);
        member.is_awake();
        if looks % LOOKS == 0 {
            self.adopt(member);
            if self.others(member).filter(|other| other.was_asleep()).count() > 0 {
                self.gather(member);
            }
        }
        self.drop_unseen(member, false);
    }

    /// Drops all that no guard can see, of all members. Blocks. Returns how many still wait.
    ///
    /// # Safety
    ///
    /// As for `insert`.
    pub(crate) unsafe fn flush(&self, member: &Member) -> u64 {
        if !member.is_dropping.get() {
            self.adopt(member);
            if self.others(member).count() > 0 {
                self.gather(member);
            }
            self.drop_unseen(member, true);
        }
        self.waiting()
    }

    /// The caller owns the member, is not inside an operation, and is not dropping values.
    fn drop_unseen(&self, member: &Member, all: bool) {
        struct Dropping<'a>(&'a Member);
        impl Drop for Dropping<'_> {
            fn drop(&mut self) {
                self.0.is_dropping.set(false);
            }
        }
        member.is_dropping.set(true);
        let _dropping = Dropping(member);
        loop {
            self.heavy_fence(); // RH
            let now = self.clock.now();
            // RA
            let guards = Guards::look(self.members.iter().map(|member| &member.announcement));
            // SAFETY: the owner, with no operation under way.
            let operation = unsafe { self.enter(member) };
            // SAFETY: inside an operation.
            let delays = unsafe { member.with_limbo(|limbo| limbo.look(now, &guards, all)) };
            drop(operation);
            if delays {
                self.clock.tick(now);
            }
            // SAFETY: the owner, with no operation under way; nobody sees them (Invariant 11).
            while let Some(removed) = unsafe { self.next_unseen(member) } {
                // SAFETY: as above.
                unsafe { self.drop_value(member, removed) };
            }
            // What was dropped may have removed others.
            // SAFETY: as above.
            let _operation = unsafe { self.enter(member) };
            // SAFETY: inside an operation.
            if !unsafe { member.with_limbo(|limbo| limbo.is_due(batch::<T>())) } || delays {
                break;
            }
        }
    }

    /// Takes a value that nobody can see, and that needs to be dropped, out of the member's limbo;
    /// those that do not are freed.
    ///
    /// # Safety
    ///
    /// As for `insert`.
    unsafe fn next_unseen(&self, member: &Member) -> Option<Removed> {
        loop {
            // SAFETY: as for `insert`.
            let mut operation = unsafe { self.enter(member) };
            for _ in 0..CHUNK {
                // SAFETY: inside an operation.
                let index = unsafe { member.with_limbo(Limbo::pop_unseen) }?;
                let generation = self.allocator.arena.slot(index).look().generation();
                let removed = Removed { index, generation };
                if needs_drop::<T>() {
                    return Some(removed);
                }
                // SAFETY: removed, seen by nobody, and it needs no drop.
                unsafe { self.free(&mut operation, removed, true) };
            }
        }
    }

    /// The other members in which values wait.
    fn others<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a Member> {
        let apart = |other: &&Member| !core::ptr::eq(*other, member) && other.waiting() > 0;
        self.members.iter().filter(apart)
    }

    /// Moves what waits in the limbos of members that nobody owns to the member's.
    fn adopt(&self, member: &Member) {
        for other in self.others(member) {
            if let Some(seat) = self.members.claim(other) {
                // SAFETY: the owner, with no operation under way.
                let operation = unsafe { self.enter(member) };
                // SAFETY: inside an operation, the owner of both.
                unsafe { Self::move_limbo(member, other) };
                drop(operation);
                self.members.leave(seat);
            }
        }
    }

    /// Moves all that waits to the member's limbo, with the world stopped.
    fn gather(&self, member: &Member) {
        let _stopped = self.allocator.world.stop();
        for other in self.others(member) {
            // SAFETY: the world is stopped (Invariant 8).
            unsafe { Self::move_limbo(member, other) };
        }
    }

    /// # Safety
    ///
    /// As for [`Member::with_limbo`] of both.
    unsafe fn move_limbo(member: &Member, other: &Member) {
        // SAFETY: by the contract of this function.
        let theirs = unsafe { other.with_limbo(core::mem::take) };
        // SAFETY: by the contract of this function.
        let rest = unsafe { member.with_limbo(|own| own.append(theirs)) };
        // SAFETY: by the contract of this function.
        unsafe { other.with_limbo(|limbo| *limbo = rest) };
    }
}
