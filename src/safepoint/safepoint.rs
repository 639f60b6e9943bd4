//! The handshake between operations and a stop.
//!
//! # States
//!
//! A record is *idle* or *busy*. The gate is *open* or *stopping*. A mutator works on chains and on
//! its local store only while it is busy **and** saw the gate open after it became busy.
//!
//! # The handshake, with named events
//!
//! ```text
//!   mutator                                stopper (holds the registry's lock)
//!   MB  busy = true                        SS  gate = stopping
//!   MF  light fence                        SF  heavy fence
//!   MS  reads gate: open, so it goes on    SB  reads busy of each record until it is false
//!       ... the operation ...                  ... the world is stopped ...
//!   MI  busy = false                       SR  gate = open
//! ```
//!
//! *Bad case*: MS reads *open* and SB reads *idle* while the operation is under way. That needs MS
//! not to see SS, and SB not to see MB. The fences are ordered one way or the other:
//!
//! - MF before SF: then SB sees MB, and reads *busy* until it sees MI. It acquires MI, and with it
//!   all that the operation did.
//! - SF before MF: then MS sees SS or a later store. If it reads *stopping*, the mutator goes back
//!   and waits for the lock. If it reads SR, it acquires SR, and with it all that the stopper did.
//!
//! # Progress
//!
//! An operation waits only while a stop is under way, on the registry's lock, which is the
//! stopper's until SR. A stop waits for the operations under way, none of which waits.

use core::ptr::NonNull;
use std::time::Instant;

use crossbeam_utils::CachePadded;

use super::fence::AsymmetricFence;
use super::record::Record;
use crate::bits::word::Cycle;
use crate::freelist::StoreMut;
use crate::sync::unmodelled::AtomicUsize;
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, backoff, lock};

/// The bit of the gate that is set from SS to SR.
const STOPPING: u64 = 1;

/// The bit of the gate that is set for good where the heavy fence does not reach into other
/// threads. An operation then takes the long way, with a full fence.
const FENCED: u64 = 2;

/// Returns `true` if none of the gate's low bits is set: no stop is under way, and the light fence
/// is enough. The gate is then the sweep cycle.
fn is_open(gate: u64) -> bool {
    gate as u32 == 0
}

/// The participants of one table, and the gate that stops them.
#[derive(Debug)]
pub(crate) struct Safepoint {
    /// The stopper writes it, and every operation reads it.
    gate: CachePadded<AtomicU64>,
    fence: AsymmetricFence,
    registry: Mutex<Registry>,
    /// The thread that has stopped the world, by the address of one of its thread-locals, or 0.
    /// Compared only with the reader's own. Not modelled: it carries no data.
    stopper: AtomicUsize,
    stripes: usize,
    /// The lock of the one thread that sweeps.
    sweeping: Mutex<()>,
    /// That thread's record. It is made in advance, since memory may be short when a sweep is
    /// wanted.
    sweeper: Box<Record>,
}

/// Every record ever made. Each lives as long as the safepoint.
#[derive(Debug, Default)]
struct Registry {
    // Boxed, so that a record stays where it is.
    #[allow(clippy::vec_box)]
    records: Vec<Box<Record>>,
    /// Positions in `records` of those without an owner.
    unowned: Vec<usize>,
}

/// The ownership of one record. Neither copied nor cloned.
#[derive(Debug)]
pub(crate) struct Registration {
    record: NonNull<Record>,
    position: usize,
}

// SAFETY: a registration is the ownership of the record, whichever thread holds it.
unsafe impl Send for Registration {}
// SAFETY: a shared reference gives the record's address and nothing else.
unsafe impl Sync for Registration {}

/// An operation under way. Evidence that the world is not stopped until this is dropped.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    record: &'a Record,
    cycle: Cycle,
}

/// A stop of the world. Evidence that no operation is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Stopped<'a> {
    safepoint: &'a Safepoint,
    since: Instant,
    registry: MutexGuard<'a, Registry>,
    cycle: Cycle,
}

/// The right to sweep, which one thread has at a time.
#[derive(Debug)]
pub(crate) struct Sweeper<'a> {
    safepoint: &'a Safepoint,
    /// Released when this is dropped.
    _turn: MutexGuard<'a, ()>,
}

