//! Tries many wrong variants of the crate: a model must notice each.
//!
//! The unchanged crate goes first: its models must pass, and say how long they take. Every variant
//! then meets them from the shortest to the longest until one fails. Results are kept, by a
//! fingerprint of what they depend on, so that a run that was broken off goes on where it was.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::outcome::{End, Outcome};
use super::trial::{Ending, Exploration, Worker, explore, loom, tests};
use crate::loom::patched;
use crate::run::context::{self, Context};
use crate::run::display::seconds;
use crate::run::process::share_out;
use crate::source::tree::{Tree, fingerprint};

/// What a quick exploration is limited to, as a model's line says it.
const QUICK_BOUND: &str = "2 preemptions";

/// How long a model may take in any case.
const PATIENCE: f64 = 60.0;

/// The crate with something wrong in it.
pub struct Variant {
    pub name: String,
    pub tree: Tree,
    /// The test that is thought to notice: it goes first, and may take all the time it needs.
    pub hint: Option<String>,
}

/// How much is done.
#[derive(Clone, Copy, PartialEq)]
pub enum Extent {
    /// Long models are explored up to two preemptions only, apart from a variant's hint.
    Quick,
    /// Those that this does not settle, to the end.
    Full,
}

/// One exploration to come, and what the unchanged crate needed for it.
#[derive(Clone)]
struct Planned {
    exploration: Exploration,
    seconds: f64,
    bound: String,
    executions: u64,
}

/// What came of variants.
pub struct Results {
    /// The names of those that were to be tried.
    pub chosen: Vec<String>,
    /// The outcomes of all that are known, tried now or before.
    pub outcomes: BTreeMap<String, Outcome>,
}

/// Tries the variants that the user has chosen. With `--all`, what is known of them is forgotten
/// first.
pub fn try_chosen(
    context: &Context,
    base: &Tree,
    variants: Vec<Variant>,
    extent: Extent,
) -> Result<Results, String> {
    let campaign = Campaign::new(context)?;
    let is_chosen = |variant: &&Variant| context.options.chooses(&variant.name);
    let chosen: Vec<&Variant> = variants.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        let names = context.options.names.join(" ");
        return Err(format!("no variant has a name with `{names}` in it"));
    }
    if context.options.all {
        // They may not be there.
        chosen.iter().for_each(|v| drop(fs::remove_file(campaign.file(v, extent))));
    }
    campaign.run(context, base, &chosen, extent)?;
    let known = |v: &Variant| Some((v.name.clone(), campaign.kept(v, extent)?));
    let outcomes = variants.iter().filter_map(known).collect();
    Ok(Results { chosen: chosen.iter().map(|v| v.name.clone()).collect(), outcomes })
}

/// Where results are kept, and folders to build in.
struct Campaign {
    results: PathBuf,
    workers: Vec<Worker>,
}

impl Campaign {
    fn new(context: &Context) -> Result<Self, String> {
        let results = context.target.join("mutants/results");
        context::make_folder(&results)?;
        let workers = thread::available_parallelism().map_or(1, usize::from).min(2);
        let workers = (0..workers).map(|n| Worker::new(context, n)).collect();
        Ok(Self { results, workers })
    }

    /// Returns the kept outcome of a variant.
    fn kept(&self, variant: &Variant, extent: Extent) -> Option<Outcome> {
        Outcome::read(&fs::read_to_string(self.file(variant, extent)).ok()?)
    }

    fn file(&self, variant: &Variant, extent: Extent) -> PathBuf {
        let kind = if extent == Extent::Quick { "-quick" } else { "" };
        self.results.join(format!("{}{kind}", fingerprint(&variant.tree)))
    }

