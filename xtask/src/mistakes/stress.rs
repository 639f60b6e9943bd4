//! The known mistakes once more, without loom: which of them does the stress test notice, and in
//! how much time?
//!
//! Each is built as any user would build it. Then the stress test runs on it, one test at a time,
//! with all processors. Those that survive may be tried once more under ThreadSanitizer, which
//! reports accesses that are not ordered even if nothing comes of it. Results are kept by a
//! fingerprint of the source, so that a run that was broken off goes on where it was. A mistake
//! that survived is tried again only when given more time.

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use regex_lite::Regex;

use super::trial::{End, Outcome, executable, tests};
use super::verdicts::commit;
use crate::platforms::prepared;
use crate::run::{Options, Plan, TARGET, cargo, context, process, program};
use crate::source::{
    List, MISTAKES, Mistake, Tree, fingerprint, lists, mistakes, read_reasons, tree,
};

const TABLE: &str = "tests/threads/SURVIVAL.md";

/// A test that needs so much longer than it was given does not come to an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the rest of a test's words are awaited after its first failure.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs the stress test on the mistakes that the user has chosen, or with the sanitizer on those
/// that survived without. With `--all`, what is known of them is forgotten first. That some survive
/// is no error.
pub fn run(options: &Options, is_watched: bool) -> Result<()> {
    let seconds = options.seconds.unwrap_or(60);
    let [plain, watched] = [false, true].map(|is_watched| Workshop { is_watched, seconds });
    let base = tree::for_stress()?;
    let mistakes = mistakes(MISTAKES)?.into_iter();
    let mistakes = mistakes.map(|mistake| Ok((mistake.applied(&base)?, mistake)));
    let mistakes = mistakes.collect::<Result<Vec<_>>>()?;
    let mut chosen = options.choose(&mistakes, |(_, mistake)| &mistake.name)?;
    let is_settled = |tree| plain.kept(tree).is_some_and(|outcome| outcome.is_killed());
    chosen.retain(|(tree, _)| !is_watched || !is_settled(tree));
    ensure!(!chosen.is_empty(), "no mistake of such a name has survived so far");
    let workshop = if is_watched { &watched } else { &plain };
    let outcome = workshop.outcome(&base, false)?;
    let message = &outcome.message;
    ensure!(!outcome.is_killed(), "fails with nothing changed: {outcome}: {message}");
    for (n, (tree, mistake)) in chosen.iter().enumerate() {
        let outcome = workshop.outcome(tree, options.all)?;
        println!("variant: {}: {outcome} ({} of {})", mistake.name, n + 1, chosen.len());
    }
    let rows = mistakes.iter().map(|(tree, m)| (m, plain.kept(tree), watched.kept(tree)));
    let reasons = read_reasons("tests/threads/survivors.txt")?;
    let old = lists::rows(&context::read(TABLE).unwrap_or_default(), 1);
    context::write(TABLE, &table(&commit(), &Vec::from_iter(rows), &reasons, &old))
}

/// Returns the stress test on the crate as it is, under ThreadSanitizer. It is built from a copy
/// without what it does not use, since all that it uses is built for it.
pub fn tsan(options: &Options) -> Plan {
    let tree = TARGET.join("tsan/tree");
    tree::write(&tree::for_stress()?, &tree)?;
    let test = "test --release --test threads -- --nocapture --test-threads=1";
    let test = cargo(&format!("CARGO_TARGET_DIR=$TARGET/tsan/build {test}")).within(&tree);
    let seconds = options.seconds.unwrap_or(20).to_string();
    Ok(vec![test.through(prepared("thread")?).env("SLOTARENA_STRESS_SECONDS", seconds)])
}

/// How the variants are tried.
struct Workshop {
    is_watched: bool,
    seconds: u64,
}

impl Workshop {
    fn folder(&self) -> PathBuf {
        TARGET.join(if self.is_watched { "stress-tsan" } else { "stress" })
    }

    fn file(&self, tree: &Tree) -> PathBuf {
        self.folder().join("results").join(fingerprint(tree))
    }

    fn kept(&self, tree: &Tree) -> Option<Outcome> {
        Outcome::kept(&self.file(tree))
    }