impl Safepoint {
    /// A safepoint without participants. Their stores spill to one of `stripes` shared lists each.
    pub(crate) fn new(stripes: usize) -> Self {
        let fence = AsymmetricFence::new();
        Self {
            gate: CachePadded::new(AtomicU64::new(gate(&fence, Cycle::FIRST))),
            fence,
            registry: Mutex::new(Registry::default()),
            stopper: AtomicUsize::new(0),
            stripes,
            sweeping: Mutex::new(()),
            sweeper: Box::new(Record::new(0)),
        }
    }

    fn gate(&self, cycle: Cycle) -> u64 {
        gate(&self.fence, cycle)
    }

    /// Returns `true` if an operation enters without a fence instruction.
    pub(crate) fn is_asymmetric(&self) -> bool {
        self.fence.is_asymmetric()
    }

    /// Makes the caller a participant. Blocks while the world is stopped.
    pub(crate) fn register(&self) -> Registration {
        let mut registry = self.lock();
        let position = registry.unowned.pop().unwrap_or_else(|| {
            let position = registry.records.len();
            let record = Record::new(position % self.stripes);
            registry.records.push(Box::new(record));
            position
        });
        Registration { record: NonNull::from(&*registry.records[position]), position }
    }

    /// Ends a participation. `empty` is given the local store. Blocks while the world is stopped.
    ///
    /// If the caller itself has stopped the world, the record stays as that of a forgotten mutator,
    /// whose store a sweep finds.
    pub(crate) fn unregister(
        &self,
        registration: Registration,
        empty: impl FnOnce(&mut StoreMut<'_>),
    ) {
        if self.is_stopped_by_caller() {
            return;
        }
        let mut registry = self.lock();
        let record = &registry.records[registration.position];
        // Relaxed: only a stopper changes the cycle, and the lock keeps stoppers out.
        let cycle = Cycle::from_bits(self.gate.load(Ordering::Relaxed));
        // SAFETY: the owner has just given the record up, and the lock keeps stoppers out.
        empty(&mut unsafe { record.store_mut(cycle) });
        registry.unowned.push(registration.position);
    }

    /// Begins an operation. Wait-free while no stop is under way, else blocks until it ends.
    ///
    /// # Safety
    ///
    /// The record is one of this safepoint's and the caller's, and is not in an operation.
    #[inline(always)]
    pub(crate) unsafe fn enter<'a>(&self, record: &'a Record) -> Operation<'a> {
        record.set_busy(); // MB
        self.fence.light(record.side()); // MF
        // Acquire: the operation sees what the last stopper did. Partner: safepoint.drop.store.2.
        let gate = self.gate.load(Ordering::Acquire);
        // MS
        let cycle = if is_open(gate) { Cycle::exactly(gate) } else { self.enter_slow(record) };
        Operation { record, cycle }
    }

    #[cold]
    #[inline(never)]
    fn enter_slow(&self, record: &Record) -> Cycle {
        loop {
            if !self.fence.is_asymmetric() {
                self.fence.full(record.side()); // MF
            }
            // Acquire: the operation sees what the last stopper did. Partner:
            // safepoint.drop.store.2.
            let gate = self.gate.load(Ordering::Acquire);
            if gate & STOPPING == 0 {
                return Cycle::from_bits(gate); // MS
            }
            record.set_idle();
            drop(self.lock());
            record.set_busy(); // MB
            self.fence.light(record.side()); // MF
        }
    }

    /// Takes the lock that a stopper holds.
    ///
    /// # Panics
    ///
    /// If the caller itself has stopped the world. It would wait for itself forever.
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.panic_if_stopped_by_caller();
        lock(&self.registry)
    }

    /// # Panics
    ///
    /// If the caller itself has stopped the world.
    pub(crate) fn panic_if_stopped_by_caller(&self) {
        assert!(
            !self.is_stopped_by_caller(),
            "slotarena: a table was used from inside a closure that runs while it is stopped"
        );
    }

    fn is_stopped_by_caller(&self) -> bool {
        // Loom's threads share one thread of the system. The mistake that this finds does not
        // depend on interleavings.
        if cfg!(model) {
            return false;
        }
        // Relaxed: equal to the caller's own mark only if the caller itself stored it.
        self.stopper.load(Ordering::Relaxed) == this_thread()
    }

    /// Stops the world. Blocks until no operation is under way. None begins while the result lives.
    pub(crate) fn stop(&self) -> Stopped<'_> {
        let registry = self.lock();
        // Relaxed: compared only by its own thread, in safepoint.is_stopped_by_caller.load.
        self.stopper.store(this_thread(), Ordering::Relaxed);
        // Relaxed: only a stopper changes the cycle, and the lock keeps others out.
        let cycle = Cycle::from_bits(self.gate.load(Ordering::Relaxed));
        // From here on dropping this resumes the world, also if the fence panics.
        let stopped = Stopped { safepoint: self, since: Instant::now(), registry, cycle };
        // Relaxed: the heavy fence that follows orders it before record.is_busy.load.
        self.gate.store(self.gate(cycle) | STOPPING, Ordering::Relaxed); // SS
        let records = || stopped.registry.records.iter().chain([&self.sweeper]);
        self.fence.heavy(records().map(|record| record.side())); // SF
        for record in records() {
            let mut attempt = 0;
            while record.is_busy() {
                backoff(attempt); // SB
                attempt = attempt.saturating_add(1);
            }
        }
        stopped
    }

    /// Waits until no other thread sweeps, and takes the right to.
    pub(crate) fn sweeper(&self) -> Sweeper<'_> {
        self.panic_if_stopped_by_caller();
        Sweeper { safepoint: self, _turn: lock(&self.sweeping) }
    }

    /// The approximate number of free slots in all local stores. Blocks while the world is stopped.
    pub(crate) fn free_in_stores(&self) -> u64 {
        self.lock().records.iter().map(|record| record.store().free()).sum()
    }

    /// The approximate number of slots without an entry. Blocks while the world is stopped.
    pub(crate) fn uninitialized(&self) -> u64 {
        uninitialized(&self.lock().records)
    }
}

