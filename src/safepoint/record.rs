//! One participant: the flag that a stopper reads, and its local store of free slots.

use super::fence::LightSide;
use crate::bits::word::Cycle;
use crate::freelist::{LocalStore, StoreMut};
use crate::sync::{AtomicBool, Ordering};

/// One registered participant.
///
/// | field | reader | writer |
/// |---|---|---|
/// | `busy` | owner, stopper | owner |
/// | `store` | see [`LocalStore`] | owner inside an operation; stopper |
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
}

impl Record {
    /// Where the fields end in the page that operations write.
    #[cfg(not(model))]
    pub(crate) const WRITTEN_TO: usize = core::mem::offset_of!(Record, busy) + 1;

    pub(crate) fn new(home: usize) -> Self {
        Self { store: LocalStore::new(home), busy: AtomicBool::new(false), side: LightSide::new() }
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
    }

    #[inline(always)]
    pub(crate) fn set_idle(&self) {
        // Release: the stopper sees all that the operation did to chains and local stores
        // (Invariant 8). Partner: record.is_busy.load.
        self.busy.store(false, Ordering::Release);
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
