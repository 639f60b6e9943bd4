//! A counted reference, and what its end does.

use core::ptr::NonNull;

use super::common::{CountedSlot, Inner, Mine, leave, replace, replace_guessed};
use super::word::CountedWord;
use crate::bits::key::Key;
use crate::slab::OnDrop;

/// What became of a slot that was to be freed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freed {
    Yes,
    /// And the thread's store has spilled slots.
    Spilled,
    /// It has a cleared value, which must not be kept now.
    HasValue,
    /// No operation could begin.
    Refused,
    /// The slab is gone.
    Orphan,
}

impl<T: Send + Sync + 'static> Inner<T> {
    /// Drops or clears the value of a slot of the caller's, if there is one, and frees the slot,
    /// also if that panics. Runs user code.
    ///
    /// # Safety
    ///
    /// The slot is over, or filling. It is the caller's, whose call borrows the slab.
    #[inline(always)]
    pub(super) unsafe fn finish(&self, mine: Mine<'_, T>) {
        let _free = OnDrop((), |()| {
            // SAFETY: by the contract of this function.
            unsafe { self.free(mine, None) };
        });
        // SAFETY: by the contract of this function.
        unsafe { self.end_value(mine.slot) };
    }

    /// Like [`finish`](Self::finish), for a slot that came by an owned reference: the slab may be
    /// dropped in the meantime.
    ///
    /// # Safety
    ///
    /// The slot became over by the caller, with this word. It is not used afterwards.
    #[cold]
    unsafe fn finish_owned(this: NonNull<Self>, mine: Mine<'_, T>, word: CountedWord<T>) {
        // SAFETY: until the slot is free or `leave` has been called, its slab or its orphan is a
        // holder.
        let inner = unsafe { this.as_ref() };
        if word.is_orphan() {
            // SAFETY: the orphan is a holder.
            let _leave = OnDrop(this, |this| unsafe { leave(*this, 1) });
            // SAFETY: the slot is the caller's.
            return unsafe { mine.slot.payload().drop_value() };
        }
        inner.hold();
        let _free = OnDrop(this, |this| {
            // SAFETY: the slot is the caller's, with this word unless it has become an orphan.
            let is_orphan = unsafe { inner.free(mine, Some(word)) };
            let holders = if is_orphan { 2 } else { 1 };
            // SAFETY: held above, and an orphan is a holder too.
            let _leave = OnDrop(*this, |this| unsafe { leave(*this, holders) });
            if is_orphan {
                // SAFETY: an orphan is still the caller's. A pool's has a cleared value.
                unsafe { mine.slot.payload().drop_value() };
            }
        });
        // SAFETY: the slot is the caller's.
        unsafe { inner.end_value(mine.slot) };
    }

    /// Clears the value of a pool's slot, or drops a slab's.
    ///
    /// # Safety
    ///
    /// The slot is the caller's.
    #[inline(always)]
    unsafe fn end_value(&self, slot: &CountedSlot<T>) {
        let content = slot.payload();
        let Some(clear) = self.clear else {
            // SAFETY: by the contract of this function.
            return unsafe { content.drop_value() };
        };
        // SAFETY: by the contract of this function.
        if unsafe { content.has_value() } {
            let unclear = OnDrop((), |()| {
                // SAFETY: by the contract of this function.
                unsafe { content.drop_value() };
            });
            // SAFETY: there is a value, and the slot is the caller's.
            clear(unsafe { content.get_mut() });
            core::mem::forget(unclear);
        }
    }

    /// Frees a slot of the caller's, or leaves it stranded. Returns `true` if it is an orphan.
    /// `word` is `None` if the slab cannot be dropped in the meantime, else the slot's word unless
    /// it is an orphan.
    ///
    /// # Safety
    ///
    /// The slot is the caller's: over, or filling.
    #[inline(always)]
    unsafe fn free(&self, mine: Mine<'_, T>, word: Option<CountedWord<T>>) -> bool {
        match self.try_free(mine, word) {
            Freed::Yes => false,
            Freed::Orphan => true,
            // SAFETY: by the contract of this function.
            other => unsafe { self.free_slow(mine, word, other) },
        }
    }

    #[cold]
    #[inline(never)]
    unsafe fn free_slow(
        &self,
        mine: Mine<'_, T>,
        word: Option<CountedWord<T>>,
        outcome: Freed,
    ) -> bool {
        if outcome == Freed::Spilled {
            // Not while the slab may be dropped.
            if word.is_none() {
                self.trim();
            }
            return false;
        }
        if outcome == Freed::HasValue {
            let mut is_orphan = false;
            let again = OnDrop(&mut is_orphan, |is_orphan| {
                // SAFETY: by the contract of `free`. There is no value any more.
                **is_orphan = unsafe { self.free(mine, word) };
            });
            // SAFETY: by the contract of `free`.
            unsafe { mine.slot.payload().drop_value() };
            drop(again);
            return is_orphan;
        }
        // Counted first, so that what is found is counted.
        self.count_stranded();
        match word {
            None => {
                mine.slot.publish(CountedWord::over(mine.key.generation()).stranded());
                false
            }
            Some(word) => mine.slot.replace(word, word.stranded()).is_err(),
        }
    }

    #[inline(always)]
    fn try_free(&self, mine: Mine<'_, T>, word: Option<CountedWord<T>>) -> Freed {
        self.with(
            |mut owner| {
                let Some(mut operation) = owner.enter() else { return Freed::Refused };
                // SAFETY: the slot is the caller's.
                let keeps = self.clear.is_some() && unsafe { mine.slot.payload().has_value() };
                if keeps && self.is_shrinking() {
                    return Freed::HasValue;
                }
                match word {
                    None => mine.slot.free_owned(operation.cycle()),
                    Some(word) if mine.slot.free(word, operation.cycle()).is_ok() => {}
                    Some(_) => return Freed::Orphan,
                }
                // SAFETY: free now.
                let spilled = unsafe { self.renew(&mut operation, mine) };
                if spilled && self.trimming.is_some() { Freed::Spilled } else { Freed::Yes }
            },
            |_| Freed::Refused,
        )
    }
}

