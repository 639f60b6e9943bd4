//! `mmap` and its family: Linux and Android, and the other Unixes by the parts they share.

use core::ptr::{self, NonNull};

use super::code::errno;
use crate::bits::geometry::SEGMENT_BYTES;
#[cfg(linux)]
use crate::sync::OnceLock;

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
        let base = NonNull::new(aligned(bytes)?).ok_or(libc::ENOMEM)?;
        // From here on dropping `region` unmaps that.
        let region = Self { base, bytes };
        region.protect(0, bytes, libc::PROT_READ)?;
        region.keep_small_pages(0, bytes);
        #[cfg(linux)]
        {
            // A core dump has the writable prefix only.
            if region.is_large() {
                region.advise(0, bytes, libc::MADV_DONTDUMP);
            }
            // Asked before memory can be short.
            advice_zeroes();
        }
        Ok(region)
    }

    /// Returns `true` if a core dump would grow by what is never used.
    #[cfg(linux)]
    fn is_large(&self) -> bool {
        self.bytes > 4 * SEGMENT_BYTES
    }

    /// Asks for small pages, best effort. Memory goes back by 64 KiB, which would split huge pages.
    /// Huge pages would also make a sparse table resident.
    fn keep_small_pages(&self, offset: usize, bytes: usize) {
        #[cfg(linux)]
        self.advise(offset, bytes, libc::MADV_NOHUGEPAGE);
        let _ = (offset, bytes);
    }

    /// Gives advice that changes no contents, best effort.
    #[cfg(linux)]
    fn advise(&self, offset: usize, bytes: usize, advice: libc::c_int) {
        // SAFETY: inside the region (`at` checks it). The callers' advice changes no contents.
        unsafe { libc::madvise(self.at(offset, bytes), bytes, advice) };
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn at(&self, offset: usize, bytes: usize) -> *mut libc::c_void {
        assert!(offset <= self.bytes && bytes <= self.bytes - offset);
        self.base.as_ptr().wrapping_add(offset).cast()
    }

    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        // With the guard that is left to `prefault`, so that only a prefaulted range is writable.
        if cfg!(not(slotarena_guard)) {
            self.protect(offset, bytes, libc::PROT_READ | libc::PROT_WRITE)?;
        }
        #[cfg(linux)]
        if self.is_large() {
            self.advise(offset, bytes, libc::MADV_DODUMP);
        }
        let _ = self.at(offset, bytes);
        Ok(())
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

    /// Gives a range mappings of its own, so that `seal` of this range never splits one, which the
    /// system can refuse.
    pub(crate) fn set_apart(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        set_apart(self.at(offset, bytes), bytes)
    }

    /// Does nothing: a child of the process has a copy of its own.
    pub(crate) fn after_fork(&self) {}

    /// # Safety
    ///
    /// No thread stores to the range concurrently, and the range is writable.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let start = self.at(offset, bytes);
        // A single page is in a segment that stays.
        let guarded = cfg!(slotarena_guard) && page_bytes() != Some(bytes);
        if guarded {
            self.protect(offset, bytes, libc::PROT_READ)?;
        }
        #[cfg(linux)]
        if advice_zeroes() {
            // SAFETY: inside the region (`at` checks it), and no thread stores to it concurrently.
            return unsafe { give_back(start, bytes) };
        }
        // Fresh pages are mapped over the range, which the kernel does in one step.
        let rights = libc::PROT_READ | if guarded { 0 } else { libc::PROT_WRITE };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | NO_RESERVE | libc::MAP_FIXED;
        // SAFETY: replaces pages of this region, to which no thread stores concurrently.
        mapped(unsafe { libc::mmap(start, bytes, rights, flags, -1, 0) })?;
        self.keep_small_pages(offset, bytes);
        Ok(())
    }
}

