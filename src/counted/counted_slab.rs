//! The facade: a slab of values with counted references.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::common::{Inner, close};
use super::entry::{Entry, OwnedEntry};
use super::held::Held;
use super::making::{Making, VacantEntry};
use super::operations::{Iter, operations, traits};
use crate::allocator::audit::audit;
use crate::allocator::{Audit, AuditError, Builder};
use crate::bits::geometry::SEGMENT_BYTES;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::error::{AllocError, BuildError};
use crate::slab::{InsertError, TakeError};
use crate::sweep::SweepReport;
use crate::sys::Protection;

/// A concurrent slab whose values are dropped with their last reference: holds values of any type
/// `T`, each named by a [`Key`].
///
/// All functions but `iter` and `get_mut` take `&self`, from any number of threads, and none is
/// unsafe. [The module](crate::counted) says when to choose this, and when a
/// [`Slab`](crate::Slab).
///
/// ```
/// use slotarena::CountedSlab;
///
/// let slab = CountedSlab::<String>::new()?;
/// let key = slab.insert("one".to_owned())?;
/// let entry = slab.get(key).expect("it is there");
/// assert!(slab.remove(key)); // the value is removed, and `entry` keeps it
/// assert_eq!(*entry, "one");
/// drop(entry); // drops the value, and frees its slot
/// assert!(slab.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Keys never alias, as those of a [`Slab`](crate::Slab#keys-never-alias).
///
/// # When values are dropped
///
/// A removed value is dropped once: by the removal if nothing references it, else by the drop of
/// the last reference, on whatever thread that happens. Its slot is free right after. `T`'s `drop`
/// may panic and may use the slab. The panic reaches the caller whose call dropped the value, and
/// the slot is free all the same.
///
/// When the slab is dropped, so are its values, but for those that an [`OwnedEntry`] keeps.
///
/// # Where no operation can begin
///
/// A signal handler or an allocator's hook that interrupts a call on the slab gets no reference and
/// removes nothing, as in [`Slab`](crate::Slab). It may drop the last reference to a removed value.
/// The value is dropped then. The slot waits for the next [`sweep`](Self::sweep), or for an
/// insertion into a full slab, and is used again after it. The same holds for a thread that has no
/// memory for its first operation. In a child process that cannot use the slab, such a slot is not
/// used again. References that other threads of the parent had are never dropped in a child.
///
/// # Progress
///
/// All calls are lock-free while no stop is under way, as for a [`Table`](crate::Table), but for
/// `T`'s own code. An insertion into a full slab stops the world. A thread's first call registers
/// the thread, which takes a lock. Dropping a reference begins an operation only if it is the last
/// one to a removed value.
// Aligned, so that no line of it is shared with data that another thread writes to.
#[repr(align(128))]
pub struct CountedSlab<T: Send + Sync + 'static, M = ()> {
    inner: NonNull<Inner<T>>,
    mark: PhantomData<fn(M) -> M>,
}

