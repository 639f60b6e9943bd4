//! The figures of the replay of one trace.

use std::time::Duration;

use crate::faults::{Fault, Faults};
use crate::watch::Log;

/// The growth in resident memory that is allowed when the table is empty again.
const RESIDENT_SLACK: u64 = 1 << 20;

/// Resident memory before the first allocation, and after all slots are free and swept. The table,
/// the side tables, and the threads exist at both times.
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    pub before: u64,
    pub end: u64,
}

/// The figures of one trace.
pub struct Outcome {
    pub name: String,
    /// Events of one round.
    pub events: u64,
    /// Timed rounds.
    pub rounds: u64,
    /// Threads and objects in the trace.
    pub trace_threads: u32,
    pub objects: u32,
    /// The greatest number of live objects, in file order.
    pub trace_live_peak: u32,
    /// Threads that replayed.
    pub threads: usize,
    /// Time of all timed rounds, each from its start to the end of its last thread.
    pub wall: Duration,
    /// Sum over the threads of the timed rounds: from the first record to the last.
    pub elapsed: Duration,
    /// The part of `elapsed` spent waiting for other threads.
    pub waited: Duration,
    /// Stamps compared, in all rounds.
    pub stamps: u64,
    /// The log of all rounds.
    pub log: Log,
    /// Whether all rounds were played to their end.
    pub finished: bool,
    /// Segments committed when all slots are free and swept.
    pub committed_end: u64,
    /// `None` if the system does not report it.
    pub resident: Option<Resident>,
    pub faults: Faults,
}

impl Outcome {
    /// Returns the wall time per event of all timed rounds, in nanoseconds.
    pub fn wall_per_event(&self) -> Option<f64> {
        per_event(self.wall, self.events * self.rounds)
    }

    /// Returns a thread's time per event without its waits, in nanoseconds.
    pub fn thread_per_event(&self) -> Option<f64> {
        per_event(self.elapsed.saturating_sub(self.waited), self.events * self.rounds)
    }

    /// Reports memory that the table has kept as a fault. A replay that stopped early has another
    /// fault, which tells why.
    pub fn judge_rest(&self) {
        if !self.finished {
            return;
        }
        if self.committed_end > 0 {
            self.faults.report_many(Fault::Kept, self.committed_end, || {
                format!("{} segments committed with all slots free", self.committed_end)
            });
        }
        if let Some(Resident { before, end }) = self.resident {
            if end > before + RESIDENT_SLACK {
                self.faults.report(Fault::Kept, || {
                    format!("{end} bytes resident at the end, {before} before")
                });
            }
        }
    }

    /// Returns `true` if all checks hold.
    pub fn passed(&self) -> bool {
        self.faults.none()
    }
}

fn per_event(time: Duration, events: u64) -> Option<f64> {
    (events > 0).then(|| time.as_nanos() as f64 / events as f64)
}
