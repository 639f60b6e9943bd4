//! The slab.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use slotarena::{CountedSlab, counted};

use crate::config::{Config, DefaultConfig, used_bits};
use crate::key::{from_number, to_number};

/// Implements what a reference to a value has. `$value` gives the value of what slotarena keeps.
macro_rules! reference {
    ([$($of:tt)*] $type:ty, [$($bound:tt)*], $value:expr) => {
        impl<$($of)* T: $($bound)* + Send + Sync + 'static, C: Config> $type {
            /// Returns the key of the value.
            pub fn key(&self) -> usize {
                to_number(self.inner.key())
            }
        }

        impl<$($of)* T: $($bound)* + Send + Sync + 'static, C: Config> Deref for $type {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                $value(&*self.inner)
            }
        }

        impl<$($of)* T, C: Config> fmt::Debug for $type
        where
            T: $($bound)* + fmt::Debug + Send + Sync + 'static,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($of)* T, C: Config> PartialEq<T> for $type
        where
            T: $($bound)* + PartialEq<T> + Send + Sync + 'static,
        {
            fn eq(&self, other: &T) -> bool {
                **self == *other
            }
        }
    };
}
pub(crate) use reference;

/// A concurrent slab, whose values are dropped with their last reference.
pub struct Slab<T: Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: CountedSlab<T>,
    config: PhantomData<fn() -> C>,
}

impl<T: Send + Sync + 'static> Slab<T> {
    /// Makes a slab with the default options.
    ///
    /// # Panics
    ///
    /// If the system grants no addresses.
    #[must_use]
    pub fn new() -> Self {
        Self::new_with_config()
    }

    /// Makes a slab with the options of `C`.
    ///
    /// # Panics
    ///
    /// If the system grants no addresses.
    #[must_use]
    pub fn new_with_config<C: Config>() -> Slab<T, C> {
        let builder =
            const { CountedSlab::builder().reserved_bits(C::RESERVED_BITS as u32).trim(true) };
        match builder.build() {
            Ok(inner) => Slab { inner, config: PhantomData },
            Err(error) => panic!("no slab: {error}"),
        }
    }
}

impl<T: Send + Sync + 'static, C: Config> Slab<T, C> {
    /// The bits of a key that may be set.
    pub const USED_BITS: usize = used_bits::<C>();

    /// Inserts a value, and returns its key. `None` if the slab is full.
    pub fn insert(&self, value: T) -> Option<usize> {
        self.inner.insert(value).ok().map(to_number)
    }

    /// Reserves a slot for a value that needs its own key. `None` if the slab is full.
    pub fn vacant_entry(&self) -> Option<VacantEntry<'_, T, C>> {
        Some(VacantEntry { inner: self.inner.vacant_entry().ok()?, config: PhantomData })
    }

    /// Removes a value. It is dropped now, or with the last reference to it. Returns `false` if the
    /// key names none.
    pub fn remove(&self, key: usize) -> bool {
        from_number(key).is_some_and(|key| self.inner.remove(key))
    }

    /// Removes a value, waits until nothing references it, and returns it.
    pub fn take(&self, key: usize) -> Option<T> {
        self.inner.take_wait(from_number(key)?).ok()
    }

    /// Returns a reference to the value that a key names.
    #[inline]
    pub fn get(&self, key: usize) -> Option<Entry<'_, T, C>> {
        Some(Entry { inner: self.inner.get(from_number(key)?)?, config: PhantomData })
    }

    /// Returns a reference that does not borrow the slab.
    #[allow(clippy::needless_pass_by_value)]
    pub fn get_owned(self: Arc<Self>, key: usize) -> Option<OwnedEntry<T, C>> {
        Some(OwnedEntry { inner: self.inner.get_owned(from_number(key)?)?, config: PhantomData })
    }

    /// Returns `true` if the key names a value.
    pub fn contains(&self, key: usize) -> bool {
        from_number(key).is_some_and(|key| self.inner.contains(key))
    }

    /// Iterates over the values.
    pub fn unique_iter(&mut self) -> UniqueIter<'_, T, C> {
        UniqueIter { inner: self.inner.iter(), config: PhantomData }
    }
}

impl<T: Send + Sync + 'static> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync + 'static, C: Config> fmt::Debug for Slab<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab").field("capacity", &self.inner.capacity()).finish_non_exhaustive()
    }
}

/// A reference to a value, which borrows the slab.
pub struct Entry<'a, T: Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: counted::Entry<'a, T>,
    config: PhantomData<fn() -> C>,
}

/// A reference to a value, which does not borrow the slab.
pub struct OwnedEntry<T: Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: counted::OwnedEntry<T>,
    config: PhantomData<fn() -> C>,
}

reference!(['a,] Entry<'a, T, C>, [Sized], std::convert::identity);
reference!([] OwnedEntry<T, C>, [Sized], std::convert::identity);

/// A slot for a value that is still to come.
#[derive(Debug)]
pub struct VacantEntry<'a, T: Send + Sync + 'static, C: Config = DefaultConfig> {
    inner: counted::VacantEntry<'a, T>,
    config: PhantomData<fn() -> C>,
}

impl<T: Send + Sync + 'static, C: Config> VacantEntry<'_, T, C> {
    /// Puts the value in.
    pub fn insert(self, value: T) {
        self.inner.insert(value);
    }

    /// Returns the key that the value will have.
    pub fn key(&self) -> usize {
        to_number(self.inner.key())
    }
}

/// An iterator over the values of a slab.
#[must_use]
#[derive(Debug)]
pub struct UniqueIter<'a, T: Send + Sync + 'static, C: Config> {
    inner: counted::Iter<'a, T>,
    config: PhantomData<fn() -> C>,
}

impl<'a, T: Send + Sync + 'static, C: Config> Iterator for UniqueIter<'a, T, C> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        Some(self.inner.next()?.1)
    }
}

impl<T: Send + Sync + 'static, C: Config> FusedIterator for UniqueIter<'_, T, C> {}
