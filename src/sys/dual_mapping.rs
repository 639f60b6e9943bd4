//! One memory at two addresses (Linux, `memfd_create`): read-only at the first, writable at the
//! second, which may carry a protection key. Keeps the contract of the parent module, where *load*
//! means at the first address and *store* at the second.
//!
//! A reserved part is an ordinary region at the first address: a load there takes no memory, unlike
//! a load from a hole of a file. `make_writable` maps the file over it, in one step. A load from a
//! decommitted part may take its page again, but no more memory than was once in use.
//!
//! A child of the process (`fork`) does not inherit it, or two processes would write to one table.

use core::ptr::{self, NonNull};

use super::{pkeys, unix};
use crate::bits::geometry::SEGMENT_BYTES;
use crate::sync::OnceLock;

/// The system call that gives memory a key. Only x86-64 has keys, and only there is it made.
#[cfg(target_arch = "x86_64")]
const PKEY_MPROTECT: libc::c_long = libc::SYS_pkey_mprotect;
#[cfg(not(target_arch = "x86_64"))]
const PKEY_MPROTECT: libc::c_long = -1;

#[derive(Debug)]
pub(crate) struct DualMapping {
    read: unix::Region,
    write: NonNull<u8>,
    bytes: usize,
    file: libc::c_int,
}

// SAFETY: the value owns both ranges and the file, and calls on it may come from any thread.
unsafe impl Send for DualMapping {}
// SAFETY: same as for `Send`. The kernel serializes the calls.
unsafe impl Sync for DualMapping {}

/// Returns `true` if the system supports this. Asks it once.
pub(crate) fn probe() -> bool {
    static PROBED: OnceLock<bool> = OnceLock::new();
    *PROBED.get_or_init(|| DualMapping::new(SEGMENT_BYTES, false).is_ok())
}

impl DualMapping {
    /// Reserves `bytes` at both addresses. With `keyed` the second carries the process's key, which
    /// must exist.
    pub(crate) fn new(bytes: usize, keyed: bool) -> Result<Self, i32> {
        let read = unix::Region::new(bytes)?;
        let name = c"slotarena";
        // By number, since old C libraries do not have the function.
        // SAFETY: the name is a C string, and the file is a fresh one.
        let file =
            unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), libc::MFD_CLOEXEC) };
        let file = file as libc::c_int;
        if file < 0 {
            return Err(unix::errno());
        }
        let mut dual = Self { read, write: NonNull::dangling(), bytes: 0, file };
        let length = libc::off_t::try_from(bytes).map_err(|_| libc::EFBIG)?;
        // SAFETY: extends the file, which is empty.
        unix::check(unsafe { libc::ftruncate(file, length) })?;
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping touches no existing memory.
        let write =
            unsafe { libc::mmap(ptr::null_mut(), bytes, rights, libc::MAP_SHARED, file, 0) };
        // From here on dropping `dual` unmaps that.
        dual.write = NonNull::new(unix::mapped(write)?.cast()).ok_or(libc::ENOMEM)?;
        dual.bytes = bytes;
        for (base, bytes) in [(dual.read.base().as_ptr(), bytes), (dual.write.as_ptr(), bytes)] {
            // SAFETY: both ranges were mapped just now.
            unix::check(unsafe { libc::madvise(base.cast(), bytes, libc::MADV_DONTFORK) })?;
        }
        if keyed {
            let key = pkeys::key().ok_or(libc::ENOSPC)?;
            // SAFETY: the range was mapped just now, and is not in use yet.
            let result = unsafe { libc::syscall(PKEY_MPROTECT, write, bytes, rights, key) };
            unix::check(result as libc::c_int)?;
        }
        Ok(dual)
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.read.base()
    }

    pub(crate) fn write_base(&self) -> NonNull<u8> {
        self.write
    }

    fn at(&self, offset: usize, bytes: usize) -> *mut libc::c_void {
        assert!(offset <= self.bytes && bytes <= self.bytes - offset);
        self.write.as_ptr().wrapping_add(offset).cast()
    }

    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let _ = self.at(offset, bytes);
        let at = self.base().as_ptr().wrapping_add(offset).cast();
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        // SAFETY: replaces pages of this region (`at` has checked the range) by the file's, in one
        // step. Both read the same: zeros, or what the file stores.
        let mapped = unsafe {
            libc::mmap(at, bytes, libc::PROT_READ, flags, self.file, offset as libc::off_t)
        };
        let mapped = unix::mapped(mapped)?;
        // SAFETY: mapped just now.
        unix::check(unsafe { libc::madvise(mapped, bytes, libc::MADV_DONTFORK) })
    }

    /// Prefaults a range. The calling thread has rights where the range has a key.
    pub(crate) fn prefault(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        unix::prefault(self.at(offset, bytes), bytes)
    }

    /// # Safety
    ///
    /// No thread stores to the range concurrently.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let _ = self.at(offset, bytes);
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        let (offset, bytes) = (offset as libc::off_t, bytes as libc::off_t);
        // SAFETY: the value owns the file, and no thread stores to this part of it concurrently.
        unix::check(unsafe { libc::fallocate(self.file, mode, offset, bytes) })
    }

    /// Makes a writable range read-only at the second address too, or writable again.
    pub(crate) fn seal(&self, offset: usize, bytes: usize, sealed: bool) -> Result<(), i32> {
        let rights = libc::PROT_READ | if sealed { 0 } else { libc::PROT_WRITE };
        // SAFETY: inside the mapping (`at` checks it). The key, if any, stays.
        unix::check(unsafe { libc::mprotect(self.at(offset, bytes), bytes, rights) })
    }
}

impl Drop for DualMapping {
    fn drop(&mut self) {
        if self.bytes > 0 {
            // SAFETY: mapped by `new`, and nothing can reach it any more.
            unsafe { libc::munmap(self.write.as_ptr().cast(), self.bytes) };
        }
        // SAFETY: opened by `new`, and owned by this alone. Mappings of the file stay.
        unsafe { libc::close(self.file) };
    }
}
