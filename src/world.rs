//! All the mutators, and how they are stopped.
//!
//! # States
//!
//! A record is *idle* or *busy*; the world is *running* or *stopping*. A mutator works on chains
//! and magazines only while it is busy **and** saw the world running after it became busy.
//!
//! # The handshake, with named events
//!
//! ```text
//!   mutator                                stopper (holds the registry's lock)
//!   MB  busy = true                        SS  gate = stopping
//!   MF  light fence                        SF  heavy fence
//!   MS  reads gate: open, so it goes on   SB  reads busy of each record until it is false
//!       ... the operation ...                  ... the world is stopped ...
//!   MI  busy = false                       SR  gate = open
//! ```
//!
//! *Bad case*: MS reads *open* and SB reads *idle* while the operation is under way. That needs
//! MS not to see SS and SB not to see MB. The fences are ordered one way or the other:
//!
//! - MF before SF: then SB sees MB, and reads true until it sees MI, which it acquires, and with
//!   it all that the operation did.
//! - SF before MF: then MS sees SS, or what came after it. If that is `true`, the mutator goes
//!   back and waits for the lock. If it is SR, it acquires it, and with it all that the stopper
//!   did.
//!
//! # Progress
//!
//! An operation waits only while the world is stopping, on the registry's lock, which is the
//! stopper's until SR. A stop waits for the operations under way, none of which waits.

use core::ptr::NonNull;
use std::time::Instant;

use crossbeam_utils::CachePadded;

use crate::fence::AsymmetricFence;
use crate::record::{Magazine, Record};
use crate::sync::unmodelled::AtomicUsize;
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, lock, wait_a_moment};
use crate::word::Round;

/// This bit of the gate is set from SS to SR.
const STOPPING: u64 = 1;

/// This bit of the gate is set for good where the heavy fence does not reach into other threads:
/// an operation then takes the long way, with a full fence.
const FENCED: u64 = 2;

/// With none of the gate's low bits set the world runs, and the light fence is enough: an
/// operation may go on. The gate is then the round.
fn is_open(gate: u64) -> bool {
    gate as u32 == 0
}

/// The participants of one table.
#[derive(Debug)]
pub(crate) struct World {
    /// Written by the stopper, read by every operation.
    gate: CachePadded<AtomicU64>,
    fence: AsymmetricFence,
    registry: Mutex<Registry>,
    /// The thread that has stopped the world, by the address of one of its thread-locals; 0 when
    /// it runs. Only ever compared with the reader's own. Not modelled: it carries no data.
    stopper: AtomicUsize,
    stripes: usize,
    /// Held by the one thread that sweeps.
    sweeping: Mutex<()>,
    /// That thread's record: there always, since memory may be short when a sweep is wanted.
    sweeper: Box<Record>,
}

/// Every record ever made; each lives as long as the world.
#[derive(Debug, Default)]
struct Registry {
    // Boxed, so that a record stays where it is.
    #[allow(clippy::vec_box)]
    records: Vec<Box<Record>>,
    /// Positions in `records` of those that nobody owns.
    unowned: Vec<usize>,
}

/// The right to use one record: its owner. Neither copied nor cloned.
#[derive(Debug)]
pub(crate) struct Registration {
    record: NonNull<Record>,
    position: usize,
}

// SAFETY: a registration is the right to use the record, whichever thread holds it.
unsafe impl Send for Registration {}
// SAFETY: a shared reference gives the record's address and nothing else.
unsafe impl Sync for Registration {}

/// An operation under way: evidence that the world is not stopped until it is dropped.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    record: &'a Record,
    round: Round,
}

/// The world, stopped: evidence that no operation is under way until it is dropped.
#[derive(Debug)]
pub(crate) struct Stopped<'a> {
    world: &'a World,
    since: Instant,
    registry: MutexGuard<'a, Registry>,
    round: Round,
}

/// The right to sweep.
#[derive(Debug)]
pub(crate) struct Sweeper<'a> {
    world: &'a World,
    /// Given up when this is dropped.
    _turn: MutexGuard<'a, ()>,
}

