//! The report of one trace, for a terminal.

use std::fmt::Write;

use indicatif::HumanCount;

use crate::faults::Fault;
use crate::outcome::{Outcome, Resident};
use crate::text::{counted, mebibytes, time};

/// Returns the report of one trace: the picture, the table, and the verdict.
pub fn report(outcome: &Outcome) -> String {
    let mut text = format!("{}\n", outcome.name);
    let picture = outcome.log.occupancy.draw();
    if !picture.is_empty() {
        let _ = write!(text, "\n{picture}\n");
    }
    for (name, value) in rows(outcome) {
        let _ = writeln!(text, "  {name:<22} {value}");
    }
    let _ = write!(text, "\n  {}", verdict(outcome));
    text
}

/// Returns the rows of the table: a name and a value each.
fn rows(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let log = &outcome.log;
    let nanoseconds = |figure: Option<f64>| match figure {
        Some(figure) => format!("{figure:.0} ns"),
        None => "n/a".to_owned(),
    };
    let trace = format!(
        "{} of {}, {}",
        counted(outcome.events, "event"),
        counted(outcome.trace_threads.into(), "thread"),
        counted(outcome.objects.into(), "object"),
    );
    let replay = format!(
        "{} on {}, and one observed round",
        counted(outcome.rounds, "timed round"),
        counted(outcome.threads as u64, "thread"),
    );
    let per_event = format!(
        "{} wall, {} of a thread's time (waits of {} apart)",
        nanoseconds(outcome.wall_per_event()),
        nanoseconds(outcome.thread_per_event()),
        time(outcome.waited),
    );
    let live = format!(
        "{} in file order, {} seen in the replay",
        HumanCount(outcome.trace_live_peak.into()),
        HumanCount(log.live_peak),
    );
    let segments = format!(
        "{} committed at the peak, {} released in all",
        HumanCount(log.sweeps.committed_peak),
        HumanCount(log.sweeps.released),
    );
    let sweeps = format!(
        "{} done, {} skipped below one segment's worth of free slots",
        HumanCount(log.sweeps.done),
        HumanCount(log.sweeps.skipped),
    );
    let pauses = match log.sweeps.pause_median() {
        Some(median) => format!("median {}, worst {}", time(median), time(log.sweeps.pause_worst)),
        None => "none".to_owned(),
    };
    let resident = format!(
        "{} before, {} at the peak, {} at the end",
        mebibytes(outcome.resident.map(|resident| resident.before)),
        mebibytes(log.resident_peak),
        mebibytes(outcome.resident.map(|resident| resident.end)),
    );
    vec![
        ("trace", trace),
        ("replay", replay),
        ("time per event", per_event),
        ("live slots at the peak", live),
        ("segments", segments),
        ("sweeps", sweeps),
        ("sweep pauses", pauses),
        ("resident memory", resident),
    ]
}

/// Returns the verdict: whether all checks hold, and which do not.
fn verdict(outcome: &Outcome) -> String {
    let faults = &outcome.faults;
    let word = if outcome.passed() { "ok" } else { "FAILED" };
    let mut lines = format!(
        "{word:<6} double ownership {}, lost slots {} ({} checked)\n",
        faults.count(Fault::DoubleOwnership),
        faults.count(Fault::LostSlot),
        counted(outcome.stamps, "stamp"),
    );
    let memory = match outcome.resident {
        Some(Resident { before, end }) if end >= before => {
            format!("{} KiB above the start", HumanCount((end - before) >> 10))
        }
        Some(Resident { before, end }) => {
            format!("{} KiB below the start", HumanCount((before - end) >> 10))
        }
        None => "n/a".to_owned(),
    };
    let rest = if outcome.finished { "all freed and swept" } else { "stopped before its end" };
    let _ = writeln!(
        lines,
        "         {rest}: segments committed {}, resident memory {memory}",
        outcome.committed_end,
    );
    for fault in Fault::ALL {
        let count = faults.count(fault);
        let named = matches!(fault, Fault::DoubleOwnership | Fault::LostSlot);
        if count > 0 && !named {
            let _ = writeln!(lines, "         {} {count}", fault.name());
        }
    }
    for detail in faults.details() {
        let _ = writeln!(lines, "         - {detail}");
    }
    lines
}
