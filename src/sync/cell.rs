//! A cell that is reached through closures, as loom's is.

/// A cell whose content is reached through closures.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(slotarena_shuttle)]
// SAFETY: loom's cell is shared likewise, and loom checks each access. Under shuttle one thread of
// the system runs all threads of the model.
unsafe impl<T> Sync for UnsafeCell<T> {}

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    /// Gives `f` shared access. The caller upholds what a `&T` needs while `f` runs.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Gives `f` exclusive access. The caller upholds what a `&mut T` needs while `f` runs.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}
