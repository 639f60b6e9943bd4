//! What a slab is made of, and how values come in. How they go is told in `reclaim.rs`.

use core::mem::{ManuallyDrop, needs_drop};

use crossbeam_utils::CachePadded;

use crate::allocator::Allocator;
use crate::era::{Birth, Clock};
use crate::error::AllocError;
use crate::fence::AsymmetricFence;
use crate::key::Key;
use crate::member::{Alone, Member, Members};
use crate::memory::Slot;
use crate::ops::explain;
use crate::record::Magazine;
#[cfg(not(all(loom, feature = "loom")))]
use crate::record::Record;
use crate::slab_error::InsertError;
use crate::stamp::Stamped;
use crate::sync::unmodelled;
use crate::sync::{AtomicU64, Ordering};
use crate::world::Operation;

/// Everything that the threads share.
///
/// As the allocator, it has what every operation reads where in their pages records and members
/// have nothing that operations write.
#[derive(Debug)]
// Not in models, whose threads have small stacks.
#[cfg_attr(not(all(loom, feature = "loom")), repr(C))]
pub(crate) struct Core<T: Send + Sync + 'static> {
    pub(crate) allocator: Allocator<Stamped<T>>,
    /// Never used: see above.
    #[allow(dead_code)]
    room: [u8; READ_AT],
    pub(crate) clock: Clock,
    /// How many participants have ever had a guard, and have not gone; and `Alone::FENCED`, where
    /// the light fence is not enough.
    pub(crate) readers: CachePadded<AtomicU64>,
    pub(crate) fence: AsymmetricFence,
    /// The greatest generation: a slot that has had it is retired.
    last_generation: u32,
    /// Slots that are retired.
    pub(crate) retired: unmodelled::AtomicU64,
    /// Values for which no memory could be had to note that they are removed: dropped at the end.
    pub(crate) stranded: unmodelled::AtomicU64,
    pub(crate) members: Members,
}

/// Where in its page lies what every operation reads.
const READ_AT: usize = if cfg!(all(loom, feature = "loom")) { 0 } else { 0x900 };

#[cfg(not(all(loom, feature = "loom")))]
const _: () = {
    use core::mem::offset_of;

    assert!(offset_of!(Core<u64>, clock) % 4096 == READ_AT);
    assert!(Record::WRITTEN_TO <= READ_AT);
    assert!(offset_of!(Core<u64>, retired) % 4096 <= Member::WRITTEN_AT);
};

/// A value that has been removed, and that its remover has.
#[derive(Clone, Copy)]
pub(crate) struct Removed {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl<T: Send + Sync + 'static> Core<T> {
    pub(crate) fn new(allocator: Allocator<Stamped<T>>, last_generation: u32) -> Self {
        let fence = AsymmetricFence::new();
        let readers = if fence.is_asymmetric() { 0 } else { Alone::FENCED };
        Self {
            allocator,
            room: [0; READ_AT],
            members: Members::new(),
            clock: Clock::new(),
            fence,
            readers: CachePadded::new(AtomicU64::new(readers)),
            last_generation,
            retired: unmodelled::AtomicU64::new(0),
            stranded: unmodelled::AtomicU64::new(0),
        }
    }

    /// Begins an operation.
    ///
    /// # Safety
    ///
    /// The caller owns the member, and has no operation under way on it.
    #[inline(always)]
    pub(crate) unsafe fn enter<'a>(&'a self, member: &'a Member) -> Operation<'a> {
        // SAFETY: the owner, who has a record.
        let record = unsafe { member.record() };
        // SAFETY: by the contract of this function.
        unsafe { self.allocator.world.enter(record) }
    }

    #[inline(always)]
    pub(crate) fn light_fence(&self, member: &Member) {
        if self.fence.is_asymmetric() {
            // site: slab_core.light_fence.light
            self.fence.light(member.side());
        } else {
            // site: slab_core.light_fence.full
            self.fence.full(member.side());
        }
    }

    pub(crate) fn heavy_fence(&self) {
        // site: slab_core.heavy_fence.heavy
        self.fence.heavy(self.members.iter().map(Member::side));
    }

    /// The slot of a live value that the key names, and its word. Wait-free.
    #[inline(always)]
    pub(crate) fn find<M>(&self, key: Key<M>) -> Option<(&Slot<Stamped<T>>, Stamped<T>)> {
        let slot = self.allocator.arena.slot_clamped(key.index())?;
        let word = slot.load();
        word.is(key).then_some((slot, word))
    }

