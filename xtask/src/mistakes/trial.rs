//! Builds the models from a copy of the source and runs one after another. What comes of it is kept
//! in a file, in words, and as cells of a table.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::loom::patched::with_copy;
use crate::run::{Command, TARGET, Tally, context, grouped, process, program};
use crate::source::{Tree, tree};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// A model failed.
    Killed,
    /// No model failed.
    Survived,
    /// No model failed, but some were given up.
    TimedOut,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub end: End,
    /// The model that failed, or those that were given up.
    pub model: String,
    /// The execution in which it failed.
    pub executions: Option<u64>,
    /// After how long it failed, or how long all models took.
    pub seconds: f64,
    pub message: String,
}

impl Outcome {
    /// Returns an outcome without a model and a message.
    pub fn new(end: End, seconds: f64) -> Self {
        Self { end, model: String::new(), executions: None, seconds, message: String::new() }
    }

    pub fn is_killed(&self) -> bool {
        self.end == End::Killed
    }

    pub fn kept(file: &Path) -> Option<Self> {
        serde_json::from_str(&context::read(file).ok()?).ok()
    }

    pub fn keep(&self, file: &Path) -> Result<()> {
        context::write(file, &serde_json::to_string(self)?)
    }

    pub fn cells(&self) -> [String; 5] {
        let text = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let (word, unknown) = match self.end {
            End::Killed => ("killed", "?"),
            End::Survived => ("survived", ""),
            End::TimedOut => ("timed out", ""),
        };
        let executions = self.executions.map_or_else(|| unknown.to_owned(), grouped);
        let message: String = self.message.chars().take(90).collect();
        let seconds = format!("{:.1}", self.seconds);
        [word.to_owned(), text(&self.model), executions, seconds, text(&message)]
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, seconds, .. } = self;
        match self.end {
            End::Killed => write!(f, "killed by {model} in {seconds:.1} s"),
            End::Survived => write!(f, "SURVIVED, {seconds:.0} s"),
            End::TimedOut => write!(f, "TIMED OUT in {model}"),
        }
    }
}

const BUILD: Duration = Duration::from_secs(900);

/// What the name of a model ends with that is explored up to two preemptions only; what comes
/// before it is its test, such as `world::end_sweep`.
pub const QUICK: &str = ", quick";

/// Builds the models and returns the program. Each worker has a folder of its own, so that they do
/// not wait for one another.
pub fn build(worker: usize, tree: &Tree) -> Result<PathBuf> {
    // A change may leave something unused.
    let variables = format!(
        "CARGO_TARGET_DIR=$TARGET/mutants/worker-{worker}/target RUSTFLAGS=--cfg=loom \
         RUSTFLAGS+=--cap-lints=warn"
    );
    let build = with_copy(&variables, "test --release --features loom --test loom --no-run");
    executable(build, tree, &TARGET.join(format!("mutants/worker-{worker}/tree")))
}

/// Builds a test from a tree in a folder, and returns the program.
pub fn executable(build: Command, tree: &Tree, folder: &Path) -> Result<PathBuf> {
    tree::write(tree, folder)?;
    let build = "--message-format json-render-diagnostics --color never"
        .split(' ')
        .fold(build.within(folder).env("CARGO_PROFILE_RELEASE_DEBUG", "false"), Command::argument);
    let (mut binary, mut output) = (None, Vec::new());
    let result = process::run(&build, BUILD, |line| match serde_json::from_str::<Value>(line) {
        Ok(message) => {
            let path = message["executable"].as_str().map(PathBuf::from);
            binary = path.or_else(|| binary.take());
        }
        _ => output.push(line.to_owned()),
    });
    result.map_err(|reason| {
        let errors = output.iter().skip_while(|line| !line.starts_with("error"));
        let errors: Vec<&str> = errors.take(12).map(String::as_str).collect();
        anyhow!("does not build, {reason:#}\n{}", errors.join("\n"))
    })?;
    binary.with_context(|| format!("{build}: named no executable, expected one"))
}

pub fn tests(binary: &Path) -> Result<Vec<String>> {
    let list = process::output_of(&program(binary, "--list"))?;
    Ok(list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// Explores one model, in a process of its own. One that passes survives, and its message is its
/// bound.
pub fn explore(binary: &Path, model: &str, limit: Duration) -> Result<Outcome> {
    let test = model.trim_end_matches(QUICK);
    let run = program(binary, "--nocapture --exact").argument(test);
    let run = if test == model { run } else { run.env("SLOTARENA_LOOM_QUICK", "2") };
    let started = Instant::now();
    let (mut tally, mut failed) = (Tally::default(), None);
    let result = process::run(&run, limit, |line| {
        tally.read(line);
        failed = failed.take().or_else(|| failure(line));
    });
    let seconds = started.elapsed().as_secs_f64();
    let (end, executions, message) = match result {
        Ok(()) => {
            let line = tally.models.pop();
            let line =
                line.with_context(|| format!("{model}: no line `model: …`, expected one"))?;
            (End::Survived, Some(line.executions), line.bound)
        }
        Err(_) if started.elapsed() > limit => (End::TimedOut, None, String::new()),
        Err(reason) => {
            let (execution, message) = failed.unwrap_or_else(|| (None, format!("{reason:#}")));
            (End::Killed, execution, message)
        }
    };
    Ok(Outcome { end, model: model.to_owned(), executions, seconds, message })
}

/// Reads `failed: EXECUTION | MESSAGE`. The harness may have begun the line.
fn failure(line: &str) -> Option<(Option<u64>, String)> {
    let (execution, message) = line.split_once("failed: ")?.1.split_once(" | ")?;
    Some((execution.parse().ok(), message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_cell() {
        let (model, message) = ("a::b".to_owned(), "Invariant 3: x | y\nz".to_owned());
        let killed = Outcome { model, message, ..Outcome::new(End::Killed, 1.5) };
        assert_eq!(killed.cells(), ["killed", "a::b", "?", "1.5", "Invariant 3: x \\| y z"]);
    }
}
