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

    /// Returns the processors that the calling thread may run on, and the number of those that the
    /// kernel has bits for. `None` if the system refuses.
    fn current() -> Option<(Mask, usize)> {
        let mut mask = Mask::EMPTY;
        let (bytes, at) = (size_of::<Mask>(), mask.0.as_mut_ptr());
        // SAFETY: writes at most `bytes` bytes to the mask.
        let written = unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, bytes, at) };
        let written = usize::try_from(written).ok()?;
        Some((mask, (written * 8).min(PROCESSORS)))
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
/// if the system refuses, or does not do as it says.
pub(crate) fn tour() -> bool {
    let Some((before, processors)) = Mask::current() else { return false };
    // SeqCst: the caller's stores come before the switches of the others, and the caller's loads
    // after them. The kernel's own fences are the partners.
    fence(Ordering::SeqCst);
    let visited = (0..processors).map(visit).try_fold(0, |sum, one| Some(sum + one?));
    fence(Ordering::SeqCst);
    if before.apply().is_err() {
        // The processors that the process may use have changed in the meantime.
        let _ = Mask::ALL.apply();
    }
    visited.is_some_and(|count: usize| count > 0)
}

/// Runs the calling thread on a processor. Returns the number of processors that it ran on: 0 if
/// there is none of this number, or none that the process may use. `None` if the system refuses.
fn visit(processor: usize) -> Option<usize> {
    for _ in 0..100 {
        match Mask::one(processor).apply() {
            Ok(()) => {}
            Err(libc::EINVAL) => return Some(0),
            Err(_) => return None,
        }
        let mut here: libc::c_uint = 0;
        let none = ptr::null_mut::<libc::c_void>();
        // SAFETY: writes to `here`, and to no more.
        let asked = unsafe { libc::syscall(libc::SYS_getcpu, &raw mut here, none, none) };
        // Unequal if another thread has changed this thread's processors in the meantime, or where
        // an emulator has only pretended to.
        if asked == 0 && here as usize == processor {
            return Some(1);
        }
    }
    None
}
