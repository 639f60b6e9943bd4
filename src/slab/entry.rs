//! Reserved slots for later values.

use super::inner::SlabOwner;
use super::slab::Slab;
use crate::bits::key::Key;
use crate::error::AllocError;

impl<T: Send + Sync + 'static, M> Slab<T, M> {
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
    /// If the entry is dropped unused, its key never names a value. The slot is free then, unless
    /// no operation can begin.
    ///
    /// # Errors
    ///
    /// Same as [`insert`](Self::insert).
    pub fn vacant_entry(&self) -> Result<VacantEntry<'_, T, M>, AllocError> {
        let key = self.with(|mut owner| owner.reserve())??;
        Ok(VacantEntry { slab: self, key })
    }
}

/// A slot of a [`Slab`] for a value that is still to come. See [`Slab::vacant_entry`].
///
/// ```
/// # let slab = slotarena::Slab::<(u64, &str)>::builder().capacity(100).build()?;
/// let entry = slab.vacant_entry()?;
/// let key = entry.key();
/// assert!(!slab.contains(key)); // not yet
/// entry.insert((key.to_raw(), "knows its own key"));
/// assert_eq!(slab.get(key).expect("now it is").0, key.to_raw());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct VacantEntry<'s, T: Send + Sync + 'static, M = ()> {
    slab: &'s Slab<T, M>,
    key: Key<M>,
}

impl<T: Send + Sync + 'static, M> VacantEntry<'_, T, M> {
    /// Returns the key that the value will have.
    #[must_use]
    pub fn key(&self) -> Key<M> {
        self.key
    }

    /// Puts the value in. Lock-free.
    ///
    /// # Panics
    ///
    /// If no operation can begin: the thread is inside another call on this slab, or in a child
    /// process that cannot use it, or has no memory for its first operation.
    pub fn insert(self, value: T) -> Key<M> {
        let Self { slab, key } = self;
        core::mem::forget(self);
        // SAFETY: reserved by `vacant_entry`, and `drop` does not run.
        let fill = |mut owner: SlabOwner<'_, T>, value| unsafe { owner.fill(key, value) };
        match slab.with_value(value, fill, |value, error| Err((value, error))) {
            Ok(()) => key,
            Err((_, error)) => panic!("slotarena: the value was not inserted: {error}"),
        }
    }
}

impl<T: Send + Sync + 'static, M> Drop for VacantEntry<'_, T, M> {
    fn drop(&mut self) {
        // SAFETY: reserved by `vacant_entry`, and not filled.
        let _ = self.slab.with(|mut owner| unsafe { owner.unreserve(self.key) });
    }
}

fmt!([T: Send + Sync + 'static, M] Debug for VacantEntry<'_, T, M>, |this, f| {
    f.debug_tuple("VacantEntry").field(&this.key).finish()
});
