//! Stops for a purpose: a search for a free slot, and a closure that sees all entries.

use super::safepoint::Safepoint;
use super::stop::Stopped;
use crate::bits::handle::OperationError;
use crate::sync::Ordering;

impl Safepoint {
    /// Stops the world for a search for a free slot. `None` if a search that began after this call
    /// has found none: the answer holds for the caller too.
    ///
    /// A slot that was freed before this call is found by no earlier search. The thread that freed
    /// it entered its operation after that search had ended, and so after the search's number was
    /// stored. Then the load here does not return a lower one.
    pub(crate) fn stop_to_search(&self) -> Result<Option<Stopped<'_>>, OperationError> {
        // Relaxed: what happens before this call orders it, as said above.
        let before = self.searches.load(Ordering::Relaxed);
        self.let_others_begin();
        let mut registry = self.lock()?;
        if registry.last_in_vain > before {
            return Ok(None);
        }
        // Relaxed: the end of the stop publishes it, stop.drop.store. The lock keeps others out.
        let number = self.searches.load(Ordering::Relaxed) + 1;
        registry.search = number;
        // Relaxed: as above.
        self.searches.store(number, Ordering::Relaxed);
        Ok(Some(self.stop_under(registry)))
    }

    /// Stops the world for a call that shows each entry to a closure. `None` if this process is a
    /// child that has inherited the table in the middle of an operation: no other thread is there.
    ///
    /// # Panics
    ///
    /// If the caller itself has stopped the world. It would wait for itself forever.
    pub(crate) fn stop_for_closure(&self) -> Option<Stopped<'_>> {
        match self.stop() {
            Ok(stopped) => Some(stopped),
            Err(OperationError::Forked) => None,
            Err(error) => panic!("slotarena: {error}"),
        }
    }
}

impl Stopped<'_> {
    /// Notes that the search for which the world was stopped has found no free slot.
    pub(crate) fn searched_in_vain(&mut self) {
        self.registry.last_in_vain = self.registry.search;
    }
}
