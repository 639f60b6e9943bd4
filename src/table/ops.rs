//! The operations over entries and handles, for a table and a mutator alike.
//!
//! What runs with the owner's token returns in registers, and runs no user code. The conversions of
//! entries, which are user code, run before and after.

use super::entry::Packed;
use crate::allocator::Owner;
use crate::bits::handle::{Handle, HandleError, OperationError};
use crate::bits::word::{self, State, Word};
use crate::error::{AllocError, FreeManyError, SetError};
use crate::sys::code::NO_MEMORY;

/// The slots that one operation of a bulk call frees. A stop waits for no more than these.
const BATCH: usize = 64;

/// A way to come by an owner's token: the calling thread's participant, or a mutator's.
pub(crate) trait WithOwner<W: Word> {
    /// `true` if the token is always at hand.
    const IS_REGISTERED: bool;

    /// Calls `f` with the token, or `refused` if there is none: the thread cannot register.
    fn with_else<R>(&self, f: impl FnOnce(Owner<'_, W>) -> R, refused: impl FnOnce() -> R) -> R;

    /// Calls `f` with the token. Returns `refused` if there is none.
    #[inline(always)]
    fn with<R>(&self, refused: R, f: impl FnOnce(Owner<'_, W>) -> R) -> R {
        self.with_else(f, || refused)
    }

    /// Returns the token if it is at hand. No closure, which the compiler might not inline.
    ///
    /// # Safety
    ///
    /// The caller uses the token for one operation, which runs no user code.
    unsafe fn last(&self) -> Option<Owner<'_, W>>;

    /// Returns `true` if the token is at hand.
    fn is_last(&self) -> bool;

    /// The reason why no operation can begin, if there is one.
    fn refusal(&self) -> Option<OperationError>;

    /// Loads the word of a slot in use.
    fn load(&self, raw: u32) -> W;
}

#[inline(always)]
pub(crate) fn allocate<E: Packed>(
    by: &impl WithOwner<E::Word>,
    entry: E,
) -> Result<Handle, AllocError> {
    let bits = entry.to_word();
    match word::try_live(bits) {
        Some(word) => allocate_word(by, word),
        None => Err(AllocError::ReservedBit { word: bits.widen() }),
    }
}

#[inline(always)]
fn allocate_word<W: Word>(by: &impl WithOwner<W>, word: W) -> Result<Handle, AllocError> {
    // SAFETY: for one allocation.
    if let Some(mut owner) = unsafe { by.last() } {
        if let Some(handle) = owner.allocate(word) {
            return Ok(handle);
        }
    }
    allocate_slow(by, word)
}

#[cold]
#[inline(never)]
fn allocate_slow<W: Word>(by: &impl WithOwner<W>, word: W) -> Result<Handle, AllocError> {
    if !by.is_last() {
        if let Some(handle) = by.with(None, |mut owner| owner.allocate(word)) {
            return Ok(handle);
        }
    }
    match by.with(None, |mut owner| Some(owner.allocate_stopped(|_| (word, ())))) {
        Some(allocated) => allocated.map(|(handle, ())| handle),
        None => Err(by.refusal().unwrap_or(OperationError::Reentered).into()),
    }
}

pub(crate) fn allocate_uninitialized<W: Word>(
    by: &impl WithOwner<W>,
) -> Result<Handle, AllocError> {
    allocate_word(by, word::uninitialized())
}

pub(crate) fn allocate_many<E: Packed>(
    by: &impl WithOwner<E::Word>,
    entries: &[E],
    out: &mut Vec<Handle>,
) -> Result<(), AllocError> {
    let bytes = entries.len().saturating_mul(size_of::<Handle>());
    let refused = AllocError::OutOfMemory { code: NO_MEMORY, bytes };
    out.try_reserve(entries.len()).map_err(|_| refused)?;
    let start = out.len();
    for &entry in entries {
        match allocate(by, entry) {
            Ok(handle) => out.push(handle),
            Err(error) => {
                // No other thread knows these handles yet, so all of them are freed.
                let _ = free_many(by, &out[start..]);
                out.truncate(start);
                return Err(error);
            }
        }
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn set<E: Packed>(
    by: &impl WithOwner<E::Word>,
    handle: Handle,
    entry: E,
) -> Result<Option<E>, SetError> {
    let bits = entry.to_word();
    let Some(word) = word::try_live(bits) else {
        return Err(SetError::ReservedBit { word: bits.widen() });
    };
    let raw = handle.to_raw();
    let old = by.with(word::zero(), |mut owner| owner.set(raw, word));
    match word::state(old) {
        State::Free => Err(SetError::InvalidHandle(refused(by, handle))),
        _ => Ok(entry_in(old)),
    }
}

#[inline(always)]
pub(crate) fn free<E: Packed, B: WithOwner<E::Word>>(
    by: &B,
    handle: Handle,
) -> Result<E, HandleError> {
    // SAFETY: for one free.
    let old = match unsafe { by.last() } {
        Some(mut owner) => owner.free(handle.to_raw()),
        None => word::zero(),
    };
    match entry_in(old) {
        Some(entry) => Ok(entry),
        None if B::IS_REGISTERED => Err(refused(by, handle)),
        None => free_slow(by, handle),
    }
}

#[cold]
#[inline(never)]
fn free_slow<E: Packed>(by: &impl WithOwner<E::Word>, handle: Handle) -> Result<E, HandleError> {
    let mut old = word::zero();
    if !by.is_last() {
        old = by.with(old, |mut owner| owner.free(handle.to_raw()));
    }
    entry_in(old).ok_or_else(|| refused(by, handle))
}

/// # Safety
///
/// The handle names a live slot, and no other thread frees or sets it concurrently.
#[inline(always)]
pub(crate) unsafe fn free_unchecked<E: Packed>(by: &impl WithOwner<E::Word>, handle: Handle) -> E {
    let raw = handle.to_raw();
    let free = |mut owner: Owner<'_, _>| {
        // SAFETY: by the contract of this function.
        unsafe { owner.free_unchecked(raw) }
    };
    let old = by.with_else(free, || by.load(raw));
    // SAFETY: the slot was live, so its word is what `to_word` returned plus the live bit.
    unsafe { E::from_word(word::bits(old)) }
}

pub(crate) fn free_uninitialized<W: Word>(
    by: &impl WithOwner<W>,
    handle: Handle,
) -> Result<(), HandleError> {
    // SAFETY: the word of a free slot is not that of an uninitialized one.
    let old = unsafe { free_if(by, handle, is_uninitialized) };
    if is_uninitialized(old) { Ok(()) } else { Err(refused(by, handle)) }
}

pub(crate) fn is_uninitialized<W: Word>(word: W) -> bool {
    word::state(word) == State::Uninitialized
}

/// Frees a slot if its word is expected. Returns the word that it had.
///
/// # Safety
///
/// `expected` returns `false` for the word of a free slot.
pub(crate) unsafe fn free_if<W: Word>(
    by: &impl WithOwner<W>,
    handle: Handle,
    expected: impl Fn(W) -> bool,
) -> W {
    // SAFETY: by the contract of this function.
    by.with(word::zero(), |mut owner| unsafe { owner.free_if(handle.to_raw(), expected) })
}

/// Replaces a slot's word by what `new` makes of it. Returns the word that it had. That is an error
/// if `new` makes nothing of it.
///
/// # Safety
///
/// `new` makes nothing of the word of a free slot, and a live or uninitialized word of any other.
pub(crate) unsafe fn update<W: Word>(
    by: &impl WithOwner<W>,
    handle: Handle,
    new: impl Fn(W) -> Option<W>,
) -> Result<W, W> {
    // SAFETY: by the contract of this function.
    by.with(Err(word::zero()), |mut owner| unsafe { owner.update(handle.to_raw(), new) })
}

pub(crate) fn free_many<W: Word>(
    by: &impl WithOwner<W>,
    handles: &[Handle],
) -> Result<(), FreeManyError> {
    let mut first = None;
    let mut refused = 0;
    for batch in handles.chunks(BATCH) {
        let mut refuse = |handle| {
            first.get_or_insert(handle);
            refused += 1;
        };
        let begun = by.with(false, |mut owner| {
            owner.free_batch(batch, &mut refuse);
            true
        });
        if !begun {
            batch.iter().copied().for_each(refuse);
        }
    }
    match first {
        None => Ok(()),
        Some(first) => {
            let first = self::refused(by, first);
            Err(FreeManyError { first, refused, freed: handles.len() - refused })
        }
    }
}

/// The error for a handle that was refused.
#[cold]
pub(crate) fn refused<W: Word>(by: &impl WithOwner<W>, handle: Handle) -> HandleError {
    match by.refusal() {
        None => HandleError::new(handle.to_raw()),
        Some(error) => HandleError::refused(handle.to_raw(), error),
    }
}

/// The entry in a slot's word, if the slot is live.
#[inline(always)]
pub(crate) fn entry_in<E: Packed>(word: E::Word) -> Option<E> {
    // SAFETY: a live word is what `to_word` returned plus the live bit, written as a whole.
    word::is_live(word).then(|| unsafe { E::from_word(word::bits(word)) })
}
