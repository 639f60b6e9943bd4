//! What the threads of one slab share, and how long it lives.
//!
//! Borrowed references and calls borrow the slab, so it is there. An owned reference does not. So
//! what is shared has *holders*: the slab itself, each value that is referenced when the slab is
//! dropped (an *orphan*), and a thread that drops a value by an owned reference, while it frees the
//! slot. The last holder to leave frees all.
//!
//! The slab counts as [`SLAB`] holders. Its drop makes the orphans, and then takes off what is left
//! over. So the count cannot reach zero before all orphans are in it.

use core::mem::{forget, needs_drop};
use core::ptr::NonNull;

use crossbeam_utils::CachePadded;

use super::trimming::Trimming;
use super::word::CountedWord;
use crate::allocator::{Allocator, Config, Owner};
use crate::arena::Slot;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::error::{AllocError, BuildError};
use crate::safepoint::{Operation, ThreadRegistry};
use crate::slab::OnDrop;
use crate::sync::{AtomicU64, Lock, Ordering, Placed, try_box, unmodelled};

/// The slot of a value of type `T`.
pub(super) type CountedSlot<T> = Slot<CountedWord<T>>;

/// A slot, and the word that it has been given.
type Updated<'a, T> = (&'a CountedSlot<T>, CountedWord<T>);

/// As how many holders the slab itself counts: more than there can be values and threads.
const SLAB: u64 = 1 << 62;

/// All values of one slab or pool, and all that is known of them.
pub(crate) struct Inner<T: Send + Sync + 'static> {
    threads: ThreadRegistry<Allocator<CountedWord<T>>>,
    /// Boxed, so that it stays where it is while this moves.
    pub(super) allocator: Placed<Allocator<CountedWord<T>>>,
    /// Clears the values of a pool. `None` in a slab, which drops them.
    pub(super) clear: Option<fn(&mut T)>,
    /// When it gives back memory, if it does so by itself.
    pub(super) trimming: Option<Lock<Trimming>>,
    /// The greatest generation. A slot that has had it is exhausted.
    last_generation: u32,
    /// Exhausted slots.
    exhausted: unmodelled::AtomicU64,
    /// Slots without a value that no operation could free.
    stranded: unmodelled::AtomicU64,
    /// Calls that give back a pool's memory. While there is one, no cleared value is kept.
    pub(super) shrinking: CachePadded<AtomicU64>,
    /// See the head of this file.
    holders: CachePadded<AtomicU64>,
}

// SAFETY: values may be sent, and read from any thread. The words of their slots say which thread
// touches a payload.
unsafe impl<T: Send + Sync + 'static> Send for Inner<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Send + Sync + 'static> Sync for Inner<T> {}

/// A slot of the caller's: filling, or over.
pub(super) struct Mine<'a, T: Send + Sync + 'static> {
    pub(super) slot: &'a CountedSlot<T>,
    pub(super) key: Key,
}

