//! A command line to run, and what a check consists of.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process;

use super::context::Context;

/// The commands of a check, or the reason why it must be skipped here.
pub type Plan = Result<Vec<Command>, String>;

/// Tells the user what is being prepared.
pub type Say<'a> = &'a dyn Fn(&str);

/// A program, its arguments, and the variables that it is given.
#[derive(Clone, Debug)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Returns a program with arguments separated by blanks.
pub fn program(program: impl AsRef<Path>, arguments: &str) -> Command {
    let program = program.as_ref().to_string_lossy().into_owned();
    Command { program, arguments: Vec::new(), environment: Vec::new() }.arguments(arguments)
}

/// Returns the cargo that runs this package, with a line of variables and arguments: `NAME=VALUE`
/// sets one, `NAME+=VALUE` appends to one.
pub fn cargo(line: &str) -> Command {
    let mut command = program(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), "");
    let mut rest = line;
    while let Some((variable, after)) = rest.split_once(' ') {
        let Some((name, value)) = variable.split_once('=') else { break };
        command = match name.strip_suffix('+') {
            Some(name) => command.env_append(name, value),
            None => command.env(name, value),
        };
        rest = after;
    }
    command.arguments(rest)
}

/// Returns a command of this package, to run in a process of its own with the user's choices.
pub fn own(name: &str, context: &Context) -> Command {
    let options = &context.options;
    let flags = [
        ("--quick", options.quick && !options.mutants && name == "proofs"),
        ("--mutants", options.mutants && name == "proofs"),
        ("--all", options.all),
    ];
    let flags = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag.to_owned());
    let seconds = options.seconds.map(|seconds| format!("--seconds={seconds}"));
    let words = flags.chain(seconds).chain(options.names.clone());
    words.fold(cargo("run --quiet --package xtask --").argument(name), Command::argument)
}

impl Command {
    /// Appends one argument, blanks and all.
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_string_lossy().into_owned());
        self
    }

    pub fn arguments(self, arguments: &str) -> Self {
        arguments.split_whitespace().fold(self, Self::argument)
    }

    pub fn target_dir(self, folder: &Path) -> Self {
        self.env("CARGO_TARGET_DIR", folder)
    }

    /// Returns a script's command that is given this one: program, arguments, and variables.
    pub fn through(self, script: Self) -> Self {
        let script = self.arguments.iter().fold(script.argument(self.program), Self::argument);
        self.environment.iter().fold(script, |script, (name, value)| script.env(name, value))
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref().to_string_lossy().into_owned();
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value));
        self
    }

    /// Appends to a variable: of this command, or else to the caller's own, such as `RUSTFLAGS`.
    pub fn env_append(self, name: &str, value: &str) -> Self {
        let known = self.environment.iter().find(|(known, _)| known == name);
        let before = known.map(|(_, value)| value.clone());
        let before = before.or_else(|| std::env::var(name).ok()).unwrap_or_default();
        self.env(name, format!("{before} {value}").trim_start())
    }

    /// Returns the command, ready for its standard streams.
    pub fn in_folder(&self, folder: &Path) -> process::Command {
        let mut command = process::Command::new(&self.program);
        command.args(&self.arguments).current_dir(folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Writes the line as it would be typed, without the program's folder.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={value:?} ")?;
        }
        let name = Path::new(&self.program).file_stem().and_then(OsStr::to_str);
        write!(f, "{}", name.unwrap_or(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}
