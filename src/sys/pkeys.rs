//! Protection keys (x86 PKU on Linux). A page may carry one of 16 keys. A register of each thread
//! says for which keys the thread may load and store. One key serves all tables of a process, which
//! allocates it once.
//!
//! - `key()` returns the process's key, if the processor and the kernel have keys and one is left.
//! - `open()` lets the calling thread load and store by it.
//! - `close()` forbids both.
//!
//! A new thread inherits its creator's register. A thread older than the key has no access by it
//! until it calls `open`, and neither has a signal handler.

#[cfg(all(target_arch = "x86_64", linux, not(any(miri, slotarena_heap))))]
mod imp {
    use core::arch::{asm, x86_64::__cpuid_count};

    use super::super::code::{errno, is_final};
    use crate::sync::OnceLock;

    /// The bits of a key that forbid loads and stores.
    const NO_ACCESS: u32 = 0b11;

    /// The process's key, or the answer that there is none, if it cannot change.
    static KEY: OnceLock<Result<u32, i32>> = OnceLock::new();

    /// Returns the process's key. The error is the system's code. An answer that cannot change is
    /// remembered, and after any other the system is asked again.
    pub(crate) fn key() -> Result<u32, i32> {
        if let Some(&answer) = KEY.get() {
            return answer;
        }
        let answer = if has_keys() { allocate() } else { Err(libc::ENOSYS) };
        match answer {
            Err(code) if !is_final(code) => answer,
            _ => {
                let kept = *KEY.get_or_init(|| answer);
                if let (Ok(fresh), true) = (answer, kept != answer) {
                    // Another thread was first.
                    // SAFETY: takes a plain number. No memory has this key.
                    unsafe { libc::syscall(libc::SYS_pkey_free, fresh) };
                }
                kept
            }
        }
    }

    /// Returns `true` if the processor has keys and the system has enabled them.
    // Asking the processor is `unsafe` for older compilers only.
    #[allow(unused_unsafe)]
    fn has_keys() -> bool {
        const PKU_AND_OSPKE: u32 = 0b11 << 3;
        // SAFETY: every x86-64 processor has the instruction.
        let leaves = unsafe { __cpuid_count(0, 0) }.eax;
        // SAFETY: every x86-64 processor has the instruction, and this one has the leaf.
        leaves >= 7 && unsafe { __cpuid_count(7, 0) }.ecx & PKU_AND_OSPKE == PKU_AND_OSPKE
    }

    /// Allocates one of the 15 keys that a process can have, closed to the calling thread.
    fn allocate() -> Result<u32, i32> {
        // SAFETY: takes plain numbers, and changes nothing that is in use.
        let key = unsafe { libc::syscall(libc::SYS_pkey_alloc, 0, 1) };
        u32::try_from(key).map_err(|_| errno())
    }

    #[inline]
    pub(crate) fn open() {
        change(|register, mask| register & !mask);
    }

    #[inline]
    pub(crate) fn close() {
        change(|register, mask| register | mask);
    }

    #[inline]
    fn change(new: impl FnOnce(u32, u32) -> u32) {
        if let Some(&Ok(key)) = KEY.get() {
            let (now, _high): (u32, u32);
            // SAFETY: there are keys. Reads the register.
            unsafe {
                asm!("rdpkru", in("ecx") 0, out("eax") now, out("edx") _high,
                    options(nostack, preserves_flags));
            }
            let wanted = new(now, NO_ACCESS << (2 * key));
            // A read is cheap, a write is not. Without `nomem`: no load or store may be moved past.
            if wanted != now {
                // SAFETY: there are keys. Only the bits of this process's key change.
                unsafe {
                    asm!("wrpkru", in("ecx") 0, in("eax") wanted, in("edx") 0,
                        options(nostack, preserves_flags));
                }
            }
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", linux, not(any(miri, slotarena_heap)))))]
mod imp {
    #[cfg(linux_mappings)]
    pub(crate) fn key() -> Result<u32, i32> {
        Err(libc::ENOSYS)
    }
    pub(crate) fn open() {}
    pub(crate) fn close() {}
}

#[cfg(linux_mappings)]
pub(crate) use imp::key;
pub(crate) use imp::{close, open};
