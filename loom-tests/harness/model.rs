//! A model, and its exploration.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Instant;

use crate::harness::checker;
use crate::harness::outcome::{self, Outcomes};
use crate::harness::stage::{Shape, Stage};

/// A model: its name, its invariants, its operations, and the bounds of its exploration.
pub struct Model {
    name: &'static str,
    invariants: &'static str,
    what: &'static str,
    /// The most preemptions in an execution. `None`: no bound.
    preemptions: Option<usize>,
    long: bool,
    small: bool,
    coarse: bool,
}

/// Makes a model without a bound.
pub fn model(name: &'static str, invariants: &'static str, what: &'static str) -> Model {
    let (preemptions, long, small, coarse) = (None, false, false, false);
    Model { name, invariants, what, preemptions, long, small, coarse }
}

impl Model {
    /// Bounds the preemptions in an execution, for a model too large to explore completely.
    pub fn bound(self, preemptions: usize) -> Self {
        Self { preemptions: Some(preemptions), ..self }
    }

    /// Marks a model that takes seconds, so that a quick run bounds it.
    pub fn long(self) -> Self {
        Self { long: true, ..self }
    }

    /// Marks a model that is small enough for shuttle's own, complete search.
    pub fn small(self) -> Self {
        Self { small: true, ..self }
    }

    /// Has the outcomes of a bounded model compared without what each thread reads. Executions that
    /// differ in that alone do not all keep to one bound.
    pub fn coarse(self) -> Self {
        Self { coarse: true, ..self }
    }

    /// Runs `f` in every interleaving.
    pub fn explore(self, f: impl Fn() + Sync + Send + 'static) {
        let Model { name, invariants, what, mut preemptions, long, small, coarse } = self;
        if let (true, Ok(most)) = (long, std::env::var("SLOTARENA_LOOM_QUICK")) {
            let most = most.parse().expect("a number of preemptions");
            preemptions = Some(preemptions.map_or(most, |bound| bound.min(most)));
        }
        let preemptions = preemptions.map(checker::bound);
        outcome::leave_reads_out(coarse);
        let f = Arc::new(f);
        let start = Instant::now();
        let (count, outcomes) = run(f.clone(), |f| checker::explore(preemptions, f));
        let bound = match preemptions {
            None => "no bound".into(),
            Some(1) => "1 preemption".into(),
            Some(bound) => format!("{bound} preemptions"),
        };
        let seconds = start.elapsed().as_secs_f64();
        if outcomes.write(name, format_args!("{count} | {bound} | {seconds:.2}")) {
            println!("explored: {name}, {bound}, {count}, {seconds:.2} s");
        } else {
            println!("model: {name} | {invariants} | {what} | {bound} | {count} | {seconds:.2}");
        }
        if let Some(explore_all) = checker::EXPLORE_ALL.filter(|_| small) {
            let (count, all) = run(f, explore_all);
            println!("cases: interleavings of {name} {count}");
            assert_eq!(outcomes, all, "the complete search finds the same outcomes");
        }
    }

    /// Runs `play` on a fresh stage, and its checks, in every interleaving.
    pub fn stage(self, shape: Shape, play: impl Fn(&mut Stage) + Sync + Send + 'static) {
        self.explore(move || {
            let mut stage = Stage::new(shape);
            play(&mut stage);
            stage.finish();
        });
    }
}

/// Explores `f`. Returns the number of executions and their outcomes.
fn run<F: Fn() + Sync + Send + 'static>(
    f: Arc<F>,
    explore: impl FnOnce(Box<dyn Fn() + Sync + Send>),
) -> (u64, Arc<Outcomes>) {
    let executions = Arc::new(AtomicU64::new(0));
    let outcomes = Arc::new(Outcomes::default());
    let (counter, sink) = (executions.clone(), outcomes.clone());
    REPORT.call_once(report_failures);
    explore(Box::new(move || {
        let number = counter.fetch_add(1, Ordering::Relaxed) + 1;
        EXECUTION.set(number);
        f();
        sink.collect();
    }));
    (executions.load(Ordering::Relaxed), outcomes)
}

thread_local! {
    /// The number of the current execution, or 0 after a failure. All executions of a model run on
    /// one thread.
    static EXECUTION: Cell<u64> = const { Cell::new(0) };
}

static REPORT: Once = Once::new();

/// Prints the execution and the message of a model's first panic as `failed: EXECUTION | MESSAGE`.
///
/// The line is printed before unwinding, which may end the process.
fn report_failures() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let execution = EXECUTION.replace(0);
        if execution > 0 {
            let payload = info.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("?");
            println!("failed: {execution} | {}", text.lines().collect::<Vec<_>>().join(" "));
        }
        hook(info);
    }));
}
