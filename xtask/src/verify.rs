//! Runs the checks and says how they went.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::evidence::Evidence;
use crate::index;
use crate::process;
use crate::progress::{Progress, seconds};
use crate::report::{Outcome, Verdict, closing};
use crate::steps::When::{Always, OnRequest};
use crate::steps::{STEPS, Step};
use crate::tally::{Tally, counted, grouped};

/// How much of a failed check's output is shown.
const TAIL: usize = 80;

/// The checks that try wrong variants of the crate.
const VARIANTS: [&str; 4] = ["mutants", "seeded", "seeded-stress", "seeded-tsan"];

/// What the user chose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    pub quick: bool,
    /// Names of checks; all of them when empty.
    pub only: Vec<String>,
    /// Variants that were tried before are tried again.
    pub all: bool,
    /// Not the proofs, but mistakes in them.
    pub mutants: bool,
    /// Parts of the names of variants; all of them when empty.
    pub names: Vec<String>,
    /// For how long the stress test runs, on the crate or on each mistake.
    pub seconds: Option<u64>,
}

impl Options {
    /// Is a check named that tries variants?
    pub fn is_about_variants(&self) -> bool {
        self.mutants || self.only.iter().any(|name| VARIANTS.contains(&&**name))
    }
}

/// What a check may need to know before it starts.
pub struct Setup {
    pub quick: bool,
    /// Not the proofs, but mistakes in them.
    pub mutants: bool,
    /// The repository.
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    /// For the checks that try variants: their part of the command line.
    pub variants: String,
    /// For how long the stress test is to run, if that was said.
    pub seconds: Option<u64>,
}

impl Setup {
    pub fn new(options: &Options) -> Self {
        // `cargo xtask` tells where this package is; a copied binary knows where it was built.
        let package = std::env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&package).parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let seconds = options.seconds;
        let time = seconds.map_or_else(String::new, |seconds| format!("--seconds {seconds}"));
        let all = if options.all { "--all" } else { "" };
        let variants = [all, &time, &options.names.join(" ")].join(" ");
        let (quick, mutants) = (options.quick, options.mutants);
        Self { quick, mutants, target: root.join(target), root, variants, seconds }
    }
}

/// Runs the chosen checks in the table's order. A failure does not stop the others.
pub fn verify(options: &Options) -> ExitCode {
    let setup = Setup::new(options);
    let chosen = |step: &&Step| {
        let named = options.only.iter().any(|name| name == step.name);
        let usual = if options.quick { step.when == Always } else { step.when != OnRequest };
        named || (options.only.is_empty() && usual)
    };
    let steps: Vec<&'static Step> = STEPS.iter().filter(chosen).collect();
    let started = Instant::now();
    let mut outcomes = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let progress = Progress::begin(index + 1, steps.len(), step.name);
        outcomes.push(check(step, &setup, progress));
    }
    println!("\n{} in {}", counted(steps.len() as u64, "check"), seconds(started.elapsed()));
    print!("{}", closing(&outcomes));
    let failed = outcomes.iter().any(|outcome| outcome.verdict == Verdict::Failed);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs one check: its commands in turn, up to the first that fails.
fn check(step: &'static Step, setup: &Setup, mut progress: Progress) -> Outcome {
    let started = Instant::now();
    let invocations = match (step.plan)(setup, &|text| progress.say(text)) {
        Ok(invocations) => invocations,
        Err(reason) => {
            progress.end(&format!("skipped: {reason}"));
            let (verdict, extent) = (Verdict::Skipped(reason), String::new());
            let (time, passed, failed) = (started.elapsed(), 0, 0);
            let (models, theorems, explorations) = (vec![], vec![], vec![]);
            return Outcome {
                step,
                verdict,
                extent,
                time,
                passed,
                failed,
                models,
                theorems,
                explorations,
            };
        }
    };

    let limit = Duration::from_secs(60 * step.minutes + setup.seconds.unwrap_or(0));
    let mut tally = Tally::default();
    let mut output = Vec::new();
    let mut failure = None;
    for invocation in &invocations {
        output.push(format!("$ {invocation}"));
        let left = limit.saturating_sub(started.elapsed());
        let result = process::run(invocation, &setup.root, left, |line| {
            if let Some(line) = line {
                hear(line, &mut tally, &mut progress);
                output.push(line.to_owned());
            }
            progress.update(None);
        });
        if let Err(reason) = result {
            failure = Some(format!("{invocation}: {reason}"));
            break;
        }
    }
    let failure =
        failure.or_else(|| step.evidence.missing(&tally)).or_else(|| match step.evidence {
            Evidence::Models => index::check(&setup.root, &tally.models, setup.quick).err(),
            _ => None,
        });
    let extent = step.evidence.extent(&tally, &setup.root, invocations.len());
    let log = keep(step, setup, &output);
    progress.end(&match &failure {
        None => format!("ok      {extent}"),
        Some(reason) => format!("FAILED  {reason}"),
    });
    if failure.is_some() {
        show(&output, &log);
    }

    // A check without countable parts, or one that failed before it came to any, counts as one.
    let failed = if failure.is_some() { tally.tests_failed.max(1) } else { 0 };
    let passed = if failed == 0 { tally.passed().max(1) } else { tally.passed() };
    let verdict = if failure.is_some() { Verdict::Failed } else { Verdict::Passed };
    let time = started.elapsed();
    let Tally { models, theorems, explorations, .. } = tally;
    Outcome { step, verdict, extent, time, passed, failed, models, theorems, explorations }
}

/// Counts a line and lets the display know.
fn hear(line: &str, tally: &mut Tally, progress: &mut Progress) {
    if let Some(variant) = line.strip_prefix("variant: ") {
        progress.say(variant);
    }
    if tally.read(line) {
        let Some(model) = tally.models.last() else {
            return;
        };
        let done = counted(tally.models.len() as u64, "model");
        let executions = grouped(model.executions);
        progress.say(&format!("{done} done: {}, {executions} executions", model.name));
        progress.update(Some(&format!("{done} done")));
    } else if tally.models.is_empty() && !line.trim().is_empty() {
        progress.update(Some(line.trim()));
    }
}

/// Writes the output to a file and returns its name for the reader.
fn keep(step: &Step, setup: &Setup, output: &[String]) -> String {
    let directory = setup.target.join("verify");
    let file = directory.join(format!("{}.log", step.name));
    let written =
        fs::create_dir_all(&directory).and_then(|()| fs::write(&file, output.join("\n") + "\n"));
    match written {
        Ok(()) => file.display().to_string(),
        Err(error) => format!("not kept, {error}"),
    }
}

/// Prints the end of a failed check's output.
fn show(output: &[String], log: &str) {
    let tail = &output[output.len().saturating_sub(TAIL)..];
    println!("---- last {} of {} lines ({log})", tail.len(), output.len());
    for line in tail {
        println!("  {line}");
    }
    println!("----");
}
