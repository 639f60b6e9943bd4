//! A slab that reuses the storage of cleared values.

use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;

use crossbeam_queue::ArrayQueue;

use super::guard::Ref;
use super::slab::Slab;
use crate::allocator::Builder;
use crate::bits::key::Key;
use crate::error::{AllocError, BuildError};

/// A value that can be emptied and keeps its storage.
pub trait Clear {
    /// Empties the value. If this panics, the value is dropped.
    fn clear(&mut self);
}

macro_rules! clear {
    ($([$($generics:tt)*] $type:ty),*) => {$(
        impl<$($generics)*> Clear for $type {
            fn clear(&mut self) {
                <$type>::clear(self);
            }
        }
    )*};
}
clear!(
    [] String,
    [T] Vec<T>,
    [T] VecDeque<T>,
    [K, V, S: BuildHasher] HashMap<K, V, S>,
    [T, S: BuildHasher] HashSet<T, S>,
    [K, V] BTreeMap<K, V>
);

impl<T: Clear> Clear for Option<T> {
    fn clear(&mut self) {
        if let Some(value) = self {
            value.clear();
        }
    }
}

/// A concurrent pool: a [`Slab`] that reuses cleared values with their storage, so that buffers and
/// strings keep their allocation.
///
/// A value is cleared when a slab would drop it, not while a guard can see it. Then it waits for
/// the next [`create_with`](Self::create_with). [`Builder::spare`] limits the number of waiting
/// values. Creating and clearing are lock-free, like [`Slab::insert`] and [`Slab::remove`].
///
/// ```
/// use slotarena::Pool;
///
/// let pool = Pool::<Vec<u8>>::new()?;
/// let key = pool.create_with(|buffer| buffer.resize(10_000, 7))?;
/// assert_eq!(pool.get(key).expect("it is there").len(), 10_000);
/// assert!(pool.clear(key));
/// let key = pool.create_with(|buffer| {
///     assert!(buffer.is_empty() && buffer.capacity() >= 10_000);
/// })?;
/// assert!(pool.get(key).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool<T: Clear + Default + Send + Sync + 'static> {
    // Declared before the queue, since its values go there when it is dropped.
    slab: Slab<Pooled<T>>,
    /// Boxed for a stable address.
    spare: Box<ArrayQueue<T>>,
}

/// A value that goes to the queue when it is dropped.
struct Pooled<T: Clear> {
    value: ManuallyDrop<T>,
    spare: NonNull<ArrayQueue<T>>,
}

// SAFETY: the queue may be used from any thread; the value is `Send`.
unsafe impl<T: Clear + Send> Send for Pooled<T> {}
// SAFETY: a shared reference gives the value alone.
unsafe impl<T: Clear + Sync> Sync for Pooled<T> {}

impl<T: Clear> Drop for Pooled<T> {
    fn drop(&mut self) {
        // SAFETY: taken only here, once.
        let mut value = unsafe { ManuallyDrop::take(&mut self.value) };
        value.clear();
        // SAFETY: the pool drops its slab before its queue.
        let spare = unsafe { self.spare.as_ref() };
        // A value that the queue has no room for is dropped.
        drop(spare.push(value));
    }
}

impl<T: Clear + Default + Send + Sync + 'static> Pool<T> {
    /// Makes a pool of as many values as the system grants addresses for. See [`Slab::new`].
    ///
    /// # Errors
    ///
    /// Same as [`Slab::new`].
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Returns a builder of pools. All its functions but `build` are `const`.
    pub const fn builder() -> Builder<Self> {
        Builder::new()
    }

    /// Takes a cleared value, or a default one, calls `fill` to fill it, and returns its key. If
    /// `fill` panics, the value is dropped. Lock-free.
    ///
    /// # Errors
    ///
    /// Same as [`Slab::insert`]. By then `fill` has been called, and the pool keeps the value.
    pub fn create_with(&self, fill: impl FnOnce(&mut T)) -> Result<Key, AllocError> {
        let mut value = self.spare.pop().unwrap_or_default();
        fill(&mut value);
        let value = ManuallyDrop::new(value);
        let pooled = Pooled { value, spare: NonNull::from(&*self.spare) };
        self.slab.insert(pooled).map_err(AllocError::from)
    }

    /// Returns the value that a key names. See [`Slab::get`].
    #[must_use]
    pub fn get(&self, key: Key) -> Option<PoolRef<'_, T>> {
        Some(PoolRef(self.slab.get(key)?))
    }

    /// Removes a value, which is cleared once no guard can see it. Returns `false` if the key names
    /// none. See [`Slab::remove`].
    pub fn clear(&self, key: Key) -> bool {
        self.slab.remove(key)
    }

    /// Returns the approximate number of values. See [`Slab::len`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Returns `true` if the pool has no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the approximate number of cleared values that are kept.
    #[must_use]
    pub fn spare(&self) -> usize {
        self.spare.len()
    }

    /// Drops the cleared values, and decommits segments without values. See [`Slab::sweep`].
    pub fn sweep(&self) {
        self.slab.sweep(0);
        while self.spare.pop().is_some() {}
    }
}

impl<T: Clear + Default + Send + Sync + 'static> Builder<Pool<T>> {
    /// Sets the most cleared values that the pool keeps, at least 1. Default: 1,024.
    pub const fn spare(mut self, values: usize) -> Self {
        self.config.spare = values;
        self
    }

    /// Builds the pool: reserves the addresses, and commits nothing yet.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<Pool<T>, BuildError> {
        let spare = Box::new(ArrayQueue::new(self.config.spare.max(1)));
        let mut slab = Slab::builder();
        slab.config = self.config;
        Ok(Pool { slab: slab.build()?, spare })
    }
}

fmt!([T: Clear + Default + Send + Sync + 'static] Debug for Pool<T>, |this, f| {
    f.debug_struct("Pool").field("spare", &this.spare()).finish_non_exhaustive()
});

/// A reference to a value of a [`Pool`], which holds a guard.
pub struct PoolRef<'p, T: Clear + Send + Sync + 'static>(Ref<'p, Pooled<T>>);

impl<T: Clear + Send + Sync + 'static> Deref for PoolRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

fmt!([T: Clear + Send + Sync + core::fmt::Debug + 'static] Debug for PoolRef<'_, T>, |this, f| {
    (**this).fmt(f)
});
