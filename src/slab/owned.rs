//! Values of a slab that their owner removes.

use core::ops::Deref;

use super::error::{InsertError, TakeError};
use super::guard::Ref;
use super::slab::Slab;
use crate::bits::key::Key;

/// The owner of a value in a [`Slab`], which removes the value when it is dropped.
///
/// `S` dereferences to the slab: `&Slab`, `Arc<Slab>`, or `&LazyLock<Slab>`. Other threads may read
/// the value by its key, and also remove it.
///
/// ```
/// use std::sync::Arc;
/// use slotarena::slab::{Owned, Slab};
///
/// let slab = Arc::new(Slab::<String>::builder().capacity(100).build()?);
/// let owned = Owned::new(Arc::clone(&slab), "mine".to_owned())?;
/// let key = owned.key();
/// assert_eq!(*slab.get(key).expect("it is there"), "mine");
/// drop(owned);
/// assert!(!slab.contains(key));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Owned<T: Send + Sync + 'static, S: Deref<Target = Slab<T, M>>, M = ()> {
    slab: S,
    key: Key<M>,
}

impl<T: Send + Sync + 'static, M, S: Deref<Target = Slab<T, M>>> Owned<T, S, M> {
    /// Inserts a value. See [`Slab::insert`].
    ///
    /// # Errors
    ///
    /// Same as [`Slab::insert`].
    pub fn new(slab: S, value: T) -> Result<Self, InsertError<T>> {
        let key = slab.insert(value)?;
        Ok(Self { slab, key })
    }

    /// Returns the value's key.
    #[must_use]
    pub fn key(&self) -> Key<M> {
        self.key
    }

    /// Returns the value, unless it has been removed. See [`Slab::get`].
    #[must_use]
    pub fn get(&self) -> Option<Ref<'_, T, M>> {
        self.slab.get(self.key)
    }

    /// Removes the value, and returns it if no guard may see it. See [`Slab::take`].
    ///
    /// # Errors
    ///
    /// Same as [`Slab::take`].
    pub fn take(self) -> Result<T, TakeError> {
        self.slab.take(self.key)
    }

    /// Leaves the value in the slab, and returns its key.
    pub fn into_key(self) -> Key<M> {
        let mut this = core::mem::ManuallyDrop::new(self);
        let key = this.key;
        // SAFETY: not used again, and `drop` does not run.
        unsafe { core::ptr::drop_in_place(&raw mut this.slab) };
        key
    }
}

impl<T: Send + Sync + 'static, M, S: Deref<Target = Slab<T, M>>> Drop for Owned<T, S, M> {
    fn drop(&mut self) {
        self.slab.remove(self.key);
    }
}

fmt!(
    [T: Send + Sync + 'static, M, S: Deref<Target = Slab<T, M>>] Debug for Owned<T, S, M>,
    |this, f| f.debug_tuple("Owned").field(&this.key).finish()
);
