//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;
use lexopt::{Parser, ValueExt};

/// What `--help` prints.
pub const HELP: &str = "\
Replays traces of slot lifetimes against a slotarena table and checks every step.

    cargo run --release --example replay -- [OPTIONS] [TRACE]...

Without TRACE, the traces bundled in traces/ are replayed.

    --threads trace|N      threads that replay: those of the trace (default), or N of them
    --sweep-every EVENTS   events between two sweeps (default 10000); 0: no sweeps
    --repeat K             timed rounds of each trace, on one table (default 1)
    --via mutator|table    an explicit mutator for each thread (default), or the table's own calls
    --svg FILE             draw live and committed slots over the events; with several traces,
                           FILE gets the name of the trace before its extension
    --help                 this text

The exit status is 0 if all checks hold, 1 if one does not, and 2 if nothing could be replayed.
";

/// The greatest number of threads: as many as a trace can have.
const THREADS_MAX: u32 = 128;
/// The greatest number of timed rounds.
const REPEAT_MAX: u32 = 1000;

/// The number of threads that replay a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One for each thread of the recording, with that thread's records.
    Trace,
    /// This number.
    Exactly(usize),
}

/// The operations that the replay threads use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Those of an explicit mutator, one for each thread.
    Mutator,
    /// Those of the table itself.
    Table,
}

/// The options of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub traces: Vec<PathBuf>,
    pub threads: Threads,
    /// Events from one sweep to the next; 0 for no sweeps.
    pub sweep_every: u32,
    pub repeat: u32,
    pub via: Via,
    pub svg: Option<PathBuf>,
}

/// A valid command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Help,
    Replay(Options),
}

/// Reads the arguments, without the name of the program.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, lexopt::Error> {
    let mut options = Options {
        traces: Vec::new(),
        threads: Threads::Trace,
        sweep_every: 10_000,
        repeat: 1,
        via: Via::Mutator,
        svg: None,
    };
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("threads") => options.threads = parser.value()?.parse_with(threads)?,
            Long("sweep-every") => {
                options.sweep_every =
                    parser.value()?.parse_with(|text| number(text, 0, u32::MAX))?;
            }
            Long("repeat") => {
                options.repeat = parser.value()?.parse_with(|text| number(text, 1, REPEAT_MAX))?;
            }
            Long("via") => options.via = parser.value()?.parse_with(via)?,
            Long("svg") => options.svg = Some(parser.value()?.into()),
            Value(path) => options.traces.push(path.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Request::Replay(options))
}

/// The value of `--threads`.
fn threads(text: &str) -> Result<Threads, String> {
    if text == "trace" {
        return Ok(Threads::Trace);
    }
    match number(text, 1, THREADS_MAX) {
        Ok(threads) => Ok(Threads::Exactly(threads as usize)),
        Err(message) => Err(format!("{message}, or \"trace\"")),
    }
}

/// The value of `--via`.
fn via(text: &str) -> Result<Via, &'static str> {
    match text {
        "mutator" => Ok(Via::Mutator),
        "table" => Ok(Via::Table),
        _ => Err("expected \"mutator\" or \"table\""),
    }
}

/// A number from `least` to `most`.
fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(OsString::from)) {
            Ok(Request::Replay(options)) => Ok(options),
            Ok(Request::Help) => Err("help".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn nothing_means_the_defaults() {
        let options = read("").unwrap();
        assert!(options.traces.is_empty() && options.svg.is_none());
        assert_eq!((options.threads, options.via), (Threads::Trace, Via::Mutator));
        assert_eq!((options.sweep_every, options.repeat), (10_000, 1));
    }

    #[test]
    fn all_options_are_read() {
        let options =
            read("a --threads=3 --sweep-every 0 --repeat=2 --via table --svg b.svg -- -c").unwrap();
        assert_eq!(options.traces, [PathBuf::from("a"), PathBuf::from("-c")]);
        assert_eq!((options.threads, options.via), (Threads::Exactly(3), Via::Table));
        assert_eq!((options.sweep_every, options.repeat), (0, 2));
        assert_eq!(options.svg, Some(PathBuf::from("b.svg")));
    }

    #[test]
    fn an_error_names_the_value_and_what_is_allowed() {
        for (line, parts) in [
            ("--threads 0", ["\"0\"", "1 to 128, or \"trace\""]),
            ("--repeat 1001", ["\"1001\"", "1 to 1000"]),
            ("--sweep-every -1", ["\"-1\"", "0 to 4294967295"]),
            ("--via neither", ["\"neither\"", "\"mutator\" or \"table\""]),
        ] {
            let message = read(line).unwrap_err();
            assert!(parts.iter().all(|part| message.contains(part)), "{line}: {message}");
        }
    }
}
