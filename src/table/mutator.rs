//! An explicit participant of a table.

use core::cell::Cell;
use core::marker::PhantomData;

use super::entry::Packed;
use super::operations::{lookups, operations};
use super::ops::{self, WithOwner};
use crate::allocator::{Allocator, Owner};
use crate::arena::View;
use crate::bits::handle::{Handle, HandleError, OperationError};
use crate::bits::word::Word;
use crate::error::{AllocError, FreeManyError, SetError};
use crate::safepoint::{Record, Registration, Shared};

/// A participant of a [`Table`](crate::Table): allocates and frees through a local store of free
/// slots, without touching a cache line that another thread writes to.
///
/// Each function does the same as the function of the same name on the table, with the same errors
/// and progress guarantee. It is a little faster, since the table's own functions look up the
/// calling thread's participant first.
///
/// A mutator may be sent to another thread. Dropping it puts its free slots onto the shared lists.
/// Forgetting it ([`core::mem::forget`]) loses none: a sweep finds them.
///
/// ```
/// # let table = slotarena::Table::<u64>::builder().capacity(100).build()?;
/// let mutator = table.mutator();
/// let handle = mutator.allocate(7)?;
/// assert_eq!(mutator.get(handle), Some(7));
/// assert_eq!(mutator.free(handle)?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mutator<'t, E: Packed> {
    own: Own<'t, E::Word>,
    view: View<E::Word>,
    /// Taken when this is dropped.
    registration: Option<Registration>,
    entry: PhantomData<fn() -> E>,
}

/// The participant of a mutator.
struct Own<'t, W: Word> {
    allocator: &'t Allocator<W>,
    record: &'t Record,
    /// Not `Sync`: one thread at a time uses the participant.
    not_sync: PhantomData<Cell<()>>,
}

impl<W: Word> WithOwner<W> for Own<'_, W> {
    const IS_REGISTERED: bool = true;

    #[inline(always)]
    fn with_else<R>(&self, f: impl FnOnce(Owner<'_, W>) -> R, _: impl FnOnce() -> R) -> R {
        // SAFETY: the mutator owns the record and is not `Sync`. `f` runs no user code, so no
        // second token is used before `f` returns.
        f(unsafe { Owner::new(self.allocator, self.record) })
    }

    #[inline(always)]
    unsafe fn last(&self) -> Option<Owner<'_, W>> {
        // SAFETY: the mutator owns the record and is not `Sync`. The caller runs no user code, so
        // no second token is used before the operation ends.
        Some(unsafe { Owner::new(self.allocator, self.record) })
    }

    fn is_last(&self) -> bool {
        true
    }

    fn refusal(&self) -> Option<OperationError> {
        self.allocator.space.safepoint.refusal(self.record)
    }

    fn load(&self, raw: u32) -> W {
        self.allocator.space.arena.slot(raw).load()
    }
}

impl<'t, E: Packed> Mutator<'t, E> {
    pub(crate) fn new(allocator: &'t Allocator<E::Word>) -> Self {
        let registration = allocator.register();
        let record = match &registration {
            // SAFETY: the record lives as long as the registration.
            Ok(registration) => unsafe { registration.record().as_ref() },
            // The mutator's operations answer with the error.
            Err(error) => Record::refused(*error),
        };
        let own = Own { allocator, record, not_sync: PhantomData };
        let view = allocator.space.arena.view();
        Self { own, view, registration: registration.ok(), entry: PhantomData }
    }

    /// Calls `f` inside an operation, as a signal handler that interrupts one.
    #[cfg(model)]
    #[doc(hidden)]
    pub fn interrupted<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: the mutator owns the record. What `f` begins on it is refused.
        let mut owner = unsafe { Owner::new(self.own.allocator, self.own.record) };
        let _operation = owner.enter();
        f()
    }

    operations!(self => &self.own);
    lookups!(self => self.own.allocator.space.arena, &self.view);
}

impl<E: Packed> Drop for Mutator<'_, E> {
    /// Puts the local store's free slots onto a shared list. Up to two magazines may stay for the
    /// next participant, where there is a [`bias`](crate::Builder::bias). Blocks while the world is
    /// stopped.
    fn drop(&mut self) {
        if let Some(registration) = self.registration.take() {
            self.own.allocator.unregister(registration);
        }
    }
}

fmt!([E: Packed] Debug for Mutator<'_, E>, |this, f| {
    let capacity = this.own.allocator.capacity();
    f.debug_struct("Mutator").field("capacity", &capacity).finish_non_exhaustive()
});
