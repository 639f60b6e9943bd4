//! The stopper's side of the handshake. The events SS to SR are those of
//! [`safepoint`](super::safepoint).

use super::record::Record;
use super::registry::Registry;
use super::safepoint::{STOPPING, Safepoint};
use crate::bits::handle::OperationError;
use crate::bits::word::Cycle;
use crate::freelist::StoreMut;
use crate::sync::{Held, Ordering, Since, backoff};

/// How often a stopper looks whether operations that wait have begun, before it stops them again.
const PATIENCE: u32 = if cfg!(model) { 0 } else { 256 };

/// A stop of the world. Evidence that no operation is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Stopped<'a> {
    safepoint: &'a Safepoint,
    since: Since,
    pub(super) registry: Held<'a, Registry>,
    cycle: Cycle,
}

impl Safepoint {
    /// Stops the world. Blocks until no operation is under way. None begins while the result lives.
    pub(crate) fn stop(&self) -> Result<Stopped<'_>, OperationError> {
        self.let_others_begin();
        Ok(self.stop_under(self.lock()?))
    }

    pub(super) fn stop_under<'a>(&'a self, registry: Held<'a, Registry>) -> Stopped<'a> {
        let stopped = self.announce(registry);
        self.pass_fence(&stopped);
        for record in stopped.records() {
            let mut attempt = 0;
            while record.is_busy() {
                backoff(attempt); // SB
                attempt = attempt.saturating_add(1);
            }
        }
        stopped
    }

    /// Waits a little for operations that wait for an earlier stop to end.
    pub(super) fn let_others_begin(&self) {
        // Relaxed: a hint.
        let are_waiting = |_: &u32| self.waiting.load(Ordering::Relaxed) > 0;
        (0..PATIENCE).take_while(are_waiting).for_each(backoff);
    }

    /// The second step of a stop.
    pub(super) fn pass_fence(&self, stopped: &Stopped<'_>) {
        self.fence.heavy(stopped.records().map(Record::side)); // SF
    }

    /// The first step of a stop: no operation begins that has not begun when the fence is passed.
    pub(super) fn announce<'a>(&'a self, registry: Held<'a, Registry>) -> Stopped<'a> {
        // Relaxed: only a stopper changes the cycle, and the lock keeps others out.
        let cycle = Cycle::from_bits(self.gate.load(Ordering::Relaxed));
        // From here on dropping this resumes the world, also if the fence panics.
        let stopped = Stopped { safepoint: self, since: Since::now(), registry, cycle };
        // Relaxed: the heavy fence that follows orders it before record.is_busy.load.
        self.gate.store(self.gate(cycle) | STOPPING, Ordering::Relaxed); // SS
        stopped
    }
}

impl Stopped<'_> {
    /// The moment when the stop was requested.
    pub(crate) fn since(&self) -> Since {
        self.since
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.registry.records().chain(self.safepoint.sweeper.get())
    }

    pub(crate) fn free_in_stores(&self) -> u64 {
        self.registry.free_in_stores()
    }

    pub(crate) fn uninitialized(&self) -> u64 {
        self.registry.uninitialized()
    }

    pub(crate) fn participants(&self) -> usize {
        self.registry.participants()
    }

    /// Shows the local stores of all records to `with`, one after the other: also what participants
    /// that have ended left.
    pub(crate) fn for_each_store(&mut self, mut with: impl FnMut(&mut StoreMut<'_>)) {
        for record in self.registry.with_slots() {
            // SAFETY: the world is stopped (Invariant 8), and this borrows the stop mutably.
            with(&mut unsafe { record.store_mut(self.cycle) });
        }
    }

    /// The local store of one participant of this safepoint.
    pub(crate) fn store<'s>(&'s mut self, record: &'s Record) -> StoreMut<'s> {
        // SAFETY: the world is stopped (Invariant 8), and this borrows the stop mutably.
        unsafe { record.store_mut(self.cycle) }
    }

    /// The sweep cycle in which the world stopped, or the one that has begun since.
    pub(crate) fn cycle(&self) -> Cycle {
        self.cycle
    }

    /// Begins a sweep cycle. The operations that follow are in it.
    pub(crate) fn begin_cycle(&mut self, cycle: Cycle) {
        self.cycle = cycle;
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        // Release: the operations that follow see all that was done while the world was stopped
        // (Invariant 8). Partners: safepoint.enter.load, safepoint.enter_slow.load.
        self.safepoint.gate.store(self.safepoint.gate(self.cycle), Ordering::Release); // SR
        // The lock is released after this.
    }
}
