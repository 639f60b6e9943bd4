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
/// if the system refuses, does not do as it says, or lets another thread run elsewhere.
pub(crate) fn tour() -> bool {
    let Ok((before, processors)) = Mask::of(0) else { return false };
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
    granted && others_are_inside(&visited)
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
/// others if it is in a control group of its own. Where threads cannot be listed, `true`.
fn others_are_inside(visited: &Mask) -> bool {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return true };
    let number = |name: std::ffi::OsString| name.to_str()?.parse().ok();
    threads.flatten().filter_map(|entry| number(entry.file_name())).all(|thread| {
        match Mask::of(thread) {
            Ok((mask, _)) => visited.contains_all_of(&mask),
            // The thread has ended.
            Err(code) => code == libc::ESRCH,
        }
    })
}
