//! What the threads of one slab share.

use core::mem::needs_drop;

use crossbeam_utils::CachePadded;

use super::on_drop::OnDrop;
use super::reclaim::era::Clock;
use super::reclaim::limbo::batch;
use super::reclaim::participant::{Participant, Private, SoleReader};
use super::reclaim::participants::Participants;
use super::word::SlabWord;
use crate::allocator::{Allocator, Owner};
use crate::arena::Slot;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::freelist::StoreMut;
use crate::safepoint::{AsymmetricFence, Operation};
use crate::sync::{AtomicU64, InPage, Ordering, unmodelled};

/// All values of one slab, and all that is known of them.
///
/// Its place in a page is away from those of records and participants, which operations store to.
#[derive(Debug)]
#[cfg_attr(not(model), repr(C))]
pub(crate) struct Inner<T: Send + Sync + 'static> {
    pub(crate) allocator: Allocator<SlabWord<T>>,
    pub(crate) clock: Clock,
    /// The participants that have had a guard and have not left. Also `SoleReader::FENCED`, where
    /// the light fence is not enough.
    pub(crate) readers: CachePadded<AtomicU64>,
    pub(crate) fence: AsymmetricFence,
    /// The greatest generation. A slot that has had it is exhausted.
    last_generation: u32,
    /// Exhausted slots.
    exhausted: unmodelled::AtomicU64,
    /// The values that a participant collects before it looks at the guards.
    batch: unmodelled::AtomicUsize,
    /// Removed values that no limbo had memory for. They are dropped with the slab.
    pub(crate) stranded: unmodelled::AtomicU64,
    pub(crate) participants: Participants,
    /// `true` in a child process. Values that other threads were about to drop are not dropped
    /// there.
    pub(crate) is_inherited: unmodelled::AtomicBool,
}

impl<T: Send + Sync + 'static> InPage for Inner<T> {
    const AT: usize = Allocator::<SlabWord<T>>::AT;
}

#[cfg(not(model))]
const _: () = {
    let end = Participant::AT + size_of::<Participant>();
    assert!(end <= Inner::<u64>::AT);
    // Elsewhere cache lines may be longer, and addresses are not compared by their low bits.
    let is_a_page = Inner::<u64>::AT + size_of::<Inner<u64>>() <= 4096;
    assert!(is_a_page || cfg!(not(target_arch = "x86_64")));
};

/// A removed value that only its remover has. Its slot is not live.
#[derive(Clone, Copy)]
pub(crate) struct Unlinked {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl Unlinked {
    pub(crate) fn new<M>(key: Key<M>) -> Self {
        Self { index: key.index(), generation: key.generation() }
    }
}

impl<T: Send + Sync + 'static> Inner<T> {
    pub(crate) fn new(allocator: Allocator<SlabWord<T>>, last_generation: u32) -> Self {
        let fence = AsymmetricFence::new();
        let readers = if fence.is_asymmetric() { 0 } else { SoleReader::FENCED };
        Self {
            participants: Participants::new(allocator.place()),
            allocator,
            clock: Clock::new(),
            fence,
            readers: CachePadded::new(AtomicU64::new(readers)),
            last_generation,
            exhausted: unmodelled::AtomicU64::new(0),
            batch: unmodelled::AtomicUsize::new(1),
            stranded: unmodelled::AtomicU64::new(0),
            is_inherited: unmodelled::AtomicBool::new(false),
        }
    }

    /// Passes the light fence for a participant, or a full one where the light one is not enough.
    #[inline(always)]
    fn light_fence(&self, participant: &Participant) {
        if self.fence.is_asymmetric() {
            self.fence.light(participant.side());
        } else {
            self.fence.full(participant.side());
        }
    }

    pub(crate) fn heavy_fence(&self) {
        self.meet();
        self.fence.heavy(self.participants.walk().iter().map(Participant::side));
    }

    /// Orders a participant that has just got into the list, and a heavy fence, just before it
    /// lists all. The real heavy fence reaches all threads, not only those that are listed. So in a
    /// model the two meet: either the list has the newcomer, or that sees what was stored before
    /// the heavy fence.
    #[cfg(model)]
    pub(crate) fn meet(&self) {
        AsymmetricFence::light(&self.fence, &self.participants.newcomers);
    }

    #[cfg(not(model))]
    #[inline(always)]
    pub(crate) fn meet(&self) {}

