//! Builds the loom suite from a copy of the source and runs one model after another.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::invocation::{Invocation, cargo, program};
use crate::process;
use crate::tally::Tally;
use crate::tree::{self, Tree};
use crate::verify::Setup;

/// How long a build may take.
const BUILD: Duration = Duration::from_secs(900);

/// A folder to build in. Each has its own, so that they do not wait for one another.
pub struct Worker {
    tree: PathBuf,
    target: PathBuf,
    lock: PathBuf,
    /// The corrected copy of loom, which all share.
    loom: PathBuf,
}

/// One model, to be explored up to two preemptions or as far as it says itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Exploration {
    /// The test's name, such as `world::end_sweep`.
    pub test: String,
    pub quick: bool,
}

/// How the exploration of a model ended.
#[derive(Debug)]
pub enum Ending {
    /// Nothing was wrong. What its line said.
    Passed { bound: String, executions: u64 },
    /// The first panic's message, and in which execution it was.
    Failed { message: String, executions: Option<u64> },
    /// It was given up.
    TimedOut,
}

impl fmt::Display for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.test)?;
        f.write_str(if self.quick { ", quick" } else { "" })
    }
}

/// Where the corrected copy of loom is put.
pub fn loom(setup: &Setup) -> PathBuf {
    setup.target.join("mutants/loom")
}

impl Worker {
    pub fn new(setup: &Setup, number: usize) -> Self {
        let folder = setup.target.join(format!("mutants/worker-{number}"));
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        Self { tree, target, lock: setup.root.join("Cargo.lock"), loom: loom(setup) }
    }

    /// Builds the suite and returns the program.
    pub fn build(&self, tree: &Tree) -> Result<PathBuf, String> {
        tree::write(tree, &self.tree, &self.lock)?;
        let paths = format!("paths=['{}']", self.loom.display());
        let arguments = "test --release --features loom --test loom --no-run --color never";
        let build = cargo("--config").argument(&paths);
        let build = arguments
            .split_whitespace()
            .fold(build, |build, argument| build.argument(argument))
            .target_dir(&self.target)
            // A change may leave something unused.
            .env("RUSTFLAGS", "--cfg loom --cap-lints warn")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
        executable(&build, &self.tree)
    }
}

/// Builds a test, and returns the program.
pub fn executable(build: &Invocation, folder: &Path) -> Result<PathBuf, String> {
    let mut binary = None;
    let mut output = Vec::new();
    let result = process::run(build, folder, BUILD, |line| {
        let Some(line) = line else { return };
        output.push(line.to_owned());
        if let Some(rest) = line.trim_start().strip_prefix("Executable ") {
            binary = rest.rsplit_once('(').map(|(_, path)| path.trim_end_matches(')').into());
        }
    });
    match (result, binary) {
        (Ok(()), Some(path)) => Ok(folder.join::<PathBuf>(path)),
        (Ok(()), None) => Err("cargo named no executable".to_owned()),
        (Err(reason), _) => {
            let errors = output.iter().skip_while(|line| !line.starts_with("error"));
            let errors: Vec<&str> = errors.take(12).map(String::as_str).collect();
            Err(format!("does not build, {reason}\n{}", errors.join("\n")))
        }
    }
}

/// The names of all tests in the program.
pub fn tests(binary: &Path) -> Result<Vec<String>, String> {
    let list = process::output_of(&program(&binary.to_string_lossy(), "--list"), Path::new("."))?;
    Ok(list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// Explores one model, in a process of its own. Returns for how many seconds, too.
pub fn explore(
    binary: &Path,
    exploration: &Exploration,
    limit: Duration,
) -> Result<(Ending, f64), String> {
    let run = program(&binary.to_string_lossy(), "--nocapture --exact").argument(&exploration.test);
    let run = if exploration.quick { run.env("SLOTARENA_LOOM_QUICK", "2") } else { run };
    let started = Instant::now();
    let mut report = Report::default();
    let result = process::run(&run, Path::new("."), limit, |line| {
        if let Some(line) = line {
            report.read(line);
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let ending = match result {
        Ok(()) => {
            let model = report.tally.models.pop();
            let model = model.ok_or_else(|| format!("{exploration} explored nothing"))?;
            Ending::Passed { bound: model.bound, executions: model.executions }
        }
        Err(_) if started.elapsed() > limit => Ending::TimedOut,
        Err(reason) => {
            let message = report.message.unwrap_or(reason);
            Ending::Failed { message, executions: report.executions }
        }
    };
    Ok((ending, seconds))
}

/// What the output of a test said.
#[derive(Default)]
struct Report {
    tally: Tally,
    message: Option<String>,
    executions: Option<u64>,
}

impl Report {
    fn read(&mut self, line: &str) {
        // The harness may have begun the line.
        let failed = line.split_once("failed: ").and_then(|(_, rest)| rest.split_once(" | "));
        if let (Some((execution, message)), None) = (failed, &self.message) {
            self.executions = execution.parse().ok();
            self.message = Some(message.to_owned());
        }
        self.tally.read(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_panic_is_reported() {
        let mut report = Report::default();
        let output = "running 1 test\ntest a ... failed: 12 | Invariant 3: b\n\
                      thread 'a' (7) panicked at src/x.rs:1:2:\nInvariant 3: b\n\
                      failed: 1 | second\ntest a ... FAILED";
        output.lines().for_each(|line| report.read(line));
        assert_eq!(report.message.as_deref(), Some("Invariant 3: b"));
        assert_eq!(report.executions, Some(12));
    }
}
