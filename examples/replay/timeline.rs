//! Live and committed slots over the events of the observed round.

use slotarena::SweepReport;

use crate::memory;
use crate::watch::SEGMENT_SLOTS;

/// The regular samples of a round.
pub const SAMPLES: u64 = 600;
/// The sweeps that are kept for the plot. More could not be told apart.
const SWEEPS_MAX: u64 = 2000;

/// The table at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Events done.
    pub at: u64,
    /// Live slots.
    pub live: u64,
    /// Committed slots.
    pub committed: u64,
}

/// A sweep at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Events done.
    pub at: u64,
    /// Whether the sweep was done. Otherwise it was skipped, for lack of free slots.
    pub swept: bool,
}

/// The content of a timeline plot.
pub struct Timeline {
    pub points: Vec<Point>,
    pub ticks: Vec<Tick>,
}

impl Timeline {
    /// Creates an empty timeline with memory for the samples and for so many sweeps.
    pub fn with_capacity(sweeps: u64) -> Timeline {
        let ticks = sweeps.min(SWEEPS_MAX);
        let points = SAMPLES + 2 * ticks;
        let point = Point { at: 0, live: 0, committed: 0 };
        let tick = Tick { at: 0, swept: false };
        let mut timeline = Timeline {
            points: memory::touched((0..points as usize).map(|_| point)).into_vec(),
            ticks: memory::touched((0..ticks as usize).map(|_| tick)).into_vec(),
        };
        timeline.points.clear();
        timeline.ticks.clear();
        timeline
    }

    /// Adds a sample.
    pub fn point(&mut self, point: Point) {
        self.points.push(point);
    }

    /// Adds a sweep.
    pub fn tick(&mut self, tick: Tick) {
        if self.ticks.len() < SWEEPS_MAX as usize {
            self.ticks.push(tick);
        }
    }

    /// Adds the points before and after a sweep.
    pub fn sweep(&mut self, at: u64, report: &SweepReport) {
        if self.points.len() as u64 + 2 > SAMPLES + 2 * SWEEPS_MAX {
            return;
        }
        for segments in
            [report.segments_committed + report.segments_released, report.segments_committed]
        {
            let committed = segments * SEGMENT_SLOTS;
            self.points.push(Point { at, live: report.live, committed });
        }
    }

    /// Sorts the entries of all threads by events.
    pub fn sort(&mut self) {
        self.points.sort_by_key(|point| point.at);
        self.ticks.sort_by_key(|tick| tick.at);
    }
}
