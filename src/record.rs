//! A mutator's record: the flag that the stopper reads, and the private store of free slots.

mod stash;

use core::marker::PhantomData;

use crate::fence::LightSide;
use crate::head::Head;
use crate::sync::unmodelled::{self, AtomicUsize};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, UnsafeCell};
use crate::word::Round;

use stash::Stash;

/// The most free slots that a record can hold: two magazines of the greatest size.
pub(crate) const MAGAZINE_SLOTS: usize = 512;

/// The greatest magazine size.
pub(crate) const MAGAZINE_SIZE_MAX: usize = MAGAZINE_SLOTS / 2;

/// The most free slots that a record stashes away behind these.
pub(crate) const STASH_MAX: usize = 8192;

/// One registered participant.
///
/// | field | who reads | who writes |
/// |---|---|---|
/// | `busy` | owner, stopper | owner |
/// | `length` | anybody, as a figure | owner inside an operation; stopper |
/// | `slots`, `stash` | owner inside an operation; stopper | the same |
/// | `hand`, `stashed` | anybody, as a figure | owner inside an operation; stopper |
/// | `uninitialized` | stopper | owner inside an operation |
/// | `home` | owner | nobody after it was made |
///
/// Aligned to a page, as the allocator is, so that what is written here at every operation never
/// has the same place in its page as what is read there at every operation: processors that tell
/// stores and loads apart by the low 12 bits of their addresses would take one for the other.
///
/// *Owner*: the one `Mutator` or thread that it is registered for. *Stopper*: who has stopped
/// the world, or holds the registry's lock while the record has no owner.
#[derive(Debug)]
// Not in models, whose threads have small stacks.
#[cfg_attr(not(all(loom, feature = "loom")), repr(C, align(4096)))]
pub(crate) struct Record {
    slots: UnsafeCell<[u32; MAGAZINE_SLOTS]>,
    busy: AtomicBool,
    /// The free slot that is the first to go, or 0: whoever frees and allocates in turn has no need
    /// of the others, and does not wait for their number to come back from memory. Not modelled:
    /// who may use `slots`, and is seen to, may use it.
    hand: unmodelled::AtomicU32,
    /// Slots 0 to `length` - 1 of `slots` hold free slots' indices; the last is the next to go
    /// when there is none in hand.
    length: AtomicU32,
    /// Slots handed out without an entry, less those that got one or came back; wraps, since one
    /// record's may be settled by another. The sum over all records is the number there are.
    uninitialized: AtomicU64,
    /// How many slots the stash holds. Not modelled: the stash itself is.
    stashed: AtomicUsize,
    home: usize,
    side: LightSide,
    stash: UnsafeCell<Stash>,
}

// SAFETY: `slots` and `stash` are reached only through a `Magazine`, evidence of exclusive use.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

impl Record {
    /// Where in its page ends what operations write.
    #[cfg(not(all(loom, feature = "loom")))]
    pub(crate) const WRITTEN_TO: usize = core::mem::offset_of!(Record, home);

    pub(crate) fn new(home: usize) -> Self {
        Self {
            busy: AtomicBool::new(false),
            hand: unmodelled::AtomicU32::new(0),
            length: AtomicU32::new(0),
            uninitialized: AtomicU64::new(0),
            home,
            side: LightSide::new(),
            stashed: AtomicUsize::new(0),
            slots: UnsafeCell::new([0; MAGAZINE_SLOTS]),
            stash: UnsafeCell::new(Stash::default()),
        }
    }

    /// Free slots in the private store but for the stash and the hand, now or a moment ago.
    fn length(&self) -> u32 {
        // Relaxed: a figure. With the world stopped it is exact: the owner's last operation has
        // ended, and its end was acquired (Invariant 8).
        // site: record.length.load
        self.length.load(Ordering::Relaxed)
    }

    /// Free slots in the private store, now or a moment ago.
    pub(crate) fn free(&self) -> u64 {
        // Relaxed: as `length`.
        // site: record.free.load
        let stashed = self.stashed.load(Ordering::Relaxed) as u64;
        u64::from(self.length()) + stashed + u64::from(self.hand() > 0)
    }