copy!(['a, T: Send + Sync + 'static] Mine<'a, T>);

impl<T: Send + Sync + 'static> Inner<T> {
    pub(super) fn new(
        allocator: Allocator<CountedWord<T>>,
        clear: Option<fn(&mut T)>,
        config: &Config,
    ) -> Result<NonNull<Self>, BuildError> {
        let place = allocator.place();
        let allocator = Placed::new(allocator, place, None).ok_or(BuildError::OutOfMemory)?;
        // SAFETY: boxed, and `close` cuts the registry off before the box goes.
        let threads = unsafe { ThreadRegistry::new(NonNull::from(&*allocator)) };
        let inner = try_box(Self {
            threads: threads.ok_or(BuildError::OutOfMemory)?,
            allocator,
            clear,
            trimming: config.trims.then(|| Lock::new(Trimming::new())),
            last_generation: config.last_generation,
            exhausted: unmodelled::AtomicU64::new(0),
            stranded: unmodelled::AtomicU64::new(0),
            shrinking: CachePadded::new(AtomicU64::new(0)),
            holders: CachePadded::new(AtomicU64::new(SLAB)),
        });
        match inner {
            Some(inner) => Ok(NonNull::from(Box::leak(inner))),
            None => Err(BuildError::OutOfMemory),
        }
    }

    /// Calls `f` with the token of the calling thread's participant. `f` runs no user code.
    #[inline(always)]
    pub(super) fn with<R>(
        &self,
        f: impl FnOnce(Owner<'_, CountedWord<T>>) -> R,
        refused: impl FnOnce(OperationError) -> R,
    ) -> R {
        let allocator = &*self.allocator;
        let call = |record: &_, ()| {
            // SAFETY: the record is the calling thread's own, and `f` runs no user code.
            f(unsafe { Owner::new(allocator, record) })
        };
        // SAFETY: the allocator is the one that the registry was made with.
        unsafe { self.threads.with(allocator, (), call, |(), error| refused(error)) }
    }

    /// Replaces the word of the slot at a key's index by what `new` makes of it. Returns the slot,
    /// and the new word. `None` if `new` makes nothing of it.
    #[inline(always)]
    pub(super) fn update<M>(
        &self,
        key: Key<M>,
        new: impl FnMut(CountedWord<T>) -> Option<CountedWord<T>>,
    ) -> Result<Option<Updated<'_, T>>, OperationError> {
        self.with(
            |mut owner| {
                // Inside an operation, so that no sweep decommits the segment between the check
                // and the store (Invariant 5).
                let Some(_operation) = owner.enter() else {
                    return Err(owner.refusal().unwrap_or(OperationError::Reentered));
                };
                let slot = self.allocator.space.arena.slot_clamped(key.index());
                Ok(slot.and_then(|slot| Some((slot, replace(slot, new)?))))
            },
            Err,
        )
    }

    /// Returns `true` if the key names a live value.
    #[inline]
    pub(super) fn contains<M>(&self, key: Key<M>) -> bool {
        let slot = self.allocator.space.arena.slot_clamped(key.index());
        slot.is_some_and(|slot| slot.load().is(key))
    }

    /// Allocates a slot without a value, or in a pool with a cleared one. Blocks where there is
    /// none without a stop.
    #[inline(always)]
    pub(super) fn reserve(&self) -> Result<Mine<'_, T>, AllocError> {
        let (handle, generation) = self.with(
            |mut owner| match owner.allocate_with(prepare) {
                Some(found) => Ok(found),
                None => self.reserve_slow(owner),
            },
            |error| Err(error.into()),
        )?;
        let slot = self.allocator.space.arena.slot(handle.to_raw());
        // SAFETY: a handle is not 0, and the slot had a generation.
        Ok(Mine { slot, key: unsafe { Key::new(handle.to_raw(), generation) } })
    }

    #[cold]
    #[inline(never)]
    fn reserve_slow(
        &self,
        mut owner: Owner<'_, CountedWord<T>>,
    ) -> Result<(crate::Handle, u32), AllocError> {
        self.rescue(&mut owner);
        owner.allocate_stopped(prepare)
    }

    /// Sets the next generation in a free slot of the caller's, and puts it into the local store.
    /// Or exhausts the slot. Returns `true` if the store has spilled slots.
    ///
    /// # Safety
    ///
    /// The slot is free in this cycle, and is in no store.
    #[inline(always)]
    pub(super) unsafe fn renew(&self, operation: &mut Operation<'_>, mine: Mine<'_, T>) -> bool {
        let mut store = operation.store();
        if mine.key.generation() >= self.last_generation {
            mine.slot.publish(CountedWord::exhausted());
            // Relaxed: a figure.
            self.exhausted.fetch_add(1, Ordering::Relaxed);
            store.count_uninitialized(1);
            return false;
        }
        // SAFETY: by the contract of this function.
        unsafe { mine.slot.payload().set_generation(mine.key.generation() + 1) };
        self.allocator.push_free(&mut store, mine.key.index())
    }

    /// Counts a slot that no operation could free.
    pub(super) fn count_stranded(&self) {
        // Relaxed: a figure.
        self.stranded.fetch_add(1, Ordering::Relaxed);
    }

    /// Frees the stranded slots.
    pub(super) fn rescue(&self, owner: &mut Owner<'_, CountedWord<T>>) {
        // Relaxed: a hint.
        if self.stranded.load(Ordering::Relaxed) == 0 {
            return;
        }
        for (index, slot) in self.slots() {
            let word = slot.load();
            if !word.is_stranded() {
                continue;
            }
            let Some(mut operation) = owner.enter() else { return };
            if slot.free(word, operation.cycle()).is_ok() {
                // SAFETY: the index of a slot in use is not 0, and the generation is a word's.
                let key = unsafe { Key::new(index, word.generation()) };
                // SAFETY: freed just now.
                let _ = unsafe { self.renew(&mut operation, Mine { slot, key }) };
                // Relaxed: a figure.
                self.stranded.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Moves a cursor to the next slot of a committed segment, and returns its index and the slot.
    /// The cursor begins at 1, and is 0 at the end.
    pub(super) fn next_slot(&self, cursor: &mut u32) -> Option<(u32, &CountedSlot<T>)> {
        let index = self.allocator.next_slot(cursor)?;
        Some((index, self.allocator.space.arena.slot(index)))
    }

    /// The slots of the committed segments, each with its index, ascending.
    pub(super) fn slots(&self) -> impl Iterator<Item = (u32, &CountedSlot<T>)> {
        let mut cursor = 1;
        core::iter::from_fn(move || self.next_slot(&mut cursor))
    }

    /// The approximate number of slots in use. Blocks while the world is stopped.
    pub(super) fn len(&self) -> usize {
        let space = &self.allocator.space;
        let (_, slots) = space.arena.committed.count();
        let (free, uninitialized) = space.figures();
        // Relaxed: a figure.
        let stranded = self.stranded.load(Ordering::Relaxed);
        slots.saturating_sub(free + uninitialized + stranded) as usize
    }

    /// Returns `true` while a pool gives back memory.
    #[inline(always)]
    pub(super) fn is_shrinking(&self) -> bool {
        // Relaxed: the stop that follows the count orders it before each operation that begins
        // later. What earlier operations kept is found (`removal.rs`).
        self.shrinking.load(Ordering::Relaxed) > 0
    }

    /// Holds what is shared. For a thread that knows that it is there.
    pub(super) fn hold(&self) {
        // Relaxed: the caller's slot is, or will be, in the count.
        self.holders.fetch_add(1, Ordering::Relaxed);
    }
}

/// Replaces a slot's word by what `new` makes of it. Returns the new word. `None` if `new` makes
/// nothing of it. The segment stays meanwhile.
#[inline(always)]
pub(super) fn replace<T: Send + Sync + 'static>(
    slot: &CountedSlot<T>,
    new: impl FnMut(CountedWord<T>) -> Option<CountedWord<T>>,
) -> Option<CountedWord<T>> {
    replace_guessed(slot, slot.load(), new)
}

/// Like [`replace`], with a guess at the word. A right one saves a load.
#[inline(always)]
pub(super) fn replace_guessed<T: Send + Sync + 'static>(
    slot: &CountedSlot<T>,
    mut word: CountedWord<T>,
    mut new: impl FnMut(CountedWord<T>) -> Option<CountedWord<T>>,
) -> Option<CountedWord<T>> {
    loop {
        let next = new(word)?;
        // Tries again only when another thread changed the word: lock-free.
        match slot.replace(word, next) {
            Ok(()) => return Some(next),
            Err(now) => word = now,
        }
    }
}

