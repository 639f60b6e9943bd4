//! A slot: its word, which thread may touch it, and how.

use crate::bits::chain::{follow, link_to};
use crate::bits::word::{self, AtomicWord, Cycle, Word};
use crate::sync::Ordering;

/// One slot of a table.
///
/// The threads that may touch the word, by its state:
///
/// | state | load | store |
/// |---|---|---|
/// | live | any thread | any thread inside an operation, by compare-and-swap, or as `bias` has it |
/// | uninitialized | any thread | as for live |
/// | free, in a chain or local store | any thread, to see that it is free | its owner: the thread that took the chain or has the store, or the stopper |
/// | free, unswept | the same | the thread that claimed its segment, or the stopper |
///
/// Fresh memory is all zeros, which is the word of a free slot with link 0.
///
/// The payload of a free slot is its owner's, as the link is. The part that puts payloads into
/// slots in use says which thread may touch those. One-word and two-word entries have none.
#[cfg_attr(not(model), repr(C))]
pub(crate) struct Slot<W: Word> {
    pub(super) word: W::Atomic,
    payload: W::Payload,
    /// Stands for the exclusive ownership of a free slot: loom reports two owners as a race.
    #[cfg(model)]
    owner: crate::sync::UnsafeCell<()>,
    /// Stands for the page under the slot: loom reports a store that meets its release.
    #[cfg(model)]
    page: crate::sync::UnsafeCell<()>,
    /// Stands for the right to write to it. Unused for one-word entries, to keep models small.
    #[cfg(model)]
    writable: crate::sync::AtomicBool,
}

impl<W: Word> Slot<W> {
    #[cfg(model)]
    pub(super) fn new() -> Self {
        let (owner, page) = (crate::sync::UnsafeCell::new(()), crate::sync::UnsafeCell::new(()));
        let writable = crate::sync::AtomicBool::new(false);
        let (word, payload) = (W::Atomic::new(word::zero()), <W::Payload as word::Payload>::new());
        Self { word, payload, owner, page, writable }
    }

    #[inline(always)]
    pub(crate) fn payload(&self) -> &W::Payload {
        &self.payload
    }

    /// Tells a checker that only the free slot's owner may make this access (Invariants 1, 2).
    #[inline(always)]
    pub(super) fn as_owner(&self) {
        #[cfg(model)]
        self.owner.with_mut(|_| ());
    }

    /// Tells a checker that the access dirties the page, as a failed compare-and-swap does too. No
    /// such access may happen while the segment is decommitted (Invariant 5).
    #[inline(always)]
    pub(super) fn touch(&self) {
        #[cfg(model)]
        {
            self.page.with(|_| ());
            self.expect_writable();
        }
    }

    #[cfg(model)]
    fn expect_writable(&self) {
        // Relaxed: the orderings of the writable prefix have to be enough.
        let writable = W::LOADS_READ_ONLY || self.writable.load(Ordering::Relaxed);
        assert!(writable, "Invariant 5: not committed yet");
    }

    /// Allows stores, in a model.
    #[cfg(model)]
    pub(super) fn make_writable(&self) {
        if !W::LOADS_READ_ONLY {
            // Relaxed: the orderings of the writable prefix have to be enough.
            self.writable.store(true, Ordering::Relaxed);
        }
    }

    /// Gives the memory back, in a model.
    #[cfg(model)]
    pub(super) fn decommit(&self) {
        self.as_owner();
        self.page.with_mut(|_| ());
        // Relaxed: the segment's bit hands the memory on.
        self.word.store(word::zero(), Ordering::Relaxed);
    }

    /// Loads the word, as any reader may.
    #[inline(always)]
    pub(crate) fn load(&self) -> W {
        #[cfg(model)]
        self.expect_writable();
        // Acquire: a reader of the entry sees what was written before the entry was published
        // (Invariant 7). Partners: slot.publish.store, slot.replace.compare_exchange.
        self.word.load(Ordering::Acquire)
    }

