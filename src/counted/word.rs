//! The slot of a value that is counted: the bits of its word, and its payload.
//!
//! ```text
//!              bit 63   bits 62..32   31      30        29       28        27..0
//!   live          1     generation    0       0         0        0         references
//!   filling       1     generation    0       0         1        0         1
//!   marked        1     generation    1       0         0        0         references
//!   over          1     generation    1       0         0        0         0
//!   stranded      1     generation    1       0         0        1         0
//!   orphan        1     generation    1       1         0 or 1   0         references
//!   exhausted     0     (uninitialized)
//!   free          0     (as in a table: cycle and link)
//! ```
//!
//! - *live*: a key finds it.
//! - *filling*: the slot has one owner, which makes the value.
//! - *marked*: removed, and referenced. No key finds it.
//! - *over*: the thread that made it so is the slot's owner. It drops or clears the value.
//! - *stranded*: without a value. Its owner could not begin the operation that frees it.
//! - *orphan*: its slab is gone, and references keep it.
//!
//! A live word has the generation where the key has it. In a free slot the payload has the
//! generation of the next value.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use crate::bits::key::{GENERATION_MASK, Key};
use crate::bits::word::{LIVE_BIT, Payload, UNINITIALIZED_BIT, word};
use crate::sync::{AtomicU64, Ordering, UnsafeCell};

/// The word of a slot for values of type `T`.
pub(crate) struct CountedWord<T>(u64, PhantomData<fn() -> T>);

const MARKED: u64 = 1 << 31;
const ORPHAN: u64 = 1 << 30;
const FILLING: u64 = 1 << 29;
const STRANDED: u64 = 1 << 28;

/// The most references to one value.
const COUNT_MAX: u64 = (1 << 28) - 1;

/// The shift of the generation.
const SHIFT: u32 = 32;

impl<T> CountedWord<T> {
    #[inline(always)]
    const fn new(bits: u64) -> Self {
        Self(bits, PhantomData)
    }

    #[inline(always)]
    const fn bits(self) -> u64 {
        self.0
    }

    /// Makes the word of a value without references.
    #[inline(always)]
    pub(super) fn live(generation: u32) -> Self {
        Self::new(LIVE_BIT | u64::from(generation) << SHIFT)
    }

    /// Makes the word of a slot whose owner makes the value.
    #[inline(always)]
    pub(super) fn filling(generation: u32) -> Self {
        Self::new(Self::live(generation).0 | FILLING | 1)
    }

    /// Makes the word of a slot whose owner drops the value, or has dropped it.
    #[inline(always)]
    pub(super) fn over(generation: u32) -> Self {
        Self::new(Self::live(generation).0 | MARKED)
    }

    /// Makes the word of a slot that is never used again.
    pub(super) fn exhausted() -> Self {
        Self::new(UNINITIALIZED_BIT)
    }

    /// The references and flags of the live value that the key names. A greater number if this is
    /// the word of anything else.
    #[inline(always)]
    fn counts_of<M>(self, key: Key<M>) -> u64 {
        self.0 ^ (LIVE_BIT | key.to_raw() & !u64::from(u32::MAX))
    }

    /// Returns `true` if the key names a live value here.
    #[inline(always)]
    pub(super) fn is<M>(self, key: Key<M>) -> bool {
        self.counts_of(key) <= COUNT_MAX
    }

    /// Adds a reference to the live value that the key names. `None` if there is none, or if it has
    /// as many references as there may be.
    #[inline(always)]
    pub(super) fn found<M>(self, key: Key<M>) -> Option<Self> {
        (self.counts_of(key) < COUNT_MAX).then(|| Self::new(self.0 + 1))
    }

    /// Adds a reference to a value that has one. `None` if it has as many as there may be.
    #[inline(always)]
    pub(super) fn shared(self) -> Option<Self> {
        (self.count() < COUNT_MAX).then(|| Self::new(self.0 + 1))
    }

    /// Takes a reference off. The owner of a value that is being made has one.
    #[inline(always)]
    pub(super) fn released(self) -> Self {
        debug_assert!(self.count() > 0);
        Self::new((self.0 - 1) & !FILLING)
    }

