//! What a space is made of: a table whose arena leases its segments, and the phase of a collection.

use core::time::Duration;

use super::error::CollectError;
use super::word::{COLOUR, Collected, colour};
use crate::arena::Lessee;
use crate::safepoint::Stopped;
use crate::sync::{AtomicU32, Ordering};
use crate::table::Table;
use crate::table::ops::WithOwner;

/// The flag of a segment whose colours mean the opposite.
pub(super) const FLIPPED: u32 = 1 << 16;

/// The flag of a segment that is on its way from another space. Its dead entries and its free slots
/// are the sweeper's.
pub(super) const TRANSIT: u32 = 1 << 17;

/// What a space does about colours. It changes only while the space is stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Phase(u32);

impl Phase {
    /// The bit of the colour that is white.
    const WHITE: u32 = 1;
    const MARKING: u32 = 2;
    const SWEEPING: u32 = 4;

    /// Marking begins: the other colour is black.
    pub(super) fn marking(self) -> Phase {
        debug_assert!(self.is_idle());
        Phase(self.0 | Phase::MARKING)
    }

    /// Sweeping begins: white is dead.
    pub(super) fn sweeping(self) -> Phase {
        Phase(self.0 & Phase::WHITE | Phase::SWEEPING)
    }

    /// A collection is over: black is white from now on.
    pub(super) fn over(self) -> Phase {
        debug_assert!(!self.is_idle());
        Phase(self.0 & Phase::WHITE ^ Phase::WHITE)
    }

    pub(super) fn is_idle(self) -> bool {
        self.0 & (Phase::MARKING | Phase::SWEEPING) == 0
    }

    fn is_sweeping(self) -> bool {
        self.0 & Phase::SWEEPING != 0
    }

    /// The white colour, in a segment that is not flipped.
    pub(super) fn white(self) -> u64 {
        u64::from(self.0 & Phase::WHITE) * COLOUR
    }

    /// The colour of new entries, in a segment that is not flipped.
    fn fresh(self) -> u64 {
        if self.is_idle() { self.white() } else { self.white() ^ COLOUR }
    }
}

/// Returns a colour as it is in a segment of this lessee.
#[inline(always)]
pub(super) fn flip(colour: u64, lessee: Lessee) -> u64 {
    if lessee.has(FLIPPED) { colour ^ COLOUR } else { colour }
}

/// A space of a table.
#[derive(Debug)]
pub(super) struct State<E: Collected> {
    pub(super) lessee: Lessee,
    pub(super) table: Table<E>,
    /// The phase, which changes only while the space is stopped.
    phase: AtomicU32,
    /// Set once an entry of this space owns its object, or may.
    owns: AtomicU32,
}

impl<E: Collected> State<E> {
    pub(super) fn new(lessee: Lessee, table: Table<E>) -> Self {
        Self { lessee, table, phase: AtomicU32::new(0), owns: AtomicU32::new(0) }
    }

    #[inline(always)]
    pub(super) fn phase(&self) -> Phase {
        // Relaxed: it changes only during a stop, which safepoint.enter.load acquires.
        Phase(self.phase.load(Ordering::Relaxed))
    }

    /// Returns `false` if no entry of this space has ever owned its object.
    pub(super) fn owns(&self) -> bool {
        // Relaxed: set before the entry was allocated. A stop has come between.
        self.owns.load(Ordering::Relaxed) != 0
    }

    /// Notes that entries of this space may own their objects.
    pub(super) fn set_owns(&self) {
        if !self.owns() {
            // Relaxed: the next stop, which record.is_busy.load acquires, orders it before a sweep.
            self.owns.store(1, Ordering::Relaxed);
        }
    }

    /// Sets the phase. The caller has stopped this space.
    pub(super) fn set_phase(&self, phase: Phase) {
        // Relaxed: the end of the stop publishes it, stop.drop.store.
        self.phase.store(phase.0, Ordering::Relaxed);
    }

    /// Returns `true` if a live word in a segment of this space is that of a dead entry, which is
    /// the sweeper's. The caller is inside an operation of this space (Invariant 16).
    #[inline(always)]
    pub(super) fn is_dead(&self, word: E::Word, lessee: Lessee) -> bool {
        let (phase, colour) = (self.phase(), flip(colour(word), lessee));
        if lessee.has(TRANSIT) {
            colour != phase.white()
        } else {
            phase.is_sweeping() && colour == phase.white()
        }
    }

    /// The colour of a new entry in a segment of this space. The caller is inside an operation of
    /// it, or has stopped it.
    #[inline(always)]
    pub(super) fn fresh(&self, lessee: Lessee) -> u64 {
        flip(self.phase().fresh(), lessee)
    }
}

/// Checks that the calling thread can stop the space.
pub(super) fn check<E: Collected>(state: &State<E>) -> Result<(), CollectError> {
    state.table.refusal().map_or(Ok(()), |error| Err(error.into()))
}

/// Stops a space.
pub(super) fn stop<E: Collected>(state: &State<E>) -> Result<Stopped<'_>, CollectError> {
    Ok(state.table.allocator.space.safepoint.stop()?)
}

/// Resumes a space. Returns how long it was stopped, from the request on.
pub(super) fn resume(stopped: Stopped<'_>) -> Duration {
    let since = stopped.since();
    drop(stopped);
    since.elapsed()
}
