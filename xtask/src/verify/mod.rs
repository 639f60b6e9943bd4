//! `cargo xtask verify`: runs the checks and says how they went.
//!
//! - `evidence`: what a check must show to have passed
//! - `checks`: the table of checks
//! - `report`: the tables that close a run

mod evidence;
mod checks;
mod report;

pub use checks::{listing, named};

use std::process::ExitCode;
use std::time::{Duration, Instant};

use checks::When::{Always, OnRequest};
use checks::{CHECKS, Check};
use evidence::Evidence;
use report::{Outcome, Verdict, closing};

use crate::loom::index;
use crate::run::context::Context;
use crate::run::display::{Display, counted, grouped, seconds};
use crate::run::process;
use crate::run::tally::Tally;

/// How much of a failed check's output is shown.
const TAIL: usize = 80;

/// Runs the chosen checks in the table's order. A failure does not stop the others.
pub fn verify(context: &Context) -> ExitCode {
    let options = &context.options;
    let chosen = |check: &&Check| {
        let named = options.only.iter().any(|name| name == check.name);
        let usual = if options.quick { check.when == Always } else { check.when != OnRequest };
        named || (options.only.is_empty() && usual)
    };
    let checks: Vec<&'static Check> = CHECKS.iter().filter(chosen).collect();
    let started = Instant::now();
    let mut outcomes = Vec::new();
    for (index, check) in checks.iter().enumerate() {
        let display = Display::begin(index + 1, checks.len(), check.name);
        outcomes.push(run(check, context, display));
    }
    println!("\n{} in {}", counted(checks.len() as u64, "check"), seconds(started.elapsed()));
    print!("{}", closing(&outcomes));
    let failed = outcomes.iter().any(|outcome| outcome.verdict == Verdict::Failed);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs one check: its commands in turn, up to the first that fails.
fn run(check: &'static Check, context: &Context, mut display: Display) -> Outcome {
    let started = Instant::now();
    let mut tally = Tally::default();
    let commands = match check.plan(context, &|text| display.say(text)) {
        Ok(commands) => commands,
        Err(reason) => {
            display.end(&format!("skipped: {reason}"));
            let (verdict, time) = (Verdict::Skipped(reason), started.elapsed());
            return Outcome { check, verdict, extent: String::new(), time, tally };
        }
    };

    let minutes = Duration::from_secs(60 * check.minutes);
    let limit = minutes + Duration::from_secs(context.options.seconds.unwrap_or(0));
    let mut output = Vec::new();
    let mut failure = None;
    for command in &commands {
        output.push(format!("$ {command}"));
        let left = limit.saturating_sub(started.elapsed());
        let result = process::run(command, &context.root, left, |line| {
            if let Some(line) = line {
                hear(line, &mut tally, &mut display);
                output.push(line.to_owned());
            }
            display.beat();
        });
        if let Err(reason) = result {
            failure = Some(format!("{command}: {reason}"));
            break;
        }
    }
    let failure = failure.or_else(|| check.evidence.missing(&tally));
    let failure = failure.or_else(|| match check.evidence {
        Evidence::Models => index::check(context, &tally.models).err(),
        _ => None,
    });
    let extent = check.evidence.extent(&tally, &context.root, commands.len());
    let log = context.target.join(format!("verify/{}.log", check.name));
    let kept = crate::run::context::write(&log, &(output.join("\n") + "\n"));
    display.end(&match &failure {
        None => format!("ok      {extent}"),
        Some(reason) => format!("FAILED  {reason}"),
    });
    let verdict = if failure.is_some() { Verdict::Failed } else { Verdict::Passed };
    if failure.is_some() {
        let tail = &output[output.len().saturating_sub(TAIL)..];
        let log = kept.map_or_else(|error| error, |()| log.display().to_string());
        println!("---- last {} of {} lines ({log})", tail.len(), output.len());
        tail.iter().for_each(|line| println!("  {line}"));
        println!("----");
    }
    Outcome { check, verdict, extent, time: started.elapsed(), tally }
}

/// Counts a line and lets the display know.
fn hear(line: &str, tally: &mut Tally, display: &mut Display) {
    if let Some(variant) = line.strip_prefix("variant: ") {
        display.say(variant);
    }
    if tally.read(line) {
        let Some(model) = tally.models.last() else { return };
        let done = format!("{} done", counted(tally.models.len() as u64, "model"));
        let executions = grouped(model.executions);
        display.say(&format!("{done}: {}, {executions} executions", model.name));
        display.update(&done);
    } else if tally.models.is_empty() && !line.trim().is_empty() {
        display.update(line.trim());
    }
}
