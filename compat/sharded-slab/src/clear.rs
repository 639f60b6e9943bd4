//! Values that are emptied in place.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, RwLock};

/// A value that can be emptied and keeps its storage.
pub trait Clear {
    /// Empties the value.
    fn clear(&mut self);
}

impl<T> Clear for Option<T> {
    /// Becomes `None`.
    fn clear(&mut self) {
        *self = None;
    }
}

impl<T: Clear> Clear for Box<T> {
    #[inline]
    fn clear(&mut self) {
        (**self).clear();
    }
}

impl<T> Clear for Vec<T> {
    #[inline]
    fn clear(&mut self) {
        Vec::clear(self);
    }
}

impl Clear for String {
    #[inline]
    fn clear(&mut self) {
        String::clear(self);
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Clear for HashMap<K, V, S> {
    #[inline]
    fn clear(&mut self) {
        HashMap::clear(self);
    }
}

impl<T: Hash + Eq, S: BuildHasher> Clear for HashSet<T, S> {
    #[inline]
    fn clear(&mut self) {
        HashSet::clear(self);
    }
}

impl<T: Clear> Clear for Mutex<T> {
    /// Panics if the lock is poisoned.
    fn clear(&mut self) {
        self.get_mut().expect("a lock without poison").clear();
    }
}

impl<T: Clear> Clear for RwLock<T> {
    /// Panics if the lock is poisoned.
    fn clear(&mut self) {
        self.get_mut().expect("a lock without poison").clear();
    }
}

/// Gives slotarena's pool a value of this crate's trait.
#[derive(Default, Debug)]
#[repr(transparent)]
pub struct Pooled<T>(pub(crate) T);

impl<T: Clear> slotarena::slab::Clear for Pooled<T> {
    #[inline]
    fn clear(&mut self) {
        self.0.clear();
    }
}
