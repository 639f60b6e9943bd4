//! Locking without regard to poison.

use super::{Mutex, MutexGuard};

/// Locks, and ignores a panic of an earlier holder. What the crate's locks protect is whole
/// whenever user code can run.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Reaches what a lock protects without locking, and ignores a panic of an earlier holder. Works
/// even if a guard was forgotten.
pub(crate) fn unlocked<T>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
}
