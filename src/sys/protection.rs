//! Which protections the system has, and the calling thread's rights. What there is besides
//! `Protection::None` depends on the system; see `mapping.rs` for the memory.

use crate::protection::Protection;

#[cfg(all(any(target_os = "linux", target_os = "android"), not(any(miri, slotarena_heap))))]
pub(crate) fn is_available(protection: Protection) -> bool {
    match protection {
        Protection::None => true,
        Protection::DualMapping => super::dual::probe(),
        Protection::Keys => super::dual::probe() && super::keys::key().is_some(),
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(any(miri, slotarena_heap)))))]
pub(crate) fn is_available(protection: Protection) -> bool {
    protection == Protection::None
}

pub(crate) use super::keys::{close, open};