    /// Turns a free slot of the caller's into a live or uninitialized one.
    #[inline(always)]
    pub(crate) fn publish(&self, word: W) {
        self.as_owner();
        self.touch();
        // Release: a reader of the entry sees what the owner wrote before (Invariant 7), and the
        // owner's use of the free slot happens before that of the thread that frees it (Invariant
        // 3). Partners: slot.load.load, slot.free.compare_exchange.
        self.word.store(word, Ordering::Release);
    }

    /// Replaces `current` by `new`, in a slot in use. The error is the word there instead.
    #[inline(always)]
    pub(crate) fn replace(&self, current: W, new: W) -> Result<(), W> {
        self.touch();
        // AcqRel: Release publishes the new entry. Acquire, since the caller gets the old entry,
        // which may equal an earlier one that was put back since. Partners: slot.load.load,
        // slot.publish.store. Relaxed on failure: the caller decides anew.
        self.word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Relaxed).map(drop)
    }

    /// Turns a slot in use into a free one that the caller owns. The error is the word that is
    /// there instead of `current`. Of several simultaneous calls, one succeeds.
    #[inline(always)]
    pub(crate) fn free(&self, current: W, cycle: Cycle) -> Result<(), W> {
        let free = word::free_with(cycle, 0);
        self.touch();
        // Acquire: the new owner's use of the slot comes after that of the thread that published it
        // last, from which `current` need not come (Invariant 3). Partner: slot.publish.store. No
        // release: the next owner gets the slot through a head or a stop, which order it. Relaxed
        // on failure: the caller decides anew.
        self.word.compare_exchange(current, free, Ordering::Acquire, Ordering::Relaxed)?;
        self.as_owner();
        Ok(())
    }

    /// Turns a slot in use, which no other thread frees or sets, into a free one of the caller's.
    #[inline(always)]
    pub(crate) fn free_owned(&self, cycle: Cycle) {
        self.touch();
        // Relaxed: the caller's exclusive right to the slot came with the entry, which
        // slot.load.load has acquired. Readers may see the entry, or that the slot is free.
        self.word.store(word::free_with(cycle, 0), Ordering::Relaxed);
        self.as_owner();
    }

    /// Follows the link of this slot, whose index is `index`. For the owner of the chain.
    #[inline(always)]
    pub(crate) fn next(&self, index: u32) -> u32 {
        self.as_owner();
        // Relaxed: only the owner reads or writes a link (Invariant 2). The chain came to the owner
        // through free_list.take.swap or safepoint.enter.load, which acquire it.
        follow(index, word::link(self.word.load(Ordering::Relaxed)))
    }

    /// Makes `next` follow this slot, whose index is `index`. For the owner of the chain.
    #[inline(always)]
    pub(crate) fn set_next(&self, index: u32, next: u32, cycle: Cycle) {
        self.as_owner();
        self.touch();
        // Relaxed: only the owner reads or writes a link (Invariant 2). The release of
        // free_list.push.compare_exchange or of stop.drop.store hands it on.
        self.word.store(word::free_with(cycle, link_to(index, next)), Ordering::Relaxed);
    }

    /// Like `set_next`, but stores nothing where the link is right already, whatever the cycle.
    /// Untouched memory stays untouched.
    pub(crate) fn set_next_if_needed(&self, index: u32, next: u32, cycle: Cycle) {
        self.as_owner();
        // Relaxed: only the owner reads or writes a link (Invariant 2).
        if word::link(self.word.load(Ordering::Relaxed)) != link_to(index, next) {
            self.set_next(index, next, cycle);
        }
    }

    /// Resets a free slot of the caller's to fresh memory's word.
    pub(crate) fn wipe(&self) {
        if self.peek() != word::zero() {
            self.as_owner();
            self.touch();
            // Relaxed: only the owner reads or writes a free word, and stop.drop.store hands
            // it on.
            self.word.store(word::zero(), Ordering::Relaxed);
        }
    }

    /// Loads the word as the last stop left it, or a later one.
    #[inline(always)]
    pub(crate) fn peek(&self) -> W {
        // Relaxed: every operation before the last stop has ended. The stop acquired that by
        // record.is_busy.load, and the caller's operation acquired the stop's end by
        // safepoint.enter.load (Invariant 8).
        self.word.load(Ordering::Relaxed)
    }
}

fmt!([W: Word] Debug for Slot<W>, |_, f| f.write_str("Slot"));