impl Registration {
    /// The record. It is boxed and lives as long as the safepoint.
    pub(crate) fn record(&self) -> NonNull<Record> {
        self.record
    }
}

impl Operation<'_> {
    #[inline(always)]
    pub(crate) fn store(&mut self) -> StoreMut<'_> {
        // SAFETY: the owner is inside an operation (Invariant 8), which this borrows mutably.
        unsafe { self.record.store_mut(self.cycle) }
    }

    /// The sweep cycle, which does not change while the operation is under way.
    #[inline(always)]
    pub(crate) fn cycle(&self) -> Cycle {
        self.cycle
    }
}

impl Sweeper<'_> {
    /// Begins an operation of the sweeper's. Blocks while the world is stopped.
    pub(crate) fn enter(&mut self) -> Operation<'_> {
        // SAFETY: the sweeper owns the record, and the operation borrows this mutably.
        unsafe { self.safepoint.enter(&self.safepoint.sweeper) }
    }
}

impl Drop for Operation<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.record.set_idle(); // MI
    }
}

impl Stopped<'_> {
    /// The moment when the stop was requested.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    pub(crate) fn free_in_stores(&self) -> u64 {
        self.registry.records.iter().map(|record| record.store().free()).sum()
    }

    pub(crate) fn uninitialized(&self) -> u64 {
        uninitialized(&self.registry.records)
    }

    pub(crate) fn participants(&self) -> usize {
        self.registry.records.len() - self.registry.unowned.len()
    }

    /// Shows the local stores of all records to `with`, one after the other.
    pub(crate) fn for_each_store(&mut self, mut with: impl FnMut(&mut StoreMut<'_>)) {
        for record in &self.registry.records {
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
        // Relaxed: compared only by its own thread, in safepoint.is_stopped_by_caller.load.
        self.safepoint.stopper.store(0, Ordering::Relaxed);
        // Release: the operations that follow see all that was done while the world was stopped
        // (Invariant 8). Partners: safepoint.enter.load, safepoint.enter_slow.load.
        self.safepoint.gate.store(self.safepoint.gate(self.cycle), Ordering::Release); // SR
        // The lock is released after this.
    }
}

/// The gate while no stop is under way.
fn gate(fence: &AsymmetricFence, cycle: Cycle) -> u64 {
    cycle.to_bits() | if fence.is_asymmetric() { 0 } else { FENCED }
}

/// The sum of all records' parts. Each part wraps.
fn uninitialized(records: &[Box<Record>]) -> u64 {
    records.iter().fold(0, |sum, record| sum.wrapping_add(record.store().uninitialized()))
}

/// A number that no other running thread has.
pub(crate) fn this_thread() -> usize {
    std::thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| core::ptr::from_ref(mark).addr())
}
