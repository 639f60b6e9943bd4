//! A participant's local store of free slots: a LIFO slot, up to two magazines, and an overflow.
//!
//! A thread-local cache of magazines as in Bonwick and Adams, [*Magazines and Vmem*] (USENIX 2001).
//! The LIFO slot in front of the stack is what tokio's scheduler has for the same reason: a thread
//! that frees and allocates alternately needs no other slot, and does not wait for the stack's
//! length to come back from memory.
//!
//! [*Magazines and Vmem*]: https://www.usenix.org/legacy/event/usenix01/bonwick.html

use core::marker::PhantomData;

use super::overflow::Overflow;
use crate::bits::chain::Chain;
use crate::bits::word::Cycle;
use crate::sync::unmodelled::{self, AtomicUsize};
use crate::sync::{AtomicU32, AtomicU64, Ordering, UnsafeCell};

/// The most free slots that the stack can hold: two magazines of the greatest size.
const STACK_SLOTS: usize = 512;

/// The greatest magazine size.
pub(crate) const MAGAZINE_SIZE_MAX: usize = STACK_SLOTS / 2;

/// The free slots of one participant.
///
/// | field | reader | writer |
/// |---|---|---|
/// | `length`, `lifo`, `overflowed`, `uninitialized` | any thread, as a figure | the holder of a [`StoreMut`] |
/// | `slots`, `overflow` | the holder of a [`StoreMut`] | the same |
/// | `home` | the holder of a [`StoreMut`] | none after it was made |
///
/// The fields that every operation writes come last, so that they share a cache line with the
/// record's busy flag behind them.
#[derive(Debug)]
#[cfg_attr(not(model), repr(C))]
pub(crate) struct LocalStore {
    slots: UnsafeCell<[u32; STACK_SLOTS]>,
    overflow: UnsafeCell<Overflow>,
    home: usize,
    /// The number of slots in `overflow`. Not modelled: `overflow` is.
    overflowed: AtomicUsize,
    /// Slots handed out without an entry, less those that got one or came back. Wraps, since one
    /// participant may settle another's. The sum over all participants is the number there are.
    uninitialized: AtomicU64,
    /// Slots 0 to `length` - 1 of `slots` hold free slots' indices. The last is allocated first.
    length: AtomicU32,
    /// The LIFO slot: the free slot that is allocated next, or 0. Not modelled: the holder of a
    /// [`StoreMut`] touches `slots` in the same place, which is.
    lifo: unmodelled::AtomicU32,
}

// SAFETY: `slots` and `overflow` are reached only through a `StoreMut`, evidence of exclusive use.
unsafe impl Send for LocalStore {}
// SAFETY: as for `Send`.
unsafe impl Sync for LocalStore {}

impl LocalStore {
    const_fn! {
        /// An empty store. `home` is the number of the shared list that it spills to.
        pub(crate) fn new(home: usize) -> Self {
            Self {
                lifo: unmodelled::AtomicU32::new(0),
                length: AtomicU32::new(0),
                uninitialized: AtomicU64::new(0),
                overflowed: AtomicUsize::new(0),
                home,
                slots: UnsafeCell::new([0; STACK_SLOTS]),
                overflow: UnsafeCell::new(Overflow::EMPTY),
            }
        }
    }

    /// The approximate number of slots in the stack.
    #[inline(always)]
    fn length(&self) -> u32 {
        // Relaxed: a figure. With the world stopped it is exact: the owner's last operation has
        // ended, and record.is_busy.load has acquired that (Invariant 8).
        self.length.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn lifo(&self) -> u32 {
        // Relaxed: a figure, exact under the same condition as the length.
        self.lifo.load(Ordering::Relaxed)
    }

    fn overflowed(&self) -> usize {
        // Relaxed: a figure, exact under the same condition as the length.
        self.overflowed.load(Ordering::Relaxed)
    }

    /// The approximate number of free slots. Exact with the world stopped.
    pub(crate) fn free(&self) -> u64 {
        u64::from(self.length()) + self.overflowed() as u64 + u64::from(self.lifo() > 0)
    }

    /// Takes this participant's part of the number of uninitialized slots. It has no owner.
    pub(crate) fn take_uninitialized(&self) -> u64 {
        let part = self.uninitialized();
        // Relaxed: a figure, exact under the same condition as the length.
        self.uninitialized.store(0, Ordering::Relaxed);
        part
    }

    /// This participant's part of the number of uninitialized slots. Exact with the world stopped.
    #[inline]
    pub(crate) fn uninitialized(&self) -> u64 {
        // Relaxed: a figure, exact under the same condition as the length.
        self.uninitialized.load(Ordering::Relaxed)
    }
}

/// Evidence of exclusive use of a local store.
#[derive(Debug)]
pub(crate) struct StoreMut<'a> {
    store: &'a LocalStore,
    cycle: Cycle,
    exclusive: PhantomData<&'a mut [u32]>,
}

