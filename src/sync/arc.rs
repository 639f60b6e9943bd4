//! A counted reference, whose allocation may be refused. The standard library's ends the process.

use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::boxed::try_box;

/// A counted reference.
#[derive(Debug)]
pub(crate) struct Arc<T>(NonNull<Counted<T>>);

#[derive(Debug)]
struct Counted<T> {
    count: AtomicUsize,
    value: T,
}

// SAFETY: as for the standard library's.
unsafe impl<T: Send + Sync> Send for Arc<T> {}
// SAFETY: as for the standard library's.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}

/// Makes a counted reference to a value. `None` if there is no memory.
pub(crate) fn try_arc<T>(value: T) -> Option<Arc<T>> {
    let counted = try_box(Counted { count: AtomicUsize::new(1), value })?;
    Some(Arc(NonNull::from(Box::leak(counted))))
}

/// Returns the value, if this is the only reference.
pub(crate) fn into_inner<T>(this: Arc<T>) -> Result<T, Arc<T>> {
    // Acquire: sees what the other holders did.
    if this.counted().count.load(Ordering::Acquire) > 1 {
        return Err(this);
    }
    let counted = core::mem::ManuallyDrop::new(this).0;
    // SAFETY: from a box, and this is the only reference, of which no other thread makes one.
    Ok(unsafe { Box::from_raw(counted.as_ptr()) }.value)
}

impl<T> Arc<T> {
    fn counted(&self) -> &Counted<T> {
        // SAFETY: there while a reference is.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        // Relaxed: the caller has a reference. There are fewer than 2^63, since each takes memory.
        self.counted().count.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        // Release: the last holder sees what this one did.
        if self.counted().count.fetch_sub(1, Ordering::Release) == 1 {
            // Acquire: sees what the other holders did. A load and no fence, which ThreadSanitizer
            // does not know.
            self.counted().count.load(Ordering::Acquire);
            // SAFETY: from a box, and this was the last reference.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}
