//! How private stores are filled and emptied: the allocator's paths that are seldom taken.

use super::Allocator;
use crate::arena::Refusal;
use crate::freelist::Stripe;
use crate::head::Head;
use crate::record::Magazine;
use crate::word::Word;
use crate::world::Stopped;

impl<W: Word> Allocator<W> {
    /// Finds free slots for an empty store, takes `count` or as many as there are, and returns
    /// the first of them. Of the pending segments looks through up to `help`.
    /// Lock-free.
    pub(super) fn refill(
        &self,
        magazine: &mut Magazine<'_>,
        count: u32,
        help: u32,
    ) -> Result<u32, Refusal> {
        if magazine.unstash(self.magazine_size) {
            return magazine.pop().ok_or(Refusal::Full);
        }
        let home = magazine.home();
        for i in 0..self.stripes.len() {
            let stripe = &self.stripes[(home + i) % self.stripes.len()];
            let chain = stripe.take();
            if let Some(index) = self.load(magazine, chain, count, stripe) {
                return Ok(index);
            }
        }
        for _ in 0..help {
            let Some(chain) = self.detached.bring_back_lowest(&self.arena, magazine.round()) else {
                break;
            };
            if let Some(index) = self.load(magazine, chain, count, &self.stripes[home]) {
                return Ok(index);
            }
        }
        let chain = self.arena.grow()?;
        if self.stash_limit > 0 && magazine.craves(chain.length()) {
            magazine.stash_run(chain);
            magazine.unstash(count);
            return magazine.pop().ok_or(Refusal::Full);
        }
        self.load(magazine, chain, count, &self.stripes[home]).ok_or(Refusal::Full)
    }

    /// Fills an empty store from a chain that the caller owns and puts the rest into a stripe.
    fn load(
        &self,
        magazine: &mut Magazine<'_>,
        chain: Head,
        count: u32,
        stripe: &Stripe,
    ) -> Option<u32> {
        if chain.is_empty() {
            return None;
        }
        let rest = magazine.fill(chain, count, |index| self.arena.slot(index).next(index));
        stripe.put_back(&self.arena, rest, magazine.round());
        magazine.pop()
    }

    /// Puts `count` slots of a store into its home stripe, those that came first. Lock-free.
    fn spill(&self, magazine: &mut Magazine<'_>, count: u32) {
        let round = magazine.round();
        let stripe = &self.stripes[magazine.home()];
        magazine.drain(count, |slots| {
            // The latest first.
            let (Some(&last), Some(&first)) = (slots.first(), slots.last()) else { return };
            for pair in slots.windows(2) {
                self.arena.slot(pair[1]).set_next(pair[1], pair[0], round);
            }
            stripe.push(&self.arena, Head::new(first, count), last, round);
        });
    }

    /// Puts all of a private store into its home stripe. Lock-free.
    pub(super) fn spill_all(&self, magazine: &mut Magazine<'_>) {
        let run = magazine.take_run();
        if !run.is_empty() {
            let last = run.first() + (run.length() - 1);
            self.stripes[magazine.home()].push(&self.arena, run, last, magazine.round());
        }
        magazine.lay_down();
        loop {
            self.spill(magazine, magazine.length());
            if !magazine.unstash(self.store_limit) {
                break;
            }
        }
    }

    /// Puts all private stores into the stripes.
    pub(crate) fn gather(&self, stopped: &mut Stopped<'_>) {
        stopped.for_each_magazine(|magazine| self.spill_all(magazine));
    }

    #[cold]
    #[inline(never)]
    pub(super) fn keep_spilling(&self, magazine: &mut Magazine<'_>, index: u32) {
        if !magazine.stash(self.magazine_size, self.stash_limit) {
            self.spill(magazine, self.magazine_size);
        }
        let kept = magazine.push(index, self.store_limit);
        debug_assert!(kept, "spilling made room");
    }
}