traits!([T: Send + Sync + 'static, M] CountedSlab<T, M>, "CountedSlab");

impl<T: Send + Sync + 'static> CountedSlab<T> {
    /// Makes a slab of the [default size](Builder::capacity_at_most), or smaller where the system
    /// grants fewer addresses.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants none.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }
}

impl<T: Send + Sync + 'static, M> CountedSlab<T, M> {
    /// Returns a builder of slabs. All its functions but `build` are `const`.
    pub const fn builder() -> Builder<Self> {
        Builder::new()
    }

    /// Inserts a value, and returns its key.
    ///
    /// Constant time, except that about each 64th call exchanges free slots with other participants
    /// or commits a segment. Lock-free; see [Progress](#progress).
    ///
    /// # Errors
    ///
    /// [`InsertError`], with the value, if the slab is full, if the system refuses memory, or if no
    /// operation could begin.
    #[inline(always)]
    pub fn insert(&self, value: T) -> Result<Key<M>, InsertError<T>> {
        match Making::new(self.inner()) {
            // SAFETY: a slab's slot has no value before.
            Ok(making) => Ok(unsafe { making.insert(value) }),
            Err(error) => Err(InsertError::new(value, error)),
        }
    }

    /// Inserts a value that may know its own key. Lock-free if `f` is.
    ///
    /// The key names nothing until `f` returns, and never will if `f` panics.
    ///
    /// # Errors
    ///
    /// Same as [`insert`](Self::insert). `f` is not called then.
    pub fn insert_with(&self, f: impl FnOnce(Key<M>) -> T) -> Result<Key<M>, AllocError> {
        let vacant = self.vacant_entry()?;
        let value = f(vacant.key());
        Ok(vacant.insert(value))
    }

    /// Reserves a slot for a value that is still to come. Lock-free.
    ///
    /// # Errors
    ///
    /// Same as [`insert`](Self::insert).
    pub fn vacant_entry(&self) -> Result<VacantEntry<'_, T, M>, AllocError> {
        Ok(VacantEntry { making: Making::new(self.inner())?, mark: PhantomData })
    }

    operations!();

    /// Removes a value. Returns `false` if the key names none, or if no operation could begin.
    /// Lock-free.
    ///
    /// Of several simultaneous removals, one succeeds. The value is dropped now, or with the last
    /// reference to it.
    #[inline(always)]
    pub fn remove(&self, key: Key<M>) -> bool {
        self.try_remove(key).unwrap_or(false)
    }

    /// Removes a value, like [`remove`](Self::remove). Returns `false` if the key names none.
    ///
    /// # Errors
    ///
    /// [`OperationError`] if no operation could begin. The value stays.
    #[inline(always)]
    pub fn try_remove(&self, key: Key<M>) -> Result<bool, OperationError> {
        self.inner().remove(key)
    }

    /// Removes a value, and returns it if nothing references it. Does not wait. Lock-free.
    ///
    /// # Errors
    ///
    /// [`TakeError::Absent`] if the key names no value. [`TakeError::Guarded`] if the call has
    /// removed the value, but references to it are left, the last of which drops it.
    /// [`TakeError::Operation`] if no operation could begin. The value stays then.
    pub fn take(&self, key: Key<M>) -> Result<T, TakeError> {
        self.inner().take(key, false)
    }

    /// Removes a value, waits until nothing references it, and returns it.
    ///
    /// Blocks forever if the caller has a reference to the value itself.
    ///
    /// ```
    /// let slab = slotarena::CountedSlab::<String>::builder().capacity(100).build()?;
    /// let key = slab.insert("waits".to_owned())?;
    /// let entry = slab.get_owned(key).expect("live");
    /// std::thread::spawn(move || drop(entry));
    /// assert_eq!(slab.take_wait(key).as_deref(), Ok("waits"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TakeError::Absent`] if the key names no value. [`TakeError::Operation`] if no operation
    /// could begin. The value stays then. [`TakeError::Guarded`] if the value has 2^28 - 1
    /// references. It is removed then, and its last reference drops it.
    pub fn take_wait(&self, key: Key<M>) -> Result<T, TakeError> {
        self.inner().take(key, true)
    }

    /// Gives back the memory of segments that hold nothing. See
    /// [`Table::sweep`](crate::Table::sweep). The report counts vacant entries, and removed values
    /// that are referenced, as live, and exhausted slots as uninitialized.
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        self.inner().sweep(threshold)
    }

    /// Gives back all memory that can go back: `sweep(0)`.
    pub fn shrink_to_fit(&self) {
        self.sweep(0);
    }
}

impl<T: Send + Sync + 'static, M> Builder<CountedSlab<T, M>> {
    /// Builds the slab: reserves the addresses, and commits nothing yet. The slots
    /// of a small one are allocated (see [`capacity`](Self::capacity)).
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<CountedSlab<T, M>, BuildError> {
        const { assert!(align_of::<T>() <= SEGMENT_BYTES, "an alignment above 64 KiB") };
        let config = self.config.without_bias().small_if_few();
        let allocator = config.allocator(Protection::None)?;
        let inner = Inner::new(allocator, None, &config)?;
        Ok(CountedSlab { inner, mark: PhantomData })
    }
}

#[cfg(test)]
#[path = "../../tests/unit/counted.rs"]
mod tests;
