//! One participant: the flag that a stopper reads, and its local store of free slots.

use core::ops::Range;

use super::fence::LightSide;
use crate::bits::word::Cycle;
use crate::freelist::{LocalStore, StoreMut};
use crate::sync::{AtomicU32, InPage, Ordering, unmodelled};

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
#[derive(Debug)]
// Aligned, so that no line of it is shared with data that another thread writes to.
#[cfg_attr(not(model), repr(C, align(128)))]
pub(crate) struct Record {
    // First, so that both have the same address: a second one would take another register.
    store: LocalStore,
    /// [`BUSY`] inside an operation, else 0.
    busy: AtomicU32,
    /// The tag of this participant (see `bias`), which no other one of the table has, or 0 for
    /// none. Not modelled: it is set before the record has an owner.
    pub(super) tag: unmodelled::AtomicU32,
    side: LightSide,
    /// Where the registry has it. Not modelled: the registry's lock orders all accesses.
    position: unmodelled::AtomicUsize,
    /// A copy of `busy` for the owner alone, which costs a model no steps.
    #[cfg(model)]
    entered: unmodelled::AtomicU32,
}

/// The flag of a record whose owner is inside an operation. No bit of the gate.
pub(super) const BUSY: u32 = 1;

impl InPage for Record {
    const AT: usize = 0;
    // The end of the store, and `busy`.
    const STORED: Range<usize> = size_of::<Record>() - 128..size_of::<Record>();
}

impl Record {
    const_fn! {
        pub(crate) fn new(home: usize) -> Self {
            Self::with(home, 0)
        }
    }

    const_fn! {
        pub(super) fn with(home: usize, busy: u32) -> Self {
            Self {
                store: LocalStore::new(home),
                busy: AtomicU32::new(busy),
                tag: unmodelled::AtomicU32::new(0),
                side: LightSide::new(),
                position: unmodelled::AtomicUsize::new(0),
                #[cfg(model)]
                entered: unmodelled::AtomicU32::new(busy),
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

    /// Returns [`BUSY`] if the owner, which is the caller, is inside an operation already: a signal
    /// handler or an allocator's hook has interrupted that. Else returns 0.
    #[inline(always)]
    pub(crate) fn entered(&self) -> u32 {
        #[cfg(model)]
        let flag = &self.entered;
        #[cfg(not(model))]
        let flag = &self.busy;
        // Relaxed: the owner's own store.
        flag.load(Ordering::Relaxed)
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
        self.busy.store(BUSY, Ordering::Relaxed);
        #[cfg(model)]
        // Relaxed: the owner's own.
        self.entered.store(BUSY, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn set_idle(&self) {
        // Release: the stopper sees all that the operation did to chains and local stores
        // (Invariant 8). Partner: record.is_busy.load.
        self.busy.store(0, Ordering::Release);
        #[cfg(model)]
        // Relaxed: the owner's own.
        self.entered.store(0, Ordering::Relaxed);
    }

    /// Returns `true` while an operation is under way. For the stopper.
    pub(crate) fn is_busy(&self) -> bool {
        // Acquire: the stopper sees all that the operation did. Partner: record.set_idle.store.
        self.busy.load(Ordering::Acquire) == BUSY
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
