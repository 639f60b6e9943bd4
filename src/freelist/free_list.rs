//! Every compare-and-swap on a head.
//!
//! There are only two moves: *push a chain* and *take the whole chain*. No thread pops a single
//! slot from a shared head, so only the owner of a chain reads the links in it. That rules out, by
//! construction, the known faults of lock-free free lists:
//!
//! - A stale link (ABA). A push needs only the head word itself to be current when it succeeds, and
//!   the compare-and-swap compares all of it. There is no tag, no counter, and no marker.
//! - A link read from decommitted memory. No thread reads one.
//! - A thread that waits for another. No state of the head means that a thread is at work.

use crate::arena::Arena;
use crate::bits::chain::Chain;
use crate::bits::word::{Cycle, Word};
use crate::sync::{AtomicU64, Ordering};

/// A shared free list: one head. A table has several, each in a cache line of its own.
#[derive(Debug)]
pub(crate) struct FreeList {
    head: AtomicU64,
}

impl FreeList {
    pub(crate) fn new() -> Self {
        Self { head: AtomicU64::new(Chain::EMPTY.to_bits()) }
    }

    /// The approximate chain. Wait-free. Its links may be followed only with the world stopped.
    pub(crate) fn peek(&self) -> Chain {
        // Relaxed: nothing is reached through it. With the world stopped, record.is_busy.load has
        // acquired every push with the end of its operation (Invariant 8).
        Chain::from_bits(self.head.load(Ordering::Relaxed))
    }

    pub(crate) fn length(&self) -> u32 {
        self.peek().length()
    }

    /// Takes the whole chain; the caller then owns its slots. Wait-free.
    pub(crate) fn take(&self) -> Chain {
        if self.length() == 0 {
            return Chain::EMPTY;
        }
        // Acquire: the taker sees the links and the words of the slots as their last owners left
        // them (Invariant 2). Partners: free_list.push.compare_exchange and
        // free_list.put_back.compare_exchange, each that the chain is made of. They form one
        // release sequence, since only read-modify-writes touch a head.
        Chain::from_bits(self.head.swap(Chain::EMPTY.to_bits(), Ordering::Acquire))
    }

    /// Pushes a chain that the caller owns, from `chain.first()` to `last`, in front of the others.
    /// Lock-free: it tries again only when another thread changed the head.
    pub(crate) fn push<W: Word>(&self, arena: &Arena<W>, chain: Chain, last: u32, cycle: Cycle) {
        debug_assert!(!chain.is_empty());
        let slot = arena.slot(last);
        let mut seen = self.peek();
        loop {
            if !seen.is_empty() {
                slot.set_next(last, seen.first(), cycle);
            }
            let joined = Chain::new(chain.first(), chain.length() + seen.length());
            // Release: hands the caller's slots and links to the thread that takes the chain.
            // Partner: free_list.take.swap. Relaxed on failure: the index goes into a link and is
            // not followed here.
            match self.head.compare_exchange(
                seen.to_bits(),
                joined.to_bits(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => seen = Chain::from_bits(now),
            }
        }
    }

    /// Puts back the part of a chain that its taker did not need.
    ///
    /// The taker knows no last slot, so the chain goes onto an empty head. If other threads have
    /// pushed in the meantime, their few slots are taken and linked in front. Lock-free: it tries
    /// again only when another thread pushed, and walks no more slots than were pushed.
    pub(crate) fn put_back<W: Word>(&self, arena: &Arena<W>, mut rest: Chain, cycle: Cycle) {
        while !rest.is_empty() {
            // Release: hands the caller's slots and links to the thread that takes the chain.
            // Partner: free_list.take.swap. Relaxed on failure: the value is not used.
            let result = self.head.compare_exchange(
                Chain::EMPTY.to_bits(),
                rest.to_bits(),
                Ordering::Release,
                Ordering::Relaxed,
            );
            if result.is_ok() {
                return;
            }
            let newcomers = self.take();
            if !newcomers.is_empty() {
                let last = last(arena, newcomers);
                arena.slot(last).set_next(last, rest.first(), cycle);
                rest = Chain::new(newcomers.first(), newcomers.length() + rest.length());
            }
        }
    }
}

/// Finds the last slot of a chain that the caller owns, which is not empty.
fn last<W: Word>(arena: &Arena<W>, chain: Chain) -> u32 {
    (1..chain.length()).fold(chain.first(), |index, _| arena.slot(index).next(index))
}
