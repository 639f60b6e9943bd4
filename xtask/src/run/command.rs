//! A command line to run, and what a check consists of.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Result;

use super::context::{ROOT, TARGET};

/// The commands of a check, or the reason why it must be skipped here.
pub type Plan = Result<Vec<Command>>;

/// A program, its arguments, the variables that it is given, and the folder that it runs in.
#[derive(Clone, Debug)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
}

/// Returns a program with arguments separated by blanks, to run in the repository's root.
pub fn program(program: impl AsRef<Path>, arguments: &str) -> Command {
    let (program, folder) = (program.as_ref().to_string_lossy().into_owned(), ROOT.clone());
    let command = Command { program, arguments: Vec::new(), environment: Vec::new(), folder };
    arguments.split_whitespace().fold(command, Command::argument)
}

/// Returns the cargo that runs this package, with a line of variables and arguments: `NAME=VALUE`
/// sets one, `NAME+=VALUE` appends to one. In both `$TARGET` is the build folder.
pub fn cargo(line: &str) -> Command {
    let cargo = program(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), "");
    line.split_whitespace().fold(cargo, |command, word| {
        let word = word.replace("$TARGET", &TARGET.to_string_lossy());
        let variable = word.split_once('=').filter(|_| command.arguments.is_empty());
        let Some((name, value)) = variable else { return command.argument(word) };
        match name.strip_suffix('+') {
            Some(name) => command.env_append(name, value),
            None => command.env(name, value),
        }
    })
}

/// Returns a command of this package, to run in a process of its own with the user's choices. That
/// is this program again: cargo would wait for what another lane compiles.
pub fn own(name: &str) -> Command {
    let own = std::env::current_exe().unwrap_or_else(|_| "xtask".into());
    std::env::args().skip(2).fold(program(own, name), Command::argument)
}

impl Command {
    /// Appends one argument, blanks and all.
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_string_lossy().into_owned());
        self
    }

    pub fn within(self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..self }
    }

    /// Returns a script's command that is given this one: program, arguments, variables, folder.
    pub fn through(self, script: Self) -> Self {
        let script = script.within(&self.folder);
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
    pub fn ready(&self) -> process::Command {
        let mut command = process::Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).envs(self.environment.clone());
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
