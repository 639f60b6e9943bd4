//! A table whose slots have one owner each, who alone can free them.
//!
//! What frees by a handle has to settle who of several wins, by an atomic read-modify-write: no
//! algorithm that never waits does it with less (Attiya et al., *Laws of Order*, POPL 2011). Here
//! the compiler settles it beforehand. There is no other way to free a slot than to give up the one
//! [`Unique`] that stands for it, so a plain store is enough.

use core::mem::ManuallyDrop;

use crate::audit::{Audit, Violation};
use crate::builder::Builder;
use crate::entry::Entry;
use crate::error::{AllocError, BuildError, SetError};
use crate::handle::Handle;
use crate::mutator::Mutator;
use crate::ops;
use crate::stats::Stats;
use crate::sweep::SweepReport;
use crate::table::Table;

/// A [`Table`] whose slots are freed by their owners and by nobody else: for an engine that hands
/// out numbers, and knows itself when they have had their time.
///
/// Whoever has a slot's [`Unique`] owns it. Anybody may read by the [`Handle`], which can be copied
/// and sent around; once the owner has freed the slot he reads `None`, or what was put there since.
///
/// ```
/// use slotarena::{Unique, UniqueTable};
///
/// let table = UniqueTable::<u64>::new()?;
/// let mut mutator = table.mutator();
/// let owner: Unique<'_, u64> = mutator.allocate(7)?;
/// let handle = owner.handle();
/// assert_eq!(table.get(handle), Some(7));
/// assert_eq!(mutator.free(owner), 7);
/// assert_eq!(table.get(handle), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Nothing can be freed twice:
///
/// ```compile_fail,E0382
/// # let table = slotarena::UniqueTable::<u64>::new().unwrap();
/// # let mut mutator = table.mutator();
/// let owner = mutator.allocate(7).unwrap();
/// mutator.free(owner);
/// mutator.free(owner);
/// ```
///
/// A table of the whole process is a `static`; its owners borrow it for ever:
///
/// ```
/// use std::sync::LazyLock;
/// use slotarena::{Unique, UniqueTable};
///
/// static OBJECTS: LazyLock<UniqueTable<u64>> =
///     LazyLock::new(|| UniqueTable::new().expect("addresses"));
///
/// struct Object {
///     slot: Unique<'static, u64>,
/// }
///
/// let object = Object { slot: OBJECTS.allocate(7)? };
/// let handle = object.slot.handle();
/// assert_eq!(OBJECTS.get(handle), Some(7));
/// drop(object);
/// assert_eq!(OBJECTS.get(handle), None);
/// # Ok::<(), slotarena::AllocError>(())
/// ```
///
/// Cost and progress are those of [`Table`], less the read-modify-write of `free`.
#[derive(Debug)]
pub struct UniqueTable<E: Entry>(Table<E>);

/// The one right to free a slot of a [`UniqueTable`], and to change its entry.
///
/// Dropping it frees the slot; so do [`free`](Self::free), which returns the entry, and
/// [`UniqueMutator::free`], which is quicker. Forgetting it leaves the slot live for as long as the
/// table is there. It takes two words: it knows its table.
#[derive(Debug)]
#[must_use = "dropping it frees the slot"]
pub struct Unique<'t, E: Entry> {
    table: &'t Table<E>,
    /// Live, and nobody else frees it or sets it.
    handle: Handle,
}

/// A participant of a [`UniqueTable`], as a [`Mutator`] is one of a [`Table`].
#[derive(Debug)]
pub struct UniqueMutator<'t, E: Entry> {
    table: &'t Table<E>,
    mutator: Mutator<'t, E>,
}

impl<E: Entry> Builder<E> {
    /// Makes such a table, but one whose slots have one owner each.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_unique(&self) -> Result<UniqueTable<E>, BuildError> {
        self.build().map(UniqueTable)
    }
}

impl<E: Entry> UniqueTable<E> {
    /// A table with as many slots as the system grants addresses for, up to 2^32 - 1. See
    /// [`Builder::build_unique`] for others.
    ///
    /// # Errors
    ///
    /// As [`Table::new`].
    pub fn new() -> Result<Self, BuildError> {
        Table::new().map(Self)
    }

