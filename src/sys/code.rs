//! The system's error codes: `errno`, or `GetLastError` on Windows.

use core::fmt;

/// The system's code for *no memory*, for a refusal that comes without a code.
pub(crate) const NO_MEMORY: i32 = if cfg!(windows) { 8 } else { 12 };

/// Writes the system's text for a code.
pub(crate) fn describe(f: &mut fmt::Formatter<'_>, code: i32) -> fmt::Result {
    write!(f, "{}", std::io::Error::from_raw_os_error(code))
}
