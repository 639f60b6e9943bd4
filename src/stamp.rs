//! The slot of a slab: what the bits of its word say, and the value beside it.
//!
//! ```text
//!              bit 63   bit 62   bits 61..32   bit 31   bits 30..0
//!   live          1      <---- generation ---->   0      birth
//!   removed       0        1      <---- generation --->  birth: the value is still there
//!   vacant        0        1      <---- generation --->  0: handed out without a value, or retired
//!   free          0        0      (as in any table: round and link)
//! ```
//!
//! A live word has the generation where the key has it, so that neither needs to be shifted.
//! *Birth* is the era in which the value was inserted (`era.rs`), never 0. The value lies in the
//! payload from before the word says *live* until nobody sees it any more. In a free slot the
//! payload is the generation of its next value: the word has no room for it.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use crate::era::Birth;
use crate::key::Key;
use crate::sync::{AtomicU64, Ordering, UnsafeCell};
use crate::word::{AtomicWord, LIVE_BIT, Payload, UNINITIALIZED_BIT, Word, sealed};

/// The word of a slot for values of type `T`.
pub(crate) struct Stamped<T>(u64, PhantomData<fn() -> T>);

/// Where the generation lies in a live word, and in a key.
const LIVE_SHIFT: u32 = 32;

/// Where it lies in a word of a slot in use that is not live.
const VACANT_SHIFT: u32 = 31;

impl<T> Stamped<T> {
    #[inline(always)]
    const fn new(bits: u64) -> Self {
        Self(bits, PhantomData)
    }

    /// That of a value inserted in an era.
    #[inline(always)]
    pub(crate) fn live(generation: u32, birth: Birth) -> Self {
        let generation = u64::from(generation) << LIVE_SHIFT;
        Self::new(LIVE_BIT | generation | u64::from(birth.to_bits()))
    }

    /// That of a slot in use without a value.
    #[inline(always)]
    pub(crate) fn vacant(generation: u32) -> Self {
        Self::new(UNINITIALIZED_BIT | u64::from(generation) << VACANT_SHIFT)
    }

    /// What becomes of a live word by a removal.
    #[inline(always)]
    pub(crate) fn removed(self) -> Self {
        let vacant = Self::vacant(self.generation());
        Self::new(vacant.0 | u64::from(self.birth().to_bits()))
    }

    /// The birth of the value, if this is the live word that the key names; else a number greater
    /// than any birth.
    #[inline(always)]
    pub(crate) fn birth_if<M>(self, key: Key<M>) -> u64 {
        self.0 ^ (LIVE_BIT | key.to_bits() & !u64::from(u32::MAX))
    }

    /// Is this the live word that the key names?
    #[inline(always)]
    pub(crate) fn is<M>(self, key: Key<M>) -> bool {
        (self.0 ^ key.to_bits()) >> LIVE_SHIFT == LIVE_BIT >> LIVE_SHIFT
    }

    #[inline(always)]
    pub(crate) fn is_live(self) -> bool {
        self.0 & LIVE_BIT != 0
    }

    /// Is there a value in the slot?
    pub(crate) fn has_value(self) -> bool {
        let in_use = self.0 & (LIVE_BIT | UNINITIALIZED_BIT) != 0;
        in_use && self.birth().to_bits() != 0
    }

    /// That of the value in a slot in use, or of the next one.
    pub(crate) fn generation(self) -> u32 {
        let shift = if self.is_live() { LIVE_SHIFT } else { VACANT_SHIFT };
        (self.0 >> shift) as u32 & crate::key::GENERATION_MAX
    }

    #[inline(always)]
    pub(crate) fn birth(self) -> Birth {
        Birth::from_bits(self.0 as u32)
    }
}

impl<T> Clone for Stamped<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Stamped<T> {}

impl<T> PartialEq for Stamped<T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Stamped<T> {}

impl<T> fmt::Debug for Stamped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl<T> sealed::Sealed for Stamped<T> {}

impl<T: Send + Sync + 'static> Word for Stamped<T> {
    type Atomic = AtomicU64;
    type Payload = Value<T>;
    const LOADS_READ_ONLY: bool = true;

    #[inline(always)]
    fn low(self) -> u64 {
        self.0
    }
    #[inline(always)]
    fn from_low(low: u64) -> Self {
        Self::new(low)
    }
    #[inline(always)]
    fn with_low(self, low: u64) -> Self {
        Self::new(low)
    }
    #[inline(always)]
    fn widen(self) -> u128 {
        u128::from(self.0)
    }
}