    /// Ends the making of the value, whose owner keeps a reference.
    pub(super) fn made(self) -> Self {
        Self::new(self.0 & !FILLING)
    }

    /// Marks the live value that the key names. `None` if there is none.
    #[inline(always)]
    pub(super) fn marked<M>(self, key: Key<M>) -> Option<Self> {
        self.is(key).then(|| Self::new(self.0 | MARKED))
    }

    /// The word of a slot that is over, which waits for an operation that frees it.
    pub(super) fn stranded(self) -> Self {
        Self::new(self.0 | STRANDED)
    }

    /// Marks what must outlive its slab. `None` if nothing keeps it.
    pub(super) fn orphan(self) -> Option<Self> {
        let kept = self.is_live() && (self.count() > 0 || self.is_over());
        kept.then(|| Self::new(self.0 | MARKED | ORPHAN))
    }

    #[inline(always)]
    pub(super) fn count(self) -> u64 {
        self.0 & COUNT_MAX
    }

    /// Returns `true` if the value is removed, and has no reference any more.
    #[inline(always)]
    pub(super) fn is_over(self) -> bool {
        self.0 & (MARKED | STRANDED | FILLING | COUNT_MAX) == MARKED
    }

    pub(super) fn is_orphan(self) -> bool {
        self.0 & ORPHAN != 0
    }

    /// Returns `true` if the slot is in use and no orphan. In a slab that is being dropped, no
    /// other thread uses it then.
    pub(super) fn is_unreferenced(self) -> bool {
        self.is_live() && !self.is_orphan()
    }

    pub(super) fn is_stranded(self) -> bool {
        self.is_live() && self.0 & STRANDED != 0
    }

    /// The key of a live value at this index.
    pub(super) fn key<M>(self, index: u32) -> Option<Key<M>> {
        let key = Key::from_raw((self.0 & !LIVE_BIT) >> SHIFT << SHIFT | u64::from(index))?;
        self.is(key).then_some(key)
    }

    pub(super) fn generation(self) -> u32 {
        (self.0 >> SHIFT) as u32 & GENERATION_MASK
    }

    #[inline(always)]
    fn is_live(self) -> bool {
        self.0 & LIVE_BIT != 0
    }
}

copy!([T] CountedWord<T>);
eq!([T] CountedWord<T>, 0);
fmt!([T] Debug for CountedWord<T>, |this, f| write!(f, "{:#x}", this.0));

