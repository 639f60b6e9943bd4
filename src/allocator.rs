//! The allocator itself, over words and indices: private stores in front of stripes in front of
//! the arena.

use crossbeam_utils::CachePadded;

use crate::arena::{Arena, GrowError};
use crate::error::{AllocError, InvalidHandle};
use crate::freelist::{self, Stripe};
use crate::handle::Handle;
use crate::head::Head;
use crate::record::{Magazine, Record};
use crate::word::{self, State, Word};
use crate::world::{Operation, Registration, Stopped, World};

/// Everything that the threads share.
///
/// Conservation (Invariant 4), with the world stopped:
/// `live + uninitialized + Σ stripe lengths + Σ magazine lengths = usable slots of the committed
/// segments`.
#[derive(Debug)]
pub(crate) struct Allocator<W: Word> {
    pub(crate) arena: Arena<W>,
    pub(crate) stripes: Box<[CachePadded<Stripe>]>,
    pub(crate) world: World,
    pub(crate) magazine_size: u32,
}

impl<W: Word> Allocator<W> {
    pub(crate) fn new(arena: Arena<W>, stripes: usize, magazine_size: u32) -> Self {
        let stripes: Box<[_]> = (0..stripes).map(|_| CachePadded::new(Stripe::new())).collect();
        let world = World::new(stripes.len());
        Self { arena, stripes, world, magazine_size }
    }

    /// Makes a slot of the caller's, out of a chain, one in use.
    #[inline(always)]
    fn hand_out(&self, magazine: &mut Magazine<'_>, index: u32, word: W) -> Handle {
        self.arena.slot(index).publish(word);
        if !word::is_live(word) {
            magazine.count_uninitialized(1);
        }
        // SAFETY: slot 0 is in no chain and no magazine (Invariant 2).
        unsafe { Handle::from_index(index) }
    }

    /// Hands out a slot whose word becomes `word`, which is live or uninitialized.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    #[inline(always)]
    pub(crate) unsafe fn allocate(&self, record: &Record, word: W) -> Result<Handle, AllocError> {
        // SAFETY: the caller's promise.
        let mut operation = unsafe { self.world.enter(record) };
        let mut magazine = operation.magazine();
        match magazine.pop() {
            Some(index) => Ok(self.hand_out(&mut magazine, index, word)),
            None => self.allocate_slow(operation, record, word),
        }
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(
        &self,
        mut operation: Operation<'_>,
        record: &Record,
        word: W,
    ) -> Result<Handle, AllocError> {
        let mut magazine = operation.magazine();
        let refused = match self.refill(&mut magazine, self.magazine_size) {
            Ok(index) => return Ok(self.hand_out(&mut magazine, index, word)),
            Err(refused) => refused,
        };
        drop(operation);
        // What is not in a stripe may lie in another participant's store, or be on its way: only
        // with the world stopped can it be said that there is nothing.
        let mut stopped = self.world.stop();
        self.gather(&mut stopped);
        // A small helping: others are as short of slots as the caller.
        let free: u64 = self.stripes.iter().map(|stripe| u64::from(stripe.length())).sum();
        let fair = free / stopped.participants().max(1) as u64 / 2;
        let helping = fair.clamp(1, u64::from(self.magazine_size)) as u32;
        let mut magazine = stopped.magazine(record);
        match self.refill(&mut magazine, helping) {
            Ok(index) => Ok(self.hand_out(&mut magazine, index, word)),
            Err(GrowError::Full) => match refused {
                GrowError::Refused(code) => Err(self.out_of_memory(code)),
                GrowError::Full => Err(AllocError::CapacityExhausted { capacity: self.capacity() }),
            },
            Err(GrowError::Refused(code)) => Err(self.out_of_memory(code)),
        }
    }

    fn out_of_memory(&self, code: i32) -> AllocError {
        AllocError::OutOfMemory { code, bytes: self.arena.segment_bytes() }
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.arena.geometry().capacity()
    }

    /// Finds free slots for an empty store, takes `count` or as many as there are, and returns
    /// the first of them. Lock-free.
    fn refill(&self, magazine: &mut Magazine<'_>, count: u32) -> Result<u32, GrowError> {
        let home = magazine.home();
        for i in 0..self.stripes.len() {
            let stripe = &self.stripes[(home + i) % self.stripes.len()];
            let chain = stripe.take();
            if let Some(index) = self.load(magazine, chain, count, stripe) {
                return Ok(index);
            }
        }
        let chain = self.arena.grow()?;
        self.load(magazine, chain, count, &self.stripes[home]).ok_or(GrowError::Full)
    }

    /// Fills an empty store from a chain that the caller owns and puts the rest into a stripe.
    fn load(
        &self,
        magazine: &mut Magazine<'_>,
        chain: Head,
        count: u32,
        stripe: &Stripe,
    ) -> Option<u32> {
        let rest = freelist::split(&self.arena, chain, count, |index| magazine.push(index));
        stripe.put_back(&self.arena, rest);
        // The chain's order, which after a sweep or in a fresh segment ascends.
        magazine.reverse();
        magazine.pop()
    }

    /// Puts `count` slots of a store into its home stripe, those that came first. Lock-free.
    fn spill(&self, magazine: &mut Magazine<'_>, count: u32) {
        let (mut first, mut last) = (0, 0);
        magazine.drain(count, |index| {
            if first == 0 {
                first = index;
            } else {
                self.arena.slot(last).set_next(last, index);
            }
            last = index;
        });
        if count > 0 {
            let chain = Head::new(first, count);
            self.stripes[magazine.home()].push(&self.arena, chain, last);
        }
    }

    /// Puts all private stores into the stripes.
    pub(crate) fn gather(&self, stopped: &mut Stopped<'_>) {
        stopped.for_each_magazine(|magazine| self.spill(magazine, magazine.length()));
    }

    /// Takes back a slot whose word is live, or uninitialized, as `expected` says, and returns
    /// the word that it had.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    #[inline(always)]
    pub(crate) unsafe fn free(
        &self,
        record: &Record,
        handle: Handle,
        expected: State,
    ) -> Result<W, InvalidHandle> {
        // SAFETY: the caller's promise.
        let mut operation = unsafe { self.world.enter(record) };
        self.free_in(&mut operation, handle, expected)
    }

    #[inline(always)]
    fn free_in(
        &self,
        operation: &mut Operation<'_>,
        handle: Handle,
        expected: State,
    ) -> Result<W, InvalidHandle> {
        let index = handle.to_raw();
        let slot = self.arena.slot_clamped(index).ok_or(InvalidHandle::from(handle))?;
        let mut current = slot.load();
        loop {
            if word::state(current) != expected {
                return Err(InvalidHandle::from(handle));
            }
            // Tried again only when another thread changed the entry: lock-free.
            match slot.retire(current) {
                Ok(()) => break,
                Err(now) => current = now,
            }
        }
        let mut magazine = operation.magazine();
        if expected == State::Uninitialized {
            magazine.count_uninitialized(u64::MAX);
        }
        if magazine.length() >= 2 * self.magazine_size {
            self.spill_half(&mut magazine);
        }
        magazine.push(index);
        Ok(current)
    }

    #[cold]
    #[inline(never)]
    fn spill_half(&self, magazine: &mut Magazine<'_>) {
        self.spill(magazine, self.magazine_size);
    }

    /// Frees the live ones among `handles` in one operation; `refused` is given the others.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    pub(crate) unsafe fn free_batch(
        &self,
        record: &Record,
        handles: &[Handle],
        mut refused: impl FnMut(InvalidHandle),
    ) {
        // SAFETY: the caller's promise.
        let mut operation = unsafe { self.world.enter(record) };
        for &handle in handles {
            if let Err(error) = self.free_in(&mut operation, handle, State::Live) {
                refused(error);
            }
        }
    }

