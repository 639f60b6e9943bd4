//! A table in a `static`.

use core::ptr;

use crate::builder::Builder;
use crate::entry::Entry;
use crate::error::BuildError;
use crate::sync::{AtomicPtr, Ordering};
use crate::table::Table;

/// A process-wide table that is made when it is first asked for, and never torn down.
///
/// ```
/// use slotarena::{StaticTable, Table};
///
/// static CONNECTIONS: StaticTable<u64> =
///     StaticTable::new(Table::<u64>::builder().capacity_at_most(1 << 20));
///
/// let table = CONNECTIONS.get()?;
/// let handle = table.allocate(42)?;
/// assert_eq!(CONNECTIONS.get()?.free(handle)?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StaticTable<E: Entry> {
    builder: Builder<E>,
    table: AtomicPtr<Table<E>>,
}

impl<E: Entry> StaticTable<E> {
    /// A table that will be as `builder` says. Reserves nothing yet.
    #[cfg(not(all(loom, feature = "loom")))]
    pub const fn new(builder: Builder<E>) -> Self {
        Self { builder, table: AtomicPtr::new(ptr::null_mut()) }
    }

    /// A table that will be as `builder` says. Not `const`, since loom's atomics are not.
    #[cfg(all(loom, feature = "loom"))]
    pub fn new(builder: Builder<E>) -> Self {
        Self { builder, table: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The table, made now if it was not yet. Lock-free: threads that come at the same time may
    /// each make one; all but one are dropped at once, before anything was put into them.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`]. The next call tries again.
    #[inline]
    pub fn get(&'static self) -> Result<&'static Table<E>, BuildError> {
        // Acquire: the table that the pointer leads to is seen as it was made. Partner: the
        // compare-and-swap in `make`.
        // site: static_table.get.load
        match ptr::NonNull::new(self.table.load(Ordering::Acquire)) {
            // SAFETY: came from a box that was leaked, so it is there for ever.
            Some(table) => Ok(unsafe { table.as_ref() }),
            None => self.make(),
        }
    }

    /// Drops the table, which a real `static` never does: a model has to end with nothing left.
    #[cfg(all(loom, feature = "loom"))]
    #[doc(hidden)]
    pub fn take_down(self) {
        // Relaxed: `self` is owned, so every other use has ended and is ordered before.
        let table = self.table.load(Ordering::Relaxed);
        if !table.is_null() {
            // SAFETY: from a box that was leaked in `make`; nobody else has it any more.
            drop(unsafe { Box::from_raw(table) });
        }
    }

    #[cold]
    fn make(&'static self) -> Result<&'static Table<E>, BuildError> {
        let fresh = Box::into_raw(Box::new(self.builder.build()?));
        // Release: hands the table to all who come later. Partner: `get`.
        // Acquire: on failure, since another's table is then used.
        // site: static_table.make.compare_exchange
        let result = self.table.compare_exchange(
            ptr::null_mut(),
            fresh,
            Ordering::Release,
            Ordering::Acquire,
        );
        match result {
            // SAFETY: leaked from now on.
            Ok(_) => Ok(unsafe { &*fresh }),
            Err(winner) => {
                // SAFETY: made above from a box, and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: not null, and leaked by whoever put it there.
                Ok(unsafe { &*winner })
            }
        }
    }
}
