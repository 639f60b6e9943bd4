//! The facade: a table of entries named by handles.

use core::fmt;
use core::ptr::NonNull;

use super::entry::Packed;
use super::mutator::Mutator;
use super::ops::{self, WithOwner};
use crate::allocator::audit::audit;
use crate::allocator::{Allocator, Audit, AuditError, Builder, Owner, Stats};
use crate::arena::{Arena, Memory, View};
use crate::bits::handle::{Handle, HandleError};
use crate::bits::word;
use crate::error::{AllocError, BuildError, FreeManyError, LeakError, SetError};
use crate::safepoint::ThreadRegistry;
use crate::sweep::{self, Resume, SweepReport};
use crate::sys::Protection;

/// A concurrent table of plain entries, each in a slot that a 32-bit [`Handle`] names.
///
/// All operations take `&self` and may be called from any number of threads. See the crate's
/// front page for what is guaranteed, and [`Builder`](crate::Builder) for what can be chosen.
///
/// # Progress
///
/// [`get`](Self::get) is wait-free. [`allocate`](Self::allocate), [`set`](Self::set) and
/// [`free`](Self::free) are lock-free while nobody stops the world: some operation finishes in a
/// bounded number of steps, even if other threads are suspended for ever in the middle of
/// theirs. While the world is stopped they wait. A thread's first operation on a table registers
/// the thread, which takes a lock; so does its end.
///
/// Who stops the world: [`sweep`](Self::sweep), [`stats`](Self::stats), [`audit`](Self::audit),
/// [`for_each_live`](Self::for_each_live), [`close`](Self::close), and an `allocate` that finds
/// no free slot anywhere.
///
/// # Panics
///
/// Where the system offers a process-wide memory barrier (Linux's `membarrier`) when the first
/// table is made and refuses it later (a seccomp filter put in between), what stops the world
/// panics. The table stays usable for everything else.
// Aligned, so that no line of it is shared with data that another thread writes to. `get` reads it
// every time.
#[repr(align(128))]
pub struct Table<E: Packed> {
    /// A copy of the arena's, so that `get` finds it in this cache line.
    view: View<E::Word>,
    threads: ThreadRegistry<Allocator<E::Word>>,
    /// Boxed, so that it stays where it is when the table moves.
    allocator: Box<Allocator<E::Word>>,
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

