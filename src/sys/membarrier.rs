//! The process-wide barrier of Linux ([`membarrier(2)`], private expedited, Linux 4.14), and two
//! substitutes for a process that it was granted to and is refused later.
//!
//! [`membarrier(2)`]: https://man7.org/linux/man-pages/man2/membarrier.2.html

#[cfg(all(test, linux, not(miri)))]
pub(crate) use imp::global;
pub(crate) use imp::{barrier, probe};

#[cfg(all(linux, not(miri)))]
mod imp {
    use super::super::code::{errno, is_final};
    use super::super::tour::tour;
    use crate::sync::OnceLock;

    const QUERY: libc::c_long = 0;
    const GLOBAL: libc::c_long = 1 << 0;
    const PRIVATE_EXPEDITED: libc::c_long = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_long = 1 << 4;

    /// Returns what the command returns. The error is the system's code.
    fn call(command: libc::c_long) -> Result<libc::c_long, i32> {
        let flags: libc::c_long = 0;
        // SAFETY: `membarrier` takes plain numbers and touches no memory of the caller.
        let result = unsafe { libc::syscall(libc::SYS_membarrier, command, flags) };
        if result < 0 { Err(errno()) } else { Ok(result) }
    }

    /// Returns `true` if the system has the barrier and this process is registered for it.
    /// Remembers that it is, and that the system lacks the barrier. After any other refusal, as by
    /// a filter of system calls, the next call asks again.
    pub(crate) fn probe() -> bool {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        if let Some(&available) = AVAILABLE.get() {
            return available;
        }
        let needed = PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED;
        let granted = call(QUERY).and_then(|commands| match commands & needed == needed {
            true => call(REGISTER_PRIVATE_EXPEDITED),
            false => Err(libc::ENOSYS),
        });
        match granted {
            Err(code) if !is_final(code) => false,
            _ => *AVAILABLE.get_or_init(|| granted.is_ok()),
        }
    }

    /// Makes every running thread of the process pass a full fence before this returns. Returns
    /// `false` if the kernel refused the barrier and its substitutes.
    pub(crate) fn barrier() -> bool {
        let private = || call(PRIVATE_EXPEDITED);
        // The registration is lost where a process is restored from a checkpoint.
        let again = |_| call(REGISTER_PRIVATE_EXPEDITED).and_then(|_| private());
        private().or_else(again).is_ok() || global() || tour()
    }

    /// Makes every running thread of the system pass a full fence. Takes milliseconds, and needs no
    /// registration. Returns `false` if the kernel refused.
    pub(crate) fn global() -> bool {
        call(GLOBAL).is_ok()
    }
}

/// Stands in for the system call where none exists.
#[cfg(not(all(linux, not(miri))))]
mod imp {
    pub(crate) fn probe() -> bool {
        false
    }

    // Never called, since `probe` returns `false`.
    pub(crate) fn barrier() -> bool {
        false
    }
}