impl World {
    pub(crate) fn new(stripes: usize) -> Self {
        let fence = AsymmetricFence::new();
        Self {
            gate: CachePadded::new(AtomicU64::new(gate(&fence, Round::FIRST))),
            fence,
            registry: Mutex::new(Registry::default()),
            stopper: AtomicUsize::new(0),
            stripes,
            sweeping: Mutex::new(()),
            sweeper: Box::new(Record::new(0)),
        }
    }

    /// The gate while the world runs.
    fn gate(&self, round: Round) -> u64 {
        gate(&self.fence, round)
    }

    /// Is an operation's entry free of fence instructions?
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

    /// Ends a participation. `empty` is given what the private store held. Blocks while the
    /// world is stopped; if the caller itself has stopped it, the record is left as that of a
    /// forgotten mutator, whose store a sweep finds.
    pub(crate) fn unregister(
        &self,
        registration: Registration,
        empty: impl FnOnce(&mut Magazine<'_>),
    ) {
        if self.is_stopped_by_caller() {
            return;
        }
        let mut registry = self.lock();
        let record = &registry.records[registration.position];
        // Relaxed: only a stopper changes it, and the lock keeps stoppers out.
        // site: world.unregister.load
        let round = Round::from_bits(self.gate.load(Ordering::Relaxed));
        // SAFETY: its owner has just given the record up, and the lock keeps stoppers out.
        empty(&mut unsafe { record.magazine(round) });
        registry.unowned.push(registration.position);
    }

    /// Begins an operation. Wait-free while nobody stops the world; else blocks until it runs
    /// again.
    ///
    /// # Safety
    ///
    /// The caller owns the record, and has no other operation under way on it.
    #[inline(always)]
    pub(crate) unsafe fn enter<'a>(&self, record: &'a Record) -> Operation<'a> {
        record.set_busy(); // MB
        // site: world.enter.light
        self.fence.light(record.side()); // MF
        // Acquire: what the last stopper did is seen. Partner: the release of SR.
        // site: world.enter.load
        let gate = self.gate.load(Ordering::Acquire);
        // MS
        let round = if is_open(gate) { Round::exactly(gate) } else { self.enter_slow(record) };
        Operation { record, round }
    }

    #[cold]
    #[inline(never)]
    fn enter_slow(&self, record: &Record) -> Round {
        loop {
            if !self.fence.is_asymmetric() {
                // site: world.enter_slow.full
                self.fence.full(record.side()); // MF
            }
            // Acquire: as in `enter`.
            // site: world.enter_slow.load
            let gate = self.gate.load(Ordering::Acquire);
            if gate & STOPPING == 0 {
                return Round::from_bits(gate); // MS
            }
            record.set_idle();
            drop(self.lock());
            record.set_busy(); // MB
            // site: world.enter_slow.light
            self.fence.light(record.side()); // MF
        }
    }

    /// Takes the lock that a stopper holds.
    ///
    /// # Panics
    ///
    /// If it is the caller that has stopped the world: it would wait for itself for ever.
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.panic_if_stopped_by_caller();
        lock(&self.registry)
    }

    fn panic_if_stopped_by_caller(&self) {
        assert!(
            !self.is_stopped_by_caller(),
            "slotarena: a table was used from inside a closure that runs while it is stopped"
        );
    }

    /// Has the calling thread stopped the world?
    fn is_stopped_by_caller(&self) -> bool {
        // Loom's threads share one thread of the system; what this guards against is no matter
        // of interleavings.
        if cfg!(all(loom, feature = "loom")) {
            return false;
        }
        // Relaxed: equal to the caller's own mark only if the caller itself stored it.
        // site: world.is_stopped_by_caller.load
        self.stopper.load(Ordering::Relaxed) == this_thread()
    }

    /// Stops the world. Blocks until no operation is under way; then none begins until the
    /// result is dropped.
    pub(crate) fn stop(&self) -> Stopped<'_> {
        let registry = self.lock();
        // Relaxed: as in `lock`.
        // site: world.stop.store
        self.stopper.store(this_thread(), Ordering::Relaxed);
        // Relaxed: only a stopper changes it, and the lock keeps others out.
        // site: world.stop.load
        let round = Round::from_bits(self.gate.load(Ordering::Relaxed));
        // From here on dropping the guard undoes it, also if the fence should panic.
        let stopped = Stopped { world: self, since: Instant::now(), registry, round };
        // Relaxed: the heavy fence that follows orders it before the loads of `busy`.
        // site: world.stop.store.2
        self.gate.store(self.gate(round) | STOPPING, Ordering::Relaxed); // SS
        let records = || stopped.registry.records.iter().chain([&self.sweeper]);
        // site: world.stop.heavy
        self.fence.heavy(records().map(|record| record.side())); // SF
        for record in records() {
            let mut attempt = 0;
            while record.is_busy() {
                wait_a_moment(attempt); // SB
                attempt = attempt.saturating_add(1);
            }
        }
        stopped
    }

    /// Waits until no other thread sweeps.
    pub(crate) fn sweeper(&self) -> Sweeper<'_> {
        self.panic_if_stopped_by_caller();
        Sweeper { world: self, _turn: lock(&self.sweeping) }
    }

    /// Free slots in all private stores, now or a moment ago. Blocks while the world is stopped.
    pub(crate) fn privately_free(&self) -> u64 {
        self.lock().records.iter().map(|record| record.free()).sum()
    }

    /// Slots handed out without an entry, now or a moment ago. Blocks while the world is stopped.
    pub(crate) fn uninitialized(&self) -> u64 {
        let records = &self.lock().records;
        records.iter().fold(0, |sum: u64, record| sum.wrapping_add(record.uninitialized()))
    }
}

