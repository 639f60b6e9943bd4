//! The system's error codes: `errno`, or `GetLastError` on Windows.

use core::fmt;

/// The system's code for *no memory*, for a refusal that comes without a code.
pub(crate) const NO_MEMORY: i32 = if cfg!(windows) { 8 } else { 12 };

/// Writes the system's text for a code.
pub(crate) fn describe(f: &mut fmt::Formatter<'_>, code: i32) -> fmt::Result {
    write!(f, "{}", std::io::Error::from_raw_os_error(code))
}

/// Returns the code of the calling thread's last system call, which has failed.
#[cfg(all(unix, not(model)))]
#[cfg_attr(any(miri, all(heap_only, not(linux))), allow(dead_code))]
pub(crate) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Returns `true` if a system that answers so answers so forever: it lacks what it was asked for.
/// Any other refusal may pass: of memory, descriptors, or rights.
#[cfg(all(linux, not(model)))]
#[cfg_attr(miri, allow(dead_code))]
pub(crate) fn is_final(code: i32) -> bool {
    matches!(code, libc::ENOSYS | libc::EINVAL | libc::EOPNOTSUPP)
}
