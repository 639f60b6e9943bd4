//! A slot: its word, who may touch it, and how.

use crate::head::{follow, link_to};
use crate::sync::Ordering;
use crate::word::{self, AtomicWord, Round, Word};

/// One slot of a table.
///
/// Who may touch the word, by its state:
///
/// | state | load | store |
/// |---|---|---|
/// | live | anybody | anybody inside an operation, by compare-and-swap only |
/// | uninitialized | anybody | as for live |
/// | free, in a chain or magazine | anybody, to see that it is free | its owner: who took the chain, whose magazine it is, or the stopper |
/// | free, detached | the same | who claimed its segment from the sweep, or the stopper |
///
/// Fresh memory is all zeros, which is the word of a free slot with link 0.
///
/// The payload of a free slot is its owner's, as the link is; who may touch that of a slot in use
/// is for those to say who put one there. One-word and two-word entries have none.
#[cfg_attr(not(all(loom, feature = "loom")), repr(C))]
pub(crate) struct Slot<W: Word> {
    word: W::Atomic,
    payload: W::Payload,
    /// Stands for the exclusive ownership of a free slot: loom reports two owners as a race.
    #[cfg(all(loom, feature = "loom"))]
    owner: crate::sync::UnsafeCell<()>,
    /// Stands for the page under the slot: loom reports a store that meets its release.
    #[cfg(all(loom, feature = "loom"))]
    page: crate::sync::UnsafeCell<()>,
    /// Stands for the right to write to it. Not for one-word entries, whose models would only grow.
    #[cfg(all(loom, feature = "loom"))]
    writable: crate::sync::AtomicBool,
}

impl<W: Word> Slot<W> {
    #[cfg(all(loom, feature = "loom"))]
    pub(super) fn new() -> Self {
        let (owner, page) = (crate::sync::UnsafeCell::new(()), crate::sync::UnsafeCell::new(()));
        let writable = crate::sync::AtomicBool::new(false);
        let (word, payload) =
            (W::Atomic::new(word::zero()), <W::Payload as crate::word::Payload>::new());
        Self { word, payload, owner, page, writable }
    }

    /// What the slot has beside its word.
    #[inline(always)]
    pub(crate) fn payload(&self) -> &W::Payload {
        &self.payload
    }

    /// An access that only the owner of the free slot may make (Invariants 1 and 2).
    #[inline(always)]
    fn as_owner(&self) {
        #[cfg(all(loom, feature = "loom"))]
        self.owner.with_mut(|_| ());
    }

    /// An access that makes the page dirty, also a compare-and-swap that fails: not while its
    /// segment is released (Invariant 5).
    #[inline(always)]
    fn touch(&self) {
        #[cfg(all(loom, feature = "loom"))]
        {
            self.page.with(|_| ());
            self.expect_writable();
        }
    }

    #[cfg(all(loom, feature = "loom"))]
    fn expect_writable(&self) {
        // Relaxed: the orderings of the prefix have to be enough.
        let writable = W::LOADS_READ_ONLY || self.writable.load(Ordering::Relaxed);
        assert!(writable, "Invariant 5: not committed yet");
    }

    /// Lets it be written to.
    #[cfg(all(loom, feature = "loom"))]
    pub(super) fn make_writable(&self) {
        if !W::LOADS_READ_ONLY {
            // Relaxed: see `expect_writable`.
            self.writable.store(true, Ordering::Relaxed);
        }
    }

    /// Gives its memory back.
    #[cfg(all(loom, feature = "loom"))]
    pub(super) fn release(&self) {
        self.as_owner();
        self.page.with_mut(|_| ());
        // Relaxed: the segment's bit hands it on.
        self.word.store(word::zero(), Ordering::Relaxed);
    }

    /// The word, as any reader may see it.
    #[inline(always)]
    pub(crate) fn load(&self) -> W {
        #[cfg(all(loom, feature = "loom"))]
        self.expect_writable();
        // Acquire: what was written before the entry was published is seen by who reads it
        // (Invariant 7). Partner: `publish` and `replace`.
        // site: slot.load.load
        self.word.load(Ordering::Acquire)
    }

