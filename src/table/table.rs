//! The facade: a table of entries named by handles.

use core::ptr::NonNull;

use super::entry::Packed;
use super::mutator::Mutator;
use super::operations::{lookups, operations, whole_table};
use super::ops::{self, WithOwner};
use crate::allocator::audit::audit;
use crate::allocator::{Allocator, Audit, AuditError, Builder, Owner, Stats};
use crate::arena::{Arena, Memory, View};
use crate::bits::handle::{Handle, HandleError, OperationError};
use crate::bits::word;
use crate::error::{AllocError, BuildError, FreeManyError, LeakError, SetError};
use crate::safepoint::ThreadRegistry;
use crate::sweep::{self, Resume, SweepReport};
use crate::sync::Placed;
use crate::sys::Protection;

/// A concurrent table of plain entries, each in a slot that a 32-bit [`Handle`] names.
///
/// All functions take `&self`, from any number of threads. The crate's front page has the
/// guarantees, and [`Builder`] has the choices.
///
/// # Progress
///
/// [`get`](Self::get) is wait-free. [`allocate`](Self::allocate), [`set`](Self::set), and
/// [`free`](Self::free) are lock-free while no stop is under way: some operation finishes in a
/// bounded number of steps, even if other threads are suspended forever in the middle of theirs.
/// During a stop they wait. A thread's first operation on a table registers the thread, which takes
/// a lock. So does the thread's end.
///
/// The world is stopped by [`sweep`](Self::sweep), [`stats`](Self::stats), [`audit`](Self::audit),
/// [`for_each_live`](Self::for_each_live), [`close`](Self::close), and an `allocate` that finds no
/// free slot.
///
/// # Panics
///
/// A call that stops the world panics if the system granted the process-wide barrier (Linux's
/// `membarrier`) when the table was made, and refuses it later together with both substitutes: the
/// barrier of all processes, and `sched_setaffinity`. A seccomp filter that is installed in between
/// can do that. The table stays usable for everything else.
// Aligned, so that no line of it is shared with data that another thread writes to. `get` reads it
// every time.
#[repr(align(128))]
pub struct Table<E: Packed> {
    /// A copy of the arena's, so that `get` finds it in this cache line.
    pub(crate) view: View<E::Word>,
    threads: ThreadRegistry<Allocator<E::Word>>,
    /// Boxed, so that it stays where it is when the table moves.
    pub(crate) allocator: Placed<Allocator<E::Word>>,
}

impl<E: Packed> Table<E> {
    /// Bytes of a slot: what generated code multiplies a handle by.
    pub const ENTRY_SIZE: usize = Memory::<E::Word>::SLOT_BYTES;

    /// The binary logarithm of [`ENTRY_SIZE`](Self::ENTRY_SIZE).
    pub const ENTRY_SHIFT: u32 = Self::ENTRY_SIZE.trailing_zeros();

    /// Bit 63: set in the low word of a live slot and in no other. The other bits of a live slot
    /// are the entry's.
    pub const LIVE_BIT: u64 = word::LIVE_BIT;

    /// Returns a builder of tables. All its functions but `build` are `const`.
    pub const fn builder() -> Builder<Self> {
        Builder::new()
    }