/// A counted reference to a value, or the right to make one. What has it ends it, by one of the two
/// functions.
pub(super) struct Held<T: Send + Sync + 'static> {
    inner: NonNull<Inner<T>>,
    slot: NonNull<CountedSlot<T>>,
    pub(super) key: Key,
    /// The word that the reference was counted by: a guess at the word now.
    seen: CountedWord<T>,
}

// SAFETY: a reference gives the value, and its end drops it. `Inner` is shared.
unsafe impl<T: Send + Sync + 'static> Send for Held<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Send + Sync + 'static> Sync for Held<T> {}

impl<T: Send + Sync + 'static> Held<T> {
    /// # Safety
    ///
    /// The slot has this key's value, and its word, now `seen`, counts a reference that the result
    /// takes over.
    #[inline(always)]
    pub(super) unsafe fn new(
        inner: &Inner<T>,
        slot: &CountedSlot<T>,
        key: Key,
        seen: CountedWord<T>,
    ) -> Self {
        Self { inner: NonNull::from(inner), slot: NonNull::from(slot), key, seen }
    }

    #[inline(always)]
    fn slot(&self) -> &CountedSlot<T> {
        // SAFETY: a slot that is referenced is there.
        unsafe { self.slot.as_ref() }
    }

    #[inline(always)]
    pub(super) fn value(&self) -> &T {
        // SAFETY: the value stays while it is referenced.
        unsafe { self.slot().payload().get() }
    }

    /// # Safety
    ///
    /// The slot is filling.
    #[inline(always)]
    pub(super) unsafe fn value_mut(&mut self) -> &mut T {
        // SAFETY: no other thread has a slot that is filling.
        unsafe { self.slot().payload().get_mut() }
    }

    /// Makes one more reference.
    ///
    /// # Panics
    ///
    /// If there are as many as there may be.
    #[inline(always)]
    pub(super) fn share(&self) -> Self {
        match replace_guessed(self.slot(), self.seen, CountedWord::shared) {
            Some(seen) => Self { seen, ..*self },
            None => self.share_slow(),
        }
    }

    /// Makes one more reference to a value that seemed to have too many.
    #[cold]
    fn share_slow(&self) -> Self {
        match replace(self.slot(), CountedWord::shared) {
            Some(seen) => Self { seen, ..*self },
            None => panic!("slotarena: a value has 2^28 - 1 references, and can have no more"),
        }
    }

    /// Ends the making of a value, which has a reference then.
    pub(super) fn make_shared(&mut self) {
        let made = |word: CountedWord<T>| Some(word.made());
        self.seen = replace_guessed(self.slot(), self.seen, made).unwrap_or(self.seen);
    }

    /// Takes the reference off. Returns the word that is left.
    #[inline(always)]
    fn release_word(&self) -> CountedWord<T> {
        let released = |word: CountedWord<T>| Some(word.released());
        replace_guessed(self.slot(), self.seen, released).unwrap_or(self.seen)
    }

    /// Ends the reference. Drops or clears a removed value if no other is left. Runs user code.
    ///
    /// # Safety
    ///
    /// The caller borrows the slab. The reference is not used any more.
    #[inline(always)]
    pub(super) unsafe fn release(&self) {
        if self.release_word().is_over() {
            let mine = Mine { slot: self.slot(), key: self.key };
            // SAFETY: the slab is borrowed.
            let inner = unsafe { self.inner.as_ref() };
            // SAFETY: the slot is over by this call.
            unsafe { inner.finish(mine) };
        }
    }

    /// Like [`release`](Self::release), for a caller that does not borrow the slab.
    ///
    /// # Safety
    ///
    /// The reference is not used any more.
    #[inline(always)]
    pub(super) unsafe fn release_owned(&self) {
        let word = self.release_word();
        if word.is_over() {
            // SAFETY: a slot that is over stays until its owner frees it.
            let slot = unsafe { self.slot.as_ref() };
            // SAFETY: the slot is over by this call.
            unsafe { Inner::finish_owned(self.inner, Mine { slot, key: self.key }, word) };
        }
    }
}
