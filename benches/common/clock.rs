//! Time as a thread spends it, and the processors that threads run on.

use std::time::Duration;

/// How much time the calling thread has spent on a processor: what other programs take meanwhile
/// is left out. Differences count, the zero point means nothing.
#[cfg(unix)]
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to `time`, which is there to be written to.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "no clock of the thread's time");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Elsewhere, the time that passes.
#[cfg(not(unix))]
pub fn thread_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;

    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(target_os = "linux")]
mod placement {
    /// A set without processors.
    fn none() -> libc::cpu_set_t {
        // SAFETY: a set is an array of integers, of which zeros are a value.
        unsafe { core::mem::zeroed() }
    }

    /// Keeps the calling thread on the `number`th of the processors that `allowed` names.
    pub fn pin(allowed: &[usize], number: usize) {
        if allowed.is_empty() {
            return;
        }
        let mut set = none();
        // SAFETY: writes to `set`, and only if it has a place for that processor.
        unsafe { libc::CPU_SET(allowed[number % allowed.len()], &mut set) };
        // SAFETY: reads `set`. Should the system refuse, the thread runs where it likes.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    }

    /// The processors that the calling thread may run on.
    pub fn allowed() -> Vec<usize> {
        let mut set = none();
        // SAFETY: writes to `set`, of which the size is given.
        let result = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
        if result != 0 {
            return Vec::new();
        }
        // SAFETY: reads `set`; the range is that of the processors it has places for.
        let is_set = |&cpu: &usize| unsafe { libc::CPU_ISSET(cpu, &set) };
        (0..libc::CPU_SETSIZE as usize).filter(is_set).collect()
    }

    /// How often the calling thread was made to give up its processor.
    pub fn interruptions() -> i64 {
        usage().ru_nivcsw
    }

    /// How often the calling thread gave up its processor to wait for something.
    pub fn waits() -> i64 {
        usage().ru_nvcsw
    }

    fn usage() -> libc::rusage {
        // SAFETY: the structure is made of integers, of which zeros are a value.
        let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
        // SAFETY: writes to `usage`.
        unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
        usage
    }
}

#[cfg(not(target_os = "linux"))]
mod placement {
    //! Elsewhere threads run where the system puts them, and interruptions go unnoticed.

    pub fn pin(_allowed: &[usize], _number: usize) {}

    pub fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub fn interruptions() -> i64 {
        0
    }

    pub fn waits() -> i64 {
        0
    }
}

pub use placement::{allowed, interruptions, pin, waits};
