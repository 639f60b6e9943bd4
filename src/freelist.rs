//! Every compare-and-swap on a head.
//!
//! Only two moves exist: *push a chain* and *take the whole chain*. Nobody pops a single slot
//! from a shared head, so a link is read only by whoever owns the chain that it is in. That
//! rules out, by construction, what lock-free freelists are plagued by:
//!
//! - A stale link (ABA): a push needs only the head word itself to be true when it succeeds,
//!   and it is, since the compare-and-swap compares all of it. No tag, no counter, no marker.
//! - A link read from memory that a sweep has released: there is nobody to read it.
//! - A thread that waits for another: there is no state "somebody is at it".

use crate::arena::Arena;
use crate::head::Head;
use crate::sync::{AtomicU64, Ordering};
use crate::word::{Round, Word};

/// One shared head. Tables have several, each in a cache line of its own.
#[derive(Debug)]
pub(crate) struct Stripe {
    head: AtomicU64,
}

impl Stripe {
    pub(crate) fn new() -> Self {
        Self { head: AtomicU64::new(Head::EMPTY.to_bits()) }
    }

    /// The chain that is there now, or was a moment ago. Wait-free. Only with the world stopped
    /// may it be followed.
    pub(crate) fn look(&self) -> Head {
        // Relaxed: nothing is reached through it; with the world stopped, every push was acquired
        // with the end of its operation (Invariant 8).
        // site: freelist.look.load
        Head::from_bits(self.head.load(Ordering::Relaxed))
    }

    /// How many slots the chain has now, or had a moment ago. Wait-free.
    pub(crate) fn length(&self) -> u32 {
        self.look().length()
    }

    /// Takes the whole chain; the caller then owns its slots. Wait-free.
    pub(crate) fn take(&self) -> Head {
        if self.length() == 0 {
            return Head::EMPTY;
        }
        // Acquire: the links and the words of the slots, as their last owners left them, are
        // seen by the taker (Invariant 2). Partner: the release of every push that the chain is
        // made of; they form one release sequence, since only read-modify-writes touch a head.
        // site: freelist.take.swap
        Head::from_bits(self.head.swap(Head::EMPTY.to_bits(), Ordering::Acquire))
    }

    /// Puts a chain that the caller owns, from `chain.first()` to `last`, before what is there.
    /// Lock-free: it is tried again only when another thread changed the head.
    pub(crate) fn push<W: Word>(&self, arena: &Arena<W>, chain: Head, last: u32, round: Round) {
        debug_assert!(!chain.is_empty());
        let slot = arena.slot(last);
        let mut seen = self.look();
        loop {
            if !seen.is_empty() {
                slot.set_next(last, seen.first(), round);
            }
            let joined = Head::new(chain.first(), chain.length() + seen.length());
            // Release: hands the caller's slots and links to whoever takes the chain. Partner:
            // `take`. Relaxed on failure: the index goes into a link, it is not followed here.
            // site: freelist.push.compare_exchange
            match self.head.compare_exchange(
                seen.to_bits(),
                joined.to_bits(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => seen = Head::from_bits(now),
            }
        }
    }

    /// Puts back what a taker did not need. It knows no last slot, so it puts the chain where
    /// nothing is; where others have pushed meanwhile, their few are taken and put before it.
    /// Lock-free: it is tried again only when another thread pushed, and walks no more slots
    /// than were pushed.
    pub(crate) fn put_back<W: Word>(&self, arena: &Arena<W>, mut rest: Head, round: Round) {
        while !rest.is_empty() {
            // Release: as in `push`. Relaxed on failure: the value is not used.
            // site: freelist.put_back.compare_exchange
            let result = self.head.compare_exchange(
                Head::EMPTY.to_bits(),
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
                arena.slot(last).set_next(last, rest.first(), round);
                rest = Head::new(newcomers.first(), newcomers.length() + rest.length());
            }
        }
    }
}

/// The last slot of a chain that the caller owns, which is not empty.
fn last<W: Word>(arena: &Arena<W>, chain: Head) -> u32 {
    (1..chain.length()).fold(chain.first(), |index, _| arena.slot(index).next(index))
}