/// The word that an allocated slot is to have, and its generation.
#[inline(always)]
fn prepare<T: Send + Sync + 'static>(slot: &CountedSlot<T>) -> (CountedWord<T>, u32) {
    // SAFETY: the slot is free, and the caller's.
    let generation = unsafe { slot.payload().generation() };
    (CountedWord::filling(generation), generation)
}

/// Takes holders off. The last one frees what is shared.
///
/// # Safety
///
/// The caller is as many holders, and does not use what is shared any more.
pub(super) unsafe fn leave<T: Send + Sync + 'static>(inner: NonNull<Inner<T>>, holders: u64) {
    // SAFETY: there while there is a holder.
    let all = &unsafe { inner.as_ref() }.holders;
    // AcqRel: the last holder's free comes after all that the others did. Partner:
    // common.leave.fetch_sub.
    if all.fetch_sub(holders, Ordering::AcqRel) == holders {
        // SAFETY: from a box, and no other holder is left.
        drop(unsafe { Box::from_raw(inner.as_ptr()) });
    }
}

/// Ends a slab or pool: drops its values, but for those that are referenced.
///
/// # Safety
///
/// Nothing borrows the slab. It is not used any more.
pub(super) unsafe fn close<T: Send + Sync + 'static>(inner: NonNull<Inner<T>>) {
    // SAFETY: the slab counts as holders until the end of this function.
    let this = unsafe { inner.as_ref() };
    this.threads.cut();
    let orphaned = |slot: &CountedSlot<T>| replace(slot, CountedWord::orphan).is_some();
    let orphans = this.slots().filter(|(_, slot)| orphaned(slot)).count() as u64;
    // SAFETY: the slab's own holders, but for one for each orphan. Not used afterwards.
    let _leave = OnDrop(inner, |inner| unsafe { leave(*inner, SLAB - orphans) });
    // A free slot may be in the hands of a thread that has just freed it.
    let unreferenced = |slot: &&CountedSlot<T>| slot.load().is_unreferenced();
    if needs_drop::<T>() {
        drop_values(&mut this.slots().map(|(_, slot)| slot).filter(unreferenced));
    }
}

impl<T: Send + Sync + 'static> Drop for Inner<T> {
    /// Drops the cleared values of free slots.
    fn drop(&mut self) {
        if needs_drop::<T>() {
            drop_values(&mut self.slots().map(|(_, slot)| slot));
        }
    }
}

/// Drops the values of slots that nothing else uses, also if a drop panics.
fn drop_values<T: Send + Sync + 'static>(slots: &mut dyn Iterator<Item = &CountedSlot<T>>) {
    let rest = OnDrop(slots, |slots| drop_values(*slots));
    for slot in &mut *rest.0 {
        // SAFETY: nothing else uses the slot.
        unsafe { slot.payload().drop_value() };
    }
    // No drop has panicked.
    forget(rest);
}
