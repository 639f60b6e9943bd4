//! The repository's own commands. `cargo xtask verify` is the test command: it runs every check
//! there is, in two lanes at once, and closes with a table of what was checked and how thoroughly.
//! A check is one row of the table in `verify/checks.rs`; nothing else has to change to add one.
//!
//! The rule of the modules, which a test enforces for the crate as well: a folder uses only folders
//! above it in the list below, and a file only files above it in the list of its `mod.rs`. The
//! `mod.rs` itself comes after all of its files.
//!
//! - `run`: choices, places, processes, and what their output says
//! - `source`: the source as text; the project's style
//! - `platforms`: other systems and compilers, and the sanitizers
//! - `loom`: the corrected copy of loom, the index of the models, a second checker
//! - `mistakes`: wrong variants of the crate, and whether each is noticed
//! - `proofs`: Coq, z3, SPIN
//! - `figures`: the figures of the benchmarks
//! - `verify`: the table of checks

mod run;
mod source;
mod platforms;
mod loom;
mod mistakes;
mod proofs;
mod figures;
mod verify;

use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

use anyhow::Result;
use lexopt::{Arg, Parser, ValueExt};

use mistakes::stress;
use mistakes::verdicts::{KNOWN, ORDERINGS};
use run::{Options, TARGET};
use source::{sites, surface, tree};

const USAGE: &str = "\
Usage: cargo xtask verify [--quick] [CHECK...]   run all checks, or only those named
       cargo xtask verify mutants [--all] [NAME...]   weaken each ordering: is it noticed?
       cargo xtask verify seeded [--all] [NAME...]    make known mistakes: are they noticed?
       cargo xtask verify seeded-stress [--all] [--seconds N] [NAME...]   by the stress test?
       cargo xtask verify seeded-tsan [--all] [--seconds N] [NAME...]     by a sanitizer?
       cargo xtask verify proofs --mutants [NAME...]  make mistakes in proofs: are they refused?
       cargo xtask verify stress --seconds N     the stress test alone, for hours if need be
       cargo xtask verify --list                 list the checks
       cargo xtask sites                         list the atomic accesses, as the proofs name them
       cargo xtask surface                       write docs/API.txt: the crate's public items
       cargo xtask figures                       measure, and write benches/RESULTS.md and plots

  --quick   leave out the slow checks (unless named) and shorten the others
  --seconds how long the stress test runs, on the crate or on each mistake; default 60
  --mutants make mistakes in the proofs instead of checking them
  --all     try also what was tried before and has not changed since
  NAME      only those with this in their names";

/// The checks that try wrong variants of the crate.
const VARIANTS: [&str; 4] = ["mutants", "seeded", "seeded-stress", "seeded-tsan"];

type Run = fn(&Options) -> Result<()>;

/// The commands. `verify` runs most others in processes of their own.
const COMMANDS: [(&str, Run); 13] = [
    ("verify", verify::verify),
    ("help", |_| print(USAGE)),
    ("list", |_| print(verify::listing())),
    ("sites", |_| list_sites()),
    ("surface", |_| surface::write()),
    ("figures", |_| figures::regenerate()),
    ("mutants", |options| ORDERINGS.run(options)),
    ("seeded", |options| KNOWN.run(options)),
    ("seeded-stress", |options| stress::run(options, false)),
    ("seeded-tsan", |options| stress::run(options, true)),
    ("mutant-list", |_| ORDERINGS.check().and_then(|()| KNOWN.check())),
    ("proofs", proofs::run),
    ("compare", |_| loom::compare::compare(&TARGET.join("outcomes"))),
];

fn main() -> ExitCode {
    let (run, options) = match command(std::env::args_os().skip(1)) {
        Ok((name, options)) => (COMMANDS.iter().find(|(known, _)| *known == name), options),
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Some(Err(reason)) = run.map(|(_, run)| run(&options)) else { return ExitCode::SUCCESS };
    eprintln!("{reason:#}");
    ExitCode::FAILURE
}

fn print(text: impl Display) -> Result<()> {
    println!("{text}");
    Ok(())
}

fn list_sites() -> Result<()> {
    for site in sites::sites(&tree::crate_only()?) {
        println!("{:<44} {:<16} {}:{}", site.name, site.orderings, site.path, site.line);
    }
    Ok(())
}

/// Reads the command line: a command, and what the user chooses.
fn command(
    words: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<(&'static str, Options), lexopt::Error> {
    let mut parser = Parser::from_args(words);
    let (mut command, mut options) = ("", Options::default());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(("help", options)),
            Arg::Value(word) if command.is_empty() => {
                let mut known = COMMANDS.iter().map(|(name, _)| *name);
                let word = word.string()?;
                let found = known.find(|name| *name == word);
                command = found.ok_or_else(|| format!("there is no command `{word}`"))?;
            }
            other if command.is_empty() => return Err(other.unexpected()),
            Arg::Long("seconds") => options.seconds = Some(parser.value()?.parse()?),
            Arg::Long("quick") => options.quick = true,
            Arg::Long("all") => options.all = true,
            Arg::Long("mutants") => options.mutants = true,
            Arg::Long("list") => return Ok(("list", options)),
            Arg::Value(word) => {
                let word = word.string()?;
                let tries_variants = options.only.iter().any(|name| VARIANTS.contains(&&**name));
                if verify::named(&word).is_some() {
                    options.only.push(word);
                } else if tries_variants || options.mutants {
                    options.names.push(word);
                } else {
                    let list = "`verify --list` lists them";
                    return Err(format!("there is no check `{word}`; {list}").into());
                }
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok((if command.is_empty() { "help" } else { command }, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_understood() {
        let parse = |line: &str| command(line.split_whitespace()).map_err(|e| e.to_string());
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let quick = Options { quick: true, only: names(&["loom", "fmt"]), ..Default::default() };
        assert_eq!(parse("verify"), Ok(("verify", Options::default())));
        assert_eq!(parse("verify loom --quick fmt"), Ok(("verify", quick)));
        assert_eq!(parse("verify --list"), Ok(("list", Options::default())));
        assert_eq!(parse(""), Ok(("help", Options::default())));
        let (only, names) = (names(&["mutants"]), names(&["gate"]));
        let tried = Options { all: true, seconds: Some(7), only, names, ..Default::default() };
        let line = "mutants --all --seconds 7 gate";
        assert_eq!(parse(&format!("verify {line}")), Ok(("verify", tried.clone())));
        // As `verify` hands it on.
        assert_eq!(parse(&format!("mutants {line}")), Ok(("mutants", tried)));
        let wrong = "verify none;verfiy;verify loom gate;verify --seconds x;verify --seconds;--all";
        for wrong in wrong.split(';') {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
