//! The operations, over entries and handles, for whoever has a record.
//!
//! [`Table`](crate::Table) and [`Mutator`](crate::Mutator) are two ways to come by one. What runs
//! with the record returns in registers, and runs no user code: the conversions of entries come
//! before and after.

use crate::allocator::Allocator;
use crate::arena::Refusal;
use crate::entry::Entry;
use crate::error::{AllocError, FreeManyError, NO_MEMORY, SetError};
use crate::handle::{Handle, InvalidHandle};
use crate::record::Record;
use crate::word::{self, State, Word};

/// How many slots one operation of a bulk call frees: a stop waits for no more than these.
const BATCH: usize = 64;

/// Whoever has the right to operate on a table with some record.
///
/// # Safety
///
/// The record that `with` passes on belongs to the allocator, the caller owns it, and no
/// operation on it is under way.
pub(crate) unsafe trait Participant<W: Word> {
    /// Calls `f`, which starts and ends its operations one after the other.
    fn with<R>(&self, f: impl FnOnce(&Allocator<W>, &Record) -> R) -> R;
}

#[inline(always)]
pub(crate) fn allocate<E: Entry>(
    participant: &impl Participant<E::Word>,
    entry: E,
) -> Result<Handle, AllocError> {
    let bits = entry.to_word();
    match word::live(bits) {
        Some(word) => hand_out(participant, word),
        None => Err(AllocError::EntryTooWide { word: bits.widen() }),
    }
}

#[inline(always)]
fn hand_out<W: Word>(participant: &impl Participant<W>, word: W) -> Result<Handle, AllocError> {
    // SAFETY: by the contract of `Participant`.
    match participant.with(|allocator, record| unsafe { allocator.allocate(record, word) }) {
        Some(handle) => Ok(handle),
        None => hand_out_stopped(participant, word),
    }
}

#[cold]
#[inline(never)]
fn hand_out_stopped<W: Word>(
    participant: &impl Participant<W>,
    word: W,
) -> Result<Handle, AllocError> {
    participant.with(|allocator, record| {
        // SAFETY: by the contract of `Participant`.
        match unsafe { allocator.allocate_stopped(record, |_| (word, ())) } {
            Ok((handle, ())) => Ok(handle),
            Err(refusal) => Err(explain(allocator, refusal)),
        }
    })
}

/// Why there is no slot.
pub(crate) fn explain<W: Word>(allocator: &Allocator<W>, refusal: Refusal) -> AllocError {
    match refusal {
        Refusal::Full => AllocError::CapacityExhausted { capacity: allocator.capacity() },
        Refusal::OutOfMemory(code) => {
            AllocError::OutOfMemory { code, bytes: allocator.arena.segment_bytes() }
        }
    }
}

pub(crate) fn allocate_uninitialized<W: Word>(
    participant: &impl Participant<W>,
) -> Result<Handle, AllocError> {
    hand_out(participant, word::uninitialized())
}

