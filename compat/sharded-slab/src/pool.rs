//! The pool, whose values are cleared with their last reference and used again.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use slotarena::{CountedPool, counted};

pub use crate::clear::Clear;
use crate::clear::Pooled;
use crate::config::{Config, DefaultConfig, used_bits};
use crate::key::{from_number, to_number};
use crate::slab::reference;

/// A concurrent pool of values that are used again.
pub struct Pool<T: Clear + Default + Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: CountedPool<Pooled<T>>,
    config: PhantomData<fn() -> C>,
}

impl<T: Clear + Default + Send + Sync + 'static> Pool<T> {
    /// Makes a pool with the default options.
    ///
    /// # Panics
    ///
    /// If the system grants no addresses.
    #[must_use]
    pub fn new() -> Self {
        Self::new_with_config()
    }

    /// Makes a pool with the options of `C`.
    ///
    /// # Panics
    ///
    /// If the system grants no addresses.
    #[must_use]
    pub fn new_with_config<C: Config>() -> Pool<T, C> {
        let builder =
            const { CountedPool::builder().reserved_bits(C::RESERVED_BITS as u32).trim(true) };
        match builder.build() {
            Ok(inner) => Pool { inner, config: PhantomData },
            Err(error) => panic!("no pool: {error}"),
        }
    }
}

impl<T: Clear + Default + Send + Sync + 'static, C: Config> Pool<T, C> {
    /// The bits of a key that may be set.
    pub const USED_BITS: usize = used_bits::<C>();

    /// Takes a value out of the pool, to be filled. `None` if the pool is full.
    pub fn create(&self) -> Option<RefMut<'_, T, C>> {
        Some(RefMut { inner: self.inner.create().ok()?, config: PhantomData })
    }

    /// Takes a value, like [`create`](Self::create). The result does not borrow the pool.
    #[allow(clippy::needless_pass_by_value)]
    pub fn create_owned(self: Arc<Self>) -> Option<OwnedRefMut<T, C>> {
        Some(OwnedRefMut { inner: self.inner.create_owned().ok()?, config: PhantomData })
    }

    /// Takes a value, fills it, and returns its key. `None` if the pool is full.
    #[inline]
    pub fn create_with(&self, init: impl FnOnce(&mut T)) -> Option<usize> {
        self.inner.create_with(|value| init(&mut value.0)).ok().map(to_number)
    }

    /// Returns a reference to the value that a key names.
    #[inline]
    pub fn get(&self, key: usize) -> Option<Ref<'_, T, C>> {
        Some(Ref { inner: self.inner.get(from_number(key)?)?, config: PhantomData })
    }

    /// Returns a reference that does not borrow the pool.
    #[allow(clippy::needless_pass_by_value)]
    pub fn get_owned(self: Arc<Self>, key: usize) -> Option<OwnedRef<T, C>> {
        Some(OwnedRef { inner: self.inner.get_owned(from_number(key)?)?, config: PhantomData })
    }

    /// Removes a value. It is cleared now, or with the last reference to it. Returns `false` if the
    /// key names none.
    pub fn clear(&self, key: usize) -> bool {
        from_number(key).is_some_and(|key| self.inner.clear(key))
    }
}

impl<T: Clear + Default + Send + Sync + 'static> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clear + Default + Send + Sync + 'static, C: Config> fmt::Debug for Pool<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("capacity", &self.inner.capacity()).finish_non_exhaustive()
    }
}

/// A reference to a value, which borrows the pool.
pub struct Ref<'a, T: Clear + Default + Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: counted::Entry<'a, Pooled<T>>,
    config: PhantomData<fn() -> C>,
}

/// A value that is being filled. It borrows the pool.
pub struct RefMut<'a, T: Clear + Default + Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: counted::RefMut<'a, Pooled<T>>,
    config: PhantomData<fn() -> C>,
}

/// A reference to a value, which does not borrow the pool.
pub struct OwnedRef<T: Clear + Default + Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: counted::OwnedEntry<Pooled<T>>,
    config: PhantomData<fn() -> C>,
}

/// A value that is being filled. It does not borrow the pool.
pub struct OwnedRefMut<T: Clear + Default + Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: counted::OwnedRefMut<Pooled<T>>,
    config: PhantomData<fn() -> C>,
}

/// The value in what a pool keeps.
#[inline]
fn value<T>(pooled: &Pooled<T>) -> &T {
    &pooled.0
}

reference!(['a,] Ref<'a, T, C>, [Clear + Default], value);
reference!(['a,] RefMut<'a, T, C>, [Clear + Default], value);
reference!([] OwnedRef<T, C>, [Clear + Default], value);
reference!([] OwnedRefMut<T, C>, [Clear + Default], value);

macro_rules! filling {
    ([$($of:tt)*] $type:ty, $shared:ident $($args:tt)*) => {
        impl<$($of)* T: Clear + Default + Send + Sync + 'static, C: Config> $type {
            /// Turns this into a reference. The key finds the value from now on.
            pub fn downgrade(self) -> $shared $($args)* {
                $shared { inner: self.inner.downgrade(), config: PhantomData }
            }
        }

        impl<$($of)* T: Clear + Default + Send + Sync + 'static, C: Config> DerefMut for $type {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                &mut self.inner.0
            }
        }
    };
}

filling!(['a,] RefMut<'a, T, C>, Ref<'a, T, C>);
filling!([] OwnedRefMut<T, C>, OwnedRef<T, C>);
