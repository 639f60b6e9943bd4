//! One memory at two addresses (Linux): read-only at the first, writable at the second, which may
//! carry a protection key. Keeps the contract of the parent module, where *load* means at the first
//! address and *store* at the second.
//!
//! A reserved part is an ordinary region at the first address: a load there takes no memory, unlike
//! a load from a hole of a file. `make_writable` maps the memory over it, in one step. A load from
//! a decommitted part may take its page again, but no more memory than was once in use.
//!
//! The memory is a file without a name (`memfd_create`), or shared anonymous memory where that is
//! refused. Its descriptor is closed as soon as it is mapped. More mappings of it are made by
//! `mremap`, which copies a shared mapping if the old size is 0.
//!
//! A child of the process (`fork`) inherits the first address and not the second, or two processes
//! would write to one table. There [`after_fork`](DualMapping::after_fork) makes it read as zeros.
//! The memory is never locked (`mlockall`), and is left out of core dumps.

use core::ptr::{self, NonNull};

use super::code::is_final;
use super::process::Process;
use super::{limits, pkeys, unix};
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
    /// The second address has a protection key.
    keyed: bool,
    process: Process,
}

// SAFETY: the value owns both ranges, and calls on it may come from any thread.
unsafe impl Send for DualMapping {}
// SAFETY: same as for `Send`. The kernel serializes the calls.
unsafe impl Sync for DualMapping {}

/// Asks the system whether it supports this. The error is its code. Remembers an answer that cannot
/// change, and asks again after any other.
pub(crate) fn probe() -> Result<(), i32> {
    static ANSWER: OnceLock<Result<(), i32>> = OnceLock::new();
    if let Some(&answer) = ANSWER.get() {
        return answer;
    }
    let answer = try_out();
    match answer {
        Err(code) if !is_final(code) => answer,
        _ => *ANSWER.get_or_init(|| answer),
    }
}

/// Does with a small memory what a table does: grows, stores, loads, and decommits.
fn try_out() -> Result<(), i32> {
    let dual = DualMapping::new(SEGMENT_BYTES, false)?;
    // An emulator that knows no second mapping says that there is no memory.
    let lacks = |code| code == libc::ENOMEM && has_memory();
    let grown = dual.make_writable(0, SEGMENT_BYTES);
    grown.map_err(|code| if lacks(code) { libc::ENOSYS } else { code })?;
    dual.prefault(0, SEGMENT_BYTES)?;
    // SAFETY: writable, and this thread alone has the memory.
    unsafe { dual.write_base().write_volatile(7) };
    // SAFETY: inside the region, which can be read.
    let stored = unsafe { dual.base().read_volatile() };
    // SAFETY: no other thread has the memory.
    unsafe { dual.decommit(0, SEGMENT_BYTES) }?;
    // SAFETY: inside the region, which can be read.
    let left = unsafe { dual.base().read_volatile() };
    // An emulator may accept each call and do something else.
    if (stored, left) == (7, 0) { Ok(()) } else { Err(libc::ENOSYS) }
}

/// Returns `true` if the system has more memory and mappings than a small dual mapping takes.
fn has_memory() -> bool {
    let regions = [(); 4].map(|()| unix::Region::new(4 * SEGMENT_BYTES));
    regions.iter().all(|region| {
        let region = region.as_ref().map_err(|&code| code);
        let grown = region.and_then(|region| region.make_writable(0, SEGMENT_BYTES));
        grown.is_ok()
    })
}

