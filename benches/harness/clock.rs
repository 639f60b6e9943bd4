//! A thread's own time, and the processors that threads run on.

use std::time::Duration;

use core_affinity::CoreId;

/// Returns the time that the calling thread has spent on a processor. The time of other programs
/// is left out. Only differences have a meaning.
#[cfg(unix)]
pub fn thread_time() -> Duration {
    cpu_time::ThreadTime::now().as_duration()
}

/// Returns the wall-clock time: a thread's own time is too coarse on other systems.
#[cfg(not(unix))]
pub fn thread_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;

    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Returns the processors that the calling thread may run on.
pub fn allowed() -> Vec<CoreId> {
    core_affinity::get_core_ids().unwrap_or_default()
}

/// Keeps the calling thread on the `number`th of the `allowed` processors. If the system refuses,
/// the thread stays where it is.
pub fn pin(allowed: &[CoreId], number: usize) {
    if !allowed.is_empty() {
        core_affinity::set_for_current(allowed[number % allowed.len()]);
    }
}

/// How often the calling thread has lost its processor: involuntary switches, and voluntary ones.
#[cfg(target_os = "linux")]
fn switches() -> (i64, i64) {
    // SAFETY: the structure consists of integers, for which zeros are a value.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: writes to `usage`.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
    (usage.ru_nivcsw, usage.ru_nvcsw)
}

/// Other systems do not count them for one thread.
#[cfg(not(target_os = "linux"))]
fn switches() -> (i64, i64) {
    (0, 0)
}

/// Returns how often the system took the calling thread's processor away.
pub fn interruptions() -> i64 {
    switches().0
}

/// Returns how often the calling thread gave up its processor to wait.
pub fn waits() -> i64 {
    switches().1
}