word!([T: Send + Sync + 'static] CountedWord<T>: u64, AtomicU64, Content<T>, true,
    CountedWord::bits, CountedWord::new);

/// The payload of a slot: whether there is a value, the generation of a free slot, and the value.
///
/// | word | reader of the value | writer of the value, or mover |
/// |---|---|---|
/// | live, marked, orphan | a reference | none |
/// | filling | its maker | its maker |
/// | over, free | none | the owner of the slot |
pub(crate) struct Content<T>(UnsafeCell<Raw<T>>);

#[repr(C)]
struct Raw<T> {
    /// The generation of the next value, and [`HAS_VALUE`]. Zeros are a valid one.
    header: u32,
    value: MaybeUninit<T>,
}

/// The bit of the header that says that there is a value. A cleared value stays in a free slot.
const HAS_VALUE: u32 = 1 << 31;

// SAFETY: values go from the thread that inserts to the one that drops.
unsafe impl<T: Send> Send for Content<T> {}
// SAFETY: several threads read a value concurrently; the table above says when.
unsafe impl<T: Send + Sync> Sync for Content<T> {}

impl<T> Content<T> {
    /// # Safety
    ///
    /// The caller has exclusive use of the payload.
    #[inline(always)]
    unsafe fn header(&self) -> u32 {
        // SAFETY: by the contract of this function.
        self.0.with(|raw| unsafe { (*raw).header })
    }

    /// # Safety
    ///
    /// Same as [`header`](Self::header).
    #[inline(always)]
    unsafe fn set_header(&self, header: u32) {
        // SAFETY: by the contract of this function.
        self.0.with_mut(|raw| unsafe { (*raw).header = header });
    }

    /// # Safety
    ///
    /// Same as [`header`](Self::header).
    #[inline(always)]
    pub(super) unsafe fn generation(&self) -> u32 {
        // SAFETY: by the contract of this function.
        unsafe { self.header() & GENERATION_MASK }
    }

    /// # Safety
    ///
    /// Same as [`header`](Self::header).
    #[inline(always)]
    pub(super) unsafe fn has_value(&self) -> bool {
        // SAFETY: by the contract of this function.
        unsafe { self.header() & HAS_VALUE != 0 }
    }

    /// Sets the generation of the next value. A cleared value stays.
    ///
    /// # Safety
    ///
    /// Same as [`header`](Self::header).
    #[inline(always)]
    pub(super) unsafe fn set_generation(&self, generation: u32) {
        // SAFETY: by the contract of this function.
        let kept = unsafe { self.header() & HAS_VALUE };
        // SAFETY: by the contract of this function.
        unsafe { self.set_header(kept | generation) };
    }

    /// Puts a value in.
    ///
    /// # Safety
    ///
    /// Same as [`header`](Self::header). There is no value.
    #[inline(always)]
    pub(super) unsafe fn fill(&self, value: T) {
        self.0.with_mut(|raw| {
            // SAFETY: exclusive use.
            let raw = unsafe { &mut *raw };
            raw.header |= HAS_VALUE;
            raw.value.write(value);
        });
    }

    /// Moves the value out.
    ///
    /// # Safety
    ///
    /// Same as [`header`](Self::header). There is a value.
    #[inline(always)]
    pub(super) unsafe fn take(&self) -> T {
        self.0.with_mut(|raw| {
            // SAFETY: exclusive use.
            let raw = unsafe { &mut *raw };
            raw.header &= !HAS_VALUE;
            // SAFETY: there was a value, and there is none now.
            unsafe { raw.value.assume_init_read() }
        })
    }

    /// Drops the value, if there is one. It is gone also if its drop panics.
    ///
    /// # Safety
    ///
    /// Same as [`header`](Self::header).
    #[inline(always)]
    pub(super) unsafe fn drop_value(&self) {
        let value = self.0.with_mut(|raw| {
            // SAFETY: exclusive use.
            let raw = unsafe { &mut *raw };
            let had_value = raw.header & HAS_VALUE != 0;
            raw.header &= !HAS_VALUE;
            had_value.then_some(raw.value.as_mut_ptr())
        });
        if let Some(value) = value {
            // SAFETY: exclusive use of a value that there was. It is not used again.
            unsafe { value.drop_in_place() };
        }
    }

    /// # Safety
    ///
    /// There is a value, and a reference to it or its maker while the result lives.
    #[inline(always)]
    pub(super) unsafe fn get(&self) -> &T {
        // SAFETY: a place in the payload.
        let value = self.0.with(|raw| unsafe { &raw const (*raw).value }).cast::<T>();
        // SAFETY: shared use of a value that there is.
        unsafe { &*value }
    }

    /// # Safety
    ///
    /// There is a value, and the caller has exclusive use of it while the result lives.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn get_mut(&self) -> &mut T {
        // SAFETY: a place in the payload.
        let value = self.0.with_mut(|raw| unsafe { &raw mut (*raw).value }).cast::<T>();
        // SAFETY: exclusive use of a value that there is.
        unsafe { &mut *value }
    }
}

impl<T: Send + Sync + 'static> Payload for Content<T> {
    const HAS_GENERATION: bool = true;

    #[cfg(model)]
    fn new() -> Self {
        Self(UnsafeCell::new(Raw { header: 0, value: MaybeUninit::uninit() }))
    }

    fn generation_floor(&self) -> u32 {
        // SAFETY: called for free slots, by their owner.
        let header = unsafe { self.header() };
        if cfg!(any(debug_assertions, model)) {
            assert!(header & HAS_VALUE == 0, "Invariant 15: a cleared value is taken out before");
        }
        header & GENERATION_MASK
    }

    fn restore(&self, floor: u32) {
        // SAFETY: called for free slots, by their owner. They have no value.
        unsafe { self.set_header(floor) };
    }
}

#[cfg(not(model))]
const _: () = assert!(size_of::<crate::arena::Slot<CountedWord<u32>>>() == 16);

#[cfg(test)]
#[path = "../../tests/unit/counted_word.rs"]
mod tests;
