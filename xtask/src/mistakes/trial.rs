//! Builds the models from a copy of the source and runs one after another.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::outcome::{End, Outcome};
use crate::loom::patched::with_copy;
use crate::run::{Command, TARGET, Tally, process, program};
use crate::source::tree::{self, Tree};

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
