//! Locks: without regard to poison, and one that knows its holder.

use core::mem::ManuallyDrop;

use super::unmodelled::AtomicUsize;
use super::{Mutex, MutexGuard, Ordering};

/// Locks, and ignores a panic of an earlier holder. What the crate's locks protect is whole
/// whenever user code can run.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A lock that answers its own holder with an error instead of a deadlock: a signal handler, an
/// allocator's hook, or a closure that runs under the lock.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    mutex: Mutex<T>,
    /// The holder, by the address of one of its thread-locals, or 0. Not modelled: it is compared
    /// only with the reader's own.
    holder: AtomicUsize,
}

/// The calling thread holds the lock, or is about to take or to release it.
#[derive(Debug)]
pub(crate) struct HeldByCaller;

/// The lock is held while this lives.
#[derive(Debug)]
pub(crate) struct Held<'a, T> {
    lock: &'a Lock<T>,
    guard: ManuallyDrop<MutexGuard<'a, T>>,
}

impl<T> Lock<T> {
    const_fn! {
        pub(crate) fn new(value: T) -> Self {
            Self { mutex: Mutex::new(value), holder: AtomicUsize::new(0) }
        }
    }

    /// Makes the lock anew, with this value.
    ///
    /// # Safety
    ///
    /// The process is a fresh child, in which no other thread runs, and the caller does not hold
    /// the lock.
    #[cfg(all(unix, not(model)))]
    pub(crate) unsafe fn reset(&self, value: T) {
        let place = core::ptr::from_ref(&self.mutex).cast_mut();
        // SAFETY: no other thread runs, and all of a mutex may change behind a shared reference.
        // What it held is not dropped.
        unsafe { place.write(Mutex::new(value)) };
        // Relaxed: no other thread runs.
        self.holder.store(0, Ordering::Relaxed);
    }

    /// Reaches what the lock protects without locking, also if a guard was forgotten.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.mutex.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes the lock. Blocks while another thread holds it.
    pub(crate) fn lock(&self) -> Result<Held<'_, T>, HeldByCaller> {
        if self.is_held_by_caller() {
            return Err(HeldByCaller);
        }
        let before = moving::set(self.address());
        let guard = lock(&self.mutex);
        Ok(self.held(guard, before))
    }

    /// Takes the lock if no thread holds it.
    pub(crate) fn try_lock(&self) -> Option<Held<'_, T>> {
        if self.is_held_by_caller() {
            return None;
        }
        let before = moving::set(self.address());
        let guard = match self.mutex.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        };
        match guard {
            Some(guard) => Some(self.held(guard, before)),
            None => {
                moving::set(before);
                None
            }
        }
    }

    fn held<'a>(&'a self, guard: MutexGuard<'a, T>, before: usize) -> Held<'a, T> {
        // Relaxed: compared only by its own thread, in lock.is_held_by_caller.load.
        self.holder.store(this_thread(), Ordering::Relaxed);
        moving::set(before);
        Held { lock: self, guard: ManuallyDrop::new(guard) }
    }

    /// Returns `true` if the calling thread holds the lock, or is about to take or to release it.
    pub(crate) fn is_held_by_caller(&self) -> bool {
        // Loom's threads share one thread of the system. The mistake that this finds does not
        // depend on interleavings.
        if cfg!(model) {
            return false;
        }
        // Relaxed: equal to the caller's own mark only if the caller itself stored it.
        let holder = self.holder.load(Ordering::Relaxed);
        holder == this_thread() || moving::get() == self.address()
    }

    fn address(&self) -> usize {
        core::ptr::from_ref(self).cast::<u8>().addr()
    }
}

impl<T> core::ops::Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> core::ops::DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        let before = moving::set(self.lock.address());
        // Relaxed: compared only by its own thread, in lock.is_held_by_caller.load.
        self.lock.holder.store(0, Ordering::Relaxed);
        // SAFETY: it is not used again.
        unsafe { ManuallyDrop::drop(&mut self.guard) };
        moving::set(before);
    }
}

/// A number that no other running thread has.
fn this_thread() -> usize {
    std::thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| core::ptr::from_ref(mark).addr())
}

/// The lock that the calling thread is about to take or to release, or 0.
mod moving {
    use core::cell::Cell;
    use core::sync::atomic::compiler_fence;

    use crate::sync::Ordering;

    std::thread_local!(static MOVING: Cell<usize> = const { Cell::new(0) });

    /// Sets the lock, and returns the one before.
    pub(super) fn set(lock: usize) -> usize {
        // SeqCst: a signal handler on this thread sees the lock's steps in order. No other thread
        // reads this, so there is no partner.
        compiler_fence(Ordering::SeqCst);
        let before = MOVING.replace(lock);
        // SeqCst: as above.
        compiler_fence(Ordering::SeqCst);
        before
    }

    pub(super) fn get() -> usize {
        MOVING.get()
    }
}