    /// Makes a table with as many slots as the system grants addresses for, up to 2^32 - 1.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants none.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    pub(crate) fn from_allocator(allocator: Allocator<E::Word>) -> Self {
        let allocator = Box::new(allocator);
        let view = allocator.space.arena.view();
        // SAFETY: boxed, and `drop` cuts the registry off before the box goes.
        let threads = unsafe { ThreadRegistry::new(NonNull::from(&*allocator)) };
        Self { view, threads, allocator }
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
        self.allocator.space.safepoint.stop().begin_cycle(word::Cycle::LAST);
    }

    /// Puts an entry into a free slot.
    ///
    /// Constant time but for each 64th call or so (the magazine size), which exchanges free
    /// slots with the others or commits a segment. Lock-free; see [Progress](Self#progress).
    ///
    /// # Errors
    ///
    /// [`AllocError::CapacityExhausted`] if at one moment during the call no slot was free;
    /// [`AllocError::OutOfMemory`] if the system refused memory and no slot was free;
    /// [`AllocError::ReservedBit`] if the entry needs the bit that is the table's.
    #[inline]
    pub fn allocate(&self, entry: E) -> Result<Handle, AllocError> {
        ops::allocate(self, entry)
    }

    /// Hands out a slot without an entry. [`get`](Self::get) finds nothing there until
    /// [`set`](Self::set) has put one in. To give the slot back before that, use
    /// [`free_uninitialized`](Self::free_uninitialized). Cost and progress as `allocate`.
    ///
    /// # Errors
    ///
    /// As `allocate`.
    pub fn allocate_uninitialized(&self) -> Result<Handle, AllocError> {
        ops::allocate_uninitialized(self)
    }

    /// Puts each entry into a slot and appends the handles to `out`, in order: all, or none.
    /// Lock-free.
    ///
    /// # Errors
    ///
    /// As `allocate`. No slot is then handed out, and `out` is as it was.
    pub fn allocate_many(&self, entries: &[E], out: &mut Vec<Handle>) -> Result<(), AllocError> {
        ops::allocate_many(self, entries, out)
    }

    /// The entry that a handle names, if its slot is live.
    ///
    /// Total over all handles: numbers that were never handed out, that were freed, or that lie
    /// beyond the capacity give `None`. One load; touches no shared line for writing. Wait-free.
    /// What was written before the entry was put there is seen afterwards.
    #[must_use]
    #[inline]
    pub fn get(&self, handle: Handle) -> Option<E> {
        self.get_raw(handle.to_raw())
    }

    /// [`get`](Self::get) for any 32-bit number at all; `None` for 0.
    #[must_use]
    #[inline]
    pub fn get_raw(&self, raw: u32) -> Option<E> {
        ops::entry_in(self.allocator.space.arena.read(&self.view, raw)?.load())
    }

    /// [`get`](Self::get) for a caller who knows that the slot is live: an address computation, a
    /// load and a mask, as generated code would read it. Wait-free.
    ///
    /// # Safety
    ///
    /// The handle names a live slot of this table, and no other thread frees it at the same time.
    /// Else memory outside of the table may be read, or the entry be none that was ever put in.
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

    /// Puts another entry into a slot in use, and returns the one that was there: `None` if the
    /// slot was handed out without one. Readers see the old entry or the new one, never a
    /// mixture. Lock-free.
    ///
    /// # Errors
    ///
    /// [`SetError::InvalidHandle`] if the handle names no slot in use;
    /// [`SetError::ReservedBit`] if the entry needs the bit that is the table's.
    #[inline]
    pub fn set(&self, handle: Handle, entry: E) -> Result<Option<E>, SetError> {
        ops::set(self, handle, entry)
    }

    /// Takes a live slot back and returns its entry. Of several threads that free one handle at
    /// once, one succeeds. Constant time but for each 64th call or so, which gives slots to the
    /// others. Lock-free.
    ///
    /// # Errors
    ///
    /// [`HandleError`] if the handle names no live slot: freed already, never handed out,
    /// beyond the capacity, or handed out without an entry. Nothing is changed then.
    #[inline]
    pub fn free(&self, handle: Handle) -> Result<E, HandleError> {
        ops::free(self, handle)
    }

    /// [`free`](Self::free) for a caller who knows that the handle is his: saves the atomic
    /// read-modify-write by which `free` settles who of several wins. Lock-free.
    ///
    /// # Safety
    ///
    /// The handle names a live slot of this table, and no other thread frees it or sets it at
    /// the same time. Else one slot may get two owners, or memory outside of the table be
    /// written to.
    #[inline]
    pub unsafe fn free_unchecked(&self, handle: Handle) -> E {
        // SAFETY: by the contract of this function.
        unsafe { ops::free_unchecked(self, handle) }
    }

    /// Takes back a slot that was handed out without an entry and never got one. Lock-free.
    ///
    /// # Errors
    ///
    /// [`HandleError`] if the slot is free or has an entry. Nothing is changed then.
    pub fn free_uninitialized(&self, handle: Handle) -> Result<(), HandleError> {
        ops::free_uninitialized(self, handle)
    }

    /// Frees every handle that names a live slot. Lock-free.
    ///
    /// # Errors
    ///
    /// [`FreeManyError`] says how many did not, and which came first; the others are freed.
    pub fn free_many(&self, handles: &[Handle]) -> Result<(), FreeManyError> {
        ops::free_many(self, handles)
    }

    /// A participant of one's own: the fastest way to allocate and free. Takes a lock.
    #[must_use]
    pub fn mutator(&self) -> Mutator<'_, E> {
        Mutator::new(&self.allocator)
    }

    /// Releases every segment that is wholly free, and pages of free slots in the others. The free
    /// slots that are left come back in ascending order when they are wanted, so that new entries
    /// gather in low segments.
    ///
    /// `threshold` is in slots. Below it, and below the slots of one segment, this returns
    /// without stopping anybody. Else the world is stopped for as long as it takes to empty each
    /// stripe and each participant's store. What follows goes on while the world runs: a sample
    /// at one slot in 128 of each committed segment, and a look at all slots where a page or a
    /// segment may be wholly free. Who allocates afterwards and finds no free slot in the
    /// stripes looks through a segment himself, or a few, before he asks the system for a fresh
    /// one.
    ///
    /// May be called from any thread at any time; blocks while another thread sweeps or has
    /// stopped the world, and until the operations under way have ended.
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        sweep::sweep(&self.allocator.space, threshold, Resume::Soon)
    }

    /// [`sweep`](Self::sweep) with the world stopped throughout: for who has stopped everybody
    /// anyway. The pause is linear in the number of committed segments.
    pub fn sweep_stopped(&self, threshold: u64) -> SweepReport {
        sweep::sweep(&self.allocator.space, threshold, Resume::Late)
    }

    /// Has the system refuse the next `count` segments, in a model.
    #[cfg(model)]
    #[doc(hidden)]
    pub fn refuse_segments(&self, count: usize) {
        self.allocator.space.arena.refuse(count);
    }

    /// The first half of a sweep, so that a model can start from there.
    #[cfg(model)]
    #[doc(hidden)]
    pub fn begin_sweep(&self) {
        sweep::begin_only(&self.allocator.space);
    }

    /// The second half.
    #[cfg(model)]
    #[doc(hidden)]
    pub fn finish_sweep(&self) {
        sweep::finish_only(&self.allocator.space);
    }

    /// Counts, exact at one moment. Stops the world for as long as it takes to look at each
    /// stripe and each participant. Blocks as [`sweep`](Self::sweep) does.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(&self.allocator, &self.allocator.space.safepoint.stop())
    }

    /// Holds the whole table against its invariants. Stops the world for a walk along every
    /// chain and a scan of every committed segment; needs a bit of memory for each slot of them.
    /// Blocks as [`sweep`](Self::sweep) does.
    ///
    /// # Errors
    ///
    /// The first [`AuditError`] found, or that there was no memory to look.
    pub fn audit(&self) -> Result<Audit, AuditError> {
        audit(&self.allocator)
    }

    /// Calls `f` with every live slot's handle and entry, in ascending order, while the world is
    /// stopped: a consistent picture of one moment. Blocks as [`sweep`](Self::sweep) does.
    ///
    /// # Panics
    ///
    /// If `f` calls an operation of this table other than [`get`](Self::get): it would wait for
    /// itself. (If it waits for another thread that does, that cannot be noticed, and nothing
    /// goes on.) A panic of `f` is passed on, and the world resumes.
    pub fn for_each_live(&self, mut f: impl FnMut(Handle, E)) {
        let _stopped = self.allocator.space.safepoint.stop();
        let geometry = self.allocator.space.arena.geometry();
        for segment in self.allocator.space.arena.committed.iter() {
            let first = geometry.first(segment);
            for index in (0..geometry.usable(segment)).map(|i| first + i) {
                let word = self.allocator.space.arena.slot(index).load();
                if let (Some(handle), Some(entry)) = (Handle::from_raw(index), ops::entry_in(word))
                {
                    f(handle, entry);
                }
            }
        }
    }

    /// How many slots the table has: the greatest index, too. Wait-free.
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> u32 {
        self.view.last()
    }

    /// The address of slot 0, for generated code: the word of handle `h` is at
    /// `base + (h << ENTRY_SHIFT)`.
    ///
    /// Every handle up to [`capacity`](Self::capacity) can be loaded so, on systems where
    /// reserved addresses read as zero (the Unixes; one-word entries). A table of capacity
    /// `u32::MAX` needs no check: no 32-bit number leads outside. A load of the low word must be
    /// atomic; the slot is live if [`LIVE_BIT`](Self::LIVE_BIT) is set. Nothing may be stored.
    #[must_use]
    pub fn base(&self) -> *const u8 {
        self.view.base().as_ptr().cast_const().cast()
    }

    /// How many bytes of addresses are reserved, from [`base`](Self::base) on.
    #[must_use]
    pub fn reserved_bytes(&self) -> usize {
        self.allocator.space.arena.reserved_bytes()
    }

    /// Takes the table down, and says whether anything was still handed out. The memory goes
    /// back in either case, as it does when a table is dropped.
    ///
    /// # Errors
    ///
    /// [`LeakError`], with the number of slots that were not given back.
    pub fn close(self) -> Result<(), LeakError> {
        let stats = self.stats();
        match (stats.live, stats.uninitialized) {
            (0, 0) => Ok(()),
            (live, uninitialized) => Err(LeakError { live, uninitialized }),
        }
    }
}

impl<E: Packed> WithOwner<E::Word> for Table<E> {
    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(Owner<'_, E::Word>) -> R) -> R {
        let allocator = &*self.allocator;
        let call = |record: &_| {
            // SAFETY: the record is the calling thread's own. `f` runs no user code, so no second token
            // is used before `f` returns.
            f(unsafe { Owner::new(allocator, record) })
        };
        // SAFETY: the allocator is the one that this table's registry was made with.
        unsafe { self.threads.with(allocator, call) }
    }
}

impl<E: Packed> Builder<Table<E>> {
    /// Builds the table: reserves the addresses, and commits nothing yet.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<Table<E>, BuildError> {
        Ok(Table::from_allocator(self.config.allocator(Protection::None)?))
    }
}

impl<E: Packed> fmt::Debug for Table<E> {
    /// Writes the capacity. Does not stop the world.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl<E: Packed> Drop for Table<E> {
    fn drop(&mut self) {
        self.threads.cut();
    }
}
