//! `VirtualAlloc` and its family.
//!
//! Reserved addresses cannot be read here, so a table checks a handle against the committed prefix
//! before it loads. `decommit` cannot use `MEM_DECOMMIT`, since loads may run concurrently. It
//! clears the range, and tells the system that the contents need not be kept. The range stays
//! charged against the commit limit, and its pages leave the working set.

use core::ptr::{self, NonNull};

use windows_sys::Win32::Foundation::GetLastError;
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, MEM_RESET, PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE,
    VirtualAlloc, VirtualFree, VirtualProtect, VirtualUnlock,
};

use crate::bits::geometry::SEGMENT_BYTES;
use crate::sync::{AtomicU64, Ordering};

pub(crate) const READS_RESERVED: bool = false;

/// The largest region: 2^32 slots of 16 bytes, or what the address space can hold.
pub(crate) const RESERVE_BYTES_MAX: usize =
    1 << if cfg!(target_pointer_width = "64") { 36 } else { 29 };

/// Returns `None`: single pages inside a segment are not decommitted.
pub(crate) fn page_bytes() -> Option<usize> {
    None
}

/// A range of reserved addresses, under the contract of the parent module.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the value owns the range, and calls on it may come from any thread.
unsafe impl Send for Region {}
// SAFETY: same as for `Send`. The kernel serializes the calls.
unsafe impl Sync for Region {}

fn last_error() -> i32 {
    // SAFETY: reads a number of the calling thread.
    unsafe { GetLastError() as i32 }
}

impl Region {
    pub(crate) fn new(bytes: usize) -> Result<Self, i32> {
        debug_assert!(bytes > 0 && bytes % SEGMENT_BYTES == 0);
        // SAFETY: a fresh address range touches no existing memory, and is aligned to the system's
        // allocation granularity of 64 KiB.
        let base = unsafe { VirtualAlloc(ptr::null(), bytes, MEM_RESERVE, PAGE_NOACCESS) };
        match NonNull::new(base.cast::<u8>()) {
            Some(base) => Ok(Self { base, bytes }),
            None => Err(last_error()),
        }
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn at(&self, offset: usize, bytes: usize) -> *mut core::ffi::c_void {
        assert!(offset <= self.bytes && bytes <= self.bytes - offset);
        self.base.as_ptr().wrapping_add(offset).cast()
    }

    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        // SAFETY: the range lies inside the region (`at` checks it). Committing a committed range
        // changes nothing.
        let start =
            unsafe { VirtualAlloc(self.at(offset, bytes), bytes, MEM_COMMIT, PAGE_READWRITE) };
        if start.is_null() { Err(last_error()) } else { Ok(()) }
    }

    /// Does nothing: the system charges memory when it commits it, and has nothing left to refuse.
    pub(crate) fn prefault(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let _ = self.at(offset, bytes);
        Ok(())
    }

    pub(crate) fn seal(&self, offset: usize, bytes: usize, sealed: bool) -> Result<(), i32> {
        let rights = if sealed { PAGE_READONLY } else { PAGE_READWRITE };
        let mut before = 0;
        // SAFETY: the range lies inside the region (`at` checks it) and is committed. The last
        // argument is valid for a store.
        let done = unsafe { VirtualProtect(self.at(offset, bytes), bytes, rights, &mut before) };
        if done == 0 { Err(last_error()) } else { Ok(()) }
    }

    /// Does nothing: rights belong to pages.
    pub(crate) fn set_apart(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let _ = self.at(offset, bytes);
        Ok(())
    }

    /// Does nothing: there are no such children.
    pub(crate) fn after_fork(&self) {}

    /// # Safety
    ///
    /// No thread stores to the range concurrently, and the range is writable.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let start = self.at(offset, bytes);
        let words = start.cast::<AtomicU64>();
        for i in 0..bytes / 8 {
            // SAFETY: aligned and inside the writable range. Atomic, for concurrent loads.
            let word = unsafe { &*words.wrapping_add(i) };
            // Relaxed: a reader may see the old word or 0. For the next owner of the slot,
            // committed.clear.fetch_and releases this, and committed.set.fetch_or acquires it.
            word.store(0, Ordering::Relaxed);
        }
        // The contents are zeros, whether the system then keeps or drops them.
        // SAFETY: inside the region (`at` checks it).
        unsafe { VirtualAlloc(start, bytes, MEM_RESET, PAGE_READWRITE) };
        // Unlocking takes unlocked pages out of the working set. Its error says that they were not
        // locked.
        // SAFETY: inside the region (`at` checks it).
        unsafe { VirtualUnlock(start, bytes) };
        Ok(())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range was reserved by `new` and nothing can reach it any more. A refusal
        // could only leave it reserved.
        unsafe { VirtualFree(self.base.as_ptr().cast(), 0, MEM_RELEASE) };
    }
}
