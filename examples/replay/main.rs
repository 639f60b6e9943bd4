//! Replays recorded slot lifetimes of real programs against a table, with as many threads as the
//! program had, and checks every step.
//!
//! ```text
//! cargo run --release --example replay -- [OPTIONS] [TRACE]...
//! ```
//!
//! Without arguments it replays the traces bundled in `traces/`; `--help` lists the options.
//!
//! # What is replayed
//!
//! A trace tells which thread took and gave back a slot for which object, in an order in which it
//! could have happened (`trace.rs`). Each replay thread does its records in that order and waits
//! before a free until the object's allocation is done (`schedule.rs` says why that cannot get
//! stuck). The pauses of the recorded program are not kept, so threads may run far ahead of each
//! other, and more slots may be live at once than in the trace; `--threads 1` keeps to the file
//! order. Every 10,000 events whoever finishes them sweeps the table, beside the other threads.
//!
//! The timed rounds come first, all on one table. Then comes one more round that is not timed, in
//! which the world is stopped now and then to look at the table: for the picture, the timeline
//! and the audits. All rounds are checked alike.
//!
//! # What is checked
//!
//! - Each object's slot holds a stamp that no other object of the run has. It is compared after
//!   the allocation, before the free, and with what the free gives back.
//! - A word beside the table names the owner of each slot. Whoever takes a slot must find no
//!   name there, and whoever gives it back its own.
//! - After each round, every object that should be alive is, and nothing else is.
//! - Audits find each committed slot either live or free in exactly one chain, in the observed
//!   round and after each round.
//! - When all is freed, a last sweep leaves no segment committed, and resident memory is back
//!   within 1 MiB of what it was before the first allocation (on Linux; elsewhere there is no
//!   figure). The replay's own tables are resident before and after.
//!
//! # How to read the report
//!
//! The picture has a line for each segment and a column for each sixtieth of the observed round;
//! the darker, the more of the segment's slots are live. Below it:
//!
//! - *time per event*: the wall time of the timed rounds, and the sum of their threads' times
//!   without waits for other threads, both divided by the events. Both include the checks and the
//!   sweeps; on fewer cores than threads, the second includes the turns of other threads.
//! - *live slots*: the peak in the trace, and the most that sweeps and samples saw.
//! - *segments*: the peak is exact, as segments are given back in sweeps only.
//! - *sweeps*: those of all rounds, without the two that find everything freed: before the
//!   observed round, and at the end. A sweep is skipped when the free slots would not fill a
//!   segment.
//! - The last lines are the verdict. The exit status is 0 if all is well.

mod faults;
mod ledger;
mod meeting;
mod memory;
mod occupancy;
mod options;
mod outcome;
mod player;
mod progress;
mod report;
mod schedule;
mod stage;
mod svg;
mod sweeps;
mod text;
mod timeline;
mod trace;
mod watch;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use options::{Options, Request};
use outcome::Outcome;
use trace::Trace;

/// Where the bundled traces lie, below the manifest, and their names.
const BUNDLED: (&str, [&str; 2]) = ("traces", ["wasm-compile", "redis-set-flush"]);
/// How a trace file's name ends.
const EXTENSION: &str = "sltrace";
/// Exit status when a check failed, and when there was nothing to check.
const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let status = match options::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        Ok(Request::Replay(options)) => run(&options),
        Err(message) => Err(message),
    };
    match status {
        Ok(status) => status.into(),
        Err(message) => {
            eprintln!("replay: {message}");
            UNUSABLE.into()
        }
    }
}

/// Replays all traces; gives the exit status.
fn run(options: &Options) -> Result<u8, String> {
    let traces = load(&options.traces)?;
    let mut failed = 0;
    let mut first_round = 0;
    for (name, trace) in &traces {
        let mut outcome = stage::replay(name, trace, options, first_round)
            .map_err(|message| format!("{name}: {message}"))?;
        // The observed round is one more.
        first_round += u64::from(options.repeat) + 1;
        outcome.log.timeline.sort();
        say(&report::report(&outcome));
        if let Some(path) = &options.svg {
            draw(path, traces.len() > 1, &outcome)?;
        }
        say("\n");
        failed += u64::from(!outcome.passed());
    }
    let all = text::counted(traces.len() as u64, "trace");
    if failed > 0 {
        say(&format!("{failed} of {all} FAILED\n"));
        return Ok(FAILED);
    }
    say(&format!("{all} replayed: double ownership 0, lost slots 0\n"));
    Ok(0)
}

/// Reads all traces, the bundled ones if none is named, and gives each a name of its own.
fn load(paths: &[PathBuf]) -> Result<Vec<(String, Trace)>, String> {
    let bundled = if paths.is_empty() { bundled()? } else { Vec::new() };
    let paths = if paths.is_empty() { &bundled } else { paths };
    let mut traces = Vec::new();
    for (n, path) in paths.iter().enumerate() {
        let data = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let trace =
            Trace::parse(&data).map_err(|damage| format!("{}: {damage}", path.display()))?;
        let stem = path.file_stem().unwrap_or_default();
        let same = paths[..n].iter().filter(|path| path.file_stem() == Some(stem)).count();
        let mut name = stem.to_string_lossy().into_owned();
        if same > 0 {
            name.push_str(&format!("-{}", same + 1));
        }
        traces.push((name, trace));
    }
    Ok(traces)
}

/// Where the bundled traces are.
fn bundled() -> Result<Vec<PathBuf>, String> {
    let (folder, names) = BUNDLED;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = names.map(|name| folder.join(name).with_extension(EXTENSION));
    match paths.iter().find(|path| !path.is_file()) {
        None => Ok(paths.to_vec()),
        Some(absent) => Err(format!(
            "the bundled trace {} is not there; the published package comes without the traces: \
             name a .{EXTENSION} file, or replay in a checkout of the repository",
            absent.display()
        )),
    }
}

/// Writes the timeline plot. With several traces, each file gets the name of its trace.
fn draw(path: &Path, several: bool, outcome: &Outcome) -> Result<(), String> {
    let mut path = path.to_owned();
    if several {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{}", outcome.name));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.set_file_name(name);
    }
    fs::write(&path, svg::draw(outcome)).map_err(|error| format!("{}: {error}", path.display()))?;
    say(&format!("         timeline drawn in {}\n", path.display()));
    Ok(())
}

/// Writes to standard output, and does not mind if nobody reads on.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
