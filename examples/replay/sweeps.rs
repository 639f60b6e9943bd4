//! The figures of all sweeps of a replay.

use std::time::Duration;

use slotarena::SweepReport;

use crate::memory;

/// The pauses that are kept one by one. The median of a longer run is that of its first ones.
const PAUSES_MAX: u64 = 1 << 20;

/// The figures of the sweeps.
pub struct Sweeps {
    /// Sweeps that walked the segments.
    pub done: u64,
    /// Sweeps that were skipped: they found less than one segment's worth of free slots.
    pub skipped: u64,
    /// Segments decommitted, also by the sweeps of the empty table.
    pub released: u64,
    /// The greatest number of committed segments. It is exact: the number falls only in sweeps, so
    /// each peak is at the start of a sweep or at the end.
    pub committed_peak: u64,
    /// The longest pause.
    pub pause_worst: Duration,
    /// The pauses of the sweeps that were done.
    pauses: Vec<Duration>,
}

impl Sweeps {
    /// Creates figures without sweeps, and memory for so many.
    pub fn with_capacity(sweeps: u64) -> Sweeps {
        let room = sweeps.min(PAUSES_MAX) as usize;
        let mut pauses = memory::touched((0..room).map(|_| Duration::ZERO)).into_vec();
        pauses.clear();
        Sweeps {
            done: 0,
            skipped: 0,
            released: 0,
            committed_peak: 0,
            pause_worst: Duration::ZERO,
            pauses,
        }
    }

    /// Adds a sweep.
    pub fn note(&mut self, report: &SweepReport) {
        self.note_rest(report);
        if !report.swept {
            self.skipped += 1;
            return;
        }
        self.done += 1;
        self.pause_worst = self.pause_worst.max(report.pause);
        if self.pauses.len() < PAUSES_MAX as usize {
            self.pauses.push(report.pause);
        }
    }

    /// Adds a sweep of the empty table. Neither the sweep nor its pause is counted.
    pub fn note_rest(&mut self, report: &SweepReport) {
        self.released += report.segments_released;
        let before = report.segments_committed + report.segments_released;
        self.committed_peak = self.committed_peak.max(before);
    }

    /// Returns the median pause.
    pub fn pause_median(&self) -> Option<Duration> {
        let mut pauses = self.pauses.clone();
        pauses.sort_unstable();
        pauses.get(pauses.len().checked_sub(1)? / 2).copied()
    }
}
