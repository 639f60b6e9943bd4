//! The known mistakes once more, without loom: which of them does the stress test notice, and in
//! how much time?
//!
//! Each is built as any user would build it. Then the stress test runs on it, one test at a time,
//! with all processors. Those that survive may be tried once more under ThreadSanitizer, which
//! reports accesses that are not ordered even if nothing comes of it. Results are kept by a
//! fingerprint of the source, so that a run that was broken off goes on where it was. A mistake
//! that survived is tried again only when given more time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use super::outcome::{End, Outcome};
use super::trial::{executable, tests};
use super::verdicts::commit;
use crate::platforms::Sanitizer;
use crate::run::command::{Command, cargo, program};
use crate::run::context::{self, Context, paths};
use crate::run::plan::Say;
use crate::run::process;
use crate::source::lists::{self, reasons};
use crate::source::patch::{Mistake, read_folder};
use crate::source::tree::{self, Tree, fingerprint};

/// How many seconds each is given by default.
const SECONDS: u64 = 60;

/// A test that needs so much longer than it was given does not come to an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the rest of a test's words are awaited after its first panic.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs the stress test on the mistakes that the user has chosen, with the sanitizer on those that
/// survived without. With `--all`, what is known of them is forgotten first. That some survive is
/// no error.
pub fn run(context: &Context, sanitizer: Option<Sanitizer>) -> Result<(), String> {
    let workshop = Workshop::new(context, sanitizer)?;
    let plain = Workshop::new(context, None)?;
    let watched = Workshop::new(context, Some(Sanitizer::Thread))?;
    let base = tree::for_stress(&context.root)?;
    let mistakes = read_folder(&context.root, paths::MISTAKES)?;
    let mut chosen = Vec::new();
    for mistake in mistakes.iter().filter(|mistake| context.options.chooses(&mistake.name)) {
        let tree = mistake.applied(&base)?;
        let is_settled = plain.kept(&tree).is_some_and(|outcome| outcome.is_killed());
        if sanitizer.is_none() || !is_settled {
            chosen.push((mistake, tree));
        }
    }
    if chosen.is_empty() {
        let names = context.options.names.join(" ");
        return Err(format!("no mistake has a name with `{names}` in it and survived so far"));
    }
    let outcome = workshop.outcome(&base, false)?;
    if outcome.is_killed() {
        return Err(format!("fails with nothing changed: {outcome}: {}", outcome.message));
    }
    for (n, (mistake, tree)) in chosen.iter().enumerate() {
        let outcome = workshop.outcome(tree, context.options.all)?;
        println!("variant: {}: {outcome} ({} of {})", mistake.name, n + 1, chosen.len());
    }
    let mut rows = Vec::new();
    for mistake in &mistakes {
        let tree = mistake.applied(&base)?;
        rows.push((mistake, plain.kept(&tree), watched.kept(&tree)));
    }
    let reasons = reasons(&context.read(paths::STRESS_REASONS)?)?;
    let old = context.read(paths::STRESS_TABLE).unwrap_or_default();
    let table = table(&commit(context), &rows, &reasons, &lists::rows(&old, 1));
    context.write(paths::STRESS_TABLE, &table)
}

/// Returns the stress test on the crate as it is, under ThreadSanitizer. It is built from a copy
/// without what it does not use, since all that it uses is built for it.
pub fn sanitized(context: &Context, say: Say) -> Result<Command, String> {
    let folder = context.target.join("tsan");
    let tree = folder.join("tree");
    tree::write(&tree::for_stress(&context.root)?, &tree, &context.root.join(paths::LOCK))?;
    let test = cargo("test --release --test threads --manifest-path");
    let test = test.path(&tree.join(paths::MANIFEST)).target_dir(&folder.join("build"));
    let test = test.arguments("-- --nocapture --test-threads=1");
    let test = Sanitizer::Thread.watch(test, context, say)?;
    let seconds = context.options.seconds.unwrap_or(20);
    Ok(test.env("SLOTARENA_STRESS_SECONDS", seconds.to_string()))
}

/// Where the variants are built and the results are kept.
struct Workshop<'c> {
    context: &'c Context,
    sanitizer: Option<Sanitizer>,
    folder: PathBuf,
    seconds: u64,
}

impl<'c> Workshop<'c> {
    fn new(context: &'c Context, sanitizer: Option<Sanitizer>) -> Result<Self, String> {
        let folder = context.target.join(match sanitizer {
            None => "stress",
            Some(Sanitizer::Thread) => "stress-tsan",
            Some(Sanitizer::Address) => "stress-asan",
        });
        context::make_folder(&folder.join("results"))?;
        let seconds = context.options.seconds.unwrap_or(SECONDS);
        Ok(Self { context, sanitizer, folder, seconds })
    }

    fn file(&self, tree: &Tree) -> PathBuf {
        self.folder.join("results").join(fingerprint(tree))
    }

    /// Returns what was found out before.
    fn kept(&self, tree: &Tree) -> Option<Outcome> {
        Outcome::read(&fs::read_to_string(self.file(tree)).ok()?)
    }