    /// The slot of a live value that the key names, and its word. Wait-free.
    #[inline(always)]
    pub(crate) fn find<M>(&self, key: Key<M>) -> Option<(&Slot<SlabWord<T>>, SlabWord<T>)> {
        let slot = self.allocator.space.arena.slot_clamped(key.index())?;
        let word = slot.load();
        word.is(key).then_some((slot, word))
    }

    /// The key of the live value in the slot with this index. Wait-free.
    pub(crate) fn key_at<M>(&self, index: u32) -> Option<Key<M>> {
        let word = self.allocator.space.arena.slot_clamped(index)?.load();
        // SAFETY: a live slot's index is not 0, and the generation is a word's.
        word.is_live().then(|| unsafe { Key::new(index, word.generation()) })
    }

    /// Puts a value into a free slot of the caller's. Returns its word-to-be and its generation.
    #[inline(always)]
    pub(super) fn put(&self, slot: &Slot<SlabWord<T>>, value: T) -> (SlabWord<T>, u32) {
        // SAFETY: the slot is free, and the caller's.
        let generation = unsafe { slot.payload().fill(value) };
        (SlabWord::live(generation, self.clock.birth()), generation)
    }

    /// The removed value in a slot that only its remover has.
    pub(crate) fn unlinked_at(&self, index: u32) -> Unlinked {
        let generation = self.allocator.space.arena.slot(index).peek().generation();
        Unlinked { index, generation }
    }

    /// Frees a slot in use that has no value any more, or exhausts it. `counted` says whether it
    /// counts as uninitialized.
    ///
    /// # Safety
    ///
    /// The slot is not live, and only the caller has it.
    #[inline(always)]
    pub(crate) unsafe fn free(
        &self,
        operation: &mut Operation<'_>,
        unlinked: Unlinked,
        counted: bool,
    ) {
        let slot = self.allocator.space.arena.slot(unlinked.index);
        slot.free_owned(operation.cycle());
        // SAFETY: the caller's slot, without a value, and free now.
        unsafe { self.renew(operation, slot, unlinked, counted) };
    }

    /// Sets the next generation in a free slot of the caller's, and puts it into the local store.
    /// Or exhausts the slot. `counted` is as for [`free`](Self::free).
    ///
    /// # Safety
    ///
    /// The slot has the unlinked value's index, is free in this cycle, and is in no store. No guard
    /// sees the value that it had.
    #[inline(always)]
    pub(crate) unsafe fn renew(
        &self,
        operation: &mut Operation<'_>,
        slot: &Slot<SlabWord<T>>,
        unlinked: Unlinked,
        counted: bool,
    ) {
        if unlinked.generation >= self.last_generation {
            return self.exhaust(operation.store(), unlinked, counted);
        }
        // SAFETY: by the contract of this function.
        unsafe { slot.payload().set_generation(unlinked.generation + 1) };
        let mut store = operation.store();
        if counted {
            store.count_uninitialized(-1);
        }
        self.allocator.push_free(&mut store, unlinked.index);
    }

    /// Keeps a slot in use forever, since its generations are used up.
    // By value, so that nothing needs an address on the hot path.
    #[cold]
    #[inline(never)]
    fn exhaust(&self, mut store: StoreMut<'_>, unlinked: Unlinked, counted: bool) {
        let slot = self.allocator.space.arena.slot(unlinked.index);
        slot.publish(SlabWord::reserved(unlinked.generation));
        // Relaxed: a figure.
        self.exhausted.fetch_add(1, Ordering::Relaxed);
        if !counted {
            store.count_uninitialized(1);
        }
    }

    pub(crate) fn batch(&self) -> usize {
        // Relaxed: a hint.
        self.batch.load(Ordering::Relaxed)
    }

    /// Adapts the batch to the number of participants that there have been at one time.
    pub(crate) fn set_batch(&self) {
        let batch = batch::<T>(self.allocator.capacity(), self.participants.count());
        // Relaxed: a hint.
        self.batch.store(batch, Ordering::Relaxed);
    }

    /// The approximate number of values removed and not dropped yet.
    pub(crate) fn waiting(&self) -> u64 {
        // Relaxed: a figure.
        let stranded = self.stranded.load(Ordering::Relaxed);
        self.participants.walk().iter().map(Participant::waiting).sum::<u64>() + stranded
    }

