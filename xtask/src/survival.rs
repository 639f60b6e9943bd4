//! The known mistakes of `loom-tests/seeded/` once more, without loom: which of them does the
//! stress test notice, in how much time, and which does it never see?
//!
//! Each is built as any user would build it, and the stress test is let loose on it, a test at a
//! time, all processors at its disposal. Results are kept by a fingerprint of the source, so that
//! a run that was broken off goes on where it was; whoever survived is tried again only when
//! given more time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crate::invocation::{cargo, program};
use crate::mutants::{arguments, commit, is_chosen};
use crate::outcome::Outcome;
use crate::process;
use crate::seeded::{self, Seed};
use crate::tree::{self, Tree, fingerprint};
use crate::trial::{executable, tests};
use crate::verify::Setup;

/// The table that is written.
const TABLE: &str = "tests/threads/SURVIVAL.md";

/// Why some of those that survive are not noticed.
const REASONS: &str = "tests/threads/survivors.txt";

/// How many seconds each is given if nothing else is asked for.
const SECONDS: u64 = 60;

/// A test that needs so much longer than it was given does not come to an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the rest of a test's words are waited for after its first panic.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Lets the stress test loose on all mistakes whose names contain one of the filters. With
/// `again`, what is known of them is forgotten first. That some survive is no error.
pub fn run(setup: &Setup, again: bool, filters: &[String]) -> Result<(), String> {
    let workshop = Workshop::new(setup)?;
    let base = tree::read_for_stress(&setup.root)?;
    let seeds = seeded::read_all(setup)?;
    let mut outcomes = BTreeMap::new();
    let chosen: Vec<&Seed> = seeds.iter().filter(|seed| is_chosen(&seed.name, filters)).collect();
    if chosen.is_empty() {
        return Err("no mistake has such a name".to_owned());
    }
    if let Outcome::Killed { model, message, .. } = workshop.outcome(&base, false)? {
        return Err(format!("{model} fails with nothing changed: {message}"));
    }
    for (n, seed) in chosen.iter().enumerate() {
        let outcome = workshop.outcome(&seed.applied(&base)?, again)?;
        println!("variant: {}: {outcome} ({} of {})", seed.name, n + 1, chosen.len());
    }
    for seed in &seeds {
        if let Some(outcome) = workshop.kept(&seed.applied(&base)?) {
            outcomes.insert(&*seed.name, outcome);
        }
    }
    let reasons = arguments(&tree::read_file(&setup.root, REASONS)?)?;
    let file = setup.root.join(TABLE);
    fs::write(&file, table(&commit(setup), &seeds, &outcomes, &reasons))
        .map_err(|error| format!("{TABLE}: {error}"))
}

/// Where the variants are built and the results are kept.
struct Workshop {
    tree: PathBuf,
    target: PathBuf,
    lock: PathBuf,
    results: PathBuf,
    seconds: u64,
}

impl Workshop {
    fn new(setup: &Setup) -> Result<Self, String> {
        let folder = setup.target.join("stress");
        let results = folder.join("results");
        fs::create_dir_all(&results).map_err(|error| format!("{}: {error}", results.display()))?;
        Ok(Self {
            tree: folder.join("tree"),
            target: folder.join("target"),
            lock: setup.root.join("Cargo.lock"),
            results,
            seconds: setup.seconds.unwrap_or(SECONDS),
        })
    }

    fn file(&self, tree: &Tree) -> PathBuf {
        self.results.join(fingerprint(tree))
    }

    /// What was found out before.
    fn kept(&self, tree: &Tree) -> Option<Outcome> {
        Outcome::read(fs::read_to_string(self.file(tree)).ok()?.trim_end())
    }

    /// What becomes of a variant, if need be by trying it.
    fn outcome(&self, tree: &Tree, again: bool) -> Result<Outcome, String> {
        let file = self.file(tree);
        match self.kept(tree).filter(|_| !again) {
            Some(Outcome::Survived { seconds }) if seconds < self.seconds as f64 => {}
            Some(outcome) => return Ok(outcome),
            None => {}
        }
        let outcome = self.try_out(tree)?;
        fs::write(&file, outcome.line()).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(outcome)
    }

    fn try_out(&self, tree: &Tree) -> Result<Outcome, String> {
        let binary = self.build(tree)?;
        let mut tests = tests(&binary)?;
        // The long run first.
        tests.sort_by_key(|test| !test.starts_with("long_run"));
        let started = Instant::now();
        for model in tests {
            if let Some((at, message)) = self.stress(&binary, &model)? {
                let seconds = (at - started).as_secs_f64();
                return Ok(Outcome::Killed { model, executions: None, seconds, message });
            }
        }
        Ok(Outcome::Survived { seconds: self.seconds as f64 })
    }

    fn build(&self, tree: &Tree) -> Result<PathBuf, String> {
        tree::write(tree, &self.tree, &self.lock)?;
        let build = cargo("test --release --test threads --no-run --color never");
        // A change may leave something unused.
        let build = build.target_dir(&self.target).env("RUSTFLAGS", "--cap-lints warn");
        executable(&build.env("CARGO_PROFILE_RELEASE_DEBUG", "false"), &self.tree)
    }

    /// Runs one test, which has its share of all seconds. When did it fail, and what did it say?
    fn stress(&self, binary: &Path, test: &str) -> Result<Option<(Instant, String)>, String> {
        let run = program(&binary.to_string_lossy(), "--nocapture --exact").argument(test);
        let run = run.env("SLOTARENA_STRESS_SECONDS", self.seconds.to_string());
        let limit = Duration::from_secs(self.seconds) + PATIENCE;
        let started = Instant::now();
        let mut fall = Fall::default();
        let result = process::run_while(&run, Path::new("."), limit, |line| {
            fall.hear(line);
            !fall.is_told()
        });
        let Err(reason) = result else { return Ok(None) };
        let reason = if started.elapsed() >= limit { "does not come to an end" } else { &reason };
        let message = fall.message.unwrap_or_else(|| reason.to_owned());
        Ok(Some((fall.at.unwrap_or_else(Instant::now), message)))
    }
}

