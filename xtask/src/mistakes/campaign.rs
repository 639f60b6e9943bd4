//! Tries many wrong variants of the crate: a model must notice each.
//!
//! The unchanged crate goes first: its models must pass, and say how long they take. Every variant
//! then meets them from the shortest to the longest until one fails. Results are kept, by a
//! fingerprint of what they depend on, so that a run that was broken off goes on where it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::outcome::{End, Outcome};
use super::trial::{QUICK, Worker, explore, loom, tests};
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

    /// Returns the models in the order in which variants meet them, and what came of each in the
    /// unchanged crate.
    fn schedule(&self, base: &Tree, extent: Extent) -> Result<Vec<Outcome>, String> {
        let kept = |pass| self.results.join(format!("baseline-{}-{pass}", fingerprint(base)));
        let build = || {
            println!("building the unchanged crate");
            self.workers[0].build(base)
        };
        let mut schedule = self.pass(&kept("quick"), || {
            let binary = build()?;
            let models = tests(&binary)?.into_iter().map(|test| test + QUICK).collect();
            Ok((binary, models))
        })?;
        if extent == Extent::Full {
            let bounded = schedule.iter().filter(|outcome| outcome.message == QUICK_BOUND);
            let full = bounded.map(|outcome| outcome.model.trim_end_matches(QUICK).to_owned());
            let full: Vec<String> = full.collect();
            let mut full = self.pass(&kept("full"), || Ok((build()?, full)))?;
            // A model whose own bound is the quick one is not explored twice.
            full.retain(|outcome| {
                let quick = outcome.model.clone() + QUICK;
                let same = |o: &Outcome| o.model == quick && o.executions == outcome.executions;
                !schedule.iter().any(same)
            });
            schedule.extend(full);
        }
        schedule.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        Ok(schedule)
    }

    /// Explores models of the unchanged crate, or reads in the file what that showed before.
    fn pass(
        &self,
        file: &Path,
        models: impl FnOnce() -> Result<(PathBuf, Vec<String>), String>,
    ) -> Result<Vec<Outcome>, String> {
        if let Ok(text) = fs::read_to_string(file) {
            return Ok(text.lines().filter_map(Outcome::read).collect());
        }
        let (binary, models) = models()?;
        println!("measuring {} models of the unchanged crate", models.len());
        let all = Mutex::new(Vec::new());
        share_out(self.workers.len(), &models, |_, model| {
            let outcome = explore(&binary, model, Duration::from_secs(1800))?;
            if outcome.end != End::Survived {
                return Err(format!("with nothing changed, {outcome}: {}", outcome.message));
            }
            println!("measured {model}: {:.1} s", outcome.seconds);
            all.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
            Ok(())
        })?;
        let all = all.into_inner().unwrap_or_default();
        context::write(file, &all.iter().map(Outcome::line).collect::<String>())?;
        Ok(all)
    }
}

/// Lets a variant meet the models until one fails.
fn try_out(worker: &Worker, variant: &Variant, schedule: &[Outcome]) -> Outcome {
    let binary = match worker.build(&variant.tree) {
        Ok(binary) => binary,
        Err(reason) => return Outcome::broken(reason),
    };
    let mut order: Vec<(&str, f64)> = schedule.iter().map(|o| (&*o.model, o.seconds)).collect();
    if let Some(hint) = &variant.hint {
        let quick = hint.clone() + QUICK;
        if !order.iter().any(|(model, _)| *model == quick) {
            return Outcome::broken(format!("`killer: {hint}` names no model"));
        }
        // First as the others are, and when none has noticed, to its end.
        order.sort_by_key(|(model, _)| *model != quick);
        order.push((hint, 4.0 * PATIENCE));
    }
    let mut given_up = Vec::new();
    let started = Instant::now();
    for (model, seconds) in order {
        let limit = Duration::from_secs_f64(PATIENCE.max(5.0 * seconds));
        match explore(&binary, model, limit) {
            Ok(outcome) if outcome.is_killed() => return outcome,
            Ok(outcome) if outcome.end == End::TimedOut => given_up.push(model),
            Ok(_) => {}
            Err(reason) => return Outcome::broken(reason),
        }
    }
    let end = if given_up.is_empty() { End::Survived } else { End::TimedOut };
    let seconds = started.elapsed().as_secs_f64();
    Outcome { model: given_up.join("; "), ..Outcome::new(end, seconds) }
}