    /// Turns the owner's free slot into a live or uninitialized one.
    #[inline(always)]
    pub(crate) fn publish(&self, word: W) {
        self.as_owner();
        self.touch();
        // Release: what the owner wrote before is seen by whoever reads the entry (Invariant 7),
        // and its own use of the free slot happens before that of whoever frees it (Invariant
        // 3). Partner: `load`, and the compare-and-swap of `retire`.
        // site: slot.publish.store
        self.word.store(word, Ordering::Release);
    }

    /// Puts `new` in the place of `current`, in a slot that is in use; says what is there if
    /// it is not `current`.
    #[inline(always)]
    pub(crate) fn replace(&self, current: W, new: W) -> Result<(), W> {
        self.touch();
        // AcqRel: Release as in `publish`; Acquire, since the caller gets the old entry, as in
        // `load`: it may be the same as one that was there before, put back since.
        // Relaxed: on failure, since the caller looks again.
        // site: slot.replace.compare_exchange
        self.word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Relaxed).map(drop)
    }

    /// Turns a slot in use into a free one that the caller owns; says what is there if it is
    /// not `current`. Of several that try at once, one succeeds.
    #[inline(always)]
    pub(crate) fn retire(&self, current: W, round: Round) -> Result<(), W> {
        let free = word::free(round, 0);
        self.touch();
        // Acquire: the new owner's use of the slot comes after that of whoever published it
        // (Invariant 3; partner: `publish`), who may be another than `current` came from. Nothing
        // is published by it: the next owner gets the slot through a head or a stop, which order
        // it. Relaxed: on failure, since the caller looks again.
        // site: slot.retire.compare_exchange
        self.word.compare_exchange(current, free, Ordering::Acquire, Ordering::Relaxed)?;
        self.as_owner();
        Ok(())
    }

    /// Turns a live slot that nobody else frees or sets into a free one that the caller owns.
    #[inline(always)]
    pub(crate) fn retire_own(&self, round: Round) {
        self.touch();
        // Relaxed: the caller's exclusive right to the slot came with the entry, which `load` has
        // acquired; readers may see the entry or that the slot is free.
        // site: slot.retire_own.store
        self.word.store(word::free(round, 0), Ordering::Relaxed);
        self.as_owner();
    }

    /// The index that follows in the chain. For the owner of the chain; `index` is this slot's.
    #[inline(always)]
    pub(crate) fn next(&self, index: u32) -> u32 {
        self.as_owner();
        // Relaxed: only the owner reads or writes a link (Invariant 2), and the chain came to it
        // through an acquire (a head's swap, or the end of a stop).
        // site: slot.next.load
        follow(index, word::link(self.word.load(Ordering::Relaxed)))
    }

    /// Makes `next` follow this slot, whose index is `index`. For the owner of the chain.
    #[inline(always)]
    pub(crate) fn set_next(&self, index: u32, next: u32, round: Round) {
        self.as_owner();
        self.touch();
        // Relaxed: as in `next`; the release of the head's compare-and-swap, or of the end of
        // the stop, hands it on.
        // site: slot.set_next.store
        self.word.store(word::free(round, link_to(index, next)), Ordering::Relaxed);
    }

    /// As `set_next`, but stores nothing where the link is right already, whatever the round, so
    /// that memory that nobody wrote to stays so.
    pub(crate) fn set_next_if_needed(&self, index: u32, next: u32, round: Round) {
        self.as_owner();
        // Relaxed: as in `next`.
        // site: slot.set_next_if_needed.load
        if word::link(self.word.load(Ordering::Relaxed)) != link_to(index, next) {
            self.set_next(index, next, round);
        }
    }

    /// Makes the slot, a free one of the caller's, as if it had never been written to.
    pub(crate) fn wipe(&self) {
        if self.look() != word::zero() {
            self.as_owner();
            self.touch();
            // Relaxed: as in `set_next`.
            // site: slot.wipe.store
            self.word.store(word::zero(), Ordering::Relaxed);
        }
    }

    /// The word as the last stop left it, or what came after.
    #[inline(always)]
    pub(crate) fn look(&self) -> W {
        // Relaxed: every operation before the last stop has ended, and its end was acquired by the
        // stop, whose end was acquired by the caller's operation (Invariant 8).
        // site: slot.look.load
        self.word.load(Ordering::Relaxed)
    }
}

impl<W: Word> core::fmt::Debug for Slot<W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Slot")
    }
}