    #[inline(always)]
    fn hand(&self) -> u32 {
        // Relaxed: as `length`.
        // site: record.hand.load
        self.hand.load(Ordering::Relaxed)
    }

    /// This record's part of the number of uninitialized slots. Exact with the world stopped.
    pub(crate) fn uninitialized(&self) -> u64 {
        // Relaxed: as `length`.
        // site: record.uninitialized.load
        self.uninitialized.load(Ordering::Relaxed)
    }

    /// The owner's side of the fence between the owner and the stopper.
    #[inline(always)]
    pub(crate) fn side(&self) -> &LightSide {
        &self.side
    }

    /// Says that an operation begins. It has begun once the stopper is known not to be at work.
    #[inline(always)]
    pub(crate) fn set_busy(&self) {
        // Relaxed: the light fence that follows orders it before the load of `stop`.
        // site: record.set_busy.store
        self.busy.store(true, Ordering::Relaxed);
    }

    /// Says that the operation has ended.
    #[inline(always)]
    pub(crate) fn set_idle(&self) {
        // Release: all that the operation did to chains and magazines is seen by the stopper.
        // Partner: `is_busy` (Invariant 8).
        // site: record.set_idle.store
        self.busy.store(false, Ordering::Release);
    }

    /// Is an operation under way? For the stopper.
    pub(crate) fn is_busy(&self) -> bool {
        // Acquire: partner is `set_idle`.
        // site: record.is_busy.load
        self.busy.load(Ordering::Acquire)
    }

    /// The private store, for who may use it.
    ///
    /// # Safety
    ///
    /// While the result lives the caller is the record's owner inside an operation, or the
    /// stopper (see the table above), and makes no second one.
    #[inline(always)]
    pub(crate) unsafe fn magazine(&self, round: Round) -> Magazine<'_> {
        Magazine { record: self, round, exclusive: PhantomData }
    }
}

/// Exclusive use of a record's private store of free slots, a stack of indices.
#[derive(Debug)]
pub(crate) struct Magazine<'a> {
    record: &'a Record,
    round: Round,
    exclusive: PhantomData<&'a mut [u32]>,
}

