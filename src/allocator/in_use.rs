//! How the word of a slot in use changes: by whichever way its range's bias allows.

use super::allocator::Allocator;
use crate::arena::Slot;
use crate::bias::At;
use crate::bits::word::{self, Cycle, Word};
use crate::safepoint::Operation;

/// Where an operation changes a slot.
#[inline(always)]
fn at(operation: &Operation<'_>, index: u32) -> At {
    At { index, tag: operation.tag() }
}

impl<W: Word> Allocator<W> {
    /// Turns a live slot into a free one that the caller owns. Returns the word that it had, which
    /// tells the outcome. Of several simultaneous calls, one succeeds. Lock-free.
    #[inline(always)]
    pub(crate) fn free_live(&self, operation: &Operation<'_>, slot: &Slot<W>, index: u32) -> W {
        let (at, cycle) = (at(operation, index), operation.cycle());
        let free = word::free_with(cycle, 0);
        let swap = |slot: &Slot<W>, current| slot.free(current, cycle);
        let current = self.space.bias.try_change_live(slot, at, free, swap);
        if word::is_live(current) { current } else { self.free_again(at, cycle, word::is_live) }
    }

    /// Turns a slot in use, whose word was `current`, into a free one that the caller owns, if its
    /// word is expected. Returns the word that it had, which tells the outcome. Of several
    /// simultaneous calls, one succeeds. Lock-free.
    #[inline(always)]
    pub(crate) fn free_slot(
        &self,
        operation: &Operation<'_>,
        slot: &Slot<W>,
        index: u32,
        current: W,
        expected: impl Fn(W) -> bool,
    ) -> W {
        let (at, cycle) = (at(operation, index), operation.cycle());
        let words = [current, word::free_with(cycle, 0)];
        let swap = |slot: &Slot<W>, current| slot.free(current, cycle);
        if !expected(current) || self.space.bias.try_change(slot, at, words, swap) {
            return current;
        }
        self.free_again(at, cycle, expected)
    }

    /// The same, after a first attempt. The caller is inside an operation of that participant, in
    /// this cycle.
    #[cold]
    #[inline(never)]
    fn free_again(&self, at: At, cycle: Cycle, expected: impl Fn(W) -> bool) -> W {
        let slot = self.space.arena.slot(at.index);
        let swap = |slot: &Slot<W>, current| slot.free(current, cycle);
        let mut current = slot.load();
        // Tries again only when another thread changed the entry: lock-free.
        while expected(current) {
            let words = [current, word::free_with(cycle, 0)];
            match self.space.bias.change(slot, at, words, swap) {
                Ok(()) => break,
                Err(now) => current = now,
            }
        }
        current
    }

    /// Replaces the word of a slot, which was `current`, by what `new` makes of it. Returns the
    /// word that it had, and the new one. The error is a word of which `new` makes nothing.
    /// Lock-free.
    #[inline(always)]
    pub(crate) fn replace_word(
        &self,
        operation: &Operation<'_>,
        slot: &Slot<W>,
        index: u32,
        current: W,
        new: impl Fn(W) -> Option<W>,
    ) -> Result<[W; 2], W> {
        let at = at(operation, index);
        let words = [current, new(current).ok_or(current)?];
        let swap = |slot: &Slot<W>, current| slot.replace(current, words[1]);
        if self.space.bias.try_change(slot, at, words, swap) {
            return Ok(words);
        }
        self.replace_again(at, new)
    }

    /// The same, after a first attempt. The caller is inside an operation of that participant.
    #[cold]
    #[inline(never)]
    fn replace_again(&self, at: At, new: impl Fn(W) -> Option<W>) -> Result<[W; 2], W> {
        let slot = self.space.arena.slot(at.index);
        let mut current = slot.load();
        // Tries again only when another thread changed the entry: lock-free.
        loop {
            let words = [current, new(current).ok_or(current)?];
            let swap = |slot: &Slot<W>, current| slot.replace(current, words[1]);
            match self.space.bias.change(slot, at, words, swap) {
                Ok(()) => return Ok(words),
                Err(now) => current = now,
            }
        }
    }
}
