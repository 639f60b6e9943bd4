//! The functions that several public types share, written once: macros in their `impl`s.

/// What a table and its mutator do through an owner's token: `$by` is a way to come by one.
macro_rules! operations {
    ($self:ident => $by:expr) => {
        /// Puts an entry into a free slot.
        ///
        /// Constant time, except that about each 64th call (the magazine size) exchanges free slots
        /// with other participants or commits a segment. Lock-free; see
        /// [Progress](crate::Table#progress).
        ///
        /// # Errors
        ///
        /// [`AllocError::CapacityExhausted`] if no slot was free at one moment during the call;
        /// [`AllocError::OutOfMemory`] if the system refused memory and no slot was free;
        /// [`AllocError::ReservedBit`] if the entry sets the bit that the table reserves;
        /// [`AllocError::Operation`] if no operation could begin.
        #[inline]
        pub fn allocate(&$self, entry: E) -> Result<Handle, AllocError> {
            ops::allocate($by, entry)
        }

        /// Allocates a slot without an entry. [`get`](Self::get) finds nothing there until
        /// [`set`](Self::set) has stored one. Lock-free.
        ///
        /// [`free_uninitialized`](Self::free_uninitialized) frees the slot before that.
        ///
        /// # Errors
        ///
        /// [`AllocError::CapacityExhausted`], [`AllocError::OutOfMemory`], and
        /// [`AllocError::Operation`], as [`allocate`](Self::allocate).
        #[inline]
        pub fn allocate_uninitialized(&$self) -> Result<Handle, AllocError> {
            ops::allocate_uninitialized($by)
        }

        /// Puts each entry into a free slot, and appends the handles to `out` in the same order:
        /// all, or none. Lock-free.
        ///
        /// # Errors
        ///
        /// Same as [`allocate`](Self::allocate). Then no slot stays allocated, and `out` is as it
        /// was.
        pub fn allocate_many(
            &$self,
            entries: &[E],
            out: &mut Vec<Handle>,
        ) -> Result<(), AllocError> {
            ops::allocate_many($by, entries, out)
        }

        /// Replaces the entry of a slot in use, and returns the old one. That is `None` if the slot
        /// had none. Readers see the old entry or the new one, never a mixture. Lock-free.
        ///
        /// # Errors
        ///
        /// [`SetError::InvalidHandle`] if the handle names no slot in use, or if no operation could
        /// begin;
        /// [`SetError::ReservedBit`] if the entry sets the bit that the table reserves.
        #[inline]
        pub fn set(&$self, handle: Handle, entry: E) -> Result<Option<E>, SetError> {
            ops::set($by, handle, entry)
        }

        /// Frees a live slot, and returns its entry. Lock-free.
        ///
        /// Of several simultaneous frees of one handle, one succeeds. Constant time, except that
        /// about each 64th call hands slots to other participants.
        ///
        /// # Errors
        ///
        /// [`HandleError`] if the handle names no live slot: freed already, never allocated, beyond
        /// the capacity, or allocated without an entry. Also if no operation could begin, which
        /// [`HandleError::operation`] tells. Nothing is changed then.
        #[inline]
        pub fn free(&$self, handle: Handle) -> Result<E, HandleError> {
            ops::free($by, handle)
        }

        /// Frees a live slot that only the caller frees, and returns its entry. Lock-free.
        ///
        /// Saves what [`free`](Self::free) takes to decide which of several frees wins: an atomic
        /// read-modify-write, or a restartable sequence.
        ///
        /// If no operation can begin, the slot stays live, and its entry is returned all the same.
        /// That happens in a signal handler, or in an allocator's hook, that interrupts another
        /// call on this table. It also happens in a child process that cannot use the table, or if
        /// there is no memory for the thread's first operation.
        ///
        /// # Safety
        ///
        /// The handle names a live slot of this table, and no other thread frees or sets it
        /// concurrently. Else one slot may get two owners, or memory outside of the table may be
        /// written.
        #[inline]
        pub unsafe fn free_unchecked(&$self, handle: Handle) -> E {
            // SAFETY: by the contract of this function.
            unsafe { ops::free_unchecked($by, handle) }
        }

        /// Frees a slot that was allocated without an entry and never got one. Lock-free.
        ///
        /// # Errors
        ///
        /// [`HandleError`] if the slot is free or has an entry, or if no operation could begin.
        /// Nothing is changed then.
        pub fn free_uninitialized(&$self, handle: Handle) -> Result<(), HandleError> {
            ops::free_uninitialized($by, handle)
        }

        /// Frees every handle that names a live slot. Lock-free.
        ///
        /// # Errors
        ///
        /// [`FreeManyError`] tells how many handles were refused, and which came first. All others
        /// are freed.
        pub fn free_many(&$self, handles: &[Handle]) -> Result<(), FreeManyError> {
            ops::free_many($by, handles)
        }
    };
}
pub(crate) use operations;

