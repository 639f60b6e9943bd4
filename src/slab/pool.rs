//! A slab that reuses the storage of cleared values.

use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::OsString;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError, RwLock};

use crossbeam_queue::ArrayQueue;

use super::guard::{Guard, Ref};
use super::operations::generations;
use super::slab::Slab;
use crate::allocator::Builder;
use crate::bits::key::Key;
use crate::error::{AllocError, BuildError};
use crate::sweep::SweepReport;
use crate::sync::{Ordering, unmodelled};

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
    [K, V] BTreeMap<K, V>,
    [T] BTreeSet<T>,
    [T] BinaryHeap<T>,
    [T] LinkedList<T>,
    [] OsString
);

impl Clear for () {
    fn clear(&mut self) {}
}

impl<T: Clear + ?Sized> Clear for Box<T> {
    fn clear(&mut self) {
        (**self).clear();
    }
}

/// Keeps the value and its storage: `Some` of a cleared value.
impl<T: Clear> Clear for Option<T> {
    fn clear(&mut self) {
        if let Some(value) = self {
            value.clear();
        }
    }
}

/// The poison of an earlier panic stays.
impl<T: Clear + ?Sized> Clear for Mutex<T> {
    fn clear(&mut self) {
        self.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The poison of an earlier panic stays.
impl<T: Clear + ?Sized> Clear for RwLock<T> {
    fn clear(&mut self) {
        self.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

macro_rules! clear_tuple {
    ($($part:ident)*) => {
        #[allow(non_snake_case)]
        impl<$($part: Clear),*> Clear for ($($part,)*) {
            fn clear(&mut self) {
                let ($($part,)*) = self;
                $($part.clear();)*
            }
        }
    };
}
clear_tuple!(A);
clear_tuple!(A B);
clear_tuple!(A B C);
clear_tuple!(A B C D);

/// The waiting values of a participant for which it looks at the guards before it makes a new one.
const WAITING: u64 = 16;

/// A concurrent pool: a [`Slab`] that reuses cleared values with their storage, so that buffers and
/// strings keep their allocation.
///
/// A value is cleared when a slab would drop it, not while a guard can see it. Then it waits for
/// the next [`create_with`](Self::create_with). [`Builder::spare`] limits the number of waiting
/// values. Creating and clearing are lock-free, like [`Slab::insert`] and [`Slab::remove`].
///
/// Where other threads have had references, a cleared value waits until its thread looks at the
/// guards ([details](crate::Slab#when-values-are-dropped)). A thread looks before it makes a new
/// value, if 16 of its own wait. So while no guard delays them, it makes 16 values more than are in
/// use, and reuses them.
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
pub struct Pool<T: Clear + Default + Send + Sync + 'static, M = ()> {
    // Declared before what is shared, to which its values go when it is dropped.
    slab: Slab<Pooled<T>, M>,
    /// Boxed for a stable address.
    shared: Box<Shared<T>>,
}

struct Shared<T> {
    spare: ArrayQueue<T>,
    /// `true` once the pool is being dropped. Not modelled: what is dropped then is dropped either
    /// way.
    is_over: unmodelled::AtomicBool,
}

/// A value that goes to the queue when it is dropped.
struct Pooled<T: Clear> {
    value: ManuallyDrop<T>,
    shared: NonNull<Shared<T>>,
}

// SAFETY: what is shared may be used from any thread; the value is `Send`.
unsafe impl<T: Clear + Send> Send for Pooled<T> {}
// SAFETY: a shared reference gives the value alone.
unsafe impl<T: Clear + Sync> Sync for Pooled<T> {}

impl<T: Clear> Drop for Pooled<T> {
    fn drop(&mut self) {
        // SAFETY: taken only here, once.
        let mut value = unsafe { ManuallyDrop::take(&mut self.value) };
        // SAFETY: the pool drops its slab before what is shared.
        let shared = unsafe { self.shared.as_ref() };
        // Relaxed: set by the thread that drops the slab.
        if !shared.is_over.load(Ordering::Relaxed) {
            value.clear();
            // A value that the queue has no room for is dropped.
            drop(shared.spare.push(value));
        }
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
}

impl<T: Clear + Default + Send + Sync + 'static, M> Pool<T, M> {
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
    pub fn create_with(&self, fill: impl FnOnce(&mut T)) -> Result<Key<M>, AllocError> {
        let mut value = self.cleared();
        fill(&mut value);
        self.slab.insert(self.pooled(value)).map_err(AllocError::from)
    }

    /// Like [`create_with`](Self::create_with), for a value that knows its own key.
    ///
    /// ```
    /// let pool = slotarena::Pool::<Vec<u64>>::new()?;
    /// let key = pool.create_with_key(|key, value| value.push(key.to_raw()))?;
    /// assert_eq!(*pool.get(key).expect("live"), [key.to_raw()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`Slab::insert`]. `fill` has not been called then.
    pub fn create_with_key(&self, fill: impl FnOnce(Key<M>, &mut T)) -> Result<Key<M>, AllocError> {
        self.slab.insert_with(|key| {
            let mut value = self.cleared();
            fill(key, &mut value);
            self.pooled(value)
        })
    }

    fn cleared(&self) -> T {
        let spare = || self.shared.spare.pop();
        spare()
            .or_else(|| {
                // Without an operation there is none to be had, and the insertion says why.
                let _ = self.slab.with(|owner| owner.reclaim_if(WAITING));
                spare()
            })
            .unwrap_or_default()
    }

    fn pooled(&self, value: T) -> Pooled<T> {
        Pooled { value: ManuallyDrop::new(value), shared: NonNull::from(&*self.shared) }
    }

    /// Returns the value that a key names. See [`Slab::get`].
    #[must_use]
    pub fn get(&self, key: Key<M>) -> Option<PoolRef<'_, T, M>> {
        Some(PoolRef(self.slab.get(key)?))
    }

    /// Begins a guard, under which several values are read. See [`Slab::pin`].
    ///
    /// ```
    /// let pool = slotarena::Pool::<String>::new()?;
    /// let key = pool.create_with(|text| text.push('a'))?;
    /// let guard = pool.pin();
    /// assert_eq!(guard.get(key).map(String::as_str), Some("a"));
    /// assert_eq!(guard.iter().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Same as [`Slab::pin`].
    pub fn pin(&self) -> PoolGuard<'_, T, M> {
        PoolGuard(self.slab.pin())
    }

    /// Returns `true` if the key names a value. See [`Slab::contains`].
    #[must_use]
    pub fn contains(&self, key: Key<M>) -> bool {
        self.slab.contains(key)
    }

    /// Removes a value, which is cleared once no guard can see it. Returns `false` if the key names
    /// none. See [`Slab::remove`].
    pub fn clear(&self, key: Key<M>) -> bool {
        self.slab.remove(key)
    }

    /// Removes every value for which `keep` returns `false`. See [`Slab::retain`].
    ///
    /// # Panics
    ///
    /// Same as [`Slab::retain`].
    pub fn retain(&self, mut keep: impl FnMut(Key<M>, &T) -> bool) {
        self.slab.retain(|key, pooled| keep(key, &pooled.value));
    }

    /// Clears every removed value that no guard can see. Returns the number that still wait. See
    /// [`Slab::flush`].
    pub fn flush(&self) -> u64 {
        self.slab.flush()
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

    /// Returns the most values that there can be at one time. Wait-free.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.slab.capacity()
    }

    /// Returns the approximate number of cleared values that are kept.
    #[must_use]
    pub fn spare(&self) -> usize {
        self.shared.spare.len()
    }

    /// Decommits segments without values. The cleared values stay. See [`Slab::sweep`].
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        self.slab.sweep(threshold)
    }

