//! The allocator itself, over words and indices: private stores in front of stripes in front of
//! the arena.

mod refill;

use crossbeam_utils::CachePadded;

use crate::arena::{Arena, Refusal};
use crate::detached::Detached;
use crate::freelist::Stripe;
use crate::handle::Handle;
use crate::memory::Slot;
use crate::record::{Magazine, Record};
use crate::word::{self, State, Word};
use crate::world::{Operation, Registration, Stopped, World};

/// Everything that the threads share.
///
/// Conservation (Invariant 4), with the world stopped:
/// `live + uninitialized + Σ stripe lengths + Σ magazine lengths + detached = usable slots of the
/// committed segments`.
///
/// Aligned to a page, with what every operation reads near the end of it: a record has what every
/// operation writes before that in its own.
#[derive(Debug)]
// Not in models, whose threads have small stacks.
#[cfg_attr(not(all(loom, feature = "loom")), repr(C, align(4096)))]
pub(crate) struct Allocator<W: Word> {
    /// Never used: see above.
    #[allow(dead_code)]
    room: [u8; READ_AT],
    pub(crate) arena: Arena<W>,
    pub(crate) stripes: Box<[CachePadded<Stripe>]>,
    pub(crate) world: World,
    pub(crate) magazine_size: u32,
    /// What a private store holds at most beside its stash and the slot in hand: with that one it
    /// is two magazines.
    store_limit: u32,
    /// What its stash holds at most.
    stash_limit: u32,
    /// What a sweep under way has not brought back yet.
    pub(crate) detached: Detached,
}

impl<W: Word> Allocator<W> {
    pub(crate) fn new(
        arena: Arena<W>,
        stripes: usize,
        magazine_size: u32,
        stash_limit: u32,
    ) -> Self {
        let stripes: Box<[_]> = (0..stripes).map(|_| CachePadded::new(Stripe::new())).collect();
        let world = World::new(stripes.len());
        let detached = Detached::new(arena.geometry().segments());
        Self {
            room: [0; READ_AT],
            arena,
            stripes,
            world,
            magazine_size,
            store_limit: 2 * magazine_size - 1,
            stash_limit,
            detached,
        }
    }

    /// Makes a slot of the caller's, out of a chain, one in use. `prepare` has it while it is
    /// free, and says what its word is to be, and what else is to be returned.
    #[inline(always)]
    fn hand_out<R>(
        &self,
        magazine: &mut Magazine<'_>,
        index: u32,
        prepare: impl FnOnce(&Slot<W>) -> (W, R),
    ) -> (Handle, R) {
        let slot = self.arena.slot(index);
        let (word, result) = prepare(slot);
        slot.publish(word);
        if !word::is_live(word) {
            magazine.count_uninitialized(1);
        }
        // SAFETY: slot 0 is in no chain and no magazine (Invariant 2).
        (unsafe { Handle::from_index(index) }, result)
    }

    /// Hands out a slot, whose word becomes `word`: live or uninitialized. `None` if there is
    /// none to be had without a stop. Lock-free.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    #[inline(always)]
    pub(crate) unsafe fn allocate(&self, record: &Record, word: W) -> Option<Handle> {
        // SAFETY: the caller's promise.
        unsafe { self.allocate_with(record, |_| (word, ())) }.map(|(handle, ())| handle)
    }

    /// Hands out a slot, which `prepare` is given while it is free, and whose word becomes what
    /// that returns. It is not called if there is no slot to be had without a stop. Lock-free.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    #[inline(always)]
    pub(crate) unsafe fn allocate_with<R>(
        &self,
        record: &Record,
        prepare: impl FnOnce(&Slot<W>) -> (W, R),
    ) -> Option<(Handle, R)> {
        // SAFETY: the caller's promise.
        let mut operation = unsafe { self.world.enter(record) };
        let mut magazine = operation.magazine();
        match magazine.pop() {
            Some(index) => Some(self.hand_out(&mut magazine, index, prepare)),
            None => self.allocate_refilled(operation, prepare),
        }
    }

