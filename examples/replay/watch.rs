//! Counts the events of a round, and sweeps at certain marks. In the observed round it also samples
//! the table.
//!
//! Each thread counts its events in stretches of [`Watch::stride`]. The thread whose stretch
//! crosses a mark sweeps or samples, concurrently with the other threads. Samples stop all threads,
//! so no timed round takes any: one more round is replayed for them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use slotarena::{Audit, SEGMENT_BYTES, Table};

use crate::faults::{Fault, Faults};
use crate::memory;
use crate::occupancy::{self, Occupancy};
use crate::sweeps::Sweeps;
use crate::timeline::{self, Point, Tick, Timeline};

/// The slots of one segment.
pub const SEGMENT_SLOTS: u64 = (SEGMENT_BYTES / Table::<u64>::ENTRY_SIZE) as u64;
/// The longest stretch of events that a thread counts for itself.
const STRIDE_MAX: u64 = 64;

/// The counter of a trace's events, and the log of its marks.
pub struct Watch<'a> {
    table: &'a Table<u64>,
    faults: &'a Faults,
    /// Events of one round.
    total: u64,
    /// Events from sweep to sweep; 0 for none.
    sweep_every: u64,
    /// Events of this round that are done, without unfinished stretches.
    done: AtomicU64,
    /// Whether this round is observed. Changes only between rounds.
    observed: AtomicBool,
    /// Held by the thread that stops the others, so that no pause includes the wait for another
    /// stop.
    turn: Mutex<()>,
    log: Mutex<Log>,
}

/// The record of all rounds.
pub struct Log {
    pub sweeps: Sweeps,
    pub timeline: Timeline,
    pub occupancy: Occupancy,
    /// The greatest number of live slots that sweeps and samples found.
    pub live_peak: u64,
    /// The greatest resident memory of all samples.
    pub resident_peak: Option<u64>,
}

impl<'a> Watch<'a> {
    /// Creates a watch over `rounds` rounds of `total` events each.
    pub fn new(
        table: &'a Table<u64>,
        faults: &'a Faults,
        total: u64,
        rounds: u64,
        sweep_every: u64,
    ) -> Watch<'a> {
        let sweeps = total.checked_div(sweep_every).unwrap_or(0);
        let segments = u64::from(table.capacity()) / SEGMENT_SLOTS + 1;
        let log = Log {
            sweeps: Sweeps::with_capacity(sweeps.saturating_mul(rounds)),
            timeline: Timeline::with_capacity(sweeps),
            occupancy: Occupancy::new(segments as usize),
            live_peak: 0,
            resident_peak: None,
        };
        Watch {
            table,
            faults,
            total,
            sweep_every,
            done: AtomicU64::new(0),
            observed: AtomicBool::new(false),
            turn: Mutex::new(()),
            log: Mutex::new(log),
        }
    }

    /// Resets the counter. All threads are at rest.
    pub fn begin(&self, observed: bool) {
        // Relaxed, both: each thread's round starts with a message that is sent after this.
        self.done.store(0, Ordering::Relaxed);
        self.observed.store(observed, Ordering::Relaxed);
    }

    /// Returns the number of events done in this round.
    pub fn done(&self) -> u64 {
        // Relaxed: a figure for the progress bar and the timeline.
        self.done.load(Ordering::Relaxed)
    }

    /// Returns the number of events that a thread does between calls of [`advance`](Self::advance).
    pub fn stride(&self) -> usize {
        let mut stride = STRIDE_MAX;
        if self.sweep_every > 0 {
            stride = stride.min(self.sweep_every);
        }
        if self.observed() {
            stride = stride.min((self.total / timeline::SAMPLES).max(1));
        }
        stride as usize
    }

    /// Counts `events` more events, and sweeps or samples if they cross a mark.
    pub fn advance(&self, events: u64) {
        // Relaxed: the counter orders nothing but itself.
        let before = self.done.fetch_add(events, Ordering::Relaxed);
        let after = before + events;
        let crossed = |parts: u64| before * parts / self.total != after * parts / self.total;
        if self.sweep_every > 0 && before / self.sweep_every != after / self.sweep_every {
            self.sweep();
        }
        if self.observed() {
            if crossed(timeline::SAMPLES) {
                self.sample();
            }
            if crossed(occupancy::COLUMNS) {
                self.look(after * occupancy::COLUMNS / self.total - 1);
            }
        }
    }

    /// Sweeps, and records the report.
    fn sweep(&self) {
        let (report, at) = self.timed(|table| table.sweep(0));
        let now = self.done();
        let observed = self.observed();
        self.with_log(|log| {
            log.sweeps.note(&report);
            // A skipped sweep only estimates the live slots.
            if report.swept {
                log.live_peak = log.live_peak.max(report.live);
            }
            if observed {
                log.timeline.tick(Tick { at: now, swept: report.swept });
                if let Some(at) = at.filter(|_| report.swept) {
                    log.timeline.sweep(at, &report);
                }
            }
        });
    }

    /// Sweeps when all slots are free. The options do not count this sweep. Returns the number of
    /// segments that are still committed.
    pub fn sweep_rest(&self) -> u64 {
        let report = self.table.sweep(0);
        self.with_log(|log| log.sweeps.note_rest(&report));
        report.segments_committed
    }

    /// Audits the whole table, and reports lost slots.
    pub fn audit(&self) -> Option<Audit> {
        match self.timed(Table::audit).0 {
            Ok(audit) => {
                let accounted = audit.live + audit.free + audit.uninitialized;
                if accounted != audit.slots_committed {
                    let lost = audit.slots_committed.abs_diff(accounted);
                    self.faults.report_many(Fault::LostSlot, lost, || {
                        format!("{} committed, {accounted} accounted for", audit.slots_committed)
                    });
                }
                Some(audit)
            }
            Err(violation) => {
                self.faults.report(Fault::LostSlot, || violation.to_string());
                None
            }
        }
    }

    /// Runs `work` on the log.
    pub fn with_log<R>(&self, work: impl FnOnce(&mut Log) -> R) -> R {
        work(&mut self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Ends the watch.
    pub fn into_log(self) -> Log {
        self.log.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Samples the resident memory.
    pub fn note_resident(&self) {
        let resident = memory::quick();
        self.with_log(|log| log.resident_peak = log.resident_peak.max(resident));
    }

    /// Samples the table for the timeline.
    fn sample(&self) {
        let (stats, at) = self.timed(Table::stats);
        self.with_log(|log| {
            log.live_peak = log.live_peak.max(stats.live);
            if let Some(at) = at {
                let committed = stats.segments_committed * SEGMENT_SLOTS;
                log.timeline.point(Point { at, live: stats.live, committed });
            }
        });
        self.note_resident();
    }

    /// Runs `look` on the table, and returns how many events were done at that time. Returns `None`
    /// if the other threads did too many events in the meantime.
    fn timed<R>(&self, look: impl FnOnce(&Table<u64>) -> R) -> (R, Option<u64>) {
        let turn = self.turn.lock();
        let before = self.done();
        let seen = look(self.table);
        drop(turn);
        let after = self.done();
        let close = after - before <= self.total / timeline::SAMPLES;
        (seen, close.then_some(after))
    }

    /// Fills a column of the picture.
    fn look(&self, column: u64) {
        if let Some(audit) = self.audit() {
            self.with_log(|log| log.occupancy.fill(column, &audit));
        }
    }

    fn observed(&self) -> bool {
        // Relaxed: each thread's round starts with a message that is sent after `begin`.
        self.observed.load(Ordering::Relaxed)
    }
}
