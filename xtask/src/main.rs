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

/// The commands without paths.
const COMMANDS: &str =
    "verify mutants seeded seeded-stress seeded-tsan mutant-list proofs sites figures help";

/// The checks that try wrong variants of the crate.
const VARIANTS: [&str; 4] = ["mutants", "seeded", "seeded-stress", "seeded-tsan"];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Command {
    name: String,
    paths: Vec<PathBuf>,
    options: Options,
}

fn main() -> ExitCode {
    let Command { name, paths, options } = match command(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let context = &Context::new(options);
    let result = match &*name {
        "verify" if verify::verify(context) => Ok(()),
        "verify" => return ExitCode::FAILURE,
        "mutants" => ORDERINGS.run(context),
        "seeded" => KNOWN.run(context),
        "seeded-stress" => stress::run(context, false),
        "seeded-tsan" => stress::run(context, true),
        "mutant-list" => ORDERINGS.check(context).and_then(|()| KNOWN.check(context)),
        "proofs" => proofs::run(context),
        "sites" => tree::crate_only(&context.root).map(|tree| {
            for site in sites::sites(&tree) {
                println!("{:<44} {:<16} {}:{}", site.name, site.orderings, site.path, site.line);
            }
        }),
        "figures" => figures::regenerate(context),
        "loom-patch" => loom::patched::patch(context, &paths[0]),
        "compare" => loom::compare::compare(&paths[0], &paths[1]),
        _ => {
            print!("{}", if name == "list" { verify::listing() } else { format!("{USAGE}\n") });
            Ok(())
        }
    };
    let Err(reason) = result else { return ExitCode::SUCCESS };
    eprintln!("{reason}");
    ExitCode::FAILURE
}

fn command(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_args(words);
    let is = |name: &str| Command { name: name.to_owned(), ..Default::default() };
    let mut command = match parser.next()? {
        None | Some(Arg::Short('h') | Arg::Long("help")) => return Ok(is("help")),
        Some(Arg::Value(name)) => is(&name.string()?),
        Some(other) => return Err(other.unexpected()),
    };
    let paths = match &*command.name {
        "loom-patch" => 1,
        "compare" => 2,
        name if COMMANDS.split(' ').any(|known| known == name) => 0,
        name => return Err(format!("there is no command `{name}`").into()),
    };
    for _ in 0..paths {
        command.paths.push(parser.value()?.into());
    }
    let (is_verify, options) = (command.name == "verify", &mut command.options);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("seconds") => options.seconds = Some(parser.value()?.parse()?),
            Arg::Long("quick") => options.quick = true,
            Arg::Long("all") => options.all = true,
            Arg::Long("mutants") => options.mutants = true,
            Arg::Long("list") => return Ok(is("list")),
            Arg::Short('h') | Arg::Long("help") => return Ok(is("help")),
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
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_understood() {
        let parse = |line: &str| command(line.split_whitespace()).map_err(|e| e.to_string());
        let is = |name: &str, options: Options| {
            Ok(Command { name: name.to_owned(), options, ..Default::default() })
        };
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let quick = Options { quick: true, only: names(&["loom", "fmt"]), ..Default::default() };
        assert_eq!(parse("verify"), is("verify", Options::default()));
        assert_eq!(parse("verify loom --quick fmt"), is("verify", quick));
        assert_eq!(parse("verify --list"), is("list", Options::default()));
        assert_eq!(parse(""), is("help", Options::default()));
        let tried = Options { all: true, names: names(&["gate"]), ..Default::default() };
        let verified = Options { only: names(&["mutants"]), ..tried.clone() };
        assert_eq!(parse("verify mutants --all gate"), is("verify", verified));
        assert_eq!(parse("mutants gate --all"), is("mutants", tried.clone()));
        let stress = Options { seconds: Some(7), all: false, ..tried };
        assert_eq!(parse("seeded-stress --seconds 7 gate"), is("seeded-stress", stress));
        let wrong =
            "verify none;verfiy;verify loom gate;verify --seconds x;verify --seconds;compare a";
        for wrong in wrong.split(';') {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