    #[cold]
    #[inline(never)]
    fn allocate_refilled<R>(
        &self,
        mut operation: Operation<'_>,
        prepare: impl FnOnce(&Slot<W>) -> (W, R),
    ) -> Option<(Handle, R)> {
        let mut magazine = operation.magazine();
        let index = self.refill(&mut magazine, self.magazine_size, HELP).ok()?;
        Some(self.hand_out(&mut magazine, index, prepare))
    }

    /// Hands out a slot with the world stopped. What is in no stripe may lie in another
    /// participant's store, or be on its way: only here can it be said that there is nothing.
    /// `prepare` is as for `allocate_with`. Blocks.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn allocate_stopped<R>(
        &self,
        record: &Record,
        prepare: impl FnOnce(&Slot<W>) -> (W, R),
    ) -> Result<(Handle, R), Refusal> {
        let mut stopped = self.world.stop();
        self.gather(&mut stopped);
        // A small helping: others are as short of slots as the caller.
        let free = self.free_slots(&stopped);
        let fair = (free.shared + free.detached) / stopped.participants().max(1) as u64 / 2;
        let helping = fair.clamp(1, u64::from(self.magazine_size)) as u32;
        let mut magazine = stopped.magazine(record);
        let index = self.refill(&mut magazine, helping, u32::MAX)?;
        Ok(self.hand_out(&mut magazine, index, prepare))
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.arena.geometry().capacity()
    }

    /// Takes back the slot at any number, if its word is an expected one: some of the live and
    /// uninitialized ones. Returns the word that it had, which tells what came of it. Lock-free.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`]; the word of a free slot is not expected.
    #[inline(always)]
    pub(crate) unsafe fn free(&self, record: &Record, raw: u32, expected: impl Fn(W) -> bool) -> W {
        // SAFETY: the caller's promise.
        let mut operation = unsafe { self.world.enter(record) };
        self.free_in(&mut operation, raw, expected)
    }

    #[inline(always)]
    fn free_in(&self, operation: &mut Operation<'_>, raw: u32, expected: impl Fn(W) -> bool) -> W {
        let Some(slot) = self.arena.slot_checked(raw) else { return word::zero() };
        let mut current = slot.load();
        loop {
            if !expected(current) {
                return current;
            }
            // Tried again only when another thread changed the entry: lock-free.
            match slot.retire(current, operation.round()) {
                Ok(()) => break,
                Err(now) => current = now,
            }
        }
        let mut magazine = operation.magazine();
        if word::state(current) == State::Uninitialized {
            magazine.count_uninitialized(u64::MAX);
        }
        self.keep(&mut magazine, raw);
        current
    }

    /// Takes back a live slot that nobody else frees or sets, and returns its word. Lock-free.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`]; the slot is live, and no other thread frees or sets it.
    #[inline(always)]
    pub(crate) unsafe fn free_unchecked(&self, record: &Record, index: u32) -> W {
        // SAFETY: the caller's promise.
        let mut operation = unsafe { self.world.enter(record) };
        let slot = self.arena.slot(index);
        let word = slot.load();
        slot.retire_own(operation.round());
        self.keep(&mut operation.magazine(), index);
        word
    }

    /// Puts a free slot of the caller's into its private store.
    #[inline(always)]
    pub(crate) fn keep(&self, magazine: &mut Magazine<'_>, index: u32) {
        if !magazine.push(index, self.store_limit) {
            self.keep_spilling(magazine, index);
        }
    }

    /// Frees the live ones among `handles` in one operation; `refused` is given the others.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    pub(crate) unsafe fn free_batch(
        &self,
        record: &Record,
        handles: &[Handle],
        mut refused: impl FnMut(Handle),
    ) {
        // SAFETY: the caller's promise.
        let mut operation = unsafe { self.world.enter(record) };
        for &handle in handles {
            if !word::is_live(self.free_in(&mut operation, handle.to_raw(), word::is_live)) {
                refused(handle);
            }
        }
    }

    /// Puts a live word into the slot at any number, if it is in use. Returns the word that it
    /// had: its state tells what came of it. Lock-free.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    #[inline(always)]
    pub(crate) unsafe fn set(&self, record: &Record, raw: u32, word: W) -> W {
        let put = |old| (word::state(old) != State::Free).then_some(word);
        // SAFETY: the caller's promise.
        unsafe { self.update(record, raw, put) }.unwrap_or_else(|free| free)
    }

    /// Puts into the slot at any number what `new` makes of its word, a live or uninitialized one.
    /// Returns the word that it had; as an error, if `new` makes nothing of it. Lock-free.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`]; `new` makes nothing of the word of a free slot.
    #[inline(always)]
    pub(crate) unsafe fn update(
        &self,
        record: &Record,
        raw: u32,
        new: impl Fn(W) -> Option<W>,
    ) -> Result<W, W> {
        // SAFETY: the caller's promise. Inside an operation, so that no sweep can release the
        // segment between the check and the store (Invariant 5).
        let mut operation = unsafe { self.world.enter(record) };
        let Some(slot) = self.arena.slot_clamped(raw) else { return Err(word::zero()) };
        let mut current = slot.load();
        let word = loop {
            let Some(word) = new(current) else { return Err(current) };
            // Tried again only when another thread changed the entry: lock-free.
            match slot.replace(current, word) {
                Ok(()) => break word,
                Err(now) => current = now,
            }
        };
        let [before, after] = [current, word].map(|w| word::state(w) == State::Uninitialized);
        if before != after {
            operation.magazine().count_uninitialized(if after { 1 } else { u64::MAX });
        }
        Ok(current)
    }

    /// Ends a participation; the private store goes to the stripes.
    pub(crate) fn unregister(&self, registration: Registration) {
        // Also at the end of a thread, where no scope is open (Invariant 13).
        let _rights = self.arena.rights();
        self.world.unregister(registration, |magazine| self.spill_all(magazine));
    }

    /// Free slots, now or a moment ago. Those that are not in private stores alone are enough if
    /// they reach `enough`; else this blocks while the world is stopped.
    pub(crate) fn roughly_free(&self, enough: u64) -> u64 {
        let shared: u64 = self.stripes.iter().map(|stripe| u64::from(stripe.length())).sum();
        let shared = shared + self.detached.slots();
        if shared >= enough { shared } else { shared + self.world.privately_free() }
    }

    /// Free slots, by where they are. Exact: nothing is in transit.
    pub(crate) fn free_slots(&self, stopped: &Stopped<'_>) -> FreeSlots {
        let shared = self.stripes.iter().map(|stripe| u64::from(stripe.length())).sum();
        let private = stopped.records().map(Record::free).sum();
        FreeSlots { shared, private, detached: self.detached.slots() }
    }
}

/// How many slots are free.
pub(crate) struct FreeSlots {
    /// In stripes.
    pub(crate) shared: u64,
    /// In private stores.
    pub(crate) private: u64,
    /// In segments where nobody has wanted them since the last sweep.
    pub(crate) detached: u64,
}

/// How many pending segments an operation looks through at most when no stripe has a free slot,
/// before it asks for a fresh one.
const HELP: u32 = 4;

/// Where in its page lies what every operation reads.
const READ_AT: usize = if cfg!(all(loom, feature = "loom")) { 0 } else { 0xc00 };

#[cfg(not(all(loom, feature = "loom")))]
const _: () = {
    assert!(size_of::<Allocator<u64>>() == 4096 && size_of::<Record>() == 4096);
    assert!(Record::WRITTEN_TO <= READ_AT);
};
