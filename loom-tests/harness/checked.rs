//! A checker's atomics, locks, and thread-locals: loom's, or shuttle's. Loom's stand aside outside
//! of models.

pub(crate) use core::sync::atomic::Ordering;
use std::collections::BTreeMap;

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

/// Stands in for a 128-bit atomic, which loom lacks: a 64-bit one of a number for each value.
// `pub` in a private module: named by an associated type of a public trait.
#[derive(Debug)]
pub struct AtomicU128(AtomicU64);

/// The values, by their numbers. Not modelled: it does not matter which thread asks.
static VALUES: std::sync::Mutex<BTreeMap<u64, u128>> = std::sync::Mutex::new(BTreeMap::new());

impl AtomicU128 {
    pub(crate) fn new(value: u128) -> Self {
        Self(AtomicU64::new(Self::fold(value)))
    }

    /// Returns the number of a value: the same in every execution, and another for every value.
    fn fold(value: u128) -> u64 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let (low, high) = (value as u64, (value >> 64) as u64);
        let number = low ^ high.wrapping_mul(ODD);
        let mut values = VALUES.lock().expect("no thread panics with the lock");
        let known = *values.entry(number).or_insert(value);
        drop(values);
        assert_eq!(known, value, "two values have one number");
        number
    }

    fn unfold(number: u64) -> u128 {
        let values = VALUES.lock().expect("no thread panics with the lock");
        *values.get(&number).expect("the number of a value")
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