    /// Returns what becomes of a variant, if need be by trying it.
    fn outcome(&self, tree: &Tree, again: bool) -> Result<Outcome> {
        let is_enough = |o: &Outcome| o.is_killed() || o.seconds >= self.seconds as f64;
        if let Some(outcome) = self.kept(tree).filter(|o| !again && is_enough(o)) {
            return Ok(outcome);
        }
        let binary = self.build(tree)?;
        let mut tests = tests(&binary)?;
        // The long run first.
        tests.sort_by_key(|test| !test.starts_with("long_run"));
        let started = Instant::now();
        let killed = tests.into_iter().find_map(|model| {
            let (at, message) = self.stress(&binary, &model)?;
            let seconds = (at - started).as_secs_f64();
            Some(Outcome { model, message, ..Outcome::new(End::Killed, seconds) })
        });
        let outcome = killed.unwrap_or_else(|| Outcome::new(End::Survived, self.seconds as f64));
        outcome.keep(&self.file(tree))?;
        Ok(outcome)
    }

    fn build(&self, tree: &Tree) -> Result<PathBuf> {
        // A change may leave something unused.
        let build = "RUSTFLAGS+=--cap-lints=warn test --release --test threads --no-run";
        let build = cargo(build).env("CARGO_TARGET_DIR", self.folder().join("target"));
        let build = if self.is_watched { build.through(prepared("thread")?) } else { build };
        executable(build, tree, &self.folder().join("tree"))
    }

    /// Runs one test. Returns when it failed, and what it said, if it failed.
    fn stress(&self, binary: &Path, test: &str) -> Option<(Instant, String)> {
        let run = program(binary, "--nocapture --exact").argument(test);
        let run = run.env("SLOTARENA_STRESS_SECONDS", self.seconds.to_string());
        // The first is enough, and what comes after it may be its consequence.
        let run = run.env("TSAN_OPTIONS", "halt_on_error=1");
        let limit = Duration::from_secs(self.seconds) + PATIENCE;
        let (started, mut failed, mut heard) = (Instant::now(), None, String::new());
        let result = process::run_while(&run, limit, |line| {
            heard.extend(line.into_iter().flat_map(|line| [line, "\n"]));
            if failed.is_none() && line.is_some_and(|line| FAILURE.iter().any(|w| line.contains(w)))
            {
                failed = Some(Instant::now());
            }
            failed.is_none_or(|at| at.elapsed() <= LAST_WORDS)
        });
        let mut reason = result.err()?.to_string();
        if started.elapsed() >= limit {
            reason = "does not come to an end".to_owned();
        }
        Some((failed.unwrap_or_else(Instant::now), message(&heard).unwrap_or(reason)))
    }
}

/// What a line has that tells of a failure.
const FAILURE: [&str; 3] = [" panicked at ", "failure: ", "SUMMARY: "];

/// Returns what a test said of its failure: a sanitizer's summary without what differs from build
/// to build, or the long run's own words, or those of the first panic and what was compared.
fn message(heard: &str) -> Option<String> {
    let find = |pattern: &str| Regex::new(pattern).ok()?.captures(heard);
    let groups = |found: regex_lite::Captures| {
        let groups = found.iter().skip(1).flatten().map(|group| group.as_str().trim());
        groups.filter(|group| !group.is_empty()).collect::<Vec<_>>().join("; ")
    };
    let summary = find(r"SUMMARY: ([^(/\n]+?) [(/].* in (.+?)(::h[0-9a-f]+)?\n");
    let summary = summary.map(|found| format!("{} in {}", &found[1], &found[2]));
    let told = || find(r"failure: (.*?) \| ").map(groups);
    let panic = || find(r" panicked at .*\n(.*)\n(  left: .*\n)?( right: .*\n)?").map(groups);
    summary.or_else(told).or_else(panic)
}

/// A mistake, what became of it, and what under ThreadSanitizer.
type Row<'s> = (&'s Mistake, Option<Outcome>, Option<Outcome>);

