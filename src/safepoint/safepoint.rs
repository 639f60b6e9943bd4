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
//! stopper's until SR. It announces itself anew before it gives the lock back, so it waits for no
//! second stop. A stopper lets such waiters go first. A stop waits for the operations under way,
//! none of which waits.

use crossbeam_utils::CachePadded;

use super::fence::AsymmetricFence;
use super::record::{BUSY, Record};
use super::registry::{Registry, SweeperRecord};
use crate::bits::handle::OperationError;
use crate::bits::word::Cycle;
use crate::freelist::StoreMut;
use crate::sync::unmodelled::AtomicUsize;
use crate::sync::{AtomicU64, Held, HeldByCaller, Lock, Ordering, Place};

/// The bit of the gate that is set from SS to SR. No bit of the gate is [`BUSY`].
pub(super) const STOPPING: u64 = 2;

/// The bit of the gate that is set for good where the heavy fence does not reach into other
/// threads. An operation then takes the long way, with a full fence.
const FENCED: u64 = 4;

/// The gate of a table that a child has inherited amid an operation. No cycle has these bits.
pub(super) const FORKED: u64 = !(BUSY as u64) & u32::MAX as u64;

/// The participants of one table, and the gate that stops them.
#[derive(Debug)]
pub(crate) struct Safepoint {
    /// The stopper writes it, and every operation reads it.
    pub(super) gate: CachePadded<AtomicU64>,
    pub(super) fence: AsymmetricFence,
    pub(super) registry: Lock<Registry>,
    /// Searches for a free slot for which the world was stopped.
    pub(super) searches: AtomicU64,
    /// Operations that wait for a stop to end. Not modelled: a hint.
    pub(super) waiting: AtomicUsize,
    pub(super) stripes: usize,
    /// The lock of the one thread that sweeps.
    pub(super) sweeping: Lock<()>,
    pub(super) sweeper: SweeperRecord,
}

/// An operation under way. Evidence that the world is not stopped until this is dropped.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    pub(super) record: &'a Record,
    cycle: Cycle,
}

impl From<HeldByCaller> for OperationError {
    fn from(_: HeldByCaller) -> Self {
        OperationError::Reentered
    }
}

impl Safepoint {
    /// A safepoint without participants. Their stores spill to one of `stripes` shared lists each.
    /// `None` if there is no memory.
    pub(crate) fn new(stripes: usize, place: Place) -> Option<Self> {
        let fence = AsymmetricFence::new();
        Some(Self {
            gate: CachePadded::new(AtomicU64::new(gate(&fence, Cycle::FIRST))),
            fence,
            registry: Lock::new(Registry::new(place)?),
            searches: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            stripes,
            sweeping: Lock::new(()),
            sweeper: SweeperRecord::new(place)?,
        })
    }

    pub(super) fn gate(&self, cycle: Cycle) -> u64 {
        gate(&self.fence, cycle)
    }

    /// Returns `true` if an operation enters without a fence instruction.
    pub(crate) fn is_asymmetric(&self) -> bool {
        self.fence.is_asymmetric()
    }

    /// Begins an operation. Wait-free while no stop is under way, else blocks until it ends. `None`
    /// if no operation can begin: [`refusal`](Self::refusal) says why.
    ///
    /// # Safety
    ///
    /// The record is one of this safepoint's and the caller's.
    #[inline(always)]
    pub(crate) unsafe fn enter<'a>(&self, record: &'a Record) -> Option<Operation<'a>> {
        let entered = record.entered();
        record.set_busy(); // MB
        self.fence.light(record.side()); // MF
        // Acquire: the operation sees what the last stopper did. Partner: stop.drop.store.
        let gate = self.gate.load(Ordering::Acquire);
        // MS. Without a flag, no stop is under way, the light fence is enough, and this is a cycle.
        let flags = entered | gate as u32;
        let cycle = if flags == 0 { Cycle::exactly(gate) } else { self.enter_slow(record, flags)? };
        Some(Operation { record, cycle })
    }

    #[cold]
    #[inline(never)]
    fn enter_slow(&self, record: &Record, flags: u32) -> Option<Cycle> {
        if flags & BUSY != 0 {
            // The operation that was interrupted ends the announcement.
            return None;
        }
        let mut _held = None;
        loop {
            if !self.fence.is_asymmetric() {
                self.fence.full(record.side()); // MF
            }
            // Acquire: the operation sees what the last stopper did. Partner:
            // stop.drop.store.
            let gate = self.gate.load(Ordering::Acquire);
            if gate & STOPPING == 0 {
                return Some(Cycle::from_bits(gate)); // MS
            }
            record.set_idle();
            // Relaxed: a hint.
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let lock = self.lock();
            // Relaxed: a hint.
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            // Held until the operation has begun, so that no stop comes first.
            _held = Some(lock.ok()?);
            record.set_busy(); // MB
            self.fence.light(record.side()); // MF
        }
    }

    /// The reason why the owner of a record cannot begin an operation, if there is one.
    #[cold]
    pub(crate) fn refusal(&self, record: &Record) -> Option<OperationError> {
        if let Some(error) = record.refusal() {
            Some(error)
        } else if self.is_forked() {
            Some(OperationError::Forked)
        } else if record.entered() == BUSY || self.is_stopped_by_caller() {
            Some(OperationError::Reentered)
        } else {
            None
        }
    }

    /// Takes the lock that a stopper holds.
    pub(super) fn lock(&self) -> Result<Held<'_, Registry>, OperationError> {
        if self.is_forked() {
            return Err(OperationError::Forked);
        }
        Ok(self.registry.lock()?)
    }

    /// Returns `true` if the calling thread has stopped the world.
    pub(crate) fn is_stopped_by_caller(&self) -> bool {
        self.registry.is_held_by_caller()
    }

    /// Makes every call answer that the table is the parent's. In a child.
    pub(crate) fn lose(&self) {
        // Relaxed: no other thread has the table there.
        self.gate.store(FORKED, Ordering::Relaxed);
    }

    /// Returns `true` if this process has inherited the table in the middle of an operation.
    pub(crate) fn is_forked(&self) -> bool {
        // Relaxed: set before the child runs anything else.
        cfg!(all(unix, not(model))) && self.gate.load(Ordering::Relaxed) == FORKED
    }

    /// The free slots, of which `shared` counts those in no store, and the slots without an entry.
    /// Exact while no operation is under way, even if threads end. Blocks during a stop.
    pub(crate) fn figures(&self, shared: impl FnOnce() -> u64) -> (u64, u64) {
        let Ok(registry) = self.lock() else { return (shared(), 0) };
        (shared() + registry.free_in_stores(), registry.uninitialized())
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

impl Drop for Operation<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.record.set_idle(); // MI
    }
}

/// The gate while no stop is under way.
fn gate(fence: &AsymmetricFence, cycle: Cycle) -> u64 {
    cycle.to_bits() | if fence.is_asymmetric() { 0 } else { FENCED }
}
