//! The sweeps of a replay in figures.

use std::time::Duration;

use slotarena::SweepReport;

use crate::memory;

/// How many pauses are kept one by one. The median of a longer run is that of its first ones.
const PAUSES_MAX: u64 = 1 << 20;

/// What the sweeps did.
pub struct Sweeps {
    /// Sweeps that walked the segments.
    pub done: u64,
    /// Sweeps that found less than one segment's worth of free slots and let it be.
    pub skipped: u64,
    /// Segments given back, also by the sweeps after everything was freed.
    pub released: u64,
    /// The most segments committed at once. Exact: the number falls in sweeps only, so that each
    /// of its peaks is the start of a sweep, or the end.
    pub committed_peak: u64,
    /// The longest pause.
    pub pause_worst: Duration,
    /// The pauses of the sweeps that were done.
    pauses: Vec<Duration>,
}

impl Sweeps {
    /// No sweep yet, and room for so many.
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

    /// Adds a sweep after everything is freed. It is not counted, and neither is its pause.
    pub fn note_rest(&mut self, report: &SweepReport) {
        self.released += report.segments_released;
        let before = report.segments_committed + report.segments_released;
        self.committed_peak = self.committed_peak.max(before);
    }

    /// The pause that half of the sweeps did not exceed.
    pub fn pause_median(&self) -> Option<Duration> {
        let mut pauses = self.pauses.clone();
        pauses.sort_unstable();
        pauses.get(pauses.len().checked_sub(1)? / 2).copied()
    }
}