/// Maps a range that begins at a multiple of [`SEGMENT_BYTES`]. Without rights: where a program has
/// its memory locked (`mlockall`), what can be read is read immediately, page by page.
fn aligned(bytes: usize) -> Result<*mut u8, i32> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | NO_RESERVE;
    let map = |hint: *mut u8, bytes| {
        // SAFETY: a fresh anonymous mapping touches no existing memory. A hint is none to replace.
        let at = unsafe { libc::mmap(hint.cast(), bytes, libc::PROT_NONE, flags, -1, 0) };
        mapped(at).map(|at| at.cast::<u8>())
    };
    let unmap = |at: *mut u8, bytes| {
        // SAFETY: the range lies in a fresh mapping, which nothing uses. If the kernel refuses, it
        // stays mapped and unused, which does no harm.
        unsafe { libc::munmap(at.cast(), bytes) };
    };
    // Systems map downward, so that a range is aligned if the last one was, or else would be if it
    // began a little lower.
    let mut hint = ptr::null_mut();
    for _ in 0..2 {
        let start = map(hint, bytes)?;
        let above = start.addr() % SEGMENT_BYTES;
        if above == 0 {
            return Ok(start);
        }
        unmap(start, bytes);
        hint = start.wrapping_sub(above);
    }
    // One unit more, so that it contains an aligned range.
    let padded = bytes.checked_add(SEGMENT_BYTES).ok_or(libc::ENOMEM)?;
    let start = map(ptr::null_mut(), padded)?;
    let before = start.align_offset(SEGMENT_BYTES);
    let base = start.wrapping_add(before);
    for (at, length) in [(start, before), (base.wrapping_add(bytes), padded - before - bytes)] {
        if length > 0 {
            unmap(at, length);
        }
    }
    Ok(base)
}

/// Returns `true` if advice makes a private anonymous range read as zeros, as Linux documents it.
/// Emulators accept the advice and may do nothing. Tries it out once in the life of the process.
#[cfg(linux)]
fn advice_zeroes() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    if let Some(&answer) = ANSWER.get() {
        return answer;
    }
    let bytes = page_bytes().unwrap_or(SEGMENT_BYTES);
    let (rights, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
    // SAFETY: a fresh anonymous mapping touches no existing memory.
    let at = unsafe { libc::mmap(ptr::null_mut(), bytes, rights, flags, -1, 0) };
    // Without memory there is no answer, and mapping afresh is right anywhere.
    let Ok(at) = mapped(at) else { return false };
    let byte = at.cast::<u8>();
    // SAFETY: mapped just now, writable, and this thread alone has it.
    unsafe { byte.write_volatile(7) };
    // SAFETY: mapped just now, and this thread alone has it.
    let given_back = unsafe { give_back(at, bytes) };
    // SAFETY: still mapped.
    let left = unsafe { byte.read_volatile() };
    // SAFETY: mapped above, and nothing refers to it.
    unsafe { libc::munmap(at, bytes) };
    // What is refused is an error, which the caller of `decommit` gets.
    *ANSWER.get_or_init(|| given_back.is_err() || left == 0)
}

/// Returns the memory of a private anonymous range, which then reads as zeros.
///
/// # Safety
///
/// The range is the caller's, and no thread stores to it concurrently.
#[cfg(linux)]
unsafe fn give_back(start: *mut libc::c_void, bytes: usize) -> Result<(), i32> {
    // MADV_DONTNEED_LOCKED (Linux 5.18): locked pages too.
    const DONTNEED_LOCKED: libc::c_int = 24;
    // SAFETY: by the contract of this function.
    let advise = |advice| check(unsafe { libc::madvise(start, bytes, advice) });
    match advise(libc::MADV_DONTNEED) {
        // Refused for locked pages (`mlockall`).
        Err(libc::EINVAL) => {}
        other => return other,
    }
    advise(DONTNEED_LOCKED).or_else(|_| {
        // SAFETY: the range is the caller's.
        unsafe { libc::munlock(start, bytes) };
        advise(libc::MADV_DONTNEED)
    })
}

/// Makes a range differ from its neighbors, so that the kernel keeps mappings for it alone.
/// Changing the rights to all of it then splits none.
pub(super) fn set_apart(start: *mut libc::c_void, bytes: usize) -> Result<(), i32> {
    #[cfg(linux)]
    {
        // The advice means nothing here: there is no file to read ahead of.
        // SAFETY: the callers own the range, and the advice changes no contents.
        match check(unsafe { libc::madvise(start, bytes, libc::MADV_RANDOM) }) {
            Err(code) if !super::code::is_final(code) => Err(code),
            _ => Ok(()),
        }
    }
    #[cfg(not(linux))]
    {
        let _ = (start, bytes);
        Ok(())
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
