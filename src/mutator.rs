//! An explicit participant: a private store of free slots in one's own hand.

use crate::allocator::Allocator;
use crate::entry::Entry;
use crate::error::{AllocError, FreeManyError, InvalidHandle, SetError};
use crate::handle::Handle;
use crate::ops::Ops;
use crate::world::Registration;

/// A participant of a [`Table`](crate::Table): allocates and frees through a private store of
/// free slots, without touching a cache line that another thread writes to.
///
/// Each operation means what the operation of the same name on the table means, with the same
/// errors and the same progress. It is a little faster: the table's own look up the calling
/// thread's participant first. A mutator may be sent to another thread. Dropping it puts its
/// free slots back where all find them; forgetting it ([`core::mem::forget`]) loses none either:
/// a sweep finds them.
///
/// ```
/// # let table = slotarena::Table::<u64>::builder().capacity(100).build()?;
/// let mut mutator = table.mutator();
/// let handle = mutator.allocate(7)?;
/// assert_eq!(table.get(handle), Some(7));
/// assert_eq!(mutator.free(handle)?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Mutator<'t, E: Entry> {
    allocator: &'t Allocator<E::Word>,
    ops: Ops<'t, E>,
    /// Taken when this is dropped.
    registration: Option<Registration>,
}

// `Send` comes from the fields: a record may be used by one thread after the other. So does
// `Sync`: nothing can be done with a shared reference to a mutator.

impl<'t, E: Entry> Mutator<'t, E> {
    pub(crate) fn new(allocator: &'t Allocator<E::Word>) -> Self {
        let registration = allocator.world.register();
        // SAFETY: the record lives as long as the allocator, which is borrowed.
        let record = unsafe { registration.record().as_ref() };
        // SAFETY: this mutator owns the record, and takes `&mut self` for every operation.
        let ops = unsafe { Ops::new(allocator, record) };
        Self { allocator, ops, registration: Some(registration) }
    }

    /// See [`Table::allocate`](crate::Table::allocate).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn allocate(&mut self, entry: E) -> Result<Handle, AllocError> {
        self.ops.allocate(entry)
    }

    /// See [`Table::allocate_uninitialized`](crate::Table::allocate_uninitialized).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn allocate_uninitialized(&mut self) -> Result<Handle, AllocError> {
        self.ops.allocate_uninitialized()
    }

    /// See [`Table::allocate_many`](crate::Table::allocate_many).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn allocate_many(
        &mut self,
        entries: &[E],
        out: &mut Vec<Handle>,
    ) -> Result<(), AllocError> {
        self.ops.allocate_many(entries, out)
    }

    /// See [`Table::set`](crate::Table::set).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn set(&mut self, handle: Handle, entry: E) -> Result<Option<E>, SetError> {
        self.ops.set(handle, entry)
    }

    /// See [`Table::free`](crate::Table::free).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn free(&mut self, handle: Handle) -> Result<E, InvalidHandle> {
        self.ops.free(handle)
    }

    /// See [`Table::free_uninitialized`](crate::Table::free_uninitialized).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn free_uninitialized(&mut self, handle: Handle) -> Result<(), InvalidHandle> {
        self.ops.free_uninitialized(handle)
    }

    /// See [`Table::free_many`](crate::Table::free_many).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn free_many(&mut self, handles: &[Handle]) -> Result<(), FreeManyError> {
        self.ops.free_many(handles)
    }
}

impl<E: Entry> Drop for Mutator<'_, E> {
    /// Puts the free slots of the private store back. Blocks while the world is stopped.
    fn drop(&mut self) {
        if let Some(registration) = self.registration.take() {
            self.allocator.unregister(registration);
        }
    }
}
