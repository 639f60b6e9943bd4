//! The fast paths: allocate, free, and set, by the owner of a participant.

use super::allocator::Allocator;
use crate::arena::{Refusal, Slot};
use crate::bits::handle::{Handle, OperationError};
use crate::bits::word::{self, State, Word};
use crate::error::AllocError;
use crate::freelist::StoreMut;
use crate::safepoint::{Operation, Record};

/// The unswept segments that an operation sweeps at most when all free lists are empty, before it
/// commits a fresh segment.
const SEGMENTS_SWEPT: u32 = 4;

/// Evidence of the right to operate: the caller owns a participant of the allocator, and no
/// operation of that participant is under way.
///
/// An operation borrows the token mutably, so a second one cannot begin meanwhile.
pub(crate) struct Owner<'a, W: Word> {
    allocator: &'a Allocator<W>,
    record: &'a Record,
}

impl<'a, W: Word> Owner<'a, W> {
    /// # Safety
    ///
    /// The record is one of the allocator's, and the caller owns it. While the result lives, no
    /// operation of the record begins but by the result, or by another token that exists only while
    /// this one has no operation under way.
    #[inline(always)]
    pub(crate) unsafe fn new(allocator: &'a Allocator<W>, record: &'a Record) -> Self {
        Self { allocator, record }
    }

    /// Begins an operation. Wait-free while no stop is under way. `None` if none can begin.
    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Option<Operation<'_>> {
        // SAFETY: the record is the allocator's, the caller owns it, and the result borrows the
        // token mutably.
        unsafe { self.allocator.space.safepoint.enter(self.record) }
    }

    /// The reason why no operation can begin, if there is one.
    pub(crate) fn refusal(&self) -> Option<OperationError> {
        self.allocator.space.safepoint.refusal(self.record)
    }

    /// Allocates a slot, whose word becomes `word`: live or uninitialized. `None` if there is none
    /// without a stop, or if no operation can begin. Lock-free.
    #[inline(always)]
    pub(crate) fn allocate(&mut self, word: W) -> Option<Handle> {
        self.allocate_with(move |_| (word, ())).map(|(handle, ())| handle)
    }

    /// Allocates a slot. `prepare` gets the slot while it is free, and returns the word that it is
    /// to have. It is not called if there is no slot without a stop. Lock-free.
    #[inline(always)]
    pub(crate) fn allocate_with<R>(
        &mut self,
        prepare: impl FnOnce(&Slot<W>) -> (W, R),
    ) -> Option<(Handle, R)> {
        let allocator = self.allocator;
        let mut operation = self.enter()?;
        let mut store = operation.store();
        match store.pop() {
            Some(index) => Some(allocator.hand_out(&mut store, index, prepare)),
            None => allocator.allocate_refilled(operation, prepare),
        }
    }

    /// Allocates a slot with the world stopped. A slot that is on no free list may lie in another
    /// participant's store or be in transit. Only a stop can tell that there is none. `prepare` is
    /// as for [`allocate_with`](Self::allocate_with). Blocks.
    #[cold]
    #[inline(never)]
    pub(crate) fn allocate_stopped<R>(
        &mut self,
        prepare: impl FnOnce(&Slot<W>) -> (W, R),
    ) -> Result<(Handle, R), AllocError> {
        let allocator = self.allocator;
        if let Some(error) = self.refusal() {
            return Err(error.into());
        }
        let Some(mut stopped) = allocator.space.safepoint.stop_to_search()? else {
            return Err(allocator.explain(Refusal::Full));
        };
        allocator.gather(&mut stopped);
        // A small share, since the other participants are as short of slots as the caller.
        let counts = allocator.space.counts(Some(&stopped));
        let shared = counts.free_in_lists + counts.free_unswept;
        let fair = shared / stopped.participants().max(1) as u64 / 2;
        let share = fair.clamp(1, u64::from(allocator.space.magazine_size)) as u32;
        let mut store = stopped.store(self.record);
        match allocator.refill(&mut store, share, u32::MAX) {
            Ok(index) => Ok(allocator.hand_out(&mut store, index, prepare)),
            Err(refusal) => {
                if refusal == Refusal::Full {
                    stopped.searched_in_vain();
                }
                Err(allocator.explain(refusal))
            }
        }
    }

    /// Frees the slot at any number, if it is live. Returns the word that it had, or zero if no
    /// operation can begin. Lock-free.
    #[inline(always)]
    pub(crate) fn free(&mut self, raw: u32) -> W {
        let allocator = self.allocator;
        let Some(mut operation) = self.enter() else { return word::zero() };
        allocator.free_in(&mut operation, raw)
    }

    /// Frees the slot at any number, if its word is expected. Returns the word that it had, which
    /// tells the outcome, or zero if no operation can begin. Lock-free.
    ///
    /// # Safety
    ///
    /// `expected` returns `false` for the word of a free slot.
    #[inline(always)]
    pub(crate) unsafe fn free_if(&mut self, raw: u32, expected: impl Fn(W) -> bool) -> W {
        let allocator = self.allocator;
        let Some(mut operation) = self.enter() else { return word::zero() };
        let Some(slot) = allocator.space.arena.slot_checked(raw) else { return word::zero() };
        let current = allocator.free_slot(&operation, slot, raw, slot.load(), &expected);
        if expected(current) {
            if word::state(current) == State::Uninitialized {
                operation.store().count_uninitialized(-1);
            }
            allocator.push_free(&mut operation.store(), raw);
        }
        current
    }

    /// Frees a live slot, and returns its word. It stays live if no operation can begin. Lock-free.
    ///
    /// # Safety
    ///
    /// The slot is live, and no other thread frees or sets it concurrently.
    #[inline(always)]
    pub(crate) unsafe fn free_unchecked(&mut self, index: u32) -> W {
        let allocator = self.allocator;
        let Some(mut operation) = self.enter() else {
            return allocator.space.arena.slot(index).load();
        };
        let slot = allocator.space.arena.slot(index);
        let word = slot.load();
        slot.free_owned(operation.cycle());
        allocator.push_free(&mut operation.store(), index);
        word
    }

    /// Frees the live slots among `handles` in one operation. Shows the others to `refused`, and
    /// all if no operation can begin.
    pub(crate) fn free_batch(&mut self, handles: &[Handle], mut refused: impl FnMut(Handle)) {
        let allocator = self.allocator;
        let Some(mut operation) = self.enter() else {
            return handles.iter().copied().for_each(refused);
        };
        for &handle in handles {
            let word = allocator.free_in(&mut operation, handle.to_raw());
            if !word::is_live(word) {
                refused(handle);
            }
        }
    }

    /// Stores a live word into the slot at any number, if it is in use. Returns the word that it
    /// had, whose state tells the outcome, or zero if no operation can begin. Lock-free.
    #[inline(always)]
    pub(crate) fn set(&mut self, raw: u32, word: W) -> W {
        let put = |old| (word::state(old) != State::Free).then_some(word);
        // SAFETY: nothing is made of a free slot's word, and a live word of the others'.
        unsafe { self.update(raw, put) }.unwrap_or_else(|free| free)
    }

    /// Replaces the word of the slot at any number by what `new` makes of it. Returns the word that
    /// it had. That is an error if `new` makes nothing of it. So is zero: no operation can begin.
    /// Lock-free.
    ///
    /// # Safety
    ///
    /// `new` makes nothing of a free slot's word, and a live or uninitialized word of any other.
    #[inline(always)]
    pub(crate) unsafe fn update(&mut self, raw: u32, new: impl Fn(W) -> Option<W>) -> Result<W, W> {
        let allocator = self.allocator;
        // Inside an operation, so that no sweep can decommit the segment between the check and the
        // store (Invariant 5).
        let Some(mut operation) = self.enter() else { return Err(word::zero()) };
        let Some(slot) = allocator.space.arena.slot_clamped(raw) else { return Err(word::zero()) };
        let words = allocator.replace_word(&operation, slot, raw, slot.load(), new)?;
        match words.map(|word| word::state(word) == State::Uninitialized) {
            [true, false] => operation.store().count_uninitialized(-1),
            [false, true] => operation.store().count_uninitialized(1),
            _ => {}
        }
        Ok(words[0])
    }
}

