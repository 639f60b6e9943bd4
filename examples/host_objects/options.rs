//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;
use lexopt::{Parser, ValueExt};

use crate::heap::Sweeper;
use crate::run::Script;

/// What `--help` prints.
pub const HELP: &str = "\
Runs Lua scripts whose objects hold host objects through a collected table of external pointers.

    cargo run --release --example host_objects -- [OPTIONS] [SCRIPT]...

Without SCRIPT, all are run: storage, queens, sessions.

    --attack               run the attack instead: a script that forges handles and tags
    --rounds N             rounds of each script (default 20)
    --sweeper steps|thread sweep in steps, between steps of the script (default), or by a thread
    --seed N               seed of the attack's random numbers (default 1)
    --svg FILE             draw live objects and the table's size; with several scripts, FILE gets
                           the name of the script before its extension
    --help                 this text

The exit status is 0 if all checks hold, 1 if one does not, and 2 if nothing could be run.
";

/// The greatest number of rounds.
const ROUNDS_MAX: u32 = 1_000_000;

/// The options of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub scripts: Vec<Script>,
    pub rounds: u32,
    pub sweeper: Sweeper,
    pub seed: u64,
    pub svg: Option<PathBuf>,
}

/// A valid command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Help,
    Run(Options),
}

/// Reads the arguments, without the name of the program.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, lexopt::Error> {
    let mut options =
        Options { scripts: Vec::new(), rounds: 20, sweeper: Sweeper::Steps, seed: 1, svg: None };
    let mut attack = false;
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("attack") => attack = true,
            Long("rounds") => options.rounds = parser.value()?.parse_with(rounds)?,
            Long("sweeper") => options.sweeper = parser.value()?.parse_with(sweeper)?,
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("svg") => options.svg = Some(parser.value()?.into()),
            Value(name) => options.scripts.push(name.parse_with(script)?),
            _ => return Err(argument.unexpected()),
        }
    }
    match (attack, options.scripts.is_empty()) {
        (true, true) => options.scripts.push(Script::Attack),
        (true, false) => return Err("--attack is a script of its own".into()),
        (false, true) => options.scripts.extend(Script::BENIGN),
        (false, false) => {}
    }
    Ok(Request::Run(options))
}

/// The value of `--rounds`.
fn rounds(text: &str) -> Result<u32, String> {
    let rounds = text.parse().ok().filter(|rounds| (1..=ROUNDS_MAX).contains(rounds));
    rounds.ok_or_else(|| format!("expected a number from 1 to {ROUNDS_MAX}"))
}

/// The value of `--sweeper`.
fn sweeper(text: &str) -> Result<Sweeper, &'static str> {
    match text {
        "steps" => Ok(Sweeper::Steps),
        "thread" => Ok(Sweeper::Thread),
        _ => Err("expected \"steps\" or \"thread\""),
    }
}

/// The name of a script.
fn script(text: &str) -> Result<Script, &'static str> {
    let script = Script::BENIGN.into_iter().find(|script| script.name() == text);
    script.ok_or("expected \"storage\", \"queens\", or \"sessions\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(OsString::from)) {
            Ok(Request::Run(options)) => Ok(options),
            Ok(Request::Help) => Err("help".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn nothing_means_the_defaults() {
        let options = read("").unwrap();
        assert_eq!(options.scripts, Script::BENIGN);
        assert_eq!((options.rounds, options.sweeper), (20, Sweeper::Steps));
        assert_eq!((options.seed, options.svg), (1, None));
        assert_eq!(read("--help"), Err("help".into()));
    }

    #[test]
    fn all_options_are_read() {
        let options =
            read("queens --rounds=3 --seed 9 --sweeper thread --svg a.svg sessions").unwrap();
        assert_eq!(options.scripts, [Script::Queens, Script::Sessions]);
        assert_eq!((options.rounds, options.seed), (3, 9));
        assert_eq!(options.sweeper, Sweeper::Thread);
        assert_eq!(options.svg, Some(PathBuf::from("a.svg")));
        assert_eq!(read("--attack").unwrap().scripts, [Script::Attack]);
    }

    #[test]
    fn an_error_names_the_value_and_what_is_allowed() {
        for (line, parts) in [
            ("--rounds 0", ["\"0\"", "1 to 1000000"]),
            ("--sweeper none", ["\"none\"", "\"thread\""]),
            ("attack", ["\"attack\"", "\"sessions\""]),
            ("--attack queens", ["--attack", "of its own"]),
            ("--fast", ["--fast", "invalid option"]),
        ] {
            let message = read(line).unwrap_err();
            assert!(parts.iter().all(|part| message.contains(part)), "{line}: {message}");
        }
    }
}
