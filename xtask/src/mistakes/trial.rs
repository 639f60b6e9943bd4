//! Builds the models from a copy of the source and runs one after another.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::outcome::{End, Outcome};
use crate::loom::patched::with_copy;
use crate::run::command::{Command, program};
use crate::run::context::{Context, paths};
use crate::run::process;
use crate::run::tally::Tally;
use crate::source::tree::{self, Tree};

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

/// What the name of a model ends with that is explored up to two preemptions only; what comes
/// before it is its test, such as `world::end_sweep`.
pub const QUICK: &str = ", quick";

/// Returns the folder for the corrected copy of loom.
pub fn loom(context: &Context) -> PathBuf {
    context.target.join("mutants/loom")
}

impl Worker {
    pub fn new(context: &Context, number: usize) -> Self {
        let folder = context.target.join(format!("mutants/worker-{number}"));
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        Self { tree, target, lock: context.root.join(paths::LOCK), loom: loom(context) }
    }

    /// Builds the models and returns the program.
    pub fn build(&self, tree: &Tree) -> Result<PathBuf, String> {
        tree::write(tree, &self.tree, &self.lock)?;
        let build = with_copy("test --release --features loom --test loom --no-run", &self.loom);
        // A change may leave something unused.
        let build = build.target_dir(&self.target).env("RUSTFLAGS", "--cfg loom --cap-lints warn");
        executable(build, &self.tree)
    }
}

/// Builds a test, and returns the program.
pub fn executable(build: Command, folder: &Path) -> Result<PathBuf, String> {
    let build = build.options("--message-format json-render-diagnostics --color never");
    let build = build.env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    let mut binary = None;
    let mut output = Vec::new();
    let result = process::run(&build, folder, BUILD, |line| {
        let Some(line) = line else { return };
        match serde_json::from_str::<Value>(line) {
            Ok(message) => {
                let executable = message["executable"].as_str().map(PathBuf::from);
                binary = executable.or_else(|| binary.take());
            }
            Err(_) => output.push(line.to_owned()),
        }
    });
    match (result, binary) {
        (Ok(()), Some(path)) => Ok(path),
        (Ok(()), None) => Err(format!("{build}: named no executable, expected one")),
        (Err(reason), _) => {
            let errors = output.iter().skip_while(|line| !line.starts_with("error"));
            let errors: Vec<&str> = errors.take(12).map(String::as_str).collect();
            Err(format!("does not build, {reason}\n{}", errors.join("\n")))
        }
    }
}

/// Returns the names of all tests in the program.
pub fn tests(binary: &Path) -> Result<Vec<String>, String> {
    let list = process::output_of(&program(binary, "--list"), Path::new("."))?;
    Ok(list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// Explores one model, in a process of its own. One that passes survives, and its message is its
/// bound.
pub fn explore(binary: &Path, model: &str, limit: Duration) -> Result<Outcome, String> {
    let test = model.trim_end_matches(QUICK);
    let run = program(binary, "--nocapture --exact").argument(test);
    let run = if test == model { run } else { run.env("SLOTARENA_LOOM_QUICK", "2") };
    let started = Instant::now();
    let mut report = Report::default();
    let result = process::run(&run, Path::new("."), limit, |line| {
        if let Some(line) = line {
            report.read(line);
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let (end, executions, message) = match result {
        Ok(()) => {
            let line = report.tally.models.pop();
            let line = line.ok_or_else(|| format!("{model}: no line `model: …`, expected one"))?;
            (End::Survived, Some(line.executions), line.bound)
        }
        Err(_) if started.elapsed() > limit => (End::TimedOut, None, String::new()),
        Err(reason) => (End::Killed, report.executions, report.message.unwrap_or(reason)),
    };
    Ok(Outcome { end, model: model.to_owned(), executions, seconds, message })
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
