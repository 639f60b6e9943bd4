//! Replays one trace: sets up a table and the threads, starts each round, and checks the table
//! after it.

use std::any::Any;
use std::hint;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use slotarena::Table;

use crate::faults::{Fault, Faults};
use crate::ledger::{Ledger, Stamps};
use crate::meeting::Meeting;
use crate::memory;
use crate::options::{Options, Via};
use crate::outcome::{Outcome, Resident};
use crate::player::{Player, Shared, Tally};
use crate::schedule;
use crate::trace::{Record, Trace};
use crate::watch::{SEGMENT_SLOTS, Watch};

/// The time between two samples of the progress and the resident memory.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(10);
/// The stack of a replay thread, and its heap: an audit allocates, and a system allocator may keep
/// that memory resident for the thread. Neither belongs to the table. Both are touched before
/// resident memory is measured for the first time.
const STACK_BYTES: usize = 32 << 10;
const HEAP_BYTES: usize = 96 << 10;

/// Replays a trace. `first_round` is the number of its first round, counted over the whole run.
pub fn replay(
    name: &str,
    trace: &Trace,
    options: &Options,
    first_round: u64,
) -> Result<Outcome, String> {
    let lists = schedule::distribute(trace, options.threads);
    let capacity = capacity(trace, lists.len())?;
    let table = Table::builder().capacity(capacity).build();
    let table = table.map_err(|error| format!("no table of {capacity} slots: {error}"))?;
    let (meeting, ledger) = (Meeting::new(trace.objects), Ledger::new(table.capacity()));
    let faults = Faults::default();
    let events = trace.records.len() as u64;
    let rounds = u64::from(options.repeat) + 1;
    let watch = Watch::new(&table, &faults, events, rounds, options.sweep_every.into());
    let shared = Shared {
        table: &table,
        meeting: &meeting,
        ledger: &ledger,
        faults: &faults,
        watch: &watch,
    };
    let result = thread::scope(|scope| {
        let crew = Crew::hire(scope, shared, &lists, options.via);
        crew.perform(name, events, first_round..first_round + rounds)
    });
    let (log, finished) = (watch.into_log(), !meeting.stopped());
    if let (Err(leak), true) = (table.close(), finished) {
        faults.report(Fault::Missing, || format!("when the table was closed: {leak}"));
    }
    let outcome = Outcome {
        name: name.to_owned(),
        events,
        rounds: u64::from(options.repeat),
        trace_threads: trace.threads,
        objects: trace.objects,
        trace_live_peak: trace.live_peak,
        threads: lists.len(),
        wall: result.wall,
        elapsed: result.tally.elapsed,
        waited: result.tally.waited,
        stamps: result.stamps,
        log,
        finished,
        committed_end: result.committed_end,
        resident: result.resident,
        faults,
    };
    outcome.judge_rest();
    Ok(outcome)
}

/// Returns the slots of the table: more than one for each object. Threads that run ahead of the
/// file order, and free slots in other threads' local stores, may exceed the trace's peak.
fn capacity(trace: &Trace, threads: usize) -> Result<u32, String> {
    let objects = u64::from(trace.objects);
    let slots = objects + objects / 4 + (16 + 4 * threads as u64) * SEGMENT_SLOTS;
    u32::try_from(slots).map_err(|_| format!("{slots} slots are more than a table has"))
}

/// The figures of all rounds.
#[derive(Default)]
struct Sum {
    /// Wall time of the timed rounds.
    wall: Duration,
    /// The figures of the threads in the timed rounds.
    tally: Tally,
    /// Stamps compared in all rounds.
    stamps: u64,
    committed_end: u64,
    resident: Option<Resident>,
}

/// A thread's report after its start and after each round: its figures, or its panic.
type Report = Result<Tally, Box<dyn Any + Send>>;

/// Runs a replay thread: it waits for the start of each round, and plays its records.
fn serve(
    shared: Shared<'_>,
    number: usize,
    records: &[Record],
    via: Via,
    orders: &Receiver<Stamps>,
    reports: &Sender<Report>,
) {
    hint::black_box([0_u8; STACK_BYTES]);
    drop(memory::touched((0..HEAP_BYTES).map(|_| 0_u8)));
    // The receiver exists as long as orders come.
    let _ = reports.send(Ok(Tally::default()));
    for stamps in orders {
        let play = || match via {
            Via::Mutator => {
                Player::new(shared, shared.table.mutator(), stamps, number).play(records)
            }
            Via::Table => Player::new(shared, shared.table, stamps, number).play(records),
        };
        let report = panic::catch_unwind(AssertUnwindSafe(play));
        if report.is_err() {
            shared.meeting.stop();
        }
        let _ = reports.send(report);
    }
}

