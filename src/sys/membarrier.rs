//! The process-wide barrier of Linux (`membarrier`, private expedited, Linux 4.14).

use std::sync::OnceLock;

const QUERY: libc::c_long = 0;
const PRIVATE_EXPEDITED: libc::c_long = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_long = 1 << 4;

fn call(command: libc::c_long) -> libc::c_long {
    // SAFETY: `membarrier` takes plain numbers and touches no memory of the caller.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0 as libc::c_long, 0 as libc::c_long) }
}

/// Is the barrier there, and is this process registered for it? Asked once per process: a
/// program that forbids system calls later (seccomp) must allow this one, or see
/// [`barrier`] fail.
pub(crate) fn probe() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let commands = call(QUERY);
        let needed = PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED;
        commands > 0 && commands & needed == needed && call(REGISTER_PRIVATE_EXPEDITED) == 0
    })
}

/// Every running thread of the process passes a full fence before this returns; `false` if the
/// kernel refused.
pub(crate) fn barrier() -> bool {
    call(PRIVATE_EXPEDITED) == 0
}
