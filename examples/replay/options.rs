//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
Replays traces of slot lifetimes against a slotarena table and checks every step.

    cargo run --release --example replay -- [OPTIONS] [TRACE]...

Without TRACE, the traces bundled in traces/ are replayed.

    --threads trace|N      threads that replay: those of the trace (default), or N of them
    --sweep-every EVENTS   sweep each time so many events are done (default 10000); 0: never
    --repeat K             timed rounds of each trace, on one table (default 1)
    --via mutator|table    an explicit mutator for each thread (default), or the table's own calls
    --svg FILE             draw live and committed slots over the events; with several traces,
                           FILE gets the name of the trace before its extension
    --help                 this text

The exit status is 0 if all checks hold, 1 if one does not, and 2 if nothing could be replayed.
";

/// The most threads that can be asked for: as many as a trace can have.
const THREADS_MAX: u64 = 128;
/// The most rounds that can be asked for.
const REPEAT_MAX: u64 = 1000;
/// The longest stretch without a sweep that can be asked for: more than any trace has events.
const SWEEP_EVERY_MAX: u64 = u32::MAX as u64;

/// How many threads replay a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// As many as took part in the recording, each with its own records.
    Trace,
    /// So many.
    Exactly(usize),
}

/// Which operations the replay threads use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Those of an explicit mutator, one for each thread.
    Mutator,
    /// Those of the table itself.
    Table,
}

/// All that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub traces: Vec<PathBuf>,
    pub threads: Threads,
    /// Events from one sweep to the next; 0 for none.
    pub sweep_every: u64,
    pub repeat: u32,
    pub via: Via,
    pub svg: Option<PathBuf>,
}

/// A command line that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Help,
    Replay(Options),
}

/// Reads the arguments, without the name of the program.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut options = Options {
        traces: Vec::new(),
        threads: Threads::Trace,
        sweep_every: 10_000,
        repeat: 1,
        via: Via::Mutator,
        svg: None,
    };
    let mut rest = arguments.into_iter();
    let mut only_paths = false;
    while let Some(argument) = rest.next() {
        let text = argument.to_str().unwrap_or_default();
        if only_paths || !text.starts_with('-') || text == "-" {
            options.traces.push(argument.into());
            continue;
        }
        let (name, joined) = match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
            None => (text.to_owned(), None),
        };
        let mut value = || {
            joined.clone().or_else(|| rest.next()).ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "-h" | "--help" => return Ok(Request::Help),
            "--" => only_paths = true,
            "--threads" => options.threads = threads(&value()?)?,
            "--sweep-every" => {
                options.sweep_every = number(&name, &value()?, 0, SWEEP_EVERY_MAX)?;
            }
            "--repeat" => options.repeat = number(&name, &value()?, 1, REPEAT_MAX)? as u32,
            "--via" => options.via = via(&value()?)?,
            "--svg" => options.svg = Some(value()?.into()),
            _ => return Err(format!("{name} is no option; --help lists them")),
        }
    }
    Ok(Request::Replay(options))
}

/// The value of `--threads`.
fn threads(value: &OsString) -> Result<Threads, String> {
    if value == "trace" {
        return Ok(Threads::Trace);
    }
    match number("--threads", value, 1, THREADS_MAX) {
        Ok(threads) => Ok(Threads::Exactly(threads as usize)),
        Err(message) => Err(format!("{message}, or \"trace\"")),
    }
}

/// The value of `--via`.
fn via(value: &OsString) -> Result<Via, String> {
    match value.to_str() {
        Some("mutator") => Ok(Via::Mutator),
        Some("table") => Ok(Via::Table),
        _ => Err(format!("--via {value:?}: expected \"mutator\" or \"table\"")),
    }
}

/// A number from `least` to `most`.
fn number(name: &str, value: &OsString, least: u64, most: u64) -> Result<u64, String> {
    value
        .to_str()
        .and_then(|text| text.parse().ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("{name} {value:?}: expected a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(OsString::from))? {
            Request::Replay(options) => Ok(options),
            Request::Help => Err("help".into()),
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
    fn all_options_are_read_with_and_without_an_equals_sign() {
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
            ("--threads many", ["\"many\"", "1 to 128, or \"trace\""]),
            ("--repeat 1001", ["\"1001\"", "1 to 1000"]),
            ("--sweep-every -1", ["\"-1\"", "0 to 4294967295"]),
            ("--via neither", ["\"neither\"", "\"mutator\" or \"table\""]),
            ("--svg", ["--svg", "needs a value"]),
            ("--colour", ["--colour", "no option"]),
        ] {
            let message = read(line).unwrap_err();
            assert!(parts.iter().all(|part| message.contains(part)), "{line}: {message}");
        }
    }
}