impl DualMapping {
    /// Reserves `bytes` at both addresses. With `keyed` the second carries the process's key, which
    /// must exist.
    pub(crate) fn new(bytes: usize, keyed: bool) -> Result<Self, i32> {
        let read = unix::Region::new(bytes)?;
        let write = map_shared(bytes)?;
        let base = NonNull::new(write.cast()).ok_or(libc::ENOMEM)?;
        // From here on dropping `dual` unmaps that.
        let dual = Self { read, write: base, bytes, keyed, process: Process::current() };
        // SAFETY: the range was mapped just now.
        unix::check(unsafe { libc::madvise(write, bytes, libc::MADV_DONTFORK) })?;
        for base in [write, dual.base().as_ptr().cast()] {
            // Where a program has its memory locked (`mlockall`), all of it would become resident
            // as soon as it can be accessed, and could not be given back.
            // SAFETY: the range was mapped just now.
            unsafe { libc::munlock(base, bytes) };
        }
        for advice in [libc::MADV_DONTDUMP, libc::MADV_NOHUGEPAGE] {
            // SAFETY: advice on a range that was mapped just now. It works without.
            unsafe { libc::madvise(write, bytes, advice) };
        }
        if keyed {
            let key = pkeys::key()?;
            protect(write, bytes, libc::PROT_NONE, Some(key))?;
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

    /// Maps the memory over the reserved part at the first address, in one step: until then a load
    /// there reads the reservation, from then on the memory, and no store is possible at any time.
    pub(crate) fn make_writable(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let write = self.at(offset, bytes);
        let copy = Copy::of(write, bytes)?;
        // Without a key, even if the original has one.
        protect(copy.at, bytes, libc::PROT_READ, self.keyed.then_some(0))?;
        // A child inherits the first address.
        // SAFETY: advice on the copy, which was mapped just now.
        unix::check(unsafe { libc::madvise(copy.at, bytes, libc::MADV_DOFORK) })?;
        // SAFETY: the range lies inside the region (`at` has checked it). Both read the same:
        // zeros, or what the memory holds.
        unsafe { copy.move_to(self.base().as_ptr().wrapping_add(offset).cast()) }?;
        protect(write, bytes, libc::PROT_READ | libc::PROT_WRITE, None)
    }

    /// Prefaults a range. The calling thread has rights where the range has a key.
    pub(crate) fn prefault(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        unix::prefault(self.at(offset, bytes), bytes)
    }

    /// # Safety
    ///
    /// No thread stores to the range concurrently.
    pub(crate) unsafe fn decommit(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        let at = self.at(offset, bytes);
        // SAFETY: inside the mapping, to this part of which no thread stores concurrently.
        let remove = || unix::check(unsafe { libc::madvise(at, bytes, libc::MADV_REMOVE) });
        match remove() {
            // The program has locked its memory since.
            Err(libc::EINVAL) => {
                // SAFETY: the range is this value's.
                unsafe { libc::munlock(self.write.as_ptr().cast(), self.bytes) };
                remove()
            }
            other => other,
        }
    }

    /// Gives a range mappings of its own, so that `seal` of this range never splits one, which the
    /// system can refuse.
    pub(crate) fn set_apart(&self, offset: usize, bytes: usize) -> Result<(), i32> {
        unix::set_apart(self.at(offset, bytes), bytes)
    }

    /// Makes a writable range read-only at the second address too, or writable again.
    pub(crate) fn seal(&self, offset: usize, bytes: usize, sealed: bool) -> Result<(), i32> {
        let rights = libc::PROT_READ | if sealed { 0 } else { libc::PROT_WRITE };
        protect(self.at(offset, bytes), bytes, rights, None)
    }

    /// Returns `true` in a child of the process that made this.
    pub(crate) fn is_foreign(&self) -> bool {
        !self.process.is_current()
    }

    /// Makes all of it read as zeros, in a child of the process that made it. Async-signal-safe.
    pub(crate) fn after_fork(&self) {
        self.process.leave();
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE | libc::MAP_FIXED;
        let read = self.base().as_ptr().cast();
        // If the kernel refuses, the child reads what its parent stores.
        // SAFETY: replaces the range at the first address, which the child has inherited, and to
        // which nothing stores.
        unsafe { libc::mmap(read, self.bytes, libc::PROT_READ, flags, -1, 0) };
    }
}

impl Drop for DualMapping {
    fn drop(&mut self) {
        // A child has other memory at the second address, or none.
        if self.process.is_current() {
            // SAFETY: mapped by `new`, and nothing can reach it any more.
            unsafe { libc::munmap(self.write.as_ptr().cast(), self.bytes) };
        }
    }
}

/// Maps fresh shared memory, which no thread can access yet.
fn map_shared(bytes: usize) -> Result<*mut libc::c_void, i32> {
    let map = |flags, file| {
        let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | flags;
        // SAFETY: a fresh mapping touches no existing memory.
        unix::mapped(unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, flags, file, 0) })
    };
    let Some(file) = file(bytes) else { return map(libc::MAP_ANON, -1) };
    let memory = map(0, file);
    // SAFETY: opened just now, and owned by this function alone. The mapping stays.
    unsafe { libc::close(file) };
    memory
}

