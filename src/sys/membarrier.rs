//! The process-wide barrier of Linux ([`membarrier(2)`], private expedited, Linux 4.14).
//!
//! [`membarrier(2)`]: https://man7.org/linux/man-pages/man2/membarrier.2.html

pub(crate) use imp::{barrier, probe};

#[cfg(all(linux, not(miri)))]
mod imp {
    use crate::sync::OnceLock;

    const QUERY: libc::c_long = 0;
    const PRIVATE_EXPEDITED: libc::c_long = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_long = 1 << 4;

    fn call(command: libc::c_long) -> libc::c_long {
        let flags: libc::c_long = 0;
        // SAFETY: `membarrier` takes plain numbers and touches no memory of the caller.
        unsafe { libc::syscall(libc::SYS_membarrier, command, flags) }
    }

    /// Returns `true` if the system has the barrier and this process is registered for it. Asks the
    /// system once in the life of the process. A program that forbids system calls later (seccomp)
    /// must allow this one, or [`barrier`] fails.
    pub(crate) fn probe() -> bool {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        *AVAILABLE.get_or_init(|| {
            let commands = call(QUERY);
            let needed = PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED;
            commands > 0 && commands & needed == needed && call(REGISTER_PRIVATE_EXPEDITED) == 0
        })
    }

    /// Makes every running thread of the process pass a full fence before this returns. Returns
    /// `false` if the kernel refused.
    pub(crate) fn barrier() -> bool {
        call(PRIVATE_EXPEDITED) == 0
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