    /// Drops the cleared values, and decommits segments without values.
    pub fn shrink_to_fit(&self) {
        self.slab.sweep(0);
        while self.shared.spare.pop().is_some() {}
    }
}

impl<T: Clear + Default + Send + Sync + 'static, M> Drop for Pool<T, M> {
    fn drop(&mut self) {
        // The values that are left are dropped as they are.
        // Relaxed: no other thread has the pool.
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

generations!([T: Clear + Default + Send + Sync + 'static, M] Pool<T, M>);

impl<T: Clear + Default + Send + Sync + 'static, M> Builder<Pool<T, M>> {
    /// Sets the most cleared values that the pool keeps, at least 1. Default: 1,024.
    pub const fn spare(mut self, values: usize) -> Self {
        self.config.spare = values;
        self
    }

    /// Builds the pool: reserves the addresses, and commits nothing yet. The slots
    /// of a small one are allocated (see [`capacity`](Self::capacity)).
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<Pool<T, M>, BuildError> {
        let spare = ArrayQueue::new(self.config.spare.max(1));
        let shared = Box::new(Shared { spare, is_over: unmodelled::AtomicBool::new(false) });
        let mut slab = Slab::builder();
        slab.config = self.config;
        Ok(Pool { slab: slab.build()?, shared })
    }
}

fmt!([T: Clear + Default + Send + Sync + 'static, M] Debug for Pool<T, M>, |this, f| {
    f.debug_struct("Pool").field("spare", &this.spare()).finish_non_exhaustive()
});

/// A guard of a [`Pool`]: a value that is read under it is not cleared until the guard is dropped.
/// See [`Guard`].
pub struct PoolGuard<'p, T: Clear + Send + Sync + 'static, M = ()>(Guard<'p, Pooled<T>, M>);

impl<T: Clear + Send + Sync + 'static, M> PoolGuard<'_, T, M> {
    /// Returns the value that a key names, if it exists. Wait-free.
    #[must_use]
    pub fn get(&self, key: Key<M>) -> Option<&T> {
        Some(&self.0.get(key)?.value)
    }

    /// Iterates over the values, each with its key, by ascending index. See [`Guard::iter`].
    pub fn iter(&self) -> impl Iterator<Item = (Key<M>, &T)> {
        self.0.iter().map(|(key, pooled)| (key, &*pooled.value))
    }
}

fmt!([T: Clear + Send + Sync + 'static, M] Debug for PoolGuard<'_, T, M>, |_, f| {
    f.write_str("PoolGuard")
});

/// A reference to a value of a [`Pool`], which holds a guard.
pub struct PoolRef<'p, T: Clear + Send + Sync + 'static, M = ()>(Ref<'p, Pooled<T>, M>);

impl<T: Clear + Send + Sync + 'static, M> Deref for PoolRef<'_, T, M> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

fmt!([T: Clear + Send + Sync + core::fmt::Debug + 'static, M] Debug for PoolRef<'_, T, M>,
    |this, f| (**this).fmt(f));
