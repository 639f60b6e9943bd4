//! Objects that entries own, and their one drop.
//!
//! Such an object lies behind a word that says how it is dropped, so that a sweep, which knows no
//! type, can drop it. The thread that takes the pointer out of its entry owns the object: by the
//! one compare-and-swap that succeeds, or since the entry is dead and the sweeper's. That thread
//! drops it once no operation is under way that may have found it: after a stop of the entry's
//! space.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::{alloc, dealloc};

use super::error::EntryError;
use super::word::POINTER;

/// Drops an object, and frees its memory.
type End = unsafe fn(NonNull<()>);

/// The layout of an object behind its [`End`], and where the object begins.
fn layout<T>() -> (Layout, usize) {
    match Layout::new::<End>().extend(Layout::new::<T>()) {
        Ok((layout, offset)) => (layout.pad_to_align(), offset),
        // No allocation has as many bytes as a `usize` counts.
        Err(_) => unreachable!("an object exists, and has no layout"),
    }
}

/// Moves an object behind a word that says how it is dropped. Gives it back if there is no memory,
/// or if the address has too many bits.
pub(super) fn keep<T: Send + Sync + 'static>(
    object: Box<T>,
) -> Result<NonNull<T>, (Box<T>, EntryError)> {
    let (layout, offset) = layout::<T>();
    // SAFETY: the layout has at least the bytes of an `End`.
    let Some(start) = NonNull::new(unsafe { alloc(layout) }) else {
        return Err((object, EntryError::OutOfMemory));
    };
    let address = start.addr().get() + offset;
    if address as u64 & !POINTER != 0 {
        // SAFETY: allocated above, with this layout.
        unsafe { dealloc(start.as_ptr(), layout) };
        return Err((object, EntryError::Pointer { address }));
    }
    // SAFETY: inside the allocation.
    let place = unsafe { start.byte_add(offset) }.cast::<T>();
    let before = end_of(place.cast());
    // SAFETY: inside the allocation, since `End` and `T` lie one behind the other.
    unsafe { before.write_unaligned(end::<T>) };
    // SAFETY: inside the allocation, and aligned.
    unsafe { place.write(*object) };
    Ok(place)
}

/// Where an object's [`End`] is: right in front of it.
fn end_of(object: NonNull<()>) -> *mut End {
    object.as_ptr().cast::<End>().wrapping_sub(1)
}

/// # Safety
///
/// The object is one of [`keep`]'s, of type `T`, and the caller's.
unsafe fn end<T>(object: NonNull<()>) {
    /// Frees the memory, also if the drop panics.
    struct Memory<T>(NonNull<T>);
    impl<T> Drop for Memory<T> {
        fn drop(&mut self) {
            // SAFETY: by the contract of `end`.
            unsafe { free(self.0) };
        }
    }
    let memory = Memory(object.cast::<T>());
    // SAFETY: by the contract of this function.
    unsafe { memory.0.drop_in_place() };
}

/// Moves an object out, and frees its memory.
///
/// # Safety
///
/// The object is one of [`keep`]'s, of type `T`, and the caller's.
pub(super) unsafe fn unwrap<T>(object: NonNull<T>) -> T {
    // SAFETY: by the contract of this function.
    let value = unsafe { object.read() };
    // SAFETY: the value has moved out, and the allocation is the caller's.
    unsafe { free::<T>(object) };
    value
}

/// Frees the memory of an object.
///
/// # Safety
///
/// The memory is one of [`keep`]'s, for a `T`, and the caller's. The object is gone.
unsafe fn free<T>(object: NonNull<T>) {
    let (layout, offset) = layout::<T>();
    // SAFETY: the allocation begins there.
    let start = unsafe { object.cast::<u8>().byte_sub(offset) };
    // SAFETY: by the contract of this function.
    unsafe { dealloc(start.as_ptr(), layout) };
}

/// An object that has no entry any more.
#[derive(Debug)]
pub(super) struct Orphan(NonNull<()>);

// SAFETY: `keep` takes only objects that may be sent.
unsafe impl Send for Orphan {}

impl Orphan {
    /// # Safety
    ///
    /// The pointer is one of [`keep`]'s, and the caller's. No operation that begins from now on
    /// finds it.
    pub(super) unsafe fn new(pointer: u64) -> Option<Self> {
        NonNull::new(core::ptr::with_exposed_provenance_mut(pointer as usize)).map(Self)
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        // SAFETY: `keep` has written it there.
        let end = unsafe { end_of(self.0).read_unaligned() };
        // SAFETY: by the contract of `new`.
        unsafe { end(self.0) };
    }
}