/// Opens a file in memory of this length. `None` if the system refuses, for whatever reason.
fn file(bytes: usize) -> Option<libc::c_int> {
    let length = libc::off_t::try_from(bytes).ok()?;
    // Making a file longer than the limit would send a signal.
    if limits::limit(libc::RLIMIT_FSIZE).is_some_and(|limit| limit < bytes as u64) {
        return None;
    }
    // By number, since old C libraries do not have the function.
    // SAFETY: the name is a C string, and the file is a fresh one.
    let file =
        unsafe { libc::syscall(libc::SYS_memfd_create, c"slotarena".as_ptr(), libc::MFD_CLOEXEC) };
    let file = libc::c_int::try_from(file).ok().filter(|&file| file >= 0)?;
    // SAFETY: extends the file, which is empty.
    if unsafe { libc::ftruncate(file, length) } != 0 {
        // SAFETY: opened just now, and owned by this function alone.
        unsafe { libc::close(file) };
        return None;
    }
    Some(file)
}

/// Changes the rights to a range of mapped memory and, if one is given, its key.
fn protect(
    at: *mut libc::c_void,
    bytes: usize,
    rights: libc::c_int,
    key: Option<u32>,
) -> Result<(), i32> {
    unix::check(match key {
        // SAFETY: the callers own the range. More rights disturb no thread, and rights are taken
        // only from a range to which no thread stores.
        None => unsafe { libc::mprotect(at, bytes, rights) },
        Some(key) => {
            let call = PKEY_MPROTECT;
            // SAFETY: as above. The key is the process's, or the one that all memory has.
            unsafe { libc::syscall(call, at, bytes, rights, key) as libc::c_int }
        }
    })
}

/// `MREMAP_MAYMOVE` and `MREMAP_FIXED`.
const MAY_MOVE: libc::c_ulong = 1;
const FIXED: libc::c_ulong = 2;

/// `mremap(2)`, by number, since the crate `libc` does not have it for Android.
///
/// # Safety
///
/// Same as `mremap`.
unsafe fn remap(
    at: *mut libc::c_void,
    old_bytes: usize,
    bytes: usize,
    flags: libc::c_ulong,
    target: *mut libc::c_void,
) -> *mut libc::c_void {
    // SAFETY: by the contract of this function.
    let at = unsafe { libc::syscall(libc::SYS_mremap, at, old_bytes, bytes, flags, target) };
    ptr::with_exposed_provenance_mut(at as usize)
}

/// One more mapping of a part of shared memory. Dropping it unmaps it.
struct Copy {
    at: *mut libc::c_void,
    bytes: usize,
}

impl Copy {
    /// Maps a part of shared memory once more, at an address of the kernel's choice. The rights
    /// are those of the original.
    fn of(part: *mut libc::c_void, bytes: usize) -> Result<Self, i32> {
        // SAFETY: an old size of 0 leaves the original as it is, and the copy is a fresh mapping.
        let at = unsafe { remap(part, 0, bytes, MAY_MOVE, ptr::null_mut()) };
        Ok(Self { at: unix::mapped(at)?, bytes })
    }

    /// Moves the mapping to `target`, in place of what is mapped there.
    ///
    /// # Safety
    ///
    /// The range at `target` is the caller's, and no thread stores to it or minds the change.
    unsafe fn move_to(self, target: *mut libc::c_void) -> Result<(), i32> {
        // SAFETY: by the contract of this function. The copy is this value's.
        let moved = unsafe { remap(self.at, self.bytes, self.bytes, MAY_MOVE | FIXED, target) };
        unix::mapped(moved)?;
        core::mem::forget(self);
        Ok(())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // SAFETY: mapped by `of`, and nothing refers to it.
        unsafe { libc::munmap(self.at, self.bytes) };
    }
}
