//! Allocation that may be refused.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::unmodelled::AtomicU32;

/// Boxes a value. `None` if there is no memory.
pub(crate) fn try_box<T>(value: T) -> Option<Box<T>> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 || cfg!(model) {
        return Some(Box::new(value));
    }
    // SAFETY: the size is not 0.
    let place = unsafe { std::alloc::alloc(layout) }.cast::<T>();
    if place.is_null() {
        return None;
    }
    // SAFETY: fresh memory of the right layout.
    unsafe { place.write(value) };
    // SAFETY: as a box would have allocated it, and initialized.
    Some(unsafe { Box::from_raw(place) })
}

/// Makes room for one more item in a list under a lock, by means of a list that is allocated and
/// freed without the lock. The error is the number of items that `larger` is to have room for.
pub(crate) fn make_room<T>(list: &mut Vec<T>, larger: &mut Vec<T>) -> Result<(), usize> {
    let length = list.len();
    if length == list.capacity() {
        if larger.capacity() <= length {
            return Err((2 * length).max(8));
        }
        larger.append(list);
        core::mem::swap(larger, list);
    }
    Ok(())
}

/// Makes a boxed slice of values. `None` if there is no memory.
pub(crate) fn try_slice<T>(length: usize, mut make: impl FnMut(usize) -> T) -> Option<Box<[T]>> {
    let mut values = Vec::new();
    values.try_reserve_exact(length).ok()?;
    values.extend((0..length).map(&mut make));
    Some(values.into_boxed_slice())
}

/// Makes a boxed slice of zeros, of which the system provides no page before the first store.
/// `None` if there is no memory.
pub(crate) fn try_zeros(length: usize) -> Option<Box<[AtomicU32]>> {
    let layout = Layout::array::<AtomicU32>(length).ok()?;
    if length == 0 {
        return Some(Box::default());
    }
    // SAFETY: the size is not 0.
    let place = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }.cast::<AtomicU32>())?;
    let slice = NonNull::slice_from_raw_parts(place, length);
    // SAFETY: as a box would have allocated it, and zeros are valid.
    Some(unsafe { Box::from_raw(slice.as_ptr()) })
}