    /// Puts a live word into a slot in use and returns the word that it had.
    ///
    /// # Safety
    ///
    /// As for [`World::enter`].
    pub(crate) unsafe fn set(
        &self,
        record: &Record,
        handle: Handle,
        word: W,
    ) -> Result<W, InvalidHandle> {
        // SAFETY: the caller's promise. Inside an operation, so that no sweep can release the
        // segment between the check and the store (Invariant 5).
        let mut operation = unsafe { self.world.enter(record) };
        let slot = self.arena.slot_clamped(handle.to_raw()).ok_or(InvalidHandle::from(handle))?;
        let mut current = slot.load();
        loop {
            if word::state(current) == State::Free {
                return Err(InvalidHandle::from(handle));
            }
            match slot.replace(current, word) {
                Ok(()) => break,
                Err(now) => current = now,
            }
        }
        if word::state(current) == State::Uninitialized {
            operation.magazine().count_uninitialized(u64::MAX);
        }
        Ok(current)
    }

    /// Ends a participation; the private store goes to the stripes.
    pub(crate) fn unregister(&self, registration: Registration) {
        self.world.unregister(registration, |magazine| self.spill(magazine, magazine.length()));
    }

    /// Free slots in stripes and private stores, now or a moment ago. The first figure alone is
    /// enough if it reaches `enough`; else this blocks while the world is stopped.
    pub(crate) fn roughly_free(&self, enough: u64) -> u64 {
        let shared: u64 = self.stripes.iter().map(|stripe| u64::from(stripe.length())).sum();
        if shared >= enough { shared } else { shared + self.world.privately_free() }
    }

    /// Free slots in stripes and in private stores. Exact: nothing is in transit.
    pub(crate) fn free_slots(&self, stopped: &Stopped<'_>) -> (u64, u64) {
        let shared = self.stripes.iter().map(|stripe| u64::from(stripe.length())).sum();
        let private = stopped.records().map(|record| u64::from(record.length())).sum();
        (shared, private)
    }
}