    /// Returns what becomes of a variant, if need be by trying it.
    fn outcome(&self, tree: &Tree, again: bool) -> Result<Outcome, String> {
        match self.kept(tree).filter(|_| !again) {
            Some(outcome) if !outcome.is_killed() && outcome.seconds < self.seconds as f64 => {}
            Some(outcome) => return Ok(outcome),
            None => {}
        }
        let outcome = self.try_out(tree)?;
        context::write(&self.file(tree), &outcome.line())?;
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
                return Ok(Outcome { model, message, ..Outcome::new(End::Killed, seconds) });
            }
        }
        Ok(Outcome::new(End::Survived, self.seconds as f64))
    }

    fn build(&self, tree: &Tree) -> Result<PathBuf, String> {
        let folder = self.folder.join("tree");
        tree::write(tree, &folder, &self.context.root.join(paths::LOCK))?;
        let build = cargo("test --release --test threads --no-run");
        let build = build.target_dir(&self.folder.join("target"));
        let build = match self.sanitizer {
            None => build,
            Some(sanitizer) => sanitizer.watch(build, self.context, &|text| println!("{text}"))?,
        };
        // A change may leave something unused.
        executable(build.env_append("RUSTFLAGS", "--cap-lints warn"), &folder)
    }

    /// Runs one test. Returns when it failed, and what it said, if it failed.
    fn stress(&self, binary: &Path, test: &str) -> Result<Option<(Instant, String)>, String> {
        let run = program(binary, "--nocapture --exact").argument(test);
        let run = run.env("SLOTARENA_STRESS_SECONDS", self.seconds.to_string());
        // The first is enough, and what comes after it may be its consequence.
        let run = run.env("TSAN_OPTIONS", "halt_on_error=1");
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
        if let Some((_, rest)) = line.split_once("SUMMARY: ") {
            self.message = Some(summary(rest));
            self.at.get_or_insert_with(Instant::now);
            self.is_complete = true;
        } else if let Some((_, rest)) = line.split_once("failure: ") {
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

    /// Returns `true` if there is nothing more to wait for.
    fn is_told(&self) -> bool {
        self.is_complete || self.at.is_some_and(|at| at.elapsed() > LAST_WORDS)
    }
}

/// Returns a sanitizer's summary, `ThreadSanitizer: data race (FILE+0x1) in a::b::h0123`, without
/// what differs from build to build.
fn summary(text: &str) -> String {
    let kind: Vec<&str> =
        text.split_whitespace().take_while(|word| !word.starts_with(['(', '/'])).collect();
    let function = text.rsplit_once(" in ").map_or("", |(_, function)| function);
    let function = function.rsplit_once("::h").map_or(function, |(path, _)| path);
    format!("{} in {function}", kind.join(" "))
}

/// A mistake, what became of it, and what under ThreadSanitizer.
type Row<'s> = (&'s Mistake, Option<Outcome>, Option<Outcome>);

/// Returns the table. A mistake that has no outcome keeps the row that it had.
fn table(
    commit: &str,
    rows: &[Row],
    reasons: &BTreeMap<String, String>,
    old: &[(String, String)],
) -> String {
    let count = |row: fn(&Row) -> Option<bool>| {
        let tried: Vec<bool> = rows.iter().filter_map(row).collect();
        format!("{} of {}", tried.iter().filter(|is_noticed| **is_noticed).count(), tried.len())
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
    for (mistake, plain, watched) in rows {
        let kept = old.iter().find(|(name, _)| *name == mistake.name);
        if let (Some((name, cells)), None, None) = (kept, plain, watched) {
            text += &format!("| {name} | {cells} |\n");
            continue;
        }
        let reason = reasons.get(&mistake.name).map_or("", |reason| reason.trim());
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let [outcome, mut test, mut said] = cells(plain.as_ref(), reason);
        let mut sanitizer = String::new();
        if watched.is_some() {
            [sanitizer, test, said] = cells(watched.as_ref(), said);
        }
        let Mistake { name, what, invariants, .. } = mistake;
        text += &format!(
            "| {name} | {what} | {invariants} | {outcome} | {sanitizer} | {test} | {said} |\n"
        );
    }
    text
}

/// Returns an outcome, the test that failed, and what it said, or else why it did not.
fn cells(outcome: Option<&Outcome>, reason: String) -> [String; 3] {
    let Some(outcome) = outcome else {
        return ["not tried yet".to_owned(), String::new(), reason];
    };
    let [_, test, _, _, message] = outcome.cells();
    match outcome.is_killed() {
        true => [format!("after {:.1} s", outcome.seconds), test, message],
        false => [format!("**not** in {:.0} s", outcome.seconds), String::new(), reason],
    }
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
        let fall = hear("SUMMARY: ThreadSanitizer: data race (/a/b+0x17) (Id: c5) in x::y::h7a8b");
        assert_eq!(fall.message.as_deref(), Some("ThreadSanitizer: data race in x::y"));
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
        let reasons = BTreeMap::from([("b".to_owned(), "  by\n    luck".to_owned())]);
        let old = ["a", "e"].map(|name| (name.to_owned(), "as it was".to_owned()));
        let kept = table("commit 1", &[(&seeds[0], None, None)], &reasons, &old);
        assert_eq!(kept.lines().last(), Some("| a | as it was |"));
        let table = table("commit 1", &rows, &reasons, &[]);
        let rows: Vec<&str> = table.lines().skip_while(|line| !line.starts_with("|--")).collect();
        assert_eq!(rows[1], "| a | What. | 3 | after 1.2 s |  | long_run::x | slot 1 |");
        assert_eq!(rows[2], "| b | What. | 3 | **not** in 30 s | **not** in 30 s |  | by luck |");
        assert_eq!(rows[3], "| c | What. | 3 | not tried yet |  |  |  |");
        let watched = "| d | What. | 3 | **not** in 30 s | after 1.2 s | long_run::x | slot 1 |";
        assert_eq!(rows[4], watched);
        assert!(table.contains("1 of 3 were") && table.contains("1 of 2 were"));
    }
}
