//! `cargo xtask verify`: runs the checks and says how they went.
//!
//! - `checks`: the table of checks, and what each must show to have passed
//! - `report`: the tables that close a run

mod checks;
mod report;

pub use checks::{listing, named};

use std::time::{Duration, Instant};

use checks::When::{Always, OnRequest};
use checks::{CHECKS, Check, Evidence};
use report::{Outcome, Verdict, closing};

use crate::loom::index;
use crate::run::context::{self, Context};
use crate::run::display::{Display, counted, grouped, seconds};
use crate::run::process;
use crate::run::tally::Tally;
use crate::source::tree::read_folder;

const TAIL: usize = 80;

/// Runs the chosen checks in the table's order. A failure does not stop the others. Returns `true`
/// if there is none.
pub fn verify(context: &Context) -> bool {
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
    outcomes.iter().all(|outcome| outcome.verdict != Verdict::Failed)
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

    let limit = Duration::from_secs(60 * check.minutes + context.options.seconds.unwrap_or(0));
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
        let result = process::run_while(command, &context.root, left, hear);
        result.map_err(|reason| format!("{command}: {reason}"))
    });
    let result = result.and_then(|()| check.evidence.missing(&tally).map_or(Ok(()), Err));
    let result = result.and_then(|()| match check.evidence {
        Evidence::Models => index::check(context, &tally.models),
        _ => Ok(()),
    });
    let extent = extent(check, &tally, context, commands.len() as u64);
    let log = context.target.join(format!("verify/{}.log", check.name));
    let kept = context::write(&log, &(output.join("\n") + "\n"));
    let verdict = match result {
        Ok(()) => {
            display.end(&format!("ok      {extent}"));
            Verdict::Passed
        }
        Err(reason) => {
            display.end(&format!("FAILED  {reason}"));
            let tail = &output[output.len().saturating_sub(TAIL)..];
            let log = kept.map_or_else(|error| error, |()| log.display().to_string());
            println!("---- last {} of {} lines ({log})", tail.len(), output.len());
            tail.iter().for_each(|line| println!("  {line}"));
            println!("----");
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

fn extent(check: &Check, tally: &Tally, context: &Context, commands: u64) -> String {
    let counts = tally.to_string();
    match check.evidence {
        _ if !counts.is_empty() => counts,
        Evidence::Files => {
            let files = read_folder(&context.root, "", &[".rs"]);
            counted(files.map_or(0, |files| files.len() as u64), "file")
        }
        Evidence::Runs => counted(commands, "run"),
        Evidence::Builds => counted(commands, "build"),
        _ => "nothing".to_owned(),
    }
}
