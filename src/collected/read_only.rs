//! Read-only entries, in the lowest segments of a collected table.

use core::ptr::NonNull;

use super::entry::{Dispatch, DispatchEntry, ExternalEntry, address};
use super::error::EntryError;
use super::spaces::{Slots, Spaces};
use super::table::CollectedTable;
use super::tag::Tag;
use super::word::{Collected, OWNED, bits};
use crate::bits::handle::{Handle, OperationError};
use crate::bits::word::{LIVE_BIT, Word};
use crate::error::AllocError;
use crate::sync::Held;
use crate::sys::Rights;
use crate::table::ops;

impl<E: Collected> Spaces<E> {
    /// Takes the slots of the lowest segments, and seals the segments. No other thread has the
    /// table yet. They belong to a space that no program has.
    pub(super) fn set_aside(&mut self, segments: u32) -> Result<(), AllocError> {
        let (geometry, capacity) = (self.root.geometry(), self.view.last());
        if segments >= geometry.segments() {
            return Err(AllocError::CapacityExhausted { capacity });
        }
        let bytes = self.root.segment_bytes() * segments as usize;
        let refused = |code| AllocError::OutOfMemory { code, bytes };
        let end = geometry.first(segments);
        {
            let state = self.open().map_err(|_| refused(crate::sys::code::NO_MEMORY))?;
            let _rights = self.root.rights();
            let (mut wanted, mut others) = (end - 1, Vec::new());
            while wanted > 0 {
                let handle = state.table.allocate_uninitialized()?;
                if handle.to_raw() < end {
                    wanted -= 1;
                } else {
                    others.push(handle);
                }
            }
            for handle in others {
                // SAFETY: only the word of an uninitialized slot is expected.
                unsafe { ops::free_if(&state.table, handle, ops::is_uninitialized) };
            }
            let arena = &state.table.allocator.space.arena;
            arena.set_lowest_apart(segments).map_err(refused)?;
            arena.seal_lowest(segments, true).map_err(refused)?;
        }
        self.read_only_end = end;
        self.read_only_segments = segments;
        Ok(())
    }
}

/// The read-only segments of a table, unsealed while this lives. Only one exists at a time, and it
/// stays on its thread.
#[derive(Debug)]
pub struct ReadOnlyScope<'t, E: Collected = ExternalEntry> {
    spaces: &'t Spaces<E>,
    slots: Held<'t, Slots>,
    _rights: Rights,
}

impl<E: Collected> CollectedTable<E> {
    /// Unseals the read-only segments while the result lives. Blocks while another thread has them
    /// unsealed.
    ///
    /// # Errors
    ///
    /// [`EntryError::Seal`] if the system refuses, or has refused to seal them after an earlier
    /// scope. [`EntryError::Alloc`] if the calling thread has them unsealed already.
    pub fn unseal(&self) -> Result<ReadOnlyScope<'_, E>, EntryError> {
        let slots = self.spaces.read_only.lock().map_err(OperationError::from);
        let slots = slots.map_err(AllocError::from)?;
        if let Some(code) = slots.refused {
            return Err(EntryError::Seal { code });
        }
        let scope =
            ReadOnlyScope { spaces: &self.spaces, slots, _rights: self.spaces.root.rights() };
        let segments = self.spaces.read_only_segments;
        // If the system refuses, dropping the scope seals what it may have unsealed.
        scope.spaces.root.seal_lowest(segments, false).map_err(|code| EntryError::Seal { code })?;
        Ok(scope)
    }
}

impl<E: Collected> ReadOnlyScope<'_, E> {
    fn put(&mut self, word: E::Word) -> Result<Handle, EntryError> {
        let next = self.slots.next;
        let capacity = self.spaces.read_only_end - 1;
        let handle = Handle::from_raw(next).filter(|_| next <= capacity);
        let handle = handle.ok_or(AllocError::CapacityExhausted { capacity })?;
        let slot = self.spaces.root.slot(next);
        // No other thread has the slot's handle, and calls on it are refused.
        slot.publish(word.with_low(word.low() | LIVE_BIT));
        self.slots.next += 1;
        Ok(handle)
    }
}

impl ReadOnlyScope<'_, ExternalEntry> {
    /// Makes a read-only entry: the next one from handle 1 on. It lives as long as the table.
    ///
    /// # Errors
    ///
    /// [`EntryError::Alloc`] if all read-only slots have entries. [`EntryError::Pointer`].
    /// [`EntryError::Owned`] for the tag of objects that entries own.
    pub fn allocate<T>(&mut self, tag: Tag<T>, object: NonNull<T>) -> Result<Handle, EntryError> {
        if tag.number() >= OWNED {
            return Err(EntryError::Owned { raw: 0 });
        }
        self.put(bits(tag.number(), address(object)?))
    }
}

impl ReadOnlyScope<'_, Dispatch> {
    /// Makes a read-only entry: the next one from handle 1 on. It lives as long as the table.
    ///
    /// # Errors
    ///
    /// [`EntryError::Alloc`] if all read-only slots have entries. [`EntryError::Pointer`],
    /// [`EntryError::Parameters`].
    pub fn allocate(&mut self, entry: DispatchEntry) -> Result<Handle, EntryError> {
        let Dispatch(word) = entry.word()?;
        self.put(word)
    }
}

impl<E: Collected> Drop for ReadOnlyScope<'_, E> {
    fn drop(&mut self) {
        let sealed = self.spaces.root.seal_lowest(self.spaces.read_only_segments, true);
        self.slots.refused = sealed.err();
    }
}
