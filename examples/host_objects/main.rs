//! Lua scripts whose objects hold host objects through a table that the garbage collector of Lua
//! drives.
//!
//! ```text
//! cargo run --release --example host_objects -- [--attack] [OPTIONS] [SCRIPT]...
//! ```
//!
//! Without a name it runs the scripts `storage`, `queens`, and `sessions`; `--help` lists the
//! options. The language runtime is piccolo, a Lua in Rust with an incremental tracer.
//!
//! # What is run
//!
//! Scripts make host objects: buffers, flags, files, sockets, and timers (`objects.rs`). The table
//! owns each host object. The guest object has a 32-bit handle and a tag, and no pointer
//! (`library.rs`). Each access goes through the table (`host.rs`, `heap.rs`).
//!
//! Only collections free host objects. When Lua marks its objects, their tracer marks their
//! handles. When Lua sweeps, the table is swept, too, in steps or by a thread (`guest.rs`). If that
//! leaves many free slots, a compaction rewrites the handles in the guest objects. The same tracer
//! finds them.
//!
//! - `storage` builds trees whose leaves are buffers. `queens` puts queens on chessboards that are
//!   flags. Both are benchmarks of a public collection; `scripts/README.md` names it.
//! - `sessions` keeps sessions with buffers, timers, files, and sockets, in cycles, closures, and
//!   coroutines. It hands some buffers over to a thread of the host (`watch.rs`).
//! - `attack`, with `--attack`, overwrites the handles and tags in its objects with any numbers.
//!
//! # What is checked
//!
//! - A ledger outside the table has the books of each host object (`ledger.rs`). Each must be
//!   dropped exactly once.
//! - No object is dropped early. Whenever the tracer reaches a guest object, its handle must lead
//!   to the very host object that it was made with. So must each access by the script.
//! - A canary in each object tells whether an access reaches an object after its drop.
//! - Each script checks its own results. All files are removed at the end.
//! - In an attack, each access reaches a live object of the tag that it claims, or nothing.
//!
//! # How to read the report
//!
//! The picture has a column for each sixtieth of the host objects made: `█` for live ones, and `░`
//! for the other slots of the segments in use. Below it:
//!
//! - *collections*: those of the table. Each follows one of Lua's.
//! - *pauses*: how long the script waited for the table: at the *ends* of marking and sweeping, and
//!   at the *steps* of a sweep. *Stops* are parts of these: a thread that makes or uses a host
//!   object waits for them. A compaction includes Lua's own marking.
//! - The last line is the verdict. The exit status is 0 if all checks hold.

mod guest;
mod heap;
mod host;
mod ledger;
mod library;
mod objects;
mod options;
mod picture;
mod report;
mod run;
mod svg;
mod text;
mod watch;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use options::{Options, Request};
use run::Outcome;

/// The exit status if a check failed, and if nothing could be run.
const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let status = match options::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        Ok(Request::Run(options)) => run_all(&options),
        Err(error) => Err(error.to_string()),
    };
    match status {
        Ok(status) => status.into(),
        Err(message) => {
            eprintln!("host_objects: {message}");
            UNUSABLE.into()
        }
    }
}

/// Runs all scripts, and returns the exit status.
fn run_all(options: &Options) -> Result<u8, String> {
    let mut outcomes = Vec::new();
    for &script in &options.scripts {
        let outcome =
            run::run(script, options).map_err(|message| format!("{}: {message}", script.name()))?;
        say(&report::report(&outcome));
        if let Some(path) = &options.svg {
            draw(path, options.scripts.len() > 1, &outcome)?;
        }
        say("\n");
        outcomes.push(outcome);
    }
    say(&format!("{}\n", run::verdict(&outcomes)));
    Ok(if outcomes.iter().all(Outcome::passed) { 0 } else { FAILED })
}

/// Writes the plot. With several scripts, each file gets the name of its script.
fn draw(path: &Path, several: bool, outcome: &Outcome) -> Result<(), String> {
    let mut path = path.to_owned();
    if several {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{}", outcome.script.name()));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.set_file_name(name);
    }
    fs::write(&path, svg::draw(outcome)).map_err(|error| format!("{}: {error}", path.display()))?;
    say(&format!("  drawn in      {}\n", path.display()));
    Ok(())
}

/// Writes to standard output. A closed pipe is no error.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
