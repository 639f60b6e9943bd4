//! An explicit participant of a slab.

use core::cell::Cell;
use core::marker::PhantomData;

use super::error::{InsertError, TakeError};
use super::guard::{Guard, Ref};
use super::inner::{Inner, SlabOwner};
use super::operations::operations;
use super::reclaim::participant::{Participant, Registration};
use super::slab::Slab;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::safepoint::Shared;

/// A participant of a [`Slab`]. Each function does the same as the function of the same name on the
/// slab. It is a little faster, since the slab's own functions look up the calling thread's
/// participant first.
///
/// A mutator may be sent to another thread while it has no guard. When it is dropped, the values
/// that it has removed and not dropped are left to the other participants.
///
/// ```
/// # let slab = slotarena::Slab::<String>::builder().capacity(100).build()?;
/// let mutator = slab.mutator();
/// let key = mutator.insert("one".to_owned())?;
/// assert_eq!(mutator.pin().get(key).map(String::as_str), Some("one"));
/// assert!(mutator.remove(key));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mutator<'s, T: Send + Sync + 'static, M = ()> {
    inner: &'s Inner<T>,
    /// Taken when this is dropped.
    registration: Option<Registration>,
    participant: &'s Participant,
    /// Not `Sync`: one thread at a time uses the participant.
    mark: PhantomData<(Cell<()>, Key<M>)>,
}

impl<T: Send + Sync + 'static, M> Slab<T, M> {
    /// Makes a participant: the fastest way to insert and remove. Takes a lock.
    #[must_use]
    pub fn mutator(&self) -> Mutator<'_, T, M> {
        let inner = self.inner();
        let registration = inner.register();
        let participant = match &registration {
            // SAFETY: it lives as long as it has an owner, which is the mutator.
            Ok(registration) => unsafe { registration.participant().as_ref() },
            // The mutator's operations answer with the error.
            Err(error) => Participant::refused(*error),
        };
        Mutator { inner, registration: registration.ok(), participant, mark: PhantomData }
    }
}

impl<'s, T: Send + Sync + 'static, M> Mutator<'s, T, M> {
    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(SlabOwner<'s, T>) -> R) -> Result<R, OperationError> {
        // SAFETY: the mutator owns the participant and is not `Sync`. Operations end before user
        // code runs. No operation begins on the refused participant.
        Ok(f(unsafe { SlabOwner::new(self.inner, self.participant) }))
    }

    /// # Safety
    ///
    /// The caller uses the token for one call.
    #[inline(always)]
    unsafe fn last(&self) -> Option<SlabOwner<'s, T>> {
        // SAFETY: as in `with`.
        Some(unsafe { SlabOwner::new(self.inner, self.participant) })
    }

    #[inline(always)]
    fn with_value<V, R>(
        &self,
        value: V,
        f: impl FnOnce(SlabOwner<'s, T>, V) -> R,
        _: impl FnOnce(V, OperationError) -> R,
    ) -> R {
        // SAFETY: as in `with`.
        f(unsafe { SlabOwner::new(self.inner, self.participant) }, value)
    }

    operations!(self => self.inner);

    /// Begins a guard, under which values can be read. Wait-free. See [`Slab::pin`].
    ///
    /// # Panics
    ///
    /// If the mutator could not register, for want of memory. All its other calls give errors then.
    #[must_use]
    #[inline]
    pub fn pin(&self) -> Guard<'_, T, M> {
        // SAFETY: as in `with`.
        Guard::new(unsafe { SlabOwner::new(self.inner, self.participant) })
    }
}

impl<T: Send + Sync + 'static, M> Drop for Mutator<'_, T, M> {
    /// Leaves the local store's free slots to the next participant, or puts them onto a shared list
    /// if they are many. Blocks while the world is stopped.
    // Inlined, so that the mutator can be in registers.
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(registration) = self.registration.take() {
            self.inner.unregister(registration);
        }
    }
}

fmt!([T: Send + Sync + 'static, M] Debug for Mutator<'_, T, M>, |_, f| f.write_str("Mutator"));
