//! A slab that keeps the storage of values that are gone.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;

use crossbeam_queue::ArrayQueue;

use crate::error::{AllocError, BuildError};
use crate::guard::Ref;
use crate::key::Key;
use crate::slab::Slab;

/// A value that can be emptied, and keeps its storage for what comes next.
pub trait Clear {
    /// Empties it. If this panics, the value is dropped.
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

/// How many cleared values a pool keeps for later, if nobody says otherwise.
const SPARE: usize = 1024;

/// A concurrent pool: a [`Slab`] whose values, once cleared, are used again, with the storage that
/// they have: buffers and strings keep their allocation.
///
/// A value is cleared when a slab would drop it: not while a guard can see it. Then it waits, with
/// up to so many others as [`with_spare`](Self::with_spare) says, for the next
/// [`create_with`](Self::create_with). Creating and clearing are lock-free as a slab's `insert` and
/// `remove` are.
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
    // Before the queue, to which its values go.
    slab: Slab<Pooled<T>>,
    /// Boxed, so that it stays where it is.
    spare: Box<ArrayQueue<T>>,
}

/// A value that goes to the queue when it is dropped.
struct Pooled<T: Clear> {
    value: ManuallyDrop<T>,
    spare: NonNull<ArrayQueue<T>>,
}

// SAFETY: the queue may be used from any thread; the value is `Send`.
unsafe impl<T: Clear + Send> Send for Pooled<T> {}
// SAFETY: shared, it gives the value alone.
unsafe impl<T: Clear + Sync> Sync for Pooled<T> {}

impl<T: Clear> Drop for Pooled<T> {
    fn drop(&mut self) {
        // SAFETY: taken once, here.
        let mut value = unsafe { ManuallyDrop::take(&mut self.value) };
        value.clear();
        // SAFETY: the pool drops its slab before its queue.
        let spare = unsafe { self.spare.as_ref() };
        // Where there is no room, it is dropped.
        drop(spare.push(value));
    }
}

impl<T: Clear + Default + Send + Sync + 'static> Pool<T> {
    /// A pool of as many values as the system grants addresses for, as [`Slab::new`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn new() -> Result<Self, BuildError> {
        Self::with_spare(SPARE)
    }

    /// The same, which keeps up to `values` cleared ones for later, at least 1. Default: 1,024.
    ///
    /// # Errors
    ///
    /// As [`Slab::new`].
    pub fn with_spare(values: usize) -> Result<Self, BuildError> {
        let spare = Box::new(ArrayQueue::new(values.max(1)));
        Ok(Self { slab: Slab::new()?, spare })
    }

    /// Takes a cleared value, or a default one, has `fill` fill it, and returns its key. If `fill`
    /// panics, the value is dropped. Lock-free.
    ///
    /// # Errors
    ///
    /// As [`Slab::insert`]. `fill` has been called then, and the value is kept for later.
    pub fn create_with(&self, fill: impl FnOnce(&mut T)) -> Result<Key, AllocError> {
        let mut value = self.spare.pop().unwrap_or_default();
        fill(&mut value);
        let value = ManuallyDrop::new(value);
        let pooled = Pooled { value, spare: NonNull::from(&*self.spare) };
        self.slab.insert(pooled).map_err(AllocError::from)
    }

    /// The value that a key names. See [`Slab::get`].
    #[must_use]
    pub fn get(&self, key: Key) -> Option<PoolRef<'_, T>> {
        Some(PoolRef(self.slab.get(key)?))
    }

    /// Removes a value, which is cleared once no guard can see it: `false` if the key names none.
    /// See [`Slab::remove`].
    pub fn clear(&self, key: Key) -> bool {
        self.slab.remove(key)
    }

    /// How many values there are. See [`Slab::len`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many cleared values are kept for later, now or a moment ago.
    #[must_use]
    pub fn spare(&self) -> usize {
        self.spare.len()
    }

    /// Drops the cleared values, and gives back memory that holds nothing. See [`Slab::sweep`].
    pub fn sweep(&self) {
        self.slab.sweep(0);
        while self.spare.pop().is_some() {}
    }
}

impl<T: Clear + Default + Send + Sync + 'static> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("len", &self.len()).field("spare", &self.spare()).finish()
    }
}

/// A value of a [`Pool`], with a guard of its own.
pub struct PoolRef<'p, T: Clear + Send + Sync + 'static>(Ref<'p, Pooled<T>>);

impl<T: Clear + Send + Sync + 'static> Deref for PoolRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Clear + Send + Sync + fmt::Debug + 'static> fmt::Debug for PoolRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