    /// Puts an entry into a free slot, and returns the right to it. See [`Table::allocate`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn allocate(&self, entry: E) -> Result<Unique<'_, E>, AllocError> {
        self.0.allocate(entry).map(|handle| Unique { table: &self.0, handle })
    }

    /// The entry that a handle names, if its slot is live. See [`Table::get`].
    #[must_use]
    #[inline]
    pub fn get(&self, handle: Handle) -> Option<E> {
        self.0.get(handle)
    }

    /// [`get`](Self::get) for any 32-bit number at all; `None` for 0.
    #[must_use]
    #[inline]
    pub fn get_raw(&self, raw: u32) -> Option<E> {
        self.0.get_raw(raw)
    }

    /// A participant of one's own. See [`Table::mutator`].
    #[must_use]
    pub fn mutator(&self) -> UniqueMutator<'_, E> {
        UniqueMutator { table: &self.0, mutator: self.0.mutator() }
    }

    /// See [`Table::sweep`].
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        self.0.sweep(threshold)
    }

    /// See [`Table::sweep_stopped`].
    pub fn sweep_stopped(&self, threshold: u64) -> SweepReport {
        self.0.sweep_stopped(threshold)
    }

    /// See [`Table::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// See [`Table::audit`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn audit(&self) -> Result<Audit, Violation> {
        self.0.audit()
    }

    /// See [`Table::for_each_live`].
    ///
    /// # Panics
    ///
    /// As there; also if `f` drops a [`Unique`] of this table.
    pub fn for_each_live(&self, f: impl FnMut(Handle, E)) {
        self.0.for_each_live(f);
    }

    /// See [`Table::capacity`].
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> u32 {
        self.0.capacity()
    }

    /// See [`Table::base`].
    #[must_use]
    pub fn base(&self) -> *const u8 {
        self.0.base()
    }

    /// See [`Table::reserved_bytes`].
    #[must_use]
    pub fn reserved_bytes(&self) -> usize {
        self.0.reserved_bytes()
    }
}

impl<E: Entry> Unique<'_, E> {
    /// What others read the entry by. It does not keep the slot from being freed.
    #[must_use]
    #[inline]
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// The entry: a load and a mask. Wait-free.
    #[must_use]
    #[inline]
    pub fn get(&self) -> E {
        // SAFETY: the slot is live as long as this is there.
        unsafe { self.table.get_unchecked(self.handle) }
    }

    /// Puts another entry in the place of this one, which is returned. Readers see the one or the
    /// other. Lock-free.
    ///
    /// # Errors
    ///
    /// [`SetError::EntryTooWide`] if the entry needs the bit that is the table's.
    pub fn set(&mut self, entry: E) -> Result<E, SetError> {
        let before = self.get();
        // Nobody else changes it, so what is replaced is what was read.
        ops::set(self.table, self.handle, entry).map(|_| before)
    }

    /// Frees the slot and returns its entry. Lock-free.
    #[inline]
    pub fn free(self) -> E {
        let this = ManuallyDrop::new(self);
        // SAFETY: this is the one right to the slot, and is not used again.
        unsafe { this.table.free_unchecked(this.handle) }
    }
}

impl<E: Entry> Drop for Unique<'_, E> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the one right to the slot, and is not used again.
        unsafe { self.table.free_unchecked(self.handle) };
    }
}

impl<'t, E: Entry> UniqueMutator<'t, E> {
    /// See [`UniqueTable::allocate`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn allocate(&mut self, entry: E) -> Result<Unique<'t, E>, AllocError> {
        self.mutator.allocate(entry).map(|handle| Unique { table: self.table, handle })
    }

    /// Frees a slot and returns its entry. Another table's goes back to that table. Lock-free.
    #[inline]
    pub fn free(&mut self, owner: Unique<'_, E>) -> E {
        if !core::ptr::eq(owner.table, self.table) {
            return owner.free();
        }
        let owner = ManuallyDrop::new(owner);
        // SAFETY: a live slot of this table, and this is the one right to it, not used again.
        unsafe { self.mutator.free_unchecked(owner.handle) }
    }
}
