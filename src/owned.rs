//! Values of a slab that their owner removes.

use core::fmt;
use core::ops::Deref;

use crate::guard::Ref;
use crate::key::Key;
use crate::slab::Slab;
use crate::slab_error::{InsertError, TakeError};

/// A value in a [`Slab`] that is removed when this is dropped.
///
/// `S` leads to the slab: `&Slab`, `Arc<Slab>`, `&LazyLock<Slab>`. Others may look at the value by
/// its key, and also remove it.
///
/// ```
/// use std::sync::Arc;
/// use slotarena::{OwnedEntry, Slab};
///
/// let slab = Arc::new(Slab::<String>::builder().capacity(100).build()?);
/// let owned = OwnedEntry::new(Arc::clone(&slab), "mine".to_owned())?;
/// let key = owned.key();
/// assert_eq!(*slab.get(key).expect("it is there"), "mine");
/// drop(owned);
/// assert!(!slab.contains(key));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct OwnedEntry<T: Send + Sync + 'static, S: Deref<Target = Slab<T, M>>, M = ()> {
    slab: S,
    key: Key<M>,
}

impl<T: Send + Sync + 'static, M, S: Deref<Target = Slab<T, M>>> OwnedEntry<T, S, M> {
    /// Inserts a value. Cost, progress as [`Slab::insert`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn new(slab: S, value: T) -> Result<Self, InsertError<T>> {
        let key = slab.insert(value)?;
        Ok(Self { slab, key })
    }

    /// The value's key.
    #[must_use]
    pub fn key(&self) -> Key<M> {
        self.key
    }

    /// The value, unless somebody has removed it. See [`Slab::get`].
    #[must_use]
    pub fn get(&self) -> Option<Ref<'_, T, M>> {
        self.slab.get(self.key)
    }

    /// Removes the value, and returns it if it can be moved out. See [`Slab::try_take`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn take(self) -> Result<T, TakeError> {
        self.slab.try_take(self.key)
    }

    /// Leaves the value in the slab.
    pub fn into_key(self) -> Key<M> {
        let mut this = core::mem::ManuallyDrop::new(self);
        let key = this.key;
        // SAFETY: not used again, and `drop` does not run.
        unsafe { core::ptr::drop_in_place(&raw mut this.slab) };
        key
    }
}

impl<T: Send + Sync + 'static, M, S: Deref<Target = Slab<T, M>>> Drop for OwnedEntry<T, S, M> {
    fn drop(&mut self) {
        self.slab.remove(self.key);
    }
}

impl<T: Send + Sync + 'static, M, S: Deref<Target = Slab<T, M>>> fmt::Debug
    for OwnedEntry<T, S, M>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedEntry").field(&self.key).finish()
    }
}
