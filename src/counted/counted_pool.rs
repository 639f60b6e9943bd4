//! The facade: a pool of values with counted references.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::common::{Inner, close};
use super::entry::{Entry, OwnedEntry};
use super::held::Held;
use super::making::{Making, OwnedRefMut, RefMut};
use super::operations::{Iter, operations, traits};
use crate::allocator::audit::audit;
use crate::allocator::{Audit, AuditError, Builder};
use crate::bits::geometry::SEGMENT_BYTES;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::error::{AllocError, BuildError};
use crate::slab::Clear;
use crate::sys::Protection;

/// A concurrent pool whose values are cleared with their last reference, and reused with their
/// storage: a [`CountedSlab`](super::CountedSlab) for buffers and strings.
///
/// [`clear`](Self::clear) removes a value. It is cleared by that call if nothing references it,
/// else by the drop of the last reference, on whatever thread that happens. The cleared value stays
/// in its slot, for the next value there. If clearing panics, the value is dropped instead, and the
/// panic reaches the caller. Dropping the pool drops its values without clearing them.
///
/// What holds of a [`CountedSlab`](super::CountedSlab) holds of a pool: keys never alias, progress,
/// and what happens where no operation can begin.
///
/// ```
/// use slotarena::CountedPool;
///
/// let pool = CountedPool::<Vec<u8>>::new()?;
/// let key = pool.create_with(|buffer| buffer.resize(10_000, 7))?;
/// let entry = pool.get(key).expect("it is there");
/// assert!(pool.clear(key));
/// assert_eq!(entry.len(), 10_000);
/// drop(entry); // clears the value
/// let key = pool.create_with(|buffer| {
///     assert!(buffer.is_empty() && buffer.capacity() >= 10_000);
/// })?;
/// assert!(pool.get(key).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// Aligned, so that no line of it is shared with data that another thread writes to.
#[repr(align(128))]
pub struct CountedPool<T: Clear + Default + Send + Sync + 'static, M = ()> {
    inner: NonNull<Inner<T>>,
    mark: PhantomData<fn(M) -> M>,
}

traits!([T: Clear + Default + Send + Sync + 'static, M] CountedPool<T, M>, "CountedPool");

impl<T: Clear + Default + Send + Sync + 'static> CountedPool<T> {
    /// Makes a pool of the [default size](Builder::capacity_at_most), or smaller where the system
    /// grants fewer addresses.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants none.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }
}

impl<T: Clear + Default + Send + Sync + 'static, M> CountedPool<T, M> {
    /// Returns a builder of pools. All its functions but `build` are `const`.
    pub const fn builder() -> Builder<Self> {
        Builder::new()
    }

    /// Takes a cleared value, or a default one, calls `fill` to fill it, and returns its key. If
    /// `fill` panics, the value is cleared. Lock-free, but for `fill` and `default`.
    ///
    /// # Errors
    ///
    /// [`AllocError`] if the pool is full, if the system refuses memory, or if no operation could
    /// begin. `fill` has not been called then.
    #[inline(always)]
    pub fn create_with(&self, fill: impl FnOnce(&mut T)) -> Result<Key<M>, AllocError> {
        let mut making = Making::with_value(self.inner())?;
        // SAFETY: it has a value.
        fill(unsafe { making.value() });
        Ok(making.publish())
    }

    /// Takes a cleared value, or a default one, for the caller to fill. Its key is known already.
    /// Lock-free, but for `default`.
    ///
    /// ```
    /// let pool = slotarena::CountedPool::<Vec<u64>>::builder().capacity(100).build()?;
    /// let mut value = pool.create()?;
    /// let key = value.key();
    /// value.push(key.to_raw());
    /// let entry = value.downgrade();
    /// assert_eq!((entry.key(), &entry[..]), (key, &[key.to_raw()][..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`create_with`](Self::create_with).
    pub fn create(&self) -> Result<RefMut<'_, T, M>, AllocError> {
        let held = Making::with_value(self.inner())?.into_held();
        // SAFETY: the result takes the right over, and borrows `self`.
        Ok(unsafe { RefMut::new(held) })
    }

    /// Takes a value like [`create`](Self::create). The result does not borrow the pool. Lock-free,
    /// but for `default`.
    ///
    /// # Errors
    ///
    /// Same as [`create_with`](Self::create_with).
    pub fn create_owned(&self) -> Result<OwnedRefMut<T, M>, AllocError> {
        let held = Making::with_value(self.inner())?.into_held();
        // SAFETY: the result takes the right over.
        Ok(unsafe { OwnedRefMut::new(held) })
    }

    operations!();

    /// Removes a value, which is cleared now, or with the last reference to it. Returns `false` if
    /// the key names none, or if no operation could begin. Lock-free, but for `T`'s code.
    #[inline(always)]
    pub fn clear(&self, key: Key<M>) -> bool {
        self.try_clear(key).unwrap_or(false)
    }

    /// Removes a value, like [`clear`](Self::clear). Returns `false` if the key names none.
    ///
    /// # Errors
    ///
    /// [`OperationError`] if no operation could begin. The value stays.
    #[inline(always)]
    pub fn try_clear(&self, key: Key<M>) -> Result<bool, OperationError> {
        self.inner().remove(key)
    }

    /// Drops the cleared values, and gives back the memory of segments that hold nothing. Values
    /// that are cleared in the meantime are dropped too.
    ///
    /// Linear in the number of committed slots. Stops the world for the time that it takes to look
    /// at 4,096 of them, so often as is needed. Then it sweeps: see
    /// [`Table::sweep`](crate::Table::sweep). Without it, a pool gives nothing back, unless it
    /// [trims](Builder::trim) itself.
    ///
    /// ```
    /// let pool = slotarena::CountedPool::<String>::builder().capacity(100).build()?;
    /// let key = pool.create_with(|text| text.push('a'))?;
    /// assert!(pool.clear(key));
    /// pool.shrink_to_fit();
    /// assert_eq!(pool.audit()?.slots_committed, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the drop of a cleared value does. Same as a [table's](crate::Table#panics) else.
    pub fn shrink_to_fit(&self) {
        self.inner().shrink();
    }
}

impl<T: Clear + Default + Send + Sync + 'static, M> Builder<CountedPool<T, M>> {
    /// Builds the pool: reserves the addresses, and commits nothing yet. The slots
    /// of a small one are allocated (see [`capacity`](Self::capacity)).
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<CountedPool<T, M>, BuildError> {
        const { assert!(align_of::<T>() <= SEGMENT_BYTES, "an alignment above 64 KiB") };
        let config = self.config.without_bias().small_if_few();
        let allocator = config.allocator(Protection::None)?;
        let inner = Inner::new(allocator, Some(T::clear), &config)?;
        Ok(CountedPool { inner, mark: PhantomData })
    }
}
