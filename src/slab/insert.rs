//! How values come in, and slots that are reserved for values to come.

use core::mem::ManuallyDrop;

use super::error::InsertError;
use super::inner::{SlabOwner, Unlinked};
use super::reclaim::era::Birth;
use super::word::SlabWord;
use crate::arena::Slot;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::error::AllocError;

impl<T: Send + Sync + 'static> SlabOwner<'_, T> {
    /// Inserts a value. Lock-free unless there is no slot without a stop.
    #[inline(always)]
    pub(crate) fn insert<M>(&mut self, value: T) -> Result<Key<M>, InsertError<T>> {
        let inner = self.inner;
        let Some(mut operation) = self.enter() else {
            return self.reborrow().insert_refilled(value);
        };
        let Some(index) = operation.store().pop() else {
            drop(operation);
            return self.reborrow().insert_refilled(value);
        };
        let slot = inner.allocator.space.arena.slot(index);
        let (word, generation) = inner.put(slot, value);
        slot.publish(word);
        // Before there is a result, which the compiler would keep in memory.
        drop(operation);
        // SAFETY: slot 0 is in no local store (Invariant 2), and the slot had a generation.
        Ok(unsafe { Key::new(index, generation) })
    }

    /// Inserts a value where the local store is empty. Blocks where there is no slot without a
    /// stop: removed values may hold some.
    #[cold]
    #[inline(never)]
    fn insert_refilled<M>(mut self, value: T) -> Result<Key<M>, InsertError<T>> {
        let inner = self.inner;
        let mut value = ManuallyDrop::new(value);
        let fill = |slot: &Slot<SlabWord<T>>| {
            // SAFETY: called once at most, and the value is not used after it was.
            inner.put(slot, unsafe { ManuallyDrop::take(&mut value) })
        };
        if let Some((handle, generation)) = self.allocator().allocate_with(fill) {
            // SAFETY: a handle is not 0, and the slot had a generation.
            return Ok(unsafe { Key::new(handle.to_raw(), generation) });
        }
        // `fill` was not called, so the value is still there.
        let value = ManuallyDrop::into_inner(value);
        match self.reserve() {
            Ok(key) => {
                // SAFETY: reserved just now.
                let filled = unsafe { self.fill(key, value) };
                filled.map(|()| key).map_err(|(value, error)| InsertError::new(value, error.into()))
            }
            Err(error) => Err(InsertError::new(value, error)),
        }
    }

    /// Allocates a slot without a value. Blocks where there is none without a stop.
    pub(crate) fn reserve<M>(&mut self) -> Result<Key<M>, AllocError> {
        let reserve = |slot: &Slot<SlabWord<T>>| {
            // SAFETY: the slot is free, and the caller's.
            let generation = unsafe { slot.payload().generation() };
            (SlabWord::reserved(generation), generation)
        };
        let inner = self.inner;
        let mut handle = self.allocator().allocate_with(reserve);
        if handle.is_none() && inner.participants.walk().iter().any(|other| other.waiting() > 0) {
            self.flush();
            handle = self.allocator().allocate_with(reserve);
        }
        let (handle, generation) = match handle {
            Some(handle) => handle,
            None => self.allocator().allocate_stopped(reserve)?,
        };
        // SAFETY: a handle is not 0, and the slot had a generation.
        Ok(unsafe { Key::new(handle.to_raw(), generation) })
    }

    /// Puts a value into a reserved slot.
    ///
    /// # Safety
    ///
    /// The key is from [`reserve`](Self::reserve), and either this or
    /// [`unreserve`](Self::unreserve) is called once for it.
    pub(crate) unsafe fn fill<M>(
        &mut self,
        key: Key<M>,
        value: T,
    ) -> Result<(), (T, OperationError)> {
        // SAFETY: by the contract of this function.
        unsafe { self.fill_born(key, value, self.inner.clock.birth()) }
    }

    /// Puts a value with this birth into a reserved slot.
    ///
    /// # Safety
    ///
    /// Same as [`fill`](Self::fill).
    pub(crate) unsafe fn fill_born<M>(
        &mut self,
        key: Key<M>,
        value: T,
        birth: Birth,
    ) -> Result<(), (T, OperationError)> {
        let inner = self.inner;
        let Some(mut operation) = self.enter() else { return Err((value, self.refusal())) };
        let slot = inner.allocator.space.arena.slot(key.index());
        // SAFETY: the slot is the caller's, without a value.
        unsafe { slot.payload().fill(value) };
        slot.publish(SlabWord::live(key.generation(), birth));
        operation.store().count_uninitialized(-1);
        Ok(())
    }

    /// Frees a reserved slot. Its key is dead, like that of a removed value.
    ///
    /// # Safety
    ///
    /// Same as [`fill`](Self::fill).
    pub(crate) unsafe fn unreserve<M>(&mut self, key: Key<M>) -> Result<(), OperationError> {
        let inner = self.inner;
        let Some(mut operation) = self.enter() else { return Err(self.refusal()) };
        // SAFETY: the slot is the caller's, without a value.
        unsafe { inner.free(&mut operation, Unlinked::new(key), true) };
        Ok(())
    }
}
