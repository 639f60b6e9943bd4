//! The number of processors.

/// Returns the number of processors that the calling thread may run on. Allocates nothing, and
/// reads no file.
#[cfg(all(linux, not(miri)))]
pub(crate) fn processors() -> usize {
    // SAFETY: zeros are an empty set.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: writes to the set, of which it gets the size.
    if unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) } != 0 {
        return 1;
    }
    // SAFETY: reads the set.
    let count = unsafe { libc::CPU_COUNT(&set) };
    usize::try_from(count).unwrap_or(1).max(1)
}

/// Returns the number of processors that the process may use.
#[cfg(not(all(linux, not(miri))))]
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, core::num::NonZero::get)
}
