//! One participant: the flag that a stopper reads, and its local store of free slots.

use super::fence::LightSide;
use crate::bits::word::Cycle;
use crate::freelist::{LocalStore, StoreMut};
use crate::sync::{AtomicBool, Ordering, unmodelled};

/// One registered participant.
///
/// | field | reader | writer |
/// |---|---|---|
/// | `busy` | owner, stopper | owner |
/// | `store` | see [`LocalStore`] | owner inside an operation; stopper |
/// | `position` | holder of the registry's lock | the same |
///
/// *Owner*: the one mutator or thread that it is registered for. *Stopper*: the thread that has
/// stopped the world, or holds the registry's lock while the record has no owner.
///
/// Aligned to a page, as the allocator is (see [`PagePadding`](crate::sync::PagePadding)).
#[derive(Debug)]
// Not in models, whose threads have small stacks.
#[cfg_attr(not(model), repr(C, align(4096)))]
pub(crate) struct Record {
    // First, so that both have the same address: a second one would take another register.
    store: LocalStore,
    busy: AtomicBool,
    side: LightSide,
    /// Where the registry has it. Not modelled: the registry's lock orders all accesses.
    position: unmodelled::AtomicUsize,
    /// A copy of `busy` for the owner alone, which costs a model no steps.
    #[cfg(model)]
    entered: unmodelled::AtomicBool,
}

impl Record {
    /// Where the fields end in the page that operations write.
    #[cfg(not(model))]
    #[allow(dead_code)] // Used by assertions alone, which older compilers do not count.
    pub(crate) const WRITTEN_TO: usize = core::mem::offset_of!(Record, busy) + 1;

    const_fn! {
        pub(crate) fn new(home: usize) -> Self {
            Self::with(home, false)
        }
    }

    const_fn! {
        pub(super) fn with(home: usize, is_busy: bool) -> Self {
            Self {
                store: LocalStore::new(home),
                busy: AtomicBool::new(is_busy),
                side: LightSide::new(),
                position: unmodelled::AtomicUsize::new(0),
                #[cfg(model)]
                entered: unmodelled::AtomicBool::new(is_busy),
            }
        }
    }

    pub(super) fn position(&self) -> usize {
        // Relaxed: the registry's lock orders it.
        self.position.load(Ordering::Relaxed)
    }

    pub(super) fn set_position(&self, position: usize) {
        // Relaxed: the registry's lock orders it.
        self.position.store(position, Ordering::Relaxed);
    }

    /// Returns `true` if the owner is inside an operation already: a signal handler or an
    /// allocator's hook interrupted that.
    #[inline(always)]
    pub(crate) fn is_entered(&self) -> bool {
        #[cfg(model)]
        // Relaxed: the owner's own store.
        return self.entered.load(Ordering::Relaxed);
        #[cfg(not(model))]
        // SAFETY: only the owner stores to it, and the owner is the caller.
        unsafe {
            self.busy.as_ptr().read()
        }
    }

    /// The figures of the local store.
    pub(crate) fn store(&self) -> &LocalStore {
        &self.store
    }

    /// The owner's side of the fence between the owner and the stopper.
    #[inline(always)]
    pub(crate) fn side(&self) -> &LightSide {
        &self.side
    }

    /// Announces an operation. It has begun once the owner has seen that no stop is under way.
    #[inline(always)]
    pub(crate) fn set_busy(&self) {
        // Relaxed: the light fence that follows orders it before the load of the gate,
        // safepoint.enter.load.
        self.busy.store(true, Ordering::Relaxed);
        #[cfg(model)]
        // Relaxed: the owner's own.
        self.entered.store(true, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn set_idle(&self) {
        // Release: the stopper sees all that the operation did to chains and local stores
        // (Invariant 8). Partner: record.is_busy.load.
        self.busy.store(false, Ordering::Release);
        #[cfg(model)]
        // Relaxed: the owner's own.
        self.entered.store(false, Ordering::Relaxed);
    }

    /// Returns `true` while an operation is under way. For the stopper.
    pub(crate) fn is_busy(&self) -> bool {
        // Acquire: the stopper sees all that the operation did. Partner: record.set_idle.store.
        self.busy.load(Ordering::Acquire)
    }

    /// # Safety
    ///
    /// Same as [`StoreMut::new`].
    #[inline(always)]
    pub(crate) unsafe fn store_mut(&self, cycle: Cycle) -> StoreMut<'_> {
        // SAFETY: by the contract of this function.
        unsafe { StoreMut::new(&self.store, cycle) }
    }
}
