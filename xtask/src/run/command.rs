//! A command line to run.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process;

/// A program, its arguments, and the variables that it is given.
#[derive(Clone, Debug)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Returns a program with arguments separated by blanks.
pub fn program(program: impl AsRef<Path>, arguments: &str) -> Command {
    Command {
        program: program.as_ref().to_string_lossy().into_owned(),
        arguments: arguments.split_whitespace().map(str::to_owned).collect(),
        environment: Vec::new(),
    }
}

/// Returns the cargo that runs this package, with arguments separated by blanks.
pub fn cargo(arguments: &str) -> Command {
    program(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), arguments)
}

impl Command {
    /// Inserts `--target-dir DIR` before the `--` that ends cargo's own arguments.
    pub fn target_dir(self, directory: &Path) -> Self {
        self.insert(["--target-dir".to_owned(), directory.display().to_string()])
    }

    /// Inserts options, separated by blanks, in the same place.
    pub fn options(self, options: &str) -> Self {
        self.insert(options.split_whitespace().map(str::to_owned))
    }

    fn insert(mut self, options: impl IntoIterator<Item = String>) -> Self {
        let end = self.arguments.iter().position(|argument| argument == "--");
        let at = end.unwrap_or(self.arguments.len());
        self.arguments.splice(at..at, options);
        self
    }

    /// Appends one argument, blanks and all.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Appends arguments separated by blanks.
    pub fn arguments(self, arguments: &str) -> Self {
        arguments.split_whitespace().fold(self, Self::argument)
    }

    /// Appends a path.
    pub fn path(self, path: &Path) -> Self {
        self.argument(&path.to_string_lossy())
    }

    /// Returns a script's command that is given this one: program, arguments, and variables.
    pub fn through(self, script: Self) -> Self {
        let words = [vec![self.program], self.arguments].concat();
        let script = words.iter().fold(script, |script, word| script.argument(word));
        self.environment.iter().fold(script, |script, (name, value)| script.env(name, value))
    }

    /// Sets a variable.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_goes_before_the_separator() {
        let line = |arguments| program("cargo", arguments).target_dir(Path::new("t")).to_string();
        assert_eq!(
            line("test --lib -- --nocapture"),
            "cargo test --lib --target-dir t -- --nocapture"
        );
        assert_eq!(line("check"), "cargo check --target-dir t");
    }
}
