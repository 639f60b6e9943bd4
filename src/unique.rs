//! A table whose slots have one owner each, which alone can free them.
//!
//! A free by handle has to decide at run time which of several frees wins. That takes an atomic
//! read-modify-write: no algorithm that never waits does it with less (Attiya et al., [*Laws of
//! Order*], POPL 2011). Here the compiler decides it beforehand. The only way to free a slot is to
//! give up the one [`Unique`] that stands for it, so a plain store is enough.
//!
//! [*Laws of Order*]: https://doi.org/10.1145/1926385.1926442

use core::mem::ManuallyDrop;

use crate::allocator::audit::audit;
use crate::allocator::{Audit, AuditError, Builder, Stats};
use crate::bits::handle::Handle;
use crate::error::{AllocError, BuildError, SetError};
use crate::sweep::{self, Resume, SweepReport};
use crate::sys::Protection;
use crate::table::operations::{lookups, whole_table};
use crate::table::{self, Packed, Table, ops};

/// A [`Table`] whose slots only their owners can free: for an engine that hands out numbers and
/// knows when each is no longer needed.
///
/// A slot's [`Unique`] is its ownership. Any thread may read by the [`Handle`], which can be copied
/// and sent. Once the owner has freed the slot, a reader finds `None`, or a later entry.
///
/// ```
/// use slotarena::{Unique, UniqueTable};
///
/// let table = UniqueTable::<u64>::new()?;
/// let mutator = table.mutator();
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
/// # let mutator = table.mutator();
/// let owner = mutator.allocate(7).unwrap();
/// mutator.free(owner);
/// mutator.free(owner);
/// ```
///
/// A table of the whole process is a `static`. Its owners borrow it forever:
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
/// Cost and progress guarantees are those of [`Table`], less the read-modify-write of `free`.
pub struct UniqueTable<E: Packed>(Table<E>);

/// The ownership of a slot of a [`UniqueTable`]: the right to free it and to change its entry.
///
/// Dropping it frees the slot. So do [`free`](Self::free), which returns the entry, and
/// [`Mutator::free`], which is quicker. Forgetting it leaves the slot live as long as the table. It
/// takes two words, since it knows its table.
#[must_use = "dropping it frees the slot"]
pub struct Unique<'t, E: Packed> {
    table: &'t Table<E>,
    /// Live. Nothing else frees or sets it.
    handle: Handle,
}

/// A participant of a [`UniqueTable`], like a [`table::Mutator`] of a [`Table`].
pub struct Mutator<'t, E: Packed> {
    table: &'t Table<E>,
    mutator: table::Mutator<'t, E>,
}

impl<E: Packed> Builder<UniqueTable<E>> {
    /// Builds the table: reserves the addresses, and commits nothing yet.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<UniqueTable<E>, BuildError> {
        let allocator = self.config.allocator(Protection::None)?;
        Table::from_allocator(allocator).map(UniqueTable)
    }
}

impl<E: Packed> UniqueTable<E> {
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

    /// Puts an entry into a free slot, and returns the ownership of the slot. See
    /// [`Table::allocate`].
    ///
    /// # Errors
    ///
    /// Same as [`Table::allocate`].
    #[inline]
    pub fn allocate(&self, entry: E) -> Result<Unique<'_, E>, AllocError> {
        self.0.allocate(entry).map(|handle| Unique { table: &self.0, handle })
    }

    lookups!(self => self.0.allocator.space.arena, &self.0.view);
    whole_table!(self => self.0);

    /// Makes a participant. See [`Table::mutator`].
    #[must_use]
    pub fn mutator(&self) -> Mutator<'_, E> {
        Mutator { table: &self.0, mutator: self.0.mutator() }
    }
}

impl<E: Packed> Unique<'_, E> {
    /// Returns the handle by which other threads read the entry. It does not keep the slot alive.
    #[must_use]
    #[inline]
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// Returns the entry: a load and a mask. Wait-free.
    #[must_use]
    #[inline]
    pub fn get(&self) -> E {
        // SAFETY: the slot is live while this owner lives.
        unsafe { self.table.get_unchecked(self.handle) }
    }

    /// Replaces the entry, and returns the old one. Readers see the old or the new one. Lock-free.
    ///
    /// # Errors
    ///
    /// [`SetError::ReservedBit`] if the entry sets the bit that the table reserves.
    pub fn set(&mut self, entry: E) -> Result<E, SetError> {
        let before = self.get();
        // Nothing else changes the entry, so the replaced one is the one that was read.
        ops::set(self.table, self.handle, entry).map(|_| before)
    }

    /// Frees the slot and returns its entry. Lock-free.
    ///
    /// If no operation can begin, the slot stays live, as with
    /// [`Table::free_unchecked`](Table::free_unchecked). So does it if a `Unique` is dropped there.
    #[inline]
    pub fn free(self) -> E {
        let this = ManuallyDrop::new(self);
        // SAFETY: this is the only owner of the slot, and is not used again.
        unsafe { this.table.free_unchecked(this.handle) }
    }
}

impl<E: Packed> Drop for Unique<'_, E> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the only owner of the slot, and is not used again.
        unsafe { self.table.free_unchecked(self.handle) };
    }
}

impl<'t, E: Packed> Mutator<'t, E> {
    /// Puts an entry into a free slot. See [`UniqueTable::allocate`].
    ///
    /// # Errors
    ///
    /// Same as [`UniqueTable::allocate`].
    #[inline]
    pub fn allocate(&self, entry: E) -> Result<Unique<'t, E>, AllocError> {
        self.mutator.allocate(entry).map(|handle| Unique { table: self.table, handle })
    }

    /// Frees a slot, and returns its entry, like [`Unique::free`]. A slot of another table goes
    /// back there. Lock-free.
    #[inline]
    pub fn free(&self, owner: Unique<'_, E>) -> E {
        if !core::ptr::eq(owner.table, self.table) {
            return free_elsewhere(owner);
        }
        let owner = ManuallyDrop::new(owner);
        // SAFETY: a live slot of this table. `owner` is its only owner, and is not used again.
        unsafe { self.mutator.free_unchecked(owner.handle) }
    }
}

// Out of line, so that `Mutator::free` is short enough to be inlined.
#[cold]
#[inline(never)]
fn free_elsewhere<E: Packed>(owner: Unique<'_, E>) -> E {
    owner.free()
}

fmt!([E: Packed] Debug for UniqueTable<E>, |this, f| {
    f.debug_struct("UniqueTable").field("capacity", &this.capacity()).finish_non_exhaustive()
});
fmt!([E: Packed + core::fmt::Debug] Debug for Unique<'_, E>, |this, f| {
    f.debug_struct("Unique").field("handle", &this.handle).field("entry", &this.get()).finish()
});
fmt!([E: Packed] Debug for Mutator<'_, E>, |this, f| this.mutator.fmt(f));
