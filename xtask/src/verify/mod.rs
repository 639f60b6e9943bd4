//! `cargo xtask verify`: runs the checks and says how they went.
//!
//! - `checks`: the table of checks, and what each must show to have passed
//! - `report`: the tables that close a run

mod checks;
mod report;

pub use checks::{listing, named};

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use checks::When::{Always, OnRequest};
use checks::{CHECKS, Check, Evidence};
use report::{Outcome, Verdict, closing};

use crate::loom::index;
use crate::run::{Display, Options, TARGET, Tally, context, counted, grouped, in_lanes, print};
use crate::run::{process, seconds};

const TAIL: usize = 80;

/// Runs the chosen checks in the table's order, and those with folders of their own in a lane
/// beside the others. A failure stops neither lane. Ends the process if there is one: the last line
/// has said so.
pub fn verify(options: &Options) -> Result<()> {
    let chosen = |check: &&Check| {
        let named = options.only.iter().any(|name| name == check.name);
        let usual = if options.quick { check.when == Always } else { check.when != OnRequest };
        named || (options.only.is_empty() && usual)
    };
    let checks: Vec<&'static Check> = CHECKS.iter().filter(chosen).collect();
    let started = Instant::now();
    let run = |at, check: &&'static Check| run(check, options, at + 1, checks.len());
    let outcomes = in_lanes(&checks, |check| check.is_aside(), run);
    println!("\n{} in {}", counted(checks.len() as u64, "check"), seconds(started.elapsed()));
    print!("{}", closing(&outcomes));
    if outcomes.iter().any(|outcome| outcome.verdict == Verdict::Failed) {
        std::process::exit(1);
    }
    Ok(())
}

/// Runs one check, number `index` of `total`: its commands in turn, up to the first that fails.
fn run(check: &'static Check, options: &Options, index: usize, total: usize) -> Outcome {
    let started = Instant::now();
    let mut tally = Tally::default();
    let plan = check.plan(options);
    let mut display = Display::begin(index, total, check.name);
    let commands = match plan {
        Ok(commands) => commands,
        Err(reason) => {
            display.end(&format!("skipped: {reason:#}"));
            let (verdict, time) = (Verdict::Skipped(format!("{reason:#}")), started.elapsed());
            return Outcome { check, verdict, extent: String::new(), time, tally };
        }
    };

    let limit = Duration::from_secs(60 * check.minutes + options.seconds.unwrap_or(0));
    let mut output = Vec::new();
    let result = commands.iter().try_for_each(|command| {
        output.push(format!("$ {command}"));
        let left = limit.saturating_sub(started.elapsed());
        let hear = |line: Option<&str>| {
            if let Some(line) = line {
                hear(line, &mut tally, &mut display);
                output.push(line.to_owned());
            }
            display.beat();
            true
        };
        process::run_while(command, left, hear).with_context(|| command.to_string())
    });
    let result = result.and_then(|()| match (check.evidence.missing(&tally), check.evidence) {
        (Some(missing), _) => bail!(missing),
        (None, Evidence::Models) => index::check(options.quick, &tally.models),
        (None, _) => Ok(()),
    });
    let extent = match (tally.to_string(), check.evidence) {
        (counts, Evidence::Runs) if counts.is_empty() => counted(commands.len() as u64, "run"),
        (counts, _) => counts,
    };
    let log = TARGET.join(format!("verify/{}.log", check.name));
    let kept = context::write(&log, &(output.join("\n") + "\n"));
    let verdict = match result {
        Ok(()) => {
            display.end(&format!("ok      {extent}"));
            Verdict::Passed
        }
        Err(reason) => {
            display.end(&format!("FAILED  {reason:#}"));
            let tail = &output[output.len().saturating_sub(TAIL)..];
            let log = kept.map_or_else(|error| error.to_string(), |()| log.display().to_string());
            let head = format!("---- last {} of {} lines ({log})", tail.len(), output.len());
            print(&format!("{head}\n  {}\n----", tail.join("\n  ")));
            Verdict::Failed
        }
    };
    Outcome { check, verdict, extent, time: started.elapsed(), tally }
}

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
