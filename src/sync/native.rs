//! The real machine's atomics, locks, and thread-locals.

pub(crate) use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence, fence,
};
pub(crate) use portable_atomic::AtomicU128;
pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock};
pub(crate) use std::thread_local;

pub(crate) use super::arc::{Arc, try_arc};
pub(crate) use super::cell::UnsafeCell;

/// Waits for another thread. Each further attempt waits longer: spins, then yields, then sleeps,
/// where the system has a clock to wake by.
pub(crate) fn backoff(attempt: u32) {
    match attempt {
        0..64 => core::hint::spin_loop(),
        _ if attempt < 256 || cfg!(clockless) => std::thread::yield_now(),
        _ => std::thread::sleep(std::time::Duration::from_micros(20)),
    }
}