    /// Makes a table of the [default size](Builder::capacity_at_most), or smaller where the system
    /// grants fewer addresses.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants none.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    pub(crate) fn from_allocator(allocator: Allocator<E::Word>) -> Result<Self, BuildError> {
        let place = allocator.place();
        let allocator = Placed::new(allocator, place, None).ok_or(BuildError::OutOfMemory)?;
        let view = allocator.space.arena.view();
        // SAFETY: boxed, and `drop` cuts the registry off before the box goes.
        let threads = unsafe { ThreadRegistry::new(NonNull::from(&*allocator)) };
        let threads = threads.ok_or(BuildError::OutOfMemory)?;
        Ok(Self { view, threads, allocator })
    }

    pub(crate) fn arena(&self) -> &Arena<E::Word> {
        &self.allocator.space.arena
    }

    #[cfg(test)]
    #[cfg_attr(any(loom, slotarena_heap), allow(dead_code))]
    pub(crate) fn grow_from_the_top(&self) {
        self.allocator.space.arena.grow_from_the_top();
    }

    /// Makes the next sweep number its cycle anew.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn begin_last_cycle(&self) {
        let stopped = self.allocator.space.safepoint.stop();
        stopped.expect("not stopped yet").begin_cycle(word::Cycle::LAST);
    }

    operations!(self => self);
    lookups!(self => self.allocator.space.arena, &self.view);
    whole_table!(self => self);

    /// Returns the entry of a slot that the caller knows to be live: an address computation, a
    /// load, and a mask, as generated code would read it. Wait-free.
    ///
    /// # Safety
    ///
    /// The handle names a live slot of this table, and no other thread frees it concurrently. Else
    /// memory outside of the table may be read, or the entry may be none that was ever stored.
    #[must_use]
    #[inline]
    pub unsafe fn get_unchecked(&self, handle: Handle) -> E {
        // SAFETY: a live slot of this table is inside the memory (Invariant 6), and its segment is
        // committed (Invariant 5).
        let word = unsafe { self.view.slot_unchecked(handle.to_raw()) }.load();
        debug_assert!(word::is_live(word));
        // SAFETY: the slot is live, so its word is what `to_word` returned plus the live bit.
        unsafe { E::from_word(word::bits(word)) }
    }

    /// Makes a participant: the fastest way to allocate and free. Takes a lock.
    #[must_use]
    pub fn mutator(&self) -> Mutator<'_, E> {
        Mutator::new(&self.allocator)
    }

    #[cfg(model)]
    #[doc(hidden)]
    pub fn refuse_segments(&self, count: usize) {
        self.allocator.space.arena.refuse(count);
    }

    #[cfg(model)]
    #[doc(hidden)]
    pub fn begin_sweep(&self) {
        sweep::begin_only(&self.allocator.space);
    }

    #[cfg(model)]
    #[doc(hidden)]
    pub fn finish_sweep(&self) {
        sweep::finish_only(&self.allocator.space);
    }

    /// Takes the table down, and returns an error if slots were still in use. The memory goes back
    /// in either case, as it does when a table is dropped.
    ///
    /// # Errors
    ///
    /// [`LeakError`], with the number of slots that were not freed.
    pub fn close(self) -> Result<(), LeakError> {
        let stats = self.stats();
        match (stats.live, stats.uninitialized) {
            (0, 0) => Ok(()),
            (live, uninitialized) => Err(LeakError { live, uninitialized }),
        }
    }
}

impl<E: Packed> WithOwner<E::Word> for Table<E> {
    const IS_REGISTERED: bool = false;

    #[inline(always)]
    fn with_else<R>(
        &self,
        f: impl FnOnce(Owner<'_, E::Word>) -> R,
        refused: impl FnOnce() -> R,
    ) -> R {
        let allocator = &*self.allocator;
        let call = |record: &_, ()| {
            // SAFETY: as in `last`.
            f(unsafe { Owner::new(allocator, record) })
        };
        // SAFETY: the allocator is the one that this table's registry was made with.
        unsafe { self.threads.with(allocator, (), call, |(), _| refused()) }
    }

    fn is_last(&self) -> bool {
        self.threads.is_last()
    }

    #[inline(always)]
    unsafe fn last(&self) -> Option<Owner<'_, E::Word>> {
        // SAFETY: the allocator is there.
        let record = unsafe { self.threads.last() }?;
        // SAFETY: the record is the calling thread's own. The caller runs no user code, so no
        // second token is used before the operation ends.
        Some(unsafe { Owner::new(&self.allocator, record) })
    }

    fn refusal(&self) -> Option<OperationError> {
        let allocator = &*self.allocator;
        let call = |record: &_, ()| allocator.space.safepoint.refusal(record);
        // SAFETY: the allocator is the one that this table's registry was made with.
        unsafe { self.threads.with(allocator, (), call, |(), error| Some(error)) }
    }

    fn load(&self, raw: u32) -> E::Word {
        self.arena().slot(raw).load()
    }
}

impl<E: Packed> Builder<Table<E>> {
    /// Builds the table: reserves the addresses, and commits nothing yet.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<Table<E>, BuildError> {
        Table::from_allocator(self.config.allocator(Protection::None)?)
    }
}

fmt!(
    /// Writes the capacity. Does not stop the world.
    [E: Packed] Debug for Table<E>, |this, f| {
        f.debug_struct("Table").field("capacity", &this.capacity()).finish_non_exhaustive()
    }
);

impl<E: Packed> Drop for Table<E> {
    fn drop(&mut self) {
        self.threads.cut();
    }
}