    pub(crate) fn exhausted(&self) -> u64 {
        // Relaxed: a figure.
        self.exhausted.load(Ordering::Relaxed)
    }

    /// The approximate number of live values. Exact while no thread inserts or removes. Blocks
    /// while the world is stopped.
    pub(crate) fn len(&self) -> u64 {
        let space = &self.allocator.space;
        let (_, slots) = space.arena.committed.count();
        let (free, uninitialized) = space.figures();
        slots.saturating_sub(free + uninitialized)
    }

    /// Drops all values from a cursor on, also if a drop panics.
    fn drop_all(&mut self, cursor: u32) {
        let drop_rest = |(inner, cursor): &mut (&mut Self, u32)| {
            if *cursor != 0 {
                inner.drop_all(*cursor);
            }
        };
        let mut rest = OnDrop((self, cursor), drop_rest);
        while let Some(index) = rest.0.0.next_slot(&mut rest.0.1) {
            // Relaxed: set before the child runs anything else.
            let is_inherited = rest.0.0.is_inherited.load(Ordering::Relaxed);
            let slot = rest.0.0.allocator.space.arena.slot(index);
            let word = slot.peek();
            if word.is_live() || word.has_value() && !is_inherited {
                // SAFETY: no other thread is there, and each slot is reached once.
                unsafe { slot.payload().drop_in_place() };
            }
        }
    }

    /// Moves a cursor to the next slot of a committed segment, and returns that slot's index. The
    /// cursor begins at 1, and is 0 at the end.
    pub(crate) fn next_slot(&self, cursor: &mut u32) -> Option<u32> {
        self.allocator.next_slot(cursor)
    }
}

impl<T: Send + Sync + 'static> Drop for Inner<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            self.drop_all(1);
        }
    }
}

/// Evidence of the right to operate: the caller owns a participant of the slab, and no operation of
/// that participant is under way.
pub(crate) struct SlabOwner<'a, T: Send + Sync + 'static> {
    pub(crate) inner: &'a Inner<T>,
    pub(crate) participant: &'a Participant,
}

impl<'a, T: Send + Sync + 'static> SlabOwner<'a, T> {
    /// # Safety
    ///
    /// The participant is one of the slab's, and the caller owns it. While the result lives, no
    /// operation of the participant begins but by the result, or by another token that exists only
    /// while this one has no operation under way.
    #[inline(always)]
    pub(crate) unsafe fn new(inner: &'a Inner<T>, participant: &'a Participant) -> Self {
        Self { inner, participant }
    }

    #[inline(always)]
    pub(crate) fn private(&self) -> &'a Private {
        // SAFETY: the token is evidence of the ownership.
        unsafe { self.participant.private() }
    }

    #[inline(always)]
    pub(super) fn allocator(&mut self) -> Owner<'_, SlabWord<T>> {
        // SAFETY: the owner's record, attached when the participant was registered.
        let record = unsafe { self.participant.record() };
        // SAFETY: the record is the owner's, and the result borrows this token mutably.
        unsafe { Owner::new(&self.inner.allocator, record) }
    }

    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Option<Operation<'_>> {
        // SAFETY: the owner's record, attached when the participant was registered.
        let record = unsafe { self.participant.record() };
        // SAFETY: the record is the owner's, and the result borrows the token mutably.
        unsafe { self.inner.allocator.space.safepoint.enter(record) }
    }

    /// Returns `true` if the caller has interrupted an operation of the participant's.
    pub(super) fn is_entered(&self) -> bool {
        // SAFETY: the owner's record, attached when the participant was registered.
        unsafe { self.participant.record() }.entered() != 0
    }

    /// The reason why no operation can begin. There is one.
    #[cold]
    pub(crate) fn refusal(&self) -> OperationError {
        // SAFETY: the owner's record, attached when the participant was registered.
        let record = unsafe { self.participant.record() };
        let refusal = self.inner.allocator.space.safepoint.refusal(record);
        refusal.unwrap_or(OperationError::Reentered)
    }

    /// Returns the token by value, so that a call out of line needs no address of it.
    #[inline(always)]
    pub(crate) fn reborrow(&mut self) -> SlabOwner<'_, T> {
        SlabOwner { inner: self.inner, participant: self.participant }
    }

    /// Passes the light fence.
    #[inline(always)]
    pub(crate) fn light_fence(&self) {
        self.inner.light_fence(self.participant);
    }
}
