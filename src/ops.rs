//! The operations of one participant, over entries and handles. [`Table`](crate::Table) and
//! [`Mutator`](crate::Mutator) are two ways to come by a participant.

use core::marker::PhantomData;

use crate::allocator::Allocator;
use crate::entry::Entry;
use crate::error::{AllocError, FreeManyError, InvalidHandle, SetError};
use crate::handle::Handle;
use crate::record::Record;
use crate::word::{self, State, Word};

/// How many slots one operation of a bulk call frees: a stop waits for no more than these.
const BATCH: usize = 64;

/// The right to operate on a table with one record.
#[derive(Debug)]
pub(crate) struct Ops<'a, E: Entry> {
    allocator: &'a Allocator<E::Word>,
    record: &'a Record,
    entry: PhantomData<fn() -> E>,
}

impl<'a, E: Entry> Ops<'a, E> {
    /// # Safety
    ///
    /// The caller owns the record, a record of this allocator, and calls no operation while another
    /// one on the same record is under way. (An operation runs no user code: what an entry's
    /// conversions do, they do before or after.)
    #[inline(always)]
    pub(crate) unsafe fn new(allocator: &'a Allocator<E::Word>, record: &'a Record) -> Self {
        Self { allocator, record, entry: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn allocate(&self, entry: E) -> Result<Handle, AllocError> {
        let bits = entry.to_word();
        let Some(word) = word::live(bits) else {
            return Err(AllocError::EntryTooWide { word: bits.widen() });
        };
        // SAFETY: by the contract of `new`.
        unsafe { self.allocator.allocate(self.record, word) }
    }

    pub(crate) fn allocate_uninitialized(&self) -> Result<Handle, AllocError> {
        // SAFETY: by the contract of `new`.
        unsafe { self.allocator.allocate(self.record, word::uninitialized()) }
    }

    pub(crate) fn allocate_many(
        &self,
        entries: &[E],
        out: &mut Vec<Handle>,
    ) -> Result<(), AllocError> {
        let bytes = size_of_val(entries) / size_of::<E>().max(1) * size_of::<Handle>();
        // `ENOMEM`, which is what a refusal of Rust's allocator amounts to.
        out.try_reserve(entries.len()).map_err(|_| AllocError::OutOfMemory { code: 12, bytes })?;
        let start = out.len();
        for &entry in entries {
            match self.allocate(entry) {
                Ok(handle) => out.push(handle),
                Err(error) => {
                    // They were handed out just now, and nobody else was told of them.
                    let _ = self.free_many(&out[start..]);
                    out.truncate(start);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn set(&self, handle: Handle, entry: E) -> Result<Option<E>, SetError> {
        let bits = entry.to_word();
        let Some(word) = word::live(bits) else {
            return Err(SetError::EntryTooWide { word: bits.widen() });
        };
        // SAFETY: by the contract of `new`.
        let old = unsafe { self.allocator.set(self.record, handle, word) }?;
        Ok(entry_in(old))
    }

    #[inline(always)]
    pub(crate) fn free(&self, handle: Handle) -> Result<E, InvalidHandle> {
        // SAFETY: by the contract of `new`.
        let old = unsafe { self.allocator.free(self.record, handle, State::Live) }?;
        entry_in(old).ok_or(InvalidHandle::from(handle))
    }

    pub(crate) fn free_uninitialized(&self, handle: Handle) -> Result<(), InvalidHandle> {
        // SAFETY: by the contract of `new`.
        unsafe { self.allocator.free(self.record, handle, State::Uninitialized) }.map(drop)
    }

    pub(crate) fn free_many(&self, handles: &[Handle]) -> Result<(), FreeManyError> {
        let mut first = None;
        let mut refused = 0;
        for batch in handles.chunks(BATCH) {
            let refuse = |error| {
                first.get_or_insert(error);
                refused += 1;
            };
            // SAFETY: by the contract of `new`.
            unsafe { self.allocator.free_batch(self.record, batch, refuse) };
        }
        match first {
            None => Ok(()),
            Some(first) => Err(FreeManyError { first, refused, freed: handles.len() - refused }),
        }
    }
}

/// The entry in a slot's word, if the slot is live.
#[inline(always)]
pub(crate) fn entry_in<E: Entry>(word: E::Word) -> Option<E> {
    // SAFETY: a live word is what `to_word` returned plus the live bit (Invariant 7: slots are
    // written whole).
    word::is_live(word).then(|| unsafe { E::from_word(word::bits(word)) })
}
