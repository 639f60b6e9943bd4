//! Plain allocated memory in place of reserved addresses: for small slabs, for Miri, and for hosts
//! that cannot reserve. `new` allocates all of it, zeroed, and `decommit` clears a range.

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use super::code::NO_MEMORY;
use crate::bits::geometry::SEGMENT_BYTES;
use crate::sync::{AtomicU64, Ordering};

pub(crate) const READS_RESERVED: bool = true;

/// The size that a growing table tries first, since all of it becomes memory immediately.
pub(crate) const RESERVE_BYTES_MAX: usize = 1 << 22;

/// Returns `None`: single pages inside a segment are not decommitted.
pub(crate) fn page_bytes() -> Option<usize> {
    None
}

/// A zeroed allocation, under the contract of the parent module.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the value owns the allocation, and touches it only in `decommit`, whose caller excludes
// other stores.
unsafe impl Send for Region {}
// SAFETY: same as for `Send`.
unsafe impl Sync for Region {}

impl Region {
    pub(crate) fn new(bytes: usize) -> Result<Self, i32> {
        debug_assert!(bytes > 0 && bytes % SEGMENT_BYTES == 0);
        Self::small(bytes, SEGMENT_BYTES).ok_or(NO_MEMORY)
    }

    /// A region of any size but 0, which begins at a multiple of `align`. Of a range that reaches
    /// beyond its end, its functions touch what is inside. `None` if there is no memory.
    pub(crate) fn small(bytes: usize, align: usize) -> Option<Self> {
        debug_assert!(bytes > 0 && bytes % 8 == 0 && align % 8 == 0);
        let layout = Layout::from_size_align(bytes, align).ok()?;
        // SAFETY: the size is not 0.
        let base = unsafe { alloc_zeroed(layout) };
        Some(Self { base: NonNull::new(base)?, layout })
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Does nothing: an allocation is writable.
    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        self.inside(offset, bytes);
        Ok(())
    }

    /// The bytes of a range that are inside.
    fn inside(&self, offset: usize, bytes: usize) -> usize {
        let size = self.layout.size();
        assert!(offset <= size && (bytes <= size - offset || size % SEGMENT_BYTES > 0));
        bytes.min(size - offset)
    }

    pub(crate) fn prefault(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        self.make_writable(offset, bytes)
    }

    /// Does nothing: an allocation stays writable.
    pub(crate) fn seal(&self, offset: usize, bytes: usize, _sealed: bool) -> Result<(), i32> {
        self.make_writable(offset, bytes)
    }

    /// Does nothing: an allocation stays writable.
    pub(crate) fn set_apart(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let _ = (offset, bytes);
        Ok(())
    }

    /// Does nothing: a child of the process has a copy of its own.
    pub(crate) fn after_fork(&self) {}

    /// # Safety
    ///
    /// No thread stores to the range concurrently.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let bytes = self.inside(offset, bytes);
        let words = self.base.as_ptr().wrapping_add(offset).cast::<AtomicU64>();
        for i in 0..bytes / 8 {
            // SAFETY: aligned and inside the allocation. Atomic, for concurrent loads.
            let word = unsafe { &*words.wrapping_add(i) };
            // Relaxed: a reader may see the old word or 0. For the next owner of the slot,
            // committed.clear.fetch_and releases this, and committed.set.fetch_or acquires it.
            word.store(0, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and nothing can reach it any more.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}
