//! Reserved slots for later values, and the removal of all values one by one.

use core::iter::FusedIterator;

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
    /// If the entry is dropped unused, its key never names a value.
    ///
    /// # Errors
    ///
    /// Same as [`insert`](Self::insert).
    pub fn vacant_entry(&self) -> Result<VacantEntry<'_, T, M>, AllocError> {
        let key = self.with(|mut owner| owner.reserve())??;
        Ok(VacantEntry { slab: self, key })
    }

    /// Removes all values, and returns them one by one. The iterator's drop drops the rest.
    pub fn drain(&mut self) -> Drain<'_, T, M> {
        Drain { slab: self, next: 1 }
    }

    /// Removes and drops all values, and those that wait to be dropped.
    pub fn clear(&mut self) {
        self.drain().for_each(drop);
        self.flush();
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

/// An iterator that removes the values of a slab. See [`Slab::drain`].
pub struct Drain<'s, T: Send + Sync + 'static, M = ()> {
    slab: &'s mut Slab<T, M>,
    /// The next index. 0 at the end.
    next: u32,
}

impl<T: Send + Sync + 'static, M> Iterator for Drain<'_, T, M> {
    type Item = (Key<M>, T);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(index) = self.slab.inner().next_slot(&mut self.next) {
            let word = self.slab.inner().allocator.space.arena.slot(index).load();
            if word.is_live() {
                // SAFETY: a live slot's index is not 0, and the generation is a word's.
                let key = unsafe { Key::new(index, word.generation()) };
                // SAFETY: guards borrow the slab, so none exists.
                let value = self.slab.with(|mut owner| unsafe { owner.take_unseen(key) });
                return value.ok()?.map(|value| (key, value));
            }
        }
        None
    }
}

impl<T: Send + Sync + 'static, M> FusedIterator for Drain<'_, T, M> {}

impl<T: Send + Sync + 'static, M> Drop for Drain<'_, T, M> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

fmt!([T: Send + Sync + 'static, M] Debug for Drain<'_, T, M>, |_, f| f.write_str("Drain"));