/// The replay threads, seen from the main thread.
struct Crew<'a> {
    orders: Vec<Sender<Stamps>>,
    reports: Receiver<Report>,
    shared: Shared<'a>,
}

impl<'a> Crew<'a> {
    /// Starts the threads, one for each list of records, and waits until all run.
    fn hire<'scope>(
        scope: &'scope Scope<'scope, '_>,
        shared: Shared<'a>,
        lists: &'a [Vec<Record>],
        via: Via,
    ) -> Crew<'a>
    where
        'a: 'scope,
    {
        let (reports_in, reports) = mpsc::channel();
        let mut crew = Crew { orders: Vec::new(), reports, shared };
        let mut threads = Vec::new();
        for (number, list) in lists.iter().enumerate() {
            let (order, orders) = mpsc::channel();
            let reports = reports_in.clone();
            let thread = scope.spawn(move || serve(shared, number, list, via, &orders, &reports));
            crew.orders.push(order);
            threads.push(thread.thread().clone());
        }
        shared.meeting.introduce(threads);
        crew.gather(None);
        crew
    }

    /// Runs all rounds, the last one observed, and checks the empty table.
    fn perform(&self, name: &str, events: u64, rounds: Range<u64>) -> Sum {
        let Shared { watch, meeting, .. } = self.shared;
        let before = memory::exact();
        let mut sum = Sum::default();
        for round in rounds.clone() {
            let observed = round + 1 == rounds.end;
            if observed {
                // The picture begins with an empty table.
                watch.sweep_rest();
            }
            let which = if observed {
                "observed round".to_owned()
            } else {
                format!(
                    "timed round {} of {}",
                    round - rounds.start + 1,
                    rounds.end - rounds.start - 1
                )
            };
            let progress = progress(format!("{name}: {which}"), events);
            self.round(&progress, Stamps::of_round(round), observed, &mut sum);
            if meeting.stopped() {
                break;
            }
        }
        sum.committed_end = watch.sweep_rest();
        watch.audit();
        let end = memory::exact();
        sum.resident = before.zip(end).map(|(before, end)| Resident { before, end });
        sum
    }

    /// Runs one round: plays, checks, and frees the rest.
    fn round(&self, progress: &ProgressBar, stamps: Stamps, observed: bool, sum: &mut Sum) {
        let Shared { watch, meeting, .. } = self.shared;
        watch.begin(observed);
        let start = Instant::now();
        for order in &self.orders {
            // Sending fails only if a thread has ended without a report.
            let _ = order.send(stamps);
        }
        let (tally, end) = self.gather(Some(progress));
        sum.stamps += tally.stamps;
        if !observed {
            sum.wall += end.duration_since(start);
            sum.tally.add(tally);
        }
        watch.note_resident();
        if !meeting.stopped() {
            sum.stamps += self.settle(stamps);
        }
    }

    /// Waits until each thread has reported. Returns the sum, and the time of the last report.
    fn gather(&self, progress: Option<&ProgressBar>) -> (Tally, Instant) {
        let mut sum = Tally::default();
        let mut missing = self.orders.len();
        while missing > 0 {
            match self.reports.recv_timeout(SAMPLE_INTERVAL) {
                Ok(Ok(tally)) => {
                    missing -= 1;
                    sum.add(tally);
                }
                Ok(Err(panic)) => {
                    missing -= 1;
                    self.shared.faults.report(Fault::Panic, || message(&*panic).to_owned());
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(progress) = progress {
                        progress.set_position(self.shared.watch.done());
                        self.shared.watch.note_resident();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        (sum, Instant::now())
    }

    /// Compares the table with the ledger, and frees the remaining objects. The threads are at
    /// rest. Returns the number of stamps compared.
    fn settle(&self, stamps: Stamps) -> u64 {
        let Shared { table, meeting, ledger, faults, watch } = self.shared;
        watch.audit();
        let mut walked = 0;
        table.for_each_live(|handle, entry| {
            walked += 1;
            ledger.see(handle, entry, stamps, faults);
        });
        let mut left = Vec::new();
        for (object, handle) in meeting.present() {
            if !ledger.unsee(handle) {
                faults.report(Fault::Missing, || {
                    format!("object {object} is alive and slot {} is not", handle.to_raw())
                });
            }
            left.push(object);
        }
        walked + Player::new(self.shared, table, stamps, 0).drain(&left).stamps
    }
}

/// Returns a bar for `total` events, on standard error if that is a terminal. It disappears when it
/// is dropped.
fn progress(label: String, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %");
    let style = style.expect("a valid template").progress_chars("█░");
    let bar = ProgressBar::new(total).with_style(style).with_message(label);
    bar.with_finish(ProgressFinish::AndClear)
}

/// Returns the message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a replay thread panicked")
}

#[cfg(test)]
mod tests;