    /// Inserts a value. Lock-free but where there is no slot to be had without a stop.
    ///
    /// # Safety
    ///
    /// The caller owns the member, and has no operation under way on it.
    #[inline(always)]
    pub(crate) unsafe fn insert<M>(
        &self,
        member: &Member,
        value: T,
    ) -> Result<Key<M>, InsertError<T>> {
        // SAFETY: by the contract of this function.
        let mut operation = unsafe { self.enter(member) };
        let Some(index) = operation.magazine().pop() else {
            // SAFETY: the owner, whose operation this is.
            return unsafe { self.insert_refilled(member, operation, value) };
        };
        let slot = self.allocator.arena.slot(index);
        let (word, generation) = self.put(slot, value);
        slot.publish(word);
        // Before there is a result: the compiler would keep that in memory.
        drop(operation);
        // SAFETY: slot 0 is in no magazine (Invariant 2); the slot had a generation.
        Ok(unsafe { Key::new(index, generation) })
    }

    /// Puts a value into a free slot of the caller's. Returns what its word is to be, and its
    /// generation.
    #[inline(always)]
    fn put(&self, slot: &Slot<Stamped<T>>, value: T) -> (Stamped<T>, u32) {
        // SAFETY: the slot is free, and the caller's.
        let generation = unsafe { slot.payload().fill(value) };
        (Stamped::live(generation, self.clock.birth()), generation)
    }

    /// Inserts a value where the private store is empty. Blocks where there is no slot to be had
    /// without a stop: removed values may have some.
    ///
    /// # Safety
    ///
    /// As for `insert`, but that this operation is under way.
    #[cold]
    #[inline(never)]
    unsafe fn insert_refilled<M>(
        &self,
        member: &Member,
        operation: Operation<'_>,
        value: T,
    ) -> Result<Key<M>, InsertError<T>> {
        drop(operation);
        let mut value = ManuallyDrop::new(value);
        let fill = |slot: &Slot<Stamped<T>>| {
            // SAFETY: called once at most, and not used after it was.
            self.put(slot, unsafe { ManuallyDrop::take(&mut value) })
        };
        // SAFETY: the owner, who has a record.
        let record = unsafe { member.record() };
        // SAFETY: the owner has no operation under way.
        if let Some((handle, generation)) = unsafe { self.allocator.allocate_with(record, fill) } {
            // SAFETY: a handle is not 0; the slot had a generation.
            return Ok(unsafe { Key::new(handle.to_raw(), generation) });
        }
        let value = ManuallyDrop::into_inner(value); // It is still there.
        // SAFETY: as above.
        match unsafe { self.reserve(member) } {
            Ok(key) => {
                // SAFETY: reserved just now.
                unsafe { self.fill(member, key, value) };
                Ok(key)
            }
            Err(cause) => Err(InsertError::new(value, cause)),
        }
    }

    /// Hands out a slot without a value. Blocks where there is none to be had without a stop.
    ///
    /// # Safety
    ///
    /// As for `insert`.
    pub(crate) unsafe fn reserve<M>(&self, member: &Member) -> Result<Key<M>, AllocError> {
        let reserve = |slot: &Slot<Stamped<T>>| {
            // SAFETY: the slot is free, and the caller's.
            let generation = unsafe { slot.payload().generation() };
            (Stamped::vacant(generation), generation)
        };
        // SAFETY: the owner, who has a record.
        let record = unsafe { member.record() };
        // SAFETY: the owner has no operation under way.
        let mut handle = unsafe { self.allocator.allocate_with(record, reserve) };
        if handle.is_none() && self.members.iter().any(|member| member.waiting() > 0) {
            // SAFETY: as in `insert`.
            unsafe { self.flush(member) };
            // SAFETY: as above.
            handle = unsafe { self.allocator.allocate_with(record, reserve) };
        }
        let (handle, generation) = match handle {
            Some(handle) => handle,
            // SAFETY: as above.
            None => unsafe { self.allocator.allocate_stopped(record, reserve) }
                .map_err(|refusal| explain(&self.allocator, refusal))?,
        };
        // SAFETY: a handle is not 0; the slot had a generation.
        Ok(unsafe { Key::new(handle.to_raw(), generation) })
    }

    /// Puts a value into a reserved slot.
    ///
    /// # Safety
    ///
    /// As for `insert`; the key is from `reserve`, and this or `unreserve` is called once.
    pub(crate) unsafe fn fill<M>(&self, member: &Member, key: Key<M>, value: T) {
        // SAFETY: by the contract of this function.
        unsafe { self.fill_born(member, key, value, self.clock.birth()) };
    }

    /// # Safety
    ///
    /// As for `fill`.
    pub(crate) unsafe fn fill_born<M>(&self, member: &Member, key: Key<M>, value: T, birth: Birth) {
        // SAFETY: the owner, as for `insert`.
        let mut operation = unsafe { self.enter(member) };
        let slot = self.allocator.arena.slot(key.index());
        // SAFETY: the slot is the caller's, without a value.
        unsafe { slot.payload().fill(value) };
        slot.publish(Stamped::live(key.generation(), birth));
        operation.magazine().count_uninitialized(u64::MAX);
    }

