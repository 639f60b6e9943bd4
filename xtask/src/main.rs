//! The repository's own commands. `cargo xtask verify` is the test command: it runs every check
//! there is, one after another, and closes with a table of what was checked and how thoroughly.
//!
//! A check is one row of the table in [`steps`]; nothing else has to change to add one.

mod campaign;
mod compare;
mod cross;
mod debian;
mod evidence;
mod figures;
mod index;
mod invocation;
mod keys;
mod loom_patch;
mod mutants;
mod outcome;
mod process;
mod progress;
mod proofs;
mod report;
mod sanitizer;
mod seeded;
mod sites;
mod source;
mod steps;
mod survival;
mod tally;
mod tree;
mod trial;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use sanitizer::Sanitizer;

const USAGE: &str = "\
Usage: cargo xtask verify [--quick] [CHECK...]   run all checks, or only those named
       cargo xtask verify mutants [--all] [NAME...]   weaken each ordering: is it noticed?
       cargo xtask verify seeded [--all] [NAME...]    make known mistakes: are they noticed?
       cargo xtask verify seeded-stress [--all] [--seconds N] [NAME...]   by the stress test?
       cargo xtask verify seeded-tsan [--all] [--seconds N] [NAME...]     by a sanitizer?
       cargo xtask verify proofs --mutants [NAME...]  make mistakes in proofs: are they refused?
       cargo xtask verify stress --seconds N     the stress test alone, for hours if need be
       cargo xtask verify --list                 list the checks
       cargo xtask label-sites                   name each atomic access, as the proofs do
       cargo xtask figures                       measure, and write benches/RESULTS.md and plots
       cargo xtask loom-patch FOLDER             put a corrected copy of loom there
       cargo xtask compare LOOM OTHER            has loom found all outcomes that are in OTHER?

  --quick   leave out the slow checks (unless named) and shorten the others
  --seconds how long the stress test runs: 60 if nothing is said, for each mistake anew
  --mutants not the proofs, but mistakes in them
  --all     try also what was tried before, and nothing of it has changed since
  NAME      only those with this in their names";

fn main() -> ExitCode {
    match command(std::env::args().skip(1)) {
        Ok(Command::Verify(options)) => verify::verify(&options),
        Ok(Command::Variants(kind, options)) => variants(kind, &options),
        Ok(Command::LoomPatch(folder)) => exit(loom_patch::patch(&folder)),
        Ok(Command::Compare([loom, other])) => exit(compare::compare(&loom, &other)),
        Ok(Command::Figures) => exit(figures::regenerate(&PathBuf::from("."))),
        Ok(Command::List) => {
            print!("{}", steps::listing());
            ExitCode::SUCCESS
        }
        Ok(Command::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
enum Command {
    Verify(verify::Options),
    /// What the checks of these names run.
    Variants(Kind, verify::Options),
    /// Where to put it.
    LoomPatch(PathBuf),
    /// Loom's outcomes, and the other's.
    Compare([PathBuf; 2]),
    Figures,
    List,
    Help,
}

/// Which wrong variants of the crate.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Mutants,
    Seeded,
    /// The same mistakes, by the stress test.
    SeededStress,
    /// Those that survive it, with ThreadSanitizer.
    SeededTsan,
    /// Are the lists of both up to date? Tries none.
    Lists,
    /// The proofs, or mistakes in them.
    Proofs,
    /// The names of the accesses in the source.
    Labels,
}

/// Tries wrong variants.
fn variants(kind: Kind, options: &verify::Options) -> ExitCode {
    let setup = verify::Setup::new(options);
    let result = match kind {
        Kind::Mutants => mutants::run(&setup, options.all, &options.names),
        Kind::Seeded => seeded::run(&setup, options.all, &options.names),
        Kind::SeededStress => survival::run(&setup, None, options.all, &options.names),
        Kind::SeededTsan => {
            survival::run(&setup, Some(Sanitizer::Thread), options.all, &options.names)
        }
        Kind::Lists => mutants::check(&setup).and_then(|mutants| {
            println!("cases: mutants {mutants}");
            seeded::check(&setup).map(|seeds| println!("cases: mistakes {seeds}"))
        }),
        Kind::Proofs => proofs::run(&setup, options.quick, options.mutants, &options.names),
        Kind::Labels => proofs::label_sites(&setup),
    };
    exit(result)
}

/// Says why something failed, if it did.
fn exit(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line; the error is for the user.
fn command(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let kind = match arguments.next().as_deref() {
        Some("verify") => None,
        Some("mutants") => Some(Kind::Mutants),
        Some("seeded") => Some(Kind::Seeded),
        Some("seeded-stress") => Some(Kind::SeededStress),
        Some("seeded-tsan") => Some(Kind::SeededTsan),
        Some("mutant-list") => Some(Kind::Lists),
        Some("proofs") => Some(Kind::Proofs),
        Some("label-sites") => Some(Kind::Labels),
        Some("loom-patch") => {
            let folder = arguments.next().ok_or("loom-patch needs a folder")?;
            return Ok(Command::LoomPatch(folder.into()));
        }
        Some("figures") => return Ok(Command::Figures),
        Some("compare") => {
            let mut folder =
                || arguments.next().map(PathBuf::from).ok_or("compare needs two folders");
            return Ok(Command::Compare([folder()?, folder()?]));
        }
        None | Some("help" | "--help" | "-h") => return Ok(Command::Help),
        Some(other) => return Err(format!("there is no command `{other}`")),
    };
    let mut options = verify::Options::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                let seconds = arguments.next().and_then(|text| text.parse().ok());
                options.seconds = Some(seconds.ok_or("--seconds needs a whole number")?);
            }
            "--quick" => options.quick = true,
            "--all" => options.all = true,
            "--mutants" => options.mutants = true,
            "--list" => return Ok(Command::List),
            "--help" | "-h" => return Ok(Command::Help),
            name if kind.is_none() && steps::named(name).is_some() => options.only.push(argument),
            name if !name.starts_with('-') && (kind.is_some() || options.is_about_variants()) => {
                options.names.push(argument);
            }
            other => {
                return Err(format!("there is no check `{other}`; `verify --list` lists them"));
            }
        }
    }
    Ok(match kind {
        Some(kind) => Command::Variants(kind, options),
        None => Command::Verify(options),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        command(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_command_line_is_understood() {
        let options = |quick, only: &[&str]| {
            let only = only.iter().map(|name| name.to_string()).collect();
            Ok(Command::Verify(verify::Options { quick, only, ..Default::default() }))
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
        let tried = verify::Options { all: true, names, ..Default::default() };
        let only = vec!["mutants".to_owned()];
        let verified = verify::Options { only, ..tried.clone() };
        assert_eq!(parse("verify mutants --all gate"), Ok(Command::Verify(verified)));
        assert_eq!(
            parse("mutants gate --all"),
            Ok(Command::Variants(Kind::Mutants, tried.clone()))
        );
        assert!(parse("verify loom gate").is_err());
        let seconds = Some(7);
        let stress = verify::Options { seconds, all: false, only: vec![], ..tried };
        assert_eq!(
            parse("seeded-stress --seconds 7 gate"),
            Ok(Command::Variants(Kind::SeededStress, stress))
        );
        assert!(parse("verify stress --seconds many").is_err());
        assert!(parse("verify stress --seconds").is_err());
    }
}
