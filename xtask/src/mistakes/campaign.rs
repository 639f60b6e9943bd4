//! Tries many wrong variants of the crate: a model must notice each.
//!
//! The unchanged crate goes first: its models must pass, and say how long they take. Every variant
//! then meets them from the shortest to the longest until one fails. Results are kept, by a
//! fingerprint of what they depend on, so that a run that was broken off goes on where it was.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::trial::{End, Outcome, QUICK, build, explore, tests};
use crate::loom::patched;
use crate::run::{TARGET, context, output_of, seconds, share_out};
use crate::source::{Tree, fingerprint};

/// What a quick exploration is limited to, as a model's line says it.
const QUICK_BOUND: &str = "2 preemptions";

/// How long a model may take in any case.
const PATIENCE: f64 = 60.0;

pub struct Variant {
    pub name: String,
    pub cells: String,
    pub tree: Tree,
    /// The test that is thought to notice: it goes first, and may take all the time it needs.
    pub hint: Option<String>,
}

pub struct Campaign {
    /// Explores to the end, too, what has been explored up to two preemptions. Else only a hint is.
    pub is_full: bool,
}

impl Campaign {
    pub fn kept(&self, tree: &Tree) -> Option<Outcome> {
        Outcome::kept(&self.file(tree))
    }

    fn file(&self, tree: &Tree) -> PathBuf {
        let kind = if self.is_full { "" } else { "-quick" };
        TARGET.join(format!("mutants/results/{}{kind}", fingerprint(tree)))
    }

    /// Tries all variants that no outcome is kept for, or `again` all. The error is about the
    /// unchanged crate, or says which could not be tried.
    pub fn run(&self, base: &Tree, variants: &[&Variant], again: bool) -> Result<()> {
        let mut open = variants.to_vec();
        open.retain(|Variant { name, tree, .. }| {
            let known = self.kept(tree).filter(|_| !again);
            known.iter().for_each(|outcome| println!("variant: {name}: {outcome} (before)"));
            known.is_none()
        });
        if open.is_empty() {
            return Ok(());
        }
        output_of(&patched::patch())?;
        let schedule = self.schedule(base)?;
        let (started, done) = (Instant::now(), AtomicUsize::new(0));
        let tried = share_out(&open, |worker, variant| {
            let Variant { name, tree, .. } = variant;
            let outcome = self.try_out(worker, variant, &schedule);
            let outcome = outcome.with_context(|| format!("{name} could not be tried"))?;
            outcome.keep(&self.file(tree))?;
            let (done, all) = (done.fetch_add(1, Ordering::Relaxed) + 1, open.len());
            let time = seconds(started.elapsed());
            println!("variant: {name}: {outcome} ({done} of {all} in {time})");
            Ok(())
        });
        tried.map(drop)
    }

    /// Returns the models in the order in which variants meet them, and what came of each in the
    /// unchanged crate.
    fn schedule(&self, base: &Tree) -> Result<Vec<Outcome>> {
        let mut schedule = pass(base, "quick", |test| Some(test + QUICK))?;
        if self.is_full {
            let quick = |test: &str| schedule.iter().find(|o| o.model == test.to_owned() + QUICK);
            let is_bounded = |test: &String| quick(test).is_some_and(|o| o.message == QUICK_BOUND);
            let mut full = pass(base, "full", |test| Some(test).filter(is_bounded))?;
            // A model whose own bound is the quick one is not explored twice.
            full.retain(|o| quick(&o.model).is_none_or(|quick| quick.executions != o.executions));
            schedule.extend(full);
        }
        schedule.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        Ok(schedule)
    }

    /// Lets a variant meet the models until one fails. The error says why it could not be tried.
    fn try_out(&self, worker: usize, variant: &Variant, schedule: &[Outcome]) -> Result<Outcome> {
        let binary = build(worker, &variant.tree)?;
        let mut order: Vec<(&str, f64)> = schedule.iter().map(|o| (&*o.model, o.seconds)).collect();
        if let Some(hint) = &variant.hint {
            let quick = hint.clone() + QUICK;
            let is_model = order.iter().any(|(model, _)| *model == quick);
            ensure!(is_model, "`killer: {hint}` names no model");
            // First as the others are, and when none has noticed, to its end.
            order.sort_by_key(|(model, _)| *model != quick);
            order.push((hint, 4.0 * PATIENCE));
        }
        let mut given_up = Vec::new();
        let started = Instant::now();
        for (model, seconds) in order {
            let limit = Duration::from_secs_f64(PATIENCE.max(5.0 * seconds));
            let outcome = explore(&binary, model, limit)?;
            match outcome.end {
                End::Killed => return Ok(outcome),
                End::TimedOut => given_up.push(model),
                End::Survived => {}
            }
        }
        let end = if given_up.is_empty() { End::Survived } else { End::TimedOut };
        let seconds = started.elapsed().as_secs_f64();
        Ok(Outcome { model: given_up.join("; "), ..Outcome::new(end, seconds) })
    }
}

/// Explores the models of the unchanged crate that these tests stand for, or reads what that
/// showed before.
fn pass(base: &Tree, name: &str, model: impl Fn(String) -> Option<String>) -> Result<Vec<Outcome>> {
    let file = TARGET.join(format!("mutants/results/baseline-{}-{name}", fingerprint(base)));
    if let Ok(known) = fs::read(&file) {
        return Ok(serde_json::from_slice(&known)?);
    }
    println!("building the unchanged crate");
    let binary = build(0, base)?;
    let models: Vec<String> = tests(&binary)?.into_iter().filter_map(model).collect();
    println!("measuring {} models of the unchanged crate", models.len());
    let all = share_out(&models, |_, model| {
        let outcome = explore(&binary, model, Duration::from_secs(1800))?;
        let is_right = outcome.end == End::Survived;
        ensure!(is_right, "with nothing changed, {outcome}: {}", outcome.message);
        println!("measured {model}: {:.1} s", outcome.seconds);
        Ok(outcome)
    })?;
    context::write(&file, &serde_json::to_string(&all)?)?;
    Ok(all)
}
