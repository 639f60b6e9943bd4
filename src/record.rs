//! A mutator's record: the flag that the stopper reads, and the private store of free slots.

use core::marker::PhantomData;

use crate::fence::LightSide;
use crate::head::Head;
use crate::sync::unmodelled::AtomicUsize;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, UnsafeCell};
use crate::word::Round;

/// The most free slots that a record can hold: two magazines of the greatest size.
pub(crate) const MAGAZINE_SLOTS: usize = 512;

/// The greatest magazine size.
pub(crate) const MAGAZINE_SIZE_MAX: usize = MAGAZINE_SLOTS / 2;

/// The most free slots that a record stashes away behind these.
pub(crate) const STASH_MAX: usize = 8192;

/// Who has taken this many times as many slots, and given none back, may have a run of neighbours
/// for himself.
const CRAVING: u32 = 4;

/// One registered participant.
///
/// | field | who reads | who writes |
/// |---|---|---|
/// | `busy` | owner, stopper | owner |
/// | `length` | anybody, as a figure | owner inside an operation; stopper |
/// | `slots`, `stash` | owner inside an operation; stopper | the same |
/// | `stashed` | anybody, as a figure | owner inside an operation; stopper |
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
    /// Slots 0 to `length` - 1 of `slots` hold free slots' indices; the last is the next to go.
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

/// Whole magazines put aside, for a participant that takes and gives many slots in turn: more than
/// fit beside it, and so would go to a stripe and come back, link by link.
#[derive(Debug, Default)]
struct Stash {
    slots: Vec<u32>,
    /// How many there may be.
    limit: u32,
    /// Neighbours, as they are in segments that were just committed.
    run: Head,
    /// How many slots have come from outside since the last time that some went there.
    refilled: u32,
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
            length: AtomicU32::new(0),
            uninitialized: AtomicU64::new(0),
            home,
            side: LightSide::new(),
            stashed: AtomicUsize::new(0),
            slots: UnsafeCell::new([0; MAGAZINE_SLOTS]),
            stash: UnsafeCell::new(Stash::default()),
        }
    }

    /// Free slots in the private store but for the stash, now or a moment ago.
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
        u64::from(self.length()) + self.stashed.load(Ordering::Relaxed) as u64
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

    /// Adds to the count of uninitialized slots; `u64::MAX` takes one off.
    pub(crate) fn count_uninitialized(&mut self, change: u64) {
        let count = self.record.uninitialized().wrapping_add(change);
        // Relaxed: as the length.
        // site: record.count_uninitialized.store
        self.record.uninitialized.store(count, Ordering::Relaxed);
    }

    /// Takes the free slot that came last.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let top = self.length().checked_sub(1)?;
        let index = self.record.slots.with(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            unsafe { (*slots)[top as usize % MAGAZINE_SLOTS] }
        });
        self.set_length(top);
        Some(index)
    }

    /// Adds a free slot, unless there are `limit` already.
    #[inline(always)]
    pub(crate) fn push(&mut self, index: u32, limit: u32) -> bool {
        let top = self.length();
        if top >= limit {
            return false;
        }
        self.record.slots.with_mut(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            unsafe { (*slots)[top as usize % MAGAZINE_SLOTS] = index }
        });
        self.set_length(top + 1);
        true
    }

    /// The slots beside the stash.
    fn with_slots<R>(&mut self, f: impl FnOnce(&mut [u32; MAGAZINE_SLOTS]) -> R) -> R {
        self.record.slots.with_mut(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            f(unsafe { &mut *slots })
        })
    }

    fn with_stash<R>(&mut self, f: impl FnOnce(&mut Stash) -> R) -> R {
        self.record.stash.with_mut(|stash| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            f(unsafe { &mut *stash })
        })
    }

    fn count_stashed(&mut self) {
        let count = self.with_stash(|stash| stash.slots.len() + stash.run.length() as usize);
        // Relaxed: as the length.
        // site: record.count_stashed.store
        self.record.stashed.store(count, Ordering::Relaxed);
    }

    /// Forgets all slots in it, and how many were put aside at most.
    pub(crate) fn clear(&mut self) {
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

    /// Puts aside the `count` slots that came first, if so many more may be put aside. `false` if
    /// they have to go to a stripe; from then on more may be, up to `most` in all, if slots have
    /// come from a stripe since the last that went there: they go to and fro.
    pub(crate) fn stash(&mut self, count: u32, most: u32) -> bool {
        let has_room = self.with_stash(|stash| {
            let held = stash.slots.len() as u32;
            if held + count > stash.limit {
                if core::mem::take(&mut stash.refilled) > 0 {
                    stash.limit = (2 * stash.limit).max(2 * count).min(most);
                }
                return false;
            }
            // For all that there may ever be. Where memory is short the stripe will do.
            stash.slots.try_reserve_exact((most - held) as usize).is_ok()
        });
        if has_room {
            let mut slots = self.with_stash(|stash| core::mem::take(&mut stash.slots));
            self.drain(count, |oldest| slots.extend_from_slice(oldest));
            self.with_stash(|stash| stash.slots = slots);
            self.count_stashed();
        }
        has_room
    }

    /// Has its owner taken many times as many slots, and given none back?
    pub(crate) fn craves(&mut self, slots: u32) -> bool {
        self.with_stash(|stash| stash.refilled / CRAVING >= slots)
    }

    /// Puts aside a chain of neighbours, in a store whose stash is empty.
    pub(crate) fn stash_run(&mut self, run: Head) {
        self.with_stash(|stash| {
            debug_assert!(stash.run.is_empty());
            stash.run = run;
            stash.refilled = stash.refilled.saturating_add(run.length());
        });
        self.count_stashed();
    }

    /// Takes the neighbours that are left.
    pub(crate) fn take_run(&mut self) -> Head {
        let run = self.with_stash(|stash| core::mem::take(&mut stash.run));
        self.count_stashed();
        run
    }

    /// Fills an empty store with `count` of the slots that were put aside, or as many as there
    /// are. `false` if there are none.
    pub(crate) fn unstash(&mut self, count: u32) -> bool {
        debug_assert_eq!(self.length(), 0);
        // Relaxed: as the length.
        // site: record.unstash.load
        if self.record.stashed.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut stash = self.with_stash(core::mem::take);
        let length = self.with_slots(|slots| stash.give(&mut slots[..count as usize]));
        self.with_stash(|place| *place = stash);
        self.set_length(length);
        self.count_stashed();
        true
    }

    /// Looks at all slots in it.
    pub(crate) fn for_each(&mut self, mut look: impl FnMut(u32)) {
        let length = self.length() as usize;
        self.with_slots(|slots| slots[..length].iter().for_each(|&index| look(index)));
        self.with_stash(|stash| {
            stash.slots.iter().for_each(|&index| look(index));
            (0..stash.run.length()).for_each(|i| look(stash.run.first() + i));
        });
    }
}

impl Stash {
    /// Moves slots to `places`, as many as there are of either, and says how many.
    fn give(&mut self, places: &mut [u32]) -> u32 {
        if self.slots.is_empty() {
            let (first, length) = (self.run.first(), self.run.length());
            let count = length.min(places.len() as u32);
            let run = &mut places[..count as usize];
            run.iter_mut().rev().zip(0..).for_each(|(place, i)| *place = first + i);
            self.run = Head::new(first.wrapping_add(count), length - count);
            return count;
        }
        let left = self.slots.len().saturating_sub(places.len());
        let count = self.slots.len() - left;
        places[..count].copy_from_slice(&self.slots[left..]);
        self.slots.truncate(left);
        count as u32
    }
}
