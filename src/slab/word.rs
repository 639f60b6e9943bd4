//! The slot of a slab: the bits of its word, and its payload.
//!
//! ```text
//!              bit 63   bit 62   bits 61..32   bit 31   bits 30..0
//!   live          1      <---- generation ---->   0      birth
//!   removed       0        1      <---- generation --->  birth: the value still exists
//!   reserved      0        1      <---- generation --->  0: without a value, or exhausted
//!   free          0        0      (same as in a table: cycle and link)
//! ```
//!
//! A live word has the generation where the key has it, so that neither needs a shift. *Birth* is
//! the era in which the value was inserted, never 0. The value lies in the payload from before the
//! word says *live* until no guard sees it any more. In a free slot the payload is the generation
//! of the next value, since the word has no room for it.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use super::reclaim::era::Birth;
use crate::bits::key::{GENERATION_MASK, Key};
use crate::bits::word::{LIVE_BIT, Payload, UNINITIALIZED_BIT, word};
use crate::sync::{AtomicU64, Ordering, UnsafeCell};

/// The word of a slot for values of type `T`.
pub(crate) struct SlabWord<T>(u64, PhantomData<fn() -> T>);

/// The shift of the generation in a live word, and in a key.
const LIVE_SHIFT: u32 = 32;

/// The shift of the generation in the word of a slot that is in use and not live.
const RESERVED_SHIFT: u32 = 31;

impl<T> SlabWord<T> {
    #[inline(always)]
    const fn new(bits: u64) -> Self {
        Self(bits, PhantomData)
    }

    #[inline(always)]
    const fn bits(self) -> u64 {
        self.0
    }

    #[inline(always)]
    pub(crate) fn live(generation: u32, birth: Birth) -> Self {
        let generation = u64::from(generation) << LIVE_SHIFT;
        Self::new(LIVE_BIT | generation | u64::from(birth.to_bits()))
    }

