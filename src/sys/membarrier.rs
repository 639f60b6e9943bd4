//! The process-wide barriers of Linux ([`membarrier(2)`]): the one that makes each thread pass a
//! fence (private expedited, Linux 4.14), and the one that also restarts its sequence (Linux 5.10).
//! And the substitutes for a process that one was granted to and is refused later.
//!
//! [`membarrier(2)`]: https://man7.org/linux/man-pages/man2/membarrier.2.html

#[cfg(all(test, linux, not(miri)))]
pub(crate) use imp::global;
pub(crate) use imp::{barrier, probe, probe_restart, restart};

#[cfg(all(linux, not(miri)))]
mod imp {
    use super::super::code::{errno, is_final};
    use super::super::tour::tour;
    use crate::sync::OnceLock;

    const QUERY: libc::c_long = 0;
    const GLOBAL: libc::c_long = 1 << 0;
    const PRIVATE_EXPEDITED: libc::c_long = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_long = 1 << 4;
    const PRIVATE_EXPEDITED_RSEQ: libc::c_long = 1 << 7;
    const REGISTER_PRIVATE_EXPEDITED_RSEQ: libc::c_long = 1 << 8;

    /// Returns what the command returns. The error is the system's code.
    fn call(command: libc::c_long) -> Result<libc::c_long, i32> {
        let flags: libc::c_long = 0;
        // SAFETY: `membarrier` takes plain numbers and touches no memory of the caller.
        let result = unsafe { libc::syscall(libc::SYS_membarrier, command, flags) };
        if result < 0 { Err(errno()) } else { Ok(result) }
    }

    /// Registers this process for a barrier, unless the answer is known. Returns `true` if the
    /// system has the barrier and has granted it. Remembers that, and that the system lacks the
    /// barrier. After any other refusal, as by a filter of system calls, the next call asks again.
    fn granted(answer: &OnceLock<bool>, barrier: libc::c_long, register: libc::c_long) -> bool {
        if let Some(&answer) = answer.get() {
            return answer;
        }
        let needed = barrier | register;
        let granted = call(QUERY).and_then(|commands| match commands & needed == needed {
            true => call(register),
            false => Err(libc::ENOSYS),
        });
        match granted {
            Err(code) if !is_final(code) => false,
            _ => *answer.get_or_init(|| granted.is_ok()),
        }
    }

    /// Returns `true` if the process has [`barrier`].
    pub(crate) fn probe() -> bool {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        granted(&AVAILABLE, PRIVATE_EXPEDITED, REGISTER_PRIVATE_EXPEDITED)
    }

    /// Returns `true` if the process has [`restart`].
    pub(crate) fn probe_restart() -> bool {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        cfg!(slotarena_counted)
            || granted(&AVAILABLE, PRIVATE_EXPEDITED_RSEQ, REGISTER_PRIVATE_EXPEDITED_RSEQ)
    }

    /// Passes a barrier. The registration for it is lost where a process is restored from a
    /// checkpoint.
    fn pass(barrier: libc::c_long, register: libc::c_long) -> bool {
        let again = |_| call(register).and_then(|_| call(barrier));
        call(barrier).or_else(again).is_ok()
    }

    /// Makes every running thread of the process pass a full fence before this returns. Returns
    /// `false` if the kernel refused the barrier and its substitutes.
    pub(crate) fn barrier() -> bool {
        pass(PRIVATE_EXPEDITED, REGISTER_PRIVATE_EXPEDITED) || global() || tour().unwrap_or(true)
    }

    /// Interrupts the sequence of every other thread of the process before this returns: that of a
    /// running thread by the barrier, that of a descheduled one before it runs again. Passes a full
    /// fence in each as well. Returns `false` if the kernel refused the barrier and its substitute.
    pub(crate) fn restart() -> bool {
        // A tour deschedules the threads that run, which interrupts their sequences too.
        cfg!(slotarena_counted)
            || pass(PRIVATE_EXPEDITED_RSEQ, REGISTER_PRIVATE_EXPEDITED_RSEQ)
            || tour().unwrap_or(false)
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

    pub(crate) fn probe_restart() -> bool {
        false
    }

    // The others are never called, since `probe` returns `false`.
    pub(crate) fn barrier() -> bool {
        false
    }

    pub(crate) fn restart() -> bool {
        false
    }
}
