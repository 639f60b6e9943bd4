//! The repository's own commands. `cargo xtask verify` is the test command: it runs every check
//! there is, one after another, and closes with a table of what was checked and how thoroughly.
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
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use mistakes::stress;
use mistakes::verdicts::{KNOWN, ORDERINGS};
use platforms::Sanitizer;
use run::context::{Context, Options};
use source::{sites, tree};

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
       cargo xtask figures                       measure, and write benches/RESULTS.md and plots
       cargo xtask loom-patch FOLDER             put a corrected copy of loom there
       cargo xtask compare LOOM OTHER            has loom found all outcomes that are in OTHER?

  --quick   leave out the slow checks (unless named) and shorten the others
  --seconds how long the stress test runs, on the crate or on each mistake; default 60
  --mutants make mistakes in the proofs instead of checking them
  --all     try also what was tried before and has not changed since
  NAME      only those with this in their names";

/// The commands that `verify` runs in a process of their own, and one for the user.
const PARTS: [&str; 7] =
    ["mutants", "seeded", "seeded-stress", "seeded-tsan", "mutant-list", "proofs", "sites"];

/// The checks that try wrong variants of the crate.
const VARIANTS: [&str; 4] = ["mutants", "seeded", "seeded-stress", "seeded-tsan"];

/// What the command line asks for.
#[derive(Debug, PartialEq)]
enum Command {
    Verify(Options),
    /// One of [`PARTS`].
    Part(String, Options),
    /// The folder for the copy.
    LoomPatch(PathBuf),
    /// Loom's outcomes, and the other's.
    Compare([PathBuf; 2]),
    Figures,
    List,
    Help,
}

fn main() -> ExitCode {
    let result = match command(std::env::args_os().skip(1)) {
        Ok(Command::Verify(options)) => return verify::verify(&Context::new(options)),
        Ok(Command::Part(name, options)) => part(&name, &Context::new(options)),
        Ok(Command::LoomPatch(folder)) => {
            loom::patched::patch(&Context::new(Options::default()), &folder)
        }
        Ok(Command::Compare([ours, other])) => loom::compare::compare(&ours, &other),
        Ok(Command::Figures) => figures::regenerate(&Context::new(Options::default())),
        Ok(Command::List) => {
            print!("{}", verify::listing());
            Ok(())
        }
        Ok(Command::Help) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn part(name: &str, context: &Context) -> Result<(), String> {
    match name {
        "mutants" => ORDERINGS.run(context),
        "seeded" => KNOWN.run(context),
        "seeded-stress" => stress::run(context, None),
        "seeded-tsan" => stress::run(context, Some(Sanitizer::Thread)),
        "mutant-list" => {
            println!("cases: mutants {}", ORDERINGS.check(context)?);
            println!("cases: mistakes {}", KNOWN.check(context)?);
            Ok(())
        }
        "sites" => {
            for site in sites::sites(&tree::crate_only(&context.root)?) {
                println!("{:<44} {:<16} {}:{}", site.name, site.orderings, site.path, site.line);
            }
            Ok(())
        }
        _ => proofs::run(context),
    }
}

/// Reads the command line.
fn command(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_args(words);
    let name = match parser.next()? {
        None | Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help),
        Some(Arg::Value(name)) => name.string()?,
        Some(other) => return Err(other.unexpected()),
    };
    match &*name {
        "help" => return Ok(Command::Help),
        "figures" => return Ok(Command::Figures),
        "loom-patch" => return Ok(Command::LoomPatch(parser.value()?.into())),
        "compare" => {
            return Ok(Command::Compare([parser.value()?.into(), parser.value()?.into()]));
        }
        "verify" => {}
        name if PARTS.contains(&name) => {}
        _ => return Err(format!("there is no command `{name}`").into()),
    }
    let is_verify = name == "verify";
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("seconds") => options.seconds = Some(parser.value()?.parse()?),
            Arg::Long("quick") => options.quick = true,
            Arg::Long("all") => options.all = true,
            Arg::Long("mutants") => options.mutants = true,
            Arg::Long("list") => return Ok(Command::List),
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Value(word) => {
                let word = word.string()?;
                let is_variants = |name: &String| VARIANTS.contains(&&**name);
                if is_verify && verify::named(&word).is_some() {
                    options.only.push(word);
                } else if !is_verify || options.mutants || options.only.iter().any(is_variants) {
                    options.names.push(word);
                } else {
                    let list = "`verify --list` lists them";
                    return Err(format!("there is no check `{word}`; {list}").into());
                }
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(if is_verify { Command::Verify(options) } else { Command::Part(name, options) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        command(line.split_whitespace()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_understood() {
        let options = |quick, only: &[&str]| {
            let only = only.iter().map(|name| name.to_string()).collect();
            Ok(Command::Verify(Options { quick, only, ..Default::default() }))
        };
        assert_eq!(parse("verify"), options(false, &[]));
        assert_eq!(parse("verify loom --quick fmt"), options(true, &["loom", "fmt"]));
        assert_eq!(parse("verify --list"), Ok(Command::List));
        assert_eq!(parse(""), Ok(Command::Help));
        assert!(parse("verify no-such-check").is_err());
        assert!(parse("verfiy").is_err());
    }

    #[test]
    fn variants_can_be_chosen_by_name() {
        let names = vec!["gate".to_owned()];
        let tried = Options { all: true, names, ..Default::default() };
        let only = vec!["mutants".to_owned()];
        let verified = Options { only, ..tried.clone() };
        assert_eq!(parse("verify mutants --all gate"), Ok(Command::Verify(verified)));
        let part = |name: &str, options| Ok(Command::Part(name.to_owned(), options));
        assert_eq!(parse("mutants gate --all"), part("mutants", tried.clone()));
        assert!(parse("verify loom gate").is_err());
        let stress = Options { seconds: Some(7), all: false, ..tried };
        assert_eq!(parse("seeded-stress --seconds 7 gate"), part("seeded-stress", stress));
        assert!(parse("verify stress --seconds many").is_err());
        assert!(parse("verify stress --seconds").is_err());
    }
}