impl Magazine<'_> {
    /// The stripe that this store spills to and is filled from first.
    pub(crate) fn home(&self) -> usize {
        self.record.home
    }

    /// The round, which does not change while this is there.
    pub(crate) fn round(&self) -> Round {
        self.round
    }

    #[inline(always)]
    pub(crate) fn length(&self) -> u32 {
        self.record.length()
    }

    #[inline(always)]
    fn set_length(&mut self, length: u32) {
        // Relaxed: exact for the owner and the stopper only, who are ordered by the busy flag.
        // site: record.set_length.store
        self.record.length.store(length, Ordering::Relaxed);
    }

    #[inline(always)]
    fn set_hand(&mut self, index: u32) {
        // As who uses the store, in the eyes of the models.
        self.record.slots.with_mut(|_| ());
        // Relaxed: as the length.
        // site: record.set_hand.store
        self.record.hand.store(index, Ordering::Relaxed);
    }

    /// Takes the free slot that is in hand.
    #[inline(always)]
    fn take_hand(&mut self) -> Option<u32> {
        let index = self.record.hand();
        if index == 0 {
            return None;
        }
        self.set_hand(0);
        Some(index)
    }

    /// Adds to the count of uninitialized slots; `u64::MAX` takes one off.
    pub(crate) fn count_uninitialized(&mut self, change: u64) {
        let count = self.record.uninitialized().wrapping_add(change);
        // Relaxed: as the length.
        // site: record.count_uninitialized.store
        self.record.uninitialized.store(count, Ordering::Relaxed);
    }

    /// Takes a free slot: that in hand, or else the one that came last.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        if let Some(index) = self.take_hand() {
            return Some(index);
        }
        let top = self.length().checked_sub(1)?;
        let index = self.record.slots.with(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            unsafe { (*slots)[top as usize % MAGAZINE_SLOTS] }
        });
        self.set_length(top);
        Some(index)
    }

    /// Adds a free slot, unless there are `limit` already beside the one in hand.
    #[inline(always)]
    pub(crate) fn push(&mut self, index: u32, limit: u32) -> bool {
        if self.record.hand() == 0 {
            self.set_hand(index);
            return true;
        }
        let top = self.length();
        if top >= limit {
            return false;
        }
        self.put(top, index);
        true
    }

    /// Puts the slot in hand to the others, of which there is one less than there may be at most.
    pub(crate) fn lay_down(&mut self) {
        if let Some(index) = self.take_hand() {
            self.put(self.length(), index);
        }
    }

    #[inline(always)]
    fn put(&mut self, top: u32, index: u32) {
        self.record.slots.with_mut(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            unsafe { (*slots)[top as usize % MAGAZINE_SLOTS] = index }
        });
        self.set_length(top + 1);
    }

    /// The slots beside the stash.
    fn with_slots<R>(&mut self, f: impl FnOnce(&mut [u32; MAGAZINE_SLOTS]) -> R) -> R {
        self.record.slots.with_mut(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            f(unsafe { &mut *slots })
        })
    }

    /// Forgets all slots in it, and how many were put aside at most.
    pub(crate) fn clear(&mut self) {
        self.set_hand(0);
        self.set_length(0);
        self.with_stash(|stash| {
            stash.slots.clear();
            (stash.limit, stash.run, stash.refilled) = (0, Head::EMPTY, 0);
        });
        self.count_stashed();
    }

    /// Fills an empty store with up to `count` slots off the front of a chain that the caller owns,
    /// the first of them as the next to go. `next` follows a slot's link. Returns what is left.
    pub(crate) fn fill(&mut self, chain: Head, count: u32, next: impl Fn(u32) -> u32) -> Head {
        debug_assert_eq!(self.length(), 0);
        let count = count.min(chain.length());
        let (mut index, left) = (chain.first(), chain.length() - count);
        self.with_slots(|slots| {
            let mut places = &mut slots[..count as usize];
            while !places.is_empty() {
                // Most links lead to the neighbour. To find out so, rather than to follow them, is
                // to wait for none of them.
                let most = places.len() as u32;
                let at = |i: u32| index.wrapping_add(i);
                let run = (1..most).take_while(|&i| next(at(i - 1)) == at(i)).count() + 1;
                let (others, run) = places.split_at_mut(most as usize - run);
                for (place, i) in run.iter_mut().rev().zip(0..) {
                    *place = at(i);
                }
                index = at(run.len() as u32 - 1);
                // The link of the chain's last slot means nothing.
                if left > 0 || !others.is_empty() {
                    index = next(index);
                }
                places = others;
            }
        });
        self.set_length(count);
        self.with_stash(|stash| stash.refilled = stash.refilled.saturating_add(count));
        Head::new(index, left)
    }

    /// Takes the `count` slots that came first, shows them to `take`, the latest of them last, and
    /// keeps the others.
    pub(crate) fn drain(&mut self, count: u32, take: impl FnOnce(&[u32])) {
        let (length, count) = (self.length() as usize, count as usize);
        debug_assert!(count <= length);
        self.with_slots(|slots| {
            take(&slots[..count]);
            slots.copy_within(count..length, 0);
        });
        self.set_length((length - count) as u32);
    }

    /// Looks at all slots in it.
    pub(crate) fn for_each(&mut self, mut look: impl FnMut(u32)) {
        Some(self.record.hand()).filter(|&index| index > 0).into_iter().for_each(&mut look);
        let length = self.length() as usize;
        self.with_slots(|slots| slots[..length].iter().for_each(|&index| look(index)));
        self.with_stash(|stash| {
            stash.slots.iter().for_each(|&index| look(index));
            (0..stash.run.length()).for_each(|i| look(stash.run.first() + i));
        });
    }
}