impl Registration {
    /// The record. It is boxed and lives as long as the world.
    pub(crate) fn record(&self) -> NonNull<Record> {
        self.record
    }
}

impl Operation<'_> {
    /// The owner's private store.
    #[inline(always)]
    pub(crate) fn magazine(&mut self) -> Magazine<'_> {
        // SAFETY: the owner, inside an operation (Invariant 8), and this borrows it mutably.
        unsafe { self.record.magazine(self.round) }
    }

    /// The round, which does not change while the operation is under way.
    #[inline(always)]
    pub(crate) fn round(&self) -> Round {
        self.round
    }
}

impl Sweeper<'_> {
    /// Begins an operation of the sweeper's. Blocks while the world is stopped.
    pub(crate) fn enter(&mut self) -> Operation<'_> {
        // SAFETY: whoever has the turn owns the record, and the operation borrows this mutably.
        unsafe { self.world.enter(&self.world.sweeper) }
    }
}

impl Drop for Operation<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.record.set_idle(); // MI
    }
}

impl Stopped<'_> {
    /// When the stop was requested.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// All records, owned or not.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.registry.records.iter().map(|record| &**record)
    }

    /// How many participants there are.
    pub(crate) fn participants(&self) -> usize {
        self.registry.records.len() - self.registry.unowned.len()
    }

    /// The private stores of all records, one after the other.
    pub(crate) fn for_each_magazine(&mut self, mut with: impl FnMut(&mut Magazine<'_>)) {
        for record in &self.registry.records {
            // SAFETY: the world is stopped (Invariant 8), and this borrows the stop mutably.
            with(&mut unsafe { record.magazine(self.round) });
        }
    }

    /// The private store of one participant of this world.
    pub(crate) fn magazine<'s>(&'s mut self, record: &'s Record) -> Magazine<'s> {
        // SAFETY: the world is stopped (Invariant 8), and this borrows the stop mutably.
        unsafe { record.magazine(self.round) }
    }

    /// The round that the world stopped in, or has begun since.
    pub(crate) fn round(&self) -> Round {
        self.round
    }

    /// Begins a round: the operations that follow are in it.
    pub(crate) fn begin_round(&mut self, round: Round) {
        self.round = round;
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        // Relaxed: as in `lock`.
        // site: world.drop.store
        self.world.stopper.store(0, Ordering::Relaxed);
        // Release: all that was done while the world was stopped is seen by the operations that
        // follow. Partner: the acquire in `enter` (Invariant 8).
        // site: world.drop.store.2
        self.world.gate.store(self.world.gate(self.round), Ordering::Release); // SR
        // The lock is given up after this.
    }
}

/// The gate while the world runs.
fn gate(fence: &AsymmetricFence, round: Round) -> u64 {
    round.to_bits() | if fence.is_asymmetric() { 0 } else { FENCED }
}

/// A number that no other running thread has.
fn this_thread() -> usize {
    std::thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| core::ptr::from_ref(mark).addr())
}
