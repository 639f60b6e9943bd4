//! `mmap` and its family: Linux and Android, and the other Unixes by the parts they share.

use core::ptr::{self, NonNull};

use crate::bits::geometry::SEGMENT_BYTES;

/// `true`: a reserved address reads as the zero page.
pub(crate) const READS_RESERVED: bool = true;

/// The largest region: 2^32 slots of 16 bytes, or what the address space can hold.
pub(crate) const RESERVE_BYTES_MAX: usize =
    1 << if cfg!(target_pointer_width = "64") { 36 } else { 29 };

/// Sets no swap aside. FreeBSD and DragonFly never do, and have no such flag.
#[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
const NO_RESERVE: libc::c_int = 0;
#[cfg(not(any(target_os = "freebsd", target_os = "dragonfly")))]
const NO_RESERVE: libc::c_int = libc::MAP_NORESERVE;

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

pub(super) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(super) fn check(result: libc::c_int) -> Result<(), i32> {
    if result == 0 { Ok(()) } else { Err(errno()) }
}

pub(super) fn mapped(at: *mut libc::c_void) -> Result<*mut libc::c_void, i32> {
    if at == libc::MAP_FAILED { Err(errno()) } else { Ok(at) }
}

/// Returns the system's page size, if decommitting single pages splits no mapping.
pub(crate) fn page_bytes() -> Option<usize> {
    if !cfg!(linux) {
        return None;
    }
    // SAFETY: reads a number from the C library.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).ok().filter(|bytes| bytes.is_power_of_two())
}

impl Region {
    pub(crate) fn new(bytes: usize) -> Result<Self, i32> {
        debug_assert!(bytes > 0 && bytes % SEGMENT_BYTES == 0);
        // One unit more, so that it contains an aligned range.
        let padded = bytes.checked_add(SEGMENT_BYTES).ok_or(libc::ENOMEM)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | NO_RESERVE;
        // SAFETY: a fresh anonymous mapping touches no existing memory.
        let start = unsafe { libc::mmap(ptr::null_mut(), padded, libc::PROT_READ, flags, -1, 0) };
        let start = mapped(start)?.cast::<u8>();
        let before = start.align_offset(SEGMENT_BYTES);
        let after = padded - before - bytes;
        let base = start.wrapping_add(before);
        for (at, length) in [(start, before), (base.wrapping_add(bytes), after)] {
            if length > 0 {
                // SAFETY: the range lies in the fresh mapping, outside of the region. If the kernel
                // refuses, it stays mapped and unused, which does no harm.
                unsafe { libc::munmap(at.cast(), length) };
            }
        }
        let base = NonNull::new(base).ok_or(libc::ENOMEM)?;
        Self::keep_small_pages(base, bytes);
        Ok(Self { base, bytes })
    }

    /// Asks for small pages, best effort. Memory goes back by 64 KiB, which would split huge pages.
    /// Huge pages would also make a sparse table resident.
    fn keep_small_pages(base: NonNull<u8>, bytes: usize) {
        #[cfg(linux)]
        // SAFETY: advice on a range that was mapped just now and is not in use yet.
        unsafe {
            libc::madvise(base.as_ptr().cast(), bytes, libc::MADV_NOHUGEPAGE);
        }
        #[cfg(not(linux))]
        let _ = (base, bytes);
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn at(&self, offset: usize, bytes: usize) -> *mut libc::c_void {
        assert!(offset <= self.bytes && bytes <= self.bytes - offset);
        self.base.as_ptr().wrapping_add(offset).cast()
    }

    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        if cfg!(slotarena_guard) {
            // Left to `prefault`, so that only a prefaulted range is writable.
            let _ = self.at(offset, bytes);
            return Ok(());
        }
        self.protect(offset, bytes, libc::PROT_READ | libc::PROT_WRITE)
    }

    fn protect(&self, offset: usize, bytes: usize, protection: libc::c_int) -> Result<(), i32> {
        // SAFETY: the range lies inside the region (`at` checks it). More rights disturb no thread,
        // and rights are taken only from a range to which no thread stores.
        check(unsafe { libc::mprotect(self.at(offset, bytes), bytes, protection) })
    }

    pub(crate) fn prefault(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        if cfg!(slotarena_guard) {
            self.protect(offset, bytes, libc::PROT_READ | libc::PROT_WRITE)?;
        }
        prefault(self.at(offset, bytes), bytes)
    }

    pub(crate) fn seal(&self, offset: usize, bytes: usize, sealed: bool) -> Result<(), i32> {
        let write = if sealed { 0 } else { libc::PROT_WRITE };
        self.protect(offset, bytes, libc::PROT_READ | write)
    }

    /// # Safety
    ///
    /// No thread stores to the range concurrently, and the range is writable.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        // A single page is in a segment that stays.
        if cfg!(slotarena_guard) && page_bytes() != Some(bytes) {
            self.protect(offset, bytes, libc::PROT_READ)?;
        }
        let start = self.at(offset, bytes);
        #[cfg(linux)]
        // SAFETY: inside the region (`at` checks it). On Linux a private anonymous range reads as 0
        // after this, and no thread stores to it concurrently.
        return check(unsafe { libc::madvise(start, bytes, libc::MADV_DONTNEED) });
        #[cfg(not(linux))]
        {
            // Elsewhere that advice need not drop the pages: fresh ones are mapped over the range,
            // which the kernel does in one step.
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON | NO_RESERVE | libc::MAP_FIXED;
            // SAFETY: replaces pages of this region, to which no thread stores concurrently.
            mapped(unsafe { libc::mmap(start, bytes, protection, flags, -1, 0) }).map(drop)
        }
    }
}

/// Sets memory aside for a range that is mapped writable. Contents stay.
pub(super) fn prefault(start: *mut libc::c_void, bytes: usize) -> Result<(), i32> {
    #[cfg(linux)]
    for attempt in 0.. {
        // MADV_POPULATE_WRITE (Linux 5.14) faults the pages in, or returns an error.
        const POPULATE_WRITE: libc::c_int = 23;
        // SAFETY: contents stay, and a range that is not mapped is an error.
        let result = unsafe { libc::madvise(start, bytes, POPULATE_WRITE) };
        match check(result) {
            // Interrupted halfway.
            Err(libc::EINTR | libc::EAGAIN) if attempt < 1000 => {}
            // Unknown to this kernel: pages then come when they are touched, and the kernel handles
            // a shortage of memory.
            Err(libc::EINVAL) => return Ok(()),
            other => return other,
        }
    }
    let _ = (start, bytes);
    Ok(())
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` and nothing can reach it any more. A refusal could
        // only leave the range mapped.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}