/// What reads by handle: `$arena` and `$view` are an arena and its view.
macro_rules! lookups {
    ($self:ident => $arena:expr, $view:expr) => {
        /// Returns the entry that a handle names, if its slot is live. Wait-free.
        ///
        /// Total over all handles: numbers that were never allocated, that were freed, or that lie
        /// beyond the capacity give `None`. One load. Stores to no shared line. A reader sees what
        /// was written before the entry was stored.
        #[must_use]
        #[inline]
        pub fn get(&$self, handle: Handle) -> Option<E> {
            $self.get_raw(handle.to_raw())
        }

        /// Returns the entry that any 32-bit number names, like [`get`](Self::get). `None` for 0.
        #[must_use]
        #[inline]
        pub fn get_raw(&$self, raw: u32) -> Option<E> {
            ops::entry_in($arena.read($view, raw)?.load())
        }
    };
}
pub(crate) use lookups;

/// What concerns a table as a whole: `$table` is a [`Table`](crate::Table).
macro_rules! whole_table {
    ($self:ident => $table:expr) => {
        /// Decommits every segment that is wholly free, and purges pages of free slots in the
        /// others.
        ///
        /// The other free slots come back in ascending order when they are wanted, so that new
        /// entries gather in low segments. `threshold` is in slots. If fewer are free, or fewer
        /// than a segment has, this returns without a stop. Else the world is stopped for as long
        /// as it takes to empty each free list and each local store. The rest runs concurrently: a
        /// sample of one slot in 128 of each committed segment, and a scan where a page or a
        /// segment may be wholly free. A later allocation that finds the free lists empty first
        /// sweeps up to four segments, then commits a new one.
        ///
        /// Any thread may call it at any time. Blocks while another thread sweeps or has stopped
        /// the world, and until the operations under way have ended.
        ///
        /// A sweep that follows one that released nothing waits first, ten times as long as that
        /// one took, and a millisecond at most. So threads that sweep without a pause leave the
        /// others most of their speed.
        pub fn sweep(&$self, threshold: u64) -> SweepReport {
            sweep::sweep(&$table.allocator.space, threshold, Resume::Soon)
        }

        /// Sweeps with the world stopped throughout: for a caller that has stopped all its threads
        /// anyway. The pause is linear in the number of committed segments.
        pub fn sweep_stopped(&$self, threshold: u64) -> SweepReport {
            sweep::sweep(&$table.allocator.space, threshold, Resume::Late)
        }

        /// Counts exactly, at one moment. Stops the world for as long as it takes to visit each
        /// free list and each participant. Blocks like [`sweep`](Self::sweep).
        #[must_use]
        pub fn stats(&$self) -> Stats {
            let allocator = &*$table.allocator;
            Stats::of(allocator)
        }

        /// Holds the whole table against its invariants.
        ///
        /// Stops the world for a walk along every chain and a scan of every committed segment.
        /// Needs a bit of memory for each slot of them. Blocks like [`sweep`](Self::sweep).
        ///
        /// # Errors
        ///
        /// The first [`AuditError`] found, or that there was no memory for the audit, or that the
        /// world could not be stopped.
        pub fn audit(&$self) -> Result<Audit, AuditError> {
            audit(&$table.allocator)
        }

        /// Shows every live slot's handle and entry to `f`, in ascending order, with the world
        /// stopped: a consistent picture of one moment. Blocks like [`sweep`](Self::sweep).
        ///
        /// Inside `f`, [`get`](Self::get) works. Calls on this table that change or stop it do
        /// nothing, and those that return errors return
        /// [`OperationError::Reentered`](crate::OperationError::Reentered). If `f` waits for
        /// another thread that makes such a call, that cannot be noticed, and both wait forever.
        ///
        /// # Panics
        ///
        /// If `f` itself calls this function of the same table, or panics. The world resumes.
        pub fn for_each_live(&$self, mut f: impl FnMut(Handle, E)) {
            let space = &$table.allocator.space;
            let _stopped = space.safepoint.stop_for_closure();
            for segment in space.arena.committed.iter() {
                for index in space.arena.geometry().indices(segment) {
                    let slot = space.arena.read(&$table.view, index);
                    let entry = slot.and_then(|slot| ops::entry_in(slot.load()));
                    if let (Some(handle), Some(entry)) = (Handle::from_raw(index), entry) {
                        f(handle, entry);
                    }
                }
            }
        }

        /// Returns the number of usable slots, which is also the greatest index. Wait-free.
        #[must_use]
        #[inline]
        pub fn capacity(&$self) -> u32 {
            $table.view.last()
        }

        /// Returns the address of slot 0, for generated code. The word of handle `h` is at `base +
        /// (h << ENTRY_SHIFT)`.
        ///
        /// Every handle up to [`capacity`](Self::capacity) can be loaded this way, on systems where
        /// reserved addresses read as zero (the Unixes; one-word entries). A table of capacity
        /// `u32::MAX` needs no check, since no 32-bit number leads outside. A load of the low word
        /// must be atomic. The slot is live if [`LIVE_BIT`](crate::Table::LIVE_BIT) is set. Nothing
        /// may be stored.
        #[must_use]
        pub fn base(&$self) -> *const u8 {
            $table.view.base().as_ptr().cast_const().cast()
        }

        /// Returns the bytes of addresses that are reserved, from [`base`](Self::base) on.
        #[must_use]
        pub fn reserved_bytes(&$self) -> usize {
            $table.allocator.space.arena.reserved_bytes()
        }
    };
}
pub(crate) use whole_table;