impl<'a> StoreMut<'a> {
    /// # Safety
    ///
    /// While the result lives, the caller is the store's owner inside an operation, or has stopped
    /// the world, or holds the registry's lock while the store has no owner (Invariant 8). There is
    /// no second `StoreMut` of the store. `cycle` is the sweep cycle, which does not change either.
    #[inline(always)]
    pub(crate) unsafe fn new(store: &'a LocalStore, cycle: Cycle) -> Self {
        Self { store, cycle, exclusive: PhantomData }
    }

    pub(crate) fn reborrow(&mut self) -> StoreMut<'_> {
        Self { store: self.store, cycle: self.cycle, exclusive: PhantomData }
    }

    /// The number of the shared list that this store spills to, and is filled from first.
    pub(crate) fn home(&self) -> usize {
        self.store.home
    }

    pub(crate) fn cycle(&self) -> Cycle {
        self.cycle
    }

    #[inline(always)]
    pub(crate) fn length(&self) -> u32 {
        self.store.length()
    }

    #[inline(always)]
    fn set_length(&mut self, length: u32) {
        // Relaxed: exact for the owner and the stopper only, which record.set_idle.store and
        // record.is_busy.load order.
        self.store.length.store(length, Ordering::Relaxed);
    }

    #[inline(always)]
    fn set_lifo(&mut self, index: u32) {
        // In a model this access stands for the one below, which no checker sees.
        self.store.slots.with_mut(|_| ());
        // Relaxed: exact for the owner and the stopper only, like the length.
        self.store.lifo.store(index, Ordering::Relaxed);
    }

    #[inline(always)]
    fn take_lifo(&mut self) -> Option<u32> {
        let index = self.store.lifo();
        if index == 0 {
            return None;
        }
        self.set_lifo(0);
        Some(index)
    }

    /// Counts so many more slots in use without an entry.
    #[inline]
    pub(crate) fn count_uninitialized(&mut self, more: i64) {
        let count = self.store.uninitialized().wrapping_add_signed(more);
        // Relaxed: exact for the owner and the stopper only, like the length.
        self.store.uninitialized.store(count, Ordering::Relaxed);
    }

    /// Takes a free slot: the LIFO slot, or else the one that came last.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        if let Some(index) = self.take_lifo() {
            return Some(index);
        }
        let top = self.length().checked_sub(1)?;
        // SAFETY: exclusive use, by the contract of `new` (Invariant 8).
        let index = self.store.slots.with(|slots| unsafe { (*slots)[top as usize % STACK_SLOTS] });
        self.set_length(top);
        Some(index)
    }

    /// Adds a free slot. Returns `false` if there is a LIFO slot and the stack holds `limit`, which
    /// is loaded only then.
    #[inline(always)]
    pub(crate) fn push(&mut self, index: u32, limit: &u32) -> bool {
        if self.store.lifo() == 0 {
            self.set_lifo(index);
            return true;
        }
        let top = self.length();
        if top >= *limit {
            return false;
        }
        self.put(top, index);
        true
    }

    /// Moves the LIFO slot onto the stack. There is room: the stack holds at most `limit`, one less
    /// than two magazines.
    pub(crate) fn shelve_lifo(&mut self) {
        if let Some(index) = self.take_lifo() {
            self.put(self.length(), index);
        }
    }

    #[inline(always)]
    fn put(&mut self, top: u32, index: u32) {
        // SAFETY: exclusive use, by the contract of `new` (Invariant 8).
        self.store.slots.with_mut(|slots| unsafe { (*slots)[top as usize % STACK_SLOTS] = index });
        self.set_length(top + 1);
    }

    fn with_slots<R>(&mut self, f: impl FnOnce(&mut [u32; STACK_SLOTS]) -> R) -> R {
        // SAFETY: exclusive use, by the contract of `new` (Invariant 8).
        self.store.slots.with_mut(|slots| f(unsafe { &mut *slots }))
    }

    fn with_overflow<R>(&mut self, f: impl FnOnce(&mut Overflow) -> R) -> R {
        // SAFETY: exclusive use, by the contract of `new` (Invariant 8).
        self.store.overflow.with_mut(|overflow| f(unsafe { &mut *overflow }))
    }

    fn count_overflow(&mut self) {
        let count = self.with_overflow(|overflow| overflow.len());
        // Relaxed: exact for the owner and the stopper only, like the length.
        self.store.overflowed.store(count, Ordering::Relaxed);
    }

    pub(crate) fn clear(&mut self) {
        self.set_lifo(0);
        self.set_length(0);
        self.with_overflow(Overflow::clear);
        self.count_overflow();
    }

    /// Fills an empty stack with up to `count` slots off the front of a chain that the caller owns.
    /// The first of them is allocated first. `next` follows a slot's link. Returns the rest.
    pub(crate) fn fill(&mut self, chain: Chain, count: u32, next: impl Fn(u32) -> u32) -> Chain {
        debug_assert_eq!(self.length(), 0);
        let count = count.min(chain.length());
        let (mut index, left) = (chain.first(), chain.length() - count);
        self.with_slots(|slots| {
            let mut places = &mut slots[..count as usize];
            while !places.is_empty() {
                // Most links lead to the neighbour. Comparing them, rather than following them,
                // lets the processor load them in parallel.
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
        self.with_overflow(|overflow| overflow.count_refill(count));
        Chain::new(index, left)
    }

    /// Takes the oldest `count` slots off the stack, and shows them to `take`, oldest first.
    pub(crate) fn drain(&mut self, count: u32, take: impl FnOnce(&[u32])) {
        let (length, count) = (self.length() as usize, count as usize);
        debug_assert!(count <= length);
        self.with_slots(|slots| {
            take(&slots[..count]);
            slots.copy_within(count..length, 0);
        });
        self.set_length((length - count) as u32);
    }

    /// Lets the overflow hold as many slots as the owner is about to free, up to `most`.
    pub(crate) fn expect(&mut self, count: u32, most: u32) {
        self.with_overflow(|overflow| overflow.expect(count, most));
    }

    /// Moves the oldest `count` slots to the overflow, which holds `most` at most. Returns `false`
    /// if they must go to a shared list.
    pub(crate) fn overflow(&mut self, count: u32, most: u32) -> bool {
        let has_room = self.with_overflow(|overflow| overflow.reserve(count, most));
        if has_room {
            let mut overflow =
                self.with_overflow(|overflow| core::mem::replace(overflow, Overflow::EMPTY));
            self.drain(count, |oldest| overflow.extend(oldest));
            self.with_overflow(|place| *place = overflow);
            self.count_overflow();
        }
        has_room
    }

    /// Fills an empty stack with `count` slots of the overflow, or as many as there are. Returns
    /// `false` if there are none.
    pub(crate) fn refill_from_overflow(&mut self, count: u32) -> bool {
        debug_assert_eq!(self.length(), 0);
        if self.store.overflowed() == 0 {
            return false;
        }
        let mut overflow =
            self.with_overflow(|overflow| core::mem::replace(overflow, Overflow::EMPTY));
        let length = self.with_slots(|slots| overflow.move_to(&mut slots[..count as usize]));
        self.with_overflow(|place| *place = overflow);
        self.set_length(length);
        self.count_overflow();
        true
    }

    pub(crate) fn has_overflow(&self) -> bool {
        self.store.overflowed() > 0
    }

    /// Takes the overflow, if it is empty, for its memory to be freed.
    pub(crate) fn take_overflow(&mut self) -> Overflow {
        if self.has_overflow() {
            return Overflow::EMPTY;
        }
        self.with_overflow(|overflow| core::mem::replace(overflow, Overflow::EMPTY))
    }

    pub(crate) fn wants_whole_segment(&mut self, slots: u32) -> bool {
        self.with_overflow(|overflow| overflow.wants_whole_segment(slots))
    }

    pub(crate) fn keep_fresh_run(&mut self, run: Chain) {
        self.with_overflow(|overflow| overflow.keep_fresh_run(run));
        self.count_overflow();
    }

    pub(crate) fn take_fresh_run(&mut self) -> Chain {
        let run = self.with_overflow(Overflow::take_fresh_run);
        self.count_overflow();
        run
    }

    pub(crate) fn for_each(&mut self, mut see: impl FnMut(u32)) {
        Some(self.store.lifo()).filter(|&index| index > 0).into_iter().for_each(&mut see);
        let length = self.length() as usize;
        self.with_slots(|slots| slots[..length].iter().for_each(|&index| see(index)));
        self.with_overflow(|overflow| overflow.iter().for_each(see));
    }
}
