//! The limits of the process, for the text of errors.

use core::fmt;

/// Writes the finite limits that a refusal of addresses or memory with this code may be due to, as
/// they are now. Writes nothing on systems other than Linux.
pub(crate) fn describe_limits(f: &mut fmt::Formatter<'_>, code: i32) -> fmt::Result {
    #[cfg(all(linux, not(any(model, miri))))]
    return linux::describe_limits(f, code);
    #[cfg(not(all(linux, not(any(model, miri)))))]
    {
        let _ = (f, code);
        Ok(())
    }
}

#[cfg(all(linux, not(any(model, miri))))]
#[cfg_attr(heap_only, allow(unused_imports))]
pub(super) use linux::limit;

#[cfg(all(linux, not(any(model, miri))))]
mod linux {
    use core::fmt;

    /// The C type of a resource, which differs between C libraries.
    #[cfg(target_env = "gnu")]
    type Resource = libc::__rlimit_resource_t;
    #[cfg(not(target_env = "gnu"))]
    type Resource = libc::c_int;

    /// Returns the soft limit of the process on a resource, if there is one.
    pub(crate) fn limit(resource: Resource) -> Option<u64> {
        let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: writes to `limits`.
        let result = unsafe { libc::getrlimit(resource, &mut limits) };
        let finite = result == 0 && limits.rlim_cur != libc::RLIM_INFINITY;
        #[allow(clippy::useless_conversion)]
        finite.then(|| limits.rlim_cur.into())
    }

    pub(super) fn describe_limits(f: &mut fmt::Formatter<'_>, code: i32) -> fmt::Result {
        let memory_is_locked = code == libc::EAGAIN;
        let limits = [
            ("RLIMIT_AS", Some(libc::RLIMIT_AS)),
            ("RLIMIT_DATA", Some(libc::RLIMIT_DATA)),
            ("RLIMIT_MEMLOCK", memory_is_locked.then_some(libc::RLIMIT_MEMLOCK)),
            ("RLIMIT_FSIZE", Some(libc::RLIMIT_FSIZE)),
        ];
        for (name, resource) in limits {
            if let Some(bytes) = resource.and_then(limit) {
                write!(f, ", {name} is {bytes} bytes")?;
            }
        }
        let mappings = (code == libc::ENOMEM).then_some("/proc/sys/vm/max_map_count");
        if let Some(text) = mappings.and_then(|path| std::fs::read_to_string(path).ok()) {
            write!(f, ", vm.max_map_count is {}", text.trim())?;
        }
        Ok(())
    }
}
