//! Boxes whose contents have a place in their page.
//!
//! Processors compare the low 12 bits of addresses to tell whether a load depends on an earlier
//! store. A load whose address equals a store's in these bits waits in vain: *4K aliasing* in
//! Intel's optimization manual. Every operation stores to its participant's parts and loads from
//! the shared one. So each kind of part has its own place in a page, and no two overlap:
//!
//! ```text
//!   0x000  Record         what an operation stores in the allocator
//!   0x880  Participant    what an operation stores in a slab
//!   0xb00  shared         what operations load
//! ```
//!
//! That takes a page for each part. A small slab does without: its parts lie where the allocator of
//! the program has memory, and where they do not happen to alias what is shared.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ops::{Deref, Range};
use core::ptr::NonNull;

/// A kind of value that has its place in a page.
pub(crate) trait InPage {
    /// The offset of its place.
    const AT: usize;

    /// Where in the value lies what every operation stores.
    const STORED: Range<usize> = 0..0;
}

/// The bytes of what operations load.
pub(crate) const SHARED_BYTES: usize = PAGE - 0xb00;

/// The most places that are looked at for a value that lies anywhere.
const TRIES: usize = 8;

/// Whether the parts of a table have their places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Each part has its place, in a page of its own.
    Apart,
    /// Each part lies anywhere, and takes no more memory than it needs.
    Anywhere,
}

/// The unit in which addresses are compared.
const PAGE: usize = 4096;

/// A box whose contents have a place.
#[derive(Debug)]
pub(crate) struct Placed<T: InPage> {
    value: NonNull<T>,
    place: Place,
    owns: PhantomData<T>,
}

// SAFETY: as for a box.
unsafe impl<T: InPage + Send> Send for Placed<T> {}
// SAFETY: as for a box.
unsafe impl<T: InPage + Sync> Sync for Placed<T> {}

/// Returns the layout of the memory of a value, and the offset of the value in it.
fn layout<T: InPage>(place: Place) -> (Layout, usize) {
    let alone = Layout::new::<T>();
    match place {
        Place::Anywhere => (alone, 0),
        Place::Apart => {
            let bytes = (T::AT + alone.size()).next_multiple_of(PAGE);
            let layout = Layout::from_size_align(bytes, alone.align().max(PAGE));
            (layout.expect("a few pages"), T::AT)
        }
    }
}

/// Returns `true` if what every operation stores in a value at this address aliases what is shared.
fn aliases<T: InPage>(value: usize, shared: usize) -> bool {
    let distance = value.wrapping_add(T::STORED.start).wrapping_sub(shared) % PAGE;
    distance < SHARED_BYTES || distance > PAGE - T::STORED.len()
}

/// Allocates memory for a value. If that lies anywhere, it aliases nothing at `shared`, unless no
/// such place is found soon.
fn allocate<T: InPage>(place: Place, shared: Option<usize>) -> Option<NonNull<u8>> {
    let (layout, _) = layout::<T>(place);
    // SAFETY: the size is not 0.
    let memory = || NonNull::new(unsafe { std::alloc::alloc(layout) });
    let mut found = memory()?;
    let shared = shared.filter(|_| place == Place::Anywhere && cfg!(not(model)));
    let Some(shared) = shared else { return Some(found) };
    let mut others = [None; TRIES];
    for other in &mut others {
        if !aliases::<T>(found.addr().get(), shared) {
            break;
        }
        let Some(next) = memory() else { break };
        *other = Some(core::mem::replace(&mut found, next));
    }
    for other in others.into_iter().flatten() {
        // SAFETY: allocated just now with this layout, and not used.
        unsafe { std::alloc::dealloc(other.as_ptr(), layout) };
    }
    Some(found)
}

impl<T: InPage> Placed<T> {
    /// Boxes a value. `shared` is the address of what operations load, if it is known. `None` if
    /// there is no memory.
    pub(crate) fn new(value: T, place: Place, shared: Option<usize>) -> Option<Self> {
        const { assert!(size_of::<T>() > 0 && T::AT % align_of::<T>() == 0) };
        let memory = allocate::<T>(place, shared)?;
        let (_, at) = layout::<T>(place);
        // SAFETY: the memory has room for the offset and the value.
        let value_at = unsafe { memory.add(at) }.cast::<T>();
        // SAFETY: fresh memory of the right size, aligned as the value is.
        unsafe { value_at.write(value) };
        // SAFETY: initialized, and of this place.
        Some(unsafe { Self::from_raw(value_at, place) })
    }

    /// Returns the value's address, and leaves the memory to the caller.
    pub(crate) fn into_raw(self) -> NonNull<T> {
        core::mem::ManuallyDrop::new(self).value
    }

    /// # Safety
    ///
    /// The address is that of [`into_raw`](Self::into_raw), of a value with this place. No other
    /// call is made with it, and it is not used afterwards but by the result.
    pub(crate) unsafe fn from_raw(value: NonNull<T>, place: Place) -> Self {
        Self { value, place, owns: PhantomData }
    }
}

impl<T: InPage> Deref for Placed<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: there until this is dropped.
        unsafe { self.value.as_ref() }
    }
}

impl<T: InPage> Drop for Placed<T> {
    fn drop(&mut self) {
        let (layout, at) = layout::<T>(self.place);
        // SAFETY: the value's offset in its memory.
        let memory = unsafe { self.value.as_ptr().byte_sub(at) }.cast();
        /// Frees the memory, also if the value's drop panics.
        struct Free(*mut u8, Layout);
        impl Drop for Free {
            fn drop(&mut self) {
                // SAFETY: allocated by `new` with this layout, and not used any more.
                unsafe { std::alloc::dealloc(self.0, self.1) };
            }
        }
        let _free = Free(memory, layout);
        // SAFETY: initialized, and not used any more.
        unsafe { self.value.drop_in_place() };
    }
}

#[cfg(all(test, not(model)))]
#[path = "../../tests/unit/placed.rs"]
mod tests;
