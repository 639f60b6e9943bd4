//! A tour of the calling thread over all processors (Linux), in place of the process-wide barrier.
//!
//! A processor on which this thread has begun to run has switched to it from another thread. The
//! kernel passes a full fence when it switches threads (`membarrier(2)` rests on the same). So once
//! the thread has been everywhere, each other thread has passed a fence: one that was running on a
//! processor was switched out there, and one that was not running had been, or has been switched in
//! since.

use core::ptr;

use super::code::errno;
use crate::sync::{Ordering, fence};

/// The processors that a mask has a bit for: as many as the kernel can be built for.
const PROCESSORS: usize = 8192;

/// The bits of a word of a mask.
const BITS: usize = usize::BITS as usize;

/// A set of processors, as the kernel has it.
struct Mask([usize; PROCESSORS / BITS]);

impl Mask {
    const EMPTY: Mask = Mask([0; PROCESSORS / BITS]);
    const ALL: Mask = Mask([usize::MAX; PROCESSORS / BITS]);

    fn one(processor: usize) -> Mask {
        let mut mask = Mask::EMPTY;
        mask.0[processor / BITS] |= 1 << (processor % BITS);
        mask
    }

    fn contains_all_of(&self, other: &Mask) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| other & !own == 0)
    }

    /// Returns the processors that a thread may run on, the calling thread if `thread` is 0, and
    /// the number of those that the kernel has bits for. The error is the system's code.
    fn of(thread: libc::pid_t) -> Result<(Mask, usize), i32> {
        let mut mask = Mask::EMPTY;
        let (bytes, at) = (size_of::<Mask>(), mask.0.as_mut_ptr());
        // SAFETY: writes at most `bytes` bytes to the mask.
        let written = unsafe { libc::syscall(libc::SYS_sched_getaffinity, thread, bytes, at) };
        let written = usize::try_from(written).map_err(|_| errno())?;
        Ok((mask, (written * 8).min(PROCESSORS)))
    }

    /// Lets the calling thread run on these processors alone. The error is the system's code.
    fn apply(&self) -> Result<(), i32> {
        let (bytes, at) = (size_of::<Mask>(), self.0.as_ptr());
        // SAFETY: reads `bytes` bytes of the mask.
        let result = unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, bytes, at) };
        if result < 0 { Err(errno()) } else { Ok(()) }
    }
}

/// Runs the calling thread on each processor in turn, and then on those of before. Returns `false`
/// if the system refuses, does not do as it says, or lets another thread run elsewhere. `None`
/// where that cannot be told.
pub(crate) fn tour() -> Option<bool> {
    let Ok((before, processors)) = Mask::of(0) else { return Some(false) };
    // SeqCst: the caller's stores come before the switches of the others, and the caller's loads
    // after them. The kernel's own fences are the partners.
    fence(Ordering::SeqCst);
    let mut visited = Mask::EMPTY;
    let granted = (0..processors).all(|processor| visit(processor, &mut visited));
    fence(Ordering::SeqCst);
    if before.apply().is_err() {
        // The processors that the process may use have changed in the meantime.
        let _ = Mask::ALL.apply();
    }
    if granted { others_are_inside(&visited) } else { Some(false) }
}

/// Runs the calling thread on a processor and adds that to the mask, if the thread may use it.
/// Returns `false` if the system refuses for another reason.
fn visit(processor: usize, visited: &mut Mask) -> bool {
    let mask = Mask::one(processor);
    for _ in 0..100 {
        match mask.apply() {
            Ok(()) => {}
            // There is none of this number, or the thread may not use it.
            Err(libc::EINVAL) => return true,
            Err(_) => return false,
        }
        let mut here: libc::c_uint = 0;
        let none = ptr::null_mut::<libc::c_void>();
        // SAFETY: writes to `here`, and to no more.
        let asked = unsafe { libc::syscall(libc::SYS_getcpu, &raw mut here, none, none) };
        // Unequal if another thread has changed this thread's processors in the meantime, or where
        // an emulator has only pretended to.
        if asked == 0 && here as usize == processor {
            visited.0[processor / BITS] |= mask.0[processor / BITS];
            return true;
        }
    }
    false
}

/// Returns `true` if all threads of the process run on these processors only. A thread can have
/// others if it is in a control group of its own. `None` where threads cannot be listed.
///
/// Allocates nothing: the caller may be a signal handler, or an allocator's hook.
fn others_are_inside(visited: &Mask) -> Option<bool> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: a path that ends in a zero.
    let folder = unsafe { libc::open(c"/proc/self/task".as_ptr(), flags) };
    if folder < 0 {
        return None;
    }
    let mut are_inside = Some(true);
    let mut entries = Entries([0; 4096]);
    while are_inside == Some(true) {
        let (bytes, at) = (size_of::<Entries>(), entries.0.as_mut_ptr());
        // SAFETY: writes at most `bytes` bytes to the buffer.
        let read = unsafe { libc::syscall(libc::SYS_getdents64, folder, at, bytes) };
        match usize::try_from(read) {
            Ok(0) => break,
            Ok(read) => are_inside = Some(entries.threads(read).all(|t| is_inside(t, visited))),
            Err(_) => are_inside = None,
        }
    }
    // SAFETY: the folder's own descriptor.
    unsafe { libc::close(folder) };
    are_inside
}

fn is_inside(thread: libc::pid_t, visited: &Mask) -> bool {
    match Mask::of(thread) {
        Ok((mask, _)) => visited.contains_all_of(&mask),
        // The thread has ended.
        Err(code) => code == libc::ESRCH,
    }
}

/// Entries of a folder, as the kernel writes them: 8 bytes for the node, 8 for the place, 2 for the
/// length of the entry, 1 for the kind, and the name, which ends in a zero.
#[repr(align(8))]
struct Entries([u8; 4096]);

impl Entries {
    /// The entries in the first `bytes` whose names are numbers.
    fn threads(&self, bytes: usize) -> impl Iterator<Item = libc::pid_t> {
        let mut rest = self.0.get(..bytes).unwrap_or(&[]);
        let entries = core::iter::from_fn(move || {
            let length = u16::from_ne_bytes(rest.get(16..18)?.try_into().ok()?);
            let entry = rest.get(..usize::from(length).max(19))?;
            rest = &rest[entry.len()..];
            Some(entry)
        });
        entries.filter_map(|entry| {
            let name = core::ffi::CStr::from_bytes_until_nul(entry.get(19..)?).ok()?;
            name.to_str().ok()?.parse().ok()
        })
    }
}