    /// Gives a reserved slot back. Its key is dead, as that of a removed value is.
    ///
    /// # Safety
    ///
    /// As for `fill`.
    pub(crate) unsafe fn unreserve<M>(&self, member: &Member, key: Key<M>) {
        let removed = Removed { index: key.index(), generation: key.generation() };
        // SAFETY: the owner, as for `insert`.
        let mut operation = unsafe { self.enter(member) };
        // SAFETY: the slot is the caller's, without a value.
        unsafe { self.free(&mut operation, removed, true) };
    }

    /// Frees a slot in use, which is the caller's and has no value any more; or retires it.
    /// `counted` says whether it is counted as uninitialized.
    ///
    /// # Safety
    ///
    /// The slot is not live, and nobody else has it.
    #[inline(always)]
    pub(crate) unsafe fn free(
        &self,
        operation: &mut Operation<'_>,
        removed: Removed,
        counted: bool,
    ) {
        let slot = self.allocator.arena.slot(removed.index);
        slot.retire_own(operation.round());
        // SAFETY: the caller's slot, without a value, and free now.
        unsafe { self.renew(operation, slot, removed, counted) };
    }

    /// Says of which generation the next value is in a free slot of the caller's, and keeps it; or
    /// retires it. `counted` is as for `free`.
    ///
    /// # Safety
    ///
    /// The slot, of that index, is free in this round, and in no store, and nobody sees what value
    /// it has had.
    #[inline(always)]
    pub(crate) unsafe fn renew(
        &self,
        operation: &mut Operation<'_>,
        slot: &Slot<Stamped<T>>,
        removed: Removed,
        counted: bool,
    ) {
        if removed.generation >= self.last_generation {
            return self.retire(operation.magazine(), removed, counted);
        }
        // SAFETY: by the contract of this function.
        unsafe { slot.payload().set_generation(removed.generation + 1) };
        let mut magazine = operation.magazine();
        if counted {
            magazine.count_uninitialized(u64::MAX);
        }
        self.allocator.keep(&mut magazine, removed.index);
    }

    /// Has a slot stay in use, for good.
    // By value, so that nothing needs an address on the hot path.
    #[cold]
    #[inline(never)]
    fn retire(&self, mut magazine: Magazine<'_>, removed: Removed, counted: bool) {
        self.allocator.arena.slot(removed.index).publish(Stamped::vacant(removed.generation));
        // Relaxed: a figure.
        // site: slab_core.retire.fetch_add
        self.retired.fetch_add(1, Ordering::Relaxed);
        if !counted {
            magazine.count_uninitialized(1);
        }
    }

    /// Values removed and not dropped yet, now or a moment ago.
    pub(crate) fn waiting(&self) -> u64 {
        // Relaxed: a figure.
        // site: slab_core.waiting.load
        let stranded = self.stranded.load(Ordering::Relaxed);
        self.members.iter().map(Member::waiting).sum::<u64>() + stranded
    }

    /// Slots whose generations are used up.
    pub(crate) fn retired(&self) -> u64 {
        // Relaxed: a figure.
        // site: slab_core.retired.load
        self.retired.load(Ordering::Relaxed)
    }

    /// Live values, now or a moment ago; exact while nobody inserts or removes. Blocks while the
    /// world is stopped.
    pub(crate) fn len(&self) -> u64 {
        let (_, slots) = self.allocator.arena.claims.committed_count();
        let free = self.allocator.roughly_free(u64::MAX);
        slots.saturating_sub(free + self.allocator.world.uninitialized())
    }

    /// Drops all values there are, from a slot on, also if a drop panics.
    fn drop_all(&mut self, from: u32) {
        struct Rest<'a, T: Send + Sync + 'static>(&'a mut Core<T>, u32);
        impl<T: Send + Sync + 'static> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                let from = self.1;
                if from != 0 {
                    self.0.drop_all(from);
                }
            }
        }
        let mut rest = Rest(self, from);
        while let Some(index) = rest.0.next_slot(rest.1) {
            rest.1 = index.wrapping_add(1);
            let slot = rest.0.allocator.arena.slot(index);
            if slot.look().has_value() {
                // SAFETY: nobody else is there, and each slot is come to once.
                unsafe { slot.payload().drop_in_place() };
            }
            if rest.1 == 0 {
                break;
            }
        }
        rest.1 = 0;
    }

    /// The first usable slot of a committed segment from this index on.
    pub(crate) fn next_slot(&self, from: u32) -> Option<u32> {
        let geometry = self.allocator.arena.geometry();
        if from > geometry.capacity() {
            return None;
        }
        let segment = geometry.segment_of(from);
        let next = self.allocator.arena.claims.next_committed(segment)?;
        Some(if next == segment { from.max(1) } else { geometry.first(next) })
    }
}

impl<T: Send + Sync + 'static> Drop for Core<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            self.drop_all(1);
        }
    }
}
