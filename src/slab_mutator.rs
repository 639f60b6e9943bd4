//! An explicit participant of a slab.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

use crate::guard::{Guard, Ref};
use crate::key::Key;
use crate::member::{Member, Seat};
use crate::reclaim::Taken;
use crate::slab::Slab;
use crate::slab_core::Core;
use crate::slab_error::{InsertError, TakeError};
use crate::thread_cache::Shared;

/// A participant of a [`Slab`]: each operation means what that of the same name on the slab means.
/// It is a little faster: the slab's own look up the calling thread's participant first.
///
/// A mutator may be sent to another thread, while none of its guards is there. What it has removed
/// and not dropped is left to the other participants when it is dropped.
///
/// ```
/// # let slab = slotarena::Slab::<String>::builder().capacity(100).build()?;
/// let mutator = slab.mutator();
/// let key = mutator.insert("one".to_owned())?;
/// assert_eq!(mutator.pin().get(key).map(String::as_str), Some("one"));
/// assert!(mutator.remove(key));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SlabMutator<'s, T: Send + Sync + 'static, M = ()> {
    core: &'s Core<T>,
    /// Taken when this is dropped.
    seat: Option<Seat>,
    member: &'s Member,
    /// Not `Sync`: one thread at a time uses the member.
    mark: PhantomData<(Cell<()>, Key<M>)>,
}

impl<T: Send + Sync + 'static, M> Slab<T, M> {
    /// A participant of one's own: the fastest way to insert and remove. Takes a lock.
    #[must_use]
    pub fn mutator(&self) -> SlabMutator<'_, T, M> {
        let core = self.core();
        let seat = core.register();
        // SAFETY: members live as long as the core, which is borrowed.
        let member = unsafe { seat.member().as_ref() };
        SlabMutator { core, seat: Some(seat), member, mark: PhantomData }
    }
}

impl<T: Send + Sync + 'static, M> SlabMutator<'_, T, M> {
    /// See [`Slab::insert`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn insert(&self, value: T) -> Result<Key<M>, InsertError<T>> {
        // SAFETY: this owns the member; operations end before user code runs.
        unsafe { self.core.insert(self.member, value) }
    }

    /// See [`Slab::remove`].
    #[inline]
    pub fn remove(&self, key: Key<M>) -> bool {
        // SAFETY: as in `insert`.
        unsafe { self.core.remove(self.member, key) }
    }

    /// See [`Slab::take`].
    #[inline]
    pub fn take(&self, key: Key<M>) -> Option<T> {
        self.try_take(key).ok()
    }

    /// See [`Slab::try_take`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_take(&self, key: Key<M>) -> Result<T, TakeError> {
        // SAFETY: as in `insert`.
        match unsafe { self.core.take(self.member, key) } {
            Taken::Value(value) => Ok(value),
            Taken::Guarded => Err(TakeError::Guarded),
            Taken::Absent => Err(TakeError::Absent),
        }
    }

    /// See [`Slab::pin`].
    #[must_use]
    #[inline]
    pub fn pin(&self) -> Guard<'_, T, M> {
        // SAFETY: this owns the member, and the guard borrows it; should this be forgotten, so is
        // the member.
        unsafe { Guard::new(self.core, self.member) }
    }

    /// See [`Slab::get`].
    #[must_use]
    #[inline]
    pub fn get(&self, key: Key<M>) -> Option<Ref<'_, T, M>> {
        Ref::new(self.pin(), key)
    }

    /// See [`Slab::contains`].
    #[must_use]
    #[inline]
    pub fn contains(&self, key: Key<M>) -> bool {
        self.core.find(key).is_some()
    }

    /// See [`Slab::flush`].
    pub fn flush(&self) -> u64 {
        // SAFETY: as in `insert`.
        unsafe { self.core.flush(self.member) }
    }
}

impl<T: Send + Sync + 'static, M> Drop for SlabMutator<'_, T, M> {
    /// Gives its free slots back. Blocks while the world is stopped.
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.core.unregister(seat);
        }
    }
}

impl<T: Send + Sync + 'static, M> fmt::Debug for SlabMutator<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlabMutator")
    }
}
