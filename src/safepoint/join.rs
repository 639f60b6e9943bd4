//! How participants come and go.

use super::record::Record;
use super::registry::{Registration, Supplies};
use super::safepoint::{Operation, Safepoint};
use crate::bits::handle::OperationError;
use crate::bits::word::Cycle;
use crate::freelist::StoreMut;
use crate::sync::Ordering;

impl Safepoint {
    /// Makes the caller a participant. Blocks while the world is stopped. Allocates nothing under
    /// the lock.
    pub(crate) fn register(&self) -> Result<Registration, OperationError> {
        let mut supplies = Supplies::default();
        loop {
            let mut registry = self.lock()?;
            let length = match registry.register(&mut supplies) {
                Ok(registration) => return Ok(registration),
                Err(length) => length,
            };
            let (home, place) = (registry.participants() % self.stripes, registry.place);
            drop(registry);
            // The safepoint is at the beginning of what is shared.
            let shared = core::ptr::from_ref(self).addr();
            if !supplies.allocate(length, home, place, shared) {
                return Err(OperationError::OutOfMemory);
            }
        }
    }

    /// Ends a participation. `leave` is given the local store, and whether the record is kept for
    /// the next participant; if not, it empties the store. Blocks while the world is stopped.
    ///
    /// If the caller itself has stopped the world, the record stays as that of a forgotten mutator,
    /// whose store a sweep finds.
    pub(crate) fn unregister(
        &self,
        registration: Registration,
        leave: impl FnOnce(&mut StoreMut<'_>, bool),
    ) {
        let Ok(mut registry) = self.lock() else { return };
        // Relaxed: only a stopper changes the cycle, and the lock keeps stoppers out.
        let cycle = Cycle::from_bits(self.gate.load(Ordering::Relaxed));
        // SAFETY: the registry owns the record, and frees it below at the earliest.
        let record = unsafe { registration.record().as_ref() };
        // SAFETY: the owner has just given the record up, and the lock keeps stoppers out.
        let mut store = unsafe { record.store_mut(cycle) };
        leave(&mut store, registry.keeps_spare());
        let overflow = store.take_overflow();
        let unneeded = registry.unregister(registration);
        drop(registry);
        // Freed without the lock.
        drop((overflow, unneeded));
    }
}

impl Record {
    #[inline(always)]
    pub(super) fn tag(&self) -> u32 {
        // Relaxed: the registry's lock orders it.
        self.tag.load(Ordering::Relaxed)
    }

    pub(super) fn set_tag(&self, tag: u32) {
        // Relaxed: the registry's lock orders it.
        self.tag.store(tag, Ordering::Relaxed);
    }
}

impl Operation<'_> {
    /// The tag of the participant, 0 if it has no number.
    #[inline(always)]
    pub(crate) fn tag(&self) -> u32 {
        self.record.tag()
    }
}
