//! Replays recorded slot lifetimes of real programs against a table, and checks every step. The
//! replay has as many threads as the program had.
//!
//! ```text
//! cargo run --release --example replay -- [OPTIONS] [TRACE]...
//! ```
//!
//! Without arguments it replays the traces in `traces/`; `--help` lists the options.
//!
//! # What is replayed
//!
//! A trace tells which thread allocated and freed a slot for which object, in a possible order
//! (`trace.rs`). Each replay thread does its records in that order. Before a free it waits until
//! the object is allocated; `schedule.rs` tells why no replay gets stuck.
//!
//! A replay does not keep the pauses of the recorded program. Threads may run far ahead of each
//! other, and more slots may be live at a time than in the trace. `--threads 1` keeps the order of
//! the file. The thread that completes 10,000 events sweeps the table, concurrently with the
//! others.
//!
//! The timed rounds come first, all on one table. One more round follows that is not timed. It
//! stops all threads now and then for the picture, the timeline, and the audits. All rounds are
//! checked alike.
//!
//! # What is checked
//!
//! - Each object's slot holds a stamp that no other object of the run has. The stamp is compared
//!   after the allocation, before the free, and with the entry that the free returns.
//! - A ledger outside the table names the owner of each slot. An allocation must find no owner
//!   there, and a free must find its own object.
//! - After each round, exactly the expected objects are alive.
//! - Audits find each committed slot either live or free in exactly one chain, in the observed
//!   round and after each round.
//! - After the last free, a sweep leaves no segment committed. Resident memory is then within 1 MiB
//!   of its size before the first allocation (on Linux; other systems give no figure). The replay's
//!   own tables are resident at both times.
//!
//! # How to read the report
//!
//! The picture has a line for each segment and a column for each sixtieth of the observed round. A
//! darker cell has more live slots. Below it:
//!
//! - *time per event*: the wall time of the timed rounds, and the sum of their threads' times
//!   without waits for other threads, both divided by the events. Both include the checks and the
//!   sweeps. With fewer cores than threads, the second includes the turns of other threads.
//! - *live slots*: the peak in the trace, and the greatest number that sweeps and samples found.
//! - *segments*: the peak is exact, since only sweeps decommit segments.
//! - *sweeps*: those of all rounds, without the two that find every slot free: before the observed
//!   round, and at the end. A sweep is skipped if the free slots would not fill a segment.
//! - The last lines are the verdict. The exit status is 0 if all checks hold.

mod faults;
mod ledger;
mod meeting;
mod memory;
mod occupancy;
mod options;
mod outcome;
mod player;
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

/// The traces of the repository: their folder, relative to the manifest, and their names.
const BUNDLED: (&str, [&str; 2]) =
    ("../../traces", ["wasm-compile.sltrace", "redis-set-flush.sltrace"]);
/// The exit status if a check failed, and if there was nothing to check.
const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let status = match options::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        Ok(Request::Replay(options)) => run(&options),
        Err(error) => Err(error.to_string()),
    };
    match status {
        Ok(status) => status.into(),
        Err(message) => {
            eprintln!("replay: {message}");
            UNUSABLE.into()
        }
    }
}

/// Replays all traces, and returns the exit status.
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

/// Reads all traces, or the bundled ones if `paths` is empty. Each gets a name of its own.
fn load(paths: &[PathBuf]) -> Result<Vec<(String, Trace)>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(BUNDLED.0);
    let bundled = BUNDLED.1.map(|name| folder.join(name));
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

/// Writes to standard output. A closed pipe is no error.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
