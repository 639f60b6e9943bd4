//! The bias of one table: its phase, and its epochs.

#[cfg(not(model))]
use core::ptr::NonNull;

use super::ranges::{EPOCH, KIND, OFF, Ranges, SHARED};
use super::sequence::Sequences;
use crate::sync::unmodelled::{self, AtomicU64 as Figure};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The ranges of which the bias is revoked in one epoch, one by one. The next revocation is of all.
#[cfg(not(model))]
pub(crate) const REVOCATIONS_MAX: u32 = 4;

/// The most sweeps for which a table stays shared after its bias was revoked.
const REST_MAX: u32 = 64;

/// The last epoch in which ranges are biased. Some are left for ranges that stay shared.
const EPOCH_LAST: u64 = u64::MAX - 16 * EPOCH;

/// The bias of one table.
#[derive(Debug)]
// The sequence finds the phase at the first offset.
#[cfg_attr(not(model), repr(C))]
pub(crate) struct Bias {
    /// The epoch, and how live words are changed in it.
    pub(super) phase: AtomicU64,
    pub(super) ranges: Ranges,
    pub(super) sequences: Sequences,
    /// The revocations in one epoch, ranges one by one.
    pub(super) most: u32,
    /// Revocations of ranges in this epoch.
    pub(super) revoked: AtomicU32,
    /// Changes in shared ranges in this epoch, approximately. Not modelled: a hint.
    pub(super) passed: unmodelled::AtomicU32,
    /// The sweeps for which the table stays shared.
    rest: unmodelled::AtomicU32,
    /// The sweeps for which it was shared last time, or 0.
    last_rest: unmodelled::AtomicU32,
    /// Ranges that were decided in this epoch: biased, and shared.
    pub(super) biased: Figure,
    pub(super) shared: Figure,
    /// Revocations, of ranges and of all.
    pub(super) revocations: Figure,
}

/// The figures of a table's bias.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) is_on: bool,
    pub(crate) biased: u64,
    pub(crate) shared: u64,
    pub(crate) revocations: u64,
}

impl Bias {
    /// Returns `true` if the system has what a bias needs.
    #[cfg(not(model))]
    pub(crate) fn is_available() -> bool {
        Sequences::new().is_some()
    }

    /// The bias of a table whose ranges' words lie below an address. Without one, nothing is ever
    /// biased.
    ///
    /// # Safety
    ///
    /// There lie the words of all ranges, zeros at first, as long as the result lives.
    #[cfg(not(model))]
    pub(crate) unsafe fn new(end: Option<NonNull<AtomicU64>>) -> Self {
        let (end, sequences) = match end.zip(Sequences::new()) {
            Some((end, sequences)) => (Some(end), sequences),
            None => (None, Sequences::NONE),
        };
        // SAFETY: by the contract of this function.
        Self::with(unsafe { Ranges::below(end) }, sequences, REVOCATIONS_MAX)
    }

    /// The bias of a table of so many slots, 0 if nothing is ever biased.
    #[cfg(model)]
    pub(crate) fn new(slots: u32, [most, interruptions]: [u32; 2]) -> Self {
        Self::with(Ranges::new(slots), Sequences::new(interruptions), most)
    }

    fn with(ranges: Ranges, sequences: Sequences, most: u32) -> Self {
        let kind = if ranges.is_empty() { SHARED | OFF } else { 0 };
        Self {
            phase: AtomicU64::new(EPOCH | kind),
            ranges,
            sequences,
            most,
            revoked: AtomicU32::new(0),
            passed: unmodelled::AtomicU32::new(0),
            rest: unmodelled::AtomicU32::new(0),
            last_rest: unmodelled::AtomicU32::new(0),
            biased: Figure::new(0),
            shared: Figure::new(0),
            revocations: Figure::new(0),
        }
    }

    /// Begins an epoch: every range is undecided. The caller has stopped the world.
    pub(crate) fn begin_epoch(&self) {
        // Relaxed: the stop has acquired it, record.is_busy.load.
        let phase = self.phase.load(Ordering::Relaxed);
        let epoch = phase & !(EPOCH - 1);
        if self.ranges.is_empty() || epoch > EPOCH_LAST {
            // Relaxed: the end of the stop publishes it, stop.drop.store. Once in 2^32 sweeps.
            self.phase.store(epoch | SHARED | OFF, Ordering::Relaxed);
            return;
        }
        // Relaxed: only a stopper has these two.
        let (rest, last) =
            (self.rest.load(Ordering::Relaxed), self.last_rest.load(Ordering::Relaxed));
        let (rest, last) = match (phase & KIND, rest) {
            (0, _) => (0, last / 2),
            // It was revoked in the epoch that ends.
            (_, 0) => ((2 * last).clamp(1, REST_MAX), (2 * last).clamp(1, REST_MAX)),
            (_, rest) => (rest - 1, last),
        };
        // Relaxed: as above.
        self.rest.store(rest, Ordering::Relaxed);
        // Relaxed: as above.
        self.last_rest.store(last, Ordering::Relaxed);
        for figure in [&self.biased, &self.shared] {
            // Relaxed: a figure.
            figure.store(0, Ordering::Relaxed);
        }
        // Relaxed: the end of the stop publishes it, stop.drop.store.
        self.revoked.store(0, Ordering::Relaxed);
        // Relaxed: a hint.
        self.passed.store(0, Ordering::Relaxed);
        let kind = if rest > 0 { SHARED | OFF } else { 0 };
        // Relaxed: the end of the stop publishes it, stop.drop.store.
        self.phase.store((epoch + EPOCH) | kind, Ordering::Relaxed);
    }

    /// Returns `true` if ranges are biased, unless all bias has been revoked.
    pub(crate) fn is_on(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// The figures, approximately.
    pub(crate) fn figures(&self) -> Figures {
        // Relaxed: figures.
        let load = |figure: &Figure| figure.load(Ordering::Relaxed);
        Figures {
            is_on: self.is_on(),
            // A range may be counted as shared before it is counted as biased.
            biased: (load(&self.biased) as i64).max(0) as u64,
            shared: load(&self.shared),
            revocations: load(&self.revocations),
        }
    }
}