impl<T> AtomicWord<Stamped<T>> for AtomicU64 {
    fn new(value: Stamped<T>) -> Self {
        AtomicU64::new(value.0)
    }
    #[inline(always)]
    fn load(&self, order: Ordering) -> Stamped<T> {
        Stamped::new(self.load(order))
    }
    #[inline(always)]
    fn store(&self, value: Stamped<T>, order: Ordering) {
        self.store(value.0, order);
    }
    #[inline(always)]
    fn compare_exchange(
        &self,
        current: Stamped<T>,
        new: Stamped<T>,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Stamped<T>, Stamped<T>> {
        self.compare_exchange(current.0, new.0, success, failure)
            .map(Stamped::new)
            .map_err(Stamped::new)
    }
}

/// What is beside the word: the value, or in a free slot the generation of the next one.
///
/// | word | who reads the value | who writes it, or moves it out |
/// |---|---|---|
/// | live | whose guard covers its birth (Invariant 10) | nobody |
/// | removed | whose guard covered it when it was live | who removed it, or was handed it, once no guard can see it (Invariant 11) |
/// | free, just now live | the same | the owner of the slot, once no guard can see it |
/// | vacant, free | nobody | the owner of the slot |
pub(crate) struct Value<T>(UnsafeCell<Content<T>>);

#[repr(C)]
union Content<T> {
    generation: u32,
    value: ManuallyDrop<T>,
}

// SAFETY: values go from the thread that inserts to the one that removes.
unsafe impl<T: Send> Send for Value<T> {}
// SAFETY: and are read by several at once; the table above says when.
unsafe impl<T: Send + Sync> Sync for Value<T> {}

impl<T> Value<T> {
    /// Puts a value in; returns its generation.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, a free one.
    #[inline(always)]
    pub(crate) unsafe fn fill(&self, value: T) -> u32 {
        self.0.with_mut(|content| {
            // SAFETY: the owner has exclusive use.
            let content = unsafe { &mut *content };
            // SAFETY: a free slot's payload is a generation, or zeros, which are one.
            let generation = unsafe { content.generation };
            content.value = ManuallyDrop::new(value);
            generation
        })
    }

    /// The generation of the next value.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, a free one.
    pub(crate) unsafe fn generation(&self) -> u32 {
        // SAFETY: as in `fill`.
        self.0.with(|content| unsafe { content.cast::<u32>().read() })
    }

    /// Says what generation the next value has. Whatever was there is forgotten.
    ///
    /// # Safety
    ///
    /// The caller has exclusive use of the slot.
    #[inline(always)]
    pub(crate) unsafe fn set_generation(&self, generation: u32) {
        // SAFETY: exclusive use.
        self.0.with_mut(|content| unsafe { content.cast::<u32>().write(generation) });
    }

    /// The value.
    ///
    /// # Safety
    ///
    /// There is one, and it stays while the result lives (Invariant 11).
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> &T {
        // SAFETY: shared use of a value that is there.
        self.0.with(|content| unsafe { &*content.cast::<T>() })
    }

    /// Moves the value out.
    ///
    /// # Safety
    ///
    /// There is one, and the caller has exclusive use of it, and does this or the next once.
    #[inline(always)]
    pub(crate) unsafe fn take(&self) -> T {
        // SAFETY: exclusive use of a value that is there and will not be used again.
        self.0.with_mut(|content| unsafe { content.cast::<T>().read() })
    }

    /// Drops the value in place.
    ///
    /// # Safety
    ///
    /// As for [`take`](Self::take).
    #[inline(always)]
    pub(crate) unsafe fn drop_in_place(&self) {
        let value = self.0.with_mut(|content| content.cast::<T>());
        // SAFETY: as for `take`.
        unsafe { value.drop_in_place() };
    }
}

impl<T: Send + Sync + 'static> Payload for Value<T> {
    const KEEPS: bool = true;

    #[cfg(all(loom, feature = "loom"))]
    fn new() -> Self {
        Self(UnsafeCell::new(Content { generation: 0 }))
    }

    fn kept(&self) -> u32 {
        // SAFETY: asked of free slots, by their owner.
        unsafe { self.generation() }
    }

    fn restore(&self, kept: u32) {
        // SAFETY: told to free slots, by their owner.
        unsafe { self.set_generation(kept) };
    }
}

#[cfg(not(all(loom, feature = "loom")))]
const _: () = assert!(size_of::<crate::memory::Slot<Stamped<u64>>>() == 16);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::GENERATION_MAX;
    use crate::word::{self, Round, State};

    quickcheck::quickcheck! {
        fn words_say_what_was_put_in(generation: u32, birth: u32, other: u32) -> bool {
            let (generation, other) = (generation & GENERATION_MAX, other & GENERATION_MAX);
            let birth = Birth::from_bits(birth.max(1));
            // SAFETY: index 7, and generations.
            let key = |generation| unsafe { Key::<()>::new(7, generation) };
            let live = Stamped::<u8>::live(generation, birth);
            let (removed, vacant) = (live.removed(), Stamped::<u8>::vacant(generation));
            let births = [live, removed].iter().all(|w| w.birth() == birth && w.has_value());
            let states = [live, removed, vacant].map(word::state);
            births
                && states == [State::Live, State::Uninitialized, State::Uninitialized]
                && [live, removed, vacant].iter().all(|w| w.generation() == generation)
                && live.is(key(generation)) && live.is(key(other)) == (generation == other)
                && live.birth_if(key(generation)) == u64::from(birth.to_bits())
                && live.is_live() && !removed.is_live()
                && !removed.is(key(generation)) && !vacant.is(key(generation))
                && !vacant.has_value()
        }

        fn a_free_slot_is_no_keys(link: u32, generation: u32) -> bool {
            // SAFETY: index 7, and a generation.
            let key = unsafe { Key::<()>::new(7, generation & GENERATION_MAX) };
            let free: Stamped<u8> = word::free(Round::SECOND, link);
            !free.is(key) && !free.has_value()
        }
    }
}