pub(crate) fn allocate_many<E: Entry>(
    participant: &impl Participant<E::Word>,
    entries: &[E],
    out: &mut Vec<Handle>,
) -> Result<(), AllocError> {
    let bytes = entries.len().saturating_mul(size_of::<Handle>());
    let refused = AllocError::OutOfMemory { code: NO_MEMORY, bytes };
    out.try_reserve(entries.len()).map_err(|_| refused)?;
    let start = out.len();
    for &entry in entries {
        match allocate(participant, entry) {
            Ok(handle) => out.push(handle),
            Err(error) => {
                // They were handed out just now, and nobody else was told of them.
                let _ = free_many(participant, &out[start..]);
                out.truncate(start);
                return Err(error);
            }
        }
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn set<E: Entry>(
    participant: &impl Participant<E::Word>,
    handle: Handle,
    entry: E,
) -> Result<Option<E>, SetError> {
    let bits = entry.to_word();
    let Some(word) = word::live(bits) else {
        return Err(SetError::EntryTooWide { word: bits.widen() });
    };
    let old = participant.with(|allocator, record| {
        // SAFETY: by the contract of `Participant`.
        unsafe { allocator.set(record, handle.to_raw(), word) }
    });
    match word::state(old) {
        State::Free => Err(SetError::InvalidHandle(handle.into())),
        _ => Ok(entry_in(old)),
    }
}

#[inline(always)]
pub(crate) fn free<E: Entry>(
    participant: &impl Participant<E::Word>,
    handle: Handle,
) -> Result<E, InvalidHandle> {
    let old = participant.with(|allocator, record| {
        // SAFETY: by the contract of `Participant`.
        unsafe { allocator.free(record, handle.to_raw(), word::is_live) }
    });
    entry_in(old).ok_or(handle.into())
}

/// # Safety
///
/// The handle names a live slot, and no other thread frees or sets it meanwhile.
#[inline(always)]
pub(crate) unsafe fn free_unchecked<E: Entry>(
    participant: &impl Participant<E::Word>,
    handle: Handle,
) -> E {
    let old = participant.with(|allocator, record| {
        // SAFETY: by the contract of `Participant`, and of this function.
        unsafe { allocator.free_unchecked(record, handle.to_raw()) }
    });
    // SAFETY: the slot was live, so its word is what `to_word` returned plus the live bit.
    unsafe { E::from_word(word::bits(old)) }
}

pub(crate) fn free_uninitialized<W: Word>(
    participant: &impl Participant<W>,
    handle: Handle,
) -> Result<(), InvalidHandle> {
    // SAFETY: not the word of a free slot.
    let old = unsafe { free_if(participant, handle, is_uninitialized) };
    if is_uninitialized(old) { Ok(()) } else { Err(handle.into()) }
}

pub(crate) fn is_uninitialized<W: Word>(word: W) -> bool {
    word::state(word) == State::Uninitialized
}

/// Takes back a slot if its word is an expected one, and returns the word that it had.
///
/// # Safety
///
/// The word of a free slot is not expected.
pub(crate) unsafe fn free_if<W: Word>(
    participant: &impl Participant<W>,
    handle: Handle,
    expected: impl Fn(W) -> bool,
) -> W {
    participant.with(|allocator, record| {
        // SAFETY: by the contract of `Participant`, and of this function.
        unsafe { allocator.free(record, handle.to_raw(), expected) }
    })
}

/// Puts into a slot what `new` makes of its word, and returns the word that it had; as an error,
/// if `new` makes nothing of it.
///
/// # Safety
///
/// `new` makes nothing of the word of a free slot, and else a live or uninitialized one.
pub(crate) unsafe fn update<W: Word>(
    participant: &impl Participant<W>,
    handle: Handle,
    new: impl Fn(W) -> Option<W>,
) -> Result<W, W> {
    participant.with(|allocator, record| {
        // SAFETY: by the contract of `Participant`, and of this function.
        unsafe { allocator.update(record, handle.to_raw(), new) }
    })
}

pub(crate) fn free_many<W: Word>(
    participant: &impl Participant<W>,
    handles: &[Handle],
) -> Result<(), FreeManyError> {
    let mut first = None;
    let mut refused = 0;
    for batch in handles.chunks(BATCH) {
        participant.with(|allocator, record| {
            let refuse = |handle: Handle| {
                first.get_or_insert(InvalidHandle::from(handle));
                refused += 1;
            };
            // SAFETY: by the contract of `Participant`.
            unsafe { allocator.free_batch(record, batch, refuse) };
        });
    }
    match first {
        None => Ok(()),
        Some(first) => Err(FreeManyError { first, refused, freed: handles.len() - refused }),
    }
}

/// The entry in a slot's word, if the slot is live.
#[inline(always)]
pub(crate) fn entry_in<E: Entry>(word: E::Word) -> Option<E> {
    // SAFETY: a live word is what `to_word` returned plus the live bit: words are written whole.
    word::is_live(word).then(|| unsafe { E::from_word(word::bits(word)) })
}
