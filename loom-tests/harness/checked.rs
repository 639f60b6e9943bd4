//! A checker's atomics, locks, and thread-locals: loom's, or shuttle's. Loom's stand aside outside
//! of models.

pub(crate) use core::sync::atomic::Ordering;

#[cfg(slotarena_observed)]
use super::checker::thread::yield_now;
#[cfg(slotarena_observed)]
pub(crate) use super::checker::{cell::UnsafeCell, thread_local};
#[cfg(not(slotarena_observed))]
use super::either::yield_now;
#[cfg(not(slotarena_observed))]
pub(crate) use super::either::{
    Arc, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, LocalKey, Mutex, MutexGuard, UnsafeCell,
    either_local as thread_local,
};
#[cfg(slotarena_observed)]
pub(crate) use super::observed::{
    Arc, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Mutex, MutexGuard,
};

/// Stands in for a 128-bit atomic, which loom lacks: two 32-bit halves in a 64-bit one.
///
/// Models of two-word entries keep their words below 2^31. The top bit of the low half stands for
/// bit 63 of the low word, the next one for bit 62.
// `pub` in a private module: named by an associated type of a public trait.
#[derive(Debug)]
pub struct AtomicU128(AtomicU64);

impl AtomicU128 {
    pub(crate) fn new(value: u128) -> Self {
        Self(AtomicU64::new(Self::fold(value)))
    }

    fn fold(value: u128) -> u64 {
        let (low, high) = (value as u64, (value >> 64) as u64);
        let tag = (low >> 62) << 30;
        let plain = low & !(3 << 62);
        assert!(plain < 1 << 30 && high < 1 << 32, "{value:#x} does not fit in a model");
        high << 32 | tag | plain
    }

    fn unfold(word: u64) -> u128 {
        let (low, high) = (word & 0xffff_ffff, word >> 32);
        let tag = (low >> 30) << 62;
        u128::from(high) << 64 | u128::from(tag | (low & ((1 << 30) - 1)))
    }

    pub(crate) fn load(&self, order: Ordering) -> u128 {
        Self::unfold(self.0.load(order))
    }

    pub(crate) fn store(&self, value: u128, order: Ordering) {
        self.0.store(Self::fold(value), order);
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u128,
        new: u128,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u128, u128> {
        self.0
            .compare_exchange(Self::fold(current), Self::fold(new), success, failure)
            .map(Self::unfold)
            .map_err(Self::unfold)
    }
}

/// Makes a counted reference. In a model there is memory.
pub(crate) fn try_arc<T>(value: T) -> Option<Arc<T>> {
    Some(Arc::new(value))
}

/// Lets the checker run other threads.
pub(crate) fn backoff(_attempt: u32) {
    #[cfg(slotarena_observed)]
    super::observed::forget_last();
    yield_now();
}
