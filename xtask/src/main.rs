//! The repository's own commands. `cargo xtask verify` is the test command: it runs every check
//! there is, one after another, and closes with a table of what was checked and how thoroughly.
//!
//! A check is one row of the table in [`steps`]; nothing else has to change to add one.

mod cross;
mod debian;
mod evidence;
mod invocation;
mod process;
mod progress;
mod report;
mod steps;
mod tally;
mod verify;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask verify [--quick] [CHECK...]   run all checks, or only those named
       cargo xtask verify --list                 list the checks

  --quick   leave out the slow checks (unless named) and shorten the others";

fn main() -> ExitCode {
    match command(std::env::args().skip(1)) {
        Ok(Command::Verify(options)) => verify::verify(&options),
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
    List,
    Help,
}

/// Reads the command line; the error is for the user.
fn command(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    match arguments.next().as_deref() {
        Some("verify") => {}
        None | Some("help" | "--help" | "-h") => return Ok(Command::Help),
        Some(other) => return Err(format!("there is no command `{other}`")),
    }
    let mut options = verify::Options::default();
    for argument in arguments {
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--list" => return Ok(Command::List),
            "--help" | "-h" => return Ok(Command::Help),
            name if steps::named(name).is_some() => options.only.push(argument),
            other => {
                return Err(format!("there is no check `{other}`; `verify --list` lists them"));
            }
        }
    }
    Ok(Command::Verify(options))
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
            Ok(Command::Verify(verify::Options { quick, only }))
        };
        assert_eq!(parse("verify"), options(false, &[]));
        assert_eq!(parse("verify loom --quick fmt"), options(true, &["loom", "fmt"]));
        assert_eq!(parse("verify --list"), Ok(Command::List));
        assert_eq!(parse(""), Ok(Command::Help));
        assert!(parse("verify no-such-check").is_err());
        assert!(parse("verfiy").is_err());
    }
}
