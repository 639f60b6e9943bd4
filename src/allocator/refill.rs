//! The slow paths: how local stores are filled and emptied.

use super::allocator::Allocator;
use crate::arena::Refusal;
use crate::bias::whole;
use crate::bits::chain::Chain;
use crate::bits::word::Word;
use crate::freelist::{FreeList, StoreMut};
use crate::safepoint::Stopped;

impl<W: Word> Allocator<W> {
    /// Finds free slots for an empty store: from its overflow, a free list, up to `segments`
    /// unswept segments, or a fresh one, in this order. Takes `count`, or as many as there are, and
    /// returns the first of them. Lock-free.
    pub(super) fn refill(
        &self,
        store: &mut StoreMut<'_>,
        count: u32,
        segments: u32,
    ) -> Result<u32, Refusal> {
        let space = &self.space;
        if store.refill_from_overflow(space.magazine_size) {
            return store.pop().ok_or(Refusal::Full);
        }
        let home = store.home();
        for i in 0..space.lists.len() {
            let list = &space.lists[(home + i) % space.lists.len()];
            let chain = list.take();
            if let Some(index) = self.fill(store, chain, count, list) {
                return Ok(index);
            }
        }
        for _ in 0..segments {
            let Some(chain) = space.unswept.sweep_lowest(&space.arena, store.cycle()) else {
                break;
            };
            if let Some(index) = self.fill(store, chain, count, &space.lists[home]) {
                return Ok(index);
            }
        }
        let chain = space.arena.grow()?;
        if self.overflow_limit > 0 && store.wants_whole_segment(chain.length()) {
            store.keep_fresh_run(chain);
            store.refill_from_overflow(count);
            return store.pop().ok_or(Refusal::Full);
        }
        // Whole ranges, so that the next participant that takes some has others.
        let count = if space.bias.is_on() { whole(chain.first(), count) } else { count };
        self.fill(store, chain, count, &space.lists[home]).ok_or(Refusal::Full)
    }

    /// Fills an empty store from a chain that the caller owns, and puts the rest on a free list.
    /// `None` if the chain is empty.
    fn fill(
        &self,
        store: &mut StoreMut<'_>,
        chain: Chain,
        count: u32,
        list: &FreeList,
    ) -> Option<u32> {
        if chain.is_empty() {
            return None;
        }
        let arena = &self.space.arena;
        let rest = store.fill(chain, count, |index| arena.slot(index).next(index));
        list.put_back(arena, rest, store.cycle());
        store.pop()
    }

    /// Moves the oldest `count` slots of a store to its home list. Lock-free.
    fn spill(&self, store: &mut StoreMut<'_>, count: u32) {
        let (arena, cycle) = (&self.space.arena, store.cycle());
        let list = &self.space.lists[store.home()];
        store.drain(count, |slots| {
            // The newest goes first.
            let (Some(&last), Some(&first)) = (slots.first(), slots.last()) else { return };
            for pair in slots.windows(2) {
                arena.slot(pair[1]).set_next(pair[1], pair[0], cycle);
            }
            list.push(arena, Chain::new(first, count), last, cycle);
        });
    }

    /// Moves all slots of a store to its home list. Lock-free.
    pub(super) fn spill_all(&self, store: &mut StoreMut<'_>) {
        let run = store.take_fresh_run();
        if !run.is_empty() {
            let last = run.first() + (run.length() - 1);
            self.space.lists[store.home()].push(&self.space.arena, run, last, store.cycle());
        }
        store.shelve_lifo();
        loop {
            self.spill(store, store.length());
            if !store.refill_from_overflow(self.store_limit) {
                break;
            }
        }
    }

    /// Moves the slots of all local stores to the free lists.
    pub(super) fn gather(&self, stopped: &mut Stopped<'_>) {
        stopped.for_each_store(|store| self.spill_all(store));
    }

    /// Puts a free slot of the caller's into its full local store: a magazine goes to the overflow,
    /// or to the home list. Returns `true` if it goes to the list.
    #[cold]
    #[inline(never)]
    pub(super) fn push_free_spilling(&self, mut store: StoreMut<'_>, index: u32) -> bool {
        let magazine_size = self.space.magazine_size;
        let spills = !store.overflow(magazine_size, self.overflow_limit);
        if spills {
            self.spill(&mut store, magazine_size);
        }
        let pushed = store.push(index, &self.store_limit);
        debug_assert!(pushed, "spilling made room");
        spills
    }
}