    /// Tries all variants that no outcome is kept for. The error is about the unchanged crate.
    fn run(
        &self,
        context: &Context,
        base: &Tree,
        variants: &[&Variant],
        extent: Extent,
    ) -> Result<(), String> {
        let mut open = Vec::new();
        for variant in variants.iter().copied() {
            match self.kept(variant, extent) {
                Some(outcome) => println!("variant: {}: {outcome} (before)", variant.name),
                None => open.push(variant),
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        patched::patch(context, &loom(context))?;
        let schedule = self.schedule(base, extent)?;
        let started = Instant::now();
        let done = AtomicUsize::new(0);
        share_out(self.workers.len(), &open, |worker, variant| {
            let outcome = try_out(&self.workers[worker], variant, &schedule);
            if outcome.end != End::Broken {
                context::write(&self.file(variant, extent), &outcome.line())?;
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            let left = started.elapsed().mul_f64((open.len() - done) as f64 / done as f64);
            let time = seconds(started.elapsed());
            let ahead = if done < open.len() { ", about " } else { "" };
            let left = if done < open.len() { seconds(left) + " left" } else { String::new() };
            println!(
                "variant: {}: {outcome} ({done} of {} in {time}{ahead}{left})",
                variant.name,
                open.len()
            );
            Ok(())
        })
    }

    /// Returns the explorations in the order in which variants meet them.
    fn schedule(&self, base: &Tree, extent: Extent) -> Result<Vec<Planned>, String> {
        let kept = |pass| self.results.join(format!("baseline-{}-{pass}", fingerprint(base)));
        let mut binary = None;
        let mut build = || -> Result<PathBuf, String> {
            if binary.is_none() {
                println!("building the unchanged crate");
                binary = Some(self.workers[0].build(base)?);
            }
            binary.clone().ok_or_else(String::new)
        };
        let mut schedule = self.pass(&kept("quick"), || {
            let binary = build()?;
            let exploration = |test| Exploration { test, quick: true };
            Ok((binary.clone(), tests(&binary)?.into_iter().map(exploration).collect()))
        })?;
        if extent == Extent::Full {
            let bounded = schedule.iter().filter(|planned| planned.bound == QUICK_BOUND);
            let full = bounded.map(|p| Exploration { quick: false, ..p.exploration.clone() });
            let full: Vec<Exploration> = full.collect();
            let full = self.pass(&kept("full"), || Ok((build()?, full)))?;
            // A model whose own bound is the quick one is not explored twice.
            let known: HashMap<String, u64> =
                schedule.iter().map(|p| (p.exploration.test.clone(), p.executions)).collect();
            let more = |p: &Planned| known.get(&p.exploration.test) != Some(&p.executions);
            schedule.extend(full.into_iter().filter(more));
        }
        schedule.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        Ok(schedule)
    }

    /// Explores the unchanged crate, or reads in the file what that showed before.
    fn pass(
        &self,
        file: &Path,
        explorations: impl FnOnce() -> Result<(PathBuf, Vec<Exploration>), String>,
    ) -> Result<Vec<Planned>, String> {
        if let Ok(text) = fs::read_to_string(file) {
            return Ok(text.lines().filter_map(Planned::read).collect());
        }
        let (binary, explorations) = explorations()?;
        println!("measuring {} models of the unchanged crate", explorations.len());
        let all = Mutex::new(Vec::new());
        share_out(self.workers.len(), &explorations, |_, exploration| {
            let limit = Duration::from_secs(1800);
            let (ending, seconds) = explore(&binary, exploration, limit)?;
            let Ending::Passed { bound, executions } = ending else {
                return Err(format!("{exploration} fails with nothing changed: {ending:?}"));
            };
            let exploration = exploration.clone();
            println!("measured {exploration}: {seconds:.1} s");
            if let Ok(mut all) = all.lock() {
                all.push(Planned { exploration, seconds, bound, executions });
            }
            Ok(())
        })?;
        let all = all.into_inner().unwrap_or_default();
        let text: String = all.iter().map(Planned::line).collect();
        context::write(file, &text)?;
        Ok(all)
    }
}

impl Planned {
    fn line(&self) -> String {
        let Planned { exploration, seconds, bound, executions } = self;
        format!("{}\t{}\t{seconds}\t{bound}\t{executions}\n", exploration.test, exploration.quick)
    }

    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [test, quick, seconds, bound, executions] = fields[..] else { return None };
        let exploration = Exploration { test: test.to_owned(), quick: quick.parse().ok()? };
        let (seconds, executions) = (seconds.parse().ok()?, executions.parse().ok()?);
        Some(Self { exploration, seconds, bound: bound.to_owned(), executions })
    }
}

/// Lets a variant meet the models until one fails.
fn try_out(worker: &Worker, variant: &Variant, schedule: &[Planned]) -> Outcome {
    let binary = match worker.build(&variant.tree) {
        Ok(binary) => binary,
        Err(reason) => return Outcome::broken(reason),
    };
    let mut order: Vec<(Exploration, f64)> =
        schedule.iter().map(|planned| (planned.exploration.clone(), planned.seconds)).collect();
    if let Some(hint) = &variant.hint {
        let Some((known, _)) = order.iter().find(|(e, _)| e.test == *hint).cloned() else {
            return Outcome::broken(format!("`killer: {hint}` names no model"));
        };
        // First as the others are, and when none has noticed, to its end.
        order.sort_by_key(|(exploration, _)| *exploration != known);
        order.push((Exploration { quick: false, ..known }, 4.0 * PATIENCE));
    }
    let mut given_up = Vec::new();
    let started = Instant::now();
    for (exploration, seconds) in order {
        let limit = Duration::from_secs_f64(PATIENCE.max(5.0 * seconds));
        match explore(&binary, &exploration, limit) {
            Ok((Ending::Passed { .. }, _)) => {}
            Ok((Ending::TimedOut, _)) => given_up.push(exploration.to_string()),
            Ok((Ending::Failed { message, executions }, seconds)) => {
                let model = exploration.to_string();
                return Outcome { end: End::Killed, model, executions, seconds, message };
            }
            Err(reason) => return Outcome::broken(reason),
        }
    }
    let end = if given_up.is_empty() { End::Survived } else { End::TimedOut };
    let seconds = started.elapsed().as_secs_f64();
    Outcome { model: given_up.join("; "), ..Outcome::new(end, seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_is_kept_whole() {
        let line = "a::b\ttrue\t0.5\t2 preemptions\t12\n";
        assert_eq!(Planned::read(line.trim_end()).map(|p| p.line()).as_deref(), Some(line));
        assert!(Planned::read("a::b").is_none());
    }
}