impl<W: Word> Allocator<W> {
    /// Turns a free slot of the caller's into one in use. `prepare` gets the slot while it is free,
    /// and returns the word that it is to have.
    #[inline(always)]
    fn hand_out<R>(
        &self,
        store: &mut StoreMut<'_>,
        index: u32,
        prepare: impl FnOnce(&Slot<W>) -> (W, R),
    ) -> (Handle, R) {
        let slot = self.space.arena.slot(index);
        let (word, result) = prepare(slot);
        slot.publish(word);
        if !word::is_live(word) {
            store.count_uninitialized(1);
        }
        // SAFETY: slot 0 is in no chain and no local store (Invariant 2).
        (unsafe { Handle::from_index(index) }, result)
    }

    #[cold]
    #[inline(never)]
    fn allocate_refilled<R>(
        &self,
        mut operation: Operation<'_>,
        prepare: impl FnOnce(&Slot<W>) -> (W, R),
    ) -> Option<(Handle, R)> {
        let mut store = operation.store();
        let index = self.refill(&mut store, self.space.magazine_size, SEGMENTS_SWEPT).ok()?;
        Some(self.hand_out(&mut store, index, prepare))
    }

    /// Frees the slot at any number, if it is live. Returns the word that it had.
    #[inline(always)]
    fn free_in(&self, operation: &mut Operation<'_>, raw: u32) -> W {
        let Some(slot) = self.space.arena.slot_checked(raw) else { return word::zero() };
        let current = self.free_live(operation, slot, raw);
        if word::is_live(current) {
            self.push_free(&mut operation.store(), raw);
        }
        current
    }

    /// Puts a free slot of the caller's into its local store. Returns `true` if a magazine of that
    /// goes to a free list.
    #[inline(always)]
    pub(crate) fn push_free(&self, store: &mut StoreMut<'_>, index: u32) -> bool {
        // By value, so that nothing needs an address on the hot path.
        !store.push(index, &self.store_limit) && self.push_free_spilling(store.reborrow(), index)
    }
}
