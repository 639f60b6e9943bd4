//! The only door to atomics, cells, locks and threads.
//!
//! The rest of the crate says `crate::sync::…` and does not know whether it runs on the real
//! machine or inside loom. The gate is `all(loom, feature = "loom")`: a dependent that runs its
//! own loom tests with `--cfg loom` alone leaves this crate on the real machine.
//!
//! With `--cfg slotarena_observed` beside it each access is observed, and with the feature
//! `shuttle` too it is shuttle that runs what is else made for loom: sequentially consistent,
//! whatever the orderings say.

#[cfg(all(loom, feature = "loom", slotarena_observed))]
pub mod observed;

pub(crate) use imp::*;

/// Atomics that carry no data between threads and that no model needs to see: hints, figures. In
/// models they do not decide what a thread touches next: no checker knows what depends on them.
pub(crate) mod unmodelled {
    pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
}

#[cfg(not(all(loom, feature = "loom")))]
mod imp {
    pub(crate) use core::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence, fence,
    };
    pub(crate) use portable_atomic::AtomicU128;
    pub(crate) use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

    pub(crate) use super::cell::UnsafeCell;
    pub(crate) use std::thread_local;

    /// Waits a moment for another thread, longer the more often it was in vain.
    pub(crate) fn wait_a_moment(attempt: u32) {
        match attempt {
            0..64 => core::hint::spin_loop(),
            64..256 => std::thread::yield_now(),
            _ => std::thread::sleep(std::time::Duration::from_micros(20)),
        }
    }
}

#[cfg(any(not(all(loom, feature = "loom")), all(slotarena_observed, feature = "shuttle")))]
pub(crate) mod cell {
    /// A cell whose content is reached through closures, as loom's is.
    #[derive(Debug)]
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    #[cfg(all(slotarena_observed, feature = "shuttle"))]
    // SAFETY: shared as loom's is, which checks each access to it; under shuttle, one thread of the
    // system runs all.
    unsafe impl<T> Sync for UnsafeCell<T> {}

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        /// Shared access. The caller upholds what a `&T` needs while `f` runs.
        #[inline(always)]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Exclusive access. The caller upholds what a `&mut T` needs while `f` runs.
        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// Who runs the models.
#[cfg(all(loom, feature = "loom"))]
mod checker {
    #[cfg(all(slotarena_observed, feature = "shuttle"))]
    pub(crate) use super::cell;
    #[cfg(all(slotarena_observed, not(feature = "shuttle")))]
    pub(crate) use loom::sync;
    #[cfg(not(all(slotarena_observed, feature = "shuttle")))]
    pub(crate) use loom::{cell, thread, thread_local};
    #[cfg(all(slotarena_observed, feature = "shuttle"))]
    pub(crate) use shuttle::{sync, thread, thread_local};
}

#[cfg(all(loom, feature = "loom"))]
mod imp {
    pub(crate) use core::sync::atomic::Ordering;

    pub(crate) use super::checker::cell::UnsafeCell;
    pub(crate) use super::checker::thread_local;
    #[cfg(slotarena_observed)]
    pub(crate) use super::observed::{
        Arc, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Mutex, MutexGuard,
    };
    #[cfg(not(slotarena_observed))]
    pub(crate) use loom::sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64},
    };

    /// Loom has no 128-bit atomic: two 32-bit halves in one of its 64-bit ones stand for it.
    ///
    /// Models of two-word entries keep their words below 2^31; the top bit of the low half
    /// stands for bit 63 of the low word, the next for bit 62.
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

    pub(crate) fn wait_a_moment(_attempt: u32) {
        #[cfg(slotarena_observed)]
        super::observed::forget_last();
        super::checker::thread::yield_now();
    }
}

/// Locks, and takes no notice of a panic in an earlier holder: what the locks of this crate
/// protect is whole whenever user code can run.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
