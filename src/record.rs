//! A mutator's record: the flag that the stopper reads, and the private store of free slots.

use core::marker::PhantomData;

use crate::fence::LightSide;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, UnsafeCell};
use crate::word::Round;

/// The most free slots that a record can hold: two magazines of the greatest size.
pub(crate) const MAGAZINE_SLOTS: usize = 512;

/// The greatest magazine size.
pub(crate) const MAGAZINE_SIZE_MAX: usize = MAGAZINE_SLOTS / 2;

/// One registered participant.
///
/// | field | who reads | who writes |
/// |---|---|---|
/// | `busy` | owner, stopper | owner |
/// | `length` | anybody, as a figure | owner inside an operation; stopper |
/// | `slots` | owner inside an operation; stopper | the same |
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
    home: usize,
    side: LightSide,
}

// SAFETY: `slots` is reached only through a `Magazine`, which is evidence of exclusive use.
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
            slots: UnsafeCell::new([0; MAGAZINE_SLOTS]),
        }
    }

    /// Free slots in the private store, now or a moment ago.
    pub(crate) fn length(&self) -> u32 {
        // Relaxed: a figure. With the world stopped it is exact: the owner's last operation has
        // ended, and its end was acquired (Invariant 8).
        self.length.load(Ordering::Relaxed)
    }

    /// This record's part of the number of uninitialized slots. Exact with the world stopped.
    pub(crate) fn uninitialized(&self) -> u64 {
        // Relaxed: as `length`.
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
        self.busy.store(true, Ordering::Relaxed);
    }

    /// Says that the operation has ended.
    #[inline(always)]
    pub(crate) fn set_idle(&self) {
        // Release: all that the operation did to chains and magazines is seen by the stopper.
        // Partner: `is_busy` (Invariant 8).
        self.busy.store(false, Ordering::Release);
    }

    /// Is an operation under way? For the stopper.
    pub(crate) fn is_busy(&self) -> bool {
        // Acquire: partner is `set_idle`.
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
        self.record.length.store(length, Ordering::Relaxed);
    }

    /// Adds to the count of uninitialized slots; `u64::MAX` takes one off.
    pub(crate) fn count_uninitialized(&mut self, change: u64) {
        let count = self.record.uninitialized().wrapping_add(change);
        // Relaxed: as the length.
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

    /// Forgets all slots in it.
    pub(crate) fn clear(&mut self) {
        self.set_length(0);
    }

    /// Turns the order round, so that the slot that was pushed first is the next to go.
    pub(crate) fn reverse(&mut self) {
        let length = self.length() as usize;
        self.record.slots.with_mut(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            let slots = unsafe { &mut *slots };
            slots[..length].reverse();
        });
    }

    /// Takes the `count` slots that came first, gives them to `take`, the latest of them first,
    /// and keeps the others.
    pub(crate) fn drain(&mut self, count: u32, mut take: impl FnMut(u32)) {
        let (length, count) = (self.length() as usize, count as usize);
        debug_assert!(count <= length);
        self.record.slots.with_mut(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            let slots = unsafe { &mut *slots };
            slots[..count].iter().rev().for_each(|&index| take(index));
            slots.copy_within(count..length, 0);
        });
        self.set_length((length - count) as u32);
    }

    /// Looks at all slots in it.
    pub(crate) fn for_each(&self, mut look: impl FnMut(u32)) {
        let length = self.length() as usize;
        self.record.slots.with(|slots| {
            // SAFETY: exclusive use, by the contract of `Record::magazine` (Invariant 8).
            let slots = unsafe { &*slots };
            slots[..length].iter().for_each(|&index| look(index));
        });
    }
}
