//! One command line to run as part of a check.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::Command;

/// A program, its arguments, and what it needs in its environment.
#[derive(Clone, Debug)]
pub struct Invocation {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Any program with arguments separated by blanks.
pub fn program(program: &str, arguments: &str) -> Invocation {
    Invocation {
        program: program.to_owned(),
        arguments: arguments.split_whitespace().map(str::to_owned).collect(),
        environment: Vec::new(),
    }
}

/// The cargo that runs this xtask, with arguments separated by blanks.
pub fn cargo(arguments: &str) -> Invocation {
    let path = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    program(&path, arguments)
}

impl Invocation {
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

    /// Appends a path.
    pub fn path(self, path: &Path) -> Self {
        self.argument(&path.to_string_lossy())
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref().to_string_lossy().into_owned();
        self.environment.push((name.to_owned(), value));
        self
    }

    /// Appends to a list kept in a variable, such as the caller's own `RUSTFLAGS`.
    pub fn env_append(self, name: &str, value: &str) -> Self {
        let before = std::env::var(name).unwrap_or_default();
        let both = format!("{before} {value}");
        self.env(name, both.trim_start())
    }

    /// Appends to a variable of this command's.
    pub fn env_extend(mut self, name: &str, value: &str) -> Self {
        match self.environment.iter_mut().find(|(known, _)| known == name) {
            Some((_, before)) => {
                *before += &format!(" {value}");
                self
            }
            None => self.env(name, value),
        }
    }

    /// The command, ready for its standard streams.
    pub fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(directory);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The line one would type, with the program's folder left out.
impl fmt::Display for Invocation {
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