/// Returns the table. A mistake that has no outcome keeps the row that it had.
fn table(commit: &str, rows: &[Row], reasons: &List, old: &List) -> String {
    let count = |outcome: fn(&Row) -> Option<bool>| {
        let tried = || rows.iter().filter_map(outcome);
        format!("{} of {}", tried().filter(|is_killed| *is_killed).count(), tried().count())
    };
    let processors = available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "# Known mistakes that a stress run notices, and those it does not\n\n\
         Made by `cargo xtask verify seeded-stress` and `... seeded-tsan` from {commit}, on \
         {processors} processors ({}).\n\n\
         Each is a patch in `loom-tests/mistakes/`, and a model must notice it. Here it was built \
         without loom, and the\nstress test ran on it: {} were noticed. Of those that were not, \
         {} were noticed under ThreadSanitizer, by\nits report or by the test's own. The seconds \
         are those to the first failure, which is a matter of chance.\n`survivors.txt` has the \
         reasons why others live.\n\n\
         | name | mistake | invariants | outcome | ThreadSanitizer | test | what it said, or why \
         nothing |\n|---|---|---|---|---|---|---|\n",
        std::env::consts::ARCH,
        count(|(_, plain, _)| plain.as_ref().map(Outcome::is_killed)),
        count(|(_, _, watched)| watched.as_ref().map(Outcome::is_killed)),
    );
    for (Mistake { name, what, invariants, .. }, plain, watched) in rows {
        if let (Some(row), None, None) = (old.get(name), plain, watched) {
            text += &format!("| {row} |\n");
            continue;
        }
        let reason = reasons.get(name).map_or("", |reason| reason);
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let how = |outcome: &Option<Outcome>, untried: &str| match outcome {
            Some(outcome) if outcome.is_killed() => format!("after {:.1} s", outcome.seconds),
            Some(outcome) => format!("**not** in {:.0} s", outcome.seconds),
            None => untried.to_owned(),
        };
        let killed = [watched, plain].into_iter().flatten().find(|outcome| outcome.is_killed());
        let (test, said) = killed.map_or((String::new(), reason), |outcome| {
            let [_, test, _, _, said] = outcome.cells();
            (test, said)
        });
        let (plain, watched) = (how(plain, "not tried yet"), how(watched, ""));
        let cells = [name, what, invariants, &plain, &watched, &test, &said];
        text += &format!("| {} |\n", cells.map(|cell| &**cell).join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_heard() {
        let is = |heard: &str, said: &str| assert_eq!(message(heard).unwrap_or_default(), said);
        is("running 1 test\nthread 'a' (7) panicked at x.rs:1:2:\nno slot\nnote: b\n", "no slot");
        let compared = "x panicked at y\nassertion failed\n  left: 1\n right: 2\nmore\n";
        is(compared, "assertion failed; left: 1; right: 2");
        let told = "failure: slot 7 is 1's | after 1.2 s, seed 3: 2 threads\nb panicked at c";
        is(&format!("{compared}{told}"), "slot 7 is 1's");
        is("running 1 test\nall is well\n", "");
        let race = "SUMMARY: ThreadSanitizer: data race (/a/b+0x17) (Id: c5) in x::y::h7a8b\n";
        is(&format!("{compared}{race}"), "ThreadSanitizer: data race in x::y");
    }

    #[test]
    fn the_table_says_what_became_of_each() {
        let text = "What.\n\ninvariant: 3\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y\n";
        let seed = |name| Mistake::read(name, text).unwrap_or_else(|reason| panic!("{reason}"));
        let (model, message) = ("long_run::x".to_owned(), "slot 1".to_owned());
        let fallen = Outcome { model, message, ..Outcome::new(End::Killed, 1.25) };
        let survived = || Some(Outcome::new(End::Survived, 30.0));
        let seeds = ["a", "b", "c", "d"].map(seed);
        let rows = [
            (&seeds[0], Some(fallen.clone()), None),
            (&seeds[1], survived(), survived()),
            (&seeds[2], None, None),
            (&seeds[3], survived(), Some(fallen)),
        ];
        let reasons = List::from([("b".to_owned(), "  by\n    luck".to_owned())]);
        let old = List::from([("c".to_owned(), "c | as it was".to_owned())]);
        let lines = |old: &List| -> Vec<String> {
            let table = table("commit 1", &rows, &reasons, old);
            assert!(table.contains("1 of 3 were") && table.contains("1 of 2 were"));
            table.lines().skip_while(|l| !l.starts_with("|--")).map(str::to_owned).collect()
        };
        let rows = lines(&List::new());
        assert_eq!(rows[1], "| a | What. | 3 | after 1.2 s |  | long_run::x | slot 1 |");
        assert_eq!(rows[2], "| b | What. | 3 | **not** in 30 s | **not** in 30 s |  | by luck |");
        assert_eq!(rows[3], "| c | What. | 3 | not tried yet |  |  |  |");
        let watched = "| d | What. | 3 | **not** in 30 s | after 1.2 s | long_run::x | slot 1 |";
        assert_eq!(rows[4], watched);
        assert_eq!(lines(&old)[3], "| c | as it was |");
    }
}