    /// Makes the word of a slot in use without a value.
    #[inline(always)]
    pub(crate) fn reserved(generation: u32) -> Self {
        Self::new(UNINITIALIZED_BIT | u64::from(generation) << RESERVED_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn removed(self) -> Self {
        let reserved = Self::reserved(self.generation());
        Self::new(reserved.0 | u64::from(self.birth().to_bits()))
    }

    /// Returns the birth of the value, if this is the live word that the key names. Else a number
    /// greater than any birth, since some bit above those of a birth differs.
    #[inline(always)]
    pub(crate) fn birth_if<M>(self, key: Key<M>) -> u64 {
        self.0 ^ (LIVE_BIT | key.to_raw() & !u64::from(u32::MAX))
    }

    /// Returns `true` if this is the live word that the key names.
    #[inline(always)]
    pub(crate) fn is<M>(self, key: Key<M>) -> bool {
        (self.0 ^ key.to_raw()) >> LIVE_SHIFT == LIVE_BIT >> LIVE_SHIFT
    }

    #[inline(always)]
    pub(crate) fn is_live(self) -> bool {
        self.0 & LIVE_BIT != 0
    }

    /// Returns `true` if the slot has a value.
    pub(crate) fn has_value(self) -> bool {
        let in_use = self.0 & (LIVE_BIT | UNINITIALIZED_BIT) != 0;
        in_use && self.birth().to_bits() != 0
    }

    /// Returns the generation of the value in a slot in use.
    pub(crate) fn generation(self) -> u32 {
        let shift = if self.is_live() { LIVE_SHIFT } else { RESERVED_SHIFT };
        (self.0 >> shift) as u32 & GENERATION_MASK
    }

    #[inline(always)]
    pub(crate) fn birth(self) -> Birth {
        Birth::from_bits(self.0 as u32)
    }
}

copy!([T] SlabWord<T>);
eq!([T] SlabWord<T>, 0);
fmt!([T] Debug for SlabWord<T>, |this, f| write!(f, "{:#x}", this.0));

word!([T: Send + Sync + 'static] SlabWord<T>: u64, AtomicU64, Value<T>, true,
    SlabWord::bits, SlabWord::new);

/// The payload of a slot: the value, or in a free slot the generation of the next one.
///
/// | word | reader of the value | writer of the value, or mover |
/// |---|---|---|
/// | live | a guard that covers its birth (Invariant 10) | none |
/// | removed | a guard that covered it when it was live | its remover, or the participant that adopted it, once no guard can see it (Invariant 11) |
/// | free, live until just now | the same | the owner of the slot, once no guard can see it |
/// | reserved, free | none | the owner of the slot |
pub(crate) struct Value<T>(UnsafeCell<Content<T>>);

#[repr(C)]
union Content<T> {
    generation: u32,
    value: ManuallyDrop<T>,
}

// SAFETY: values go from the thread that inserts to the one that removes.
unsafe impl<T: Send> Send for Value<T> {}
// SAFETY: several threads read a value concurrently; the table above says when.
unsafe impl<T: Send + Sync> Sync for Value<T> {}

impl<T> Value<T> {
    /// Puts a value in. Returns its generation.
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

    /// Returns the generation of the next value.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, a free one.
    pub(crate) unsafe fn generation(&self) -> u32 {
        // SAFETY: the owner has exclusive use, and a free slot's payload is a generation.
        self.0.with(|content| unsafe { content.cast::<u32>().read() })
    }

    /// Sets the generation of the next value. The old payload is forgotten.
    ///
    /// # Safety
    ///
    /// The caller has exclusive use of the slot.
    #[inline(always)]
    pub(crate) unsafe fn set_generation(&self, generation: u32) {
        // SAFETY: exclusive use.
        self.0.with_mut(|content| unsafe { content.cast::<u32>().write(generation) });
    }

    /// # Safety
    ///
    /// The slot has a value, which stays while the result lives (Invariant 11).
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> &T {
        // SAFETY: shared use of a value that exists.
        self.0.with(|content| unsafe { &*content.cast::<T>() })
    }

    /// # Safety
    ///
    /// The slot has a value, and the caller has exclusive use of it while the result lives.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn get_mut(&self) -> &mut T {
        // SAFETY: exclusive use of a value that exists.
        self.0.with_mut(|content| unsafe { &mut *content.cast::<T>() })
    }

    /// # Safety
    ///
    /// The slot has a value, and the caller has exclusive use of it. Either this or
    /// [`drop_in_place`](Self::drop_in_place) is called once for it.
    #[inline(always)]
    pub(crate) unsafe fn take(&self) -> T {
        // SAFETY: exclusive use of a value that exists and will not be used again.
        self.0.with_mut(|content| unsafe { content.cast::<T>().read() })
    }

    /// # Safety
    ///
    /// Same as [`take`](Self::take).
    #[inline(always)]
    pub(crate) unsafe fn drop_in_place(&self) {
        let value = self.0.with_mut(|content| content.cast::<T>());
        // SAFETY: exclusive use of a value that exists and will not be used again.
        unsafe { value.drop_in_place() };
    }
}

impl<T: Send + Sync + 'static> Payload for Value<T> {
    const HAS_GENERATION: bool = true;

    #[cfg(model)]
    fn new() -> Self {
        Self(UnsafeCell::new(Content { generation: 0 }))
    }

    fn generation_floor(&self) -> u32 {
        // SAFETY: called for free slots, by their owner.
        unsafe { self.generation() }
    }

    fn restore(&self, floor: u32) {
        // SAFETY: called for free slots, by their owner.
        unsafe { self.set_generation(floor) };
    }
}

#[cfg(not(model))]
const _: () = assert!(size_of::<crate::arena::Slot<SlabWord<u64>>>() == 16);

#[cfg(test)]
#[path = "../../tests/unit/slab_word.rs"]
mod tests;
