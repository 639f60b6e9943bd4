//! An explicit participant: a private store of free slots in one's own hand.

use core::marker::PhantomData;

use crate::allocator::Allocator;
use crate::entry::Entry;
use crate::error::{AllocError, FreeManyError, SetError};
use crate::handle::{Handle, InvalidHandle};
use crate::ops::{self, Participant};
use crate::record::Record;
use crate::word::Word;
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
    own: Own<'t, E::Word>,
    /// Taken when this is dropped.
    registration: Option<Registration>,
    entry: PhantomData<fn() -> E>,
}

/// The record of a mutator.
#[derive(Debug)]
struct Own<'t, W: Word> {
    allocator: &'t Allocator<W>,
    record: &'t Record,
}

// SAFETY: the mutator owns the record, and takes `&mut self` for every operation.
unsafe impl<W: Word> Participant<W> for Own<'_, W> {
    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(&Allocator<W>, &Record) -> R) -> R {
        f(self.allocator, self.record)
    }
}

// `Send` comes from the fields: a record may be used by one thread after the other. So does
// `Sync`: nothing can be done with a shared reference to a mutator.

impl<'t, E: Entry> Mutator<'t, E> {
    pub(crate) fn new(allocator: &'t Allocator<E::Word>) -> Self {
        let registration = allocator.world.register();
        // SAFETY: the record lives as long as the allocator, which is borrowed.
        let record = unsafe { registration.record().as_ref() };
        let own = Own { allocator, record };
        Self { own, registration: Some(registration), entry: PhantomData }
    }

    /// See [`Table::allocate`](crate::Table::allocate).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn allocate(&mut self, entry: E) -> Result<Handle, AllocError> {
        ops::allocate(&self.own, entry)
    }

    /// See [`Table::allocate_uninitialized`](crate::Table::allocate_uninitialized).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn allocate_uninitialized(&mut self) -> Result<Handle, AllocError> {
        ops::allocate_uninitialized(&self.own)
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
        ops::allocate_many(&self.own, entries, out)
    }

    /// See [`Table::set`](crate::Table::set).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn set(&mut self, handle: Handle, entry: E) -> Result<Option<E>, SetError> {
        ops::set(&self.own, handle, entry)
    }

    /// See [`Table::free`](crate::Table::free).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn free(&mut self, handle: Handle) -> Result<E, InvalidHandle> {
        ops::free(&self.own, handle)
    }

    /// See [`Table::free_unchecked`](crate::Table::free_unchecked).
    ///
    /// # Safety
    ///
    /// As there.
    #[inline]
    pub unsafe fn free_unchecked(&mut self, handle: Handle) -> E {
        // SAFETY: by the contract of this function.
        unsafe { ops::free_unchecked(&self.own, handle) }
    }

    /// See [`Table::free_uninitialized`](crate::Table::free_uninitialized).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn free_uninitialized(&mut self, handle: Handle) -> Result<(), InvalidHandle> {
        ops::free_uninitialized(&self.own, handle)
    }

    /// See [`Table::free_many`](crate::Table::free_many).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn free_many(&mut self, handles: &[Handle]) -> Result<(), FreeManyError> {
        ops::free_many(&self.own, handles)
    }
}

impl<E: Entry> Drop for Mutator<'_, E> {
    /// Puts the free slots of the private store back. Blocks while the world is stopped.
    fn drop(&mut self) {
        if let Some(registration) = self.registration.take() {
            self.own.allocator.unregister(registration);
        }
    }
}