/// A test's failure, as far as it has been told.
#[derive(Default)]
struct Fall {
    /// When the first panic was reported.
    at: Option<Instant>,
    message: Option<String>,
    /// The long run has said all that there is to say.
    is_complete: bool,
}

impl Fall {
    fn hear(&mut self, line: Option<&str>) {
        let Some(line) = line else { return };
        if let Some((_, rest)) = line.split_once("failure: ") {
            let message = rest.split(" | ").next().unwrap_or(rest);
            self.message = Some(message.to_owned());
            self.at.get_or_insert_with(Instant::now);
            self.is_complete = true;
        } else if self.at.is_none() {
            if line.contains(" panicked at ") {
                self.at = Some(Instant::now());
            }
        } else if let Some(message) = &mut self.message {
            // What was compared, if that is what it was.
            if line.starts_with("  left: ") || line.starts_with(" right: ") {
                *message += &format!("; {}", line.trim());
            }
        } else {
            self.message = Some(line.to_owned());
        }
    }

    /// Is there nothing more to wait for?
    fn is_told(&self) -> bool {
        self.is_complete || self.at.is_some_and(|at| at.elapsed() > LAST_WORDS)
    }
}

fn table(
    commit: &str,
    seeds: &[Seed],
    outcomes: &BTreeMap<&str, Outcome>,
    reasons: &BTreeMap<String, String>,
) -> String {
    let noticed = outcomes.values().filter(|outcome| outcome.is_killed()).count();
    let processors = available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "# Known mistakes that a stress run notices, and those it does not\n\n\
         Made by `cargo xtask verify seeded-stress` from {commit}, on {processors} processors \
         ({}).\n\n\
         Each is a file in `loom-tests/seeded/`, and noticed by a model. Here it was built without \
         loom, and the\nstress test ran for as long as it takes, or as it says: {noticed} of {} \
         were noticed. The seconds are those to the\nfirst failure of the first test to fail, \
         by chance. Why the others live is said in `survivors.txt`.\n\n\
         | name | mistake | invariants | outcome | test | what it said, or why it said nothing |\n\
         |---|---|---|---|---|---|\n",
        std::env::consts::ARCH,
        outcomes.len(),
    );
    for seed in seeds {
        let [outcome, test, said] = match outcomes.get(&*seed.name) {
            Some(outcome @ Outcome::Killed { seconds, .. }) => {
                let [_, test, _, _, message] = outcome.cells();
                [format!("noticed after {seconds:.1} s"), test, message]
            }
            Some(Outcome::Survived { seconds }) => {
                let reason = reasons.get(&seed.name).map_or("", |reason| reason.trim());
                let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                [format!("**not noticed** in {seconds:.0} s"), String::new(), reason]
            }
            _ => ["not tried yet".to_owned(), String::new(), String::new()],
        };
        let Seed { name, what, invariant, .. } = seed;
        text += &format!("| {name} | {what} | {invariant} | {outcome} | {test} | {said} |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(output: &str) -> Fall {
        let mut fall = Fall::default();
        output.lines().for_each(|line| fall.hear(Some(line)));
        fall
    }

    #[test]
    fn the_first_failure_is_heard() {
        let fall = hear("running 1 test\nthread 'a' (7) panicked at x.rs:1:2:\nno slot\nnote: b\n");
        assert_eq!((fall.message.as_deref(), fall.is_complete), (Some("no slot"), false));
        let fall = hear(
            "thread 'a' (7) panicked at x.rs:1:2:\nassertion failed\n  left: 1\n right: 2\n\
             failure: slot 7 is 1's | after 1.2 s, seed 3: 2 threads\nthread 'b' panicked at c",
        );
        assert_eq!((fall.message.as_deref(), fall.is_complete), (Some("slot 7 is 1's"), true));
        let fall = hear("x panicked at y\nassertion failed\n  left: 1\n right: 2\nmore\n");
        assert_eq!(fall.message.as_deref(), Some("assertion failed; left: 1; right: 2"));
        assert!(hear("running 1 test\nall is well").at.is_none());
    }

    #[test]
    fn the_table_says_what_became_of_each() {
        let text = "What.\n\ninvariant: 3\n\n--- src/a.rs\n<<<<\nx\n====\ny\n>>>>\n";
        let seed = |name| Seed::read(name, text).unwrap_or_else(|reason| panic!("{reason}"));
        let fallen = Outcome::Killed {
            model: "long_run::x".to_owned(),
            executions: None,
            seconds: 1.25,
            message: "slot 1".to_owned(),
        };
        let outcomes = BTreeMap::from([("a", fallen), ("b", Outcome::Survived { seconds: 30.0 })]);
        let reasons = BTreeMap::from([("b".to_owned(), "  by\n    luck".to_owned())]);
        let table = table("commit 1", &[seed("a"), seed("b"), seed("c")], &outcomes, &reasons);
        let rows: Vec<&str> = table.lines().rev().take(3).collect();
        assert_eq!(rows[2], "| a | What. | 3 | noticed after 1.2 s | long_run::x | slot 1 |");
        assert_eq!(rows[1], "| b | What. | 3 | **not noticed** in 30 s |  | by luck |");
        assert_eq!(rows[0], "| c | What. | 3 | not tried yet |  |  |");
    }
}
